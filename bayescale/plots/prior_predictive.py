"""The picture of what a law expects before it has seen the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.forecasts import check_probability
from bayescale.plots import style
from bayescale.plots.taking import takes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.prior_predictive import PriorPredictive

#: Single curves that are drawn.
CURVES = 30


@takes("law.prior_predictive(...)", "runs", "outcome", "columns", "replicated")
def plot_prior_predictive(
    made: PriorPredictive, *, prob: float = 0.9, ax: Axes | None = None
) -> Axes:
    """Draw curves from the priors with the real runs among them.

    What is drawn are rows of ``made.curve`` over ``made.at``, and their equal-tailed interval.

    Parameters
    ----------
    made
        What ``law.prior_predictive(...)`` returns, of a law of one input.
    prob
        Probability of the interval.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If the law has several inputs.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> made = bs.PowerLaw().prior_predictive(runs, y="loss", x="x")
    >>> bs.plot_prior_predictive(made).get_ylabel()
    'loss'
    """
    check_arguments(plot_prior_predictive, locals(), but=("made",))
    import pandas as pd

    check_probability(prob)
    x = style.one_input(made.columns.values(), "plot_prior_predictive")
    ax, look = style.axes(ax), style.stroke(0)
    low, high = np.nanquantile(made.curve, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    band = pd.DataFrame({"lower": low, "upper": high})
    runs = made.runs
    style.over_input(ax, runs, x, made.outcome)
    style.limits(ax, "x", made.at)
    style.limits(ax, "y", runs[made.outcome].to_numpy(float), band.to_numpy())
    handles = [
        style.draw_runs(ax, runs[x], runs[made.outcome], "runs"),
        style.draw_band(ax, made.at, band, look, f"curve, {style.percent(prob)}", strong=False),
    ]
    for i, curve in enumerate(made.curve[:CURVES]):
        lines = ax.plot(made.at, curve, color=look.colour, linewidth=0.7, alpha=0.5, zorder=3)
        if i == 0:
            lines[0].set_label(f"{min(CURVES, len(made.curve))} curves from the priors")
            handles += lines
    ax.set_title(f"{made.law}, before the runs", fontsize="medium")
    ink = [(runs[x], runs[made.outcome]), (made.at, low), (made.at, high)]
    style.finish(ax, ink, float(runs[x].to_numpy(float).max()), handles=handles)
    return ax
