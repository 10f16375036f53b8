"""The pictures of a report, each with a caption that says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bayescale.reporting import page

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.forecasts import Forecast
    from bayescale.reporting.asked import Asked

#: How far the fit is drawn beyond the data at least, and at most.
LEAST_REACH, MOST_REACH = 3.0, 100.0


def drawn(
    picture: Callable[[Any], Any],
    caption: str,
    name: str,
    size: tuple[float, float] = (5.8, 4.0),
) -> str:
    """Return a picture as a part of the page, or a note that it failed."""
    from bayescale.plots import album

    return page.kept(
        lambda: page.picture(album.svg_of(picture, name, size), caption, name),
        f"The picture '{name}'",
    )


def of_fit(asked: Asked) -> str:
    """Return the fit over its runs and beyond, of each group; of a broken law also its slope."""
    from bayescale.plots.breaks import plot_breaks
    from bayescale.plots.fit import plot_fit
    from bayescale.plots.slices import plot_slices

    reach = _reach(asked)
    told = f"{asked.prob * 100:g} % equal-tailed interval"
    body = ""
    for i, (called, fit) in enumerate(asked.members.items()):
        how: dict[str, Any] = {"prob": asked.prob, "extrapolation": reach}
        of = f" of {called}" if called else ""
        if len(fit.law.inputs) == 1:
            how["drift"] = asked.drift
            body += drawn(
                lambda ax, fit=fit, how=how: plot_fit(fit, ax=ax, **how),
                f"Rows{of}, the fitted curve and its {told}, and that of one new run (dashed), "
                f"over the data and up to {reach:g} times beyond it (shaded).",
                f"fit-{i}",
            )
        else:
            body += drawn(
                lambda ax, fit=fit, how=how: plot_slices(fit, ax=ax, **how),
                f"Rows{of} and the fitted curve with its {told} along one input, at levels of "
                "another.",
                f"fit-{i}",
            )
        if "break_location" in fit.parameters and len(fit.law.inputs) == 1:
            body += drawn(
                lambda ax, fit=fit: plot_breaks(fit, prob=asked.prob, ax=ax),
                f"The local exponent{of} with its {told}, and where the breaks lie.",
                f"breaks-{i}",
            )
    return body


def _reach(asked: Asked) -> float:
    """Return how far beyond the data to draw: to the furthest forecast, within reason."""
    if len(asked.fit.law.inputs) != 1:
        return LEAST_REACH
    (role,) = asked.fit.law.inputs
    furthest = max(float(value) for value in asked.where[role])
    end = asked.fit.runs.references[f"{role}_end"]
    return min(max(furthest / end, LEAST_REACH), MOST_REACH)


def of_forecast(asked: Asked, made: Forecast) -> str:
    """Return the forecast's picture, where there is one input and one group."""
    from bayescale.plots.forecast import plot_forecast

    several = any(len(set(made.inputs[column])) > 1 for column in made.groups)
    if len(asked.fit.law.inputs) != 1 or several:
        return ""
    return drawn(
        lambda ax: plot_forecast(made, prob=asked.prob, ax=ax),
        f"The forecasts beside the rows: {asked.prob * 100:g} % intervals of the curve (thick) and "
        "of one new run (thin).",
        "forecast-picture",
    )


def of_comparison(table: pd.DataFrame) -> str:
    """Return the picture of differences in elpd."""
    from bayescale.plots.compare import plot_compare

    return drawn(
        lambda ax: plot_compare(table, ax=ax),
        "Differences in elpd to the best law, with standard errors.",
        "comparison-picture",
        (5.8, 1.4 + 0.62 * len(table)),
    )


def of_backtest(tested: Backtest) -> str:
    """Return the picture of what was held out; with groups there is one of each, so none here."""
    from bayescale.plots.backtest import plot_backtest

    if tested.groups:
        return ""
    return drawn(
        lambda ax: plot_backtest(tested, ax=ax),
        "What was held out (hollow), and its forecasts by each law.",
        "backtest-picture",
    )


def of_smallest(table: pd.DataFrame) -> str:
    """Return the picture of the forecast by the smallest input kept."""
    from bayescale.plots.smallest import plot_sensitivity_to_smallest

    return drawn(
        lambda ax: plot_sensitivity_to_smallest(table, ax=ax),
        "The forecast by the smallest input that is kept; the band is the interval from all rows.",
        "smallest-picture",
    )


def of_rows(table: pd.DataFrame) -> str:
    """Return the picture of shifts by row, where there is one input."""
    from bayescale.plots.rows import plot_sensitivity_to_rows

    if len(table.attrs.get("inputs", [])) != 1 or "at" not in table:
        return ""
    return drawn(
        lambda ax: plot_sensitivity_to_rows(table, ax=ax),
        "By how much the forecast's median would shift without each row.",
        "rows-picture",
    )
