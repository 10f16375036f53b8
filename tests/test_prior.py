"""Priors: each family is PyMC's own, and wrong arguments are explained."""

import numpy as np
import pymc as pm
import pytensor
import pytest

import bayescale as bs
from bayescale.prior import FAMILIES

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)
EXAMPLES = {
    "Normal": {"mu": 0.3, "sigma": 1.2},
    "StudentT": {"nu": 4, "mu": 0.1, "sigma": 0.7},
    "Laplace": {"mu": 0.2, "b": 0.5},
    "Logistic": {"mu": 0.2, "s": 0.5},
    "LogNormal": {"mu": -1, "sigma": 0.9},
    "HalfNormal": {"sigma": 2},
    "HalfCauchy": {"beta": 1.5},
    "Exponential": {"lam": 2.5},
    "Gamma": {"alpha": 2, "beta": 0.7},
    "InverseGamma": {"alpha": 3, "beta": 1.5},
    "Weibull": {"alpha": 1.5, "beta": 2},
    "Beta": {"alpha": 2, "beta": 5},
    "Uniform": {"lower": -1, "upper": 2},
    "TruncatedNormal": {"mu": 0.2, "sigma": 1, "lower": 0, "upper": 3},
}
OTHER_ARGUMENTS = [
    ("Exponential", {"scale": 0.4}),
    ("Gamma", {"mu": 2, "sigma": 0.7}),
    ("Beta", {"mu": 0.3, "sigma": 0.1}),
    ("TruncatedNormal", {"mu": 1, "sigma": 0.5, "lower": 0}),
]


def test_there_is_an_example_for_every_family():
    assert set(EXAMPLES) == set(FAMILIES)


@pytest.mark.parametrize(("name", "arguments"), [*EXAMPLES.items(), *OTHER_ARGUMENTS])
def test_family_is_pymc_s(name, arguments):
    prior = bs.Prior(name, **arguments)
    frozen = prior.frozen()
    x = frozen.ppf([0.05, 0.3, 0.5, 0.8, 0.99])
    exact = {key: np.float64(value) for key, value in prior.arguments}  # not cast to float32
    in_pymc = pm.logp(getattr(pm, name).dist(**exact), x).eval(mode=PLAIN)
    np.testing.assert_allclose(in_pymc, frozen.logpdf(x), rtol=1e-8, atol=1e-8)
    low, high = prior.support
    assert frozen.support() == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bs.Prior("HalfNorml", sigma=1), "no prior distribution 'HalfNorml'.*'HalfNormal'"),
        (lambda: bs.Prior("HalfNormal", scale=1), r"takes \(sigma\); got \(scale\)"),
        (lambda: bs.Prior("Normal", mu=0, sgima=1), "Did you mean 'sigma'"),
        (lambda: bs.Prior("Normal", mu=0), r"takes \(mu, sigma\); got \(mu\)"),
        (lambda: bs.Prior("Normal", mu=0, sigma=-1), "must be positive; got -1"),
        (lambda: bs.Prior("Normal", mu=float("nan"), sigma=1), "must be finite"),
        (lambda: bs.Prior("Normal", mu="a", sigma=1), "must be a number; got 'a'"),
        (lambda: bs.Prior("Uniform", lower=2, upper=1), "lower < upper"),
        (lambda: bs.Prior("Beta", mu=0.5, sigma=0.6), "sigma\\*\\*2 < mu"),
        (lambda: bs.Prior("Gamma", mu=-1, sigma=0.6), "must be positive; got -1"),
        (
            lambda: bs.PowerLaw(x0=bs.Prior("HalfNormal", sigma=1, on="level")),
            "it is on 'level'",
        ),
    ],
)
def test_wrong_arguments_are_explained(call, message):
    with pytest.raises(bs.PriorError, match=message):
        call()


def test_prior_is_data():
    one = bs.Prior("Normal", mu=0, sigma=1)
    assert one == bs.Prior("Normal", sigma=1, mu=0)
    assert hash(one) == hash(bs.Prior("Normal", mu=0.0, sigma=1.0))
    assert repr(one) == "Prior('Normal', mu=0.0, sigma=1.0)"
    with pytest.raises(AttributeError):
        one.distribution = "Laplace"
