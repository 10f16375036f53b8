"""The picture of what a forecast owes to single runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


@takes("bs.sensitivity_to_rows(...)", "row", "shift", "refitted", "warning")
def plot_sensitivity_to_rows(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how far each run, left out, shifts the forecast's median, over the run's input.

    What is drawn is the column ``shift``; a run without which the law was fitted again has a
    hollow marker, and one with a ``warning`` a cross.

    Parameters
    ----------
    table
        What :func:`bayescale.sensitivity_to_rows` returns, of a law of one input.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If the table is another one, or of a law of several inputs.

    Examples
    --------
    >>> import bayescale as bs, pandas as pd
    >>> table = pd.DataFrame(
    ...     {"row": [0, 1], "n": [10, 100], "loss": [2.0, 1.0], "at": 1e4, "shift": [-0.2, 1.3],
    ...      "refitted": [False, True], "warning": ""}
    ... )
    >>> table.attrs = {"inputs": ["n"], "outcome": "loss"}
    >>> bs.plot_sensitivity_to_rows(table).get_xlabel()
    'n of the run left out'
    """
    check_arguments(plot_sensitivity_to_rows, locals(), but=("table",))
    if "inputs" not in table.attrs:
        raise LawError("The table has lost its .attrs, as it does in a merge: draw it before.")
    x = style.one_input(table.attrs["inputs"], "plot_sensitivity_to_rows")
    ax = style.axes(ax)
    log_axis(ax, "x")
    ax.axhline(0.0, color=style.GREY, linewidth=1.0)
    for i, (at, rows) in enumerate(table.groupby("at", sort=True)):
        look = style.stroke(i)
        where, shift = rows[x].to_numpy(float), rows["shift"].to_numpy(float)
        doubtful, again = rows["warning"].ne("").to_numpy(), rows["refitted"].to_numpy(bool)
        name = f"forecast at {x} = {number(float(str(at)))}"
        if i == 0:
            ax.vlines(where, 0.0, shift, color=look.colour, linewidth=1.4, alpha=0.6)
        for kind, face, marker, words in (
            (~again & ~doubtful, look.colour, look.marker, name),
            (again & ~doubtful, "white", look.marker, f"{name}, fitted again"),
            (doubtful, look.colour, "x", f"{name}, see the table's warning"),
        ):
            if kind.any():
                ax.plot(where[kind], shift[kind], linestyle="none", marker=marker, markersize=6.5,
                        color=look.colour, markerfacecolor=face, label=words)  # fmt: skip
    style.limits(ax, "x", table[x].to_numpy(float))
    style.limits(ax, "y", np.append(table["shift"].to_numpy(float), [-0.5, 0.5]))
    ax.set(
        xlabel=f"{style.plain(x)} of the run left out",
        ylabel="shift of the forecast's median\n(posterior standard deviations)",
    )
    fit_labels(ax)
    ax.legend(loc="best", **style.legend_look(ax))
    return ax
