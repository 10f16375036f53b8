"""What twice as much is worth, and which of two arms is cheaper."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasts
from bayescale.arguments import check_arguments
from bayescale.curve_sources import curves_of
from bayescale.derived_record import Derived
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import DataError, LawError
from bayescale.given import short
from bayescale.groups import ORIGIN
from bayescale.planning import equal_cost, optimum, spending
from bayescale.planning.allocation import checked_budgets, frontier
from bayescale.planning.frontiers import Frontier
from bayescale.planning.landscape import Landscape, members_of, terrain_of
from bayescale.planning.targets import budgets_to_look_at, reached_at

if TYPE_CHECKING:
    import pandas as pd


def doubling_value(
    source: Any,
    *,
    factor: float = 2.0,
    cost: Any = None,
    batch: float | None = None,
    drift: float = DRIFT,
    **inputs: float,
) -> Derived:
    r"""Return what the loss gains from twice the data, twice the parameters, or twice the compute.

    Parameters
    ----------
    source
        A fit, an ensemble of fits, or a law whose parameters are all numbers, of two free inputs.
    factor
        By what each is multiplied.
    cost, batch, drift
        As for :func:`bayescale.frontier`.
    **inputs
        The run to start from, one number for every input: ``params=1e9, tokens=2e10``.

    Returns
    -------
    Derived
        In the units of y, positive = better. A row for each of the two inputs, and one for the
        budget, which is divided anew (so it gains even at ``factor=1`` where the run was not
        optimal); the column ``cost`` is the cost over that of the run to start from.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the factor is not positive.
    DataError
        If an input is not positive and finite.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.doubling_value(law, params=1e9, tokens=2e10).interval()[["more", "cost", "median"]]
          more  cost    median
    0   params   2.0  0.074317
    1   tokens   2.0  0.094571
    2  compute   2.0  0.094642
    """
    check_arguments(doubling_value, locals())
    import pandas as pd

    drift = checked_drift(drift)
    if not 0 < factor < math.inf:
        raise LawError(f"factor= must be a positive finite number; got {short(factor)}.")
    terrain, start = _started(source, inputs)
    first = terrain.first
    own = spending.checked_cost(cost, first.law.inputs, batch=batch)
    logs = np.log(start)
    moved = logs + math.log(factor) * np.array([[0, 0], [1, 0], [0, 1]])
    if (moved > np.log(sys.float_info.max)).any():
        raise DataError(
            f"factor= times the inputs is more than a number holds; got {short(factor)} times "
            f"{', '.join(f'{value:.3g}' for value in start)}."
        )
    at = {role: np.exp(moved[:, i]) for i, role in enumerate(first.free)}
    spent = spending.evaluated(own, at, first.held, first.law.inputs)
    losses = terrain.each(lambda land: land.drifted(moved[:, 0], moved[:, 1], drift))
    budget = np.array([spent[0] * factor])

    def best(land: Landscape) -> np.ndarray:
        found = optimum.optimal(land, equal_cost.lines_of(land, own, budget))
        nowhere = np.isnan(found.log_size)
        return np.where(nowhere, found.loss, land.drifted(found.log_size, found.log_data, drift))

    losses = np.concatenate([losses, terrain.each(best)], axis=-1)
    gain = losses[..., :1] - losses[..., 1:]
    table = pd.DataFrame({first.curves.columns[r]: [v] * 3 for r, v in _named(first, start)})
    table["more"] = [*(first.curves.columns[role] for role in first.free), spending.unit_of(own)]
    table["cost"] = np.append(spent[1:], budget) / spent[0]
    name = f"gain of {first.curves.outcome} from {factor:g} times as much"
    return Derived(gain, table, name, f"units of {first.curves.outcome}")


def _named(land: Landscape, start: np.ndarray) -> list[tuple[str, float]]:
    return [*zip(land.free, start, strict=True), *land.held.items()]


def _started(source: Any, inputs: dict[str, float]) -> tuple[Any, np.ndarray]:
    """Return the terrain with all inputs but two held, and those two of the run to start from."""
    fits = members_of(source)
    curves = curves_of(fits[0])
    at = curves.checked(inputs)
    wrong = [role for role, values in at.items() if len(values) != 1]
    if wrong:
        raise LawError(f"{wrong[0]}= takes one number: the run to start from.")
    roles = list(curves.parts[0].law.inputs)
    pair = [r for r in ("params", "encoder") if r in roles][:1]
    pair += [r for r in ("tokens", "steps", "decoder") if r in roles][:1]
    pair = pair if len(pair) == 2 else roles[:2]
    held = {role: float(values[0]) for role, values in at.items() if role not in pair}
    terrain = terrain_of(source, held)
    return terrain, np.array([float(at[role][0]) for role in terrain.first.free])


def cheaper(
    first: Any,
    second: Any,
    compute: Any,
    *,
    cost: Any = None,
    second_cost: Any = None,
    prob: float = 0.9,
    drift: float = DRIFT,
    seed: int = 0,
    **held: Any,
) -> pd.DataFrame:
    """Return which of two arms is better at a budget, each at its own optimum.

    Parameters
    ----------
    first, second
        Two arms: fits, ensembles or laws of numbers of two free inputs, or two groups of one fit
        (``fit.at(family="A")``), whose draws belong together; others are paired at random.
    compute
        Budgets, in the unit of the costs; shape (m,) or a number.
    cost, second_cost
        As for :func:`bayescale.frontier`; the second arm's is the first's by default.
    prob
        Probability of the equal-tailed intervals.
    drift
        As for :func:`bayescale.frontier`; two groups of one fit drift each on its own.
    seed
        Of the pairing.
    **held
        Inputs that are held, in both arms.

    Returns
    -------
    pandas.DataFrame
        The budget; ``difference`` of the least outcomes, first less second, with ``_lower`` and
        ``_upper``; ``p_first_better``; and ``multiplier``: how many times the budget the second
        arm needs to be as good as the first, with its interval (infinite where it never is).

    Raises
    ------
    LawError
        As for :func:`bayescale.frontier`.

    Examples
    --------
    >>> import bayescale as bs
    >>> numbers = {"irreducible": 1.7, "params_exponent": 0.34, "tokens_exponent": 0.28}
    >>> one, two = bs.Chinchilla(A=400, B=400, **numbers), bs.Chinchilla(A=440, B=440, **numbers)
    >>> bs.cheaper(one, two, compute=1e21)[["p_first_better", "multiplier"]].round(2)
       p_first_better  multiplier
    0             1.0        1.87
    """
    check_arguments(cheaper, locals())
    import pandas as pd

    forecasts.check_probability(prob)
    budgets = checked_budgets(compute)
    other = cost if second_cost is None else second_cost
    one = frontier(first, budgets, cost=cost, drift=drift, **held)
    low, high, _ = budgets_to_look_at(second, other, None, 0.0, held)
    around = np.concatenate([budgets * factor for factor in np.geomspace(1e-6, 1e6, 73)])
    grid = np.unique(np.concatenate([budgets, around[(around > low) & (around < high)]]))
    two = frontier(second, grid, cost=other, drift=drift, **held)
    left, right = _paired(one, two, first, second, seed)
    levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    rows = []
    for i, k in enumerate(np.searchsorted(grid, budgets)):
        gap = left[:, i] - right[:, k]
        outcomes = one.terrain.first.reported(left[:, i]) - two.terrain.first.reported(right[:, k])
        needed = _reached_by(right, left[:, i], np.log(grid)) / budgets[i]
        share = float((gap < 0).mean() + 0.5 * (gap == 0).mean())
        ends = np.quantile(needed, levels, method="inverted_cdf")
        rows.append((budgets[i], *np.quantile(outcomes, levels), share, *ends))
    names = [one.budget, "difference", "difference_lower", "difference_upper", "p_first_better"]
    names += ["multiplier", "multiplier_lower", "multiplier_upper"]
    table = pd.DataFrame(rows, columns=names)
    table.attrs = {"probability": prob, "kind": "equal-tailed", "drift": drift}
    return table


def _paired(
    one: Frontier, two: Frontier, first: Any, second: Any, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least losses of both arms, shape (draw, m), with draws that go together."""
    left, right = (
        f.terrain.first.target(f.draws[f.outcome]).reshape(-1, len(f.budgets)) for f in (one, two)
    )
    marks = [getattr(source, "tree", None) for source in (first, second)]
    origins = [tree.attrs.get(ORIGIN) if tree is not None else None for tree in marks]
    together = first is second or (origins[0] and origins[0] == origins[1])
    if not together and min(len(left), len(right)) > 1:
        rng = np.random.default_rng([seed, 37])
        count = min(len(left), len(right))
        left, right = (rows[rng.permutation(len(rows))[:count]] for rows in (left, right))
    count = max(len(left), len(right))
    wide = [np.broadcast_to(rows, (count, rows.shape[1])) for rows in (left, right)]
    return wide[0], wide[1]


def _reached_by(losses: np.ndarray, goals: np.ndarray, log_grid: np.ndarray) -> np.ndarray:
    """Return for each draw the budget at which its loss reaches a goal of its own."""
    found = reached_at((losses - goals[:, None])[None], 0.0, log_grid)[0]
    return np.where(found == 0.0, math.exp(log_grid[0]), found)
