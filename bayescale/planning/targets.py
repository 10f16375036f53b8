"""What a target costs: the least budget that reaches it, draw by draw and as one must plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting, forecasts
from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT
from bayescale.errors import DataError
from bayescale.planning import near_optima, optimum, spending
from bayescale.planning.allocation import frontier
from bayescale.planning.frontiers import Frontier
from bayescale.planning.landscape import Landscape, terrain_of

if TYPE_CHECKING:
    import pandas as pd

#: Budgets among which a target's is looked for.
_GRID = 120
#: Sizes that are tried at each budget, and halvings of the budget.
_SIZES, _HALVINGS = 9, 20
#: A target that a smaller share of the draws than this reaches is out of reach: beyond the data
#: a few draws drift below any floor.
_HARDLY = 0.05
#: How far from the runs' own budgets to look, in factors.
_DOWN, _UP = 1e4, 1e12
#: Budgets of a law of numbers, which has seen no runs.
_ANYWHERE = (1e10, 1e35)


@dataclass(frozen=True, eq=False)
class TargetCost:
    """The least budget that reaches a target, as it is for each draw and as one must plan.

    Parameters
    ----------
    targets
        The outcomes asked for, shape (k,).
    draws
        The least budget of every draw, at that draw's own optimum; shape (chain, draw, k),
        infinite where the target is out of reach, 0 where the smallest budget that is looked at
        reaches it.
    plans
        A row for each target: what to train so that the target is reached with probability
        ``prob``, whichever draw is true.
    largest
        The largest cost among the runs; None where there were none.
    front
        With everything that was asked.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> f"{bs.target_cost(law, y=2.0).interval()['median'][0]:.2g}"
    '1.1e+23'
    """

    targets: np.ndarray
    draws: np.ndarray
    plans: pd.DataFrame
    largest: float | None
    front: Frontier

    @property
    def never(self) -> np.ndarray:
        """Probability that no budget reaches the target, shape (k,)."""
        return np.isinf(self.draws).mean(axis=(0, 1))

    def interval(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the interval of the least budget, if the true law were known when it is spent.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            The target, ``median``, ``lower``, ``upper`` of the budget (infinite where the target is
            out of reach, 0 where the smallest budget that is looked at reaches it), ``p_never``,
            and ``extrapolation`` (the median over the largest cost among the runs) where there
            were runs.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(TargetCost.interval, locals())
        import pandas as pd

        ends = forecasts.equal_tailed(self.draws, prob)
        table = pd.DataFrame({self.front.outcome: self.targets}).assign(**ends, p_never=self.never)
        if self.largest is not None:
            table["extrapolation"] = table["median"] / self.largest
        table.attrs = {"probability": prob, "kind": "equal-tailed", "of": self.front.budget}
        return table

    def __repr__(self) -> str:
        """Return the plans, the intervals, and the doubts."""

        def shown(table: pd.DataFrame) -> str:
            return table.to_string(index=False, float_format=lambda v: f"{v:.3g}")

        title = f"{self.front.budget} that reaches {self.front.outcome}"
        words = ["of each draw at its own optimum (90 % equal-tailed):", shown(self.interval(0.9))]
        return "\n".join([f"{title}; plans:", shown(self.plans), *words, *self.front.doubts])

    def _repr_html_(self) -> str:
        return self.plans.to_html(index=False) + self.interval(0.9).to_html(index=False)


def target_cost(
    source: Any,
    y: Any,
    *,
    prob: float = 0.8,
    of: str = "observation",
    cost: Any = None,
    batch: float | None = None,
    inference_tokens: float = 0.0,
    price: float | None = None,
    drift: float = DRIFT,
    **held: Any,
) -> TargetCost:
    """Return the least budget, and the size and data, that reach a target with a probability.

    The plan is one size for all draws: at each budget the size with the best chance to reach the
    target, and the least budget at which that chance is ``prob``.

    Parameters
    ----------
    source
        A fit, an ensemble of fits, or a law whose parameters are all numbers, of two free inputs.
    y
        One target or several, in the units of the outcome.
    prob
        The probability with which the plan must reach it.
    of
        ``"observation"`` for one new run, ``"curve"`` for the law's value.
    cost, batch, inference_tokens, price, drift, **held
        As for :func:`bayescale.frontier`; price adds a column to the plans.

    Returns
    -------
    TargetCost
        With ``plans`` and ``interval()``.

    Raises
    ------
    LawError
        If prob is not between 0 and 1, or as for :func:`bayescale.frontier`.
    DataError
        If a target is not a finite number, or lies out of reach of 95 % of the draws.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.target_cost(law, y=2.0).plans[["params", "tokens"]].map("{:.1g}".format)
      params tokens
    0  2e+10  1e+12
    """
    check_arguments(target_cost, locals())
    forecasts.check_probability(prob)
    targets = forecasting.checked_targets(y)
    low, high, largest = budgets_to_look_at(source, cost, batch, inference_tokens, held)
    grid = np.geomspace(low, high, _GRID)
    front = frontier(
        source, grid, cost=cost, batch=batch, inference_tokens=inference_tokens, price=price,
        drift=drift, **held,
    )  # fmt: skip
    losses = front.terrain.first.target(front.draws[front.outcome])
    goals = front.terrain.first.target(targets)
    draws = np.stack([reached_at(losses, goal, np.log(grid)) for goal in goals], axis=-1)
    reaching = np.isfinite(draws).mean(axis=(0, 1))
    out_of_reach = reaching < _HARDLY
    if out_of_reach.any():
        shown = ", ".join(f"{value:g}" for value in targets[out_of_reach])
        floor = front.terrain.first.reported(losses[..., -1])
        most = reaching[out_of_reach].max()
        few = f"Only {100 * most:.2g} % of the draws reach" if most else "No draw reaches"
        raise DataError(
            f"{few} {front.outcome} of {shown} at any budget: at {grid[-1]:.1g} the "
            f"curve is at {np.quantile(floor, 0.5):.4g} (median). Ask for a target on the other "
            "side of the irreducible loss."
        )
    plans = [_planned(front, draws[..., i], goals[i], prob, of) for i in range(len(goals))]
    return TargetCost(targets, draws, _plan_table(front, targets, plans, prob), largest, front)


def budgets_to_look_at(
    source: Any, cost: Any, batch: float | None, inference_tokens: float, held: Any
) -> tuple[float, float, float | None]:
    """Return the budgets between which to look, and the largest cost among the runs."""
    terrain = terrain_of(source, held)
    land = terrain.first
    own = spending.checked_cost(
        cost, land.law.inputs, batch=batch, inference_tokens=inference_tokens
    )
    ends = []
    for i in (0, 1):
        edge = {role: np.array([land.reach(role)[i]]) for role in land.free}
        ends.append(spending.evaluated(own, edge, land.held, land.law.inputs)[0] * (3, 1 / 3)[i])
    if land.fit is None:
        return max(_ANYWHERE[0], ends[0]), min(_ANYWHERE[1], ends[1]), None
    inputs = land.fit.runs.inputs
    spent = spending.evaluated(
        own, {role: inputs[role] for role in land.free}, land.held, land.law.inputs
    )
    return max(spent.min() / _DOWN, ends[0]), min(spent.max() * _UP, ends[1]), float(spent.max())


def reached_at(losses: np.ndarray, goal: float, log_grid: np.ndarray) -> np.ndarray:
    """Return the budget from which on the loss stays at or below a goal; shape (chain, draw)."""
    above = losses > goal
    last = losses.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1)
    after = np.minimum(last + 1, losses.shape[-1] - 1)
    left, right = (np.take_along_axis(losses, k[..., None], axis=-1)[..., 0] for k in (last, after))
    with np.errstate(all="ignore"):
        share = np.clip((left - goal) / (left - right), 0, 1)
    found = np.exp(log_grid[last] + share * (log_grid[after] - log_grid[last]))
    found = np.where(above[..., -1], np.inf, found)
    return np.where(above.any(axis=-1), found, 0.0)


def _planned(
    front: Frontier, draws: np.ndarray, goal: float, prob: float, of: str
) -> tuple[float, float, float, float]:
    """Return budget, size, data and the probability of the cheapest plan that is likely enough."""
    finite = draws[np.isfinite(draws)]
    low, high = np.log(max(finite.min(), front.spent[0])), np.log(front.spent[-1])
    best = _best_size(front, high, goal, of)
    if best[-1] < prob:
        return (math.inf, math.nan, math.nan, best[-1])
    half = np.quantile(draws, min(prob, 0.5), method="inverted_cdf")
    start = np.log(max(half, front.spent[0]))  # 0 is a target that every budget reaches
    if np.isfinite(start) and start < high:  # most of the line is far from what is asked
        middle = _best_size(front, start, goal, of)
        low, high, best = (start, high, best) if middle[-1] < prob else (low, start, middle)
        step = 1.0
        while middle[-1] < prob and start + step < high:
            middle = _best_size(front, start + step, goal, of)
            low, high, best = (
                (start + step, high, best) if middle[-1] < prob else (low, start + step, middle)
            )
            step *= 2
    for _ in range(_HALVINGS):
        if high - low < 5e-4:
            break
        tried = _best_size(front, (low + high) / 2, goal, of)
        if tried[-1] < prob:
            low = (low + high) / 2
        else:
            high, best = (low + high) / 2, tried
    return (math.exp(high), *best)


def _best_size(
    front: Frontier, log_budget: float, goal: float, of: str
) -> tuple[float, float, float]:
    """Return size, data and probability of the size most likely to reach a goal on a budget."""
    spent = np.array([math.exp(log_budget)])

    def sizes(land: Landscape) -> np.ndarray:
        return optimum.optimal(land, front.line(land, spent)).log_size

    known = front.terrain.each(sizes)
    known = known[np.isfinite(known)]
    line = front.line(None, spent)
    ends = np.quantile(known, [0.1, 0.9]) if len(known) else np.array([line.low[0], line.high[0]])
    u = np.unique(np.linspace(ends[0], ends[1], _SIZES))
    v = line.log_data(u[:, None])[:, 0]
    losses = near_optima.losses_at(front, u, v, of)
    chance = (losses <= goal).mean(axis=(0, 1))
    # Of sizes that are about as likely, the middle one: the best of few is noise.
    good = np.flatnonzero(chance >= chance.max() - 0.5 / math.sqrt(losses[..., 0].size))
    best = int(good[len(good) // 2])
    return math.exp(u[best]), math.exp(v[best]), float(chance[best])


def _plan_table(
    front: Frontier, targets: np.ndarray, plans: list[tuple[float, ...]], prob: float
) -> pd.DataFrame:
    import pandas as pd

    spent, size, data, chance = np.array(plans).T
    table = pd.DataFrame({front.outcome: targets, front.budget: spent})
    if front.price is not None:
        table["price"] = front.price * spent
    for role, values in zip(front.free, (size, data), strict=True):
        table[front.columns[role]] = values
    table["p_reached"] = chance
    table.attrs = {"probability": prob, "drift": front.drift}
    return table
