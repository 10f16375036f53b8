"""The scale on which a quantity is free of bounds: its log, its probit, or itself.

Coordinates of the sampler are linear on it, and pooled levels normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.parameters import Slot

LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


def normal_cdf(z: Any) -> Any:
    """Return the standard normal distribution function of an array or a tensor."""
    if hasattr(z, "owner"):
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return 0.5 * pt.erfc(-z / math.sqrt(2))
    from scipy.special import ndtr

    return ndtr(z)


def normal_quantile(share: Any) -> Any:
    """Return the standard normal quantile of an array or a tensor."""
    if hasattr(share, "owner"):
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return -math.sqrt(2) * pt.erfcinv(2 * share)
    from scipy.special import ndtri

    return ndtri(share)


def frozen(slot: Slot) -> Any:
    """Return the prior of a free slot as a frozen distribution of :mod:`scipy.stats`."""
    assert slot.prior is not None
    return slot.prior.frozen()


def support_of(slot: Slot) -> tuple[float, float]:
    """Return the bounds of a free slot's prior."""
    assert slot.prior is not None
    return slot.prior.support


def constrained(slot: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a quantity from its coordinate, and the log Jacobian."""
    value, jacobian = bounded(slot, freed(slot, coordinate, numbers), numbers)
    return value, np.log(numbers[f"{slot.quantity}_unit"]) + jacobian


def freed(slot: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> Any:
    """Return a quantity's log, probit or itself, whatever is free of bounds."""
    return numbers[f"{slot.quantity}_origin"] + numbers[f"{slot.quantity}_unit"] * coordinate


def bounded(slot: Slot, free: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a quantity from what is free of bounds, and the log Jacobian."""
    assert slot.prior is not None
    low, high = slot.prior.support
    if math.isinf(low) and math.isinf(high):
        return free, 0.0
    if math.isfinite(low) and math.isfinite(high):
        width = high - low
        if low != 0.0 or high != 1.0:
            low, high = numbers[f"{slot.quantity}_lower"], numbers[f"{slot.quantity}_upper"]
            width = high - low
        jacobian = np.log(width) - 0.5 * free**2 - LOG_ROOT_TAU
        return low + width * normal_cdf(free), jacobian
    if math.isfinite(low):
        edge = numbers[f"{slot.quantity}_lower"] if low != 0.0 else 0.0
        return edge + np.exp(free), free
    return numbers[f"{slot.quantity}_upper"] - np.exp(free), free


def free_of_bounds(prior: Any, value: Any) -> Any:
    """Return a value on the scale on which its prior has no bounds."""
    low, high = prior.support
    if math.isinf(low) and math.isinf(high):
        return value
    if math.isfinite(low) and math.isfinite(high):
        return normal_quantile((value - low) / (high - low))
    return np.log(value - low) if math.isfinite(low) else np.log(high - value)


def origin_and_unit(slot: Slot) -> tuple[float, float]:
    """The prior's median and half its central 68 %, where the sampler's coordinate is free."""
    assert slot.prior is not None
    low, middle, high = free_of_bounds(
        slot.prior, slot.prior.frozen().ppf([0.1586552539, 0.5, 0.8413447461])
    )
    unit = 0.5 * abs(high - low)
    return float(middle), float(min(max(unit, 1e-6), 1e3))
