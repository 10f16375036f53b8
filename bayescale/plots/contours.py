"""The picture of a loss over two inputs: lines of equal loss and of equal cost, and the optima."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT
from bayescale.errors import LawError
from bayescale.planning import allocation, spending
from bayescale.planning.frontiers import Frontier
from bayescale.planning.landscape import terrain_of
from bayescale.plots import style
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points of the plane along each input, and of the band of optima.
GRID, LINE = 60, 40
#: Draws of which the median loss is drawn.
DRAWS = 200


def plot_loss_contours(
    source: Any,
    *,
    cost: Any = None,
    batch: float | None = None,
    prob: float = 0.9,
    extrapolation: float = 10.0,
    levels: int = 8,
    ax: Axes | None = None,
    **held: float,
) -> Axes:
    """Draw lines of equal loss over the two inputs, lines of equal cost, and the band of optima.

    Parameters
    ----------
    source
        A fit, an ensemble of fits, or a law whose parameters are all numbers, of two free inputs;
        or a frontier of one of these, with the cost and the inputs held that it was asked with.
    cost, batch, **held
        As for :func:`bayescale.frontier`.
    prob
        Probability of the band: for each budget the interval of the best size.
    extrapolation
        How far beyond the largest runs to draw, as a factor of each input. A law of numbers is
        drawn over a factor of 10^4 about its optimum at 10^21.
    levels
        How many lines of equal loss, 3 to 20.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on: the first input across, the second up.

    Raises
    ------
    LawError
        If a number is out of range, or as for :func:`bayescale.frontier`.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.plot_loss_contours(law).get_ylabel()
    'tokens'
    """
    check_arguments(plot_loss_contours, locals())
    extrapolation = float(extrapolation)
    if not 3 <= levels <= 20 or not 1 <= extrapolation <= style.FURTHEST:
        raise LawError(
            "plot_loss_contours() takes levels= from 3 to 20 and extrapolation= of 1 or more; got "
            f"levels={levels!r}, extrapolation={extrapolation!r}."
        )
    if isinstance(source, Frontier):
        if cost is not None or batch is not None or held:
            raise LawError(
                "A frontier is drawn with its own cost and inputs held: leave cost=, batch= and "
                "inputs away, or give the fit in its place."
            )
        source, cost, held = source.terrain.source, source.cost, dict(source.held)
    terrain = terrain_of(source, held)
    land = terrain.first
    own = spending.checked_cost(cost, land.law.inputs, batch=batch)
    spans = _spans(source, land, own, extrapolation, held)
    ax = style.axes(ax)
    for which, (low, high) in zip(("x", "y"), spans, strict=True):
        log_axis(ax, which)
        getattr(ax, f"set_{which}lim")(low, high)
    grids = [np.geomspace(low, high, GRID) for low, high in spans]
    x, y = np.meshgrid(*grids)
    _loss_lines(ax, terrain, x, y, levels)
    at = dict(zip(land.free, (x, y), strict=True))
    spent = spending.evaluated(own, at, land.held, land.law.inputs)
    decades = 10.0 ** np.arange(np.ceil(np.log10(spent.min())), np.log10(spent.max()))
    if len(decades):
        ax.contour(x, y, spent, levels=decades, colors=style.GREY, linewidths=0.7,
                   linestyles=":")  # fmt: skip
    _draw_optima(ax, source, spent, own, prob, held)
    words = [f"{land.curves.outcome} (median)", f"{spending.unit_of(own)}, each 10 times the last"]
    ax.plot([], [], color=style.INK, linewidth=0.9, label=words[0])
    ax.plot([], [], color=style.GREY, linewidth=0.7, linestyle=":", label=words[1])
    if land.fit is not None:
        x, y = (land.fit.runs.inputs[role] for role in land.free)
        style.draw_runs(ax, x, y, "runs", filled=False)
    columns = [land.curves.columns[role] for role in land.free]
    ax.set(xlabel=style.plain(columns[0]), ylabel=style.plain(columns[1]))
    # Above the axes: within them lines and runs are everywhere.
    ax.legend(fontsize="x-small", frameon=False, loc="lower left", bbox_to_anchor=(0, 1),
              ncols=1 if style.narrow(ax) else 2, **style.NARROW)  # fmt: skip
    return ax


def _spans(
    source: Any, land: Any, own: Any, extrapolation: float, held: Any
) -> list[tuple[float, float]]:
    """Return from where to where each input is drawn."""
    if land.fit is not None:
        found = []
        for role in land.free:
            seen = land.fit.runs.inputs[role]
            found.append((seen.min() / 2, seen.max() * max(extrapolation, 1.5)))
        return found
    front = allocation.frontier(source, 1e21, cost=own, **held)
    centres = [float(np.nanmedian(front.draws[role])) for role in land.free]
    return [(centre / 100, centre * 100) for centre in centres]


def _loss_lines(ax: Axes, terrain: Any, x: np.ndarray, y: np.ndarray, levels: int) -> None:
    """Draw lines of equal loss, closer where the loss falls more slowly."""
    u, v = np.log(x.ravel()), np.log(y.ravel())
    rows = []
    for part in np.array_split(np.arange(len(u)), 30):
        loss = terrain.each(lambda land, part=part: land.loss(u[part], v[part]))
        flat = loss.reshape(-1, loss.shape[-1])
        rows.append(np.median(flat[:: max(len(flat) // DRAWS, 1)], axis=0))
    median = terrain.first.reported(np.concatenate(rows)).reshape(x.shape)
    marks = _round(np.unique(np.quantile(median, np.linspace(0.04, 0.92, levels))))
    lines = ax.contour(x, y, median, levels=marks, colors=style.INK, linewidths=0.9)
    ax.clabel(lines, fontsize="x-small", fmt=number)


def _round(marks: np.ndarray) -> np.ndarray:
    """Return losses with no more digits than keep them apart."""
    if len(marks) < 2:
        return marks
    return np.unique(np.round(marks, math.ceil(-math.log10(np.diff(marks).min()))))


def _draw_optima(
    ax: Axes, source: Any, spent: np.ndarray, own: Any, prob: float, held: Any
) -> None:
    """Draw the best sizes and data of budgets in the plane, with the interval of the size."""
    budgets = np.geomspace(spent.min(), spent.max(), LINE + 2)[1:-1]
    front = allocation.frontier(source, budgets, cost=own, drift=DRIFT, **held)
    look, size = style.stroke(0), front.interval(prob, front.free[0])
    ends = {side: size[side].to_numpy() for side in ("lower", "median", "upper")}
    line = front.line()
    data = {side: np.exp(line.log_data(np.log(values))) for side, values in ends.items()}
    corners = [np.concatenate([which["lower"], which["upper"][::-1]]) for which in (ends, data)]
    known = np.isfinite(corners).all(axis=0)
    label = f"best at each budget, {style.percent(prob)}"
    ax.fill(*(c[known] for c in corners), facecolor=(look.colour, 0.3), label=label, zorder=2.2)
    ax.plot(ends["median"], data["median"], color=look.colour, linewidth=1.8, zorder=3)
