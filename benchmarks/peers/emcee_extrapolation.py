# /// script
# requires-python = ">=3.11"
# dependencies = ["emcee>=3.1", "numpy>=2"]
# ///
"""emcee on a curve of benchmarks/extrapolation: 100 walkers, 150 steps of which 50 are burn-in.

The number of steps is NSL-PFN's for its baselines (Lee et al. 2025, which found almost no
improvement from 3000). Walkers start about the least-squares fit. Priors are flat over wide bounds
of the forms' own parameters, and noise is lognormal.

A job is a JSON object on standard input: ``form``, ``best`` (where to start), ``sigma``, ``t``,
``log_y``, ``weight``, ``ahead``, ``draws`` and ``seed``; the result has ``curves`` (draws of log y
ahead) and ``sigma``, packed as in the harness. A job without ``form`` says which Python this is.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import emcee
import numpy as np
from harness import packed

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.extrapolation.forms import FORMS

WALKERS, STEPS, BURN_IN = 100, 150, 50
#: How far a parameter may be from where walkers start.
WIDE = 20.0


def sampled(job: dict) -> dict:
    """Sample; return draws of the curve ahead and of the noise."""
    law = FORMS[job["form"]]
    t, log_y, weight, ahead = (np.array(job[name]) for name in ("t", "log_y", "weight", "ahead"))
    start = np.array([*job["best"], np.log(job["sigma"])])
    low, high = np.minimum(start - WIDE, -WIDE), np.maximum(start + WIDE, WIDE)

    def log_density(points):
        with np.errstate(all="ignore"):
            curve, _ = law(points[:, :-1], t)
            z = (log_y - curve) * weight / np.exp(points[:, -1:])
            total = -0.5 * (z**2).sum(axis=1) - len(t) * points[:, -1]
        inside = ((low <= points) & (points <= high)).all(axis=1)
        return np.where(inside & np.isfinite(total), total, -np.inf)

    rng = np.random.default_rng(job["seed"])
    begin = start + 0.01 * rng.standard_normal((WALKERS, len(start)))
    np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002 (emcee draws from numpy's generator)
    sampler = emcee.EnsembleSampler(WALKERS, len(start), log_density, vectorize=True)
    sampler.run_mcmc(begin, STEPS)
    points = sampler.get_chain(discard=BURN_IN, flat=True)
    points = points[rng.choice(len(points), job["draws"], replace=False)]
    with np.errstate(all="ignore"):
        curves, _ = law(points[:, :-1], ahead)
    return {"curves": packed(curves), "sigma": packed(np.exp(points[:, -1]))}


job = json.load(sys.stdin)
found = sampled(job) if "form" in job else {"emcee": version("emcee")}
json.dump({"executable": sys.executable, **found}, sys.stdout)
