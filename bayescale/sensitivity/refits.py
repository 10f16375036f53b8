"""A law fitted again to some of the runs, and what it forecasts then."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale import fitting
from bayescale.errors import SamplingWarning
from bayescale.observed import Observations
from bayescale.sample import Sampling


@dataclass(frozen=True, eq=False)
class Plan:
    """What all refits have in common."""

    law: Any
    likelihood: Any
    settings: Sampling
    runs: Observations
    targets: dict[str, Any]
    of: str


@dataclass(frozen=True, eq=False)
class Refit:
    """What one refit said: draws of shape (draw, target)."""

    draws: np.ndarray
    runs: int
    problem: str


def forecasts_from(packed: bytes, starts: Sequence[float]) -> list[Refit]:
    """Fit a law to the runs from each of some inputs on, and forecast.

    Parameters
    ----------
    packed
        A plan, pickled.
    starts
        The smallest input to keep of each fit.

    Returns
    -------
    list of Refit
        Draws of the forecast, and the problems of the fit, if any.
    """
    import cloudpickle

    plan: Plan = cloudpickle.loads(packed)
    return [refit(plan, from_input(plan.runs, start)) for start in starts]


def forecasts_without(packed: bytes, rows: Sequence[int]) -> list[Refit]:
    """Fit a law to all runs but one, for each of some, and forecast; the priors stay put.

    Parameters
    ----------
    packed
        A plan, pickled.
    rows
        Positions of the runs to leave out, one at a time.

    Returns
    -------
    list of Refit
        Draws of the forecast, and the problems of the fit, if any.
    """
    import cloudpickle

    plan: Plan = cloudpickle.loads(packed)
    position = np.arange(len(plan.runs))
    return [refit(plan, plan.runs.rows(position != row, anchored=True)) for row in rows]


def refit(plan: Plan, runs: Observations) -> Refit:
    """Fit the plan's law to some runs and forecast the plan's targets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplingWarning)  # it is told in the table
        made = fitting.fit(plan.law, plan.likelihood, runs, plan.settings, progress=False)
    asked: dict[str, Any] = plan.targets
    forecast = made.forecast(drift=0.0, **asked)
    found = made.diagnostics
    flat = forecast.draws(plan.of).reshape(-1, forecast.curve.shape[-1])
    return Refit(flat, len(runs), "" if found.good else found.line())


def from_input(runs: Observations, start: float) -> Observations:
    """Return the runs from an input on; a level that has none of them was never seen."""
    (x,) = runs.inputs.values()
    return runs.rows(x >= start).grouped_by(tuple(runs.seen))
