"""Outcomes that scatter about a curve as a likelihood says, without any data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayescale import input_errors
from bayescale.data import Observations
from bayescale.errors import LawError
from bayescale.parameters import slots


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
