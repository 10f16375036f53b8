"""Which coordinates the sampler walks in, in which order, and the numbers that their map needs.

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

from bayescale import anchoring
from bayescale.free_scale import origin_and_unit, support_of
from bayescale.groups import Groups, count, place
from bayescale.parameters import Slot, primitives, slots
from bayescale.pooled import before_draws, names_of_told

#: The coordinates that stand in for floor and scale.
PAIR = ("log_level", "probit_floor_share")


@dataclass(frozen=True, eq=False)
class Layout:
    """The sampler's coordinates by name: what each is of, its components and levels, its place.

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
        return own | (dict.fromkeys(PAIR) if self.pair else {})

    @cached_property
    def varying(self) -> dict[str, tuple[str, ...]]:
        """The columns with which a coordinate varies, for those that do."""
        found = {s.quantity: s.by for s in self.free if s.by and s.quantity in self.sizes}
        if self.pair and self.pair[0].by:
            found |= dict.fromkeys(PAIR, self.pair[0].by)
        return found

    @cached_property
    def lengths(self) -> dict[str, int]:
        """How many levels a coordinate has, for those that vary."""
        return {name: self.seen.count(by) for name, by in self.varying.items()}

    @property
    def seen(self) -> Groups:
        """The groups of the runs, where something varies."""
        assert self.groups is not None, "what varies needs the groups of the runs"
        return self.groups

    def own(self, by: Sequence[str]) -> tuple[str, ...]:
        """Return columns in the order that the groups have."""
        return self.seen.own(by)

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
        return {count(by): float(self.seen.count(by)) for by in self.dimensions}

    def levels_in(self, column: str) -> int:
        """Return how many levels a column has."""
        return self.seen.count((column,))

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
            own = self.seen.own(slot.by)
            if own != self.seen.columns:
                found[place(own, self.seen.columns)] = self.seen.columns
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
            own = self.seen.own(slot.by) if slot.by else ()
            if own and own != self.seen.columns:
                numbers[place(own, self.seen.columns)] = self.seen.index(own)
            if slot.pooled:
                for column in slot.by:
                    if len(own) > 1:
                        numbers[place((column,), own)] = self.seen.index((column,), own)
                    said = before_draws(slot, column, self.seen.count((column,)))
                    for names in names_of_told(slot, column):
                        numbers |= dict(zip(names, said, strict=True))
        return {name: np.asarray(numbers[name], float) for name in self.long}


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
