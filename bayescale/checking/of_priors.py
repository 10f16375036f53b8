"""Checks of a law's priors, and of the curves that they lead to before any data."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale import posterior
from bayescale.checking.running import Failed, Skipped
from bayescale.checking.subject import UNIT, Subject
from bayescale.evaluating import UNIT_REFERENCES
from bayescale.observed import Observations
from bayescale.parameters import parameter_names, slots

DRAWS = 400
#: Share of draws whose curve must be finite: exponents in a prior's tail overflow far from 1.
USABLE = 0.98
#: Outcomes of this size are tried.
SIZES = (1e-3, 1.0, 1e3)
#: Of its reference outcome, the middle of the prior's curves may not be further away than this.
FAR = 1e3


def priors_are_proper(subject: Subject) -> None:
    """Every prior has finite quantiles in rising order, and finite draws in its own bounds."""
    for slot in (*slots(subject.law), *slots(subject.likelihood)):
        if slot.prior is None:
            continue
        frozen = slot.prior.frozen()
        quantiles = frozen.ppf([0.025, 0.5, 0.975])
        drawn = frozen.rvs(size=DRAWS, random_state=np.random.default_rng(3))
        low, high = slot.prior.support
        inside = np.isfinite(drawn).all() and (drawn >= low).all() and (drawn <= high).all()
        if not np.isfinite(quantiles).all() or not (np.diff(quantiles) > 0).all() or not inside:
            raise Failed(
                f"The prior of {slot.quantity}, {slot.prior!r}, has the quantiles "
                f"{', '.join(f'{q:.4g}' for q in quantiles)}, or draws outside its bounds. Give "
                "one whose central 95 % are numbers that you believe."
            )


def prior_draws_repeat(subject: Subject) -> None:
    """The same seed gives the same draws from the priors, one for each parameter."""
    first, again = (_drawn(subject, subject.runs.references) for _ in "ab")
    names = parameter_names(subject.law)
    if list(first) != names:
        raise Failed(f"The priors give {list(first)}; the parameters are {names}.")
    for name in names:
        if not np.array_equal(np.asarray(first[name]), np.asarray(again[name]), equal_nan=True):
            raise Failed(f"{name} is another when drawn again with the same seed.")


def _drawn(subject: Subject, references: Any) -> dict[str, Any]:
    return subject.law.prior_draws(references, draws=DRAWS, seed=1)


def parameters_keep_to_their_bounds(subject: Subject) -> None:
    """Parameters that follow from the priors are finite and lie in their bounds."""
    for name, value in _drawn(subject, subject.runs.references).items():
        low, high = subject.law.bounds_of(name)
        for part in value if isinstance(value, tuple) else (value,):
            good = np.isfinite(part) & (part >= low) & (part <= high)
            if good.mean() < USABLE:
                raise Failed(
                    f"{name} lies in ({low:g}, {high:g}), but the priors lead to "
                    f"{part[~good][0]:.4g}. Correct shape() or natural(), or the prior."
                )


def prior_curves_are_sane(subject: Subject) -> None:
    """Whatever the size of inputs and outcomes, the priors lead to finite curves of that size."""
    form = subject.form
    inputs = {
        role: x if role in form.example_range else 1e6 * x**2.25
        for role, x in form.example_inputs(40).items()
    }
    logs = [np.log(x) for x in inputs.values()]
    centre = np.argmin(sum(np.abs(log - log.mean()) for log in logs))
    for size in _sizes(subject):
        y = size * np.geomspace(2, 0.5, 40)
        runs = Observations(inputs, y, {role: role for role in inputs}, "loss")
        drawn = _drawn(subject, runs.references)
        curve = posterior.evaluate(subject.law, drawn, inputs, runs.references) / size
        if np.shape(curve) != (DRAWS, 40):
            raise Failed(f"{DRAWS} draws at 40 inputs give a curve of shape {np.shape(curve)}.")
        usable = np.isfinite(curve).all(axis=1)
        if usable.mean() < USABLE:
            raise Failed(
                f"{100 * (1 - usable.mean()):.0f} % of the curves drawn from the priors are not "
                f"finite where outcomes are about {size:g}. Give narrower priors, or write expr so "
                "that nothing overflows or divides by zero."
            )
        low, middle, high = np.quantile(curve[usable], [0.025, 0.5, 0.975], axis=0)
        if subject.likelihood.positive and not (curve[usable] > 0).all():
            raise Failed(
                "Priors lead to curves that are not positive, but "
                f"{subject.likelihood.label} needs positive ones. Bound the parameters, or set "
                "default_likelihood = bs.Normal."
            )
        if np.abs(middle).max() > FAR or (subject.likelihood.positive and middle.min() < 1 / FAR):
            raise Failed(
                f"Where outcomes are about {size:g}, the middle of the prior's curves goes from "
                f"{size * middle.min():.3g} to {size * middle.max():.3g}. Put priors on 'level', "
                "'floor_share' or relative_<parameter>, which follow the data's scale."
            )
        if not high[centre] - low[centre] > 0.02 or max(abs(low[centre]), abs(high[centre])) > 50:
            raise Failed(
                f"At the middle 95 % of the prior's curves lie from {low[centre]:.3g} "
                f"to {high[centre]:.3g} of the reference outcome. Give priors that allow it, and "
                "not everything else."
            )


def _sizes(subject: Subject) -> tuple[float, ...]:
    """Return the sizes of outcomes that a law's priors must follow: 1 where some are in no unit."""
    return SIZES if not _in_units_of_outcome(subject) else (1.0,)


def _in_units_of_outcome(subject: Subject) -> list[str]:
    """Return what has a prior or a number in the units of the outcome."""
    return [
        slot.quantity
        for slot in slots(subject.law)
        if subject.law.unit(slot.quantity) == "units of y" and slot.value != 0.0
    ]


def units_do_not_matter(subject: Subject) -> None:
    """Inputs and outcomes in other units give the same prior curves in those units."""
    by_input = [
        slot.quantity
        for slot in slots(subject.law)
        if slot.quantity in subject.law.input_units or slot.quantity in subject.form.constant_names
    ]
    by_outcome = _in_units_of_outcome(subject)
    if by_input and by_outcome:
        raise Skipped(f"{', '.join(by_input + by_outcome)} are given in units of the data.")
    runs = subject.runs
    plain = _curves(subject, runs.inputs, runs.outcome)
    if not by_input:
        moved = {
            role: x * 1e3
            for role, x in runs.inputs.items()
            if role not in subject.form.example_range
        }
        other = _curves(subject, {**runs.inputs, **moved}, runs.outcome)
        if not np.allclose(other, plain, rtol=1e-6, equal_nan=True):
            raise Failed(
                "With inputs in a unit a thousand times smaller the priors give other curves. "
                "A parameter in the units of an input needs input_units, and its prior to be on "
                "relative_<parameter>."
            )
    if not by_outcome:
        other = _curves(subject, runs.inputs, runs.outcome * 1e3) / 1e3
        if not np.allclose(other, plain, rtol=1e-6, equal_nan=True):
            raise Failed(
                "With outcomes in a unit a thousand times smaller the priors give other curves. "
                "A parameter in the units of y is called irreducible, scale or ..._scale, or "
                "quantities says its unit; its prior is on 'level' or relative_<parameter>."
            )


def _curves(subject: Subject, inputs: dict[str, np.ndarray], outcome: np.ndarray) -> np.ndarray:
    roles = {role: role for role in inputs}
    references = Observations(inputs, outcome, roles, "y").references
    drawn = _drawn(subject, references)
    return posterior.evaluate(subject.law, drawn, inputs, references)


def curve_only_falls(subject: Subject) -> None:
    """A law that says its curve only falls never rises, whatever its priors allow."""
    if not subject.law.only_falls:
        raise Skipped("The law does not say that its curve only falls.")
    references = subject.runs.references
    drawn = _drawn(subject, references)
    ends = {
        role: (references[f"{role}_start"], references[f"{role}_end"])
        for role in subject.form.inputs
    }
    for role in subject.form.inputs:
        along = {other: np.full(40, np.sqrt(low * high)) for other, (low, high) in ends.items()}
        along[role] = np.geomspace(*ends[role], 40)
        curve = posterior.evaluate(subject.law, drawn, along, references)
        curve = curve[np.isfinite(curve).all(axis=1)]
        rise = (np.diff(curve, axis=1) / np.abs(curve).max(axis=1, keepdims=True)).max(initial=0.0)
        if rise > 1e-9:
            raise Failed(
                f"only_falls is True, but with some parameters of the prior the curve rises along "
                f"{role}. Define the property only_falls to return False, or bound the parameters."
            )


def constants_come_back(subject: Subject) -> None:
    """A law fixed at the literature's constants has those constants."""
    constants = [n for n in subject.form.constant_names if n == "x0"]
    if not constants or "exponent" not in subject.form.example:
        raise Skipped("The law has no constant x0.")
    held = {n: v for n, v in subject.form.example.items() if n != "scale"}
    law = subject.form(**held, x0=4e7)
    found = law.constants(law.numbers, UNIT_REFERENCES)["x0"]
    if not np.isclose(float(found), 4e7, rtol=1e-9):
        raise Failed(f"With x0 = 4e7 the constants of the law say x0 = {float(found):.6g}.")
    at = float(law.evaluate(x=UNIT))
    if not np.isfinite(at):
        raise Failed(f"With x0 = 4e7 the curve at {UNIT:g} is {at}.")
