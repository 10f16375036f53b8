"""Where the loss is least along a line of equal cost: closed form, or a safe search, for all draws.

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
from bayescale.planning.landscape import Landscape

#: Sizes among which a minimum is looked for first, and points of a line of equal cost.
_GRID, _POINTS = 28, 1025
#: Errors that are allowed in the log of what a budget buys: rounding.
_EXACT = {"xatol": 1e-12, "xrtol": 0.0, "fatol": 3e-13, "frtol": 0.0}
#: A log that stands for numbers that overflow.
_HUGE = 710.0
#: Most steps from three of those sizes to the minimum, and the last one that is worth taking.
_STEPS, _LAST = 30, 1e-6
#: A bracket as narrow as this is a minimum: of a kink it is all there is.
_BRACKET = 3e-4
#: Steps of the differences in log size, from the first to the last, and in log budget.
_NEAR, _NEAREST, _WIDE = 5e-3, 1e-4, 1e-2
#: Numbers that are looked at at once: few enough for the cache of a core.
_HELD = 40_000


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
        Else the log of the data at evenly spaced log sizes, shape (m, point).
    """

    log_budgets: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_factor: float | None = None
    table: np.ndarray | None = None

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
        first = cell + points * np.arange(len(self.low)) - 1
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
        """Return the lines of some budgets."""
        table = None if self.table is None else self.table[which]
        return IsoCost(
            self.log_budgets[which], self.low[which], self.high[which], self.log_factor, table
        )


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
        _check_bought(budgets, lows, highs, free)
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
    _check_bought(budgets, lows, highs, free)
    u = lows[:, None] + (highs - lows)[:, None] * np.linspace(0, 1, _POINTS)
    v = _solved(lambda v, u: log_cost(u, v), log_budgets[:, None], least, most, u)
    return IsoCost(log_budgets, lows, highs, None, v)


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
    budgets: np.ndarray, low: np.ndarray, high: np.ndarray, free: Sequence[str]
) -> None:
    bad = ~(high - low > 1e-6)
    if bad.any():
        shown = ", ".join(f"{value:g}" for value in budgets[bad][:3])
        raise DataError(
            f"A budget of {shown} buys no {free[0]} and {free[1]} within a factor of a million "
            "below the smallest run. Budgets are in the unit of the cost (FLOP for 6 N D): are "
            "the columns in millions, or is the budget in another unit?"
        )


class Optimum(NamedTuple):
    """Where the loss is least, draw by draw; each of shape (chain, draw, m).

    Parameters
    ----------
    log_size, log_data
        Not a number where the loss has no least value between the ends of the line.
    loss
        The least loss.
    power, data_power
        Slopes of log size and log data in log budget: a and b of N ~ C^a, D ~ C^b.
    """

    log_size: np.ndarray
    log_data: np.ndarray
    loss: np.ndarray
    power: np.ndarray
    data_power: np.ndarray


def optimal(land: Landscape, line: IsoCost, lines: IsoCost | None = None) -> Optimum:
    """Return where each draw's loss is least on each line of equal cost.

    Parameters
    ----------
    land
        The loss.
    line
        The lines, m of them.
    lines
        The lines of slightly smaller and larger budgets (:func:`nudged`), 2 m of them, for the
        power; where the cost is a product they are not needed.
    """
    if line.log_factor is not None and land.law.balanced:
        return _closed(land, line)
    chains, draws = land.curves.shape
    each = max(_HELD // (chains * draws), 1)
    found = []
    for start in range(0, len(line.low), each):
        which = slice(start, start + each)
        part = line.part(which)
        found.append(_searched(land, part, _near_lines(line, lines, which)))
    return Optimum(*(np.concatenate(arrays, axis=-1) for arrays in zip(*found, strict=True)))


def nudged(budgets: np.ndarray) -> np.ndarray:
    """Return the budgets a little below and, after them, a little above; shape (2 m,)."""
    return np.concatenate([budgets * math.exp(-_WIDE), budgets * math.exp(_WIDE)])


def _near_lines(line: IsoCost, lines: IsoCost | None, which: slice) -> tuple[IsoCost, IsoCost]:
    if lines is not None:
        count = len(line.low)
        return lines.part(slice(0, count)).part(which), lines.part(slice(count, None)).part(which)
    part = line.part(which)

    def moved(by: float) -> IsoCost:
        return IsoCost(part.log_budgets + by, part.low, part.high, part.log_factor, part.table)

    return moved(-_WIDE), moved(_WIDE)


def _closed(land: Landscape, line: IsoCost) -> Optimum:
    """Return the optimum of a law that rises with the sum of two powers, along N D = constant.

    With p N^-α' and q D^-β' the two powers, α' p N^-α' = β' q D^-β' there.
    """
    part = land.curves.parts[0]
    size, data = land.free
    first, second = (part.parameters[f"{role}_exponent"][..., None] for role in land.free)
    scales = [part.parameters[f"{role}_scale"][..., None] for role in land.free]
    join = np.asarray(part.law.join(part.parameters))
    join = join[..., None] if join.ndim else join
    centre = [math.log(part.references[f"{role}_ref"]) for role in (size, data)]
    assert line.log_factor is not None
    product = line.log_budgets - line.log_factor - sum(centre)
    with np.errstate(all="ignore"):
        balance = np.log(first / second) + (np.log(scales[0]) - np.log(scales[1])) / join
        log_size = (balance * join + second * product) / (first + second)
        u, v = centre[0] + log_size, centre[1] + product - log_size
        power = np.broadcast_to(second / (first + second), u.shape)
        loss = land.loss(u, v)
    inside = np.isfinite(u) & (u > line.low) & (u < line.high)
    if not inside.all():  # where it lies beyond what is looked at, the nearer end
        nearest = np.clip(np.nan_to_num(u), line.low, line.high)
        loss = np.where(inside, loss, land.loss(nearest, line.log_data(nearest)))
    u, v, power = (np.where(inside, value, np.nan) for value in (u, v, power))
    return Optimum(u, v, loss, power, 1 - power)


def _searched(land: Landscape, line: IsoCost, near: tuple[IsoCost, IsoCost]) -> Optimum:
    step = (line.high - line.low) / (_GRID - 1)
    sizes = line.low + step * np.arange(_GRID)[:, None]
    on_grid = np.stack([_loss(land, u, line.log_data(u)) for u in sizes], axis=-1)
    best = on_grid.argmin(axis=-1)
    edge = (best == 0) | (best == _GRID - 1)
    middle = np.clip(best, 1, _GRID - 2)
    u = _descended(land, line, line.low + middle * step, _three(on_grid, middle), edge)
    v = line.log_data(u)
    least = _loss(land, u, v)
    edge |= ~np.isfinite(least)
    power = _power(land, line, near, u)
    power = np.where(edge | ~np.isfinite(power), 0.0, power)
    after, before = near[1].log_data(u + power * _WIDE), near[0].log_data(u - power * _WIDE)
    lost = np.where(edge, np.nan, 0.0)
    return Optimum(
        u + lost,
        v + lost,
        np.where(edge, on_grid.min(axis=-1), least),
        power + lost,
        (after - before) / (2 * _WIDE) + lost,
    )


def _loss(land: Landscape, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the loss, infinite where it is no number."""
    found = land.loss(u, v)
    return np.where(np.isnan(found), np.inf, found)


def _three(on_grid: np.ndarray, middle: np.ndarray) -> list[np.ndarray]:
    """Return the values on both sides of a point of the grid, and its own between them."""
    place = middle[..., None] + np.array([-1, 0, 1])
    return list(np.moveaxis(np.take_along_axis(on_grid, place, axis=-1), -1, 0))


def _descended(
    land: Landscape, line: IsoCost, middle: np.ndarray, values: list[np.ndarray], done: np.ndarray
) -> np.ndarray:
    """Return the minimum by Newton's steps, halving the bracket where they are too long.

    The first is the vertex of the parabola through three points of the grid. Budgets whose draws
    all are done are not looked at again.
    """
    step = (line.high - line.low) / (_GRID - 1)
    left, right = middle - step, middle + step
    with np.errstate(all="ignore"):
        down, up = values[0] - values[1], values[2] - values[1]
        u = middle + np.nan_to_num(step * (down - up) / (2 * (down + up)))
    at_start, moved = values[1], np.where(done, 0.0, right - left)
    near = np.full(u.shape, _NEAR)
    for _ in range(_STEPS):
        some = np.flatnonzero(moved.max(axis=(0, 1), initial=0.0) >= _LAST)
        if not len(some):
            break
        now = u[..., some]
        slope, newton = _slope(land, line.part(some), now, near[..., some])
        low = np.where(slope < 0, now, left[..., some])
        high = np.where(slope < 0, right[..., some], now)
        fine = (low <= now + newton) & (now + newton <= high)
        fine &= np.abs(newton) <= moved[..., some] / 2
        fine |= np.abs(newton) < _LAST  # rounding
        by = np.where(done[..., some], 0.0, np.where(fine, newton, (low + high) / 2 - now))
        # Differences reach no further than steps do, or they would smooth a kink away.
        apart = np.clip(np.abs(by) / 2, _NEAREST, _NEAR)
        near[..., some] = np.where(fine, apart, np.minimum(apart, (high - low) / 4))
        left[..., some], right[..., some] = low, high
        u[..., some] = now + by
        moved[..., some] = np.where(high - low < _BRACKET, 0.0, np.abs(by))
    # The loss may have steps, which no slope sees.
    return np.where(_loss(land, u, line.log_data(u)) <= at_start, u, middle)


def _slope(
    land: Landscape, line: IsoCost, u: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope of the loss along a line, and Newton's step; infinite where it climbs."""
    v = line.around(u)
    below, here, above = (_loss(land, u + by, v(by)) for by in (-apart, 0.0, apart))
    with np.errstate(all="ignore"):
        slope, bend = (above - below) / (2 * apart), (above - 2 * here + below) / apart**2
        return slope, np.where(bend > 0, -slope / bend, np.inf)


def _power(
    land: Landscape, line: IsoCost, near: tuple[IsoCost, IsoCost], u: np.ndarray
) -> np.ndarray:
    """Return the slope of the minimum in the log budget, by the implicit function's theorem."""

    def losses(part: IsoCost, *steps: float) -> list[np.ndarray]:
        v = part.around(u)
        return [land.loss(u + by, v(by)) for by in steps]

    (low_left, low_right), (high_left, high_right) = (losses(part, -_WIDE, _WIDE) for part in near)
    left, here, right = losses(line, -_WIDE, 0.0, _WIDE)
    with np.errstate(all="ignore"):
        mixed = (high_right - high_left - low_right + low_left) / (4 * _WIDE**2)
        return -mixed * _WIDE**2 / (right - 2 * here + left)
