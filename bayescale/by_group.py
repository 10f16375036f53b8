"""Questions about several groups at once: members asked one by one, and put together.

A member is what answers of one group, ``source.at(family="A")``; the source may be a fit, an
ensemble or two stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayescale.forecasting import check_held, checked_inputs, checked_outcomes, with_levels
from bayescale.forecasts import Forecast, forecast_of
from bayescale.groups import asked_for, check_named


def members_asked(source: Any, levels: Mapping[str, list]) -> list[tuple[np.ndarray, Any]]:
    """Return for each group asked for the positions at which it was, and who answers.

    Parameters
    ----------
    source
        With groups.
    levels
        Column to a level for each input.
    """
    rows = list(zip(*(levels[column] for column in source.groups), strict=True))
    found = []
    for row in dict.fromkeys(rows):
        where = np.flatnonzero([other == row for other in rows])
        found.append((where, source.at(**dict(zip(source.groups, row, strict=True)))))
    return found


def together(parts: Iterable[tuple[np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    """Return arrays put together along their last axis, each at its positions."""
    whole = None
    for where, part in parts:
        whole = np.empty((*part.shape[:-1], count)) if whole is None else whole
        whole[..., where] = part
    assert whole is not None, "at least one group was asked for"
    return whole


def _asked(
    source: Any, given: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, list], list[tuple[np.ndarray, Any]]]:
    """Return inputs, levels by input, and for each group asked for where it is and its member."""
    levels, rest = asked_for(source.seen, given)
    columns: Mapping[str, str] = source.runs.columns
    at = checked_inputs(tuple(columns), columns, rest, source.name, source.groups)
    check_named(source.seen, levels, source.name)
    at, asked = with_levels(at, levels)
    return at, asked, members_asked(source, asked)


def forecast(source: Any, drift: float, given: Mapping[str, Any]) -> Forecast:
    """Return one forecast for several groups, of which each input names one.

    Parameters
    ----------
    source
        A fit, an ensemble or two stages, with groups.
    drift
        How far exponents may drift beyond the data.
    given
        Inputs and levels, one or as many as there are inputs.
    """
    at, asked, found = _asked(source, given)
    count = len(next(iter(at.values())))
    made = []
    for where, one in found:
        part = one.forecast(drift=drift, **{role: values[where] for role, values in at.items()})
        check_held(at, part.curve.shape[0] * part.curve.shape[1])
        made.append((where, part))
    curve, observation = (
        together(((where, part.draws(of)) for where, part in made), count)
        for of in ("curve", "observation")
    )
    reported = source.runs.reported
    whole = forecast_of(source, at, reported(curve), reported(observation), drift)
    return replace(
        whole,
        inputs=whole.inputs.assign(**asked)[[*asked, *whole.inputs]],
        extrapolation=together(((where, part.extrapolation) for where, part in made), count),
        groups=source.groups,
    )


def predicted(
    source: Any, at: Mapping[str, np.ndarray], levels: Mapping[str, list], drift: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return curve and new runs of a fit with groups, in modelled units.

    Parameters
    ----------
    source
        The fit.
    at
        Role to inputs, shape (m,).
    levels
        Column to as many levels.
    drift
        As of a forecast.

    Returns
    -------
    curve, new
        Shape (chain, draw, m).
    """
    count, curves, news = len(next(iter(at.values()))), [], []
    for where, one in members_asked(source, levels):
        inputs = {role: values[where] for role, values in at.items()}
        curve = one.drifted_draws(inputs, drift)
        curves.append((where, curve))
        news.append((where, one.new_run_draws(curve, inputs)))
    return together(curves, count), together(news, count)


def log_density(
    source: Any, y: Any, drift: float, given: Mapping[str, Any], by_draw: bool = False
) -> np.ndarray:
    """Return the log density of one new run at each input, each of which names a group.

    Parameters
    ----------
    source
        With groups.
    y
        What was measured, shape (m,).
    drift, given
        As for :func:`forecast`.
    by_draw
        Whether draw by draw, which a fit can.

    Returns
    -------
    numpy.ndarray
        Shape (m,), or (chain, draw, m).
    """
    at, _, found = _asked(source, given)
    count = len(next(iter(at.values())))
    outcome = checked_outcomes(y, count)

    def answer(where: np.ndarray, one: Any) -> np.ndarray:
        ask = one.log_density_draws if by_draw else one.log_density
        return ask(outcome[where], drift=drift, **{r: values[where] for r, values in at.items()})

    return together(((where, answer(where, one)) for where, one in found), count)
