"""What runs would tell, by fitting again with outcomes that they may have: slow, and sure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import attempts, data, fitting
from bayescale.errors import DataWarning
from bayescale.experiments.gains import INFORMATION, Gain, normal_scores
from bayescale.experiments.goals import CENTRAL, Goal
from bayescale.workers import ordered

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit


def refitted_gains(
    fit: Fit,
    goal: Goal,
    measure: str,
    table: pd.DataFrame,
    outcomes: np.ndarray,
    refits: int,
    workers: int | None = None,
    executor: Any = None,
    done: Callable[[int], object] = lambda count: None,
) -> list[Gain]:
    """Return what each of some runs tells, by fitting with it, and one outcome at a time.

    Parameters
    ----------
    fit
        Of the runs so far.
    goal
        What is to be known better, of a fit.
    measure
        ``"variance"`` or ``"information"``.
    table
        The candidates, with the columns of the runs.
    outcomes
        Simulated outcomes of every candidate, in modelled units; shape (draw, candidate).
    refits
        With how many of them each candidate is fitted: those in the middle of as many equal parts
        of their distribution.
    workers, executor
        Who fits, as for :func:`bayescale.fit_many`.
    done
        Called with how many fits were just done.

    Returns
    -------
    list of Gain
        One for each candidate.

    Raises
    ------
    DataError
        If the candidates lack a column that the likelihood reads, or the fit's runs cannot be
        joined by new ones.
    """
    import cloudpickle

    before = goal.of(fit)
    shares = (np.arange(refits) + 0.5) / refits
    jobs = []
    for number in range(len(table)):
        row = table.iloc[[number]]
        for outcome in np.quantile(outcomes[:, number], shares, method="nearest"):
            name = fit.runs.outcome_column
            jobs.append(row.assign(**{name: float(fit.runs.reported(outcome))}))
    packed = cloudpickle.dumps((fit.law, fit.likelihood, fit.runs, fit.settings, goal, before))
    data.joined(fit.runs, jobs[0], fit.likelihood)  # raises what every fit would
    left = np.stack(
        ordered(left_over, packed, jobs, workers=workers, executor=executor, done=done)
    ).reshape(len(table), refits, 2, -1)
    which = 1 if measure == INFORMATION else 0
    found = []
    for ratios in left[:, :, which]:
        told = -0.5 * np.log(ratios) if which else 1 - ratios
        by_outcome = told.mean(axis=1)
        se = float(by_outcome.std(ddof=1) / np.sqrt(refits)) if refits > 1 else np.nan
        found.append(Gain(float(by_outcome.mean()), se, how="refit"))
    return found


def left_over(packed: bytes, rows: Sequence[pd.DataFrame]) -> list[np.ndarray]:
    """Fit with each of some new rows, and see what variance the goal has left.

    Parameters
    ----------
    packed
        Law, likelihood, runs, settings, goal and its draws before, pickled.
    rows
        A row for each fit.

    Returns
    -------
    list of numpy.ndarray
        Variance afterwards over that before, of the goal and of its normal scores; shape
        (2, part).
    """
    import cloudpickle

    law, likelihood, runs, settings, goal, before = cloudpickle.loads(packed)
    flat, ends = np.zeros(len(before)), np.quantile(before, CENTRAL, axis=0)
    scored = np.stack([normal_scores(part, flat) for part in before.T], axis=1)
    found = []
    for row in rows:
        both = data.joined(runs, row, likelihood)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # of the runs: the fit has said it
            checked = data.observations(
                law, likelihood, both, runs.outcome_column, runs.columns, runs.ceiling
            )
        after = goal.of(fitting.bare(attempts.sampled(law, likelihood, checked, settings)))
        moved = np.stack(
            [_placed(new, old, z) for new, old, z in zip(after.T, before.T, scored.T, strict=True)],
            axis=1,
        )
        ratios = (
            after.clip(*ends).var(axis=0) / before.clip(*ends).var(axis=0),
            moved.var(axis=0) / scored.var(axis=0),
        )
        found.append(np.stack(ratios))
    return found


def _placed(new: np.ndarray, old: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return normal scores of new values on the scale of old ones."""
    order = np.argsort(old, kind="stable")
    return np.interp(new, old[order], scores[order])
