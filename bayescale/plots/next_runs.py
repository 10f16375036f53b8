"""The picture of a plan: what each run is expected to tell against what it costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.experiments.gains import INFORMATION
from bayescale.plots import style
from bayescale.plots.labels import fit_labels
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescale.experiments.choosing import NextRuns


#: A number such as 1e+10 within words.
_POWER = re.compile(r"\b\d+(?:\.\d+)?e[+-]?\d+\b")


@takes("bs.next_runs(...)", "goal", "table")
def plot_next_runs(plan: NextRuns, *, ax: Axes | None = None) -> Axes:
    """Draw what each candidate is expected to tell against what it costs.

    What is drawn are the columns ``value`` with ``se`` and ``cost`` of ``plan.table``. Candidates
    beyond the largest run have hollow markers; the line runs along those that tell more than any
    cheaper one. Runs of ``plan.batch`` are ringed and numbered in the order in which to make them.

    Parameters
    ----------
    plan
        What :func:`bayescale.next_runs` returns.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> candidates = {"x": [5.0, 300.0, 1000.0, 3000.0]}
    >>> plan = bs.next_runs(fit, candidates, goal={"x": 1e4}, cost=lambda x: x, progress=False)
    >>> bs.plot_next_runs(plan).get_xlabel()
    'cost'
    """
    check_arguments(plot_next_runs, locals(), but=("plan",))
    ax = style.axes(ax)
    table: Any = plan.table
    cost, value = table["cost"].to_numpy(float), table["value"].to_numpy(float)
    beyond = table["extrapolation"].to_numpy(float) > 1
    if cost.max() > 3 * cost.min():
        log_axis(ax, "x")
    ahead = leading(table)
    ax.plot(
        [*ahead["cost"], cost.max()], [*ahead["value"], value.max()], color=style.GREY,
        linewidth=1.2, drawstyle="steps-post", label="most that is told up to a cost", zorder=2,
    )  # fmt: skip
    look = style.stroke(0)
    for kind, face, words in (
        (~beyond, look.colour, "within the runs"),
        (beyond, "white", "beyond the largest run"),
    ):
        if kind.any():
            ax.errorbar(
                cost[kind], value[kind], yerr=table["se"].to_numpy(float)[kind], linestyle="none",
                marker="o", markersize=6, color=look.colour, markerfacecolor=face,
                elinewidth=1.0, label=words, zorder=3,
            )  # fmt: skip
    _number(ax, plan)
    style.limits(ax, "x", cost)
    style.limits(ax, "y", np.array([0.0, 1.2 * max(value.max(), 0.05)]))  # room for the numbers
    information = plan.measure == INFORMATION
    words = "expected information\n(nats)" if information else "share of the\nvariance that goes"
    ax.set(xlabel=_cost_words(plan.cost_unit), ylabel=words)
    goal = style.wrapped(ax, f"to know {_short(plan.goal)}")  # before numbers have spaces
    ax.set_title(_with_numbers(goal), fontsize="small", color=style.GREY)
    fit_labels(ax)
    ax.legend(loc="best", **style.legend_look(ax))
    return ax


def leading(table: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates that tell more than any that costs as much or less, cheapest first."""
    ordered: Any = table.sort_values(["cost", "value"], ascending=[True, False])
    value = ordered["value"].to_numpy(float)
    before = np.concatenate([[-np.inf], np.maximum.accumulate(value)[:-1]])
    return ordered[value > before]


def _number(ax: Axes, plan: NextRuns) -> None:
    """Ring the runs of the plan, and number them."""
    if not len(plan.batch):
        return
    rows: Any = plan.table.loc[plan.batch.index]
    look: Any = {
        "linestyle": "none", "marker": "o", "color": style.VERMILLION, "markerfacecolor": "none",
        "markeredgewidth": 1.6,
    }  # fmt: skip
    ax.plot(rows["cost"], rows["value"], markersize=13, zorder=4, **look)
    ax.plot([], [], markersize=8, label="to make, in this order", **look)  # of a line's height
    for order, (cost, value) in enumerate(rows[["cost", "value"]].to_numpy(float)):
        ax.annotate(
            f"{order + 1}", (cost, value), xytext=(0, 12), textcoords="offset points", ha="center",
            fontsize="small", color=style.VERMILLION, zorder=5,
        )  # fmt: skip


def _cost_words(unit: str) -> str:
    return "cost" if unit == "cost" else f"cost ({unit})"


def _short(goal: str) -> str:
    """Return a goal that is not too long, for matplotlib to show as it is."""
    line = goal if len(goal) <= 90 else f"{goal[:87]}..."
    return line.replace("$", r"\$")


def _with_numbers(words: str) -> str:
    """Return words with numbers as axes have them: a power of ten and not 1e+10."""
    return _POWER.sub(lambda found: number(float(found[0])), words)
