"""The picture of a power study: what runs of a design would tell, by how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from bayescale.arguments import check_arguments
from bayescale.errors import LawError, nearest
from bayescale.given import short
from bayescale.plots import style
from bayescale.plots.labels import fit_labels
from bayescale.plots.taking import takes
from bayescale.plots.ticks import log_axis, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayescale.experiments.studies import PowerStudy

#: Columns of a design, of which one is along the axis.
_DESIGN = ("sizes", "decades", "noise", "replicates", "smallest", "largest")
#: How far lines of shares are from each other, as a part of the distance between designs.
_ASIDE = 0.05


@takes("bs.power_study(...)", "studies", "table")
def plot_power_study(study: PowerStudy, *, of: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how often laws are told apart, or how wide an interval is, by design.

    What is drawn are columns of ``study.table``: ``told`` with its interval, or ``<name>_width``.
    Along the axis is the first thing in which designs differ (the number of sizes, mostly), a line
    for each combination of the others.

    Parameters
    ----------
    study
        What :func:`bayescale.power_study` returns.
    of
        ``"told"``, or the name of a quantity; by default ``"told"`` where there is a rival law,
        else the first quantity.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    LawError
        If the study has no such column.

    Examples
    --------
    >>> import bayescale as bs
    >>> study = bs.power_study(
    ...     bs.PowerLaw(), {"sizes": [6, 12], "decades": 3}, noise=0.01, studies=3,
    ...     truth={"irreducible": 1.0, "scale": 2.0, "exponent": 0.3}, progress=False,
    ... )
    >>> bs.plot_power_study(study, of="exponent").get_xlabel()
    'sizes'
    """
    check_arguments(plot_power_study, locals(), but=("study",))
    table = study.table
    column, low, high = _columns(study, of)
    ax = style.axes(ax)
    x, groups = _lines(table)
    if x is None:
        _draw_names(ax, table, column, low, high)
    else:
        values = np.unique(table[x].to_numpy(float))
        if values.max() > 5 * values.min() and len(values) > 3:
            log_axis(ax, "x")
        for i, (label, rows) in enumerate(groups):
            # Side by side, or equal shares would hide each other.
            aside = _ASIDE * (i - (len(groups) - 1) / 2) if low else 0.0
            ordered = rows.sort_values(x)
            at = _beside(ax, ordered[x].to_numpy(float), values, aside)
            _draw_line(ax, at, ordered, column, low, high, style.stroke(i), label)
            style.limits(ax, "x", at)
        ax.set_xticks(values, [number(value) for value in values])
        ax.minorticks_off()
        ax.set_xlabel(style.plain(x))
        if any(label for label, _ in groups):
            ax.legend(loc="best", **style.legend_look(ax))
    if column == "told":
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        ax.set_ylabel(f"studies that tell {study.law}\nfrom {study.against}")
    else:
        ax.set_ylim(bottom=0)
        name = column.removesuffix("_width")
        ax.set_ylabel(f"width of the interval of {name}\n({style.percent(study.prob)}, median)")
    title = f"{study.law}: {study.count} simulated studies a design"
    ax.set_title(style.wrapped(ax, title), fontsize="small" if style.narrow(ax) else "medium")
    fit_labels(ax)
    return ax


def _columns(study: PowerStudy, of: str | None) -> tuple[str, str | None, str | None]:
    """Return the column to draw, and those of its interval."""
    names = [str(c).removesuffix("_width") for c in study.table if str(c).endswith("_width")]
    known = (["told"] if "told" in study.table else []) + names
    chosen = known[0] if of is None else of
    if chosen not in known:
        raise LawError(
            f"of= must be one of {', '.join(known)}; got {short(of)}.{nearest(str(of), known)}"
        )
    if chosen == "told":
        return "told", "told_lower", "told_upper"
    return f"{chosen}_width", None, None


def _lines(table: pd.DataFrame) -> tuple[str | None, list[tuple[str, pd.DataFrame]]]:
    """Return what is along the axis, and a table for each line with its label."""
    varying = [
        name
        for name in _DESIGN
        if name in table and table[name].dtype.kind in "iuf" and len(set(table[name])) > 1
    ]
    if not varying:
        return None, []
    x, *others = varying
    if not others:
        return x, [("", table)]
    lines = []
    for key, rows in table.groupby(others):
        values: Any = key if isinstance(key, tuple) else (key,)
        words = [f"{name} {number(v)}" for name, v in zip(others, values, strict=True)]
        lines.append((", ".join(words), rows))
    return x, lines


def _beside(ax: Axes, x: np.ndarray, values: np.ndarray, by: float) -> np.ndarray:
    """Return places beside others, by a share of the least distance between them."""
    if len(values) < 2:
        return x
    if ax.get_xscale() == "log":
        return x * np.exp(by * np.diff(np.log(values)).min())
    return x + by * np.diff(values).min()


def _draw_line(
    ax: Axes, x: np.ndarray, rows: Any, column: str, low: str | None, high: str | None,
    look: style.Stroke, label: str,
) -> None:  # fmt: skip
    middle = rows[column].to_numpy(float)
    sides = None
    if low and high:
        sides = np.abs(rows[[low, high]].to_numpy(float).T - middle)
    ax.errorbar(
        x, middle, yerr=sides, color=look.colour, linestyle=look.line, marker=look.marker,
        markersize=6, capsize=3, elinewidth=1.0, label=label or None,
    )  # fmt: skip


def _draw_names(
    ax: Axes, table: pd.DataFrame, column: str, low: str | None, high: str | None
) -> None:
    """Draw designs that are tables of inputs, one beside the other."""
    places = np.arange(len(table))
    _draw_line(ax, places, table, column, low, high, style.stroke(0), "")
    ax.lines[0].set_linestyle("none")
    ax.set_xticks(places, [style.plain(name) for name in table.index])
    ax.set_xlim(-0.5, len(table) - 0.5)
    ax.set_xlabel("design")
