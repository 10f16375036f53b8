"""A density's modes weighed by importance sampling from a mixture that follows them.

What is known of a density, draws of any of its modes in any proportion, says where a mixture must
have its parts, and nothing of how much each holds: that is told by the weights of draws of the
mixture, density over mixture, whose mean is the density's integral whatever the mixture. The
mixture then follows the weighted draws, and so on for some rounds (adaptive importance sampling:
Cappé et al. 2008, arXiv:0710.4242). A part of it stays where everything known was, so that no mode
is lost between rounds, and a small part is as wide as the prior, so that a mode that nothing was
known of can show itself by a weight that outweighs the others. The shape of the weights' tail
(Pareto k) says whether they can be trusted (Vehtari et al. 2024, arXiv:1507.02646).

Draws of a fixed mixture are independent: R-hat of chains that are dealt from them, their effective
sample sizes and the errors of modes' shares mean what they always mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayescale import pareto
from bayescale.proposals import Proposal, following, together

#: Draws of a round, rounds at least and at most.
DRAWS, _LEAST, _MOST = 4000, 2, 8
#: The share of a round's draws that go where everything known was.
_KNOWN = 0.2
#: The share of a round's weights that is kept effective for the next mixture to follow; and of how
#: many draws it is made.
_EFFECTIVE, _FOLLOWED = 0.1, 2500
#: Effective draws that tell whether chains have the posterior; of draws in their place the number
#: that is wanted, out of at most so many.
ENOUGH, WANTED, _AT_MOST = 300, 3000, 60_000
#: Above this the weights cannot be trusted; a round below the other number needs no further one.
PARETO_K, _FINE = 0.7, 0.5

LogDensity = Callable[[np.ndarray], float]


@dataclass(frozen=True, eq=False)
class Weighed:
    """Independent draws of a mixture, weighed to a density.

    Parameters
    ----------
    points
        Shape (n, d).
    log_p
        The log density of each, shape (n,).
    weights
        They sum to one, shape (n,).
    log_mass
        Log of the density's integral.
    pareto_k
        Of the weights' tail.
    mixture
        Of which the points are draws.
    """

    points: np.ndarray
    log_p: np.ndarray
    weights: np.ndarray
    log_mass: float
    pareto_k: float
    mixture: Proposal

    @property
    def effective(self) -> float:
        """How many draws of the density these are worth."""
        return float(1.0 / (self.weights**2).sum())

    @property
    def trusted(self) -> bool:
        """Whether the weights can be trusted, and draws are enough for a fit."""
        return self.pareto_k <= PARETO_K and self.effective >= ENOUGH


def weighed(density: LogDensity, known: np.ndarray, rng: np.random.Generator) -> Weighed | None:
    """Return draws that hold every known mode by its mass.

    Parameters
    ----------
    density
        From a point to the log density; not finite where it is zero.
    known
        Draws of any modes of the density, in any proportion; shape (n, d).
    rng
        Random numbers.

    Returns
    -------
    Weighed or None
        A few thousand of a mixture that no longer changes; None where the density is finite at none
        of them.
    """
    first = following(_some(known, np.ones(len(known)), rng), rng)
    mixture, before = first, np.nan
    for turn in range(_MOST):
        found = _from(density, mixture, DRAWS, rng)
        if found is None:
            return None
        settled = abs(found.log_mass - before) < 3 * (2 / found.effective) ** 0.5
        fine = turn >= _LEAST and settled and found.pareto_k < _FINE
        if fine or turn == _MOST - 1:
            break
        before = found.log_mass
        chance = _flattened(found.weights)
        mixture = together(following(_some(found.points, chance, rng), rng), first, _KNOWN)
    return found


def more(density: LogDensity, found: Weighed, rng: np.random.Generator) -> Weighed | None:
    """Return as many new draws of the same mixture as it takes to stand in for a sampler's."""
    count = int(np.clip(WANTED * len(found.points) / found.effective, DRAWS, _AT_MOST))
    return _from(density, found.mixture, count, rng)


def dealt(
    found: Weighed, chains: int, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the density as chains, each made of draws of its own.

    Resampling is systematic and keeps the order: a draw of great weight comes several times in a
    row, and effective sample sizes count it once.

    Parameters
    ----------
    found
        From :func:`weighed`.
    chains, length
        How many, and how many draws of each.
    rng
        Random numbers.

    Returns
    -------
    draws
        Shape (chain, draw, d).
    log_p
        Shape (chain, draw).
    """
    taken = []
    for own in np.array_split(np.arange(len(found.points)), chains):
        weights = found.weights[own]
        edges = np.cumsum(weights) / max(weights.sum(), np.finfo(float).tiny)
        ticks = (np.arange(length) + rng.random()) / length
        taken.append(own[np.minimum(np.searchsorted(edges, ticks), len(own) - 1)])
    which = np.stack(taken)
    return found.points[which], found.log_p[which]


def _from(
    density: LogDensity, mixture: Proposal, count: int, rng: np.random.Generator
) -> Weighed | None:
    """Return so many draws of a mixture, weighed."""
    points = mixture.draw(rng, count)
    log_p = np.array([density(point) for point in points])
    log_p = np.where(np.isfinite(log_p), log_p, -np.inf)
    log_w = log_p - mixture.log_density(points)
    inside = np.isfinite(log_w)
    if not inside.any():
        return None
    top = log_w.max()
    plain = np.exp(log_w - top)
    smooth, (pareto_k,) = pareto.smoothed(log_w[inside][None])
    weights = np.zeros(count)
    weights[inside] = np.exp(smooth[0])
    k = float(np.nan_to_num(pareto_k, nan=np.inf, neginf=-1.0))
    return Weighed(
        points, log_p, weights / weights.sum(), float(top + np.log(plain.mean())), k, mixture
    )


def _flattened(weights: np.ndarray) -> np.ndarray:
    """Return a power of the weights, at most the first, of which enough draws are effective."""

    def raised(power: float) -> np.ndarray:
        made = np.where(weights > 0, weights / weights.max(), 0.0) ** power * (weights > 0)
        return made / made.sum()

    low, high = 0.0, 1.0
    if 1 / (raised(high) ** 2).sum() < _EFFECTIVE * len(weights):
        for _ in range(30):
            middle = (low + high) / 2
            enough = 1 / (raised(middle) ** 2).sum() >= _EFFECTIVE * len(weights)
            low, high = (middle, high) if enough else (low, middle)
        return raised(low)
    return raised(high)


def _some(points: np.ndarray, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return as many points as a mixture is made to follow, each as likely as it is told."""
    return points[rng.choice(len(points), _FOLLOWED, p=chance / chance.sum())]
