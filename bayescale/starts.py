"""Where chains start: in the modes of a density that hold a share of its mass.

A chain that starts anywhere can be caught in a mode of no weight (a break in place of the floor,
e^15 times less likely) and spoil a fit that is fine. Several climbs from points about the prior
find the modes, Laplace's approximation weighs them, and every chain starts in one of those that
hold at least :data:`LEAST` of the mass, each as likely: where two explanations are tenable, chains
start in both, and R-hat says so if they do not mix (what then, see mixing.py). The mass of the
modes that are left out is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

#: Climbs, and the share of the mass that a mode must hold for chains to start there.
CLIMBS, LEAST = 8, 0.05
#: Climbs that may arrive at the only mode so far before it is taken for the only one.
_ALIKE = 5
#: Modes nearer than this, in standard deviations, are one; a climb ends as near as that.
_APART, _NEAR = 1.0, 0.1
#: Of a climb: steps, halvings of one, its length along any coordinate; a difference's.
_STEPS, _HALVINGS, _REACH, _DIFFERENCE = 40, 12, 1.0, 1e-4

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Mode:
    """A mode with its Gaussian stand-in.

    Parameters
    ----------
    point
        Where it is, shape (d,).
    spread
        A square root of the covariance, shape (d, d).
    log_mass
        Log of the mass by Laplace's approximation, up to a constant.
    """

    point: np.ndarray
    spread: np.ndarray
    log_mass: float

    def distance(self, point: np.ndarray) -> float:
        """Return how far a point is, in standard deviations."""
        return float(np.linalg.norm(np.linalg.solve(self.spread, point - self.point)))


def modes(density: ValueAndGradient, size: int, seed: int, climbs: int = CLIMBS) -> list[Mode]:
    """Return the modes that several climbs find, the heaviest first.

    Parameters
    ----------
    density
        From a point to the log density and its gradient.
    size
        Of a point.
    seed
        Of the points where climbs begin; the first one is the middle of the prior.
    climbs
        How many.

    Returns
    -------
    list of Mode
        Empty where no climb arrives.
    """
    rng = np.random.default_rng(seed)
    begins = rng.uniform(-1.5, 1.5, (climbs, size))
    begins[0] = 0.0
    found: list[Mode] = []
    seen, alike = 0, max(_ALIKE, climbs // 2)
    for begin in begins:
        mode = _climbed(density, begin)
        if mode is None:
            continue
        if any(other.distance(mode.point) < _APART for other in found):
            seen += 1
            if len(found) == 1 and seen >= alike:
                break
        else:
            found.append(mode)
    return sorted(found, key=lambda mode: -mode.log_mass)


def _climbed(density: ValueAndGradient, point: np.ndarray) -> Mode | None:
    """Return the mode above a point, by Newton's steps; None where they come to nothing.

    Along every axis of the curvature a step goes uphill, as far as a parabola says, and no
    curvature is taken as less than one, that of the prior.
    """
    value, gradient = density(point)
    for _ in range(_STEPS):
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None
        curvature = _curvature(density, point)
        if not np.isfinite(curvature).all():
            return None
        values, vectors = np.linalg.eigh(curvature)
        widths = np.maximum(np.abs(values), 1.0) ** -0.5
        spread = vectors * widths
        slope = gradient @ spread  # in standard deviations
        if (rise := slope @ slope) < _NEAR**2:
            return Mode(point, spread, float(value + 0.5 * rise + np.log(widths).sum()))
        step = spread @ slope
        step *= min(1.0, _REACH / np.abs(step).max())
        for _ in range(_HALVINGS):
            onward, onward_gradient = density(point + step)
            if onward > value:
                break
            step = step / 2
        else:
            return None
        point, value, gradient = point + step, onward, onward_gradient
    return None


def _curvature(density: ValueAndGradient, point: np.ndarray) -> np.ndarray:
    """Return minus the second derivatives, by differences of the gradient."""
    moves = _DIFFERENCE * np.eye(len(point))
    rows = [density(point - move)[1] - density(point + move)[1] for move in moves]
    curvature = np.stack(rows) / (2 * _DIFFERENCE)
    return (curvature + curvature.T) / 2


def _shares(found: Sequence[Mode]) -> np.ndarray:
    """Return each mode's share of the mass, by Laplace's approximation."""
    mass = np.exp([mode.log_mass - found[0].log_mass for mode in found])
    return mass / mass.sum()


def tenable(found: Sequence[Mode]) -> list[Mode]:
    """Return the modes that hold a share of the mass worth a chain; none of none."""
    if not found:
        return []
    return [mode for mode, share in zip(found, _shares(found), strict=True) if share >= LEAST]


def starting(found: Sequence[Mode]) -> tuple[Callable[[int], np.ndarray], float]:
    """Return where chains start, and the share of the mass in modes where none does.

    Parameters
    ----------
    found
        The modes, at least one.

    Returns
    -------
    start
        From a chain's seed to a point, drawn from the Gaussian stand-in of a mode.
    left_out
        Between 0 and 1.
    """
    shares = _shares(found)
    held = tenable(found)

    def start(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        mode = held[rng.integers(len(held))]
        return mode.point + mode.spread @ rng.standard_normal(len(mode.point))

    return start, float(shares[shares < LEAST].sum())
