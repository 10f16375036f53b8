"""Lines of equal cost: which sizes and data cost as much as each budget.

All inputs are logs here: u of the size, v of what it is trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale.errors import DataError
from bayescale.planning import spending
from bayescale.planning.landscape import ABOVE, BELOW, Landscape

#: Points of a line of equal cost that is a table.
_POINTS = 1025
#: Errors that are allowed in the log of what a budget buys: rounding.
_EXACT = {"xatol": 1e-12, "xrtol": 0.0, "fatol": 3e-13, "frtol": 0.0}
#: A log that stands for numbers that overflow.
_HUGE = 710.0
#: How far the budgets beside one are, in its log: for slopes in the budget.
WIDE = 1e-2
#: Distance of the points of a line, in log size, where it has no length.
_SHORTEST = 1e-9


@dataclass(frozen=True, eq=False)
class IsoCost:
    """Which sizes and data cost as much as each budget.

    Parameters
    ----------
    log_budgets
        Logs of the budgets, shape (m,).
    low, high
        Logs of the smallest and largest size on each line, shape (m,).
    log_factor
        Where the cost is a multiple of the product of the two, the log of that multiple.
    table
        Else the log of the data at evenly spaced log sizes, shape (line, point).
    rows
        The row of the table of each line, shape (m,).
    """

    log_budgets: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_factor: float | None = None
    table: np.ndarray | None = None
    rows: np.ndarray | None = None

    def log_data(self, log_size: Any) -> np.ndarray:
        """Return the log of what a budget leaves for a size, shape (..., m)."""
        return self.around(log_size)(0.0)

    def around(self, log_size: Any) -> Callable[[Any], np.ndarray]:
        """Return :meth:`log_data` at sizes and near them, as a function of a step in log size."""
        if self.table is None:
            assert self.log_factor is not None
            rest = self.log_budgets - self.log_factor - log_size
            return lambda step: rest - step
        points = self.table.shape[1]
        # A budget with a single size has a line of no length.
        width = np.maximum((self.high - self.low) / (points - 1), _SHORTEST)
        place = (np.asarray(log_size) - self.low) / width
        cell = np.clip(np.nan_to_num(place), 1, points - 3).astype(np.intp)
        before = place - cell
        assert self.rows is not None
        first = cell + points * self.rows - 1
        # A cubic through four points, by divided differences: smooth enough for second differences.
        one, two, three, four = (self.table.ravel().take(first + k) for k in range(4))
        slope, next_slope, last_slope = two - one, three - two, four - three
        bend = (next_slope - slope) / 2
        third = ((last_slope - next_slope) / 2 - bend) / 3

        def at(step: Any) -> np.ndarray:
            t = before + step / width
            return one + (t + 1) * (slope + t * (bend + (t - 1) * third))

        return at

    def part(self, which: slice | np.ndarray) -> IsoCost:
        """Return the lines of some budgets; of an index of shape (k, 1) one for each draw."""
        rows = None if self.rows is None else self.rows[which]
        budgets, low, high = self.log_budgets[which], self.low[which], self.high[which]
        return IsoCost(budgets, low, high, self.log_factor, self.table, rows)


def iso_cost(
    cost: Any,
    budgets: np.ndarray,
    free: Sequence[str],
    held: Mapping[str, float],
    order: Sequence[str],
    ranges: Mapping[str, tuple[float, float]],
) -> IsoCost:
    """Return the lines of equal cost at budgets.

    Parameters
    ----------
    cost
        What was checked by :func:`bayescale.planning.spending.checked_cost`.
    budgets
        Shape (m,), in the unit of the cost.
    free, held, order
        The two free roles, the others at their values, and all in the law's order.
    ranges
        Role to the values between which to look.

    Raises
    ------
    DataError
        If the cost does not rise, or a budget buys nothing between those values.
    """
    size, data = free
    (low, high), (least, most) = (np.log(ranges[role]) for role in free)
    log_budgets = np.log(budgets)
    product = cost.product(free) if hasattr(cost, "product") else None
    if product is not None:
        rest = log_budgets - math.log(product)
        lows, highs = np.maximum(low, rest - most), np.minimum(high, rest - least)
        _check_bought(budgets, lows, highs, high, free)
        return IsoCost(log_budgets, lows, highs, math.log(product))
    spending.check_rising(cost, free, held, order, ranges)

    def log_cost(u: Any, v: Any) -> np.ndarray:
        with np.errstate(over="ignore"):
            at = {size: np.exp(u), data: np.exp(v)}
        with np.errstate(divide="ignore"):
            found = np.log(spending.evaluated(cost, at, held, order))
        return np.minimum(found, _HUGE)

    highs = _solved(log_cost, log_budgets, low, high, least)
    lows = _solved(log_cost, log_budgets, low, high, most)
    _check_bought(budgets, lows, highs, high, free)
    u = lows[:, None] + (highs - lows)[:, None] * np.linspace(0, 1, _POINTS)
    v = _solved(lambda v, u: log_cost(u, v), log_budgets[:, None], least, most, u)
    return IsoCost(log_budgets, lows, highs, None, v, np.arange(len(budgets)))


def lines_of(land: Landscape, cost: Any, spent: np.ndarray) -> IsoCost:
    """Return the lines of equal cost at budgets in the unit of the cost."""
    ranges = {role: land.reach(role) for role in land.free}
    return iso_cost(cost, spent, land.free, land.held, land.law.inputs, ranges)


def _solved(
    rising: Callable[[Any, Any], np.ndarray], goal: Any, low: float, high: float, other: Any
) -> np.ndarray:
    """Return where a function that rises in its first argument reaches a goal, or the nearer end.

    Parameters
    ----------
    rising
        Called with logs of what is looked for and of the other input.
    goal, other
        Logs of the budget and of the other input; shapes that broadcast.
    low, high
        The ends.
    """
    from scipy.optimize import elementwise

    goal, other = np.broadcast_arrays(goal, other)
    ends = np.full(goal.shape, low), np.full(goal.shape, high)

    def missing(x: np.ndarray, goal: np.ndarray, other: np.ndarray) -> np.ndarray:
        return rising(x, other) - goal

    found = elementwise.find_root(missing, ends, args=(goal, other), tolerances=_EXACT)
    below, above = found.f_bracket
    beyond = np.where(below > 0, *ends)  # both ends cost more than the budget, or both less
    return np.where(np.sign(below) * np.sign(above) > 0, beyond, found.x)


def _check_bought(
    budgets: np.ndarray, low: np.ndarray, high: np.ndarray, largest: float, free: Sequence[str]
) -> None:
    bad = ~(high - low > 1e-6)
    if bad.any():
        shown = ", ".join(f"{value:g}" for value in budgets[bad][:3])
        pair = f"{free[0]} and {free[1]}"
        if (high[bad] >= largest).all():
            bought = f"more {pair} than are looked at, {ABOVE:g} times the largest run"
        else:
            bought = f"no {pair} that are looked at, a {1 / BELOW:g} of the smallest run"
        raise DataError(
            f"A budget of {shown} buys {bought}. Budgets are in the unit of the cost (FLOP for "
            "6 N D): are the columns in millions, or is the budget in another unit?"
        )


def nudged(budgets: np.ndarray) -> np.ndarray:
    """Return the budgets a little below and, after them, a little above; shape (2 m,)."""
    return np.concatenate([budgets * math.exp(-WIDE), budgets * math.exp(WIDE)])
