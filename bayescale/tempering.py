"""Chains that pass between modes: a tempered population, and steps that follow it.

Where chains of NUTS sit in modes of their own, how many sit in each is an accident of where they
started. Here a population goes from a mixture that covers all their draws, and the prior, to the
posterior by way of tempered densities between the two (annealed sequential Monte Carlo: Del Moral
et al. 2006), which leaves in every mode as many as its mass. Chains then start anywhere in the
population and make two kinds of steps that leave the posterior as it is: to a draw of a mixture
that follows the population, wherever the chain is (an independence sampler, which passes between
modes), and along the difference of two members (ter Braak 2006), which moves where the mixture
follows badly. So R-hat and effective sample sizes mean what they always mean. Only values of the
density are needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayescale.proposals import Proposal, following

#: Members of the population, and the share that must stay effective from one density to the next.
MEMBERS, _EFFECTIVE = 2000, 0.5
#: Rounds of moves at each density: at least, at most, and how many accepted ones are enough.
_LEAST, _MOST, _MOVED = 2, 6, 1.5
#: Densities between the two at most: where more are asked for, the population has come to nothing.
_STAGES = 60
#: Steps of a chain for each kept draw: at least and at most.
_THIN = 3, 12
#: One in so many steps along a difference has its full length, from one mode to another.
_LEAP = 10

LogDensity = Callable[[np.ndarray], float]


@dataclass(frozen=True, eq=False)
class Population:
    """Members of a posterior, each as likely.

    Parameters
    ----------
    points
        Shape (n, d).
    log_p
        Log density of each, shape (n,).
    log_mass
        Log of the integral of the density.
    stages
        How many densities lay between.
    """

    points: np.ndarray
    log_p: np.ndarray
    log_mass: float
    stages: int


def tempered(
    density: LogDensity, draws: np.ndarray, rng: np.random.Generator, members: int = MEMBERS
) -> Population | None:
    """Return a population of a density, in every mode as many as its mass.

    Parameters
    ----------
    density
        From a point to the log density; not finite where it is zero.
    draws
        What is known of the density: draws of any of its modes, in any proportion; shape (n, d).
    rng
        Random numbers.
    members
        How many.

    Returns
    -------
    Population or None
        None where the density is finite nowhere near, or is not reached.
    """
    first = following(draws, rng)
    points = first.draw(rng, members)
    log_p, log_q = _values(density, points), first.log_density(points)
    at, log_mass = 0.0, 0.0
    for stage in range(_STAGES):
        step = _next(log_p - log_q, 1.0 - at)
        weights = step * (log_p - log_q)
        top = weights.max()
        if not np.isfinite(top):
            return None
        log_mass += top + math.log(np.exp(weights - top).mean())
        at = min(at + step, 1.0)
        keep = _resampled(np.exp(weights - top), rng)
        points, log_p, log_q = points[keep], log_p[keep], log_q[keep]
        mover = _Mover(density, first, at, rng)
        points, log_p, log_q = mover.moved(points, log_p, log_q)
        if at == 1.0:
            return Population(points, log_p, log_mass, stage + 1)
    return None


def mixed(
    density: LogDensity, draws: np.ndarray, count: int, length: int, seed: list[int]
) -> tuple[np.ndarray, np.ndarray, dict[str, float]] | None:
    """Return chains that pass between modes, from draws of any of them in any proportion.

    Half of them go on from one population, the others from another that was tempered apart, so
    that R-hat tells where a population has not found what there is.

    Parameters
    ----------
    density
        As for :func:`tempered`.
    draws
        Shape (n, d).
    count, length
        Chains, and draws that are kept of each.
    seed
        Same seed, same draws.

    Returns
    -------
    tuple or None
        As of :func:`chains`; None where the posterior is not reached.
    """
    known = draws[np.isfinite(draws).all(-1)]
    known = known[:: max(len(known) // MEMBERS, 1)]
    made = []
    halves = [count - count // 2, count // 2]
    for number, chains_of_it in enumerate(filter(None, halves)):
        rng = np.random.default_rng([*seed, number])
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            population = tempered(density, known, rng)
            if population is None:
                return None
            made.append(chains(density, population, chains_of_it, length, rng))
    about = {name: float(np.mean([one[2][name] for one in made])) for name in made[0][2]}
    return np.concatenate([m[0] for m in made]), np.concatenate([m[1] for m in made]), about


def chains(
    density: LogDensity, population: Population, count: int, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Return chains that pass between the modes of a population.

    Parameters
    ----------
    density
        As for :func:`tempered`.
    population
        Of the density.
    count, length
        Chains, and draws that are kept of each.
    rng
        Random numbers.

    Returns
    -------
    draws
        Shape (chain, draw, d).
    log_p
        Log density of the draws, shape (chain, draw).
    about
        ``steps`` for each kept draw, and the share of ``accepted`` ones among those to a draw of
        the mixture.
    """
    members, size = population.points.shape
    mixture = following(population.points, rng)
    own = population.log_p - mixture.log_density(population.points)
    thin = _thinning(density, mixture, own, rng)
    steps = length * thin
    asked = mixture.draw(rng, steps * count)
    log_q = mixture.log_density(asked).reshape(steps, count)
    asked = asked.reshape(steps, count, size)
    start = rng.choice(members, count, replace=False)
    point, log_p = population.points[start].copy(), population.log_p[start].copy()
    log_w = own[start]
    chance = np.log(rng.random((2, steps, count)))
    pairs = rng.integers(members, size=(2, steps, count))
    scale = np.where(np.arange(steps) % _LEAP, 2.38 / math.sqrt(2 * size), 1.0)
    draws, kept, accepted = np.empty((count, length, size)), np.empty((count, length)), 0
    for t in range(steps):
        new_p = _values(density, asked[t])
        new_w = new_p - log_q[t]
        go = chance[0, t] < new_w - log_w
        accepted += int(go.sum())
        point[go], log_p[go] = asked[t][go], new_p[go]
        along = population.points[pairs[0, t]] - population.points[pairs[1, t]]
        moved = point + scale[t] * along
        new_p = _values(density, moved)
        go = chance[1, t] < new_p - log_p
        point[go], log_p[go] = moved[go], new_p[go]
        log_w = log_p - mixture.log_density(point)
        if t % thin == thin - 1:
            draws[:, t // thin], kept[:, t // thin] = point, log_p
    return draws, kept, {"steps": float(thin), "accepted": accepted / (steps * count)}


@dataclass(frozen=True, eq=False)
class _Mover:
    """Moves of a population that leave q^(1 - at) p^at as it is."""

    density: LogDensity
    first: Proposal
    at: float
    rng: np.random.Generator

    def moved(
        self, points: np.ndarray, log_p: np.ndarray, log_q: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the population after as many rounds as it takes to have moved."""
        state = points.copy(), log_p.copy(), log_q.copy()
        mixture = following(points, self.rng)
        accepted = 0.0
        for turn in range(_MOST):
            accepted += self._anywhere(state, mixture)
            accepted += self._along_differences(state, full=turn % 2 == 1)
            if turn + 1 >= _LEAST and accepted >= _MOVED:
                break
        return state

    def _anywhere(self, state: tuple[np.ndarray, ...], mixture: Proposal) -> float:
        points = state[0]
        asked = mixture.draw(self.rng, len(points))
        back, forth = mixture.log_density(points), mixture.log_density(asked)
        return self._accepted(state, np.arange(len(points)), asked, back - forth)

    def _along_differences(self, state: tuple[np.ndarray, ...], full: bool) -> float:
        """Move each half of the population along differences of the other half."""
        points = state[0]
        count, size = points.shape
        length = 1.0 if full else 2.38 / math.sqrt(2 * size)
        order = self.rng.permutation(count)
        halves = order[: count // 2], order[count // 2 :]
        went = 0.0
        for mine, others in (halves, halves[::-1]):
            a, b = self.rng.choice(others, (2, len(mine)))
            asked = points[mine] + length * (points[a] - points[b])
            went += self._accepted(state, mine, asked, 0.0) * len(mine) / count
        return went

    def _accepted(
        self,
        state: tuple[np.ndarray, ...],
        who: np.ndarray,
        asked: np.ndarray,
        more: np.ndarray | float,
    ) -> float:
        """Move who may go where they asked to; return their share."""
        points, log_p, log_q = state
        new_p, new_q = _values(self.density, asked), self.first.log_density(asked)
        rise = self.at * (new_p - log_p[who]) + (1 - self.at) * (new_q - log_q[who])
        go = np.log(self.rng.random(len(who))) < rise + more
        points[who[go]], log_p[who[go]], log_q[who[go]] = asked[go], new_p[go], new_q[go]
        return float(go.mean())


def _values(density: LogDensity, points: np.ndarray) -> np.ndarray:
    """Return the log density at points; minus infinity where it is not finite."""
    found = np.array([density(point) for point in points])
    return np.where(np.isfinite(found), found, -np.inf)


def _next(log_ratio: np.ndarray, left: float) -> float:
    """Return how far to go so that a share of the population stays effective."""

    def effective(step: float) -> float:
        weights = np.exp(step * (log_ratio - top))
        return weights.sum() ** 2 / (weights**2).sum() / len(weights)

    top = log_ratio.max()
    if not np.isfinite(top) or effective(left) >= _EFFECTIVE:
        return left
    low, high = 0.0, left
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if effective(middle) >= _EFFECTIVE else (low, middle)
    return low if low > 0 else high


def _resampled(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return which members to keep, each as often as its weight says."""
    edges = np.cumsum(weights) / weights.sum()
    ticks = (np.arange(len(weights)) + rng.random()) / len(weights)
    return np.minimum(np.searchsorted(edges, ticks), len(weights) - 1)


def _thinning(
    density: LogDensity, mixture: Proposal, own: np.ndarray, rng: np.random.Generator
) -> int:
    """Return how many steps make draws that are nearly independent."""
    asked = mixture.draw(rng, 200)
    new = _values(density, asked) - mixture.log_density(asked)
    held = rng.choice(own, 200)
    share = float(np.exp(np.minimum(new - held, 0.0)).mean())
    return int(np.clip(math.ceil(1.5 / max(share, 1e-3)), *_THIN))
