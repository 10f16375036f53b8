"""Each trouble of a sampler made on purpose: it is told, and what is advised cures it."""

import warnings
from typing import Any

import numpy as np
import pytest

import bayescale as bs
from bayescale import convergence, starts
from bayescale.registry import LAWS

X = np.geomspace(0.03, 30, 14)


@pytest.fixture(scope="module")
def runs():
    truth = {"irreducible": 0.0, "scale": 1.0, "exponent": 0.5}
    law = bs.PowerLaw(irreducible=0.0)
    return law.simulate(x=X, y="loss", noise=0.02, parameters=truth, seed=1)


def fitted(law, runs, **settings):
    """A fit by short chains, with what it warned of; no second attempt."""
    settings = {"draws": 250, "tune": 300, "retry": False} | settings
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        fit = law.fit(runs, y="loss", x="x", progress=False, seed=2, **settings)
    return fit, [str(each.message) for each in heard]


@pytest.fixture(scope="module")
def own():
    """Laws of a user, taken off the list again."""

    @bs.law
    class Squared(bs.Law):
        """A law whose runs say nothing of a sign."""

        scale: Any = bs.Prior("LogNormal", mu=0.0, sigma=1.0)
        root: Any = bs.Prior("Normal", mu=0.0, sigma=1.0)
        example = {"scale": 1.0, "root": 0.7}

        @staticmethod
        def expr(x, scale, root):
            return scale * x ** -(root**2)

    @bs.law
    class HalfNaN(Squared):
        """A law that is NaN at half of what its prior allows."""

        @staticmethod
        def expr(x, scale, root):
            return scale * x ** -np.sqrt(root)

    @bs.law
    class AllNaN(Squared):
        """A law that is NaN everywhere."""

        @staticmethod
        def expr(x, scale, root):
            return scale * x ** np.log(-1.0 - root**2)

    yield {"squared": Squared, "half": HalfNaN, "all": AllNaN}
    for name in ("Squared", "HalfNaN", "AllNaN"):
        del LAWS[name]


def test_divergences_go_when_target_accept_is_raised(runs):
    poor, said = fitted(bs.PowerLaw(), runs, target_accept=0.1)
    assert poor.diagnostics.divergences > 0.001 * poor.diagnostics.draws
    assert "draws diverged" in said[0]
    assert "raise target_accept= (0.99)" in said[0]
    better, said = fitted(bs.PowerLaw(), runs, target_accept=0.99, draws=500)
    assert better.diagnostics.divergences == 0
    assert not said


def test_stuck_chains_move_with_more_tuning(runs):
    poor, said = fitted(bs.PowerLaw(), runs, tune=1, draws=50)
    assert poor.diagnostics.rhat > 1.01
    assert "the chains do not agree" in said[0]
    assert "use more tune" in said[0]
    better, said = fitted(bs.PowerLaw(), runs, tune=1000, draws=500)
    assert better.diagnostics.rhat < 1.01
    assert not said


def test_the_second_attempt_does_so_by_itself_and_says_what_it_did(runs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the second is good, so nothing is warned of
        fit, _ = fitted(bs.PowerLaw(), runs, tune=150, draws=90, retry=True)
    (note,) = fit.notes
    wanted = (
        "sampled again with tune=300, draws=180, target_accept=0.95, chains started in the modes "
        "that 32 climbs find, because the first draws fell short"
    )
    assert note == wanted
    assert fit.settings.climbs == 4 * starts.CLIMBS
    assert fit.diagnostics.good
    assert wanted in repr(fit)


def test_chains_in_modes_of_their_own_are_told_and_a_prior_that_chooses_cures(own, runs):
    poor, said = fitted(own["squared"](), runs, draws=400)
    assert poor.diagnostics.rhat > 1.1
    (low, below), (high, above) = poor.diagnostics.places
    assert (below + above, poor.diagnostics.stuck) == (4, 0)
    assert low == pytest.approx(-high, abs=0.03)
    assert high == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert "each stays in a place of its own (near -0.7" in said[0]
    assert "give the law priors that hold one of them alone" in said[0]
    better, said = fitted(own["squared"](root=bs.Prior("HalfNormal", sigma=1.0)), runs, draws=400)
    assert better.diagnostics.good
    assert not said


def test_a_law_that_is_nan_in_part_of_its_prior_is_told_and_another_prior_cures(own, runs):
    flat = runs.assign(loss=1.0 + 0.02 * np.random.default_rng(0).standard_normal(len(runs)))
    poor, said = fitted(own["half"](), flat, draws=400)
    assert poor.diagnostics.undefined == pytest.approx(0.5, abs=0.1)
    assert "the law is no number (NaN) at" in said[0]
    assert "give priors, or bounds = {...} in the law's class, that leave it out" in said[0]
    positive = own["half"](root=bs.Prior("HalfNormal", sigma=1.0))
    better, said = fitted(positive, flat, draws=500, tune=500, target_accept=0.95)
    assert better.diagnostics.good
    assert not said


def test_a_law_that_is_nan_everywhere_is_an_error_of_ours(own, runs):
    with pytest.raises(bs.BayescaleError, match="check_law"):
        fitted(own["all"](), runs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about the NaN
        table = bs.check_law(own["all"], on_fail="record")
    said = table.loc[table["passed"].eq(False), "message"]
    assert said["formula_is_finite"].startswith("At the example expr is nan at x =")


@pytest.mark.parametrize("name", ["Flat", "HalfFlat"])
def test_an_improper_prior_is_refused_and_a_wide_one_serves(name, runs):
    with pytest.raises(bs.PriorError, match="no probability distribution.*wide enough: Prior"):
        bs.Prior(name)


def test_the_wide_prior_that_is_offered_serves(runs):
    wide = bs.Prior("LogNormal", mu=0, sigma=3)
    fit, said = fitted(bs.PowerLaw(exponent=wide), runs, draws=500, tune=500)
    assert fit.diagnostics.good
    assert not said


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"distribution": "Uniform", "lower": 0, "upper": np.inf}, "upper=. must be finite"),
        ({"distribution": "Normal", "mu": 0, "sigma": np.inf}, "sigma=. must be finite"),
        ({"distribution": "Gamma", "alpha": 0, "beta": 0}, "alpha=. must be positive"),
        ({"distribution": "InverseGamma", "alpha": 0, "beta": 1}, "alpha=. must be positive"),
        ({"distribution": "HalfCauchy", "beta": np.inf}, "beta=. must be finite"),
    ],
)
def test_limits_that_are_improper_are_refused(arguments, match):
    with pytest.raises(bs.PriorError, match=match):
        bs.Prior(**arguments)


class TestWhereChainsSit:
    def test_in_one_place(self):
        draws = np.random.default_rng(0).standard_normal((4, 200))
        assert convergence.places(draws) == ()
        assert convergence.stuck(draws) == 0

    def test_in_two(self):
        draws = np.random.default_rng(0).standard_normal((4, 200))
        draws += np.array([0, 20, 0, 20])[:, None]
        assert [count for _, count in convergence.places(draws)] == [2, 2]

    def test_one_stands_still(self):
        draws = np.random.default_rng(0).standard_normal((4, 200))
        draws[2] = 0.3
        assert convergence.stuck(draws) == 1
        assert "1 of them hardly moved" in convergence.cure(1, ())

    def test_more_climbs_find_a_narrow_mode_that_few_miss(self):
        def density(point):
            wide, narrow = -0.5 * point**2, -0.5 * ((point - 1.3) / 0.02) ** 2
            logs = np.array([wide[0], narrow[0] + np.log(4.0 / 0.02)])
            shares = np.exp(logs - logs.max())
            slopes = np.array([-point[0], -(point[0] - 1.3) / 0.02**2])
            top = logs.max() + np.log(shares.sum())
            return float(top), np.array([(shares * slopes).sum() / shares.sum()])

        few = [len(starts.modes(density, 1, seed)) for seed in range(20)]
        many = [len(starts.modes(density, 1, seed, climbs=32)) for seed in range(20)]
        assert sum(many) > sum(few)
