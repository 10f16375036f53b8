"""The picture of breaks: the local exponent along the curve, and where its changes lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.curve_sources import curves_of
from bayescale.derived import elasticity
from bayescale.errors import LawError
from bayescale.groups import check_single
from bayescale.plots import style
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescale.fitting import Fit

#: Inputs at which the local exponent is drawn.
GRID = 240
#: Share of the axes' height that the break locations take.
STRIP = 0.2


def local_exponent(fit: Fit, x: Any, *, prob: float = 0.9) -> pd.DataFrame:
    r"""Return the slope of the reducible loss on log axes along the curve, with its interval.

    .. math:: -\frac{d\,\log\left(y - L_\infty\right)}{d\,\log x}

    It is :func:`bayescale.derived.elasticity` of the reducible loss, as a table.

    Parameters
    ----------
    fit
        A fit of a law of one input.
    x
        Inputs, positive, in the units of the input's column; shape (m,).
    prob
        Probability of the equal-tailed interval.

    Returns
    -------
    pandas.DataFrame
        The input, ``median``, ``lower`` and ``upper``: exponents, no unit, positive = falling.

    Raises
    ------
    LawError
        If prob is not between 0 and 1, or the law has more than one input.
    DataError
        If an input is not positive and finite.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=1.0, scale=1.0, exponent=0.5)
    >>> local_exponent(law, [10.0, 100.0])["median"].round(6).tolist()
    [0.5, 0.5]
    """
    if hasattr(fit, "runs"):  # and not a law whose numbers are fixed
        check_single(fit.runs.groups, "plot_breaks()")
    columns = curves_of(fit).columns
    column = style.one_input(columns.values(), "local_exponent")
    found = elasticity(fit, reducible=True, **{next(iter(columns)): x})
    table: Any = found.interval(prob)[[column, "median", "lower", "upper"]]
    return table


@takes("law.fit(...)", "parameters", "forecast")
def plot_breaks(fit: Fit, *, prob: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw where a broken law changes its slope: local exponent, and break locations below it.

    What is drawn is :func:`local_exponent` and the rows ``break_location[...]`` of
    ``fit.constants(prob)``, with the posterior density of each location over log x (each scaled
    to the same height; a fixed location is a line).

    Parameters
    ----------
    fit
        A fit of a law with breaks.
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
        If the law has no break, or prob is not between 0 and 1.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> bs.plot_breaks(fit)
    Traceback (most recent call last):
        ...
    bayescale.errors.LawError: PowerLaw has no break to draw. Fit bs.BrokenPowerLaw() first.
    """
    check_arguments(plot_breaks, locals(), but=("fit",))
    if "break_location" not in fit.parameters:
        raise LawError(f"{fit.name} has no break to draw. Fit bs.BrokenPowerLaw() first.")
    (role,) = fit.law.inputs
    start, end = (fit.runs.references[f"{role}_{side}"] for side in ("start", "end"))
    table = local_exponent(fit, np.geomspace(start, end * 3, GRID), prob=prob)
    x, look, ax = fit.runs.columns[role], style.stroke(0), style.axes(ax)
    log_axis(ax, "x")
    places = np.quantile(fit.parameters["break_location"], [0.005, 0.995], axis=(1, 2))
    style.limits(ax, "x", np.append(places, table[x]))
    style.limits(ax, "y", table["median"].to_numpy(), table[["lower", "upper"]].to_numpy())
    low, high = ax.get_ylim()
    ax.set_ylim(bottom=low - (high - low) * STRIP / (1 - STRIP))
    style.draw_band(ax, table[x], table, look, f"local exponent, {style.percent(prob)}")
    ax.plot(table[x], table["median"], color=look.colour, label="local exponent, median")
    if low < 0 < high:
        ax.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1)
    _draw_locations(ax, fit, prob)
    ax.set(xlabel=style.plain(x), ylabel="local exponent (positive = falling)")
    ax.set_title(fit.name, fontsize="medium")
    ink = [(table[x], table[column]) for column in ("lower", "median", "upper")]
    ink += [(table[x], np.full(GRID, level)) for level in np.linspace(ax.get_ylim()[0], low, 8)]
    style.finish(ax, ink, end)
    return ax


def _draw_locations(ax: Axes, fit: Fit, prob: float) -> None:
    """Draw the posterior of every break location in a strip at the foot of the axes."""
    from scipy.stats import gaussian_kde

    table, foot = fit.constants(prob), ax.get_xaxis_transform()
    grid = np.geomspace(*ax.get_xlim(), 2 * GRID)
    for i, draws in enumerate(fit.parameters["break_location"]):
        look, row = style.stroke(1 + i), table.loc[f"break_location[{i + 1}]"]
        first = i == 0
        if np.ptp(draws) <= 1e-9 * row["median"]:
            words = "break location, fixed" if first else None
            ax.plot([row["median"]] * 2, [0, STRIP], color=look.colour, linestyle=look.line,
                    linewidth=2, transform=foot, label=words)  # fmt: skip
            continue
        height = gaussian_kde(np.log(draws.ravel()))(np.log(grid))
        height *= 0.8 * STRIP / height.max()
        ax.fill_between(
            grid, height, where=height > 1e-3, facecolor=(look.colour, 0.25),
            edgecolor=look.colour, linestyle=look.line, transform=foot, zorder=3,
        )  # fmt: skip
        words = f"break location: density, {style.percent(prob)}" if first else None
        ax.plot([row["lower"], row["upper"]], [0.03, 0.03], "-", color=look.colour, linewidth=3,
                transform=foot, zorder=4, label=words)  # fmt: skip
        ax.plot(row["median"], 0.03, look.marker, color=look.colour, markeredgecolor="white",
                transform=foot, zorder=5)  # fmt: skip
