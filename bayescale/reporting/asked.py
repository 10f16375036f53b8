"""What a report is asked to hold, checked before anything is computed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import comparison, forecasting, forecasts
from bayescale.drift import checked_drift
from bayescale.errors import FileError, LawError, nearest
from bayescale.given import short
from bayescale.groups import asked_for as asked_for_levels
from bayescale.groups import check_named, refuse
from bayescale.paths import given_path
from bayescale.reporting.checklist import Checklist, checklist_of

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: Section to its heading, in order.
TITLES = {
    "summary": "In short",
    "data": "Data",
    "law": "Law and priors",
    "posterior": "Posterior",
    "fit": "Fit",
    "forecast": "Forecast",
    "comparison": "Comparison with other laws",
    "backtest": "Backtest",
    "diagnostics": "Diagnostics",
    "priors": "Sensitivity to the priors",
    "rows": "Sensitivity to the rows",
    "checklist": "Checklist",
    "methods": "Methods paragraph and tables",
}
#: How far the default forecasts reach, over the largest input seen.
REACH = (1.0, 3.0, 10.0)
#: The same where smaller is further: a loss as an input, over the smallest one seen.
REACH_OF_LOSS = (1.0, 0.95, 0.9)
#: Inputs that grow together with scale; of several inputs, all others are held at their middle.
GROWING = ("params", "tokens", "steps", "encoder", "decoder")
#: Groups that are forecast and drawn at most, unless inputs are given.
MOST_GROUPS = 4


@dataclass(frozen=True, eq=False)
class Asked:
    """A report, before it is written.

    Parameters
    ----------
    fit
        What it is about.
    title
        Its heading.
    sections
        Names of :data:`TITLES`, in order.
    where
        The inputs to forecast: role (and column of groups) to as many values as forecasts.
    prob, drift
        Probability of the intervals; drift of exponents beyond the data.
    fits
        Name to fit, this one among them, where others are compared with it; else empty.
    table
        The comparison, where it was given.
    backtest
        A backtest that was given, or how much to hold out, or None.
    checklist
        The authors' answers.
    quick
        Whether nothing is fitted again.
    ends
        When, by :func:`time.monotonic`, no fit is begun any more.
    seconds
        How long that was from the start.
    """

    fit: Fit
    title: str
    sections: tuple[str, ...]
    where: dict[str, Any]
    prob: float
    drift: float
    fits: dict[str, Fit]
    table: pd.DataFrame | None
    backtest: Backtest | float | None
    checklist: Checklist
    quick: bool
    ends: float
    seconds: float

    @property
    def left(self) -> float:
        """Seconds that are left for fits."""
        return self.ends - time.monotonic()

    @property
    def furthest(self) -> dict[str, Any]:
        """The last of the forecasts, on which sensitivities are told."""
        return {name: values[-1] for name, values in self.where.items()}

    @property
    def members(self) -> dict[str, Fit]:
        """The fit, or the fits of its first groups, by what they are called."""
        if not self.fit.groups:
            return {"": self.fit}
        assert self.fit.runs.groups is not None
        found = {}
        for levels in cells(self.fit)[:MOST_GROUPS]:
            called = ", ".join(f"{column} {level}" for column, level in levels.items())
            found[called] = self.fit.at(**levels)
        return found


def cells(fit: Fit) -> list[dict[str, Any]]:
    """Return the combinations of levels that were seen, each as column to level."""
    columns = list(fit.groups)
    seen = zip(*(fit.runs.levels(column) for column in columns), strict=True)
    return [dict(zip(columns, levels, strict=True)) for levels in dict.fromkeys(seen)]


def asked_for(
    fit: Fit,
    *,
    title: str | None,
    sections: Sequence[str] | None,
    at: Mapping[str, Any] | None,
    compare: Mapping[str, Fit] | pd.DataFrame | None,
    backtest: Backtest | float | None,
    checklist: Checklist | Mapping[str, str] | str | Path | None,
    prob: float,
    drift: float,
    quick: bool,
    seconds: float,
) -> Asked:
    """Check what was asked for.

    Raises
    ------
    LawError
        If a section, a question, an input or an option is not known.
    DataError
        If an input is not positive and finite, or the other fits are on other rows.
    FileError
        If a file of answers cannot be read.
    """
    forecasts.check_probability(prob)
    drift = checked_drift(drift)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise LawError(f"seconds= must be a number above 0; got {short(seconds)}.")
    fits, table = _others(fit, compare)
    _check_backtest(fit, fits, backtest)
    return Asked(
        fit=fit,
        title=title or f"{fit.runs.outcome_column} by {fit.name}",
        sections=_sections(sections),
        where=_inputs(fit, at),
        prob=prob,
        drift=drift,
        fits=fits,
        table=table,
        backtest=backtest,
        checklist=checklist_of(checklist),
        quick=quick,
        ends=time.monotonic() + seconds,
        seconds=float(seconds),
    )


def checked_path(path: Any) -> Path:
    """Return where a report goes.

    Raises
    ------
    FileError
        If the name does not end in ``.html``, or the folder cannot be written to.
    """
    place = given_path(path)
    if place.suffix.lower() not in (".html", ".htm"):
        raise FileError(f"A report is an HTML file: give a name such as report.html; got {place}.")
    if place.is_dir():
        raise FileError(f"{place} is a folder. Give the name of a file in it.")
    if not place.parent.is_dir():
        raise FileError(f"There is no folder {place.parent} for {place.name}. Make it first.")
    return place


def _sections(given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return tuple(TITLES)
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in TITLES:
            raise LawError(
                f"A report has no section {name!r}.{nearest(str(name), TITLES)} Sections: "
                f"{', '.join(TITLES)}."
            )
    if not names:
        raise LawError(f"sections= must name at least one of {', '.join(TITLES)}.")
    return tuple(name for name in TITLES if name in names)


def _others(fit: Fit, compare: Any) -> tuple[dict[str, Fit], pd.DataFrame | None]:
    """Return all fits by name, and the table where one was given."""
    if compare is None:
        return {}, None
    if hasattr(compare, "columns"):
        missing = {"elpd", "elpd_diff", "dse"} - set(compare.columns)
        if missing:
            raise LawError(
                "compare= takes fits by name, or the table of bs.compare(...); this table lacks "
                f"{', '.join(sorted(missing))}."
            )
        return {}, compare
    if not isinstance(compare, Mapping) or not compare:
        raise LawError(
            "compare= takes other fits by name, {'power law': fit2}, or the table of "
            f"bs.compare(...); got {type(compare).__name__}."
        )
    for name, other in compare.items():
        if not hasattr(other, "diagnostics"):
            raise LawError(f"compare= takes fits by name; {name!r} is {type(other).__name__}.")
    every = dict(compare)
    if not any(other is fit for other in every.values()):
        name = fit.name if fit.name not in every else f"{fit.name} (this fit)"
        every = {name: fit, **every}
    if len(every) < 2:
        raise LawError("compare= holds this fit alone; give another one: {'power law': fit2}.")
    comparison.check_same_rows(every)
    comparison.check_groups(every)
    return every, None


def _check_backtest(fit: Fit, fits: Mapping[str, Fit], backtest: Any) -> None:
    if backtest is None:
        return
    if hasattr(backtest, "points"):
        if fits:
            refuse(backtest.groups, "A report's backtest", "Leave out compare=.")
        return
    number = isinstance(backtest, int | float) and not isinstance(backtest, bool)
    if not number or not 0 < backtest < np.inf:
        raise LawError(
            "backtest= takes what bs.backtest(...) returned, or how much to hold out: a share "
            f"below 1, or a number of inputs; got {short(backtest)}."
        )
    if len(fit.law.inputs) != 1:
        raise LawError(
            f"A backtest holds out the largest x; {fit.name} has {len(fit.law.inputs)} inputs. "
            "Leave out backtest=."
        )


def _inputs(fit: Fit, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return where to forecast: as given, or the data's end and 3 and 10 times beyond it."""
    if given is None:
        return _default_inputs(fit)
    if not isinstance(given, Mapping):
        raise LawError(f"at= takes inputs by role: at={{'x': [1e9, 1e10]}}; got {short(given)}.")
    levels, rest = asked_for_levels(fit.seen, given)
    columns = fit.runs.columns
    asked = forecasting.checked_inputs(fit.law.inputs, columns, rest, "at=", fit.groups)
    if not levels:
        return _each_group(fit, asked) if fit.groups else asked
    check_named(fit.seen, levels, "at=")
    asked, named = forecasting.with_levels(asked, levels)
    return {**asked, **named}


def _default_inputs(fit: Fit) -> dict[str, Any]:
    found = {}
    for role, values in fit.runs.inputs.items():
        if role == "loss":
            found[role] = [float(values.min()) * factor for factor in REACH_OF_LOSS]
        elif len(fit.law.inputs) == 1 or role in GROWING:
            found[role] = [float(values.max()) * factor for factor in REACH]
        else:
            found[role] = [float(np.median(values))] * len(REACH)
    return _each_group(fit, found) if fit.groups else found


def _each_group(fit: Fit, at: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same inputs for each of the first groups."""
    some = cells(fit)[:MOST_GROUPS]
    count = len(next(iter(at.values())))
    found: dict[str, Any] = {role: list(values) * len(some) for role, values in at.items()}
    for column in fit.groups:
        found[column] = [levels[column] for levels in some for _ in range(count)]
    return found
