# /// script
# requires-python = ">=3.11"
# dependencies = ["emcee>=3.1", "numpy>=2", "scipy>=1.13"]
# ///
"""The textbook's model in emcee: 50 walkers, 3000 steps of which 500 are burn-in.

Walkers start about the mode, and all walkers are evaluated in one numpy call, which emcee leaves
to the user and which is several times faster than one by one.
"""

import emcee
import harness
import numpy as np
from formulas import CURVES, PRIORS, at_forecast, starts
from scipy.optimize import minimize

WALKERS, STEPS, BURN_IN = 50, 3000, 500


def log_prior(prior, value, log_x):
    """Return the log density of a prior, up to a constant, minus infinity outside."""
    kind, *arguments = prior
    if kind == "Normal":
        mean, sd = arguments
        return -0.5 * ((value - mean) / sd) ** 2
    if kind == "HalfNormal":
        return np.where(value >= 0, -0.5 * (value / arguments[0]) ** 2, -np.inf)
    if kind == "Uniform":
        return np.where((value > log_x.min()) & (value < log_x.max()), 0.0, -np.inf)
    mean, sd = arguments
    log = np.log(np.where(value > 0, value, np.nan))
    return np.nan_to_num(-0.5 * ((log - mean) / sd) ** 2 - log, nan=-np.inf)


def fit(job, data):
    """Sample."""
    case = job["case"]
    names = list(PRIORS[case])
    log_y, log_x = np.log(data["y"]), np.log(data.get("x", np.ones(2)))

    def log_density(points):
        with np.errstate(all="ignore"):
            p = dict(zip(names, points.T[:, :, None], strict=True))
            total = sum(log_prior(PRIORS[case][k], p[k][:, 0], log_x) for k in names)
            z = (log_y - np.log(CURVES[case](p, data))) / p["sigma"]
            total = total - (0.5 * z**2 + np.log(p["sigma"])).sum(axis=1)
        return np.nan_to_num(total, nan=-np.inf)

    def loss(point):
        return min(-log_density(point[None])[0], 1e10)

    begins = [np.array([*start.values(), 0.05]) for start in starts(case, data)]
    best = min(
        (minimize(loss, begin, method="Nelder-Mead") for begin in begins), key=lambda m: m.fun
    )
    rng = np.random.default_rng(job["seed"])
    begin = best.x * (1 + 0.01 * rng.standard_normal((WALKERS, len(names))))
    if case == "one break":
        edge = names.index("log_d")
        begin[:, edge] = np.clip(begin[:, edge], log_x.min() + 1e-3, log_x.max() - 1e-3)
    np.random.seed(job["seed"])  # noqa: NPY002 (emcee draws from numpy's global generator)
    sampler = emcee.EnsembleSampler(WALKERS, len(names), log_density, vectorize=True)
    sampler.run_mcmc(begin, STEPS)
    chain = sampler.get_chain(discard=BURN_IN)  # step, walker, parameter
    draws = dict(zip(names, np.moveaxis(chain, (0, 1, 2), (2, 1, 0)), strict=True))
    curve = CURVES[case](draws, at_forecast(job))
    return {"interval": harness.interval(curve), "draws": draws | {"forecast": curve}}


harness.answer(fit, "emcee")
