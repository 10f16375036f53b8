"""Laws and likelihoods with priors of a user's, as hypothesis strategies.

Each parameter keeps its prior, is held at a number, or has a prior of any family that its bounds
allow, on itself, on a quantity it follows from, or on the literature's constant in its place.
"""

import contextlib
import math
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from noises import NOISES

import bayescale as bs
from bayescale.checking.made_up import runs_for
from bayescale.checking.subject import UNIT
from bayescale.coordinates import Coordinates
from bayescale.errors import BayescaleError
from bayescale.layout import split
from bayescale.parameters import own_parameter_names, slots
from bayescale.registry import LAWS, find_law

P = bs.Prior
find_law("PowerLaw")  # fills the registry
#: A form and what it is made with; of one whose options change what carries priors, several.
MADE = {name: (form, {}) for name, form in LAWS.items()} | {
    "BrokenPowerLaw, fixed": (bs.BrokenPowerLaw, {"breaks": 2, "placement": "fixed"}),
    "BrokenPowerLaw, free": (bs.BrokenPowerLaw, {"breaks": 2, "placement": "free"}),
    "BrokenPowerLaw, signed": (bs.BrokenPowerLaw, {"breaks": 3, "monotone": False}),
    "PowerLaw, no floor": (bs.PowerLaw, {"irreducible": 0.0}),
}


def noise_for(name, noise):
    """A likelihood as it suits a form: what it must be told of several inputs, a cap in a column.

    A cap that is a number is below every outcome of some forms.
    """
    form, likelihood = MADE[name][0], NOISES[noise]
    if isinstance(likelihood, bs.Heteroscedastic) and len(form.inputs) > 1:
        return replace(likelihood, input=form.inputs[-1])
    if getattr(likelihood, "censored", None) is not None:
        return replace(likelihood, censored="cap")
    return likelihood


@cache
def runs_of(name, noise):
    """Runs about a form's example that suit a likelihood."""
    form, given = MADE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)  # of runs that are made up
        return runs_for(form(**given), noise_for(name, noise), 20, UNIT)


#: Families by where they live, each from about where the quantity lies.
POSITIVE = {
    "LogNormal": lambda m: P("LogNormal", mu=math.log(m), sigma=0.5),
    "HalfNormal": lambda m: P("HalfNormal", sigma=1.5 * m),
    "HalfCauchy": lambda m: P("HalfCauchy", beta=m),
    "Exponential": lambda m: P("Exponential", lam=1 / m),
    "Gamma": lambda m: P("Gamma", alpha=3, beta=3 / m),
    "Gamma, by its mean": lambda m: P("Gamma", mu=m, sigma=0.4 * m),
    "InverseGamma": lambda m: P("InverseGamma", alpha=4, beta=3 * m),
    "Weibull": lambda m: P("Weibull", alpha=2, beta=1.2 * m),
    "TruncatedNormal": lambda m: P("TruncatedNormal", mu=m, sigma=0.5 * m, lower=0),
    "Uniform, hard edges": lambda m: P("Uniform", lower=0.4 * m, upper=2.5 * m),
}
UNIT_INTERVAL = {
    "Beta": lambda m: P("Beta", alpha=2, beta=2 / m - 2 if m < 0.9 else 1.0),
    "Beta, by its mean": lambda m: P("Beta", mu=m, sigma=0.3 * m * (1 - m)),
    "Uniform": lambda m: P("Uniform", lower=0, upper=1),
    "Uniform, hard edges": lambda m: P("Uniform", lower=0.5 * m, upper=0.5 + 0.5 * m),
    "TruncatedNormal": lambda m: P("TruncatedNormal", mu=m, sigma=0.2, lower=0, upper=1),
}
REAL = {
    "Normal": lambda m: P("Normal", mu=m, sigma=0.3),
    "StudentT": lambda m: P("StudentT", nu=4, mu=m, sigma=0.3),
    "Laplace": lambda m: P("Laplace", mu=m, b=0.2),
    "Logistic": lambda m: P("Logistic", mu=m, s=0.2),
    "Uniform, hard edges": lambda m: P("Uniform", lower=m - 0.7, upper=m + 0.5),
}


@cache
def usual(name, noise):
    """Where every quantity, parameter and constant of a law and a likelihood usually lies."""
    form, given = MADE[name]
    law, runs = form(**given), runs_of(name, noise)
    likelihood = noise_for(name, noise).suited(runs)
    coordinates = Coordinates(law, likelihood)
    numbers = coordinates.numbers(runs.references)
    middle = np.zeros(sum(n or 1 for n in coordinates.sizes.values()))
    values, _ = coordinates.values(split(middle, coordinates.sizes), numbers)
    natural, of_noise = coordinates.natural(values, numbers)
    found = {**law.constants(natural, runs.references), **of_noise, **natural, **values}
    return {name: float(np.mean(value)) for name, value in found.items()}


@st.composite
def priors(draw, bounds, near):
    """A prior of any family that lives within bounds."""
    low, high = bounds
    if (low, high) == (0.0, 1.0):
        return UNIT_INTERVAL[draw(st.sampled_from(sorted(UNIT_INTERVAL)))](min(max(near, 0.1), 0.8))
    if low >= 0:
        family = draw(st.sampled_from(sorted(POSITIVE)))
        made = POSITIVE[family](near if 1e-12 < near < 1e12 else 1.0)
        inside = made.support[0] >= low and made.support[1] <= high
        return made if inside else POSITIVE["Uniform, hard edges"](max(near, 2.6 * low))
    return REAL[draw(st.sampled_from(sorted(REAL)))](near if abs(near) < 1e6 else 0.0)


def on_everything(name, noise):
    """Yield the form with a prior on each parameter, and on each quantity it may follow from."""
    (form, given), near = MADE[name], usual(name, noise)
    law = form(**given)
    for field in own_parameter_names(law):
        for on in (field, *law.carriers.get(field, ())):
            bounds, about = law.bounds_of(on), near.get(on, 0.5)
            prior = (
                UNIT_INTERVAL["Beta"](min(max(about, 0.1), 0.8)) if bounds == (0.0, 1.0)
                else POSITIVE["LogNormal"](about if 1e-12 < about < 1e12 else 1.0)
                if bounds[0] >= 0 else REAL["Normal"](about)
            )  # fmt: skip
            # Refused where priors do not go together, which a user is told.
            with contextlib.suppress(BayescaleError):
                yield on, form(**given | {field: prior.placed_on(on)})


@st.composite
def overrides(draw, spec, near):
    """Field to a prior or a number, for some parameters of a law or a likelihood."""
    changed = {}
    for name in own_parameter_names(spec):
        how = draw(st.sampled_from(["as it is", "as it is", "number", "itself", "carrier"]))
        others = spec.carriers.get(name, ())
        if how == "number":
            changed[name] = near.get(name, 0.5)
        elif how == "itself" or (how == "carrier" and not others):
            changed[name] = draw(priors(spec.bounds_of(name), near.get(name, 0.5)))
        elif how == "carrier":
            on = draw(st.sampled_from(sorted(others)))
            changed[name] = draw(priors(spec.bounds_of(on), near.get(on, 0.5))).placed_on(on)
    return changed


@st.composite
def models(draw, names=tuple(MADE), noises=tuple(NOISES)):
    """A law and a likelihood, both with some priors of a user's, and runs that suit them."""
    name, noise = draw(st.sampled_from(sorted(names))), draw(st.sampled_from(sorted(noises)))
    near, (form, given) = usual(name, noise), MADE[name]
    likelihood, runs = noise_for(name, noise), runs_of(name, noise)
    try:
        law = form(**given | draw(overrides(form(**given), near)))
        likelihood = replace(likelihood, **draw(overrides(likelihood, near)))
    except BayescaleError:  # priors that do not go together, which a user is told
        assume(False)
    assume(any(slot.prior is not None for spec in (law, likelihood) for slot in slots(spec)))
    return law, likelihood.suited(runs), runs
