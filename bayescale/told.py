"""What runs say of pooled levels: seen at a glance, or learned from draws (see placing.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayescale import glance, placing, pooled
from bayescale.coordinates import Coordinates
from bayescale.free_scale import free_of_bounds
from bayescale.parameters import Slot, offset, primitives, spread, spread_slots
from bayescale.pooled import may_vanish, names_of_told, parts


def learned(
    coordinates: Coordinates, z: Mapping[str, Any], numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the runs say of pooled levels, learned from draws (see placing.py).

    Parameters
    ----------
    coordinates
        Of what is fitted.
    z
        Draws of the coordinates by name, shape (chain, draw), levels first.
    numbers
        By which they were drawn.

    Returns
    -------
    dict
        The numbers that take the place of those in :meth:`Coordinates.numbers`.
    """
    values, _, moves = coordinates.mapped(z, numbers, True)
    found: dict[str, Any] = {}
    for slot in coordinates.declared:
        own = {part.quantity: part for part in spread_slots(slot)}
        for column in slot.by if slot.pooled else ():
            part = own[spread(slot, column)]
            width = np.asarray(values[part.quantity])
            if may_vanish(part) and part.prior is not None:
                found[f"{part.quantity}_origin"] = float(np.log(np.median(width)))
            for i, names in enumerate(names_of_told(slot, column)):
                said = _said(coordinates, slot, column, i, values, width, moves[slot.quantity][0])
                found |= dict(zip(names, said, strict=True))
    return found


def placed_anew(
    coordinates: Coordinates, vectors: np.ndarray, old: Mapping[str, Any], new: Mapping[str, Any]
) -> np.ndarray:
    """Return draws in the coordinates that other numbers make of them.

    Parameters
    ----------
    coordinates
        Of what is fitted.
    vectors
        Draws, shape (chain, draw, coordinate).
    old, new
        The numbers by which they were drawn, and those that :func:`learned` or :func:`glanced_at`
        changed.
    """
    z = coordinates.split(vectors)
    values, _, moves = coordinates.mapped(z, old, True)
    for slot in coordinates.declared:
        if slot.pooled:
            z |= pooled.coordinates_of(slot, values, new, moves[slot.quantity])
    return coordinates.joined(z)


def glanced_at(
    coordinates: Coordinates,
    slope: Callable[[np.ndarray], tuple[float, np.ndarray]],
    numbers: Mapping[str, Any],
) -> tuple[dict[str, Any], np.ndarray] | None:
    """Return what the runs seem to say of pooled levels, before there are draws (glance.py).

    Parameters
    ----------
    coordinates
        Of what is fitted.
    slope
        From a point, by these numbers, to the log density and its gradient.
    numbers
        As returned by :meth:`Coordinates.numbers`.

    Returns
    -------
    told, point
        Numbers that may take the place of those, and where by those the density is highest with
        spreads at their medians; None where the glance fails.
    """
    size = sum((n or 1) * coordinates.lengths.get(name, 1) for name, n in coordinates.sizes.items())
    places = coordinates.split(np.arange(size))
    varied = [slot for slot in coordinates.declared if slot.pooled]
    spreads = [part.quantity for slot in varied for part in spread_slots(slot)]
    held = [int(places[name]) for name in spreads if name in places]
    by_column: dict[str, list] = {}
    for slot in varied:
        for column in slot.by:
            for i, part in enumerate(parts(slot, places[offset(slot, column)])):
                by_column.setdefault(column, []).append((slot, i, np.asarray(part, int)))
    found = glance.glanced(
        slope, size, np.array(held, int), [[p for *_, p in one] for one in by_column.values()]
    )
    if found is None:
        return None
    values, _, moves = coordinates.mapped(coordinates.split(found[0][None, None]), numbers, True)
    told: dict[str, Any] = {}
    for (column, every), variances in zip(by_column.items(), found[1], strict=True):
        for (slot, i, _), variance in zip(every, variances, strict=True):
            names, width = names_of_told(slot, column)[i], values[spread(slot, column)]
            flat = _flat(coordinates, slot, column, i, values, width, moves[slot.quantity][0])
            levels, middle = (part[:, 0] for part in flat)
            before = np.asarray(numbers[names[1]])
            square = float(np.ravel(width)[0]) ** 2
            own = variance * square / (1 + before * square)
            precision = np.maximum(1 / own - 1 / square, 1e-6 / own)
            near = levels + (levels - middle) / (precision * square)
            told |= dict(zip(names, (near, precision), strict=True))
    return told, found[0]


def _said(
    coordinates: Coordinates,
    slot: Slot,
    column: str,
    i: int,
    values: Mapping[str, Any],
    width: Any,
    moves: Any,
) -> placing.Told:
    """Return what the runs say of the levels of one component, from draws."""
    flat = _flat(coordinates, slot, column, i, values, width, moves)
    return placing.learned(*flat, np.broadcast_to(np.ravel(width), flat[0].shape[1:]))


def _flat(
    coordinates: Coordinates,
    slot: Slot,
    column: str,
    i: int,
    values: Mapping[str, Any],
    width: Any,
    moves: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of levels and of their population's middle, free of bounds and unmoved."""
    moved = np.asarray(parts(slot, values[offset(slot, column)])[i])
    shape = moved.shape[1:]
    middle = np.zeros((1, *shape))
    if len(slot.by) == 1:
        name = primitives(slot)[0]
        free = free_of_bounds(name.prior, parts(slot, values[name.quantity])[i])
        middle = np.broadcast_to(free - (0.0 if moves is None else moves), moved.shape)
    levels = middle + np.broadcast_to(width, shape) * moved
    return levels.reshape(len(levels), -1), np.reshape(middle, (len(middle), -1))
