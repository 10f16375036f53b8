"""The sampler's coordinates: unconstrained, roughly standard normal under the prior.

``Coordinates.values`` maps them to the quantities that carry the priors and returns the log
Jacobian, so that the posterior is the one the priors describe whatever the coordinates are.
One code serves PyTensor (the compiled density) and numpy (the draws).

What varies with columns of the table is an array over its levels, as its first axis: draws of it
have the shape (level, chain, draw). A pooled quantity is made of its population's middle, spreads
and offsets, which are quantities of their own; ``groups`` says how many levels there are, and the
compiled density reads that from its data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayescale import anchoring, pooled
from bayescale.free_scale import (
    LOG_ROOT_TAU,
    constrained,
    free_of_bounds,
    frozen,
    normal_cdf,
    origin_and_unit,
    support_of,
)
from bayescale.groups import Groups, count, place
from bayescale.parameters import Slot, primitives, slots
from bayescale.pooled import along, before_draws, made, names_of_told, parts, positions

_PAIR = ("log_level", "probit_floor_share")


@dataclass(frozen=True, eq=False)
class Coordinates:
    """How the unconstrained vector of the sampler maps to a law's and a likelihood's quantities.

    Parameters
    ----------
    law, likelihood
        What is fitted.
    groups
        Of the runs, where something varies with columns of the table.
    """

    law: Any
    likelihood: Any
    groups: Groups | None = None

    @cached_property
    def declared(self) -> list[Slot]:
        """Every slot as the law and the likelihood have it, the law's first."""
        return [*slots(self.law), *slots(self.likelihood)]

    @cached_property
    def slots(self) -> list[Slot]:
        """Every slot, of a pooled one all that it is made of."""
        return [part for slot in self.declared for part in primitives(slot)]

    @cached_property
    def free(self) -> list[Slot]:
        """The slots that have a prior."""
        return [slot for slot in self.slots if slot.prior is not None]

    @cached_property
    def moving(self) -> list[Slot]:
        """What draws are kept of: the free slots, and the pooled ones that they make up."""
        return [*self.free, *(slot for slot in self.declared if slot.pooled)]

    @cached_property
    def pair(self) -> tuple[Slot, Slot] | None:
        """The floor's and the scale's slot where level and floor share stand in for them."""
        free = {slot.quantity: slot for slot in self.free}
        floor = next((free[q] for q in anchoring.FLOOR if q in free), None)
        level = next((free[q] for q in anchoring.LEVEL if q in free), None)
        if floor is None or level is None or floor.prior is None or level.prior is None:
            return None
        default = (floor.quantity, level.quantity) == ("floor_share", "level")
        others = {slot.by for slot in slots(self.law)} - {()}
        if floor.by != level.by or (not default and others - {floor.by}):
            return None
        plain = self.law.terms == ("scale",) and not self.law.floor_joins
        if not plain and not default:
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
        shares = [slot for slot in self.declared if slot.quantity == "floor_share" and slot.prior]
        if self.pair is None and not (shares and self.groups):
            return None
        found = (s for s in self.declared if s.quantity == "exponent" and s.prior is not None)
        return next((slot for slot in found if support_of(slot) == (0.0, math.inf)), None)

    @cached_property
    def sizes(self) -> dict[str, int | None]:
        """The name and number of components of every coordinate, in the sampler's order."""
        paired = self.pair or ()
        own = {slot.quantity: slot.size for slot in self.free if slot not in paired}
        return own | (dict.fromkeys(_PAIR) if self.pair else {})

    @cached_property
    def varying(self) -> dict[str, tuple[str, ...]]:
        """The columns with which a coordinate varies, for those that do."""
        found = {s.quantity: s.by for s in self.free if s.by and s.quantity in self.sizes}
        if self.pair and self.pair[0].by:
            found |= dict.fromkeys(_PAIR, self.pair[0].by)
        return found

    @cached_property
    def lengths(self) -> dict[str, int]:
        """How many levels a coordinate has, for those that vary."""
        return {name: self._groups.count(by) for name, by in self.varying.items()}

    @property
    def _groups(self) -> Groups:
        assert self.groups is not None, "what varies needs the groups of the runs"
        return self.groups

    def own(self, by: Sequence[str]) -> tuple[str, ...]:
        """Return columns in the order that the groups have."""
        return self._groups.own(by)

    def split(self, vector: np.ndarray) -> dict[str, Any]:
        """Cut the last axis of an array of coordinates into named ones."""
        return split(vector, self.sizes, self.lengths)

    def joined(self, z: Mapping[str, Any]) -> np.ndarray:
        """Return named coordinates as vectors: the inverse of :meth:`split`."""
        found = []
        for name, size in self.sizes.items():
            for part in z[name] if size is not None else (z[name],):
                levels = np.moveaxis(part, 0, -1) if name in self.lengths else part[..., None]
                found.append(levels)
        return np.concatenate(found, axis=-1)

    def declared_numbers(self, references: Mapping[str, float]) -> dict[str, Any]:
        """Return the numbers of the declared model: references, fixed values, prior arguments."""
        # A compiled density knows numbers by their place, and references come in any order.
        numbers: dict[str, Any] = dict(sorted(references.items()))
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

        Those of the declared model, the origin and unit of every coordinate, and of groups the
        numbers of levels and which level is where.
        """
        numbers = self.declared_numbers(references)
        for slot in self.free:
            if slot.quantity in self.sizes:
                origin, unit = origin_and_unit(slot)
                numbers[f"{slot.quantity}_origin"], numbers[f"{slot.quantity}_unit"] = origin, unit
        return numbers | self._counts() | self.places()

    def _counts(self) -> dict[str, float]:
        """Return how many levels every dimension has."""
        return {count(by): float(self._groups.count(by)) for by in self.dimensions}

    def levels_in(self, column: str) -> int:
        """Return how many levels a column has."""
        return self._groups.count((column,))

    @cached_property
    def dimensions(self) -> list[tuple[str, ...]]:
        """The columns of every dimension in use, the cells' first."""
        if self.groups is None:
            return []
        every = [self.groups.columns, *self.varying.values()]
        every += [self.groups.own(slot.by) for slot in self.declared if slot.by]
        return list(dict.fromkeys(every))

    @cached_property
    def long(self) -> dict[str, tuple[str, ...]]:
        """The numbers that are one for each label of a dimension, and the dimension's columns."""
        found: dict[str, tuple[str, ...]] = {}
        for slot in self.declared:
            if not slot.by:
                continue
            own = self._groups.own(slot.by)
            if own != self._groups.columns:
                found[place(own, self._groups.columns)] = self._groups.columns
            if slot.pooled:
                for column in slot.by:
                    if len(own) > 1:
                        found[place((column,), own)] = own
                    found |= {
                        name: (column,) for pair in names_of_told(slot, column) for name in pair
                    }
        return found

    def places(self) -> dict[str, np.ndarray]:
        """Return the numbers that are one for each label: which level is where, what runs say."""
        numbers: dict[str, np.ndarray] = {}
        for slot in self.declared:
            own = self._groups.own(slot.by) if slot.by else ()
            if own and own != self._groups.columns:
                numbers[place(own, self._groups.columns)] = self._groups.index(own)
            if slot.pooled:
                for column in slot.by:
                    if len(own) > 1:
                        numbers[place((column,), own)] = self._groups.index((column,), own)
                    said = before_draws(slot, column, self._groups.count((column,)))
                    for names in names_of_told(slot, column):
                        numbers |= dict(zip(names, said, strict=True))
        return {name: np.asarray(numbers[name], float) for name in self.long}

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
            steeper = _log_steeper(normal_cdf(z[_PAIR[1]]), numbers), self.pair[0].by
        for slot in sorted(self.declared, key=lambda slot: slot == self.tilted):
            shift = self._shift(steeper, slot) if pair and slot == self.tilted else None
            by_level = shift is not None and steeper is not None and steeper[1] == slot.by
            moves[slot.quantity] = shift, by_level
            if slot.pooled:
                found, jacobian = pooled.values(
                    self._groups, slot, z, values, numbers, moves[slot.quantity]
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
            return along(self._groups, slot, column, moved, numbers)

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
        log_level, probit = (z[name] for name in _PAIR)
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
            by = self._groups.own(slot.by) if slot.by else ()
            if by and by != self._groups.columns:
                index = positions(numbers[place(by, self._groups.columns)])
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


def split(
    vector: Any, sizes: Mapping[str, int | None], lengths: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Cut the last axis of an array of coordinates into named ones.

    Parameters
    ----------
    vector
        Shape (..., coordinate), or a tensor of shape (coordinate,).
    sizes
        Coordinate to its number of components, None for one that has none.
    lengths
        Coordinate to its number of levels, for those that vary: these become arrays of shape
        (level, ...).

    Returns
    -------
    dict
        Coordinate to value; components as a tuple.
    """
    named: dict[str, Any] = {}
    at: Any = 0
    for name, size in sizes.items():
        found = []
        for _ in range(size or 1):
            if lengths and name in lengths:
                part = vector[..., at : at + lengths[name]]
                found.append(np.moveaxis(part, -1, 0) if isinstance(part, np.ndarray) else part)
                at = at + lengths[name]
            else:
                found.append(vector[..., at])
                at = at + 1
        named[name] = found[0] if size is None else tuple(found)
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
