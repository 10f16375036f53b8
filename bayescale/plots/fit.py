"""The picture of a fit: runs, curve and new runs, over the data and beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT
from bayescale.errors import LawError
from bayescale.forecasts import forecast_of
from bayescale.given import short
from bayescale.groups import check_single
from bayescale.plots import style
from bayescale.plots.forecast import plot_forecast
from bayescale.plots.taking import takes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.fitting import Fit

#: Inputs at which the curve is drawn, beside those of the runs.
GRID = 200


@takes("law.fit(...)", "law", "runs", "forecast")
def plot_fit(
    fit: Fit,
    *,
    prob: float = 0.9,
    extrapolation: float = 10.0,
    drift: float = DRIFT,
    ax: Axes | None = None,
) -> Axes:
    """Draw a fit over its runs and beyond them: the curve, its interval, and one new run's.

    What is drawn at every input is ``fit.forecast(x=input, drift=drift).interval(prob, of=...)``.

    Parameters
    ----------
    fit
        What ``law.fit(...)`` returns.
    prob
        Probability of the equal-tailed intervals.
    extrapolation
        How far to draw, over the largest input seen; 1 ends at the data. No unit.
    drift
        How far the local exponent may drift from the law's beyond the data.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If prob is not between 0 and 1, extrapolation is below 1, or the law has more than one
        input.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> ax = bs.plot_fit(fit)
    >>> ax.get_xscale(), ax.get_yscale()
    ('log', 'log')
    """
    check_arguments(plot_fit, locals(), but=("fit",))
    check_single(fit.runs.groups, "plot_fit()")
    style.one_input(fit.runs.columns.values(), "plot_fit")
    extrapolation = float(extrapolation)
    if not 1 <= extrapolation <= style.FURTHEST:
        raise LawError(
            "extrapolation= must be 1 or more (10 draws the curve to ten times the largest "
            f"input); got {short(extrapolation)}."
        )
    (role,) = fit.law.inputs
    seen = fit.runs.inputs[role]
    grid = np.geomspace(seen.min(), seen.max() * extrapolation, GRID)
    at = {role: np.union1d(grid, seen)}  # a peak between grid points would be cut off
    curve = fit.drifted_draws(at, drift)
    # The same noise at every input, as if each were forecast alone: a smooth band. And not
    # fit.forecast, which would replace the forecast that the tree keeps.
    new = [
        fit.new_run_draws(curve[..., [i]], {role: at[role][[i]]}) for i in range(curve.shape[-1])
    ]
    made = forecast_of(fit, at, curve, np.concatenate(new, axis=-1), drift)
    ax = plot_forecast(made, prob=prob, ax=ax)
    ax.set_title(fit.name, fontsize="medium")
    return ax
