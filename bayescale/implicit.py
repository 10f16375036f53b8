"""Curves that are given by an equation and not by a formula: the equation, solved.

One code serves numpy arrays, labelled arrays and PyTensor tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Newton steps: enough for rounding error where the saturation is 0.01 to 20 (see the tests).
_STEPS = 8


def softplus(z: Any) -> Any:
    """Return log(1 + exp(z)) without overflow, of arrays and tensors alike."""
    return (z + abs(z)) / 2 + np.log1p(np.exp(-abs(z)))


def saturating_logit(h: Any, saturation: Any) -> Any:
    r"""Return z where :math:`a \log(1 + e^z) - \log(1 + e^{-z}) = h`.

    With :math:`F = e^h` and :math:`s = 1/(1 + e^{-z})` this is :math:`s = F (1 - s)^a`: s is the
    power F where that is small and saturates at 1, the later the smaller a is.

    The left side rises with z, its slope lies between 1 and a, and it is concave (a < 1) or convex
    (a > 1); on the outer side of its two asymptotes Newton's steps go one way, so they converge
    for every h. Of a tensor the gradient is that of the implicit function,
    :math:`\partial z/\partial h = 1/g`, :math:`\partial z/\partial a = -\log(1 + e^z)/g` with g
    the slope of the left side.

    Parameters
    ----------
    h
        The right side; array or tensor.
    saturation
        a, positive; broadcasts with h.

    Returns
    -------
    array or tensor
        z.
    """
    z = (h + abs(h)) / (2 * saturation) + (h - abs(h)) / 2
    if hasattr(z, "owner"):
        from bayescale import implicit_op

        return implicit_op.saturating_logit(_step)(_STEPS, z, h, saturation)
    for _ in range(_STEPS):
        z = _step(z, h, saturation)
    return z


def _step(z: Any, h: Any, a: Any, maths: Any = np) -> Any:
    """Return z after one of Newton's steps."""
    small = maths.exp(-abs(z))
    tail = maths.log1p(small)
    up, down = (abs(z) + z) / 2, (abs(z) - z) / 2
    left = a * (up + tail) - (down + tail)
    logistic = maths.exp(-down) / (1 + small)
    return z - (left - h) / (1 + (a - 1) * logistic)
