"""Questions about several groups of a fit at once: members asked one by one, and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayescale import model
from bayescale.forecasting import check_held, checked_inputs, checked_outcomes, with_levels
from bayescale.forecasts import Forecast, forecast_of
from bayescale.groups import asked_for, check_named


def _asked(
    fit: Any, given: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, list], list[tuple[np.ndarray, Any]]]:
    """Return inputs, levels by input, and for each group asked for where it is and its fit."""
    levels, rest = asked_for(fit.runs.groups, given)
    at = checked_inputs(fit.law.inputs, fit.runs.columns, rest, fit.name)
    groups = fit.runs.groups
    assert groups is not None
    check_named(groups, levels, fit.name)
    at, asked = with_levels(at, levels)
    rows = list(zip(*(asked[column] for column in fit.groups), strict=True))
    found = []
    for row in dict.fromkeys(rows):
        where = np.flatnonzero([other == row for other in rows])
        found.append((where, fit.at(**dict(zip(fit.groups, row, strict=True)))))
    return at, asked, found


def forecast(fit: Any, drift: float, given: Mapping[str, Any]) -> Forecast:
    """Return one forecast for several groups, of which each input names one."""
    at, asked, members_asked = _asked(fit, given)
    count = len(next(iter(at.values())))
    check_held(at, fit.settings.chains * fit.settings.draws)
    shape = (*(fit.tree["posterior"].sizes[dim] for dim in ("chain", "draw")), count)
    curve, observation, reach = np.empty(shape), np.empty(shape), np.empty(count)
    for where, one in members_asked:
        made = one.forecast(drift=drift, **{role: values[where] for role, values in at.items()})
        curve[..., where], observation[..., where] = made.curve, made.observation
        reach[where] = made.extrapolation
    reported = fit.runs.reported
    made = forecast_of(fit, at, reported(curve), reported(observation), drift)
    made = replace(
        made,
        inputs=made.inputs.assign(**asked)[[*asked, *made.inputs]],
        extrapolation=reach,
        groups=fit.groups,
    )
    data = {"curve": made.curve, model.OUTCOME: made.observation}
    data |= {role: ("forecast", np.array(values)) for role, values in at.items()}
    data |= {column: ("forecast", np.array(levels)) for column, levels in asked.items()}
    fit.tree["predictions"] = xr.DataTree(xr.Dataset(data))
    return made


def log_density(fit: Any, y: Any, drift: float, given: Mapping[str, Any]) -> np.ndarray:
    """Return the log density draw by draw, shape (chain, draw, m); each input names a group."""
    at, _, members_asked = _asked(fit, given)
    outcome = checked_outcomes(y, len(next(iter(at.values()))))
    found = None
    for where, one in members_asked:
        inputs = {role: values[where] for role, values in at.items()}
        part = one.log_density_draws(outcome[where], drift=drift, **inputs)
        found = np.empty((*part.shape[:2], len(outcome))) if found is None else found
        found[..., where] = part
    assert found is not None
    return found
