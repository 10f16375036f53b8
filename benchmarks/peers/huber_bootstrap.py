# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2", "scipy>=1.13"]
# ///
"""Huber's loss (delta 0.001) on log residuals by BFGS from a grid, and bootstraps of the rows.

Every bootstrap is one more BFGS run from the best fit, in one process. Amplitudes, floor and widths
are on log scales, as in Hoffmann et al. (2022) and in Besiroglu et al. (2024).
"""

import harness
import numpy as np
from formulas import CURVES, at_forecast, starts
from scipy.optimize import minimize

DELTA = 1e-3
ON_LOGS = ("floor", "a", "f", "E")


def fit(job, data):
    """Fit, and fit every bootstrap."""
    case = job["case"]
    grid = starts(case, data)
    names = list(grid[0])

    def named(point):
        return {k: np.exp(v) if k in ON_LOGS else v for k, v in zip(names, point, strict=True)}

    def loss(point, rows, log_y):
        gap = np.abs(log_y - np.log(CURVES[case](named(point), rows)))
        return np.where(gap < DELTA, 0.5 * gap**2, DELTA * (gap - 0.5 * DELTA)).sum()

    def fitted(begin, rows):
        with np.errstate(all="ignore"):
            return minimize(loss, begin, args=(rows, np.log(rows["y"])), method="BFGS")

    begins = [[np.log(s[k]) if k in ON_LOGS else s[k] for k in names] for s in grid]
    tried = [fitted(begin, data) for begin in begins]
    best = min(tried, key=lambda found: found.fun if np.isfinite(found.fun) else np.inf)
    rng = np.random.default_rng(job["seed"])
    count = len(data["y"])
    curves = []
    for _ in range(job["settings"]["bootstraps"]):
        chosen = rng.integers(0, count, count)
        again = fitted(best.x, {name: column[chosen] for name, column in data.items()})
        curves.append(CURVES[case](named(again.x), at_forecast(job)))
    return {"interval": harness.interval(curves)}


harness.answer(fit, "scipy")
