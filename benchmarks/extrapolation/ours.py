"""The package's own forecasts: the only file here that knows its interface.

``members``: each form with the package's default noise, and their equal mixture; ``default``:
``bs.forecast`` with no choices made; ``independent``: the power law and one break with independent
lognormal noise and no drift, which is what a careful user of PyMC would write.
"""

import time
import warnings

import numpy as np

import bayescale as bs
from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.scores import Predictive

SETTINGS = {"tune": 1000, "draws": 1000, "chains": 4, "seed": 0}
INDEPENDENT = {
    "power law": bs.PowerLaw(),
    "one break": bs.BrokenPowerLaw(breaks=1),
}
#: Draws kept for the scores of each forecast.
KEPT = 4000


def independent(curve: Curve) -> dict[str, Predictive]:
    """Independent lognormal noise, no drift."""
    return {f"PyMC {name}": _alone(law, curve) for name, law in INDEPENDENT.items()}


def default(curve: Curve) -> dict[str, Predictive]:
    """``bs.forecast`` as it comes, and what its mixture is made of, from the same fits."""
    x, y = (curve.test[name].to_numpy(float) for name in ("x", "y"))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        made = bs.forecast(curve.train, y="y", x="x", n_obs="n_obs", at=x, progress=False)
    seconds = time.perf_counter() - start
    source = made.source
    found = {"bayescale": _asked(source, x, y, {}, seconds, made)}
    found["bayescale, no drift"] = _asked(source, x, y, {"drift": 0.0}, seconds)
    for name, fit in source.fits.items():
        found[f"form {name}"] = _asked(fit, x, y, {}, np.nan)
    return found


def _asked(source, x, y, options, seconds, made=None) -> Predictive:
    """Ask a fit or an ensemble for one new run at each x, and for its density at y."""
    made = made or source.forecast(x=x, **options)
    density = np.asarray(source.log_density(y, x=x, **options))
    return Predictive(_flat(made.draws("observation")), density, _about(source) | {"s": seconds})


def _flat(draws: np.ndarray) -> np.ndarray:
    flat = draws.reshape(-1, draws.shape[-1])
    return flat[np.linspace(0, len(flat) - 1, min(KEPT, len(flat))).round().astype(int)]


def _about(source) -> dict:
    """Return the worst diagnostics of a fit, or of an ensemble's fits."""
    found = [fit.diagnostics for fit in getattr(source, "fits", {"": source}).values()]
    return {
        "rhat": max(one.rhat for one in found),
        "ess": min(one.ess_bulk for one in found),
        "divergences": sum(one.divergences for one in found),
    }


def _alone(law: bs.Law, curve: Curve) -> Predictive:
    """Fit one law with independent noise; density and draws without the forecast's additions."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(curve.train, y="y", x="x", retry=False, progress=False, **SETTINGS)
    seconds = time.perf_counter() - start
    modelled = fit.curve_draws({"x": curve.test["x"].to_numpy(float)})
    noise = {name: value[..., None] for name, value in fit.noise.items()}
    density = fit.likelihood.log_density(curve.test["y"].to_numpy(), modelled, **noise)
    points = density.shape[-1]
    draws = _flat(fit.new_run_draws(modelled))
    return Predictive(draws, density.reshape(-1, points), _about(fit) | {"s": seconds})
