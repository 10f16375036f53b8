"""Checks of a law's formula: what it is on arrays, labelled draws and tensors, and of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.checking import uncompiled
from bayescale.checking.running import Failed, Skipped
from bayescale.checking.subject import Subject
from bayescale.parameters import parameter_names

#: Rounding that one way of calculating may differ from another by.
ROUNDING = 1e-12
#: Singular values of the curve's slopes in its parameters below this share of the largest are zero.
NO_SLOPE = 1e-7
#: Share of the reducible loss that may be left at inputs of 1e60; a law in log x falls slowest.
LEFT_AT_THE_END = 0.2


def _agree(found: Any, expected: np.ndarray, rounding: float = ROUNDING) -> bool:
    shape = np.shape(found) == np.shape(expected)
    return shape and np.allclose(found, expected, rtol=rounding, atol=rounding, equal_nan=True)


def formula_is_finite(subject: Subject) -> None:
    """The curve is a finite real number at every input of the example's range."""
    found = subject.form.expr(**subject.grid, **subject.form.example)
    if isinstance(found, np.ndarray) and found.dtype.kind == "c":
        raise Failed(
            "expr returns complex numbers. Keep powers and logarithms to positive numbers."
        )
    shape = subject.grid[subject.form.inputs[0]].shape
    if np.shape(found) != shape:
        raise Failed(
            f"expr returns shape {np.shape(found)} for inputs of shape {shape}. It must return one "
            "number for each input."
        )
    bad = ~np.isfinite(subject.truth)
    if bad.any():
        at = {role: float(f"{x[bad][0]:.4g}") for role, x in subject.grid.items()}
        raise Failed(
            f"At the example expr is {subject.truth[bad][0]} at {_words(at)}. Correct expr or the "
            "example, or give example_range where the law is not meant for 0.01 to 100."
        )
    one = {role: x[3] for role, x in subject.grid.items()}
    single = subject.form.expr(**one, **subject.form.example)
    if not _agree(single, subject.truth[3]):
        raise Failed(f"For single numbers expr returns {single!r}, in an array {subject.truth[3]}.")


def formula_leaves_inputs_alone(subject: Subject) -> None:
    """The formula changes none of its arguments, and is the same when it is asked again."""
    given, example = subject.grid, dict(subject.form.example)
    first = subject.form.expr(**given, **example)
    for role, before in subject.grid.items():
        if not np.array_equal(given[role], before):
            raise Failed(f"expr changes the input {role!r}. Write x = x / 2 in place of x /= 2.")
    if not np.array_equal(first, subject.form.expr(**subject.grid, **example), equal_nan=True):
        raise Failed(
            "expr returns something else when it is called again. Nothing in it may be random."
        )


def formula_holds_for_draws(subject: Subject) -> None:
    """Draws of the parameters against inputs give the curve of each draw."""
    factors = (1.0, 0.97, 0.99)
    each = [_moved(subject, factor) for factor in factors]
    stacked = {
        name: tuple(np.array([v[name][i] for v in each])[:, None] for i in range(len(value)))
        if isinstance(value, tuple)
        else np.array([v[name] for v in each])[:, None]
        for name, value in subject.form.example.items()
    }
    found = subject.form.expr(**subject.grid, **stacked)
    expected = np.stack([subject.form.expr(**subject.grid, **values) for values in each])
    if not _agree(found, expected):
        raise Failed(
            f"For parameters of shape (3, 1) and inputs of shape {subject.truth.shape} expr "
            f"returns shape {np.shape(found)}, or other numbers than for one draw at a time. Use "
            "operators and one-argument functions of numpy, which work number by number."
        )


def _moved(subject: Subject, factor: float) -> dict[str, Any]:
    """Return the example with every parameter times a factor, within its bounds."""
    moved = {}
    for name, value in subject.form.example.items():
        low, high = subject.law.bounds_of(name)
        parts = value if isinstance(value, tuple) else (value,)
        clipped = tuple(float(np.clip(part * factor, low, high)) for part in parts)
        moved[name] = clipped if isinstance(value, tuple) else clipped[0]
    return moved


def formula_on_labelled_arrays(subject: Subject) -> None:
    """The same formula serves xarray's labelled arrays."""
    import xarray as xr

    labelled = {role: xr.DataArray(x, dims="run") for role, x in subject.grid.items()}
    found = subject.form.expr(**labelled, **subject.form.example)
    if not isinstance(found, xr.DataArray) or not _agree(found.to_numpy(), subject.truth):
        raise Failed(
            f"On xarray.DataArray expr returns {type(found).__name__}, or other numbers than on "
            "arrays. Use operators and one-argument functions of numpy only."
        )


def formula_on_tensors(subject: Subject) -> None:
    """The same formula serves PyTensor's tensors, from which NUTS gets its density."""
    found = _compiled(subject, lambda curve, _: curve)
    if not _agree(found, subject.truth):
        raise Failed(
            "On tensors expr returns other numbers than on arrays. Use operators and one-argument "
            "functions of numpy only."
        )


def formula_has_its_slope(subject: Subject) -> None:
    """The gradient in every parameter is the slope that differences show."""
    form = subject.form
    weight = np.random.default_rng(2).uniform(0.5, 1.5, len(subject.truth))

    def slopes(curve: Any, variables: list[Any]) -> Any:
        return uncompiled.gradient((weight * curve).sum(), variables)

    gradient = _compiled(subject, slopes)
    flat = [part for value in form.example.values() for part in np.ravel(value)]
    names = [name for name, value in form.example.items() for _ in np.ravel(value)]
    for i, name in enumerate(names):
        step = 1e-5 * (abs(flat[i]) or 1.0)
        ends = [
            weight @ form.expr(**subject.grid, **_filled(form.example, flat, i, sign * step))
            for sign in (1, -1)
        ]
        expected = (ends[0] - ends[1]) / (2 * step)
        size = (weight @ np.abs(subject.truth)) / (abs(flat[i]) or 1.0)
        if not abs(gradient[i] - expected) < 1e-6 * (size + abs(expected)):
            raise Failed(
                f"The gradient in {name} is {float(gradient[i]):.6g}; differences show "
                f"{expected:.6g}. Steps, rounding and comparisons in expr have no gradient that "
                "NUTS could follow: write a smooth formula."
            )


def _compiled(subject: Subject, of: Any) -> Any:
    """Return what follows from the curve in tensors, calculated without compiling."""
    import pytensor.tensor as pt

    symbols: dict[str, Any] = {}
    variables, values = [], []
    for name, value in subject.form.example.items():
        many = isinstance(value, tuple)
        made = tuple(pt.dscalar(name) for _ in (value if many else (value,)))
        variables += made
        values += [float(part) for part in (value if many else (value,))]
        symbols[name] = made if many else made[0]
    tensors = {role: pt.constant(x) for role, x in subject.grid.items()}
    found = of(subject.form.expr(**tensors, **symbols), variables)
    return uncompiled.function(variables, found)(*values)


def _filled(example: Mapping[str, Any], flat: list[float], at: int, step: float) -> dict[str, Any]:
    """Return the example with one number moved by a step."""
    numbers = [number + (step if i == at else 0.0) for i, number in enumerate(flat)]
    filled = {}
    for name, value in example.items():
        size = len(np.ravel(value))
        parts, numbers = numbers[:size], numbers[size:]
        filled[name] = tuple(parts) if isinstance(value, tuple) else parts[0]
    return filled


def formula_bears_extremes(subject: Subject) -> None:
    """Inputs from 1 to 1e26 in reference units give finite curves, where no range is declared."""
    form = subject.form
    ranges = {role: form.example_range.get(role, (1.0, 1e26)) for role in form.inputs}
    wide = {role: np.geomspace(low, high, 60) for role, (low, high) in ranges.items()}
    found = np.asarray(form.expr(**wide, **form.example), float)
    if not np.isfinite(found).all():
        at = {role: float(f"{x[~np.isfinite(found)][0]:.3g}") for role, x in wide.items()}
        raise Failed(
            f"expr is not finite at {_words(at)}. Forecasts go far beyond the data: write it so "
            "that nothing overflows (x ** -a, or np.exp of what falls), or declare example_range."
        )


def missing_stays_missing(subject: Subject) -> None:
    """A missing input gives a missing curve, and changes no other row."""
    for role in subject.form.inputs:
        holed = subject.grid
        holed[role][4] = np.nan
        found = np.asarray(subject.form.expr(**holed, **subject.form.example), float)
        rest = np.delete(found, 4)
        if np.isfinite(found[4]):
            raise Failed(f"Where {role} is missing, expr is {found[4]:.4g}: an invented number.")
        if not _agree(rest, np.delete(subject.truth, 4)):
            raise Failed(
                f"Where {role} is missing in one row, the curve is another in other rows. expr may "
                "not use sums or extremes over rows."
            )


def everything_matters(subject: Subject) -> None:
    """Every input and every parameter moves the curve."""
    form = subject.form
    size = np.abs(subject.truth).max()
    for role in form.inputs:
        middle = {other: np.exp(np.log(x).mean()) for other, x in subject.grid.items()}
        along = form.expr(**{**middle, role: np.sort(subject.grid[role])}, **form.example)
        if not np.ptp(along) > 1e-9 * size:
            raise Failed(f"The input {role!r} does not move the curve. Use it in expr, or drop it.")
    flat = [part for value in form.example.values() for part in np.ravel(value)]
    names = [name for name, value in form.example.items() for _ in np.ravel(value)]
    for i, name in enumerate(names):
        step = 0.01 * (abs(flat[i]) or 1.0)
        moved = form.expr(**subject.grid, **_filled(form.example, flat, i, step))
        if not np.abs(moved - subject.truth).max() > 1e-9 * size:
            raise Failed(
                f"The parameter {name!r} does not move the curve at the example, so no run says "
                "anything of it. Use it in expr, or drop it."
            )


def parameters_can_be_told_apart(subject: Subject) -> None:
    """No change of one parameter can be undone by others."""
    form = subject.form
    inputs = form.example_inputs(200)
    flat = [float(part) for value in form.example.values() for part in np.ravel(value)]
    columns = []
    for i, number in enumerate(flat):
        step = 1e-5 * (abs(number) or 1.0)
        ends = [form.expr(**inputs, **_filled(form.example, flat, i, s * step)) for s in (1, -1)]
        column = (ends[0] - ends[1]) / step
        columns.append(column / (np.linalg.norm(column) or 1.0))
    _, values, directions = np.linalg.svd(np.array(columns).T, full_matrices=False)
    if values[-1] < NO_SLOPE * values[0]:
        names = [name for name, value in form.example.items() for _ in np.ravel(value)]
        involved = [n for n, share in zip(names, directions[-1], strict=True) if abs(share) > 0.1]
        raise Failed(
            f"{' and '.join(dict.fromkeys(involved))} do one and the same to the curve: what one "
            "adds another can take away. Leave one out, or fix it at a number."
        )


def floor_and_scale_are_what_they_are_called(subject: Subject) -> None:
    """At the reference inputs the curve is floor and terms, and far out the floor."""
    form, example = subject.form, subject.form.example
    if "irreducible" not in example or not form.terms:
        raise Skipped("The law has no additive floor with terms.")
    missing = [term for term in form.terms if term not in example]
    if missing:
        raise Failed(
            f"terms names {missing[0]!r}, which is no parameter. Name the parameters that are the "
            "reducible loss at the reference inputs, or write terms = ()."
        )
    here = float(form.expr(**dict.fromkeys(form.inputs, 1.0), **example))
    join = form().join({n: v for n, v in example.items() if n not in form.terms})
    whole = sum(example[term] ** (1 / join) for term in form.terms)
    floor = example["irreducible"]
    expected = (floor ** (1 / join) + whole) ** join if form.floor_joins else floor + whole**join
    if not np.isclose(here, expected, rtol=1e-9):
        raise Failed(
            f"At reference inputs of 1 the curve is {here:.6g}, but irreducible and "
            f"{', '.join(form.terms)} make {expected:.6g}. Their priors on 'level' and "
            "'floor_share' would be wrong. Write expr so that the reducible loss at 1 is the sum "
            "of these, or set terms = () and put priors on the parameters themselves."
        )
    far = float(form.expr(**dict.fromkeys(form.inputs, 1e60), **example))
    if not abs(far - floor) < LEFT_AT_THE_END * abs(here - floor) + 1e-9 * abs(floor):
        raise Failed(
            f"At inputs of 1e60 the curve is {far:.6g}, and irreducible is {floor:.6g}. Call what "
            "is no floor by another name."
        )


def _words(at: Mapping[str, float]) -> str:
    return ", ".join(f"{role} = {value:g}" for role, value in at.items())


def formula_follows_its_names(subject: Subject) -> None:
    """The formula takes the inputs and then the parameters, by their names."""
    import inspect

    wants = [*subject.form.inputs, *parameter_names(subject.form)]
    takes = list(inspect.signature(subject.form.expr).parameters)
    if takes != wants:
        raise Failed(f"expr takes {takes}; the inputs and fields are {wants}. Write @bs.law.")
