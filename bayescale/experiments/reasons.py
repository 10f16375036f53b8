"""The table of candidates: what each is worth, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.experiments.gains import VARIANCE, Gain, Weighing, normal_scores
from bayescale.experiments.goals import Goal
from bayescale.experiments.particles import Particles

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit


def spread(particles: Particles) -> np.ndarray:
    """Return the standard deviation of the goal within its central 95 %, shape (part,)."""
    weights = np.exp(particles.log_weights)
    return np.sqrt(weights @ (particles.central - weights @ particles.central) ** 2)


def rows_of(
    state: Weighing,
    table: pd.DataFrame,
    costs: np.ndarray,
    found: list[Gain],
    goal: Goal,
    first: Fit,
) -> pd.DataFrame:
    """Return a row for each candidate, the most value for its cost first.

    Parameters
    ----------
    state
        Draws and simulated outcomes.
    table
        The candidates.
    costs
        Shape (candidate,).
    found
        What each tells.
    goal
        What is to be known better.
    first
        A fit whose runs say what was seen.

    Returns
    -------
    pandas.DataFrame
        As :class:`bayescale.NextRuns` has it.
    """
    value = np.maximum([gain.value for gain in found], 0.0)
    seen = first.runs.references
    at = state.particles.at
    correlation, noise = _signal(state)
    rows = table.assign(
        cost=costs, value=value, se=[gain.se for gain in found], value_per_cost=value / costs
    )
    if goal.asked is not None and state.measure == VARIANCE:
        rows["sd_after"] = float(spread(state.particles).mean()) * np.sqrt(1 - value)
    rows["correlation"], rows["noise"] = correlation, noise
    rows["extrapolation"] = np.max([at[role] / seen[f"{role}_end"] for role in at], axis=0)
    rows["how"] = [gain.how for gain in found]
    rows["pareto_k"] = [gain.pareto_k for gain in found]
    rows["ess"] = [gain.ess for gain in found]
    rows["why"] = [_why(row, goal) for _, row in rows.iterrows()]
    order = np.argsort(-rows["value_per_cost"].to_numpy(), kind="stable")
    return rows.iloc[order].rename_axis("candidate")


def _signal(state: Weighing) -> tuple[np.ndarray, np.ndarray]:
    """Return how the curve at each candidate goes with the goal, and the share of noise there.

    Of the form it is the correlation ratio: the root of the share of the curve's spread that lies
    between laws.
    """
    particles = state.particles
    weights = np.exp(particles.log_weights)
    with np.errstate(all="ignore"):
        curve, new = (
            np.log(values) if particles.on_logs else values
            for values in (particles.curve, state.outcomes)
        )
    curve, new = (
        np.stack([normal_scores(c, particles.log_weights) for c in rows.T], axis=1)
        for rows in (curve, np.where(np.isnan(new), -np.inf, new))
    )
    if state.of_form:
        shares = np.bincount(particles.form, weights=weights)
        means = np.stack(
            [np.bincount(particles.form, weights=weights * column) / shares for column in curve.T]
        )
        middle = means @ shares
        together = np.sqrt((means - middle[:, None]) ** 2 @ shares / (weights @ curve**2))
    else:
        each = [_correlation(curve, part, weights) for part in state.score.T]
        together = np.mean(each, axis=0)
    # Scores of curve and outcome correlate as curve and outcome do where both are Gaussian.
    paired = np.array(
        [_correlation(curve[:, [j]], new[:, j], weights)[0] for j in range(curve.shape[1])]
    )
    return together, 1 - np.clip(paired, 0.0, 1.0) ** 2


def _correlation(columns: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted correlation of each column with a number, shape (column,)."""
    left, right = columns - weights @ columns, other - weights @ other
    spread = np.sqrt((weights @ left**2) * (weights @ right**2))
    return (weights @ (left * right[:, None])) / np.maximum(spread, 1e-300)


def _why(row: Any, goal: Goal) -> str:
    """Say in words where a candidate's value comes from."""
    together, noise, beyond = abs(row["correlation"]), row["noise"], row["extrapolation"]
    if goal.asked is None:
        link = "the laws differ there" if together > 0.5 else "the laws say much the same there"
    elif together > 0.7:
        link = "what it measures goes with the goal"
    elif together > 0.3:
        link = "what it measures goes with the goal in part"
    else:
        link = "what it measures has little to do with the goal"
    figure = f"{link} (correlation {row['correlation']:.2f})"
    spread = f"{100 * noise:.2g} % of what it may show is noise"
    if noise > 0.5:
        spread = f"{spread}: the curve there is known already"
    where = f"; {beyond:.3g} times beyond the data" if beyond > 1.0001 else ""
    return f"{figure}; {spread}{where}"
