"""Runs made up: outcomes that scatter about a law's curve as a likelihood says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import input_errors
from bayescale.errors import DataError, LawError
from bayescale.evaluating import check_names, is_fixed
from bayescale.given import SMALLEST, as_array, of_one_shape, one_number, short
from bayescale.observed import Observations
from bayescale.parameters import parameter_names, slots

if TYPE_CHECKING:
    import pandas as pd


def simulated(
    law: Any,
    noise: float,
    seed: int,
    y: str,
    parameters: Mapping[str, Any] | None,
    likelihood: Any,
    inputs: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    """Return runs that follow a law; see :meth:`bayescale.Law.simulate`."""
    import pandas as pd

    values = parameters
    if values is None:
        values = law.numbers if is_fixed(law) else law.example
    check_names(law, parameter_names(law), values)
    check_names(law, law.inputs, inputs)
    arrays = _inputs(inputs)
    size = one_number(noise)
    if size is None or not 0 <= size < np.inf:
        raise DataError(f"noise= must be a number of at least 0, such as 0.01; got {short(noise)}.")
    curve_at = partial(type(law).expr, **values)
    if likelihood is not None:
        drawn = scattered(likelihood, lambda at: curve_at(**at), arrays, seed)
        return pd.DataFrame({**arrays, y: drawn})
    curve = curve_at(**arrays)
    with np.errstate(over="ignore"):
        scatter = np.exp(size * np.random.default_rng(seed).standard_normal(np.shape(curve)))
    if not np.isfinite(curve * scatter).all():
        raise DataError(
            f"With noise={noise!r} outcomes are not finite. It is the standard deviation of log y: "
            "0.01 is about 1 %."
        )
    return pd.DataFrame({**arrays, y: curve * scatter})


def _inputs(given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return inputs as arrays of one length, or say which are not positive and finite."""
    arrays = {role: np.atleast_1d(as_array(f"{role}=", values)) for role, values in given.items()}
    for role, array in arrays.items():
        bad = ~(np.isfinite(array) & (array >= SMALLEST))
        if bad.any():
            shown = ", ".join(f"{value:g}" for value in array[bad].ravel()[:3])
            raise DataError(f"{role}= must hold positive finite numbers; got {shown}.")
    of_one_shape(**arrays)
    return dict(zip(arrays, map(np.ravel, np.broadcast_arrays(*arrays.values())), strict=True))


def filling(ranges: Sequence[tuple[float, float]], points: int) -> list[np.ndarray]:
    """Return points that fill a range, a square, a cube, ... evenly on log axes.

    Parameters
    ----------
    ranges
        Smallest and largest value along each axis.
    points
        How many.

    Returns
    -------
    list of numpy.ndarray
        For each axis shape (points,); of a single one in rising order.
    """
    golden = 1.0
    for _ in range(60):
        golden = (1 + golden) ** (1 / (len(ranges) + 1))
    found = []
    for i, (low, high) in enumerate(ranges):
        spread = np.linspace(0, 1, points)
        if len(ranges) > 1:  # an additive recurrence
            spread = (0.5 + np.arange(points) * golden ** -(i + 1)) % 1
        found.append(np.exp(np.log(low) + spread * np.log(high / low)))
    return found


def scattered(
    likelihood: Any,
    curve_at: Callable[[Mapping[str, Any]], np.ndarray],
    inputs: Mapping[str, np.ndarray],
    seed: int,
) -> np.ndarray:
    """Return one outcome for each value of a curve.

    Parameters
    ----------
    likelihood
        With numbers for all its parameters, and for what it reads from columns.
    curve_at
        From inputs to the curve, shape (run,).
    inputs
        Role to values, shape (run,): rows are in the order of one run along the first of them, and
        those of equal inputs are of one configuration.
    seed
        Same seed, same outcomes.

    Returns
    -------
    numpy.ndarray
        Shape (run,); rounded and capped where the likelihood says so.

    Raises
    ------
    LawError
        If a parameter of the likelihood has a prior, or a column is named.
    """
    curve = curve_at(inputs)
    free = [slot.field for slot in slots(likelihood) if slot.prior is not None]
    if free:
        raise LawError(
            f"To simulate, give {likelihood.label} a number for {', '.join(free)}, such as "
            f"{free[0]}=0.02: of a prior it is not clear which."
        )
    known: dict[str, np.ndarray] = {}
    for name, (given, about) in likelihood.columns.items():
        if not isinstance(given, str):
            known[name] = np.full(len(curve), float(given))
        elif not about.get("labels"):
            raise LawError(f"To simulate, give {likelihood.label} a number for {name}=.")
    step, cap = known.pop("resolution", None), known.pop("censored", None)
    table = np.stack(list(inputs.values()))
    known["group"] = np.unique(table, axis=1, return_inverse=True)[1].ravel().astype(float)
    order = np.lexsort((np.arange(len(curve)), known["group"]))
    n_obs = known.pop("n_obs", None)
    roles = {role: role for role in inputs}
    runs = Observations(dict(inputs), curve, roles, "y", n_obs=n_obs, known=known).rows(order)
    made = ("n_obs", "gap", "place")
    by_row = runs.by_run(
        [n for n in likelihood.by_run if n in made or n in known or n.startswith("log_")]
    )
    by_row = (
        {} if likelihood.merges else input_errors.told(likelihood, by_row, runs.inputs, curve_at)
    )
    fixed = {slot.quantity: slot.value for slot in slots(likelihood)}  # numbers, as checked above
    values = {name: np.float64(value) for name, value in fixed.items()}  # type: ignore[arg-type]
    noise = likelihood.natural(values, runs.references)
    drawn = np.empty(len(curve))
    rng = np.random.default_rng(seed)
    drawn[order] = likelihood.draw(rng, runs.outcome, **noise, **by_row)
    if step is not None:
        drawn = np.round(drawn / step) * step
    return drawn if cap is None else np.minimum(drawn, cap)
