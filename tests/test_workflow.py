"""Before and after a fit: prior predictive, elicited priors, and ArviZ's own calls on fit.tree."""

from dataclasses import replace

import arviz as az
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from invented import invented_fit

import bayescale as bs

with mpl.rc_context():  # it crops every picture from its import on
    import preliz as pz

RUNS = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 12), y="loss")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


# Prior predictive -------------------------------------------------------------------------------


def test_the_priors_allow_runs_like_the_example(form):
    law = form()
    x = law.example_inputs(24)
    runs = law.simulate(y="out", noise=0.01, **x)
    noise = law.default_likelihood()
    made = law.prior_predictive(runs, y="out", **{role: role for role in law.inputs})
    assert made.replicated.shape == (500, len(runs))
    assert np.isfinite(np.median(made.replicated)), noise
    table = made.check()
    assert table["inside"]["median outcome"]
    assert ((table["below"] >= 0) & (table["below"] <= 1)).all()


def test_a_prior_that_excludes_the_runs_is_seen():
    steep = bs.PowerLaw(exponent=bs.Prior("Normal", mu=5, sigma=0.1), irreducible=0.0)
    table = steep.prior_predictive(RUNS, y="loss", x="x").check()
    assert not table["inside"]["range of outcomes"]


def test_a_check_of_outcomes_beyond_all_numbers_is_no_warning_of_numpy_s():
    made = bs.PowerLaw().prior_predictive(RUNS, y="loss", x="x")
    far = made.replicated.copy()
    far[::3] = np.inf
    far[1::3, 0] = np.nan
    table = replace(made, replicated=far).check()
    assert table["observed"].notna().all()
    assert (table["upper"] == np.inf).any()


def test_draws_are_those_of_pymc():
    import pymc as pm

    law = bs.PowerLaw()
    made = law.prior_predictive(RUNS, y="loss", x="x", draws=4000)
    with law.model(RUNS, y="loss", x="x"):
        drawn = pm.sample_prior_predictive(4000, random_seed=1)
    theirs = drawn["prior_predictive"]["y"].to_numpy().reshape(-1, len(RUNS))
    for level in (0.1, 0.5, 0.9):
        ours = np.quantile(np.log(made.replicated), level, axis=0)
        np.testing.assert_allclose(ours, np.quantile(np.log(theirs), level, axis=0), atol=0.25)


def test_the_picture_shows_runs_among_curves():
    made = bs.PowerLaw().prior_predictive(RUNS, y="loss", x="x")
    ax = bs.plot_prior_predictive(made)
    assert "30 curves from the priors" in ax.get_legend_handles_labels()[1]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), made.curve[0])
    law = bs.Chinchilla()
    several = law.simulate(y="loss", **law.example_inputs(20))
    flat = law.prior_predictive(several, y="loss", params="params", tokens="tokens")
    with pytest.raises(bs.LawError, match="one input"):
        bs.plot_prior_predictive(flat)


@pytest.mark.parametrize(
    ("law", "options", "message"),
    [
        (bs.PowerLaw(), {"draws": 1}, "draws="),
        (bs.PowerLaw(scale=bs.partial_pooling(by="family")), {}, "prior_predictive"),
    ],
)
def test_wrong_use(law, options, message):
    runs = RUNS.assign(family=["A", "B"] * 6)
    with pytest.raises(bs.LawError, match=message):
        law.prior_predictive(runs, y="loss", x="x", **options)


# Elicited priors --------------------------------------------------------------------------------


def test_distributions_of_preliz_are_priors():
    elicited = pz.Gamma()
    pz.maxent(elicited, 0.1, 0.6, 0.9, plot=False)
    law = bs.PowerLaw(exponent=elicited, irreducible=pz.HalfNormal(2.0))
    assert law.exponent.distribution == "Gamma"
    assert np.diff(law.exponent.frozen().cdf([0.1, 0.6])) == pytest.approx(0.9, abs=0.01)
    assert law.irreducible == bs.Prior("HalfNormal", sigma=2.0)
    on = bs.PowerLaw(scale=bs.Prior(pz.LogNormal(1, 2), on="x0"))
    assert on.scale == bs.Prior("LogNormal", mu=1.0, sigma=2.0, on="x0")
    assert bs.PowerLaw(x0=pz.LogNormal(1, 2)) == on
    pooled = bs.partial_pooling(pz.LogNormal(-1, 0.5), by="family")
    assert pooled == bs.partial_pooling(bs.Prior("LogNormal", mu=-1.0, sigma=0.5), by="family")
    assert bs.LogNormal(sigma=pz.HalfNormal(0.05)).sigma == bs.Prior("HalfNormal", sigma=0.05)


@pytest.mark.parametrize(
    "made",
    [
        pz.Normal(0, 1), pz.StudentT(4, 0, 1), pz.Laplace(0, 1), pz.Logistic(0, 1),
        pz.LogNormal(0, 1), pz.HalfNormal(1), pz.HalfCauchy(1), pz.Exponential(2),
        pz.Gamma(mu=2, sigma=1), pz.InverseGamma(3, 2), pz.Weibull(2, 1),
        pz.Beta(mu=0.3, sigma=0.1), pz.Uniform(0, 2), pz.TruncatedNormal(0, 1, -1, 2),
    ],
    ids=lambda made: type(made).__name__,
)  # fmt: skip
def test_they_are_the_same_distribution(made):
    points = np.array([0.15, 0.5, 0.9])
    np.testing.assert_allclose(bs.Prior(made).frozen().cdf(points), made.cdf(points), rtol=1e-6)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: bs.Prior(pz.Gamma()), "has no numbers yet"),
        (lambda: bs.Prior(pz.SkewNormal(0, 1, 1)), "cannot have PreliZ's distribution SkewNormal"),
        (lambda: bs.Prior(pz.Gamma(1, 1), alpha=3), "leave out the others"),
        (lambda: bs.PowerLaw(irreducible=pz.Normal(-1, 1)), "irreducible"),
    ],
)  # fmt: skip
def test_elicited_priors_that_cannot_be(made, message):
    with pytest.raises(bs.PriorError, match=message):
        made()


# ArviZ on fit.tree ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda tree: az.plot_trace(tree, var_names=["exponent"]),
        lambda tree: az.plot_rank(tree, var_names=["exponent"]),
        lambda tree: az.plot_forest(tree, var_names=["exponent", "floor_share"]),
        lambda tree: az.plot_ppc_dist(tree, num_samples=20),
        lambda tree: az.plot_ppc_pit(tree),
        lambda tree: az.plot_ppc_tstat(tree, t_stat="median"),
        lambda tree: az.plot_loo_pit(tree),
        lambda tree: az.plot_prior_posterior(tree, var_names=["exponent"]),
        lambda tree: az.plot_khat(az.loo(tree, pointwise=True)),
    ],
    ids=["trace", "rank", "forest", "ppc_dist", "ppc_pit", "ppc_tstat", "loo_pit", "prior", "khat"],
)
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto:UserWarning")
def test_arviz_draws_from_the_tree(power_fit, call):
    assert call(power_fit.tree) is not None


def test_psense_by_arviz_is_ours(power_fit):
    from bayescale.sensitivity.priors import log_priors

    tree = power_fit.tree.copy()
    tree["log_prior"] = log_priors(power_fit)
    theirs = az.psense_summary(tree, var_names=["exponent", "sigma"], round_to=4)
    ours = bs.sensitivity_to_prior(power_fit)
    np.testing.assert_allclose(
        ours.loc[["exponent", "sigma"], ["prior", "likelihood"]].to_numpy(float),
        theirs.loc[["exponent", "sigma"], ["prior", "likelihood"]].to_numpy(float),
        rtol=0.2, atol=0.02,
    )  # fmt: skip


def test_a_fit_keeps_draws_from_its_priors(form):
    prior = invented_fit(form()).tree["prior"]
    posterior = invented_fit(form()).tree["posterior"]
    assert set(posterior.data_vars) <= set(prior.data_vars)
    for name, values in posterior.data_vars.items():
        assert prior[name].dims == values.dims, name
