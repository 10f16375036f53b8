"""What numpy and PyTensor have under different names, so that one density serves both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
#: Half an interval's width, in standard deviations, below which its middle stands for it.
_NARROW = 1e-4


def is_tensor(*values: Any) -> bool:
    """Return whether any of some values is a tensor of PyTensor."""
    return any(hasattr(value, "owner") for value in values)


def functions(*values: Any) -> Any:
    """Return the module whose functions take these values: ``pytensor.tensor``, or numpy."""
    if not is_tensor(*values):
        return np
    import pytensor.tensor as pt

    return pt


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return one or the other, elementwise."""
    return functions(condition, yes, no).where(condition, yes, no)


def least(a: Any, b: Any) -> Any:
    """Return the smaller of two, elementwise."""
    return functions(a, b).minimum(a, b)


def most(a: Any, b: Any) -> Any:
    """Return the larger of two, elementwise."""
    return functions(a, b).maximum(a, b)


def log_gamma(x: Any) -> Any:
    """Return the logarithm of the gamma function."""
    if is_tensor(x):
        return functions(x).gammaln(x)
    from scipy.special import gammaln

    return gammaln(x)


def scaled_erfc(x: Any) -> Any:
    """Return :math:`e^{x^2} \\mathrm{erfc}(x)`."""
    if is_tensor(x):
        return functions(x).erfcx(x)
    from scipy.special import erfcx

    return erfcx(x)


def share_below(a: Any, b: Any, x: Any) -> Any:
    """Return the regularized incomplete beta function of x."""
    if is_tensor(a, b, x):
        return functions(a, b, x).betainc(a, b, x)
    from scipy.special import betainc

    return betainc(a, b, x)


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) without overflow."""
    return (x + abs(x)) / 2 + np.log1p(np.exp(-abs(x)))


def log_normal_cdf(z: Any) -> Any:
    """Return the logarithm of the standard normal distribution function."""
    if not is_tensor(z):
        from scipy.special import log_ndtr

        return log_ndtr(z)
    pt = functions(z)
    # Each branch has an argument at which it is finite: an infinite one that is not chosen would
    # still spoil the gradient.
    low, high = least(z, -1.0), most(z, -1.0)
    tail = pt.log(0.5 * pt.erfcx(-low / math.sqrt(2))) - 0.5 * low**2
    return where(z < -1.0, tail, pt.log1p(-0.5 * pt.erfc(high / math.sqrt(2))))


def log_normal_mass(a: Any, b: Any) -> Any:
    """Return the log probability of a standard normal number between a and b, where a < b."""
    below = a + b <= 0  # both edges in the tail where the distribution function is accurate
    low, high = where(below, a, -b), where(below, b, -a)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    tilt = middle * half
    narrow = -0.5 * middle**2 - _HALF_LOG_TAU + np.log(2 * half) + tilt**2 / 6 - tilt**4 / 180
    wide_low = least(low, high - 2 * _NARROW)
    top = log_normal_cdf(high)
    wide = top + np.log1p(-np.exp(log_normal_cdf(wide_low) - top))
    return where(half < _NARROW, narrow, wide)


def log_t_density(z: Any, nu: Any) -> Any:
    """Return the log density of Student's t."""
    constant = log_gamma((nu + 1) / 2) - log_gamma(nu / 2) - 0.5 * np.log(nu * np.pi)
    return constant - (nu + 1) / 2 * np.log1p(z**2 / nu)


def _t_tail(z: Any, nu: Any) -> Any:
    """Return the probability beyond |z| on one side."""
    return 0.5 * share_below(nu / 2, 0.5 + 0 * nu, nu / (nu + z**2))


def log_t_cdf(z: Any, nu: Any) -> Any:
    """Return the logarithm of the distribution function of Student's t."""
    tail = _t_tail(z, nu)
    return where(z < 0, np.log(tail), np.log1p(-tail))


def log_t_mass(a: Any, b: Any, nu: Any) -> Any:
    """Return the log probability of a Student-t number between a and b, where a < b."""
    below = a + b <= 0
    low, high = where(below, a, -b), where(below, b, -a)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    narrow = log_t_density(middle, nu) + np.log(2 * half)
    wide_low = least(low, high - 2 * _NARROW)
    left, right = _t_tail(wide_low, nu), _t_tail(high, nu)
    mass = where(high < 0, right, 1 - right) - left
    return where(half < _NARROW, narrow, np.log(mass))
