"""Whether runs can tell how a budget is best divided, and what they tell instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.planning import equal_cost, optimum, spending
from bayescale.planning.landscape import Landscape, Terrain

#: Values of an input that differ by less than this share are one.
_SAME = 0.02
#: Runs whose own budget is looked at, and draws that are.
_RUNS, _DRAWS = 60, 250
#: Of the budgets that are asked about, those that are looked at.
_BUDGETS = 9
#: A ray: what is left of the second input given the first, over the larger of their ranges.
_RAY = 0.05
#: From this probability on, runs are said to lie on one side.
_PROBABLY = 0.5
#: A size this many times larger or smaller that costs less than this share of the loss is as good.
_TIMES, _NOTHING = 10.0, 1e-3
#: Steps of the slopes in log inputs.
_STEP = 1e-3


def doubts(terrain: Terrain, cost: Any, spent: np.ndarray) -> list[str]:
    """Return what the design of the runs, or the law, keeps from being known, in words.

    Parameters
    ----------
    terrain
        The loss; of a law of numbers nothing is said.
    cost
        What runs cost.
    spent
        The budgets that are asked about, in the unit of the cost; shape (m,).
    """
    land = terrain.first
    if land.fit is None:
        return []
    runs = land.fit.runs
    logs = {role: np.log(runs.inputs[role]) for role in land.free}
    found = [*_few(land, logs), *_ray(land, logs)]
    return [*(found or _one_side(land, cost, runs.inputs)), *_flat(land, cost, spent)]


def without_optimum(
    land: Landscape, draws: Mapping[str, np.ndarray], budgets: np.ndarray
) -> list[str]:
    """Return a sentence where most draws have their optimum beyond the sizes that are looked at.

    Parameters
    ----------
    land
        The loss.
    draws
        The optimum of every draw, not a number where it has none; shape (chain, draw, m).
    budgets
        What was asked about, shape (m,).
    """
    share = np.isnan(draws[land.free[0]]).mean(axis=(0, 1))
    out = share > _PROBABLY
    if not out.any():
        return []
    least, most = (f"{pick(budgets[out]):.3g}" for pick in (min, max))
    asked = f"a budget of {least}" if least == most else f"budgets of {least} to {most}"
    low, high = (f"{end:.1g}" for end in land.reach(land.free[0]))
    return [
        f"At {asked} most draws (a share of {share.max():.2g}) have no optimum between the "
        f"{land.curves.columns[land.free[0]]!r} that are looked at, {low} to {high}; the intervals "
        "are of the others. Are budget and columns in the units of the cost?"
    ]


def _few(land: Landscape, logs: Mapping[str, np.ndarray]) -> list[str]:
    """Return a sentence for each input that takes one value or two."""
    words = []
    for role, values in logs.items():
        count = 1 + int((np.diff(np.sort(values)) > _SAME).sum())
        if count >= min(land.law.sizes_needed(role), 3):
            continue
        other = next(name for name in logs if name != role)
        column, across = land.curves.columns[role], land.curves.columns[other]
        takes = "one value" if count == 1 else "two values"
        words.append(
            f"{column!r} takes {takes}: two points fit any exponent, so the optimum follows the "
            f"priors. What the runs tell is how the loss falls with {across!r} "
            f"({_slope(land, other)}), and not with {column!r} ({_slope(land, role)}). Add runs "
            f"of a third {column!r}."
        )
    return words


def _ray(land: Landscape, logs: Mapping[str, np.ndarray]) -> list[str]:
    """Return a sentence where the two inputs rise together."""
    (first, x), (second, y) = logs.items()
    if min(x.std(), y.std()) < _SAME:
        return []
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
    off = (y - y.mean() - slope * (x - x.mean())).std()
    if off >= _RAY * max(x.std(), y.std()):
        return []
    names = land.curves.columns[first], land.curves.columns[second]
    one, two = _slopes(land)
    along, across = one + slope * two, one - slope * two
    return [
        f"All runs lie on one ray, {names[1]} ~ {names[0]}^{slope:.2f}: how a budget is divided "
        f"follows the priors. What the runs tell is the loss along the ray, which falls by "
        f"{_percent(along)} % for each percent of {names[0]} with its {names[1]}; how much of that "
        f"is due to either is open (the difference is {_percent(across)} %). Add runs of another "
        "ratio."
    ]


def _one_side(land: Landscape, cost: Any, inputs: Mapping[str, np.ndarray]) -> list[str]:
    """Return a sentence where all runs are smaller, or all larger, than optimal."""
    order = np.unique(np.linspace(0, len(inputs[land.free[0]]) - 1, _RUNS).round().astype(int))
    sorted_runs = np.argsort(inputs[land.free[0]], kind="stable")[order]
    chosen = {role: inputs[role][sorted_runs] for role in land.law.inputs}
    # Each run is asked about with the inputs held as it had them, or the cost is another.
    held = {role: land.held[role] for role in land.held}
    free = {role: chosen[role] for role in land.free}
    spent = spending.evaluated(cost, free, held, land.law.inputs)
    few = _few_draws(land)
    line = equal_cost.lines_of(few, cost, spent)
    with np.errstate(all="ignore"):
        best = optimum.optimal(few, line).log_size
    gap = np.log(chosen[land.free[0]]) - best
    words = []
    for side, all_there in (("smaller", (gap < 0)), ("larger", (gap > 0))):
        share = float(all_there.all(axis=-1).mean())
        if share < _PROBABLY:
            continue
        known, open_ = land.free if side == "smaller" else land.free[::-1]
        columns = land.curves.columns
        words.append(
            f"All runs have {columns[land.free[0]]!r} {side} than optimal for their own cost "
            f"(probability {share:.2f}): the optimum lies beyond the runs. What they tell is how "
            f"the loss falls with {columns[known]!r} ({_slope(land, known)}), less with "
            f"{columns[open_]!r} ({_slope(land, open_)}). Add runs on the other side."
        )
    return words


def _flat(land: Landscape, cost: Any, spent: np.ndarray) -> list[str]:
    """Return a sentence where budgets are beyond all that sizes and data can buy."""
    few = _few_draws(land)
    spent = np.sort(spent)[np.unique(np.linspace(0, len(spent) - 1, _BUDGETS).round().astype(int))]
    line = equal_cost.lines_of(few, cost, spent)
    best = optimum.optimal(few, line)
    least = np.abs(few.reported(best.loss))
    worse = []
    for side in (-1, 1):
        u = best.log_size + side * np.log(_TIMES)
        worse.append((few.loss(u, line.log_data(u)) - best.loss) / least)
    known = ~np.isnan(best.log_size)
    level = (np.maximum(*worse) < _NOTHING) & known
    flat = level.sum(axis=(0, 1)) >= _PROBABLY * np.maximum(known.sum(axis=(0, 1)), 1)
    if not flat.any():
        return []
    size, unit = land.curves.columns[land.free[0]], spending.unit_of(cost)
    from_ = f"{spent[flat].min():.3g} {'FLOP' if unit == 'compute' else unit}"
    return [
        f"From a budget of {from_} on, a tenth or ten times the best {size!r} costs less than "
        f"{100 * _NOTHING:g} % of the loss: neither size nor data buy anything there, and the "
        "optimum is not identified. Ask for near_optimal(), or for smaller budgets."
    ]


def _few_draws(land: Landscape) -> Landscape:
    count = land.curves.shape[0] * land.curves.shape[1]
    index = np.unique(np.linspace(0, count - 1, _DRAWS).round().astype(int))
    return land.taken(index)


def _slopes(land: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """Return by how many percent the loss falls with a percent of each input, at the centre."""
    curves = land.curves
    references = curves.parts[0].references
    centre = [np.array([np.log(references[f"{role}_ref"])]) for role in land.free]
    found = []
    for which in (0, 1):
        ends = []
        for side in (-1, 1):
            u, v = (centre[i] + (side * _STEP if i == which else 0.0) for i in (0, 1))
            ends.append(land.reported(land.loss(u, v))[..., 0])
        middle = np.abs(ends[0] + ends[1]) / 2
        found.append((ends[0] - ends[1]) / (2 * _STEP * middle))
    return found[0], found[1]


def _slope(land: Landscape, role: str) -> str:
    draws = _slopes(land)[land.free.index(role)]
    return f"{_percent(draws)} % for each percent"


def _percent(draws: np.ndarray) -> str:
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"
