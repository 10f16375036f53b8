"""A report, from a fit to a file."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayescale.drift import DRIFT
from bayescale.errors import FileError
from bayescale.progress import task
from bayescale.reporting import facts, findings, page
from bayescale.reporting.asked import Asked, asked_for, checked_path
from bayescale.reporting.checklist import Checklist
from bayescale.reporting.sections import sections as sections_of

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: Seconds after which no fit is begun any more.
SECONDS = 300.0


def report(
    fit: Fit,
    path: Any,
    *,
    title: str | None = None,
    at: Mapping[str, Any] | None = None,
    compare: Mapping[str, Fit] | pd.DataFrame | None = None,
    backtest: Backtest | float | None = None,
    checklist: Checklist | Mapping[str, str] | str | Path | None = None,
    sections: Sequence[str] | None = None,
    prob: float = 0.9,
    drift: float = DRIFT,
    quick: bool = False,
    seconds: float = SECONDS,
    progress: bool | None = None,
) -> Path:
    """Write a report; :meth:`bayescale.Fit.report` says what each argument is."""
    place = checked_path(path)
    asked = asked_for(
        fit, title=title, sections=sections, at=at, compare=compare, backtest=backtest,
        checklist=checklist, prob=prob, drift=drift, quick=quick, seconds=seconds,
    )  # fmt: skip
    with task("Report", total=len(findings.STEPS) + 1, progress=progress) as bar:
        found = findings.found_for(asked, bar)
        bar.update("Report: drawing and writing")
        text = page_of(asked, found)
        bar.update(advance=1)
    _write(place, text)
    return place


def page_of(asked: Asked, found: findings.Findings) -> str:
    """Return the page."""
    now = datetime.now().astimezone()
    lead = f"A scaling law and its doubts, {now:%d %B %Y}"
    foot = (
        f"Written by bayescale {version('bayescale')} with {facts.versions_in_words()}, "
        f"{now:%Y-%m-%d %H:%M %Z}. This file needs no network."
    )
    return page.page(asked.title, lead, sections_of(asked, found), foot)


def _write(place: Path, text: str) -> None:
    """Put the text where it belongs in one step: a crash leaves the old file."""
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileError(f"{place} cannot be written: {error.strerror or error}.") from error
