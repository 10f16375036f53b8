"""Where the loss is least along a line of equal cost: closed form, or a safe search, for all draws.

All inputs are logs here: u of the size, v of what it is trained on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bayescale.cores import side_by_side
from bayescale.planning.equal_cost import WIDE, IsoCost
from bayescale.planning.landscape import Landscape

#: Sizes among which a minimum is looked for first.
_GRID = 28
#: Most steps from three of those sizes to the minimum, and the last one that is worth taking: a
#: Newton's step that short leaves less than its square.
_STEPS, _LAST = 30, 1e-5
#: A bracket as narrow as this is a minimum: of a kink it is all there is.
_BRACKET = 3e-4
#: Steps of the differences in log size, from the first to the last.
_NEAR, _NEAREST = 2e-3, 1e-4
#: Numbers that are looked at at once: few enough for the cache of a core.
_HELD = 40_000
#: Where fewer than this share still move they are looked at alone.
_FEW = 0.5
#: A power of the budget beyond which the loss is level: no power, but rounding.
_STEEPEST = 1e3


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
        power, where lines of other budgets must be made anew.
    """
    if isinstance(line.rule, float) and land.law.balanced:
        return _closed(land, line, line.rule)
    chains, draws = land.curves.shape
    each = max(_HELD // (chains * draws), 1)
    blocks = [slice(start, start + each) for start in range(0, len(line.low), each)]

    def found(which: slice) -> Optimum:
        return _searched(land, line.part(which), _near_lines(line, lines, which))

    arrays = zip(*side_by_side(found, blocks), strict=True)
    return Optimum(*(np.concatenate(blocks, axis=-1) for blocks in arrays))


def _near_lines(line: IsoCost, lines: IsoCost | None, which: slice) -> tuple[IsoCost, IsoCost]:
    if lines is not None:
        count = len(line.low)
        return lines.part(slice(0, count)).part(which), lines.part(slice(count, None)).part(which)
    part = line.part(which)

    def moved(by: float) -> IsoCost:
        return replace(part, log_budgets=part.log_budgets + by)

    return moved(-WIDE), moved(WIDE)


def _closed(land: Landscape, line: IsoCost, log_factor: float) -> Optimum:
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
    product = line.log_budgets - log_factor - sum(centre)
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
    u, v, least = _descended(land, line, line.low + middle * step, _three(on_grid, middle), edge)
    edge |= ~np.isfinite(least)
    power = _power(land, line, near, u)
    power = np.where(edge | ~(np.abs(power) < _STEEPEST), 0.0, power)
    after, before = near[1].log_data(u + power * WIDE), near[0].log_data(u - power * WIDE)
    lost = np.where(edge, np.nan, 0.0)
    return Optimum(
        u + lost,
        v + lost,
        np.where(edge, on_grid.min(axis=-1), least),
        power + lost,
        (after - before) / (2 * WIDE) + lost,
    )


def _loss(land: Landscape, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the loss, infinite where it is no number."""
    found = land.loss(u, v)
    return np.where(np.isnan(found), np.inf, found)


def _three(on_grid: np.ndarray, middle: np.ndarray) -> list[np.ndarray]:
    """Return the values on both sides of a point of the grid, and its own between them."""
    place = middle[..., None] + np.array([-1, 0, 1])
    return list(np.moveaxis(np.take_along_axis(on_grid, place, axis=-1), -1, 0))


class _Search(NamedTuple):
    """How far the search is; each of shape (chain, draw, m).

    Parameters
    ----------
    u
        Log sizes.
    left, right
        Between which the minimum lies.
    moved
        The last step; below the least one that is worth taking where the search is over.
    apart
        Steps of the differences.
    """

    u: np.ndarray
    left: np.ndarray
    right: np.ndarray
    moved: np.ndarray
    apart: np.ndarray


def _descended(
    land: Landscape, line: IsoCost, middle: np.ndarray, values: list[np.ndarray], done: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log size, log data and loss of the minimum.

    By Newton's steps, halving the bracket where they are too long. The first is the vertex of the
    parabola through three points of the grid. Most draws are there after three or four; those at a
    kink are not, and go on alone.
    """
    step = (line.high - line.low) / (_GRID - 1)
    with np.errstate(all="ignore"):
        down, up = values[0] - values[1], values[2] - values[1]
        first = np.nan_to_num(step * (down - up) / (2 * (down + up)))
    moved, apart = np.where(done, 0.0, 2 * step), np.full(middle.shape, _NEAR)
    u = middle + np.clip(first, -step, step)
    search = _Search(u, middle - step, middle + step, moved, apart)
    draws = land.curves.shape[1]
    for _ in range(_STEPS):
        going = search.moved >= _LAST
        if not going.any():
            break
        if going.mean() > _FEW:
            search = _stepped(land, line, search)
            continue
        chain, draw, which = np.nonzero(going)
        few, lines = land.taken(chain * draws + draw), line.part(which[:, None])
        alone = _stepped(few, lines, _Search(*(a[going][None, :, None] for a in search)))
        for whole, part in zip(search, alone, strict=True):
            whole[going] = part.ravel()
    v = line.log_data(search.u)
    found = search.u, v, _loss(land, search.u, v)
    # The loss may have steps, which no slope sees.
    better, at_start = found[2] <= values[1], (middle, line.log_data(middle), values[1])
    u, v, least = (np.where(better, *pair) for pair in zip(found, at_start, strict=True))
    return u, v, least


def _stepped(land: Landscape, line: IsoCost, search: _Search) -> _Search:
    """Return the search one step on."""
    now = search.u
    slope, newton = _slope(land, line, now, search.apart)
    low = np.where(slope < 0, now, search.left)
    high = np.where(slope < 0, search.right, now)
    fine = (low <= now + newton) & (now + newton <= high)
    fine &= np.abs(newton) <= search.moved / 2
    fine |= np.abs(newton) < _LAST  # rounding
    by = np.where(fine, newton, (low + high) / 2 - now)
    by = np.where(search.moved < _LAST, 0.0, by)
    # Differences reach no further than steps do, or they would smooth a kink away.
    apart = np.clip(np.abs(by) / 2, _NEAREST, _NEAR)
    apart = np.where(fine, apart, np.minimum(apart, (high - low) / 4))
    moved = np.where(high - low < _BRACKET, 0.0, np.abs(by))
    return _Search(now + by, low, high, moved, apart)


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

    (low_left, low_right), (high_left, high_right) = (losses(part, -WIDE, WIDE) for part in near)
    left, here, right = losses(line, -WIDE, 0.0, WIDE)
    with np.errstate(all="ignore"):
        mixed = (high_right - high_left - low_right + low_left) / (4 * WIDE**2)
        return -mixed * WIDE**2 / (right - 2 * here + left)
