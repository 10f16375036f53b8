"""The picture of a comparison: how far each law's predictive density is behind the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.plots import style
from bayescale.plots.labels import fit_labels
from bayescale.plots.taking import takes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@takes("bs.compare(...)", "elpd_diff", "dse", "weight", "warning")
def plot_compare(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a comparison: each law's expected log predictive density, less the best law's.

    What is drawn are the columns ``elpd_diff``, ``dse`` and ``weight``; a law whose ``warning`` is
    not empty has a hollow marker.

    Parameters
    ----------
    table
        What :func:`bayescale.compare` returns: a row for each law, best first.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Examples
    --------
    >>> import bayescale as bs, pandas as pd
    >>> table = pd.DataFrame(
    ...     {"elpd_diff": [0.0, -6.1], "dse": [0.0, 2.3], "weight": [0.9, 0.1], "warning": ""},
    ...     index=["broken", "power law"],
    ... )
    >>> ax = bs.plot_compare(table)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['broken\\nweight 0.90', 'power law\\nweight 0.10']
    """
    check_arguments(plot_compare, locals(), but=("table",))
    style.check_table(table, ("elpd_diff", "dse", "weight", "warning"), "plot_compare")
    ax = style.axes(ax, height=1.3 + 0.62 * len(table))
    rows = np.arange(len(table))
    difference, error = table["elpd_diff"].to_numpy(float), table["dse"].to_numpy(float)
    doubtful = table["warning"].fillna("").astype(str).ne("").to_numpy()
    look = style.stroke(0)
    ax.axvline(0.0, color=style.GREY, linewidth=1.0, linestyle=(0, (6, 3)), zorder=1)
    ax.hlines(rows, difference - error, difference + error, color=look.colour, linewidth=2)
    for kind, face in ((~doubtful, look.colour), (doubtful, "white")):
        ax.plot(
            difference[kind], rows[kind], "o", color=look.colour, markerfacecolor=face,
            markersize=7, markeredgewidth=1.6, label="the table has a warning",
        )  # fmt: skip
    names = zip(table.index, table["weight"], strict=True)
    ax.set_yticks(rows, [f"{style.plain(name)}\nweight {weight:.2f}" for name, weight in names])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(
        "elpd less the best law's, ± 1 standard error of the difference\n"
        "(leave one out; further left is worse)"
    )
    fit_labels(ax)
    style.limits(ax, "x", np.concatenate([difference - error, difference + error]))
    if doubtful.any():
        ax.legend(
            handles=ax.lines[-1:], loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize="small",
            frameon=False, borderaxespad=0.1,
        )  # fmt: skip
    return ax
