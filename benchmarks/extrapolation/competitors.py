"""What others would do on the same rows, each as a function from a curve to its forecasts.

Least squares with a bootstrap (:mod:`least_squares`), a Gaussian process
(:mod:`gaussian_process`), and emcee in an environment of its own (``benchmarks/peers``).
"""

import functools
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.extrapolation import gaussian_process, least_squares
from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.forms import FORMS
from benchmarks.extrapolation.scores import Predictive
from benchmarks.peers.harness import unpacked

PEER = Path(__file__).parents[1] / "peers" / "emcee_extrapolation.py"
EMCEE_DRAWS, EMCEE_LIMIT = 1000, 600.0
#: Of a form's walkers, what NSL-PFN compares with.
EMCEE_FORMS = ("M4", "one break")


def squares(curve: Curve) -> dict[str, Predictive]:
    """Least squares with a residual bootstrap, each form."""
    return {
        f"LS {form}": least_squares.forecast(form, curve, np.random.default_rng(curve.seed))
        for form in FORMS
    }


def process(curve: Curve) -> dict[str, Predictive]:
    """A Gaussian process of log y on log x."""
    return {"GP": gaussian_process.forecast(curve, np.random.default_rng(curve.seed))}


def walkers(curve: Curve) -> dict[str, Predictive]:
    """emcee, as in the NSL-PFN paper."""
    found = {}
    for form in EMCEE_FORMS:
        rng = np.random.default_rng(curve.seed)
        t, log_y, weight = least_squares.training(curve)
        start = least_squares.best(form, curve, rng)
        off = (FORMS[form](start[None], t)[0][0] - log_y) * weight
        job = {
            "form": form,
            "best": start.tolist(),
            "sigma": max(float(off.std()), 1e-4),
            "t": t.tolist(),
            "log_y": log_y.tolist(),
            "weight": weight.tolist(),
            "ahead": least_squares.ahead(curve).tolist(),
            "draws": EMCEE_DRAWS,
            "seed": int(rng.integers(2**31)),
        }
        answer = _asked([_python(), str(PEER)], job)
        curves, sigma = unpacked(answer["curves"]), unpacked(answer["sigma"])
        fine = np.isfinite(curves).all(axis=1)
        found[f"emcee {form}"] = least_squares.predictive(curves[fine], sigma[fine], curve, rng)
    return found


@functools.cache
def _python() -> str:
    """Install the peer's environment; return its Python."""
    uv = shutil.which("uv")
    if uv is None:
        raise RuntimeError("uv is not on the path, which installs emcee's environment.")
    return _asked([uv, "run", "--no-project", "--script", str(PEER)], {})["executable"]


def _asked(command: list[str], job: dict) -> dict:
    done = subprocess.run(
        command, input=json.dumps(job), text=True, capture_output=True, timeout=EMCEE_LIMIT
    )
    if done.returncode:
        raise RuntimeError(f"emcee failed: {done.stderr.strip().splitlines()[-1][:200]}")
    return json.loads(done.stdout)
