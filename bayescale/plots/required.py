"""The picture of a required input: how likely a target is reached by then, and ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from bayescale.arguments import check_arguments
from bayescale.plots import style
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayescale.forecasts import Required

#: Inputs at which the probability is drawn.
GRID = 400
#: How far beyond the largest input to draw, at most, unless a median lies further.
FURTHEST = 1e6


@takes("fit.required(...)", "outcome", "targets", "never")
def plot_required(required: Required, *, prob: float = 0.9, ax: Axes | None = None) -> Axes:
    """Draw the probability that the curve has reached a target, over the input.

    A line ends at one less the probability that the target is never reached, which the legend
    states. Marks are ``required.interval(prob)``: median, lower and upper end, as far as they are
    finite.

    Parameters
    ----------
    required
        What ``fit.required(y=...)`` returns, or an ensemble's.
    prob
        Probability of the equal-tailed interval.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If prob is not between 0 and 1.

    Examples
    --------
    >>> import bayescale as bs, numpy as np
    >>> draws = 10.0 ** np.random.default_rng(0).normal(9, 0.3, (4, 100, 1))
    >>> draws[0, :40] = np.inf
    >>> made = bs.Required(np.array([2.0]), draws, "params", "loss", 1e8)
    >>> ax = bs.plot_required(made)
    >>> ax.get_legend_handles_labels()[1][0]
    'loss 2; never reached: 10 %'
    """
    check_arguments(plot_required, locals(), but=("required",))
    table = required.interval(prob)
    ax = style.axes(ax)
    log_axis(ax, "x")
    style.limits(ax, "x", np.array(_ends(required)))
    ax.set_ylim(-0.02, 1.04)
    grid = np.geomspace(*ax.get_xlim(), GRID)
    ink = []
    for i, (target, (_, row)) in enumerate(zip(required.targets, table.iterrows(), strict=True)):
        look, share = style.stroke(i), reached(required.draws[..., i], grid)
        never = f"never reached: {100 * row['p_never']:.3g} %"
        words = f"{required.outcome} {number(target)}; {never}"
        ax.plot(grid, share, color=look.colour, linestyle=look.line, linewidth=1.8, label=words)
        ink.append((grid, share))
    for i, (_, row) in enumerate(table.iterrows()):
        words = f"median and {style.percent(prob)}" if i == 0 else None
        _draw_marks(ax, row, prob, style.stroke(i), words)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set(xlabel=style.plain(required.column), ylabel="probability of having reached the target")
    style.finish(ax, ink, required.largest)
    return ax


def reached(draws: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the share of draws whose input is at most x, shape (m,); infinite draws never are."""
    ordered = np.sort(np.ravel(draws))
    return np.searchsorted(ordered, x, side="right") / len(ordered)


def _ends(required: Required) -> tuple[float, float]:
    """Return the inputs to draw between: where the draws lie, and always the edge of the data."""
    finite = required.draws[np.isfinite(required.draws) & (required.draws > 0)]
    if finite.size == 0:
        return required.largest / 10, required.largest * 10
    low, middle, high = np.quantile(finite, [0.005, 0.5, 0.975])
    most = FURTHEST * required.largest
    return min(low, required.largest / 2), max(
        min(high, max(most, 3 * middle)), 2 * required.largest
    )


def _draw_marks(ax: Axes, row: Any, prob: float, look: style.Stroke, words: str | None) -> None:
    """Mark median and ends of the interval on a target's line."""
    marks = [(row["lower"], (1 - prob) / 2), (row["median"], 0.5), (row["upper"], (1 + prob) / 2)]
    x, y = np.array([mark for mark in marks if 0 < mark[0] < np.inf]).reshape(-1, 2).T
    ax.plot(x, y, linestyle="none", marker=look.marker, color=look.colour, markersize=6,
            markeredgecolor="white", label=words, zorder=4)  # fmt: skip
