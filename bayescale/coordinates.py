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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayescale import anchoring, glance, placing
from bayescale.groups import Groups, dimension
from bayescale.parameters import Slot, offset, primitives, slots, spread, spread_slots

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


def normal_quantile(share: Any) -> Any:
    """Return the standard normal quantile of an array or a tensor."""
    if hasattr(share, "owner"):
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return -math.sqrt(2) * pt.erfcinv(2 * share)
    from scipy.special import ndtri

    return ndtri(share)


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
        return next((slot for slot in found if _support(slot) == (0.0, math.inf)), None)

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
                origin, unit = _origin_and_unit(slot)
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
                    found |= {name: (column,) for pair in _told(slot, column) for name in pair}
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
                    said = _before_draws(slot, column, self._groups.count((column,)))
                    for names in _told(slot, column):
                        numbers |= dict(zip(names, said, strict=True))
        return {name: np.asarray(numbers[name], float) for name in self.long}

    def learned(self, z: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runs say of pooled levels, learned from draws (see placing.py).

        Parameters
        ----------
        z
            Draws of the coordinates by name, shape (chain, draw), levels first.
        numbers
            By which they were drawn.

        Returns
        -------
        dict
            The numbers that take the place of those in :meth:`numbers`.
        """
        values, _, moves = self._mapped(z, numbers, True)
        found: dict[str, Any] = {}
        for slot in self.declared:
            parts = {part.quantity: part for part in spread_slots(slot)}
            for column in slot.by if slot.pooled else ():
                part = parts[spread(slot, column)]
                width = np.asarray(values[part.quantity])
                if _may_vanish(part) and part.prior is not None:
                    found[f"{part.quantity}_origin"] = float(np.log(np.median(width)))
                for i, names in enumerate(_told(slot, column)):
                    said = self._said(slot, column, i, values, width, moves.get(slot.quantity))
                    found |= dict(zip(names, said, strict=True))
        return found

    def glanced_at(
        self, slope: Callable[[np.ndarray], tuple[float, np.ndarray]], numbers: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the runs seem to say of pooled levels, before there are draws (glance.py).

        Parameters
        ----------
        slope
            From a point, by these numbers, to the log density and its gradient.
        numbers
            As returned by :meth:`numbers`.

        Returns
        -------
        dict
            Numbers that may take the place of those; empty where the glance fails.
        """
        size = sum((n or 1) * self.lengths.get(name, 1) for name, n in self.sizes.items())
        places = self.split(np.arange(size))
        pooled = [slot for slot in self.declared if slot.pooled]
        spreads = [part.quantity for slot in pooled for part in spread_slots(slot)]
        held = [int(places[name]) for name in spreads if name in places]
        by_column: dict[str, list] = {}
        for slot in pooled:
            for column in slot.by:
                for i, part in enumerate(_parts(slot, places[offset(slot, column)])):
                    by_column.setdefault(column, []).append((slot, i, np.asarray(part, int)))
        found = glance.glanced(
            slope, size, np.array(held, int), [[p for *_, p in one] for one in by_column.values()]
        )
        if found is None:
            return {}
        values, _, moves = self._mapped(self.split(found[0][None, None]), numbers, True)
        told: dict[str, Any] = {}
        for (column, every), variances in zip(by_column.items(), found[1], strict=True):
            for (slot, i, _), variance in zip(every, variances, strict=True):
                names, width = _told(slot, column)[i], values[spread(slot, column)]
                flat = self._flat(slot, column, i, values, width, moves.get(slot.quantity))
                levels, middle = (part[:, 0] for part in flat)
                before = np.asarray(numbers[names[1]])
                square = float(np.ravel(width)[0]) ** 2
                own = variance * square / (1 + before * square)
                precision = np.maximum(1 / own - 1 / square, 1e-6 / own)
                near = levels + (levels - middle) / (precision * square)
                told |= dict(zip(names, (near, precision), strict=True))
        return told

    def _said(
        self, slot: Slot, column: str, i: int, values: Mapping[str, Any], width: Any, moves: Any
    ) -> placing.Told:
        """Return what the runs say of the levels of one component, from draws."""
        flat = self._flat(slot, column, i, values, width, moves)
        return placing.learned(*flat, np.broadcast_to(np.ravel(width), flat[0].shape[1:]))

    def _flat(
        self, slot: Slot, column: str, i: int, values: Mapping[str, Any], width: Any, moves: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return draws of levels and of their population's middle, free of bounds and unmoved."""
        moved = np.asarray(_parts(slot, values[offset(slot, column)])[i])
        shape = moved.shape[1:]
        middle = np.zeros((1, *shape))
        if len(slot.by) == 1:
            name = primitives(slot)[0]
            free = _free(name.prior, _parts(slot, values[name.quantity])[i])
            middle = np.broadcast_to(free - (0.0 if moves is None else moves), moved.shape)
        levels = middle + np.broadcast_to(width, shape) * moved
        return levels.reshape(len(levels), -1), np.reshape(middle, (len(middle), -1))

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
        values, log_jacobian, _ = self._mapped(z, numbers, pair)
        return values, log_jacobian

    def _mapped(
        self, z: Mapping[str, Any], numbers: Mapping[str, Any], pair: bool
    ) -> tuple[dict[str, Any], Any, dict[str, Any]]:
        """Return values, log Jacobian, and by how much the floor moves a quantity's coordinate."""
        values = fixed_values(self.slots, numbers)
        log_jacobian: Any = 0.0
        moves: dict[str, Any] = {}
        steeper: Any = None
        if pair and self.tilted and self.pair:
            steeper = _log_steeper(normal_cdf(z[_PAIR[1]]), numbers), self.pair[0].by
        for slot in sorted(self.declared, key=lambda slot: slot == self.tilted):
            shift = self._shift(steeper, slot) if pair and slot == self.tilted else None
            moves[slot.quantity] = shift
            if slot.pooled:
                by_level = shift is not None and steeper is not None and steeper[1] == slot.by
                found, jacobian = self._pooled(slot, z, values, numbers, (shift, by_level))
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
            return self._along(slot, column, moved, numbers)

        return _made(slot, values, numbers, levels)

    def level_of(self, slot: Slot, values: Mapping[str, Any]) -> Any:
        """Return a pooled quantity of one level of each column, whose offsets are among values."""
        assert slot.prior is not None
        low, high = slot.prior.support
        name = primitives(slot)[0].quantity
        return _made(slot, values, {f"{name}_lower": low, f"{name}_upper": high}, lambda _, z: z)

    def _along(self, slot: Slot, column: str, moved: Any, numbers: Mapping[str, Any]) -> Any:
        """Return what there is for each level of a column, for each level of a quantity."""
        own = self._groups.own(slot.by)
        return moved if len(own) == 1 else moved[_positions(numbers[place((column,), own)])]

    def _pooled(
        self,
        slot: Slot,
        z: Mapping[str, Any],
        held: Mapping[str, Any],
        numbers: Mapping[str, Any],
        shift: tuple[Any, bool],
    ) -> tuple[dict[str, Any], Any]:
        """Map the coordinates of a pooled quantity, as placing.py has them."""
        middle, values, log_jacobian = primitives(slot)[0], {}, 0.0
        for part in spread_slots(slot):
            if part.prior is None:
                values[part.quantity] = held[part.quantity]
                continue
            values[part.quantity], jacobian = _width(part, z[part.quantity], numbers)
            log_jacobian = log_jacobian + jacobian
        moves, by_level = shift
        lead = 0.0 if moves is None else moves.mean(0) if by_level else moves
        start = numbers[f"{middle.quantity}_origin"] + lead
        unit, alone = numbers[f"{middle.quantity}_unit"], len(slot.by) == 1
        found: dict[str, list] = {name: [] for name in (middle.quantity, slot.quantity)}
        found |= {offset(slot, column): [] for column in slot.by}
        for i, population in enumerate(_parts(slot, z[middle.quantity])):
            own = {column: _parts(slot, z[offset(slot, column)])[i] for column in slot.by}
            told = {
                column: _as_told(numbers, names[i], own[column], moves if alone else None)
                for column, names in ((column, _told(slot, column)) for column in slot.by)
            }
            free, jacobian = start + unit * population, np.log(unit)
            if alone:
                width = values[spread(slot, slot.by[0])]
                free, jacobian = placing.middle(population, start, unit, width, told[slot.by[0]])
            log_jacobian = log_jacobian + jacobian
            total = free
            for column, coordinate in own.items():
                width = values[spread(slot, column)]
                about = free if alone else 0.0
                moved, jacobian = placing.offsets(coordinate, width, told[column], about)
                log_jacobian = log_jacobian + jacobian
                found[offset(slot, column)].append(moved)
                total = total + width * self._along(slot, column, moved, numbers)
            value, jacobian = _bounded(middle, free, numbers)
            log_jacobian = log_jacobian + jacobian
            found[middle.quantity].append(value)
            found[slot.quantity].append(_bounded(middle, total, numbers)[0])
        single = slot.size is None
        values |= {name: parts[0] if single else tuple(parts) for name, parts in found.items()}
        return values, log_jacobian

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
        jacobian = jacobian + math.log(0.5) - 0.5 * probit**2 - _LOG_ROOT_TAU
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
                index = _positions(numbers[place(by, self._groups.columns)])
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


def count(by: Sequence[str]) -> str:
    """Return the name of the number of labels of a dimension."""
    return f"{dimension(by)}_count"


def place(by: Sequence[str], of: Sequence[str]) -> str:
    """Return the name of the positions of one dimension's labels for those of another."""
    return f"{dimension(by)}_of_{dimension(of)}"


def _told(slot: Slot, column: str) -> list[tuple[str, str]]:
    """Return the names of what runs say of each component of a pooled quantity's levels."""
    name = offset(slot, column)
    ends = [""] if slot.size is None else [f"_{i + 1}" for i in range(slot.size)]
    return [(f"{name}_near{end}", f"{name}_precision{end}") for end in ends]


def _before_draws(slot: Slot, column: str, count: int) -> placing.Told:
    """Return what is taken for granted of a column's levels before there are draws."""
    parts = {part.quantity: part for part in spread_slots(slot)}
    part = parts[spread(slot, column)]
    width = part.value if part.prior is None else float(part.prior.frozen().ppf(0.5))
    assert isinstance(width, float)
    alone = len(slot.by) == 1
    return placing.by_default(width, _origin_and_unit(primitives(slot)[0])[0] * alone, count)


def _as_told(
    numbers: Mapping[str, Any], names: tuple[str, str], like: Any, moves: Any
) -> placing.Told:
    """Return what runs say of levels, moved to follow the floor, in the shape of draws."""
    near, precision = (_along_levels(numbers[name], like) for name in names)
    return placing.Told(near if moves is None else near + moves, precision)


def _positions(index: Any) -> Any:
    """Return positions that were kept as floats."""
    return index.astype("int64")


def _along_levels(value: Any, like: Any) -> Any:
    """Return an array over levels in the shape of draws, whose levels come first."""
    return value if hasattr(value, "owner") else value.reshape(-1, *[1] * (np.ndim(like) - 1))


def _parts(slot: Slot, value: Any) -> tuple:
    return value if slot.size is not None else (value,)


def _made(
    slot: Slot,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    levels: Callable[[str, Any], Any],
) -> Any:
    """Return a pooled quantity; ``levels`` places the offsets of a column."""
    middle, found = primitives(slot)[0], []
    for i, population in enumerate(_parts(slot, values[middle.quantity])):
        total = _free(middle.prior, population)
        for column in slot.by:
            moved = _parts(slot, values[offset(slot, column)])[i]
            total = total + values[spread(slot, column)] * levels(column, moved)
        found.append(_bounded(middle, total, numbers)[0])
    return tuple(found) if slot.size is not None else found[0]


def _width(part: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a spread from its coordinate, and the log Jacobian."""
    if not _may_vanish(part):
        return _constrain(part, coordinate, numbers)
    unit = numbers[f"{part.quantity}_unit"]
    log_width, jacobian = placing.log_spread(unit * coordinate)
    log_width = numbers[f"{part.quantity}_origin"] + log_width
    return np.exp(log_width), log_width + jacobian + np.log(unit)


def _may_vanish(part: Slot) -> bool:
    """Return whether a spread may be any positive number."""
    return part.prior is not None and part.prior.support == (0.0, math.inf)


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
    mapped = [_constrain(slot, part, numbers) for part in _parts(slot, coordinate)]
    log_jacobian: Any = sum(
        (jacobian + 0.0 * value).sum(0) if slot.by else jacobian for value, jacobian in mapped
    )
    constrained = tuple(value for value, _ in mapped)
    return {slot.quantity: constrained if slot.size is not None else constrained[0]}, log_jacobian


def _constrain(slot: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a quantity from its coordinate, and the log Jacobian."""
    value, jacobian = _bounded(slot, _freed(slot, coordinate, numbers), numbers)
    return value, np.log(numbers[f"{slot.quantity}_unit"]) + jacobian


def _freed(slot: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> Any:
    """Return a quantity's log, probit or itself, whatever is free of bounds."""
    return numbers[f"{slot.quantity}_origin"] + numbers[f"{slot.quantity}_unit"] * coordinate


def _bounded(slot: Slot, free: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
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
        jacobian = np.log(width) - 0.5 * free**2 - _LOG_ROOT_TAU
        return low + width * normal_cdf(free), jacobian
    if math.isfinite(low):
        edge = numbers[f"{slot.quantity}_lower"] if low != 0.0 else 0.0
        return edge + np.exp(free), free
    return numbers[f"{slot.quantity}_upper"] - np.exp(free), free


def _free(prior: Any, value: Any) -> Any:
    low, high = prior.support
    if math.isinf(low) and math.isinf(high):
        return value
    if math.isfinite(low) and math.isfinite(high):
        return normal_quantile((value - low) / (high - low))
    return np.log(value - low) if math.isfinite(low) else np.log(high - value)


def _origin_and_unit(slot: Slot) -> tuple[float, float]:
    """The prior's median and half its central 68 %, where the sampler's coordinate is free."""
    assert slot.prior is not None
    low, middle, high = _free(
        slot.prior, slot.prior.frozen().ppf([0.1586552539, 0.5, 0.8413447461])
    )
    unit = 0.5 * abs(high - low)
    return float(middle), float(min(max(unit, 1e-6), 1e3))
