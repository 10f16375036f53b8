r"""Minima of many short curves: a cubic for each budget, whose bends have something in common.

.. math:: \log L_{ki} = m_k + s_k t + f_k (c_k t^2 + d\, t^3) + \varepsilon, \qquad
          t = \log N_{ki} - t_k, \quad c_k \sim N(\bar c, \omega^2 \bar c^2), \quad
          \varepsilon \sim N(0, \sigma^2)

with :math:`f_k = (C_k/C_{ref})^{-g}`: valleys get flatter as the reducible loss falls, and keep
their shape. Given g and how much the bends differ besides (:math:`\omega`) all else is linear and
Gaussian, so the posterior is drawn directly and no sampler is run: g and :math:`\omega` from their
marginal on a grid, then :math:`\sigma`, then the rest. Priors: g uniform from -0.1 to 0.4,
:math:`\omega` half-normal with scale 1/2, flat on :math:`m_k, s_k, \bar c, \log \sigma`; :math:`d`
normal with scale :math:`\bar c / 5`, since the two sides of a valley differ little within a factor
of e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Spreads of the bends that are weighed, and the scale of their prior.
_SPREADS = np.concatenate([[0.0], np.geomspace(0.02, 2.0, 15)])
_SPREAD_SCALE = 0.5
#: The cubic's scale over the bend: exp(αt) of α = 0.3 has d/c = α/3 on one side alone.
_CUBIC = 0.2
#: Powers of the budget in which bends may fall.
_FLATTER = np.linspace(-0.1, 0.4, 21)


@dataclass(frozen=True, eq=False)
class Valleys:
    """Posterior draws of one cubic for each budget.

    Parameters
    ----------
    centre
        Log size about which each is written, shape (k,).
    level, slope, bend, cubic
        Shape (draw, k).
    sigma
        Shape (draw,).
    """

    centre: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    cubic: np.ndarray
    sigma: np.ndarray

    def minimum(self) -> tuple[np.ndarray, np.ndarray]:
        """Return log size and log loss of each minimum, shape (draw, k); NaN where none is."""
        c, s, d = self.bend, self.slope, self.cubic
        with np.errstate(all="ignore"):
            root = np.sqrt(c**2 - 3 * d * s)
            t = np.where(c > 0, -s / (c + root), np.nan)
        return self.centre + t, self.at(t)

    def at(self, t: np.ndarray) -> np.ndarray:
        """Return the log loss at log sizes about the centres, shape (draw, k)."""
        return self.level + t * (self.slope + t * (self.bend + t * self.cubic))

    def curve(self, which: int, log_size: np.ndarray) -> np.ndarray:
        """Return the log loss of one budget at log sizes of shape (m,), shape (draw, m)."""
        t = log_size - self.centre[which]
        named = (self.level, self.slope, self.bend, self.cubic)
        level, slope, bend, cubic = (draws[:, which, None] for draws in named)
        return level + t * (slope + t * (bend + t * cubic))


def valleys(
    log_budget: np.ndarray,
    log_size: list[np.ndarray],
    log_loss: list[np.ndarray],
    draws: int,
    seed: int,
    asymmetric: bool = True,
) -> Valleys:
    """Draw the posterior of one cubic for each budget.

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
        Whether there is a cubic term; without it they are parabolas.
    """
    centre = np.array([_pilot(u, z) for u, z in zip(log_size, log_loss, strict=True)])
    t = [u - c for u, c in zip(log_size, centre, strict=True)]
    bend, noise = _scales(t, log_loss)
    step, prior = np.gradient(_SPREADS), -0.5 * (_SPREADS / _SPREAD_SCALE) ** 2
    fits, weights = [], []
    for power in _FLATTER if len(t) > 2 else [0.0]:
        flatter = np.exp(-power * log_budget)
        for spread, own, wide in zip(_SPREADS, prior, step, strict=True):
            ratio = (spread * bend / noise) ** 2
            fits.append(_Given(t, log_loss, flatter, ratio, noise / (_CUBIC * bend), asymmetric))
            weights.append(fits[-1].log_marginal + own + np.log(wide))
    weight = np.exp(np.array(weights) - max(weights))
    rng = np.random.default_rng([seed, 41])
    counts = rng.multinomial(draws, weight / weight.sum())
    parts = [f.drawn(rng, count) for f, count in zip(fits, counts, strict=True) if count]
    order = rng.permutation(draws)
    level, slope, bends, cubic, sigma = (np.concatenate(p)[order] for p in zip(*parts, strict=True))
    return Valleys(centre, level, slope, bends, cubic, sigma)


def _pilot(u: np.ndarray, z: np.ndarray) -> float:
    """Return about where the minimum lies: a parabola's vertex, kept within the sizes."""
    c, s, _ = np.polyfit(u - u.mean(), z, 2)
    vertex = u.mean() - s / (2 * c) if c > 0 else u[z.argmin()]
    return float(np.clip(vertex, u.min(), u.max()))


def _scales(t: list[np.ndarray], z: list[np.ndarray]) -> tuple[float, float]:
    """Return the usual bend and the noise of a parabola apart for each budget."""
    bends, squares, free = [], 0.0, 0
    for one, outcome in zip(t, z, strict=True):
        fit = np.polyfit(one, outcome, 2)
        bends.append(fit[0])
        squares += float(((outcome - np.polyval(fit, one)) ** 2).sum())
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
        flatter: np.ndarray,
        ratio: float,
        cubic_precision: float,
        asymmetric: bool,
    ) -> None:
        count = len(t)
        columns = 2 * count + 2
        self._precision = np.zeros((columns, columns))
        moment, total = np.zeros(columns), 0.0
        self._log_det, self._flatter, rows = 0.0, flatter, 0
        self._blocks = []
        for k, (one, outcome) in enumerate(zip(t, z, strict=True)):
            square = flatter[k] * one**2
            shrink = ratio / (1 + ratio * square @ square)
            x = np.column_stack([np.ones_like(one), one, square, square * one])
            where = np.array([k, count + k, 2 * count, 2 * count + 1])
            weighted = x - shrink * np.outer(square, square @ x)
            self._precision[np.ix_(where, where)] += x.T @ weighted
            moment[where] += weighted.T @ outcome
            total += float(outcome @ outcome - shrink * (square @ outcome) ** 2)
            self._log_det += np.log1p(ratio * square @ square)
            self._blocks.append((x, outcome, square, shrink, where))
            rows += len(one)
        self._precision[-1, -1] += (cubic_precision if asymmetric else 1e9) ** 2
        self._mean = np.linalg.solve(self._precision, moment)
        self._squares = max(total - float(moment @ self._mean), 1e-12 * abs(total) + 1e-300)
        self._free = rows - (columns - 1)

    @property
    def log_marginal(self) -> float:
        """The log of the outcomes' density with everything but the spread integrated out."""
        _, log_det = np.linalg.slogdet(self._precision)
        return float(-0.5 * (self._log_det + log_det + max(self._free, 1) * np.log(self._squares)))

    def drawn(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
        """Return draws of level, slope, bend and cubic, shape (count, k), and of sigma."""
        groups = len(self._blocks)
        sigma = np.sqrt(self._squares / rng.chisquare(max(self._free, 1), count))
        root = np.linalg.cholesky(np.linalg.inv(self._precision))
        theta = self._mean + sigma[:, None] * (rng.standard_normal((count, len(root))) @ root.T)
        bend = np.empty((count, groups))
        for k, (x, outcome, square, shrink, where) in enumerate(self._blocks):
            # Of the bend's own part: mean r (t²'(z - Xθ)) / (1 + r t²'t²), variance σ² of it.
            rest = outcome - theta[:, where] @ x.T
            own = shrink * (rest @ square)
            own = own + sigma * np.sqrt(shrink) * rng.standard_normal(count)
            bend[:, k] = theta[:, 2 * groups] + own
        cubic = theta[:, -1:] * self._flatter
        return theta[:, :groups], theta[:, groups : 2 * groups], bend * self._flatter, cubic, sigma


def power_through(
    log_budget: np.ndarray, log_size: np.ndarray, draws: int, seed: int, scatter: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Draw the power law through minima that are themselves uncertain.

    .. math:: \log N^*_k = \log N_0 + a \log(C_k/C_{ref}) + \eta_k, \qquad \eta_k \sim N(0, \tau^2)

    with the minima known as their draws say: their mean and covariance stand for the likelihood.
    Flat priors on both coefficients, half-normal on :math:`\tau`; drawn directly.

    Parameters
    ----------
    log_budget
        Shape (k,), about its centre.
    log_size
        Draws of the minima, shape (draw, k); not a number where there is none.
    draws, seed
        How many, and of what seed.
    scatter
        Scale of the prior of :math:`\tau`, in log size.

    Returns
    -------
    tuple of numpy.ndarray
        ``log N_0``, ``a`` and :math:`\tau`, each of shape (draws,).
    """
    low, middle, high = np.nanquantile(log_size, [0.025, 0.5, 0.975], axis=0)
    spread = np.maximum((high - low) / 3.92, 1e-9)
    # Tails of a ratio are heavy: a draw far out must not decide how minima go together.
    inside = np.where(np.isnan(log_size), middle, np.clip(log_size, low, high))
    together = np.corrcoef(inside, rowvar=False)
    cover = np.outer(spread, spread) * np.atleast_2d(np.nan_to_num(together))
    np.fill_diagonal(cover, spread**2)
    x = np.column_stack([np.ones_like(log_budget), log_budget])
    grid = np.concatenate([[0.0], np.geomspace(0.003, 5.0, 60)]) * scatter
    fits, weights = [], []
    for tau, step in zip(grid, np.gradient(grid), strict=True):
        root = np.linalg.cholesky(cover + (tau**2 + 1e-12) * np.eye(len(middle)))
        wx, wy = np.linalg.solve(root, x), np.linalg.solve(root, middle)
        precision = wx.T @ wx
        mean = np.linalg.solve(precision, wx.T @ wy)
        squares = float(((wy - wx @ mean) ** 2).sum())
        weight = -np.log(np.diag(root)).sum() - 0.5 * np.linalg.slogdet(precision)[1]
        weights.append(weight - 0.5 * squares - 0.5 * (tau / scatter) ** 2 + np.log(step))
        fits.append((mean, np.linalg.cholesky(np.linalg.inv(precision))))
    share = np.exp(np.array(weights) - max(weights))
    rng = np.random.default_rng([seed, 43])
    chosen = rng.choice(len(grid), size=draws, p=share / share.sum())
    normal = rng.standard_normal((draws, 2))
    found = np.stack([fits[j][0] + fits[j][1] @ n for j, n in zip(chosen, normal, strict=True)])
    return found[:, 0], found[:, 1], grid[chosen]
