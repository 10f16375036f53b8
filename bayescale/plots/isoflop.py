"""The picture of isoFLOP curves: the loss by size at each budget, with each minimum's interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.plots import style
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.planning.minima import IsoFlop

#: Sizes at which a curve is drawn.
GRID = 80


@takes("bs.isoflop(...)", "budgets", "curves")
def plot_isoflop(found: IsoFlop, *, prob: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw the loss by size at each budget, and where each is least.

    A curve is the median over draws; a bar its minimum's interval in size, open where the minimum
    is not bracketed.

    Parameters
    ----------
    found
        What :func:`bayescale.isoflop` returns.
    prob
        Probability of the equal-tailed intervals.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If it is an envelope, which has no curves of its own, or prob is not between 0 and 1.

    Examples
    --------
    >>> import bayescale as bs, numpy as np, pandas as pd
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> c, n = (a.ravel() for a in np.meshgrid([1e19, 1e20, 1e21], np.geomspace(1e8, 4e9, 12)))
    >>> runs = pd.DataFrame({"flops": c, "size": n, "loss": law.evaluate(params=n, tokens=c/6/n)})
    >>> found = bs.isoflop(runs, y="loss", params="size", compute="flops")
    >>> bs.plot_isoflop(found).get_xlabel()
    'params'
    """
    check_arguments(plot_isoflop, locals(), but=("found",))
    if found.curves is None:
        raise LawError("plot_isoflop() draws bs.isoflop(...); an envelope has no curves.")
    sizes, losses = found.interval(prob), found.interval(prob, "loss")
    ax = style.axes(ax)
    log_axis(ax, "x")
    log_axis(ax, "y")
    shades = mpl.colormaps["viridis"](np.linspace(0.05, 0.85, len(found.budgets)))
    style.limits(ax, "x", found.runs["params"].to_numpy())
    style.limits(ax, "y", found.runs["loss"].to_numpy())
    for i, budget in enumerate(found.budgets):
        rows = found.runs[found.runs["compute"] == budget]
        grid = np.linspace(np.log(rows["params"].min()), np.log(rows["params"].max()), GRID)
        curve = np.exp(np.median(found.curves.curve(i, grid), axis=0))
        ax.plot(np.exp(grid), curve, color=shades[i], linewidth=1.3, zorder=2)
        ax.plot(
            rows["params"], rows["loss"], linestyle="none", marker="o", markersize=3.2,
            color=shades[i], zorder=3, label=number(budget),
        )  # fmt: skip
        wrong = rows[rows["p_wrong"] > 0.5]
        ax.plot(wrong["params"], wrong["loss"], linestyle="none", marker="x", markersize=8,
                color=style.INK, zorder=4)  # fmt: skip
        low, high, at = sizes.loc[i, "lower"], sizes.loc[i, "upper"], losses.loc[i, "median"]
        used = bool(found.used[i])
        ax.plot([low, high], [at, at], color=style.VERMILLION, linewidth=2.2, zorder=4,
                linestyle="-" if used else ":")  # fmt: skip
        ax.plot(sizes.loc[i, "median"], at, marker="D", markersize=5, color=style.VERMILLION,
                markerfacecolor=style.VERMILLION if used else "white", zorder=5)  # fmt: skip
    ax.set(xlabel="params", ylabel="loss")
    a, low, high = found.power_law(prob).loc[0, ["median", "lower", "upper"]]
    power = rf"$N^* \sim C^{{{a:.2f}}}$, power [{low:.2f}, {high:.2f}]"
    _entitle(ax, power, f"{style.percent(prob)} intervals", len(found.budgets))
    return ax


def _entitle(ax: Axes, power: str, intervals: str, budgets: int) -> None:
    """Write the title and the legend, which in one column of a paper stands above the runs."""
    narrow = style.narrow(ax)
    ax.set_title(f"{power}{chr(10) if narrow else '; '}{intervals}",
                 fontsize="small" if narrow else "medium")  # fmt: skip
    if narrow:
        low, high = np.log(ax.get_ylim())
        rows = 1 + -(-budgets // 3)
        ax.set_ylim(top=float(np.exp(high + (high - low) * 0.21 * rows)))
    ax.legend(title="compute [FLOP]", fontsize="x-small", title_fontsize="x-small",
              edgecolor="#D0D0D0", loc="upper center" if narrow else "best", handletextpad=0.2,
              columnspacing=0.8, ncols=3 if narrow else 1 + budgets // 7)  # fmt: skip
