"""The picture of a frontier: the best size at each budget, and sizes that are as good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.planning import spending
from bayescale.plots import style
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.planning.frontiers import Frontier


@takes("bs.frontier(...)", "budgets", "near_optimal")
def plot_frontier(
    front: Frontier,
    *,
    of: str | None = None,
    prob: float = 0.9,
    within: float | None = 0.005,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity of the frontier against the budget.

    Parameters
    ----------
    front
        What :func:`bayescale.frontier` returns.
    of
        One of ``front.draws``, or an input's column; the size by default.
    prob
        Probability of the equal-tailed intervals.
    within
        For the size: also draw from where to where sizes cost no more than this share of the loss
        (medians of both ends); None leaves it out.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If there is one budget only, no such quantity, or prob is not between 0 and 1.

    Examples
    --------
    >>> import bayescale as bs, numpy as np
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.plot_frontier(bs.frontier(law, np.geomspace(1e18, 1e24, 7))).get_ylabel()
    'params'
    """
    check_arguments(plot_frontier, locals(), but=("front",))
    if len(front.budgets) < 2:
        raise LawError("plot_frontier() draws a line over budgets; this frontier has one.")
    table = front.interval(prob, of)
    name, x = table.attrs["of"], table[front.budget].to_numpy()
    size = front.columns[front.free[0]]
    ax = style.axes(ax)
    log_axis(ax, "x")
    if bool((table["lower"].to_numpy(float) > 0).all()) and not name.endswith("_power"):
        log_axis(ax, "y")
    look, other = style.stroke(0), style.stroke(1)
    ink = [(x, table[side]) for side in ("median", "lower", "upper")]
    style.limits(ax, "x", x)
    style.limits(ax, "y", table[["lower", "upper", "median"]].to_numpy())
    if name == size and within is not None and callable(front.cost):
        near = front.near_optimal(within).interval(prob)
        words = f"within {100 * within:g} % of the least loss (median)"
        ends = near.assign(lower=near["smallest"], upper=near["largest"]).filter(["lower", "upper"])
        style.draw_band(ax, x, ends, other, words, strong=False)
        style.limits(ax, "y", ends.to_numpy())
        ink += [(x, ends[side]) for side in ends]
    style.draw_band(ax, x, table, look, style.percent(prob))
    ax.plot(x, table["median"], color=look.colour, linewidth=1.8, label="median", zorder=3)
    spent = _draw_runs(ax, front, name)
    if len(spent):
        ink.append((spent[:, 0], spent[:, 1]))
    unit = "" if front.unit == front.budget else f" [{front.unit}]"
    ax.set(xlabel=f"{front.budget}{unit}", ylabel=style.plain(name))
    if len(spent):
        style.finish(ax, ink, float(spent[:, 0].max()), words="costliest run")
    else:
        ax.legend(**style.legend_look(ax))
    return ax


def _draw_runs(ax: Axes, front: Frontier, name: str) -> np.ndarray:
    """Draw the runs at their own cost, and return where they are, shape (run, 2)."""
    land = front.terrain.first
    if land.fit is None or not callable(front.cost):
        return np.empty((0, 2))
    inputs, outcome = land.fit.runs.inputs, land.fit.runs
    free = {role: inputs[role] for role in front.free}
    spent = spending.evaluated(front.cost, free, land.held, land.law.inputs)
    spent = spent * (front.budgets[0] / front.spent[0])
    values = {front.columns[role]: values for role, values in free.items()}
    size, data = free.values()
    values |= {f"{front.free[1]}_per_{front.free[0].rstrip('s')}": data / size}
    values |= {front.outcome: outcome.reported(outcome.outcome)}
    if name not in values:
        return np.empty((0, 2))
    style.limits(ax, "x", spent)
    style.limits(ax, "y", values[name])
    style.draw_runs(ax, spent, values[name], "runs", filled=False)
    return np.column_stack([spent, values[name]])
