"""The picture of a backtest: what each law said of the largest runs, and how often it was right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.plots import style
from bayescale.plots.forecast import FEWEST_FOR_BANDS
from bayescale.plots.taking import takes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescale.backtest_record import Backtest

#: How much of the fitted runs to show, over the decades held out.
CONTEXT = 1.5
#: The nominal coverages, in per cent, that a backtest's table and points have.
COVERAGES = (50, 80, 90, 95)


@takes("bs.backtest(...)", "points", "table")
def plot_backtest(backtest: Backtest, *, ax: Axes | None = None) -> Axes:
    """Draw a backtest: every law's forecast of the largest runs, made without them.

    The main panel has the last cutoff: the runs held out, the larger ones of those that the laws
    saw, and each law's median and 90 % equal-tailed interval of one new run, which are the
    columns ``median``, ``lower_90`` and ``upper_90`` of ``backtest.points``: bars side by side at
    a few inputs, bands over many. On a figure of its own, a second panel has the columns
    ``coverage_...`` of ``backtest.table``: how many of the held-out runs, over all cutoffs, fell
    into intervals of each probability.

    Parameters
    ----------
    backtest
        What :func:`bayescale.backtest` returns.
    ax
        Where to draw the main panel alone; a new figure with both by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the main panel.

    Raises
    ------
    LawError
        If the backtest has several groups, or no run of the group was fitted.

    Examples
    --------
    >>> import bayescale as bs, pandas as pd
    >>> from types import SimpleNamespace
    >>> runs = pd.DataFrame({"n": [1, 10, 100, 1000], "loss": [4.0, 3.0, 2.5, 2.3]})
    >>> points = {"law": "power law", "cutoff": 10.0, "n": [100, 1000], "median": [2.4, 2.0]}
    >>> points |= {"loss": [2.5, 2.3], "lower_90": [2.2, 1.7], "upper_90": [2.6, 2.4]}
    >>> shares = {f"coverage_{c}": [0.5] for c in (50, 80, 90, 95)} | {"points": [2]}
    >>> made = SimpleNamespace(
    ...     runs=runs, x="n", y="loss", cutoffs=[10.0], points=pd.DataFrame(points),
    ...     table=pd.DataFrame(shares, index=["power law"]),
    ... )
    >>> ax = bs.plot_backtest(made)
    >>> len(ax.figure.axes)
    2
    """
    check_arguments(plot_backtest, locals(), but=("backtest",))
    groups = getattr(backtest, "groups", ())
    if groups:
        shown = ", ".join(f"{column}={backtest.runs[column].iloc[0]!r}" for column in groups)
        raise LawError(
            f"plot_backtest() draws one group, and this backtest has groups of "
            f"{', '.join(map(repr, groups))}: plot_backtest(backtest.at({shown}))."
        )
    if not np.isfinite(np.asarray(backtest.cutoffs, float)).any():
        raise LawError(
            "plot_backtest() draws forecasts beyond the runs fitted; here no run of the group was "
            "fitted (new_groups=). Draw its forecast: plot_forecast(fit.forecast(...))."
        )
    if ax is not None:
        return _draw_last_cutoff(ax, backtest)
    _, (main, side) = plt.subplots(
        1, 2, figsize=(9.6, 4.4), width_ratios=(2.3, 1), layout="constrained"
    )
    _draw_coverage(side, backtest.table)
    return _draw_last_cutoff(main, backtest)


def _draw_last_cutoff(ax: Axes, backtest: Backtest) -> Axes:
    x, y = backtest.x, backtest.y
    cutoff = float(np.nanmax(np.asarray(backtest.cutoffs, float)))
    points = backtest.points.loc[np.isclose(backtest.points["cutoff"], cutoff)]
    runs = _shown(backtest, cutoff, float(np.max(points[x])))
    style.over_input(ax, backtest.runs, x, y)
    step = _step(cutoff, np.unique(points[x]), len(backtest.table))
    beyond = float(np.max(points[x])) * np.exp(step * len(backtest.table) / 2)
    style.limits(ax, "x", np.append(runs[x], beyond))
    bands = points[["lower_90", "upper_90"]].to_numpy(float)
    style.limits(ax, "y", np.concatenate([runs[y], points["median"]]), bands)
    seen = runs[x] <= cutoff
    handles: list[Any] = [
        style.draw_runs(ax, runs[x][seen], runs[y][seen], "runs fitted"),
        style.draw_runs(ax, runs[x][~seen], runs[y][~seen], "runs held out", filled=False),
    ]
    fitted, shown = (int(np.count_nonzero(part)) for part in (backtest.runs[x] <= cutoff, seen))
    if fitted > shown:
        handles[0].set_label(f"runs fitted ({shown} of {fitted} in sight)")
    laws = {
        str(name): points.loc[points["law"] == name].drop_duplicates(x).sort_values(x)
        for name in backtest.table.index
    }
    handles += _draw_laws(ax, x, step, laws)
    ink = [(runs[x], runs[y])]
    ink += [(t[x], t[c]) for t in laws.values() for c in ("lower_90", "median", "upper_90")]
    title = f"one new run: median, {style.percent(0.9)}"
    style.finish(ax, ink, cutoff, "largest run fitted", title=title, handles=handles)
    return ax


def _shown(backtest: Backtest, cutoff: float, end: float) -> pd.DataFrame:
    """Return the runs held out, and enough of those fitted to see where they were heading."""
    x = backtest.runs[backtest.x].to_numpy(float)
    fitted = np.unique(x[x <= cutoff])
    start = min(cutoff * (cutoff / end) ** CONTEXT, fitted[-min(len(fitted), 5)])
    return backtest.runs.loc[(x >= start) & (x <= end)]


def _step(cutoff: float, held: np.ndarray, laws: int) -> float:
    """Return how far apart, in log x, the bars at one input stand; 0 where bands are drawn."""
    if len(held) >= FEWEST_FOR_BANDS:
        return 0.0
    return float(0.7 * np.diff(np.log([cutoff, *held])).min() / (laws + 1))


def _draw_laws(ax: Axes, x: str, step: float, laws: dict[str, pd.DataFrame]) -> list[Any]:
    """Draw every law's intervals: bars side by side where there is a step, else bands."""
    handles: list[Any] = []
    for i, (name, table) in enumerate(laws.items()):
        look, place = style.stroke(i), i - len(laws) // 2
        place += place >= 0  # the middle is the held-out run's own
        if step:
            beside = table[x] * np.exp(place * step)
            sides = [table["median"] - table["lower_90"], table["upper_90"] - table["median"]]
            handles.append(ax.errorbar(
                beside, table["median"], yerr=sides, color=look.colour, marker=look.marker,
                markersize=4.5, capsize=2.5, linestyle="none", label=style.plain(name), zorder=4,
            ))  # fmt: skip
            continue
        ax.fill_between(
            table[x], table["lower_90"], table["upper_90"], facecolor=(look.colour, 0.12),
            edgecolor=(look.colour, 0.5), hatch=look.hatch, linewidth=0.9, zorder=2,
        )  # fmt: skip
        handles += ax.plot(
            table[x], table["median"], color=look.colour, linestyle=look.line, linewidth=1.8,
            marker=look.marker, markersize=4, markevery=0.1, zorder=4, label=style.plain(name),
        )  # fmt: skip
    return handles


def _draw_coverage(ax: Axes, table: pd.DataFrame) -> None:
    nominal = np.array(COVERAGES) / 100
    ax.plot([0, 1], [0, 1], color=style.GREY, linewidth=1.0, linestyle=(0, (6, 3)), zorder=1)
    for i, (_, row) in enumerate(table.iterrows()):
        look = style.stroke(i)
        actual = [row[f"coverage_{c}"] for c in COVERAGES]
        ax.plot(
            nominal, actual, color=look.colour, linestyle=look.line, marker=look.marker,
            markersize=5, zorder=3,
        )  # fmt: skip
    words = "above the dashed line intervals\nare too wide, below too narrow"
    ax.set_title(words, fontsize="small", color=style.GREY)
    ax.set(
        xlim=(0.4, 1.02), ylim=(-0.03, 1.03), xlabel="probability of the interval", xticks=nominal,
        ylabel=f"share of {int(np.max(table['points']))} held-out points inside",
    )  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.tick_params(axis="x", rotation=90)
