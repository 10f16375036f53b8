"""Real NUTS: the posterior is right, agrees with PyMC, and is refitted without compiling."""

import warnings

import arviz as az
import numpy as np
import nutpie
import pymc as pm
import pytest
from conftest import learning_curve

import bayescale as bs
from bayescale import collapse, diagnostics, sample


def relative_gap(a, b):
    """Difference of two posteriors' means in units of their Monte-Carlo error."""
    error = np.hypot(*(np.std(d) / np.sqrt(az.ess(np.asarray(d))) for d in (a, b)))
    return abs(np.mean(a) - np.mean(b)) / error


class TestPowerLaw:
    def test_diagnostics_are_good(self, power_fit):
        found = power_fit.diagnostics
        assert found.good
        assert found.rhat < 1.01
        assert found.ess_bulk > 1000
        assert found.divergences == 0
        assert found.line().startswith("good")

    def test_recovers_what_made_the_runs(self):
        truth = {"irreducible": 1.7, "scale": 0.9, "exponent": 0.3}
        x = np.geomspace(1e-2, 1e2, 25)
        runs = bs.PowerLaw().simulate(x=x, noise=0.01, seed=4, y="loss", parameters=truth)
        fit = bs.PowerLaw().fit(runs.assign(x=x * 1e8), y="loss", x="x", progress=False)
        for name, value in truth.items():
            low, high = np.quantile(fit.parameters[name], [0.005, 0.995])
            assert low < value < high, name
        x0 = fit.constants(0.99).loc["x0"]
        assert x0["lower"] < 0.9 ** (1 / 0.3) * 1e8 < x0["upper"]

    def test_tree_holds_every_group(self, power_fit):
        groups = set(power_fit.tree.children)
        wanted = {"posterior", "sample_stats", "log_likelihood", "posterior_predictive"}
        assert wanted | {"observed_data", "constant_data"} <= groups
        assert {"irreducible", "scale", "exponent", "sigma", "floor_share", "level"} == set(
            power_fit.tree["posterior"].data_vars
        )

    def test_log_likelihood_and_curve_are_pymc_s(self, power_fit):
        model = power_fit.model
        tree = power_fit.tree.sel(draw=slice(0, 20))
        with model:
            computed = pm.compute_log_likelihood(
                tree.copy(), extend_inferencedata=False, progressbar=False
            )
            curve = pm.compute_deterministics(
                tree["posterior"].to_dataset(), var_names=["curve"], progressbar=False
            )
        mine = tree["log_likelihood"]["y"].to_numpy()
        np.testing.assert_allclose(mine, computed["y"].to_numpy(), rtol=1e-8, atol=1e-8)
        of_fit = power_fit.curve_draws(power_fit.runs.inputs)[:, :21]
        np.testing.assert_allclose(of_fit, curve["curve"].to_numpy(), rtol=1e-8)

    def test_pymc_takes_the_model(self, power_fit):
        with power_fit.model:
            prior = pm.sample_prior_predictive(draws=50, random_seed=1)
        assert np.isfinite(prior["prior_predictive"]["y"].to_numpy()).all()
        assert (prior["prior"]["irreducible"].to_numpy() > 0).all()
        named = {v.name for v in power_fit.model.free_RVs + power_fit.model.deterministics}
        assert {"irreducible", "scale", "exponent", "floor_share", "level", "sigma"} <= named

    def test_same_seed_same_draws(self, power_fit, curve):
        again = bs.PowerLaw().fit(curve, y="error", x="examples", seed=1, progress=False)
        xr_equal = (
            power_fit.tree["posterior"].to_dataset().equals(again.tree["posterior"].to_dataset())
        )
        assert xr_equal
        other = bs.PowerLaw().fit(curve, y="error", x="examples", seed=2, progress=False)
        assert not np.array_equal(other.parameters["exponent"], power_fit.parameters["exponent"])

    def test_other_runs_and_prior_numbers_need_no_compilation(self, power_fit, curve):
        before = sample.compiled_count()
        shorter = bs.PowerLaw().fit(curve.head(9), y="error", x="examples", progress=False)
        assert len(shorter.runs) == 9
        tight = bs.Prior("LogNormal", mu=np.log(0.4), sigma=0.01)
        pulled = bs.PowerLaw(exponent=tight).fit(curve, y="error", x="examples", progress=False)
        assert pulled.parameters["exponent"].mean() == pytest.approx(0.4, abs=0.03)
        assert power_fit.parameters["exponent"].mean() > 0.6
        assert sample.compiled_count() == before

    def test_units_of_x_and_y_do_not_matter(self, power_fit, curve):
        scaled = curve.assign(examples=curve["examples"] * 1e9, error=curve["error"] * 100)
        fit = bs.PowerLaw().fit(scaled, y="error", x="examples", seed=1, progress=False)
        gap = relative_gap(fit.parameters["exponent"], power_fit.parameters["exponent"])
        assert gap < 5
        ratio = fit.parameters["scale"].mean() / power_fit.parameters["scale"].mean()
        assert ratio == pytest.approx(100, rel=0.01)

    def test_accuracy_with_a_ceiling_reports_accuracy(self, power_fit, curve):
        accuracy = curve.assign(accuracy=1 - curve["error"])
        fit = bs.PowerLaw().fit(
            accuracy, y="accuracy", x="examples", ceiling=1.0, seed=1, progress=False
        )
        mine = fit.forecast(x=[5e3]).interval(0.9)
        theirs = power_fit.forecast(x=[5e3]).interval(0.9)
        np.testing.assert_allclose(mine["lower"], 1 - theirs["upper"], atol=1e-3)
        chance = fit.probability(y=0.99, x=5e3)
        assert chance == pytest.approx(power_fit.probability(y=0.01, x=5e3), abs=0.05)
        medians = [f.required(y=t).quantile(0.5) for f, t in ((fit, 0.99), (power_fit, 0.01))]
        np.testing.assert_allclose(*medians, rtol=0.05)

    def test_repr_says_law_parameters_and_diagnostics(self, power_fit):
        for text in (repr(power_fit), power_fit._repr_html_()):
            for part in ("PowerLaw", "irreducible + scale", "exponent", "R-hat", "ESS"):
                assert part in text
        assert list(power_fit.summary().index) == [
            "irreducible",
            "scale",
            "exponent",
            "sigma",
            "curve at the largest input",
            "curve at ten times the largest input",
        ]


class TestBrokenPowerLaw:
    def test_floor_and_level_are_integrated_out(self, broken_fit):
        assert "integrated out" in broken_fit.engine
        assert broken_fit.diagnostics.good
        assert broken_fit.diagnostics.pareto_k < 0.7

    def test_draws_respect_the_declared_support(self, broken_fit):
        assert (broken_fit.parameters["irreducible"] > 0).all()
        assert (broken_fit.parameters["scale"] > 0).all()

    def test_breaks_are_in_the_users_units_and_in_order(self, broken_fit):
        first, second = broken_fit.parameters["break_location"]
        assert (first < second).all()
        np.testing.assert_allclose(first[0, 0], 10 * (1347 / 10) ** (1 / 3), rtol=1e-6)
        table = broken_fit.constants()
        assert {"irreducible", "x0", "b", "break_location[1]", "segment_exponent[2]"} <= set(
            table.index
        )

    @pytest.mark.slow
    def test_integrating_out_changes_nothing(self, monkeypatch):
        """The collapsed and the declared density give one posterior."""
        law = bs.BrokenPowerLaw(breaks=2, placement="fixed")
        runs = learning_curve("digits", "knn")
        fits = []
        for applies in (collapse.applies, lambda coordinates: False):
            monkeypatch.setattr(collapse, "applies", applies)
            fits.append(law.fit(runs, y="error", x="examples", draws=4000, seed=5, progress=False))
        assert "declared" in fits[1].engine
        names = ["irreducible", "scale", "exponent"]
        for name in names:
            assert relative_gap(*(fit.parameters[name] for fit in fits)) < 4.5, name
        for level in (0.05, 0.5, 0.95):
            ends = [np.quantile(np.log(f.forecast(x=1e4).draws()), level) for f in fits]
            assert ends[0] == pytest.approx(ends[1], abs=0.04)

    @pytest.mark.slow
    def test_recovers_a_break(self):
        truth = {
            "irreducible": 0.1,
            "scale": 1.0,
            "exponent": 0.1,
            "break_location": (3.0,),
            "exponent_change": (0.5,),
            "break_sharpness": (2.0,),
        }
        x = np.geomspace(1e-2, 1e3, 40)
        runs = bs.BrokenPowerLaw().simulate(x=x, noise=0.01, seed=1, parameters=truth)
        fit = bs.BrokenPowerLaw().fit(runs, y="y", x="x", progress=False)
        assert fit.diagnostics.good
        curve = np.log(fit.curve_draws({"x": x}))
        made = np.log(bs.BrokenPowerLaw.expr(x, **truth))
        low, high = np.quantile(curve, [0.0005, 0.9995], axis=(0, 1))
        inside = (low < made) & (made < high)
        assert inside.mean() > 0.9
        assert fit.parameters["exponent_change"][0].mean() == pytest.approx(0.5, abs=0.15)

    @pytest.mark.slow
    def test_a_curve_that_rises_and_falls_again_is_followed(self):
        truth = {
            "irreducible": 0.05,
            "scale": 2.0,
            "exponent": 0.4,
            "break_location": (1e3, 1e5),
            "exponent_change": (-0.9, 0.9),
            "break_sharpness": (3.0, 3.0),
        }
        law = bs.BrokenPowerLaw(breaks=2, monotone=False)
        runs = law.simulate(x=np.geomspace(10, 1e7, 40), noise=0.03, parameters=truth)
        with warnings.catch_warnings():
            # It may mix badly, and then says so; its curve must still rise and fall.
            warnings.simplefilter("ignore", bs.SamplingWarning)
            fit = law.fit(runs, y="y", x="x", progress=False, retry=False)
        middle = np.median(fit.curve_draws(fit.runs.inputs), axis=(0, 1))
        made = law.expr(runs["x"].to_numpy(), **truth)
        assert np.abs(np.log(middle / made)).max() < 0.1
        valley, peak = np.argmin(middle[:20]), 15 + np.argmax(middle[15:])
        assert valley < peak < len(middle) - 1
        assert middle[peak] > 2 * middle[valley]


@pytest.mark.slow
def test_pymc_s_own_sampler_agrees(power_fit, curve):
    fit = bs.PowerLaw().fit(
        curve, y="error", x="examples", sampler="pymc", seed=1, progress=False, cores=1
    )
    gap = relative_gap(fit.parameters["exponent"], power_fit.parameters["exponent"])
    assert gap < 4.5


def test_a_fit_that_falls_short_is_sampled_again_and_says_so(curve):
    with pytest.warns(bs.SamplingWarning, match="effective draws"):
        poor = bs.PowerLaw().fit(curve, y="error", x="examples", draws=20, tune=100, progress=False)
    assert poor.settings.draws == 40
    assert any("sampled again with tune=200, draws=40" in note for note in poor.notes)


def test_an_interrupted_fit_is_not_returned_as_if_it_were_whole(power_fit, curve, monkeypatch):
    class Interrupted:
        cancelled = False

        def wait(self):
            raise KeyboardInterrupt

        def cancel(self):
            Interrupted.cancelled = True

    monkeypatch.setattr(nutpie, "sample", lambda *args, **kwargs: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        bs.PowerLaw().fit(curve, y="error", x="examples", progress=False)
    assert Interrupted.cancelled


def test_draws_that_are_not_numbers_are_not_good(power_fit):
    broken = {"exponent": np.full((4, 100), np.nan)}
    stats = power_fit.tree["sample_stats"].to_dataset()
    with np.errstate(invalid="ignore"):
        found = diagnostics.diagnose(broken, stats, {}, None, free_breaks=False)
    assert not found.good


def test_free_breaks_that_do_not_mix_say_so(power_fit):
    rng = np.random.default_rng(0)
    modes = rng.standard_normal((4, 500)) + np.array([0, 0, 9, 9])[:, None]
    stats = power_fit.tree["sample_stats"].to_dataset()
    found = diagnostics.diagnose({"break_location[1]": modes}, stats, {}, None, free_breaks=True)
    assert not found.good
    assert "several modes; use placement='cells' or 'fixed'" in " ".join(found.advice)


def test_what_the_runs_do_not_say_is_said():
    words = diagnostics._unlearned({"floor_share": 0.02, "break_gap[1]": 0.01, "other": 0.9})
    assert "hardly determine the irreducible loss (contraction 0.02)" in words[0]
    assert "break_gap[1]" in words[1]
    assert "other" not in " ".join(words)


def test_a_law_that_misses_the_shape_is_told_by_its_residuals(no_sampling):
    x = np.geomspace(1.0, 1e4, 30)
    alike = diagnostics.neighbour_correlation(x, np.sin(np.log(x)))
    apart = diagnostics.neighbour_correlation(x, np.random.default_rng(0).standard_normal(30))
    assert alike > diagnostics.MISFIT > abs(apart)
    assert np.isnan(diagnostics.neighbour_correlation(x[:7], np.ones(7)))
    twice = diagnostics.neighbour_correlation(np.repeat(x, 2), np.repeat(np.sin(np.log(x)), 2))
    assert twice == pytest.approx(alike)
    bent = bs.BrokenPowerLaw().simulate(x=np.geomspace(1e-2, 1e2, 30), noise=0.0, y="loss")
    fit = bs.PowerLaw(irreducible=0.0).fit(bent, y="loss", x="x", draws=400, progress=False)
    assert "Residuals of neighbouring runs are alike" in " ".join(fit.diagnostics.advice)


def test_a_second_attempt_that_succeeds_is_kept_without_a_warning(curve, no_sampling, monkeypatch):
    monkeypatch.setattr(diagnostics, "ESS", 300)
    monkeypatch.setattr(diagnostics, "RHAT", 1.2)
    fit = bs.PowerLaw().fit(curve, y="error", x="examples", draws=60, tune=10, progress=False)
    assert fit.settings.draws == 120
    assert fit.diagnostics.good
    assert "draws=120" in repr(fit)
    once = bs.PowerLaw().fit(
        curve, y="error", x="examples", draws=120, tune=10, progress=False, retry=False
    )
    assert not once.notes


@pytest.mark.parametrize(
    "law",
    [
        bs.PowerLaw(irreducible=0.0),
        bs.PowerLaw(irreducible=bs.Prior("HalfNormal", sigma=0.05), exponent=0.7),
        bs.PowerLaw(x0=bs.Prior("LogNormal", mu=1.5, sigma=1)),
    ],
    ids=["no floor", "floor, fixed exponent", "x0"],
)
def test_other_priors_sample_well(law, curve):
    fit = law.fit(curve, y="error", x="examples", progress=False)
    assert fit.diagnostics.good
    assert "declared" in fit.engine


@pytest.mark.parametrize("likelihood", [bs.StudentT(), bs.Normal()], ids=["StudentT", "Normal"])
def test_other_likelihoods_sample_well(likelihood, curve):
    fit = bs.PowerLaw().fit(curve, y="error", x="examples", likelihood=likelihood, progress=False)
    assert fit.diagnostics.rhat < 1.02
    assert fit.parameters["exponent"].mean() == pytest.approx(0.69, abs=0.25)


def test_noise_free_runs_do_not_break_the_sampler():
    runs = bs.PowerLaw().simulate(x=np.geomspace(0.01, 100, 20), noise=0.0, y="loss")
    fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    assert fit.diagnostics.rhat < 1.02
    assert fit.parameters["irreducible"].mean() == pytest.approx(1.7, abs=0.02)
