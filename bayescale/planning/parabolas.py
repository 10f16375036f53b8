r"""Minima of many short curves: a quartic for each budget, whose bends have something in common.

.. math:: \log L_{ki} = m_k + s_k t + f_k (c_k t^2 + d\, t^3 + e\, t^4) + \varepsilon, \qquad
          t = \log N_{ki} - t_k, \quad c_k \sim N(\bar c, \omega^2 \bar c^2), \quad
          \varepsilon \sim N(0, \sigma^2)

with :math:`f_k = (C_k/C_{ref})^{-g}`: valleys get flatter as the reducible loss falls, and keep
their shape. Given g and how much the bends differ besides (:math:`\omega`) all else is linear and
Gaussian, so the posterior is drawn directly and no sampler is run: g and :math:`\omega` from their
marginal on a grid, then :math:`\sigma`, then the rest. Priors: g uniform from -0.1 to 0.4,
:math:`\omega` half-normal with scale 1/2, flat on :math:`m_k, s_k, \bar c, \log \sigma`; :math:`d`
normal with scale :math:`\bar c / 5`, since the two sides of a valley differ little within a factor
of e; :math:`e` normal with scale :math:`\bar c / 100`, which matters where sizes reach farther to
one side of the minimum than to the other. Runs may have gone wrong:
:mod:`bayescale.planning.outlying`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from bayescale.planning import outlying

#: Spreads of the bends that are weighed, and the scale of their prior.
_SPREADS = np.concatenate([[0.0], np.geomspace(0.02, 2.0, 15)])
_SPREAD_SCALE = 0.5
#: The spread at which it is asked which runs went wrong.
_USUAL_SPREAD = 0.2
#: The cubic's scale over the bend: exp(αt) of α = 0.3 has d/c = α/3 on one side alone.
_CUBIC = 0.2
#: A scale over the bend that leaves nothing of a term.
_NONE = 1e-9
#: The quartic's scale over the bend. Of two powers e/c is (α² - αβ + β²)/12, .008 at .3 and .3,
#: less half of c, since the log of the loss is taken.
_QUARTIC = 0.01
#: Steps from the cubic's minimum to the quartic's.
_STEPS = 5
#: Powers of the budget in which bends may fall.
_FLATTER = np.linspace(-0.1, 0.4, 21)


@dataclass(frozen=True, eq=False)
class Valleys:
    """Posterior draws of one quartic for each budget.

    Parameters
    ----------
    centre
        Log size about which each is written, shape (k,).
    level, slope, bend, cubic, quartic
        Shape (draw, k).
    sigma
        Shape (draw,).
    p_wrong
        Probability of each run to have gone wrong, budget after budget; shape (run,).
    """

    centre: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    cubic: np.ndarray
    quartic: np.ndarray
    sigma: np.ndarray
    p_wrong: np.ndarray

    def minimum(self) -> tuple[np.ndarray, np.ndarray]:
        """Return log size and log loss of each minimum, shape (draw, k); NaN where none is."""
        c, s, d, e = self.bend, self.slope, self.cubic, self.quartic
        with np.errstate(all="ignore"):
            root = np.sqrt(c**2 - 3 * d * s)
            t = np.where(c > 0, -s / (c + root), np.nan)
            for _ in range(_STEPS):
                rise = s + t * (2 * c + t * (3 * d + t * 4 * e))
                bend = 2 * c + t * (6 * d + t * 12 * e)
                t = np.where(bend > 0, t - rise / bend, np.nan)
        return self.centre + t, self.at(t)

    def at(self, t: np.ndarray) -> np.ndarray:
        """Return the log loss at log sizes about the centres, shape (draw, k)."""
        with np.errstate(all="ignore"):  # where a minimum lies anywhere
            top = self.bend + t * (self.cubic + t * self.quartic)
            return self.level + t * (self.slope + t * top)

    def curve(self, which: int, log_size: np.ndarray) -> np.ndarray:
        """Return the log loss of one budget at log sizes of shape (m,), shape (draw, m)."""
        t = log_size - self.centre[which]
        named = (self.level, self.slope, self.bend, self.cubic, self.quartic)
        level, slope, bend, cubic, quartic = (draws[:, which, None] for draws in named)
        return level + t * (slope + t * (bend + t * (cubic + t * quartic)))


def valleys(
    log_budget: np.ndarray,
    log_size: list[np.ndarray],
    log_loss: list[np.ndarray],
    draws: int,
    seed: int,
    asymmetric: bool = True,
) -> Valleys:
    """Draw the posterior of one quartic for each budget.

    Parameters
    ----------
    log_budget
        Shape (k,), about its centre.
    log_size, log_loss
        For each budget the logs of its runs, three different sizes at least.
    draws
        How many.
    seed
        Of the draws.
    asymmetric
        Whether there are a cubic and a quartic term; without them they are parabolas.
    """
    rows, ends = sum(map(len, log_loss)), np.cumsum([len(z) for z in log_loss])[:-1]
    wrong: frozenset[int] = frozenset()
    for _ in range(2):  # a run that went wrong has its part in what the first search starts from
        each = np.split(outlying.weights(wrong, rows), ends)
        model = _Model(log_budget, log_size, log_loss, each, asymmetric)
        usual = model.usual()
        wrong = outlying.best_set(rows, partial(model.log_marginal, *usual), wrong)
    sets = outlying.likely_sets(rows, partial(model.log_marginal, *usual), wrong)
    fits, weights, members = [], [], []
    for one in sets:
        for fit, weight in model.fits(one):
            fits.append(fit)
            weights.append(weight + outlying.log_prior(one, rows))
            members.append([row in one for row in range(rows)])
    weight = np.exp(np.array(weights) - max(weights))
    weight /= weight.sum()
    rng = np.random.default_rng([seed, 41])
    counts = rng.multinomial(draws, weight)
    parts = [f.drawn(rng, count) for f, count in zip(fits, counts, strict=True) if count]
    order = rng.permutation(draws)
    drawn = [np.concatenate(p)[order] for p in zip(*parts, strict=True)]
    return Valleys(model.centre, *drawn, p_wrong=weight @ np.array(members))


class _Model:
    """The valleys of all budgets, about their centres and in scales that are taken from them."""

    def __init__(
        self,
        log_budget: np.ndarray,
        log_size: list[np.ndarray],
        log_loss: list[np.ndarray],
        weights: list[np.ndarray],
        asymmetric: bool,
    ) -> None:
        each = list(zip(log_size, log_loss, weights, strict=True))
        self.centre = np.array([_pilot(u, z, w) for u, z, w in each])
        self._t = [u - c for u, c in zip(log_size, self.centre, strict=True)]
        self._z, self._asymmetric, self._log_budget = log_loss, asymmetric, log_budget
        self._bend, self._noise = _scales(self._t, log_loss, weights)
        self._rows = sum(map(len, log_loss))
        self._ends = np.cumsum([len(z) for z in log_loss])[:-1]

    def given(self, power: float, spread: float, wrong: frozenset[int]) -> _Given:
        """Return the linear model at a fall of the bends, a spread of them, and runs gone wrong."""
        roots = np.split(np.sqrt(outlying.weights(wrong, self._rows)), self._ends)
        ratio, flatter = (spread * self._bend / self._noise) ** 2, np.exp(-power * self._log_budget)
        scales = np.array([_CUBIC, _QUARTIC] if self._asymmetric else [_NONE, _NONE]) * self._bend
        return _Given(self._t, self._z, roots, flatter, ratio, self._noise / scales)

    def log_marginal(self, power: float, spread: float, wrong: frozenset[int]) -> float:
        """Return the log density of the outcomes at all three."""
        return self.given(power, spread, wrong).log_marginal

    def fits(self, wrong: frozenset[int]) -> list[tuple[_Given, float]]:
        """Return the linear models of the grid, and the log of how much each counts."""
        step, prior, found = np.gradient(_SPREADS), -0.5 * (_SPREADS / _SPREAD_SCALE) ** 2, []
        for power in self._powers:
            for spread, own, wide in zip(_SPREADS, prior, step, strict=True):
                fit = self.given(power, spread, wrong)
                found.append((fit, fit.log_marginal + own + np.log(wide)))
        return found

    def usual(self) -> tuple[float, float]:
        """Return a fall and a spread of the bends at which sets of runs are compared."""
        return float(np.median(self._powers)), _USUAL_SPREAD

    @property
    def _powers(self) -> np.ndarray:
        return _FLATTER if len(self._t) > 2 else np.zeros(1)


def _pilot(u: np.ndarray, z: np.ndarray, weights: np.ndarray) -> float:
    """Return about where the minimum lies: a parabola's vertex, kept within the sizes."""
    c, s, _ = np.polyfit(u - u.mean(), z, 2, w=np.sqrt(weights))
    vertex = u.mean() - s / (2 * c) if c > 0 else u[z.argmin()]
    return float(np.clip(vertex, u.min(), u.max()))


def _scales(
    t: list[np.ndarray], z: list[np.ndarray], weights: list[np.ndarray]
) -> tuple[float, float]:
    """Return the usual bend and the noise of a parabola apart for each budget."""
    bends, squares, free = [], 0.0, 0
    for one, outcome, weight in zip(t, z, weights, strict=True):
        fit = np.polyfit(one, outcome, 2, w=np.sqrt(weight))
        bends.append(fit[0])
        squares += float((weight * (outcome - np.polyval(fit, one)) ** 2).sum())
        free += len(one) - 3
    bend = max(float(np.median(bends)), 1e-5)
    spread = float(np.std(np.concatenate(z)))
    return bend, max(np.sqrt(squares / max(free, 1)), 1e-4 * spread, 1e-9)


class _Given:
    """The linear model at one fall and one spread of the bends: its marginal, and draws of it."""

    def __init__(
        self,
        t: list[np.ndarray],
        z: list[np.ndarray],
        roots: list[np.ndarray],
        flatter: np.ndarray,
        ratio: float,
        precisions: np.ndarray,
    ) -> None:
        count = len(t)
        columns = 2 * count + 3
        self._precision = np.zeros((columns, columns))
        moment, total = np.zeros(columns), 0.0
        self._log_det, self._flatter, rows = 0.0, flatter, 0
        self._blocks = []
        for k, (one, plain, root) in enumerate(zip(t, z, roots, strict=True)):
            outcome, bent = root * plain, flatter[k] * one**2
            square = root * bent
            shrink = ratio / (1 + ratio * square @ square)
            x = root[:, None] * np.column_stack(
                [np.ones_like(one), one, bent, bent * one, bent * one**2]
            )
            where = np.array([k, count + k, 2 * count, 2 * count + 1, 2 * count + 2])
            weighted = x - shrink * np.outer(square, square @ x)
            self._precision[np.ix_(where, where)] += x.T @ weighted
            moment[where] += weighted.T @ outcome
            total += float(outcome @ outcome - shrink * (square @ outcome) ** 2)
            self._log_det += np.log1p(ratio * square @ square) - 2 * np.log(root).sum()
            self._blocks.append((x, outcome, square, shrink, where))
            rows += len(one)
        self._precision[[-2, -1], [-2, -1]] += precisions**2
        self._mean = np.linalg.solve(self._precision, moment)
        self._squares = max(total - float(moment @ self._mean), 1e-12 * abs(total) + 1e-300)
        self._free = rows - (columns - 2)

    @property
    def log_marginal(self) -> float:
        """The log of the outcomes' density with everything but the spread integrated out."""
        _, log_det = np.linalg.slogdet(self._precision)
        return float(-0.5 * (self._log_det + log_det + max(self._free, 1) * np.log(self._squares)))

    def drawn(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
        """Return draws of level, slope, bend, cubic and quartic, shape (count, k), and of sigma."""
        groups = len(self._blocks)
        sigma = np.sqrt(self._squares / rng.chisquare(max(self._free, 1), count))
        root = _root_of_inverse(self._precision)
        theta = self._mean + sigma[:, None] * (rng.standard_normal((count, len(root))) @ root.T)
        bend = np.empty((count, groups))
        for k, (x, outcome, square, shrink, where) in enumerate(self._blocks):
            # Of the bend's own part: mean r (t²'(z - Xθ)) / (1 + r t²'t²), variance σ² of it.
            rest = outcome - theta[:, where] @ x.T
            own = shrink * (rest @ square)
            own = own + sigma * np.sqrt(shrink) * rng.standard_normal(count)
            bend[:, k] = theta[:, 2 * groups] + own
        cubic, quartic = theta[:, -2:-1] * self._flatter, theta[:, -1:] * self._flatter
        level, slope = theta[:, :groups], theta[:, groups : 2 * groups]
        return level, slope, bend * self._flatter, cubic, quartic, sigma


def _root_of_inverse(precision: np.ndarray) -> np.ndarray:
    """Return R with RRᵀ the inverse, also where rounding leaves a direction without precision."""
    scale = 1 / np.sqrt(np.diag(precision))
    values, vectors = np.linalg.eigh(scale[:, None] * precision * scale)
    return scale[:, None] * vectors / np.sqrt(np.maximum(values, 1e-14 * values[-1]))
