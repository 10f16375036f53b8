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
#: Halvings that find what a budget buys: below rounding in logs.
_HALVINGS = 70
#: Golden sections and Newton's steps from three of those sizes to the minimum.
_SECTIONS, _STEPS = 7, 5
_GOLDEN = (math.sqrt(5) - 1) / 2
#: Steps of the differences in log size and log budget.
_NEAR, _WIDE = 5e-3, 1e-2
#: Numbers that are held at once.
_HELD = 400_000


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
        if self.table is None:
            assert self.log_factor is not None
            return self.log_budgets - self.log_factor - log_size
        points = self.table.shape[1]
        step = (self.high - self.low) / (points - 1)
        place = (np.asarray(log_size) - self.low) / step
        cell = np.clip(np.nan_to_num(place), 1, points - 3).astype(int)
        t, line = place - cell, np.arange(len(self.low))
        before, at, after, beyond = (self.table[line, cell + k] for k in (-1, 0, 1, 2))
        # A cubic through four points: smooth enough for second differences.
        return (
            -t * (t - 1) * (t - 2) / 6 * before
            + (t + 1) * (t - 1) * (t - 2) / 2 * at
            - (t + 1) * t * (t - 2) / 2 * after
            + (t + 1) * t * (t - 1) / 6 * beyond
        )

    def part(self, which: slice) -> IsoCost:
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
            return np.log(spending.evaluated(cost, at, held, order))

    ones = np.ones_like(log_budgets)
    highs = _solved(lambda u: log_cost(u, least * ones), log_budgets, low * ones, high * ones)
    lows = _solved(lambda u: log_cost(u, most * ones), log_budgets, low * ones, high * ones)
    _check_bought(budgets, lows, highs, free)
    u = lows[:, None] + (highs - lows)[:, None] * np.linspace(0, 1, _POINTS)
    goal = np.broadcast_to(log_budgets[:, None], u.shape)
    v = _solved(lambda v: log_cost(u, v), goal, np.full(u.shape, least), np.full(u.shape, most))
    return IsoCost(log_budgets, lows, highs, None, v)


def lines_of(land: Landscape, cost: Any, spent: np.ndarray) -> IsoCost:
    """Return the lines of equal cost at budgets in the unit of the cost."""
    ranges = {role: land.reach(role) for role in land.free}
    return iso_cost(cost, spent, land.free, land.held, land.law.inputs, ranges)


def _solved(
    rising: Callable[[np.ndarray], np.ndarray], goal: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return where a rising function reaches a goal, or the end that is nearer."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = rising(middle) > goal
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return (low + high) / 2


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
    def loss(u: np.ndarray) -> np.ndarray:
        found = land.loss(u, line.log_data(u))
        return np.where(np.isnan(found), np.inf, found)

    step = (line.high - line.low) / (_GRID - 1)
    on_grid = np.stack([loss(line.low + k * step) for k in range(_GRID)])
    best = on_grid.argmin(axis=0)
    edge = (best == 0) | (best == _GRID - 1)
    u = line.low + np.clip(best, 1, _GRID - 2) * step
    u = _newton(loss, *_sections(loss, u - step, u + step))
    v, least = line.log_data(u), loss(u)
    edge |= ~np.isfinite(least)
    power = np.where(edge, np.nan, _power(land, near, u, loss))
    after, before = near[1].log_data(u + power * _WIDE), near[0].log_data(u - power * _WIDE)
    return Optimum(
        np.where(edge, np.nan, u),
        np.where(edge, np.nan, v),
        np.where(edge, on_grid.min(axis=0), least),
        power,
        (after - before) / (2 * _WIDE),
    )


def _sections(
    loss: Callable[[np.ndarray], np.ndarray], left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a narrower bracket of the minimum, and the best point in it."""
    inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    at_inner, at_outer = loss(inner), loss(outer)
    for _ in range(_SECTIONS):
        lower = at_inner < at_outer
        left, right = np.where(lower, left, inner), np.where(lower, outer, right)
        kept, value = np.where(lower, inner, outer), np.where(lower, at_inner, at_outer)
        new = np.where(lower, right - _GOLDEN * (right - left), left + _GOLDEN * (right - left))
        at_new = loss(new)
        inner, outer = np.where(lower, new, kept), np.where(lower, kept, new)
        at_inner, at_outer = np.where(lower, at_new, value), np.where(lower, value, at_new)
    return left, right, np.where(at_inner < at_outer, inner, outer)


def _newton(
    loss: Callable[[np.ndarray], np.ndarray], left: np.ndarray, right: np.ndarray, u: np.ndarray
) -> np.ndarray:
    """Return the minimum by Newton's steps that never leave the bracket."""
    best, at_best = u, loss(u)
    for _ in range(_STEPS):
        below, here, above = loss(u - _NEAR), loss(u), loss(u + _NEAR)
        better = here < at_best
        best, at_best = np.where(better, u, best), np.where(better, here, at_best)
        slope, bend = (above - below) / (2 * _NEAR), (above - 2 * here + below) / _NEAR**2
        with np.errstate(all="ignore"):
            step = np.where(bend > 0, slope / bend, 0.0)
        u = np.clip(u - np.nan_to_num(step), left, right)
        if np.abs(step).max(initial=0.0) < 1e-8:
            break
    # Flat by rounding: the slope's root is nearer than the smallest of equal numbers.
    return np.where(loss(u) <= at_best + 1e-12 * np.abs(at_best), u, best)


def _power(
    land: Landscape,
    near: tuple[IsoCost, IsoCost],
    u: np.ndarray,
    loss: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the slope of the minimum in the log budget, by the implicit function's theorem."""
    mixed = 0.0
    for sign, line in ((-1, near[0]), (1, near[1])):
        for side in (-1, 1):
            at = u + side * _WIDE
            mixed = mixed + sign * side * land.loss(at, line.log_data(at))
    bend = (loss(u + _WIDE) - 2 * loss(u) + loss(u - _WIDE)) / _WIDE**2
    with np.errstate(all="ignore"):
        return -(mixed / (4 * _WIDE**2)) / bend
