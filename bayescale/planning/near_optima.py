"""Which sizes are as good as optimal, and the one size to train when the optimum is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import DataError, LawError
from bayescale.forecasts import check_probability
from bayescale.given import as_array, short
from bayescale.planning import critical_frontier, equal_cost, optimum
from bayescale.planning.equal_cost import IsoCost
from bayescale.planning.landscape import Landscape

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.planning.frontiers import Frontier

#: First step away from the optimum in log size, and halvings of the bracket found.
_FIRST, _HALVINGS = 0.25, 30
#: Sizes among which a plan is looked for.
_SIZES = 41
#: Numbers that are held at once.
_HELD = 2_000_000


@dataclass(frozen=True, eq=False)
class NearOptimal:
    """The sizes whose loss is within a share of the least one, draw by draw.

    Parameters
    ----------
    smallest, largest
        Draws of shape (chain, draw, m); not a number where a draw has no optimum.
    budgets
        Shape (m,).
    within
        The share of the loss.
    budget, size
        Their names in tables.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> near = bs.frontier(law, compute=1e21).near_optimal(within=0.005)
    >>> near.interval()[["smallest", "largest"]].map("{:.2g}".format)
      smallest  largest
    0  9.9e+08  3.4e+09
    """

    smallest: np.ndarray
    largest: np.ndarray
    budgets: np.ndarray
    within: float
    budget: str
    size: str

    def interval(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the near-optimal sizes at each budget.

        Parameters
        ----------
        prob
            Of the intervals, and of the sizes that are near-optimal with at least this probability.

        Returns
        -------
        pandas.DataFrame
            The budget; ``smallest`` and ``largest`` near-optimal size (medians) with ``_lower`` and
            ``_upper`` ends of their intervals; and ``sure_from``, ``sure_to``: the sizes that are
            near-optimal with probability ``prob`` at least (empty where no size is).

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(NearOptimal.interval, locals())
        import pandas as pd

        check_probability(prob)
        table = pd.DataFrame({self.budget: self.budgets})
        levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
        for name in ("smallest", "largest"):
            ends = np.nanquantile(getattr(self, name), levels, axis=(0, 1))
            for suffix, values in zip(("", "_lower", "_upper"), ends, strict=True):
                table[name + suffix] = values
        sure = [self._sure(i, prob) for i in range(len(self.budgets))]
        table["sure_from"], table["sure_to"] = np.array(sure).T
        table.attrs = {"probability": prob, "within": self.within, "of": self.size}
        return table

    def probability(self, sizes: Any) -> pd.DataFrame:
        """Return the probability that a size is near-optimal.

        Parameters
        ----------
        sizes
            Shape (k,) or a number.

        Returns
        -------
        pandas.DataFrame
            A row for each budget and size: the two, and ``probability``.

        Raises
        ------
        DataError
            If a size is not a positive finite number.
        """
        import pandas as pd

        asked = np.atleast_1d(as_array("sizes=", sizes)).ravel()
        if not (asked > 0).all():
            raise DataError(f"sizes= must be positive; got {short(sizes)}.")
        inside = (self.smallest[..., None] <= asked) & (asked <= self.largest[..., None])
        shares = inside.mean(axis=(0, 1))
        return pd.DataFrame(
            {
                self.budget: np.repeat(self.budgets, len(asked)),
                self.size: np.tile(asked, len(self.budgets)),
                "probability": shares.ravel(),
            }
        )

    def _sure(self, which: int, prob: float) -> tuple[float, float]:
        """Return the sizes that lie in the set with some probability: an end of a draw's set."""
        low, high = (np.ravel(draws[..., which]) for draws in (self.smallest, self.largest))
        ends = np.sort(np.concatenate([low, high]))
        ends = ends[np.isfinite(ends)]
        if not len(ends):
            return np.nan, np.nan
        begun = np.searchsorted(np.sort(low), ends, side="right")
        over = np.searchsorted(np.sort(high), ends, side="left")
        good = (begun - over) / len(low) >= prob
        return (ends[good][0], ends[good][-1]) if good.any() else (np.nan, np.nan)

    def __repr__(self) -> str:
        """Return the table."""
        words = f"{self.size} within {100 * self.within:g} % of the least loss"
        table = self.interval(0.9).to_string(index=False, float_format=lambda v: f"{v:.3g}")
        return f"{words} (90 % equal-tailed)\n{table}"

    def _repr_html_(self) -> str:
        return self.interval(0.9).to_html(index=False, float_format=lambda v: f"{v:.3g}")


def near_optimal(front: Frontier, within: float) -> NearOptimal:
    """Return the near-optimal sizes of a frontier."""
    if not 0 < within < 1:
        raise LawError(f"within= must be a share of the loss, such as 0.005; got {short(within)}.")
    ends = []
    for land in front.terrain.parts:
        chains, draws = land.curves.shape
        each, pieces = max(_HELD // (10 * chains * draws), 1), []
        for start in range(0, len(front.budgets), each):
            spent = front.spent[start : start + each]
            if isinstance(front.cost, critical_frontier.CriticalFlops):
                critical = front.cost.critical
                line, best = critical_frontier.line_of_loss(land, critical, spent, within)
            else:
                line = equal_cost.lines_of(land, front.cost, spent)
                best = optimum.optimal(land, line)
            pieces.append(_ends(land, line, best, within))
        ends.append([np.concatenate(p, axis=-1) for p in zip(*pieces, strict=True)])
    low, high = (np.exp(front.terrain.mixed(list(side))) for side in zip(*ends, strict=True))
    size = front.columns[front.free[0]]
    return NearOptimal(low, high, front.budgets, within, front.budget, size)


def _ends(
    land: Landscape, line: IsoCost, best: optimum.Optimum, within: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return logs of the smallest and the largest size within a share of the least loss."""
    least = land.reported(best.loss)
    goal = best.loss + within * np.abs(least)

    def good(u: np.ndarray) -> np.ndarray:
        return land.loss(u, line.log_data(u)) <= goal

    found = []
    for sign, end in ((-1.0, line.low), (1.0, line.high)):
        inside, outside = best.log_size, np.broadcast_to(end, best.log_size.shape)
        step = _FIRST
        open_ = np.ones(inside.shape, bool)
        while step < 64 and open_.any():
            tried = np.clip(best.log_size + sign * step, line.low, line.high)
            fine = good(tried)
            inside = np.where(open_ & fine, tried, inside)
            outside = np.where(open_ & ~fine, tried, outside)
            open_, step = open_ & fine, 2 * step
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            fine = good(middle)
            inside, outside = np.where(fine, middle, inside), np.where(fine, outside, middle)
        found.append(inside)
    return found[0], found[1]


def plan(front: Frontier, prob: float, of: str) -> pd.DataFrame:
    """Return the table of :meth:`bayescale.planning.frontiers.Frontier.plan`."""
    import pandas as pd

    check_probability(prob)
    _check_lines(front, "plan()")
    log_size, log_data, regret = _planned(front)
    losses = losses_at(front, log_size, log_data, of)
    outcome = front.terrain.first.reported(losses)
    low, middle, high = np.quantile(outcome, [(1 - prob) / 2, 0.5, (1 + prob) / 2], axis=(0, 1))
    size, data = (front.columns[role] for role in front.free)
    table = pd.DataFrame({front.budget: front.budgets})
    if front.price is not None:
        table["price"] = front.price * front.spent
    table[size], table[data] = np.exp(log_size), np.exp(log_data)
    table[front.outcome] = middle
    table[f"{front.outcome}_lower"], table[f"{front.outcome}_upper"] = low, high
    table["regret"] = regret
    seen = [front.terrain.first.seen(role) for role in front.free]
    if None not in seen:
        ratios = [np.exp(log_size) / seen[0], np.exp(log_data) / seen[1]]
        table["extrapolation"] = np.max(ratios, axis=0)
    table.attrs = {"probability": prob, "kind": "equal-tailed", "of": of, "drift": front.drift}
    return table


def reached(front: Frontier, target: float, of: str) -> np.ndarray:
    """Return the probability that each budget's plan reaches an outcome, shape (m,)."""
    _check_lines(front, "probability()")
    log_size, log_data, _ = _planned(front)
    losses = losses_at(front, log_size, log_data, of)
    return (losses <= front.terrain.first.target(target)).mean(axis=(0, 1))


def losses_at(front: Frontier, log_size: np.ndarray, log_data: np.ndarray, of: str) -> np.ndarray:
    """Return draws of the loss at sizes and data of shape (m,), with drift beyond the data."""
    if of not in ("observation", "curve"):
        raise LawError(f"of= must be 'observation' or 'curve'; got {short(of)}.")
    found = []
    for i, land in enumerate(front.terrain.parts):
        losses = land.drifted(log_size, log_data, front.drift)
        if of == "observation":
            losses = land.observed(losses, log_size, log_data, salt=50 + i)
        found.append(losses)
    return front.terrain.mixed(found)


def expected(front: Frontier, line: IsoCost, which: int, u: np.ndarray) -> np.ndarray:
    """Return the expected loss at sizes along one budget's line, shape (k,)."""
    one = line.part(slice(which, which + 1))
    v = one.log_data(u[:, None])[:, 0]
    losses = front.terrain.each(lambda land: land.loss(u, v))
    return losses.mean(axis=(0, 1))


def _planned(front: Frontier) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each budget the log size of least expected loss, the log data, and the regret."""
    line, size = front.line(), front.draws[front.free[0]]
    best = front.terrain.each(lambda land: optimum.optimal(land, front.line(land)).loss)
    u, regret = np.empty(len(front.budgets)), np.empty(len(front.budgets))
    for i in range(len(front.budgets)):
        known = np.log(size[..., i][np.isfinite(size[..., i])])
        if not len(known):  # no draw has an optimum: the end where the loss is least
            known = np.array([line.low[i], line.high[i]])
        low, high = np.quantile(known, [0.01, 0.99]) + np.array([-0.05, 0.05])
        low, high = max(low, line.low[i]), min(high, line.high[i])
        u[i], least = _least(partial(expected, front, line, i), low, high)
        regret[i] = least - best[..., i].mean()
    return u, line.log_data(u), np.maximum(regret, 0.0)


def _least(
    value: Callable[[np.ndarray], np.ndarray], low: float, high: float
) -> tuple[float, float]:
    """Return where a function is least between two ends, and its value there."""
    for _ in range(3):
        grid = np.linspace(low, high, _SIZES)
        values = np.nan_to_num(value(grid), nan=np.inf, posinf=np.inf)
        best = int(values.argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, _SIZES - 1)]
    return float(grid[best]), float(values[best])


def _check_lines(front: Frontier, asked: str) -> None:
    if not isinstance(front.cost, critical_frontier.CriticalFlops):
        return
    batch = float(np.nanmedian(front.draws["batch"][..., len(front.budgets) // 2]))
    raise LawError(
        f"{asked} is one run for all draws, and with critical_batch= each draw has a batch and "
        "steps of its own. near_optimal() says which sizes are good; for a plan hold the batch: "
        f"bs.frontier(..., batch={batch:.2g}) in place of critical_batch= (the median critical "
        "batch at the middle budget)."
    )
