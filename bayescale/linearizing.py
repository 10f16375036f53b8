"""Log residuals that are linear in floor and level, around a curve near the data: the pilot.

It is penalized least squares in the sampler's coordinates. :mod:`bayescale.collapse` integrates
floor and level out of what it gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.coordinates import Coordinates
from bayescale.layout import split
from bayescale.observed import Observations
from bayescale.parameters import slots

#: Of the pilot: a coordinate's step in differences, and relative changes that end a search.
_STEP, _CLOSE = 1e-7, 1e-5


def linearized(
    coordinates: Coordinates, runs: Observations, numbers: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], float]:
    """Return the data of the collapsed density.

    Parameters
    ----------
    coordinates
        Of the law and the likelihood.
    runs
        The data.
    numbers
        From :meth:`Coordinates.numbers`.

    Returns
    -------
    statistics
        ``x``, ``inverse`` and ``target``, and what the likelihood needs to know of each row; each
        of shape (run,).
    top
        The pilot's value at the largest input, the unit of floor and scale.
    """
    pilot = pilot_curve(coordinates, runs.outcome, runs.inputs, numbers)
    (role,) = coordinates.law.inputs
    top = float(pilot[np.argmax(runs.inputs[role])])
    return {
        role: runs.inputs[role],
        "inverse": top / pilot,
        "target": 1 + np.log(runs.outcome / pilot),
        **runs.by_run(coordinates.likelihood.by_run),
    }, top


def pilot_curve(
    coordinates: Coordinates,
    outcome: np.ndarray,
    inputs: Mapping[str, np.ndarray],
    numbers: Mapping[str, Any],
) -> np.ndarray:
    """Return a curve near the data: penalized least squares in the sampler's coordinates."""
    from scipy.optimize import least_squares

    of_noise = {slot.quantity for slot in slots(coordinates.likelihood)}
    sizes = {name: size for name, size in coordinates.sizes.items() if name not in of_noise}
    noise_start = dict.fromkeys(of_noise, 0.0)
    log_y = np.log(outcome)

    def curve(vectors: np.ndarray) -> np.ndarray:
        """Return the curves of vectors of shape (..., coordinate), shape (..., run)."""
        z = split(vectors, sizes) | noise_start
        with np.errstate(all="ignore"):
            values, _ = coordinates.values(z, numbers)
            natural, _ = coordinates.natural(values, numbers)
            wide = {name: wide_draws(value) for name, value in natural.items()}
            found = coordinates.law.curve(inputs, wide, numbers)
        return np.broadcast_to(found, (*vectors.shape[:-1], len(outcome)))

    def residuals(vectors: np.ndarray, noise: float) -> np.ndarray:
        with np.errstate(all="ignore"):
            misfit = (log_y - np.log(curve(vectors))) / noise
        misfit = np.nan_to_num(misfit, nan=1e3, posinf=1e3, neginf=-1e3)
        return np.concatenate([misfit, vectors], axis=-1)

    def slopes(vector: np.ndarray, noise: float) -> np.ndarray:
        moved = residuals(vector + _STEP * np.eye(len(vector)), noise)
        return (moved - residuals(vector, noise)).T / _STEP

    jac: Any = slopes  # SciPy's annotations know only the words for differences
    vector = np.zeros(sum(size or 1 for size in sizes.values()))
    for _ in range(3):
        spread = np.std(log_y - np.log(curve(vector)))
        noise = float(np.clip(spread, 1e-3, 0.3))
        found = least_squares(
            residuals, vector, jac, args=(noise,), ftol=_CLOSE, xtol=_CLOSE, max_nfev=100
        )
        vector = found.x
    fitted = curve(vector)
    return fitted if np.all(np.isfinite(fitted) & (fitted > 0)) else outcome


def wide_draws(value: Any) -> Any:
    """Return draws that broadcast against runs, shape (..., 1); components as a tuple."""
    if isinstance(value, tuple):
        return tuple(np.asarray(part)[..., None] for part in value)
    return np.asarray(value)[..., None]
