"""Likelihoods: numpy's log density and draws agree with PyMC's own."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import stats

import bayescale as bs

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)
CASES = {
    "LogNormal": (bs.LogNormal(), {"sigma": np.float64(0.07)}),
    "StudentT": (bs.StudentT(), {"sigma": np.float64(0.07), "nu": np.float64(3.5)}),
    "Normal": (bs.Normal(), {"sigma": np.float64(0.2)}),
    "tiny noise": (bs.LogNormal(), {"sigma": np.float64(1e-7)}),
}


@pytest.mark.parametrize("case", CASES)
def test_log_density_is_that_of_the_observed_variable(case):
    likelihood, noise = CASES[case]
    value = np.array([2.0, 1.0, 0.01])
    y = value * np.array([1.03, 0.99, 1.2 if case != "tiny noise" else 1.0001])
    with pm.Model() as built:
        likelihood.observe("y", pytensor.tensor.constant(value), observed=y, **noise)
    (by_pymc,) = built.compile_logp(sum=False, mode=PLAIN)({})
    mine = likelihood.log_density(y, value, **noise)
    np.testing.assert_allclose(mine, by_pymc, rtol=1e-8)
    tensor = likelihood.tensor_log_density(y, pytensor.tensor.constant(value), **noise)
    np.testing.assert_allclose(tensor.eval(mode=PLAIN), by_pymc, rtol=1e-8)


@pytest.mark.parametrize("case", ["LogNormal", "StudentT", "Normal"])
def test_density_is_normalized_in_the_outcome_s_own_units(case):
    likelihood, noise = CASES[case]
    y = np.exp(np.linspace(-8, 8, 400_001)) if likelihood.positive else np.linspace(-3, 5, 200_001)
    density = np.exp(likelihood.log_density(y, 1.0, **noise))
    assert np.trapezoid(density, y) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("case", ["LogNormal", "StudentT", "Normal"])
def test_draws_follow_pymc_s(case):
    likelihood, noise = CASES[case]
    mine = likelihood.draw(np.random.default_rng(0), np.full(4000, 1.5), **noise)
    value = pytensor.tensor.constant(np.full(4000, 1.5))
    with pm.Model():
        outcome = likelihood.observe("y", value, observed=mine, **noise)
    theirs = pm.draw(outcome, random_seed=1, mode=PLAIN)
    assert stats.ks_2samp(mine, theirs).pvalue > 1e-3


def test_same_generator_same_draws():
    draw = [bs.StudentT().draw(np.random.default_rng(3), np.ones(5), sigma=0.1, nu=4) for _ in "ab"]
    np.testing.assert_array_equal(*draw)


def test_a_noise_prior_must_be_positive():
    with pytest.raises(bs.PriorError, match="LogNormal\\(sigma=\\)"):
        bs.LogNormal(sigma=bs.Prior("Normal", mu=0, sigma=1))
    with pytest.raises(bs.PriorError, match="must lie in"):
        bs.StudentT(nu=-1)


def test_print_shows_the_priors_in_effect():
    assert str(bs.Correlated(bs.LogNormal(sigma=0.01, n_obs="n"))).splitlines() == [
        "Correlated(LogNormal):",
        "  sigma fixed at 0.01",
        "  correlation_length through free_length ~ LogNormal(mu=-1.897, sigma=0.8) "
        "[central 95 % 0.0313 to 0.72]",
        "  n_obs='n': of how many evaluations a row is the mean",
    ]
    assert "sigma through relative_sigma ~ LogNormal" in str(bs.Normal())
