"""The picture of what a forecast owes to the smallest runs: its interval by where runs start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.plots import style
from bayescale.plots.labels import fit_labels
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@takes(
    "bs.sensitivity_to_smallest(...)", "smallest", "runs", "at", "median", "lower", "upper", "good"
)
def plot_sensitivity_to_smallest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a forecast by the smallest input that was kept.

    What is drawn are the columns ``median``, ``lower`` and ``upper``; the band is the interval
    from all runs, the numbers along the top how many runs were kept. A fit whose ``good`` is
    False has a hollow marker.

    Parameters
    ----------
    table
        What :func:`bayescale.sensitivity_to_smallest` returns.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If the table is another one.

    Examples
    --------
    >>> import bayescale as bs, pandas as pd
    >>> table = pd.DataFrame(
    ...     {"smallest": [1.0, 10.0], "runs": [9, 7], "at": 1e4, "median": [0.2, 0.21],
    ...      "lower": [0.18, 0.17], "upper": [0.22, 0.25], "good": True}
    ... )
    >>> table.attrs = {"input": "n", "outcome": "loss", "probability": 0.9, "of": "curve"}
    >>> ax = bs.plot_sensitivity_to_smallest(table)
    >>> ax.get_xlabel()
    'smallest value of n kept'
    """
    check_arguments(plot_sensitivity_to_smallest, locals(), but=("table",))
    if "input" not in table.attrs:
        raise LawError("The table has lost its .attrs, as it does in a merge: draw it before.")
    ax = style.axes(ax)
    facts = table.attrs
    log_axis(ax, "x")
    if (table[["lower", "upper"]].to_numpy() > 0).all():
        log_axis(ax, "y")
    groups = list(table.groupby("at", sort=True))
    for i, (at, rows) in enumerate(groups):
        _draw_target(ax, rows, style.stroke(i), f"{facts['input']} = {number(float(str(at)))}",
                     (i - (len(groups) - 1) / 2) * 0.015)  # fmt: skip
    style.limits(ax, "x", table["smallest"].to_numpy())
    style.limits(ax, "y", table[["lower", "upper"]].to_numpy())
    counts = table.drop_duplicates("smallest")
    for start, count in zip(counts["smallest"], counts["runs"], strict=True):
        ax.annotate(
            f"{count}", (start, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", fontsize="x-small", color=style.GREY,
        )  # fmt: skip
    ax.set_title("runs kept", fontsize="x-small", color=style.GREY, pad=14)
    what = "curve" if facts["of"] == "curve" else "one new run"
    words = style.percent(facts["probability"], "interval")
    ax.set(
        xlabel=f"smallest value of {style.plain(facts['input'])} kept",
        ylabel=f"forecast {style.plain(facts['outcome'])} ({what}, median and {words})",
    )
    ax.yaxis.label.set_fontsize("small")
    fit_labels(ax)
    lines = len(ax.get_legend_handles_labels()[1])
    scale, (low, high) = ax.yaxis.get_transform(), ax.get_ylim()
    low, high = scale.transform(np.array([low, high]))
    room = high + (0.04 + 0.075 * lines) * (high - low)  # for the legend, which must hide nothing
    ax.set_ylim(top=float(scale.inverted().transform(np.array([room]))[0]))
    ax.legend(loc="upper right", **style.legend_look(ax))
    return ax


def _draw_target(ax: Axes, rows: Any, look: style.Stroke, label: str, aside: float) -> None:
    """Draw the intervals at one target, a little aside of the others'."""
    x = rows["smallest"].to_numpy() * 10.0**aside
    middle = rows["median"].to_numpy()
    sides = np.abs(rows[["lower", "upper"]].to_numpy().T - middle)
    first = rows.iloc[0]
    ax.axhspan(first["lower"], first["upper"], facecolor=look.colour, alpha=0.1, zorder=0)
    ax.axhline(first["median"], color=look.colour, linewidth=0.9, linestyle=(0, (6, 3)), zorder=1)
    ax.errorbar(x, middle, yerr=sides, color=look.colour, linestyle="none", capsize=4,
                elinewidth=1.6, zorder=3)  # fmt: skip
    good = rows["good"].to_numpy(bool)
    for kind, face, words in (
        (good, look.colour, label),
        (~good, "white", f"{label}, fit fell short"),
    ):
        if kind.any():
            ax.plot(x[kind], middle[kind], linestyle="none", marker=look.marker, markersize=6.5,
                    color=look.colour, markerfacecolor=face, label=words, zorder=4)  # fmt: skip
