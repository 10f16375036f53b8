"""A first look at what runs say of pooled levels, before any draw: a climb and a few gradients.

Given populations and noise, levels know nothing of one another, so one difference of gradients in
which all levels move at once has the curvature of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bayescale import untangle

#: Steps of the climb, at most.
_CLIMB = 200
#: No level is taken to be told more sharply than by so small a variance, in its prior's terms.
_SHARPEST = 1e-8


def glanced(
    slope: Callable[[np.ndarray], tuple[float, np.ndarray]],
    size: int,
    held: np.ndarray,
    levels: Sequence[Sequence[np.ndarray]],
) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """Return the mode of a density with spreads held, and the variances of its levels there.

    Parameters
    ----------
    slope
        From a point to log density and gradient.
    size
        Of a point.
    held
        Positions of what stays at 0.
    levels
        For each column of groups, the positions of each quantity's levels, shape (level,).

    Returns
    -------
    point, variances
        And for each column an array of shape (quantity, level); None where the climb fails.
    """
    from scipy.optimize import minimize

    free = np.setdiff1d(np.arange(size), held)

    def down(part: np.ndarray) -> tuple[float, np.ndarray]:
        point = np.zeros(size)
        point[free] = part
        value, gradient = slope(point)
        if not np.isfinite(value):
            return 1e30, np.zeros(len(free))
        return -value, -gradient[free]

    found = minimize(
        down, np.zeros(len(free)), jac=True, method="L-BFGS-B", options={"maxiter": _CLIMB}
    )
    point = np.zeros(size)
    point[free] = found.x
    if not np.isfinite(found.fun) or found.fun >= 1e30:
        return None
    variances = [_variances(slope, point, places) for places in levels]
    fine = all(np.isfinite(one).all() for one in variances)
    return (point, variances) if fine else None


def _variances(
    slope: Callable[[np.ndarray], tuple[float, np.ndarray]],
    point: np.ndarray,
    places: Sequence[np.ndarray],
) -> np.ndarray:
    """Return the variance of each quantity of each level, the level's others free.

    Shape (quantity, level).
    """
    curvature = untangle.curvature(slope, point, np.stack(places, axis=1))
    values, vectors = np.linalg.eigh(curvature)
    # Where the density is not concave there, the coordinate's own width of about 1 stands in.
    inverse = 1 / np.where(values > 0.1, values, 1.0)
    variance = np.einsum("lij,lj,lij->li", vectors, inverse, vectors)
    return np.maximum(variance, _SHARPEST).T
