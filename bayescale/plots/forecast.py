"""The picture of a forecast: the runs it stands on, the curve, and one new run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.plots import style
from bayescale.plots.taking import takes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescale.forecasts import Forecast

#: With fewer inputs than this a forecast is drawn as bars, with more as bands.
FEWEST_FOR_BANDS = 12


@takes("fit.forecast(...) or bs.forecast(...)", "curve", "observation")
def plot_forecast(forecast: Forecast, *, prob: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw a forecast beyond its runs: intervals of the curve and of one new run.

    What is drawn is ``forecast.interval(prob, of="curve")`` and
    ``forecast.interval(prob, of="observation")``: bars at a few inputs, bands over many. The
    outcome's axis is logarithmic unless outcomes rise (an accuracy) or are not all positive; on a
    log axis, the part of an interval that is not positive runs out of the lower end.

    Parameters
    ----------
    forecast
        What ``fit.forecast(x=...)`` returns, or an ensemble's.
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
        If prob is not between 0 and 1, or the forecast has more than one input.

    Examples
    --------
    >>> import bayescale as bs, numpy as np, pandas as pd, xarray as xr
    >>> runs = pd.DataFrame({"params": [1e6, 1e7, 1e8], "loss": [4.0, 3.2, 2.7]})
    >>> draws = xr.DataArray(2.0 + 0.01 * np.random.default_rng(0).random((4, 50, 1)))
    >>> made = bs.Forecast(pd.DataFrame({"params": [1e10]}), draws, draws, [100.0], "loss", runs)
    >>> ax = bs.plot_forecast(made)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('params', 'loss')
    """
    check_arguments(plot_forecast, locals(), but=("forecast",))
    for column in forecast.groups:
        if len(set(forecast.inputs[column])) > 1:
            raise LawError(
                f"plot_forecast draws one group; the forecast has several of {column!r}. Forecast "
                "them one by one, and draw each with ax=."
            )
    x = style.one_input(forecast.inputs.columns.drop(list(forecast.groups)), "plot_forecast")
    tables = {of: forecast.interval(prob, of).sort_values(x) for of in ("observation", "curve")}
    ax = style.axes(ax)
    runs = forecast.runs
    for column in forecast.groups:
        own = runs.loc[runs[column] == forecast.inputs[column].iloc[0]]
        runs = own if len(own) else runs  # of a group never seen, the runs of all
    seen = [runs[forecast.outcome], tables["curve"]["median"]]
    style.over_input(ax, runs, x, forecast.outcome)
    style.limits(ax, "x", np.concatenate([runs[x], forecast.inputs[x]]))
    reach = [table[side] for table in tables.values() for side in ("lower", "upper")]
    style.limits(ax, "y", np.concatenate(seen), np.concatenate(reach))
    draw = _draw_bars if len(forecast.inputs) < FEWEST_FOR_BANDS else _draw_bands
    handles = draw(ax, x, tables, style.percent(prob))
    handles.insert(0, style.draw_runs(ax, runs[x], runs[forecast.outcome], "runs"))
    ink = [(runs[x], runs[forecast.outcome])]
    ink += [(t[x], t[side]) for t in tables.values() for side in ("lower", "median", "upper")]
    style.finish(ax, ink, float(np.max(runs[x])), handles=handles)
    return ax


def _draw_bands(ax: Axes, x: str, tables: dict[str, pd.DataFrame], words: str) -> list[Any]:
    look, curve, new = style.stroke(0), tables["curve"], tables["observation"]
    (line,) = ax.plot(
        curve[x], curve["median"], color=look.colour, linewidth=1.6, label="curve, median"
    )
    return [
        line,
        style.draw_band(ax, curve[x], curve, look, f"curve, {words}"),
        style.draw_band(ax, new[x], new, look, f"one new run, {words}", strong=False),
    ]


def _draw_bars(ax: Axes, x: str, tables: dict[str, pd.DataFrame], words: str) -> list[Any]:
    look, curve, new = style.stroke(0), tables["curve"], tables["observation"]

    def bar(table: pd.DataFrame, label: str, **how: Any) -> Any:
        sides = [table["median"] - table["lower"], table["upper"] - table["median"]]
        return ax.errorbar(
            table[x], table["median"], yerr=sides, label=f"{label}, {words}", linestyle="none",
            color=look.colour, zorder=4, **how,
        )  # fmt: skip

    (medians,) = ax.plot(
        curve[x], curve["median"], linestyle="none", marker="_", markersize=11, zorder=6,
        color=style.INK, markeredgewidth=1.4, label="curve, median",
    )  # fmt: skip
    return [
        medians,
        bar(curve, "curve", elinewidth=5, alpha=0.55),
        bar(new, "one new run", elinewidth=1.1, capsize=5),
    ]
