"""A Gaussian process of log y on log x: a line plus a smooth part plus noise.

The line's level and slope have wide normal priors and integrate out with the rest; scale and length
of the smooth part (squared exponential) and the noise are set at the largest marginal likelihood
found from several starts. A row that is a mean of n runs has a variance of noise / n.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.optimize import minimize

from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.least_squares import DRAWS
from benchmarks.extrapolation.scores import Predictive

STARTS = 6
LEVEL, SLOPE = 2.0, 0.5
#: Bounds of log scale, log length and log noise.
BOUNDS = ((-7.0, 1.0), (np.log(0.2), np.log(20.0)), (np.log(1e-4), np.log(0.5)))


def forecast(curve: Curve, rng: np.random.Generator) -> Predictive:
    """Fit the process to a curve's training rows; forecast single runs at its test points."""
    log_x, log_y = (np.log(curve.train[name].to_numpy()) for name in ("x", "y"))
    n_obs = curve.train["n_obs"].to_numpy()
    centre, level = log_x.mean(), log_y.mean()
    t, target = log_x - centre, log_y - level
    ahead = np.log(curve.test["x"].to_numpy()) - centre

    def kernel(a, b, scale, length):
        smooth = scale**2 * np.exp(-0.5 * ((a[:, None] - b) / length) ** 2)
        return LEVEL**2 + SLOPE**2 * a[:, None] * b + smooth

    def factor(at):
        scale, length, noise = np.exp(at)
        matrix = kernel(t, t, scale, length) + np.diag(noise**2 / n_obs + 1e-10)
        return cholesky(matrix, lower=True)

    def loss(at):
        try:
            lower = factor(at)
        except LinAlgError:
            return 1e10
        solved = cho_solve((lower, True), target)
        return 0.5 * target @ solved + np.log(np.diag(lower)).sum()

    low, high = np.array(BOUNDS).T
    starts = [np.array([-2.0, 0.5, -4.0]), *rng.uniform(low, high, (STARTS - 1, 3))]
    found = min(
        (minimize(loss, start, method="L-BFGS-B", bounds=BOUNDS) for start in starts),
        key=lambda one: one.fun,
    )
    scale, length, noise = np.exp(found.x)
    lower = factor(found.x)
    cross = kernel(ahead, t, scale, length)
    mean = cross @ cho_solve((lower, True), target) + level
    prior = LEVEL**2 + SLOPE**2 * ahead**2 + scale**2
    inner = np.linalg.solve(lower, cross.T)
    spread = np.sqrt(np.maximum(prior - (inner**2).sum(axis=0), 0.0) + noise**2)
    truth = np.log(curve.test["y"].to_numpy())
    z = (truth - mean) / spread
    density = -0.5 * z**2 - np.log(spread) - 0.5 * np.log(2 * np.pi) - truth
    draws = np.exp(mean + spread * rng.standard_normal((DRAWS, len(mean))))
    return Predictive(draws, density, {"length": length, "noise": noise})
