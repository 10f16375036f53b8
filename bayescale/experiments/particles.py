"""Weighted draws of laws: what each says of the goal, and what it would measure at candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.experiments.goals import CENTRAL, Goal

if TYPE_CHECKING:
    from bayescale.fitting import Fit


@dataclass(frozen=True, eq=False)
class Part:
    """The draws that were taken of one fit.

    Parameters
    ----------
    fit
        Which.
    where
        Positions of its draws among all, a slice.
    noise
        Draws of the noise's parameters, shape (draw, 1).
    """

    fit: Fit
    where: slice
    noise: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Particles:
    """Draws of one law or several, with weights.

    Parameters
    ----------
    parts
        The fits.
    at
        Role to the candidates' inputs, shape (candidate,).
    curve
        Drifted curve at the candidates, in modelled units; shape (draw, candidate).
    goal
        The goal, shape (draw, part); of the form, no part.
    form
        Number of the fit of each draw, shape (draw,).
    log_weights
        Shape (draw,); their exponentials sum to one.
    """

    parts: tuple[Part, ...]
    at: dict[str, np.ndarray]
    curve: np.ndarray
    goal: np.ndarray
    form: np.ndarray
    log_weights: np.ndarray

    @property
    def on_logs(self) -> bool:
        """Whether outcomes are compared on the log scale."""
        return all(part.fit.likelihood.on_logs for part in self.parts)

    @cached_property
    def central(self) -> np.ndarray:
        """The goal with what lies outside its central 95 % interval moved to its ends."""
        ends = [
            np.quantile(part, CENTRAL, weights=np.exp(self.log_weights), method="inverted_cdf")
            for part in self.goal.T
        ]
        return np.stack(
            [part.clip(*end) for part, end in zip(self.goal.T, ends, strict=True)], axis=1
        )

    def outcomes(self, seed: int) -> np.ndarray:
        """Return one new run of every draw at every candidate, shape (draw, candidate)."""
        new = np.empty_like(self.curve)
        for i, part in enumerate(self.parts):
            rng = np.random.default_rng([seed, 41, i])
            noise = part.noise | part.fit.of_new_rows(self.at)
            new[part.where] = part.fit.likelihood.draw(rng, self.curve[part.where], **noise)
        return new

    def log_density(self, candidate: int, outcomes: np.ndarray) -> np.ndarray:
        """Return the log density of outcomes at one candidate under every draw.

        Parameters
        ----------
        candidate
            Its number.
        outcomes
            In modelled units, shape (m,).

        Returns
        -------
        numpy.ndarray
            Shape (m, draw); finite.
        """
        density = np.empty((len(outcomes), len(self.curve)))
        for part in self.parts:
            here = {role: values[candidate : candidate + 1] for role, values in self.at.items()}
            noise = part.noise | part.fit.of_new_rows(here)
            curve = self.curve[part.where, candidate : candidate + 1]
            with np.errstate(all="ignore"):
                found = part.fit.likelihood.log_density(outcomes, curve, **noise)
            density[:, part.where] = found.T
        return np.nan_to_num(density, nan=_NEVER, neginf=_NEVER, posinf=-_NEVER)


#: A log density of what cannot be.
_NEVER = -1e6


def particles_of(
    fits: Mapping[str, Fit],
    shares: np.ndarray,
    at: dict[str, np.ndarray],
    goal: Goal,
    drift: float,
    count: int,
) -> Particles:
    """Take draws of every fit, evenly spaced, and ask each for candidates and goal.

    Parameters
    ----------
    fits, shares
        Name to fit, and its probability.
    at
        Role to the candidates' inputs, shape (candidate,).
    goal
        What is to be known better.
    drift
        How far exponents drift beyond the data: candidates and goal are seen through one drift,
        draw by draw.
    count
        Draws to take, about equally many of every fit that has a weight.

    Returns
    -------
    Particles
        The draws.
    """
    used = [(fit, share) for fit, share in zip(fits.values(), shares, strict=True) if share > 0]
    each = max(count // len(used), 2)
    parts, curves, goals, forms, weights, start = [], [], [], [], [], 0
    for number, (fit, share) in enumerate(used):
        curve = fit.drifted_draws(at, drift)
        curve = curve.reshape(-1, curve.shape[-1])
        taken = np.unique(np.linspace(0, len(curve) - 1, min(each, len(curve))).round().astype(int))
        noise = {name: np.ravel(value)[taken, None] for name, value in fit.noise.items()}
        parts.append(Part(fit, slice(start, start + len(taken)), noise))
        curves.append(curve[taken])
        goals.append(np.empty((len(taken), 0)) if goal.asked is None else goal.of(fit)[taken])
        forms.append(np.full(len(taken), number))
        weights.append(np.full(len(taken), np.log(share / len(taken))))
        start += len(taken)
    log_weights = np.concatenate(weights)
    log_weights = log_weights - np.log(np.exp(log_weights).sum())
    return Particles(
        tuple(parts), at, np.concatenate(curves), np.concatenate(goals), np.concatenate(forms),
        log_weights,
    )  # fmt: skip


def spread_evenly(log_weights: np.ndarray, count: int, seed: Any) -> np.ndarray:
    """Return positions of draws, each as often as it weighs, from one random start."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(np.exp(log_weights))
    points = (np.arange(count) + rng.uniform()) / count * ends[-1]
    return np.minimum(np.searchsorted(ends, points), len(ends) - 1)
