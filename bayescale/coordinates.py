"""The sampler's coordinates: unconstrained, roughly standard normal under the prior.

``Coordinates.values`` maps them to the quantities that carry the priors and returns the log
Jacobian, so that the posterior is the one the priors describe whatever the coordinates are.
One code serves PyTensor (the compiled density) and numpy (the draws).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale import anchoring, pooled
from bayescale.free_scale import (
    LOG_ROOT_TAU,
    constrained,
    free_of_bounds,
    frozen,
    normal_cdf,
)
from bayescale.groups import place
from bayescale.layout import PAIR, Layout
from bayescale.parameters import Slot, primitives, slots
from bayescale.pooled import along, made, parts, positions


@dataclass(frozen=True, eq=False)
class Coordinates(Layout):
    """How the unconstrained vector of the sampler maps to a law's and a likelihood's quantities.

    It is made as :class:`~bayescale.layout.Layout` is.
    """

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
            Quantity to value, fixed ones included, and pooled ones beside what they are made of.
        log_jacobian
            Log determinant of the map from coordinates to quantities.
        """
        values, log_jacobian, _ = self.mapped(z, numbers, pair)
        return values, log_jacobian

    def mapped(
        self, z: Mapping[str, Any], numbers: Mapping[str, Any], pair: bool
    ) -> tuple[dict[str, Any], Any, dict[str, tuple[Any, bool]]]:
        """Return values, log Jacobian, and by how much the floor moves a quantity's coordinate.

        None where it does not; and whether it moves each level by itself.
        """
        values = fixed_values(self.slots, numbers)
        log_jacobian: Any = 0.0
        moves: dict[str, tuple[Any, bool]] = {}
        steeper: Any = None
        if pair and self.tilted and self.pair:
            steeper = _log_steeper(normal_cdf(z[PAIR[1]]), numbers), self.pair[0].by
        for slot in sorted(self.declared, key=lambda slot: slot == self.tilted):
            shift = self._shift(steeper, slot) if pair and slot == self.tilted else None
            by_level = shift is not None and steeper is not None and steeper[1] == slot.by
            moves[slot.quantity] = shift, by_level
            if slot.pooled:
                found, jacobian = pooled.values(
                    self.seen, slot, z, values, numbers, moves[slot.quantity]
                )
            elif slot.prior is not None and slot.quantity in self.sizes:
                found, jacobian = _single(slot, z[slot.quantity], numbers, shift)
            else:
                continue
            values |= found
            log_jacobian = log_jacobian + jacobian
            if slot.quantity == "floor_share" and self.tilted:
                steeper = _log_steeper(values["floor_share"], numbers), slot.by
        if pair and self.pair:
            pair_values, jacobian = self._pair_values(z, values, numbers)
            values |= pair_values
            log_jacobian = log_jacobian + jacobian
        return values, log_jacobian, moves

    def _shift(self, steeper: tuple[Any, tuple[str, ...]] | None, slot: Slot) -> Any:
        """Return by how much a coordinate is moved to follow the floor.

        For each level, where floor and exponent vary with one and the same column; else once.

        Any shift that does not depend on the coordinate itself leaves the density as it is; where
        the floor varies with other columns than the exponent, the mean of it serves.
        """
        if steeper is None:
            return None
        shift, by = steeper
        if by and by != slot.by:
            return shift.mean(0)
        return shift

    def levels_of(self, slot: Slot, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> Any:
        """Return a pooled quantity from its population, spreads and offsets.

        Parameters
        ----------
        slot
            The pooled quantity.
        values
            What it is made of, by name.
        numbers
            As returned by :meth:`numbers`.

        Returns
        -------
        array or tensor
            Its levels first; a tuple of them for components.
        """

        def levels(column: str, moved: Any) -> Any:
            return along(self.seen, slot, column, moved, numbers)

        return made(slot, values, numbers, levels)

    def level_of(self, slot: Slot, values: Mapping[str, Any]) -> Any:
        """Return a pooled quantity of one level of each column, whose offsets are among values."""
        assert slot.prior is not None
        low, high = slot.prior.support
        name = primitives(slot)[0].quantity
        return made(slot, values, {f"{name}_lower": low, f"{name}_upper": high}, lambda _, z: z)

    def _pair_values(
        self, z: Mapping[str, Any], values: Mapping[str, Any], numbers: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        assert self.pair is not None
        log_level, probit = (z[name] for name in PAIR)
        names = self.pair[0].quantity, self.pair[1].quantity
        shape = {} if names == ("floor_share", "level") else self.law.shape(values, numbers)
        level = numbers["y_ref"] * np.exp(0.5 * log_level)
        mapped, jacobian = anchoring.carried(
            self.law,
            *names,
            level,
            normal_cdf(probit),
            shape,
            numbers,
        )
        jacobian = jacobian + math.log(0.5) - 0.5 * probit**2 - LOG_ROOT_TAU
        return mapped, jacobian.sum(0) if self.pair[0].by else jacobian

    def invert(self, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the coordinates of quantities (numpy only)."""
        from scipy.special import ndtri

        z: dict[str, Any] = {}
        for slot in self.free:
            if slot.quantity in self.sizes:
                value = values[slot.quantity]
                parts = value if slot.size is not None else (value,)
                freed = tuple(
                    (free_of_bounds(slot.prior, part) - numbers[f"{slot.quantity}_origin"])
                    / numbers[f"{slot.quantity}_unit"]
                    for part in parts
                )
                z[slot.quantity] = freed if slot.size is not None else freed[0]
        if self.pair:
            level, share = self._level_and_share(values, numbers)
            z[PAIR[0]] = 2 * np.log(level)
            z[PAIR[1]] = ndtri(share)
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
        of_law = self._at_cells(slots(self.law), values, numbers)
        return self.law.natural(of_law, numbers), self.noise(values, numbers)

    def noise(self, values: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the likelihood's parameters from the quantities."""
        of_noise = self._at_cells(slots(self.likelihood), values, numbers)
        return self.likelihood.natural(of_noise, numbers)

    def _at_cells(
        self, own: list[Slot], values: Mapping[str, Any], numbers: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the quantities of some slots; what varies as arrays over the cells."""
        found = {}
        for slot in own:
            value = values[slot.quantity]
            by = self.seen.own(slot.by) if slot.by else ()
            if by and by != self.seen.columns:
                index = positions(numbers[place(by, self.seen.columns)])
                many = isinstance(value, tuple)
                value = tuple(part[index] for part in value) if many else value[index]
            found[slot.quantity] = value
        return found

    def log_prior(self, values: Mapping[str, Any], log_jacobian: Any) -> Any:
        """Return the log prior density of draws in the sampler's coordinates (numpy only)."""
        total = log_jacobian
        for slot in self.free:
            value = values[slot.quantity]
            for part in value if slot.size is not None else (value,):
                density = frozen(slot).logpdf(part)
                total = total + (density.sum(0) if slot.by else density)
        return total


def _log_steeper(share: Any, numbers: Mapping[str, Any]) -> Any:
    """Return about the log of exponent over local slope at the reference input.

    The floor's share there is its share at the largest input times the fall of the curve in
    between, taken from the data; any value would be correct, this one decorrelates.
    """
    return -np.log(1 - numbers["y_drop"] * share)


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


def _single(
    slot: Slot, coordinate: Any, numbers: Mapping[str, Any], shift: Any
) -> tuple[dict[str, Any], Any]:
    """Map the coordinate of one quantity; the log Jacobian is that of all its levels."""
    if shift is not None:
        coordinate = coordinate + shift / numbers[f"{slot.quantity}_unit"]
    mapped = [constrained(slot, part, numbers) for part in parts(slot, coordinate)]
    log_jacobian: Any = sum(
        (jacobian + 0.0 * value).sum(0) if slot.by else jacobian for value, jacobian in mapped
    )
    found = tuple(value for value, _ in mapped)
    return {slot.quantity: found if slot.size is not None else found[0]}, log_jacobian
