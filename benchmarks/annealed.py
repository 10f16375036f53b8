"""A population annealed slowly from the prior to a density: a reference, and no quick way.

Annealed sequential Monte Carlo (Del Moral et al. 2006) whose moves are all kept (Dau and Chopin
2022, arXiv:2011.02328): steps to draws of a mixture that follows the population, and along
differences of its members. It shares the mixture with what it is held to, and nothing else: no
weights of the last density, no gradient, no chain of NUTS. With two breaks a narrow mode may be
lost on the way; with one the populations of several seeds agree.
"""

import math
from collections.abc import Callable

import numpy as np

from bayescale.proposals import following

#: Chains of a population, steps of each, the share that stays effective; the first one's width.
CHAINS, STEPS, EFFECTIVE, WIDTH = 500, 20, 0.9, 1.2


def annealed(
    density: Callable[[np.ndarray], float], size: int, rng: np.random.Generator
) -> np.ndarray:
    """Return draws of a density whose prior is about standard normal, shape (n, size)."""
    points = WIDTH * rng.standard_normal((CHAINS * STEPS, size))
    log_p, log_q, at = values(density, points), broad(points), 0.0
    while at < 1:
        step = onward(log_p - log_q, 1 - at)
        weights = np.exp(step * (log_p - log_q - (log_p - log_q).max()))
        at = min(at + step, 1.0)
        edges = np.cumsum(weights) / weights.sum()
        everyone, some = (kept(edges, n, rng) for n in (len(points), CHAINS))
        others = points[everyone]
        mixture = following(others[rng.choice(len(others), 2000)], rng)
        x, x_p, x_q = points[some], log_p[some], log_q[some]
        walked = []
        for _ in range(STEPS):
            y = mixture.draw(rng, CHAINS)
            back = mixture.log_density(x) - mixture.log_density(y)
            x, x_p, x_q = moved(density, (x, x_p, x_q), y, back, at, rng)
            one, two = others[rng.integers(len(others), size=(2, CHAINS))]
            length = 2.38 / math.sqrt(2 * size) * np.exp(0.5 * rng.standard_normal((CHAINS, 1)))
            x, x_p, x_q = moved(density, (x, x_p, x_q), x + length * (one - two), 0.0, at, rng)
            walked.append((x, x_p, x_q))
        points, log_p, log_q = (np.concatenate(part) for part in zip(*walked, strict=True))
    return points


def moved(density, state, asked, more, at, rng):
    """Return points after those went where they asked to that may, under q^(1 - at) p^at."""
    x, x_p, x_q = state
    y_p, y_q = values(density, asked), broad(asked)
    rise = at * (y_p - x_p) + (1 - at) * (y_q - x_q) + more
    go = np.log(rng.random(len(x))) < rise
    return np.where(go[:, None], asked, x), np.where(go, y_p, x_p), np.where(go, y_q, x_q)


def values(density: Callable[[np.ndarray], float], points: np.ndarray) -> np.ndarray:
    """Return the log density at points, minus infinity where it is not finite."""
    found = np.array([density(point) for point in points])
    return np.where(np.isfinite(found), found, -np.inf)


def broad(points: np.ndarray) -> np.ndarray:
    """Return the log density of the first population, up to a constant."""
    return -0.5 * (points**2).sum(1) / WIDTH**2


def kept(edges: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return which members are taken, each as often as its weight says."""
    ticks = (np.arange(count) + rng.random()) / count
    return np.minimum(np.searchsorted(edges, ticks), len(edges) - 1)


def onward(log_ratio: np.ndarray, left: float) -> float:
    """Return how far to go so that a share of the population stays effective."""

    def effective(step: float) -> float:
        weights = np.exp(step * (log_ratio - log_ratio.max()))
        return weights.sum() ** 2 / (weights**2).sum() / len(weights)

    if effective(left) >= EFFECTIVE:
        return left
    low, high = 0.0, left
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if effective(middle) >= EFFECTIVE else (low, middle)
    return high
