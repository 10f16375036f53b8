"""What all questions of this room ask of a fit, and how they check what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bayescale.errors import LawError
from bayescale.fitting import Fit
from bayescale.given import short

#: How the quantity "forecast" is named among parameters.
FORECAST = "forecast"


def asked(fit: Fit, inputs: Mapping[str, Any]) -> Any:
    """Return a forecast; the newest forecast that the fit keeps stays as it was."""
    return replace(fit, tree=fit.tree.copy()).forecast(drift=0.0, **inputs)


def check_fit(fit: Any, caller: str) -> None:
    """Raise a LawError for what is no fit."""
    if not isinstance(fit, Fit):
        raise LawError(
            f"{caller} takes a fit (law.fit(...)); got "
            f"{getattr(fit, '__name__', type(fit).__name__)}. Of an ensemble, give each member."
        )


def check_of(of: str) -> None:
    """Raise a LawError for what no forecast is of."""
    if of not in ("curve", "observation"):
        raise LawError(f"of= must be 'curve' or 'observation'; got {short(of)}.")
