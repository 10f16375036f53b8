"""The runs that could be made: a checked table, and what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.accounting import flops
from bayescale.errors import DataError, LawError, nearest
from bayescale.frames import frame
from bayescale.given import SMALLEST, one_number, short
from bayescale.planning import spending

if TYPE_CHECKING:
    import pandas as pd

#: What a run costs, of which nothing was said and whose inputs tell nothing.
A_RUN = "runs"


def candidates_of(
    candidates: Any, columns: Mapping[str, str], name: str
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Check a table of runs that could be made.

    Parameters
    ----------
    candidates
        A table, one candidate a row, with a column for each input by its role or by the name it
        had in the runs; other columns are kept.
    columns
        Role to the name it had in the runs.
    name
        Of the law, for messages.

    Returns
    -------
    table
        With the inputs by the names they had in the runs, and rows numbered from 0.
    at
        Role to values, shape (candidate,).

    Raises
    ------
    DataError
        If there is no row, or an input is missing or not a positive finite number.
    """
    candidates = frame(candidates, "The candidates (candidates=)")
    if candidates.empty:
        raise DataError("candidates= has no row. It needs one row for each run that could be made.")
    table = candidates.reset_index(drop=True)
    at = {}
    for role, column in columns.items():
        found = column if column in table.columns else role
        if found not in table.columns:
            listed = [str(given) for given in table.columns]
            either = f"{column!r}" if column == role else f"{column!r} (or {role!r})"
            raise DataError(
                f"{name} needs {either} of every candidate. candidates= has: "
                f"{', '.join(listed)}.{nearest(column, listed)}"
            )
        at[role] = _positive(table, found, f"{found!r} of the candidates")
        table = table.rename(columns={found: column})
    return table, at


def costs_of(
    cost: Any, table: pd.DataFrame, at: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, str]:
    """Return what every candidate costs.

    Parameters
    ----------
    cost
        The name of a column; a function of the inputs, called with arrays by role
        (``lambda params, tokens: ...``); one number for all; or None: :math:`6 N D` of a law of
        params and tokens, the compute itself of a law of compute, else 1 for each run.
    table
        The candidates.
    at
        Role to values, shape (candidate,).

    Returns
    -------
    costs
        Positive, shape (candidate,).
    unit
        In words.

    Raises
    ------
    DataError
        If a cost is not a positive finite number, or there is no such column.
    LawError
        If the cost is of no kind that can be used.
    """
    count = len(table)
    if cost is None:
        if {"params", "tokens"} <= set(at):
            return np.asarray(flops(at["params"], at["tokens"]), float), "FLOPs, 6 N D"
        if "compute" in at:
            return np.array(at["compute"]), "compute"
        return np.ones(count), A_RUN
    if isinstance(cost, str):
        if cost not in table.columns:
            listed = [str(given) for given in table.columns]
            raise DataError(
                f"cost={cost!r} is no column of the candidates, which have: {', '.join(listed)}."
                f"{nearest(cost, listed)}"
            )
        return _positive(table, cost, f"cost={cost!r}"), cost
    number = one_number(cost)
    if number is not None:
        return _usable(np.full(count, number), "cost="), A_RUN
    if callable(cost) and not isinstance(cost, type):
        return _usable(_called(cost, at, count), "What cost= returned"), str(
            getattr(cost, "unit", "cost")
        )
    raise LawError(
        "cost= takes the name of a column, a function of the inputs "
        f"(lambda {', '.join(at)}: ...), one number, or None; got {short(cost)}."
    )


def check_budget(budget: Any, costs: np.ndarray, unit: str) -> float | None:
    """Return the budget as a number, or raise an error where it pays for nothing."""
    if budget is None:
        return None
    number = one_number(budget)
    if number is None or not 0 < number < np.inf:
        raise LawError(
            f"budget= must be a positive finite number (in {unit}); got {short(budget)}."
        )
    cheapest = float(costs.min())
    if number < cheapest:
        raise LawError(
            f"budget={number:g} pays for no candidate: the cheapest costs {cheapest:g} ({unit}). "
            "Raise the budget, or add cheaper candidates."
        )
    return number


def _called(cost: Callable[..., Any], at: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    found = spending.of(cost, at)
    try:
        return np.array(np.broadcast_to(np.asarray(found, float), (count,)))
    except (TypeError, ValueError):
        raise DataError(
            f"cost= must return a number for each of {count} candidates; got "
            f"{np.shape(found) or type(found).__name__}."
        ) from None


def _positive(table: pd.DataFrame, column: str, called: str) -> np.ndarray:
    import pandas as pd

    values: Any = table[column]
    if getattr(values, "ndim", 1) != 1:
        raise DataError(f"The candidates have more than one column named {column!r}; rename them.")
    numbers: Any = pd.to_numeric(values, errors="coerce")
    return _usable(numbers.to_numpy(float), called)


def _usable(numbers: np.ndarray, called: str) -> np.ndarray:
    bad = ~(np.isfinite(numbers) & (numbers >= SMALLEST))
    if bad.any():
        shown = ", ".join(f"{value:g}" for value in numbers[bad][:3])
        rows = ", ".join(map(str, np.flatnonzero(bad)[:3]))
        raise DataError(
            f"{called} must be positive finite numbers; got {shown} (candidates {rows}, counted "
            "from 0)."
        )
    return numbers
