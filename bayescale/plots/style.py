"""What all plots share: colours, axes, runs, the edge of the data, and where legends go."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from bayescale.errors import LawError
from bayescale.plots.labels import fit_labels
from bayescale.plots.ticks import log_axis, number
from bayescale.visible import visible

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

#: Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
)  # fmt: skip
INK, GREY, SHADE = "#1A1A1A", "#595959", "#F1F1F1"


@dataclass(frozen=True)
class Stroke:
    """How one of several things is drawn, so that it can be told apart in grey too.

    Parameters
    ----------
    colour
        Of Okabe and Ito.
    line
        Matplotlib's line style.
    hatch
        Pattern of its band.
    marker
        Matplotlib's marker.
    """

    colour: str
    line: Any
    hatch: str
    marker: str


STROKES = (
    Stroke(BLUE, "-", "////", "o"),
    Stroke(VERMILLION, "--", "\\\\\\\\", "s"),
    Stroke(GREEN, "-.", "....", "^"),
    Stroke(PURPLE, ":", "||||", "D"),
    Stroke(ORANGE, (0, (5, 1, 1, 1, 1, 1)), "xxxx", "v"),
    Stroke(SKY, (0, (1, 3)), "----", "P"),
)

#: How a legend saves room in axes that are one column wide.
NARROW = {
    "handlelength": 1.2, "handletextpad": 0.4, "labelspacing": 0.2, "borderpad": 0.25,
    "borderaxespad": 0.3,
}  # fmt: skip


#: Times the largest input to which a curve may be drawn.
FURTHEST = 1e30


def stroke(number: int) -> Stroke:
    """Return the stroke of the thing with this number, from 0."""
    return STROKES[number % len(STROKES)]


def axes(ax: Axes | None, height: float = 4.4) -> Axes:
    """Return the axes given, or those of a new figure."""
    return ax if ax is not None else plt.subplots(figsize=(6.6, height), layout="constrained")[1]


#: Small letters on an inch.
_LETTERS = 13


def narrow(ax: Axes) -> bool:
    """Return whether the axes are about as wide as one column of a paper."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return bool(ax.get_window_extent().width / figure.dpi < 4)


def legend_look(ax: Axes) -> dict[str, Any]:
    """Return how a legend looks, which in one column of a paper has little room."""
    font = "x-small" if narrow(ax) else "small"
    look: dict[str, Any] = {"fontsize": font, "title_fontsize": font, "edgecolor": "#D0D0D0"}
    return look | (NARROW | {"markerscale": 0.7} if narrow(ax) else {})


def wrapped(ax: Axes, words: str) -> str:
    """Return words in lines that are no wider than the axes, in small letters."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    wide = ax.get_window_extent().width / figure.dpi
    return textwrap.fill(words, max(int(_LETTERS * wide), 20))


def one_input(columns: Iterable[str], plot: str) -> str:
    """Return the only input's column, or raise a LawError that says what else to draw."""
    names = list(columns)
    if len(names) != 1:
        raise LawError(
            f"{plot} draws one input against the outcome; this has {', '.join(map(str, names))}. "
            "Draw slices with plot_slices(fit), or columns of forecast.interval(0.9)."
        )
    return names[0]


def percent(prob: float, kind: str = "equal-tailed") -> str:
    """Return an interval's probability and kind, as legends have them."""
    return f"{100 * prob:g} % {kind}"


def check_table(table: Any, columns: Iterable[str], plot: str) -> None:
    """Raise a LawError unless this is a table with columns, and attributes of what made it."""
    made = plot.replace("plot_", "bs.")
    lacks = sorted(set(columns) - set(getattr(table, "columns", ())))
    if lacks:
        raise LawError(
            f"{plot} draws the table that {made} returns; this {type(table).__name__} lacks "
            f"{', '.join(lacks)}."
        )


def plain(text: str) -> str:
    """Return a user's text so that matplotlib shows it as it is, dollars and all."""
    return visible(str(text)).replace("$", r"\$")


def over_input(ax: Axes, runs: pd.DataFrame, x: str, y: str) -> None:
    """Name both axes and make them logarithmic; y not where outcomes rise or are not positive."""
    ax.set(xlabel=plain(x), ylabel=plain(y))
    log_axis(ax, "x")
    ranks = runs[[x, y]].rank().to_numpy()
    varies = bool((np.ptp(ranks, axis=0) > 0).all())
    rises = varies and float(np.corrcoef(ranks.T)[0, 1]) > 0.7
    positive = bool((runs[y].to_numpy(float) > 0).all())
    if positive and not rises:
        log_axis(ax, "y")


def limits(ax: Axes, which: str, core: np.ndarray, more: np.ndarray | None = None) -> None:
    """Set an axis' limits around what must be seen, and around more within reason.

    Parameters
    ----------
    ax
        The axes; limits that were set before are widened, never cut.
    which
        ``"x"`` or ``"y"``.
    core
        What must be seen.
    more
        What may run out of the axes: on a log axis further than a factor of 10 from the core,
        on a linear one further than twice the core's range.
    """
    log = getattr(ax, f"get_{which}scale")() == "log"
    forward, back = (np.log10, lambda v: 10.0**v) if log else (np.asarray, np.asarray)

    def usable(values: np.ndarray) -> np.ndarray:
        flat = np.ravel(values)
        return forward(flat[np.isfinite(flat) & ((flat > 0) | (not log))])

    seen, other = usable(core), usable(core if more is None else more)
    reach = 1.0 if log else 2 * max(np.ptp(seen), 1e-12)
    low = min(seen.min(), max(other.min(initial=seen.min()), seen.min() - reach))
    high = max(seen.max(), min(other.max(initial=seen.max()), seen.max() + reach))
    pad = 0.04 * (high - low) or (0.2 if log else 0.1 * abs(high) or 1.0)
    low, high = back(low - pad), back(high + pad)
    if not getattr(ax, f"get_autoscale{which}_on")():
        before = getattr(ax, f"get_{which}lim")()
        low, high = min(low, *before), max(high, *before)
    getattr(ax, f"set_{which}lim")(low, high)


def draw_runs(ax: Axes, x: Any, y: Any, label: str, filled: bool = True) -> Line2D:
    """Draw runs as points, fainter where there are many."""
    many = len(x) > 80
    (drawn,) = ax.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=3.5 if many else 4.5,
        markerfacecolor=INK if filled else "white",
        markeredgecolor=INK,
        markeredgewidth=0 if filled and many else 0.9,
        alpha=0.4 if filled and many else 1.0,
        zorder=5,
        label=f"{label} ({len(x)})",
    )
    return drawn


def draw_band(
    ax: Axes, x: Any, table: pd.DataFrame, look: Stroke, label: str, *, strong: bool = True
) -> PolyCollection:
    """Fill between the columns ``lower`` and ``upper``: solid, or light with a dashed rim."""
    return ax.fill_between(
        x,
        table["lower"],
        table["upper"],
        facecolor=(look.colour, 0.38 if strong else 0.13),
        edgecolor=(look.colour, 0.0 if strong else 0.7),
        linewidth=0.0 if strong else 0.9,
        linestyle="-" if strong else (0, (2, 2)),
        zorder=2.2 if strong else 2,
        label=label,
    )


def finish(
    ax: Axes,
    ink: Sequence[tuple[Any, Any]],
    largest: float,
    words: str = "largest run",
    **legend: Any,
) -> None:
    """Mark the edge of the data, and place its label and the legend where they hide nothing.

    Parameters
    ----------
    ax
        The axes, with their limits set; the y axis is made longer where room is missing.
    ink
        x and y of what is drawn.
    largest
        The largest input seen: a line stands there, and what lies beyond is shaded.
    words
        What the line marks.
    **legend
        For matplotlib's legend.
    """
    ax.axvspan(largest, largest * 1e30, facecolor=SHADE, edgecolor="none", zorder=0)
    ax.axvline(largest, color=GREY, linewidth=1.0, linestyle=(0, (6, 3)), zorder=1)
    at = float(_fractions(ax, [([largest], [ax.get_ylim()[1]])])[0, 0])
    figure = ax.get_figure(root=True)
    assert figure is not None
    fit_labels(ax)
    figure.draw_without_rendering()  # the layout must be settled before anything is measured
    look = legend_look(ax) | legend
    label = ax.annotate(
        f"{words}: {number(largest)}", (largest, 0.5), xycoords=("data", "axes fraction"),
        xytext=(0, 0), textcoords="offset points", rotation=90, fontsize=look["fontsize"],
        color=GREY,
    )  # fmt: skip
    sizes = [_size(ax, label), _size(ax, ax.legend(loc="upper right", **look))]
    for _ in range(8):
        hidden, place, corner = _free_places(_fractions(ax, ink), at, *sizes)
        if hidden < 1:
            break
        scale = ax.yaxis.get_transform()
        low, high = scale.transform(np.array(ax.get_ylim()))
        longer = scale.inverted().transform(np.array([high + 0.08 * (high - low)]))
        ax.set_ylim(top=float(longer[0]))
    ha, va = place
    label.xy = (largest, {"top": 0.98, "bottom": 0.02, "center": 0.5}[va])
    label.set(ha=ha, va=va, position=(4 if ha == "left" else -4, 0))
    ax.legend(loc=corner, **look)


def _fractions(ax: Axes, ink: Sequence[tuple[Any, Any]]) -> np.ndarray:
    """Return what is drawn in fractions of the axes, shape (point, 2)."""
    points = np.concatenate([np.column_stack([np.asarray(c, float) for c in xy]) for xy in ink])
    points = points[np.isfinite(points).all(axis=1)]
    for axis, column in ((ax.xaxis, 0), (ax.yaxis, 1)):
        if axis.get_scale() == "log":
            points = points[points[:, column] > 0]
    return ax.transAxes.inverted().transform(ax.transData.transform(points))


def _size(ax: Axes, artist: Any) -> np.ndarray:
    """Return an artist's width and height in fractions of the axes."""
    box = artist.get_window_extent().get_points()
    return np.diff(ax.transAxes.inverted().transform(box), axis=0)[0]


def _free_places(
    drawn: np.ndarray, at: float, label: np.ndarray, legend: np.ndarray
) -> tuple[float, tuple[str, str], Any]:
    """Return what the best places hide, the alignments of the edge's label, the legend's corner."""
    (width, height), (wide, high) = label + 0.03, legend + 0.025
    best: tuple[float, tuple[str, str], Any] = (np.inf, ("left", "top"), "upper right")
    for ha, va in product(("left", "right"), ("top", "bottom", "center")):
        low = {"top": 1 - height, "bottom": 0.0, "center": 0.5 - height / 2}[va]
        name = (at - 0.005 if ha == "left" else at + 0.005 - width, low, width, height)
        if name[0] < -0.02 or name[0] + width > 1.02:
            continue
        for corner in ("upper right", "lower left", "upper left", "lower right"):
            left, foot = (1 - wide) * ("right" in corner), (1 - high) * ("upper" in corner)
            box = (left, foot, wide, high)
            hidden = _inside(drawn, box) + _inside(drawn, name) + 0.5 * (left < at < left + wide)
            hidden += 1000 * _meet(box, name)
            if hidden < best[0]:
                best = (hidden, (ha, va), corner)
    return best


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two boxes (left, foot, width, height) overlap."""
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


def _inside(points: np.ndarray, box: tuple[float, float, float, float]) -> int:
    left, low, width, height = box
    x, y = points.T
    return int(np.sum((x > left) & (x < left + width) & (y > low) & (y < low + height)))
