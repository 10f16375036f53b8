"""Pooled quantities: levels from a population's middle, spreads and offsets.

One code serves PyTensor and numpy, as in coordinates.py; placing.py says what a level's coordinate
is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayescale import placing
from bayescale.free_scale import bounded, constrained, free_of_bounds, origin_and_unit
from bayescale.groups import Groups, place
from bayescale.parameters import Slot, offset, primitives, spread, spread_slots


def values(
    groups: Groups,
    slot: Slot,
    z: Mapping[str, Any],
    held: Mapping[str, Any],
    numbers: Mapping[str, Any],
    shift: tuple[Any, bool],
) -> tuple[dict[str, Any], Any]:
    """Map the coordinates of a pooled quantity, as placing.py has them."""
    middle, made_of, log_jacobian = primitives(slot)[0], {}, 0.0
    for part in spread_slots(slot):
        if part.prior is None:
            made_of[part.quantity] = held[part.quantity]
            continue
        made_of[part.quantity], jacobian = width_of(part, z[part.quantity], numbers)
        log_jacobian = log_jacobian + jacobian
    start, unit, alone = _led(slot, numbers, shift)
    found: dict[str, list] = {name: [] for name in (middle.quantity, slot.quantity)}
    found |= {name: [] for name in _offsets(slot)}
    for i, population in enumerate(parts(slot, z[middle.quantity])):
        own = {column: parts(slot, z[offset(slot, column)])[i] for column in slot.by}
        told = {
            column: as_told(numbers, names_of_told(slot, column)[i], own[column], shift[0], alone)
            for column in slot.by
        }
        free, jacobian = start + unit * population, np.log(unit)
        if alone:
            width = made_of[spread(slot, slot.by[0])]
            free, jacobian = placing.middle(population, start, unit, width, told[slot.by[0]])
        log_jacobian = log_jacobian + jacobian
        total = free
        for column, coordinate in own.items():
            width = made_of[spread(slot, column)]
            about = free if alone else 0.0
            moved, jacobian = placing.offsets(coordinate, width, told[column], about)
            log_jacobian = log_jacobian + jacobian
            found[offset(slot, column)].append(moved)
            total = total + width * along(groups, slot, column, moved, numbers)
        value, jacobian = bounded(middle, free, numbers)
        log_jacobian = log_jacobian + jacobian
        found[middle.quantity].append(value)
        found[slot.quantity].append(bounded(middle, total, numbers)[0])
    single = slot.size is None
    made_of |= {name: parts[0] if single else tuple(parts) for name, parts in found.items()}
    return made_of, log_jacobian


def coordinates_of(
    slot: Slot,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    shift: tuple[Any, bool],
) -> dict[str, Any]:
    """Return the coordinates of all that makes up a pooled quantity: the inverse of :func:`values`.

    Of draws, in numpy. Spreads that may not be any positive number are left out: nothing that is
    learned moves theirs.
    """
    middle, found = primitives(slot)[0], {}
    for part in spread_slots(slot):
        if may_vanish(part):
            away = np.log(values[part.quantity]) - numbers[f"{part.quantity}_origin"]
            unit = numbers[f"{part.quantity}_unit"]
            found[part.quantity] = placing.log_spread_back(away) / unit
    start, unit, alone = _led(slot, numbers, shift)
    by_part: dict[str, list] = {name: [] for name in (middle.quantity, *_offsets(slot))}
    for i, population in enumerate(parts(slot, values[middle.quantity])):
        free = free_of_bounds(middle.prior, population)
        coordinate = (free - start) / unit
        for column in slot.by:
            width, name = values[spread(slot, column)], offset(slot, column)
            moved = parts(slot, values[name])[i]
            told = as_told(numbers, names_of_told(slot, column)[i], moved, shift[0], alone)
            if alone:
                coordinate = placing.middle_back(free, start, unit, width, told)
            about = free if alone else 0.0
            by_part[name].append(placing.offsets_back(moved, width, told, about))
        by_part[middle.quantity].append(coordinate)
    single = slot.size is None
    return found | {name: every[0] if single else tuple(every) for name, every in by_part.items()}


def _offsets(slot: Slot) -> list[str]:
    return [offset(slot, column) for column in slot.by]


def _led(slot: Slot, numbers: Mapping[str, Any], shift: tuple[Any, bool]) -> tuple[Any, Any, bool]:
    """Return where a population's middle starts, its unit, and whether one column tells of it."""
    (moves, by_level), name = shift, primitives(slot)[0].quantity
    lead = 0.0 if moves is None else moves.mean(0) if by_level else moves
    return numbers[f"{name}_origin"] + lead, numbers[f"{name}_unit"], len(slot.by) == 1


def along(groups: Groups, slot: Slot, column: str, moved: Any, numbers: Mapping[str, Any]) -> Any:
    """Return what there is for each level of a column, for each level of a quantity."""
    own = groups.own(slot.by)
    return moved if len(own) == 1 else moved[positions(numbers[place((column,), own)])]


def made(
    slot: Slot,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    levels: Callable[[str, Any], Any],
) -> Any:
    """Return a pooled quantity; ``levels`` places the offsets of a column."""
    middle, found = primitives(slot)[0], []
    for i, population in enumerate(parts(slot, values[middle.quantity])):
        total = free_of_bounds(middle.prior, population)
        for column in slot.by:
            moved = parts(slot, values[offset(slot, column)])[i]
            total = total + values[spread(slot, column)] * levels(column, moved)
        found.append(bounded(middle, total, numbers)[0])
    return tuple(found) if slot.size is not None else found[0]


def width_of(part: Slot, coordinate: Any, numbers: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a spread from its coordinate, and the log Jacobian."""
    if not may_vanish(part):
        return constrained(part, coordinate, numbers)
    unit = numbers[f"{part.quantity}_unit"]
    log_width, jacobian = placing.log_spread(unit * coordinate)
    log_width = numbers[f"{part.quantity}_origin"] + log_width
    return np.exp(log_width), log_width + jacobian + np.log(unit)


def may_vanish(part: Slot) -> bool:
    """Return whether a spread may be any positive number."""
    return part.prior is not None and part.prior.support == (0.0, math.inf)


def names_of_told(slot: Slot, column: str) -> list[tuple[str, str]]:
    """Return the names of what runs say of each component of a pooled quantity's levels."""
    name = offset(slot, column)
    ends = [""] if slot.size is None else [f"_{i + 1}" for i in range(slot.size)]
    return [(f"{name}_near{end}", f"{name}_precision{end}") for end in ends]


def before_draws(slot: Slot, column: str, count: int) -> placing.Told:
    """Return what is taken for granted of a column's levels before there are draws."""
    own = {part.quantity: part for part in spread_slots(slot)}
    part = own[spread(slot, column)]
    width = part.value if part.prior is None else float(part.prior.frozen().ppf(0.5))
    assert isinstance(width, float)
    alone = len(slot.by) == 1
    return placing.by_default(width, origin_and_unit(primitives(slot)[0])[0] * alone, count)


def as_told(
    numbers: Mapping[str, Any], names: tuple[str, str], like: Any, moves: Any, alone: bool
) -> placing.Told:
    """Return what runs say of levels in the shape of draws.

    Moved to follow the floor, where it is of levels and not of one of several effects.
    """
    near, precision = (along_levels(numbers[name], like) for name in names)
    return placing.Told(near + moves if alone and moves is not None else near, precision)


def positions(index: Any) -> Any:
    """Return positions that were kept as floats."""
    return index.astype("int64")


def along_levels(value: Any, like: Any) -> Any:
    """Return an array over levels in the shape of draws, whose levels come first."""
    return value if hasattr(value, "owner") else value.reshape(-1, *[1] * (np.ndim(like) - 1))


def parts(slot: Slot, value: Any) -> tuple:
    """Return the components of a quantity, one where it has none."""
    return value if slot.size is not None else (value,)
