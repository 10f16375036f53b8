"""Simulation-based calibration and simulated coverage: the tools, and a small run of each."""

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale.sample import Sampling
from benchmarks import sbc, simulated_coverage

QUICK = Sampling(draws=150, tune=300, chains=4, cores=1, retry=False)


class TestUniformity:
    def test_uniform_ranks_pass_as_often_as_they_should(self):
        rng = np.random.default_rng(0)
        found = [sbc.uniformity(rng.integers(0, sbc.RANKED + 1, 60)) for _ in range(400)]
        assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.05)

    @pytest.mark.parametrize(
        ("a", "b"), [(0.4, 0.4), (3, 3), (1, 2)], ids=["too narrow", "too wide", "shifted"]
    )
    def test_others_do_not(self, a, b):
        share = np.random.default_rng(1).beta(a, b, 200)
        assert sbc.uniformity((share * (sbc.RANKED + 1)).astype(int)) < 1e-3

    def test_ranks_at_the_ends_count(self):
        assert sbc.uniformity(np.full(20, sbc.RANKED)) < 1e-3
        assert sbc.counts(np.array([0, 9, 10, 99])).tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_references_of_simulations_do_not_depend_on_the_outcome():
    for case in sbc.CASES.values():
        one, other = (case.observed(y * np.ones(len(case.x))).references for y in (1.0, 5.0))
        assert one == other


def test_truths_follow_the_priors():
    case = sbc.CASES["power law"]
    rng = np.random.default_rng(0)
    drawn = [sbc.truth(case, rng) for _ in range(800)]
    sigma, length = (np.array([noise[n] for _, noise, _ in drawn]) for n in case_noise(case))
    assert np.median(np.log(sigma)) == pytest.approx(np.log(0.02), abs=0.15)
    assert length.max() < np.log(1000) / 4
    assert np.median([law["exponent"] for law, _, _ in drawn]) == pytest.approx(0.25, rel=0.15)


def case_noise(case):
    return "sigma", "correlation_length"


LONG = bs.Correlated(correlation_length=bs.Prior("LogNormal", mu=np.log(1.5), sigma=0.3))


@pytest.mark.slow
@pytest.mark.parametrize("fitted", [None, bs.LogNormal()], ids=["right", "wrong"])
def test_posteriors_are_calibrated_and_a_wrong_likelihood_is_noticed(fitted):
    """Forty simulations with noise that lasts: ranks are uniform, and are not if it is ignored."""
    case = sbc.Case(bs.PowerLaw(), LONG, np.geomspace(1, 1000, 30), fitted=fitted)
    ranks = sbc.simulated(case, range(40), QUICK)
    names = [name for name in ranks if not name.startswith(":")]
    assert len(names) >= 6
    least = min(sbc.uniformity(ranks[name].to_numpy()) for name in names)
    if fitted is None:
        assert "log likelihood" in names
        assert (ranks[names].nunique() > 3).all()
        assert least > 1e-3
        assert ranks[":rhat"].median() < 1.03
    else:
        assert least < 2e-4


class TestSimulatedCoverage:
    @pytest.mark.parametrize("truth", simulated_coverage.TRUTHS)
    @pytest.mark.parametrize("noise", simulated_coverage.NOISES)
    def test_data_fall_and_are_the_same_again(self, truth, noise):
        one, same, other = (simulated_coverage.data(truth, noise, r) for r in (1, 1, 2))
        pd.testing.assert_frame_equal(one.runs, same.runs)
        assert len(other.runs) != len(one.runs)
        assert 20 <= len(one.runs) <= 60
        assert (np.diff(one.curve) < 0).all()
        assert np.log(one.runs["y"].iloc[-1]) > one.curve[0] - 0.1
        assert np.abs(one.run - one.curve).max() < 0.15
        assert one.seed != other.seed

    def test_scores_of_a_known_forecast(self):
        edges = np.quantile(np.linspace(0, 1, 10_001), simulated_coverage.QUANTILES)
        rows = [
            {
                "truth": truth, "noise": "OU", "replicate": i, "method": "m", "of": "curve",
                "ahead": ahead, "true": i / 40, "quantiles": edges.tolist(),
            }
            for truth in simulated_coverage.TRUTHS
            for i in range(41)
            for ahead in simulated_coverage.AHEAD
        ]  # fmt: skip
        table = simulated_coverage.scored(rows)
        summary = simulated_coverage.summarized(table)
        for level in simulated_coverage.LEVELS:
            name = f"{100 * level:g}"
            np.testing.assert_allclose(summary[f"coverage_{name}"], level, atol=0.03)
            np.testing.assert_allclose(summary[f"width_{name}"], level, atol=1e-3)
        pooled = summary[summary["truth"] == "none of our forms"]
        assert (pooled["sets"] == 2 * 41).all()
        assert len(simulated_coverage.shown(summary, "curve")) == 1

    def test_least_squares_covers_its_own_truth(self):
        """On a power law with independent noise its intervals are of the right size."""
        inside = []
        for replicate in range(6):
            given = simulated_coverage.data("power law", "independent", replicate)
            found = {name: draws for name, draws, _ in simulated_coverage.squares(given)}
            assert len(found) == 3
            for curve, run in found.values():
                assert np.isfinite(run).all()
                assert curve.shape[1] == 3
            curve, _ = found["least squares, power law, bootstrap"]
            low, high = np.quantile(curve, [0.01, 0.99], axis=0)
            inside.append((low <= given.curve) & (given.curve <= high))
        assert np.mean(inside) > 0.6
