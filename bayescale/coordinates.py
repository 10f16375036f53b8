"""The sampler's coordinates: unconstrained, roughly standard normal under the prior.

``Coordinates.values`` maps them to the quantities that carry the priors and returns the log
Jacobian, so that the posterior is the one the priors describe whatever the coordinates are.
One code serves PyTensor (the compiled density) and numpy (the draws).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayescale import anchoring
from bayescale.parameters import Slot, slots

_LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)
_PAIR = ("log_level", "probit_floor_share")


def normal_cdf(z: Any) -> Any:
    """Return the standard normal distribution function of an array or a tensor."""
    if hasattr(z, "owner"):
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return 0.5 * pt.erfc(-z / math.sqrt(2))
    from scipy.special import ndtr

    return ndtr(z)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """How the unconstrained vector of the sampler maps to a law's and a likelihood's quantities.

    Parameters
    ----------
    law, likelihood
        What is fitted.
    """

    law: Any
    likelihood: Any

    @cached_property
    def slots(self) -> list[Slot]:
        """Every slot, the law's first."""
        return [*slots(self.law), *slots(self.likelihood)]

    @cached_property
    def free(self) -> list[Slot]:
        """The slots that have a prior."""
        return [slot for slot in self.slots if slot.prior is not None]

    @cached_property
    def pair(self) -> tuple[Slot, Slot] | None:
        """The floor's and the scale's slot where level and floor share stand in for them."""
        free = {slot.quantity: slot for slot in self.free}
        floor = next((free[q] for q in anchoring.FLOOR if q in free), None)
        level = next((free[q] for q in anchoring.LEVEL if q in free), None)
        if floor is None or level is None or floor.prior is None or level.prior is None:
            return None
        plain = self.law.terms == ("scale",) and not self.law.floor_joins
        if not plain and (floor.quantity, level.quantity) != ("floor_share", "level"):
            return None
        whole = (0.0, 1.0) if floor.quantity == "floor_share" else (0.0, math.inf)
        if floor.prior.support != whole or level.prior.support != (0.0, math.inf):
            return None
        return floor, level

    @cached_property
    def tilted(self) -> Slot | None:
        """The exponent's slot where the sampler walks in the local slope at the reference input.

        Runs determine that slope, exponent * (1 - floor's share there), and not the exponent
        itself: with it every shipped curve exceeds 1000 effective draws of 4000
        (benchmarks/digits_sampling.py); without it two did not.
        """
        if self.pair is None:
            return None
        found = (slot for slot in self.free if slot.quantity == "exponent")
        return next((slot for slot in found if _support(slot) == (0.0, math.inf)), None)

    @cached_property
    def sizes(self) -> dict[str, int | None]:
        """The name and size of every coordinate, in the sampler's order."""
        paired = self.pair or ()
        own = {slot.quantity: slot.size for slot in self.free if slot not in paired}
        return own | (dict.fromkeys(_PAIR) if self.pair else {})

    def declared_numbers(self, references: Mapping[str, float]) -> dict[str, Any]:
        """Return the numbers of the declared model: references, fixed values, prior arguments."""
        numbers: dict[str, Any] = dict(references)
        for slot in self.slots:
            if slot.prior is None:
                size = () if slot.size is None else slot.size
                numbers[f"{slot.quantity}_value"] = np.full(size, slot.value, float)
            else:
                arguments = {f"{slot.quantity}_{name}": v for name, v in slot.prior.arguments}
                numbers |= arguments
        return numbers

    def numbers(self, references: Mapping[str, float]) -> dict[str, Any]:
        """Return every number that the density needs and that may change without compiling.

        Those of the declared model, and the origin and unit of every coordinate.
        """
        numbers = self.declared_numbers(references)
        for slot in self.free:
            if slot.quantity in self.sizes:
                origin, unit = _origin_and_unit(slot)
                numbers[f"{slot.quantity}_origin"], numbers[f"{slot.quantity}_unit"] = origin, unit
        return numbers

    def values(
        self, z: Mapping[str, Any], numbers: Mapping[str, Any], pair: bool = True
    ) -> tuple[dict[str, Any], Any]:
        """Map coordinates to the quantities that carry the priors.

        Parameters
        ----------
        z
            Coordinate to value; a coordinate with components is a tuple of them.
        numbers
            As returned by :meth:`numbers`, floats or shared variables.
        pair
            Whether to map level and floor share too.

        Returns
        -------
        values
            Quantity to value, fixed ones included.
        log_jacobian
            Log determinant of the map from coordinates to quantities.
        """
        values = fixed_values(self.slots, numbers)
        log_jacobian: Any = 0.0
        for slot in self.free:
            if slot.quantity not in self.sizes:
                continue
            coordinate = z[slot.quantity]
            if pair and slot == self.tilted:
                steeper = _log_steeper(normal_cdf(z[_PAIR[1]]), numbers)
                coordinate = coordinate + steeper / numbers[f"{slot.quantity}_unit"]
            parts = coordinate if slot.size is not None else (coordinate,)
            mapped = [_constrain(slot, part, numbers) for part in parts]
            log_jacobian = log_jacobian + sum(jacobian for _, jacobian in mapped)
            constrained = tuple(value for value, _ in mapped)
            values[slot.quantity] = constrained if slot.size is not None else constrained[0]
        if pair and self.pair:
            pair_values, jacobian = self._pair_values(z, values, numbers)
            values |= pair_values
            log_jacobian = log_jacobian + jacobian
        return values, log_jacobian

    def _pair_values(
        self, z: Mapping[str, Any], values: Mapping[str, Any], numbers: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        assert self.pair is not None
        log_level, probit = (z[name] for name in _PAIR)
        shape = self.law.shape(values, numbers)
        level = numbers["y_ref"] * np.exp(0.5 * log_level)
        mapped, jacobian = anchoring.carried(
            self.law,
            self.pair[0].quantity,
            self.pair[1].quantity,
            level,
            normal_cdf(probit),
            shape,
            numbers,
        )
        return mapped, jacobian + math.log(0.5) - 0.5 * probit**2 - _LOG_ROOT_TAU

    def invert(self, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the coordinates of quantities (numpy only)."""
        from scipy.special import ndtri

        z: dict[str, Any] = {}
        for slot in self.free:
            if slot.quantity in self.sizes:
                value = values[slot.quantity]
                parts = value if slot.size is not None else (value,)
                freed = tuple(
                    (_free(slot.prior, part) - numbers[f"{slot.quantity}_origin"])
                    / numbers[f"{slot.quantity}_unit"]
                    for part in parts
                )
                z[slot.quantity] = freed if slot.size is not None else freed[0]
        if self.pair:
            level, share = self._level_and_share(values, numbers)
            z[_PAIR[0]] = 2 * np.log(level)
            z[_PAIR[1]] = ndtri(share)
            if self.tilted:
                name = self.tilted.quantity
                z[name] = z[name] - _log_steeper(share, numbers) / numbers[f"{name}_unit"]
        return z

    def _level_and_share(
        self, values: Mapping[str, Any], numbers: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Return the level, over the reference outcome, and the floor's share (numpy only)."""
        if "level" in values:
            return values["level"], values["floor_share"]
        shape = self.law.shape(values, numbers)
        found = anchoring.amplitudes(self.law, values, shape, numbers)
        floor, scale = found["irreducible"], found["scale"]
        end = floor + scale * anchoring.drop(self.law, shape, numbers)
        return (floor + scale) / numbers["y_ref"], floor / end

    def natural(self, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> tuple[dict, dict]:
        """Return the law's parameters and the likelihood's, from the quantities."""
        own = {slot.quantity for slot in slots(self.law)}
        of_law = {name: value for name, value in values.items() if name in own}
        return self.law.natural(of_law, numbers), self.noise(values, numbers)

    def noise(self, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the likelihood's parameters from the quantities."""
        own = {slot.quantity for slot in slots(self.likelihood)}
        of_noise = {name: value for name, value in values.items() if name in own}
        return self.likelihood.natural(of_noise, numbers)

    def log_prior(self, values: Mapping[str, Any], log_jacobian: Any) -> Any:
        """Return the log prior density of draws in the sampler's coordinates (numpy only)."""
        total = log_jacobian
        for slot in self.free:
            value = values[slot.quantity]
            for part in value if slot.size is not None else (value,):
                total = total + frozen(slot).logpdf(part)
        return total


def frozen(slot: Slot) -> Any:
    """Return the prior of a free slot as a frozen distribution of :mod:`scipy.stats`."""
    assert slot.prior is not None
    return slot.prior.frozen()


def _support(slot: Slot) -> tuple[float, float]:
    assert slot.prior is not None
    return slot.prior.support


def _log_steeper(share: Any, numbers: Mapping[str, Any]) -> Any:
    """Return about the log of exponent over local slope at the reference input.

    The floor's share there is its share at the largest input times the fall of the curve in
    between, taken from the data; any value would be correct, this one decorrelates.
    """
    return -np.log(1 - numbers["y_drop"] * share)


def split(vector: np.ndarray, sizes: Mapping[str, int | None]) -> dict[str, Any]:
    """Cut the last axis of an array of coordinates into named ones."""
    named: dict[str, Any] = {}
    at = 0
    for name, size in sizes.items():
        parts = tuple(vector[..., at + i] for i in range(size or 1))
        named[name] = parts[0] if size is None else parts
        at += size or 1
    return named


def fixed_values(every: list[Slot], numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the quantities that are held at a number."""
    held = {}
    for slot in every:
        if slot.prior is None:
            value = numbers[f"{slot.quantity}_value"]
            held[slot.quantity] = (
                value if slot.size is None else tuple(value[i] for i in range(slot.size))
            )
    return held


def _constrain(slot: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    assert slot.prior is not None
    unit = numbers[f"{slot.quantity}_unit"]
    free = numbers[f"{slot.quantity}_origin"] + unit * coordinate
    low, high = slot.prior.support
    log_unit = np.log(unit)
    if math.isinf(low) and math.isinf(high):
        return free, log_unit
    if math.isfinite(low) and math.isfinite(high):
        width = high - low
        if low != 0.0 or high != 1.0:
            low, high = numbers[f"{slot.quantity}_lower"], numbers[f"{slot.quantity}_upper"]
            width = high - low
        jacobian = np.log(width) - 0.5 * free**2 - _LOG_ROOT_TAU
        return low + width * normal_cdf(free), log_unit + jacobian
    if math.isfinite(low):
        edge = numbers[f"{slot.quantity}_lower"] if low != 0.0 else 0.0
        return edge + np.exp(free), log_unit + free
    return numbers[f"{slot.quantity}_upper"] - np.exp(free), log_unit + free


def _free(prior: Any, value: Any) -> Any:
    from scipy.special import ndtri

    low, high = prior.support
    if math.isinf(low) and math.isinf(high):
        return value
    if math.isfinite(low) and math.isfinite(high):
        return ndtri((value - low) / (high - low))
    return np.log(value - low) if math.isfinite(low) else np.log(high - value)


def _origin_and_unit(slot: Slot) -> tuple[float, float]:
    """The prior's median and half its central 68 %, where the sampler's coordinate is free."""
    assert slot.prior is not None
    low, middle, high = _free(
        slot.prior, slot.prior.frozen().ppf([0.1586552539, 0.5, 0.8413447461])
    )
    unit = 0.5 * abs(high - low)
    return float(middle), float(min(max(unit, 1e-6), 1e3))
