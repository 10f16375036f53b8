"""The sampled density is PyMC's: every law, likelihood and set of coordinates, any priors.

What `tests/test_density.py` holds for cases that were thought of, hypothesis holds for those that
were not: BAYESCALE_DENSITY_CASES says how many, a few here, thousands when asked. Slow tests go
through every law with every likelihood, through every quantity that may carry a prior, and through
the C functions that are sampled.
"""

import os
import warnings

import numpy as np
import pymc  # noqa: F401 (raises the recursion limit, which hypothesis minds while it runs)
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from noises import NOISES
from prior_overrides import MADE, models, noise_for, on_everything, runs_of

from bayescale import model, posterior, sample
from bayescale.checking import of_densities
from bayescale.checking.running import Failed
from bayescale.checking.subject import Subject
from bayescale.coordinates import Coordinates
from bayescale.layout import split

CASES = int(os.environ.get("BAYESCALE_DENSITY_CASES", "40"))
EACH = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="BAYESCALE_DENSITY_CASES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def subject_of(law, likelihood, runs, seed):
    """What the checks take, looked at where a seed says."""
    subject = Subject(law, likelihood, given=runs)
    size = sum(n or 1 for n in subject.coordinates.sizes.values())
    vars(subject)["point"] = 0.7 * np.random.default_rng(seed).standard_normal(size)
    return subject


def hold(subject):
    """Raise where the sampled density is not the plain model's with the Jacobian."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers on the way to a finite result
        of_densities.coordinates_invert(subject)
        of_densities.jacobian_is_right(subject)
        of_densities.density_is_the_plain_model(subject)
        of_densities.density_in_numpy_is_the_same(subject)


def scatters(subject):
    """Whether the noise can scatter about the curve: where it cannot there is no density."""
    coordinates, runs = subject.coordinates, subject.runs
    with np.errstate(all="ignore"):
        values, _ = coordinates.values(split(subject.point, coordinates.sizes), subject.numbers)
        natural, _ = coordinates.natural(values, subject.numbers)
        curve = posterior.evaluate(subject.law, natural, runs.inputs, runs.references)
    return np.isfinite(curve).all() and (not subject.likelihood.positive or (curve > 0).all())


@given(models(), st.integers(0, 10**6))
@EACH
def test_density_is_pymcs_whatever_the_priors(described, seed):
    subject = subject_of(*described, seed)
    assume(scatters(subject))
    hold(subject)


def usual_noise(name):
    return "LogNormal" if MADE[name][0].default_likelihood.positive else "Normal"


@pytest.mark.parametrize(
    "wrong", [lambda right: 0.0, lambda right: right + 0.01], ids=["none", "one that is off"]
)
def test_a_wrong_jacobian_is_noticed(wrong, monkeypatch):
    right = Coordinates.values
    monkeypatch.setattr(
        Coordinates, "values", lambda *given, **more: (
            (found := right(*given, **more))[0], wrong(found[1])
        ),
    )  # fmt: skip
    runs = runs_of("Chinchilla", "LogNormal")
    subject = subject_of(MADE["Chinchilla"][0](), NOISES["LogNormal"], runs, 1)
    with pytest.raises(Failed, match="log Jacobian"):
        of_densities.jacobian_is_right(subject)


def test_a_wrong_density_is_noticed(monkeypatch):
    right = model._log_priors
    monkeypatch.setattr(model, "_log_priors", lambda *given: 1.001 * right(*given))
    runs = runs_of("Chinchilla", "LogNormal")
    subject = subject_of(MADE["Chinchilla"][0](), NOISES["LogNormal"], runs, 1)
    with pytest.raises(Failed, match="sampled log density"):
        of_densities.density_is_the_plain_model(subject)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_every_law_with_every_likelihood(noise):
    for i, (name, (form, options)) in enumerate(MADE.items()):
        runs = runs_of(name, noise)
        likelihood = noise_for(name, noise).suited(runs)
        subject = next(
            subject
            for seed in range(i, i + 50)
            if scatters(subject := subject_of(form(**options), likelihood, runs, seed))
        )
        hold(subject)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_every_quantity_that_may_carry_a_prior(name):
    noise = usual_noise(name)
    runs, carried = runs_of(name, noise), []
    for on, law in on_everything(name, noise):
        likelihood = noise_for(name, noise).suited(runs)
        subject = next(
            subject
            for seed in range(50)
            if scatters(subject := subject_of(law, likelihood, runs, seed))
        )
        hold(subject)
        carried.append(on)
    assert len(carried) >= len(MADE[name][0].example) - 1  # a floor of 0 may have no other


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_what_is_compiled_is_the_same_density(name):
    """The C function that the sampler calls, against PyMC's of the plain model and the Jacobian."""
    noise, (form, options) = usual_noise(name), MADE[name]
    runs = runs_of(name, noise)
    subject = subject_of(form(**options), noise_for(name, noise).suited(runs), runs, 1)
    density = model.density(subject.law, subject.likelihood, subject.numbers, runs)
    compiled = sample.slope(("a test of densities", name), density)
    assert compiled is not None
    _, declared, log_jacobian, _ = of_densities.densities(subject)
    value, gradient = compiled(subject.point)
    assert value == pytest.approx(declared + log_jacobian, rel=1e-9, abs=1e-6)
    assert np.isfinite(gradient).all()
