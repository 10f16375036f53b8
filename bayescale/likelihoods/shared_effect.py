"""An effect that rows of a group have in common, integrated out row by row.

Residuals are b + e, with b from N(0, t) shared and e from N(0, v) of each row: given the rows
before it in its group, a row is Gaussian about what they say of b. The rows' densities multiply to
that of the group, whose covariance matrix is never formed (Woodbury's identity, a row at a time);
sums over a group are differences of sums over all rows, so it is O(n).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale.likelihoods.either import functions, is_tensor


def given_group(residual: Any, variance: Any, effect_sd: Any, place: Any) -> tuple[Any, Any]:
    """Return mean and variance of each residual given those before it in its group.

    Parameters
    ----------
    residual
        In the order of the groups, shape (..., row).
    variance
        Of each row about the effect, shape (..., row) or what broadcasts to it.
    effect_sd
        Standard deviation of the effect, shape (..., 1) or a scalar.
    place
        How many rows of its group stand before each row, shape (row,).

    Returns
    -------
    mean, variance
        Shape (..., row).
    """
    weight = 1 / variance + 0 * residual
    before, said = (_before(part, place) for part in (weight, weight * residual))
    precision = effect_sd**-2.0 + before
    return said / precision, 1 / precision + variance


def _before(values: Any, place: Any) -> Any:
    """Return for each row the sum over the rows before it in its group."""
    total = functions(values).cumsum(values, axis=-1) - values
    return total - total[..., first_rows(place)]


def first_rows(place: Any) -> Any:
    """Return the position of the first row of each row's group."""
    if is_tensor(place):
        pt = functions(place)
        return (pt.arange(place.shape[0]) - place).astype("int64")
    return (np.arange(len(place)) - place).astype(int)
