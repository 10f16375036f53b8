"""Errors of the inputs, as scatter of the outcome: by how far they move the curve.

A row whose input is off by a known error lies beside the curve by the curve's slope times that
error, to first order. So the likelihood need know no more than one number a row, the variance that
this adds: the square of the curve's change over one standard error to either side, halved, on the
log scale where the noise is on it; of several inputs, whose errors are independent, their sum.
For a pure power law, straight on log axes, that is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: The noise argument with the inputs' relative error, and that with what comes of it.
GIVEN, FOUND = "x_relative_sd", "curve_variance"


def told(
    likelihood: Any,
    known: Mapping[str, Any],
    inputs: Mapping[str, Any],
    curve_at: Callable[[dict[str, Any]], Any],
) -> dict[str, Any]:
    """Return what the noise must know of each row, errors of the inputs among it.

    Parameters
    ----------
    likelihood
        How rows scatter about the curve.
    known
        Noise argument to what is known of each row, from ``Observations.by_run``; arrays or
        tensors.
    inputs
        Role to values of each row.
    curve_at
        From inputs to the curve, in arrays or in tensors.

    Returns
    -------
    dict
        The same without ``x_relative_sd``, and with ``curve_variance`` in its place.
    """
    if GIVEN not in known:
        return dict(known)
    rest = {name: value for name, value in known.items() if name != GIVEN}
    variance: Any = 0.0
    for role, x in inputs.items():
        above, below = (
            curve_at({**inputs, role: x * np.exp(sign * known[GIVEN])}) for sign in (1.0, -1.0)
        )
        if likelihood.on_logs:
            above, below = np.log(above), np.log(below)
        variance = variance + 0.25 * (above - below) ** 2
    return {**rest, FOUND: variance}
