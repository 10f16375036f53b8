"""Checks of what a law says of itself: names, roles, units, bounds, and words for people."""

from __future__ import annotations

import inspect
import math
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from bayescale.checking.running import Failed
from bayescale.checking.subject import Subject
from bayescale.law_words import QUANTITIES
from bayescale.likelihoods import likelihoods
from bayescale.parameters import own_parameter_names, parameter_names

#: What forecasts, tables and trees call dimensions and columns.
_DIMENSIONS = {"chain", "draw", "run", "forecast", "y", "curve", "median", "lower", "upper", "cell"}


def names_are_free(subject: Subject) -> None:
    """No name of an input or a parameter is used for something else."""
    form = subject.form
    arguments = {
        name
        for call in (form.fit, form.model, form.simulate)
        for name, given in inspect.signature(call).parameters.items()
        if given.kind is not inspect.Parameter.VAR_KEYWORD
    }
    for role in form.inputs:
        if role in arguments:
            raise Failed(
                f"The input {role!r} is called as an argument of fit or simulate, so that its "
                "column could not be given. Rename it."
            )
        if role in _DIMENSIONS:
            raise Failed(f"The input {role!r} is called as a column of forecasts. Rename it.")
    of_noise = {
        n for made in likelihoods().values() if _ours(made) for n in own_parameter_names(made)
    }
    for name in parameter_names(form):
        if name in form.inputs:
            raise Failed(f"{name!r} is an input and a parameter. Rename one.")
        if name in of_noise:
            raise Failed(
                f"The parameter {name!r} is called as one of a likelihood, and one model cannot "
                "hold both. Rename it."
            )
        if name in _DIMENSIONS or name.endswith(("_ref", "_start", "_end", "_population")):
            raise Failed(f"The parameter {name!r} is called as something of the model. Rename it.")


def _ours(made: type) -> bool:
    return is_dataclass(made) and made.__module__.startswith("bayescale.")


def example_is_legal(subject: Subject) -> None:
    """The example gives every parameter a number that the law takes."""
    form, example = subject.form, subject.form.example
    sizes = form().sizes
    for name, value in example.items():
        given = len(value) if isinstance(value, tuple) else None
        if given != sizes.get(name):
            wanted = sizes.get(name)
            raise Failed(
                f"The example of {name} is {value!r}; sizes says "
                f"{'one number' if wanted is None else f'a tuple of {wanted}'}."
            )
        low, high = subject.law.bounds_of(name)
        if not all(low <= part <= high and math.isfinite(part) for part in np.ravel(value)):
            raise Failed(
                f"The example of {name} is {value!r}, outside its bounds ({low:g}, {high:g}). "
                "Correct it, or say bounds = {name: (low, high)}."
            )


def declarations_agree(subject: Subject) -> None:
    """What the class declares names its own inputs and parameters, within sensible ranges."""
    form, law = subject.form, subject.law  # a declaration may depend on the law's options
    names, roles = set(parameter_names(form)), set(form.inputs)
    quantities = {q for several in law.carriers.values() for q in several}
    known = names | quantities | set(form.constant_names) | set(law.quantities)
    known |= {f"relative_{name}" for name in names} | {
        f"{t.removesuffix('_scale')}_share" for t in names
    }
    for where, given, allowed in (
        ("terms", set(law.terms) - {"scale"}, names),
        ("input_units", set(law.input_units), names),
        ("input_units", set(law.input_units.values()), roles),
        ("example_range", set(form.example_range), roles),
        ("bounds", set(law.bounds), known),
    ):
        odd = sorted(given - allowed)
        if odd:
            raise Failed(
                f"{where} names {odd[0]!r}, which is not among {', '.join(sorted(allowed))}."
            )
    for where, ranges in (("bounds", law.bounds), ("example_range", form.example_range)):
        for name, (low, high) in ranges.items():
            positive = where == "bounds" or (low > 0 and math.isfinite(high))
            if not low < high or not positive:
                raise Failed(f"{where} of {name} is ({low:g}, {high:g}), which is no range.")


def says_what_it_is(subject: Subject) -> None:
    """There is a formula and a docstring, and every parameter has a unit when printed."""
    form, law = subject.form, subject.law
    if not form.formula.strip():
        raise Failed('The law has no formula for people. Write formula = "L(x) = ...".')
    own = inspect.getdoc(form) or ""
    if (
        not own.strip()
        or own == inspect.getdoc(form.__mro__[1])
        or own.startswith(f"{form.__name__}(")
    ):
        raise Failed(
            "The class has no docstring. Say in a line what the law is and where it is from."
        )
    printed, in_html = str(law), law._repr_html_()
    for name in parameter_names(form):
        if f"  {name}" not in printed or name not in in_html:
            raise Failed(f"print(law) does not show {name}.")
    for name, row in law.priors().iterrows():
        if not str(row["unit"]).strip():
            raise Failed(f"{name} has no unit. Add it to quantities: (unit, meaning).")
        if row["on"] != name and not str(row["meaning"]).strip() and _foreign(form, row["on"]):
            raise Failed(
                f"The prior of {name} is on {row['on']!r}, of which nothing says what it is. Add "
                "it to quantities: (unit, meaning)."
            )


def _foreign(form: Any, quantity: str) -> bool:
    """Return whether a quantity is one of the form's own, which nobody can know."""
    if quantity in QUANTITIES or quantity in form.constant_names:
        return False
    return not quantity.startswith("relative_") and not quantity.endswith("_share")
