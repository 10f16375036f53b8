"""Lines of equal cost: which sizes and data cost as much as each budget.

All inputs are logs here: u of the size, v of what it is trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bayescale.errors import DataError
from bayescale.planning import spending
from bayescale.planning.landscape import ABOVE, BELOW, Landscape

#: Parts of a cost that count as nothing: rounding.
_LEVEL = 1e-9
#: Points of a line of equal cost that is a table, and of the prices of sizes.
_POINTS = 1025
#: Errors that are allowed in the log of what a budget buys: rounding.
_EXACT = {"xatol": 1e-12, "xrtol": 0.0, "fatol": 3e-13, "frtol": 0.0}
#: A log that stands for numbers that overflow.
_HUGE = 710.0
#: How far the budgets beside one are, in its log: for slopes in the budget.
WIDE = 1e-2
#: Distance of the points of a line, in log size, where it has no length.
_SHORTEST = 1e-9


class Prices(NamedTuple):
    """A cost that is linear in the data, by size: ``price(size) data + base(size)``.

    Parameters
    ----------
    start, width
        The first log size and the distance between them.
    price, base
        Logs of both at evenly spaced log sizes, shape (point,); of the base None where it is 0.
    """

    start: float
    width: float
    price: np.ndarray
    base: np.ndarray | None


class Table(NamedTuple):
    """Any other cost: what each budget buys.

    Parameters
    ----------
    data
        Logs of the data at evenly spaced log sizes between the ends of each line, shape
        (line, point).
    rows
        The row of the table of each line, shape (m,).
    """

    data: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class IsoCost:
    """Which sizes and data cost as much as each budget.

    Parameters
    ----------
    log_budgets
        Logs of the budgets, shape (m,).
    low, high
        Logs of the smallest and largest size on each line, shape (m,).
    rule
        How the data follow from a size: the log of a number where the cost is that multiple of the
        product of the two; else prices, or a table.
    """

    log_budgets: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rule: float | Prices | Table

    @property
    def by_budget(self) -> bool:
        """Whether lines of other budgets must be made anew."""
        return isinstance(self.rule, Table)

    def log_data(self, log_size: Any) -> np.ndarray:
        """Return the log of what a budget leaves for a size, shape (..., m)."""
        return self.around(log_size)(0.0)

    def around(self, log_size: Any) -> Callable[[Any], np.ndarray]:
        """Return :meth:`log_data` at sizes and near them, as a function of a step in log size."""
        rule = self.rule
        if isinstance(rule, Prices):
            place = (np.asarray(log_size) - rule.start) / rule.width
            price = _cubic(rule.price, 0, place, rule.width)
            if rule.base is None:
                return lambda step: self.log_budgets - price(step)
            base, budgets = _cubic(rule.base, 0, place, rule.width), np.exp(self.log_budgets)

            def left(step: Any) -> np.ndarray:
                with np.errstate(all="ignore"):  # nothing is left where the base costs it all
                    return np.log(budgets - np.exp(base(step))) - price(step)

            return left
        if isinstance(rule, Table):
            points = rule.data.shape[1]
            # A budget with a single size has a line of no length.
            width = np.maximum((self.high - self.low) / (points - 1), _SHORTEST)
            place = (np.asarray(log_size) - self.low) / width
            return _cubic(rule.data, points * rule.rows, place, width)
        rest = self.log_budgets - rule - log_size
        return lambda step: rest - step

    def part(self, which: slice | np.ndarray) -> IsoCost:
        """Return the lines of some budgets; of an index of shape (k, 1) one for each draw."""
        rule = self.rule
        if isinstance(rule, Table):
            rule = rule._replace(rows=rule.rows[which])
        return IsoCost(self.log_budgets[which], self.low[which], self.high[which], rule)


def _cubic(
    table: np.ndarray, first: Any, place: np.ndarray, width: Any
) -> Callable[[Any], np.ndarray]:
    """Return a table between its points, as a function of a step away from places.

    A cubic through four points, by divided differences: smooth enough for second differences.

    Parameters
    ----------
    table
        Shape (..., point).
    first
        Where rows begin in the flat table.
    place
        In points of a row.
    width
        Distance of the points.
    """
    cell = np.clip(np.nan_to_num(place), 1, table.shape[-1] - 3).astype(np.intp)
    before, at = place - cell, cell + first - 1
    one, two, three, four = (table.ravel().take(at + k) for k in range(4))
    slope, next_slope, last_slope = two - one, three - two, four - three
    bend = (next_slope - slope) / 2
    third = ((last_slope - next_slope) / 2 - bend) / 3

    def value(step: Any) -> np.ndarray:
        t = before + step / width
        return one + (t + 1) * (slope + t * (bend + (t - 1) * third))

    return value


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
    prices = _prices(log_cost, (low, high), (least, most))
    if prices is not None:
        return IsoCost(log_budgets, lows, highs, prices)
    u = lows[:, None] + (highs - lows)[:, None] * np.linspace(0, 1, _POINTS)
    v = _solved(lambda v, u: log_cost(u, v), log_budgets[:, None], least, most, u)
    return IsoCost(log_budgets, lows, highs, Table(v, np.arange(len(budgets))))


def _prices(
    log_cost: Callable[[Any, Any], np.ndarray],
    sizes: tuple[float, float],
    data: tuple[float, float],
) -> Prices | None:
    """Return a cost by size where it is linear in the data, else None.

    Then what a budget buys is exact, also where nearly all of it goes into what does not depend on
    the data, such as serving.
    """
    u = np.linspace(*sizes, _POINTS)
    v = np.linspace(*data, 5)
    found = np.exp(log_cost(u[:, None], v))
    amount = np.exp(v - v[-1])
    price = (found[:, -1] - found[:, 0]) / (1 - amount[0])
    base = found[:, 0] - price * amount[0]
    base = np.where(np.abs(base) <= _LEVEL * found[:, 0], 0.0, base)
    off = np.abs(found - base[:, None] - price[:, None] * amount)
    if not ((price > 0).all() and (off <= _LEVEL * found).all()):
        return None
    if base.any() and not (base > 0).all():
        return None
    step = (sizes[1] - sizes[0]) / (_POINTS - 1)
    return Prices(sizes[0], step, np.log(price) - v[-1], np.log(base) if base.any() else None)


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
