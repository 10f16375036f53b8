r"""How much runs that could be made are expected to tell of a goal.

For a goal g and the outcome y of a run, the expected share of the goal's variance that goes is

.. math:: 1 - \frac{E_y \mathrm{Var}(g \mid y)}{\mathrm{Var}(g)}

(g within its central 95 % interval, what lies outside moved to its ends), and the expected
information :math:`I(g; y)`. Outcomes are simulated from some draws; given each of
them all other draws are weighed by its density, with Pareto-smoothed weights (arXiv:1507.02646):
nothing is fitted again. Where one outcome leaves too few draws (a run that tells a lot, several
runs at once), the goal is regressed on simulated outcomes instead (Strong, Oakley, Brennan, Breeze
2015, "Estimating the expected value of sample information"), with each draw left out in its turn.

Of a number, the information is that of its normal scores z, of which the prior is standard normal:
:math:`-\frac12 E_y \log \mathrm{Var}(z \mid y)` is a lower bound of it, and equal to it where goal
and outcome are jointly Gaussian on some scales. Of the form it is the mutual information itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from bayescale.experiments.particles import Particles, spread_evenly
from bayescale.pareto import smoothed

#: Weights are trusted where the tails of nine outcomes in ten have at most this Pareto k ...
PARETO_K = 0.7
#: ... and half of them leave so many effective draws.
EFFECTIVE = 25.0
#: Runs whose outcomes enter a regression by pairs too.
_PAIRED = 4
_RIDGE = 1e-9
#: Log weights below the largest that are as good as any lower ones, and still have a number.
_FAR = 500.0

VARIANCE, INFORMATION = "variance", "information"


@dataclass(frozen=True)
class Gain:
    """What some runs together are expected to tell.

    Parameters
    ----------
    value
        Share of the variance, no unit; or information, in nats.
    se
        Its Monte Carlo standard error.
    pareto_k
        Of the weights of nine outcomes in ten at most, whether they were used or found wanting;
        NaN where nothing was weighed.
    ess
        Effective draws that the middle outcome leaves; NaN where nothing was weighed.
    how
        ``"weights"``, ``"regression"`` or ``"refit"``.
    """

    value: float
    se: float
    pareto_k: float = np.nan
    ess: float = np.nan
    how: str = "weights"

    @property
    def reliable(self) -> bool:
        """Whether weights can be trusted."""
        return self.how != "weights" or (self.pareto_k <= PARETO_K and self.ess >= EFFECTIVE)


@dataclass(frozen=True, eq=False)
class Weighing:
    """Draws, simulated outcomes, and what was observed so far.

    Parameters
    ----------
    particles
        The draws.
    measure
        ``"variance"`` or ``"information"``.
    outcomes
        One new run of every draw at every candidate, shape (draw, candidate).
    outer
        Draws whose outcomes are observed in turn, shape (outcome,).
    score
        The goal within its central 95 %, or its normal scores; shape (draw, part).
    seen
        Log density of what was observed already, shape (outcome, draw).
    chosen
        Candidates that it belongs to.
    """

    particles: Particles
    measure: str
    outcomes: np.ndarray
    outer: np.ndarray
    score: np.ndarray
    seen: np.ndarray
    chosen: tuple[int, ...] = ()

    @property
    def of_form(self) -> bool:
        """Whether the goal is which law is true."""
        return self.score.shape[1] == 0

    @property
    def variance(self) -> np.ndarray:
        """Of the score before anything is observed, shape (part,)."""
        weights = np.exp(self.particles.log_weights)
        off = self.score - weights @ self.score
        return weights @ off**2

    def having(self, candidate: int) -> Weighing:
        """Return the same after one more run was observed, in every outcome."""
        found = self.seen + self._density(candidate)
        return replace(self, seen=found, chosen=(*self.chosen, candidate))

    def _density(self, candidate: int) -> np.ndarray:
        measured = self.outcomes[self.outer, candidate]
        return self.particles.log_density(candidate, measured)


def weighing(particles: Particles, measure: str, outcomes: int, seed: int) -> Weighing:
    """Simulate outcomes at every candidate.

    Parameters
    ----------
    particles
        The draws.
    measure
        ``"variance"`` or ``"information"``.
    outcomes
        How many are observed in turn.
    seed
        Same seed, same outcomes.

    Returns
    -------
    Weighing
        With nothing observed.
    """
    weights = particles.log_weights
    score = particles.goal
    if score.shape[1]:
        score = particles.central
        if measure == INFORMATION:
            score = np.stack([normal_scores(part, weights) for part in particles.goal.T], axis=1)
    outer = spread_evenly(weights, outcomes, [seed, 43])
    new = particles.outcomes(seed)
    return Weighing(
        particles, measure, new, outer, score, np.zeros((outcomes, len(weights)))
    )  # fmt: skip


def gain(state: Weighing, candidate: int, how: str | None = None) -> Gain:
    """Return what the runs observed so far and one more tell together.

    Parameters
    ----------
    state
        Draws and what was observed.
    candidate
        Number of the run to add.
    how
        ``"weights"`` or ``"regression"``; by default weights where they can be trusted.

    Returns
    -------
    Gain
        Of all of them.
    """
    together = (*state.chosen, candidate)
    if how == "regression":
        return by_regression(state, together)
    found = by_weights(state, candidate)
    if how == "weights" or found.reliable:
        return found
    return replace(by_regression(state, together), pareto_k=found.pareto_k, ess=found.ess)


def by_weights(state: Weighing, candidate: int) -> Gain:
    """Return what the runs observed so far and one more tell, by weighing draws."""
    log_weights = state.seen + state._density(candidate) + state.particles.log_weights
    # A draw must not tell of its own outcome: it would be found too easily.
    log_weights[np.arange(len(state.outer)), state.outer] = -np.inf
    log_weights = np.maximum(log_weights, log_weights.max(axis=1, keepdims=True) - _FAR)
    smooth, pareto_k = smoothed(log_weights)
    weights = np.exp(smooth)
    concentration = (weights**2).sum(axis=1)
    told = _of_form(state, weights) if state.of_form else _of_score(state, weights, concentration)
    value, se = _summed_up(state, told)
    k = float(np.quantile(np.nan_to_num(pareto_k, nan=np.inf), 0.9, method="lower"))
    return Gain(value, se, k, float(np.median(1 / concentration)))


def _of_form(state: Weighing, weights: np.ndarray) -> np.ndarray:
    """Return the entropy of the form that each outcome takes away, shape (outcome, 1)."""
    form = state.particles.form
    count = int(form.max()) + 1
    after = np.stack([weights[:, form == k].sum(axis=1) for k in range(count)], axis=1)
    return (_entropy(_prior(state)) - _entropy(after))[:, None]


def _prior(state: Weighing) -> np.ndarray:
    """Return the probability of each form, shape (form,)."""
    return np.bincount(state.particles.form, weights=np.exp(state.particles.log_weights))


def _entropy(shares: np.ndarray) -> np.ndarray:
    shares = shares / shares.sum(axis=-1, keepdims=True)
    return -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=-1)


def _of_score(state: Weighing, weights: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Return the variance left by each outcome over the variance before, shape (outcome, part)."""
    centred = state.score - state.score.mean(axis=0)
    mean = weights @ centred
    left = np.maximum(weights @ centred**2 - mean**2, 0.0)
    # As n / (n - 1) is for equal weights.
    left /= np.maximum(1 - concentration, 0.1)[:, None]
    return left / state.variance


def _summed_up(state: Weighing, told: np.ndarray) -> tuple[float, float]:
    """Return the value and its standard error from what each outcome tells."""
    if state.of_form:
        by_outcome = told.mean(axis=1)
    elif state.measure == INFORMATION:
        by_outcome = -0.5 * np.log(np.maximum(told, 1e-12)).mean(axis=1)
    else:
        by_outcome = 1 - told.mean(axis=1)
    return float(by_outcome.mean()), float(by_outcome.std() / np.sqrt(len(by_outcome)))


# Without weights ----------------------------------------------------------------------------------


def by_regression(state: Weighing, candidates: Sequence[int]) -> Gain:
    """Return what some runs tell together, by regression on simulated outcomes."""
    weights = np.exp(state.particles.log_weights)
    if not candidates:
        return Gain(0.0, 0.0, how="regression")
    columns = state.outcomes[:, list(candidates)]
    with np.errstate(all="ignore"):
        columns = np.log(columns) if state.particles.on_logs else columns
    columns = np.nan_to_num(columns, nan=-np.inf)
    scores = np.stack([normal_scores(c, np.log(weights)) for c in columns.T], axis=1)
    if state.of_form:
        told = _log_odds(state, scores)
        mean = float(weights @ told)
        spread = float(np.sqrt(weights @ (told - mean) ** 2))
        return Gain(mean, spread / np.sqrt(len(told)), how="regression")
    left = _left_out(_features(scores), state.score, weights) ** 2 / state.variance
    share = np.minimum(weights @ left, 1.0)
    error = np.sqrt(weights @ (left - share) ** 2 / len(left))
    if state.measure == INFORMATION:
        value, se = -0.5 * np.log(np.maximum(share, 1e-12)), 0.5 * error / share
    else:
        value, se = 1 - share, error
    return Gain(float(value.mean()), float(se.mean()), how="regression")


def _features(scores: np.ndarray) -> np.ndarray:
    """Return powers and products of outcomes, shape (draw, feature)."""
    count = scores.shape[1]
    found = [np.ones((len(scores), 1)), scores, scores**2 - 1]
    if count == 1:
        found.append(scores**3 - 3 * scores)
    elif count <= _PAIRED:
        pairs = [scores[:, i] * scores[:, j] for i, j in combinations(range(count), 2)]
        found.append(np.stack(pairs, axis=1))
    return np.concatenate(found, axis=1)


def _left_out(features: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return what a regression without each draw misses it by, shape (draw, part)."""
    root = np.sqrt(weights)[:, None]
    wide = features * root
    gram = wide.T @ wide
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    solved = np.linalg.solve(gram, wide.T)
    missed = score - features @ (solved @ (score * root))
    leverage = np.einsum("df,fd->d", wide, solved)
    return missed / np.maximum(1 - leverage, 1e-3)[:, None]


def _log_odds(state: Weighing, scores: np.ndarray) -> np.ndarray:
    """Return the log density of each draw's outcomes under its form over that of the mixture.

    Each form's outcomes are taken for Gaussian in their normal scores.
    """
    form, prior = state.particles.form, _prior(state)
    density = np.empty((len(prior), len(scores)))
    for k in range(len(prior)):
        own = scores[form == k]
        spread = np.atleast_2d(np.cov(own.T)) + 1e-6 * np.eye(scores.shape[1])
        off = scores - own.mean(axis=0)
        far = np.einsum("ij,ji->i", off, np.linalg.solve(spread, off.T))
        density[k] = -0.5 * (far + np.linalg.slogdet(spread)[1])
    mixture = np.logaddexp.reduce(density + np.log(prior)[:, None], axis=0)
    return density[form, np.arange(len(scores))] - mixture


def normal_scores(values: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
    """Return values moved to a standard normal scale, in their order.

    Parameters
    ----------
    values
        Shape (draw,).
    log_weights
        Of the draws, shape (draw,).

    Returns
    -------
    numpy.ndarray
        Shape (draw,).
    """
    from scipy.special import ndtri

    order = np.argsort(values, kind="stable")
    weights = np.exp(log_weights - log_weights.max())[order]
    below = (np.cumsum(weights) - 0.5 * weights) / weights.sum()
    scores = np.empty(len(values))
    scores[order] = ndtri(below)
    return scores
