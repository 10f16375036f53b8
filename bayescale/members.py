"""One group of a fit with groups: the law and the draws that hold for it alone.

A level that was seen has its own draws. One never seen is drawn from the population, where the
levels are pooled: the populations' middle and spread of every draw, and an offset at random.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import labelling
from bayescale.coordinates import Coordinates, fixed_values
from bayescale.errors import DataWarning, LawError, nearest
from bayescale.given import has_length, short
from bayescale.groups import Groups, check_level, check_named
from bayescale.levels import at_cells, one_cell
from bayescale.observed import Observations
from bayescale.parameters import Slot, offset, ungrouped

if TYPE_CHECKING:
    import xarray as xr


def codes_of(groups: Groups, levels: Mapping[str, Any], name: str) -> np.ndarray:
    """Return the positions of one level of each column; -1 for one never seen.

    Raises
    ------
    LawError
        If a column is missing or unknown, or was given more than one level.
    """
    check_named(groups.seen, levels, name)
    for column, level in levels.items():
        if has_length(level) and not isinstance(level, str):
            raise LawError(
                f"{column}= takes one level here, such as {groups.levels[0][0]!r}; "
                f"got {short(level)}. "
                "forecast() and log_density() take one for each input."
            )
        check_level(column, level)
    return np.array([int(groups.codes(c, [levels[c]])[0]) for c in groups.columns])


def check_known(law: Any, likelihood: Any, groups: Groups, levels: Mapping[str, Any]) -> None:
    """Raise a LawError where a level was never seen, and something of it is learned from no other.

    Parameters
    ----------
    law, likelihood
        What was fitted.
    groups
        Of the fit.
    levels
        Column to one level.
    """
    codes = codes_of(groups, levels, "The fit")
    for slot in Coordinates(law, likelihood, groups).declared:
        if not slot.by or slot.pooled or _label_index(groups, slot.by, codes) is not None:
            continue
        new = {c: levels[c] for c in slot.by if codes[groups.columns.index(c)] < 0}
        if not new:
            said = ", ".join(f"{c}={levels[c]!r}" for c in slot.by)
            raise LawError(
                f"The runs have no row of {said} together, and {slot.field} of each combination "
                "stands alone (unpooled). Use bs.partial_pooling(by=...), whose effects add."
            )
        column, level = next(iter(new.items()))
        known = [str(one) for one in groups.levels[groups.columns.index(column)]]
        shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise LawError(
            f"{column}={level!r} was never seen, and {slot.field} of each {column!r} stands alone "
            f"(unpooled), so nothing is known of a new one. Seen: {shown}."
            f"{nearest(str(level), known)} For new levels use bs.partial_pooling(by={column!r})."
        )


def _warn_alike(groups: Groups, levels: Mapping[str, Any]) -> None:
    """Warn of a level never seen whose name reads like that of one that was."""
    codes = codes_of(groups, levels, "The fit")
    for column, known, code in zip(groups.columns, groups.levels, codes, strict=True):
        like = [one for one in known if code < 0 and _read(one) == _read(levels[column])]
        if like and _read(like[0]):
            warnings.warn(
                f"{column}={levels[column]!r} was never seen and is drawn from the population, "
                f"though it reads like {like[0]!r}. Write {column}={like[0]!r} if that is meant.",
                DataWarning,
                stacklevel=4,
            )


def _read(level: Any) -> str:
    """Return a name without case, spaces and marks."""
    return "".join(letter for letter in str(level).lower() if letter.isalnum())


def _label_index(groups: Groups, by: tuple[str, ...], codes: np.ndarray) -> int | None:
    """Return which label of a dimension a combination of levels has, or None."""
    own = groups.own(by)
    where = [groups.columns.index(column) for column in own]
    if len(own) == 1:
        return int(codes[where[0]]) if codes[where[0]] >= 0 else None
    same = np.flatnonzero((groups.cells[:, where] == codes[where]).all(axis=1))
    return int(groups.index(own)[same[0]]) if len(same) else None


def runs_of(runs: Observations, cell: int) -> Observations:
    """Return the rows of one cell, which know of no groups; all rows for -1.

    Units stay those of all rows; where the data end is where these rows do.
    """
    references = dict(runs.references)
    kept = runs.cells == cell if cell >= 0 else np.ones(len(runs), bool)
    rows = replace(runs.rows(kept), groups=None, cell=None)
    for role, values in rows.inputs.items():
        references[f"{role}_start"] = float(values.min())
        references[f"{role}_end"] = float(values.max())
    return replace(rows, anchor=references)


def quantities_at(
    coordinates: Coordinates,
    quantities: Mapping[str, Any],
    levels: Mapping[str, Any],
    numbers: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return what carries priors for one combination of levels, seen or not.

    Parameters
    ----------
    coordinates
        Of the fit with groups.
    quantities
        Draws of all free quantities, levels first.
    levels
        Column to one level.
    numbers
        Of the coordinates.
    seed
        Of the offsets of levels never seen: equal names have equal offsets.

    Returns
    -------
    dict
        Quantity to draws of shape (chain, draw); fixed ones are left out.
    """
    groups = coordinates.groups
    assert groups is not None
    codes = codes_of(groups, levels, "The fit")
    quantities = {**fixed_values(coordinates.slots, numbers), **quantities}
    found: dict[str, Any] = {}
    for slot in coordinates.declared:
        if slot.prior is None:
            continue
        if slot.pooled:
            found[slot.quantity] = _of_population(
                coordinates, slot, quantities, levels, codes, seed
            )
            continue
        value = quantities[slot.quantity]
        if slot.by:
            index = _label_index(groups, slot.by, codes)
            assert index is not None, "check_known comes first"
            many = isinstance(value, tuple)
            value = tuple(part[index] for part in value) if many else value[index]
        found[slot.quantity] = value
    return found


def _of_population(
    coordinates: Coordinates,
    slot: Slot,
    quantities: Mapping[str, Any],
    levels: Mapping[str, Any],
    codes: np.ndarray,
    seed: int,
) -> Any:
    """Return a pooled quantity of one combination of levels, new levels with offsets at random."""
    groups = coordinates.groups
    assert groups is not None
    moved = {}
    for column in slot.by:
        name, code = offset(slot, column), int(codes[groups.columns.index(column)])
        value = quantities[name]
        parts = value if isinstance(value, tuple) else (value,)
        if code < 0:
            called = zlib.crc32(f"{name}={levels[column]}".encode())
            rng = np.random.default_rng([seed, 11, called])
            chosen = tuple(rng.standard_normal(part.shape[1:]) for part in parts)
        else:
            chosen = tuple(part[code] for part in parts)
        moved[name] = chosen if isinstance(value, tuple) else chosen[0]
    return coordinates.level_of(slot, {**quantities, **moved})


def member(
    law: Any,
    likelihood: Any,
    runs: Observations,
    quantities: Mapping[str, Any],
    natural: Mapping[str, Any],
    levels: Mapping[str, Any],
    seed: int,
) -> tuple[Any, Any, Observations, xr.Dataset]:
    """Return law, likelihood, runs and labelled posterior of one combination of levels.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted, with groups.
    quantities
        Draws of what carries priors, levels first.
    natural
        Draws of the law's and the likelihood's parameters, shape (cell, chain, draw).
    levels
        Column to one level.
    seed
        Of levels never seen.

    Returns
    -------
    law, likelihood, runs, posterior
        Without groups.
    """
    groups = runs.groups
    assert groups is not None
    check_known(law, likelihood, groups, levels)
    _warn_alike(groups, levels)
    coordinates = Coordinates(law, likelihood, groups)
    cell = groups.find(codes_of(groups, levels, "The fit"))
    numbers = coordinates.numbers(runs.references)
    held = quantities_at(coordinates, quantities, levels, numbers, seed)
    plain_law, plain_noise = ungrouped(law), ungrouped(likelihood)
    rows = runs_of(runs, cell)
    if cell >= 0:
        own = one_cell(natural, cell)
    else:
        fixed = {s.quantity: s.value for s in coordinates.declared if s.prior is None}
        alone = Coordinates(plain_law, plain_noise)
        both = alone.natural({**fixed, **held}, numbers)
        first = next(iter(natural.values()))
        shape = np.shape(first[0] if isinstance(first, tuple) else first)[1:]
        own = at_cells(None, both[0] | both[1], shape)
    labelled = labelling.labelled({**held, **own}, law.component)
    return plain_law, plain_noise, rows, labelled
