"""The picture of a fit of several inputs: the curve along one, at a few levels of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.forecasts import forecast_of
from bayescale.given import short
from bayescale.groups import check_single
from bayescale.plots import style
from bayescale.plots.taking import takes
from bayescale.plots.ticks import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.fitting import Fit

#: Inputs at which every curve is drawn.
GRID = 100
#: How far, in logs, a run's level may lie from a line's to be drawn as one of that line.
BESIDE = 0.1


@takes("law.fit(...)", "law", "runs", "forecast")
def plot_slices(
    fit: Fit,
    *,
    along: str | None = None,
    levels: int = 4,
    prob: float = 0.9,
    extrapolation: float = 10.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a fit of several inputs along one of them, at a few levels of the next one.

    Every line is ``fit.forecast(...).interval(prob, of="curve")`` with the other inputs held:
    the next one at a level that occurs in the runs, any further one at its geometric mean. Runs
    within a tenth of a level have its colour; those between levels are grey crosses, which belong
    to no line.

    Parameters
    ----------
    fit
        What ``law.fit(...)`` returns.
    along
        The input on the axis, by role or column name; the law's last but one by default
        (parameters, of parameters and tokens).
    levels
        How many levels of the next input, from 2 to 6.
    prob
        Probability of the equal-tailed intervals.
    extrapolation
        How far to draw, over the largest input seen; 1 ends at the data. No unit.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If the law has one input, ``along`` is not one of its inputs, or a number is out of range.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla()
    >>> runs = law.simulate(y="loss", **law.example_inputs(40))
    >>> fit = law.fit(runs, y="loss", params="params", tokens="tokens", progress=False)
    >>> bs.plot_slices(fit, along="tokens").get_xlabel()
    'tokens'
    """
    check_arguments(plot_slices, locals(), but=("fit",))
    check_single(fit.runs.groups, "plot_slices()")
    roles = list(fit.law.inputs)
    if len(roles) == 1:
        raise LawError(f"{fit.name} has one input; draw it with plot_fit.")
    if not 2 <= levels <= 6:
        raise LawError(f"levels= must be from 2 to 6; got {short(levels)}.")
    extrapolation = float(extrapolation)
    if not 1 <= extrapolation <= style.FURTHEST:
        raise LawError(f"extrapolation= must be 1 or more; got {short(extrapolation)}.")
    axis = _role(fit, along) if along is not None else roles[-2]
    other = roles[(roles.index(axis) + 1) % len(roles)]
    runs, columns = fit.runs, fit.runs.columns
    x, seen, outcome = runs.inputs[axis], runs.inputs[other], runs.reported(runs.outcome)
    chosen = _levels(seen, levels)
    away = np.abs(np.log(seen)[:, None] - np.log(chosen))
    nearest, between = away.argmin(axis=1), away.min(axis=1) > BESIDE
    ax = style.axes(ax)
    style.over_input(ax, runs.frame(), columns[axis], runs.outcome_column)
    grid = np.geomspace(x.min(), x.max() * extrapolation, GRID)
    held = {r: np.full(GRID, runs.references[f"{r}_ref"]) for r in roles if r != axis}
    ink: list[Any] = [(x, outcome)]
    handles: list[Any] = []
    style.limits(ax, "x", grid)
    for i, level in enumerate(chosen):
        look = style.stroke(i)
        at = {axis: grid, **held, other: np.full(GRID, level)}
        curve = fit.curve_draws({role: at[role] for role in roles})
        table = forecast_of(fit, at, curve, curve).interval(prob, "curve")
        style.limits(ax, "y", np.concatenate([outcome, table["median"]]))
        (line,) = ax.plot(
            grid, table["median"], color=look.colour, linestyle=look.line, linewidth=1.6,
            label=f"{style.plain(columns[other])} = {number(level)}", zorder=3,
        )  # fmt: skip
        style.draw_band(ax, grid, table, look, "")
        mine = (nearest == i) & ~between
        ax.plot(
            x[mine], outcome[mine], linestyle="none", marker=look.marker, markersize=3.5,
            color=look.colour, alpha=0.7, zorder=4,
        )  # fmt: skip
        handles.append(line)
        ink.append((grid, table["median"]))
    if between.any():
        handles += ax.plot(
            x[between], outcome[between], linestyle="none", marker="x", markersize=3.5,
            color=style.GREY, alpha=0.6, zorder=2.5,
            label=f"runs at other {style.plain(columns[other])}",
        )  # fmt: skip
    ax.set_title(f"{fit.name}: curve, {style.percent(prob)}", fontsize="medium")
    style.finish(ax, ink, float(x.max()), handles=handles)
    return ax


def _role(fit: Fit, name: str) -> str:
    for role, column in fit.runs.columns.items():
        if name in (role, column):
            return role
    raise LawError(f"along= must be one of {', '.join(fit.runs.columns)}; got {short(name)}.")


def _levels(values: np.ndarray, count: int) -> np.ndarray:
    """Return levels that occur, spread evenly over the log of the range."""
    distinct = np.unique(values)
    wanted = np.linspace(np.log(distinct[0]), np.log(distinct[-1]), min(count, len(distinct)))
    return np.unique([distinct[np.abs(np.log(distinct) - level).argmin()] for level in wanted])
