"""Draws of what varies with groups: by level, by cell and by row.

Draws of a parameter have the shape (cell, chain, draw) where anything varies, the same for all
cells where it does not; in the labelled tree a parameter has the dimension of the columns with
which it does.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from bayescale.groups import Groups

#: Draws that are compared to see whether two levels have one value.
_COMPARED = 3


def _each(value: Any, function: Any) -> Any:
    """Apply a function to an array, or to each component."""
    return tuple(map(function, value)) if isinstance(value, tuple) else function(value)


def at_cells(groups: Groups | None, values: Mapping[str, Any], shape: tuple[int, ...]) -> dict:
    """Return natural parameters as draws of one shape, for every cell where there are groups.

    Parameters
    ----------
    groups
        Of the runs, or None.
    values
        Parameter to a number, to draws of shape (chain, draw), or to draws of shape (cell, chain,
        draw); components as a tuple.
    shape
        Chains and draws.

    Returns
    -------
    dict
        Shape (chain, draw), or (cell, chain, draw) with groups.
    """
    whole = shape if groups is None else (len(groups), *shape)

    def full(value: Any) -> np.ndarray:
        array = np.asarray(value, float)
        if array.ndim == 1:  # a number for each cell
            array = array.reshape(-1, *[1] * len(shape))
        return np.broadcast_to(array, whole)

    return {name: _each(value, full) for name, value in values.items()}


def by_row(values: Mapping[str, Any], cell: np.ndarray | None) -> dict[str, Any]:
    """Return draws with a last axis for rows.

    Parameters
    ----------
    values
        Parameter to draws of shape (...), or of shape (cell, ...) where ``cell`` is given.
    cell
        Which cell each row belongs to, shape (row,); None where nothing varies.

    Returns
    -------
    dict
        Shape (..., 1), or (..., row).
    """
    if cell is None:
        return {
            name: _each(value, lambda v: np.asarray(v)[..., None]) for name, value in values.items()
        }
    return {
        name: _each(value, lambda v: np.moveaxis(v[cell], 0, -1)) for name, value in values.items()
    }


def one_cell(values: Mapping[str, Any], cell: int) -> dict[str, Any]:
    """Return the draws of one cell."""
    return {name: _each(value, lambda v: v[cell]) for name, value in values.items()}


def least_columns(groups: Groups, value: Any) -> tuple[str, ...]:
    """Return the fewest columns with which a parameter varies.

    Parameters
    ----------
    groups
        Of the runs.
    value
        Draws of shape (cell, chain, draw); components as a tuple.
    """
    parts = value if isinstance(value, tuple) else (value,)
    few = [part[:, :1, :_COMPARED] for part in parts]
    for size in range(len(groups.columns)):
        # Of two columns that tell the cells apart alike, one of which is nested in the other,
        # the coarser is meant.
        for by in sorted(combinations(groups.columns, size), key=lambda by: _size(groups, by)):
            index, first = _index(groups, by)
            if all(np.array_equal(part, part[first][index]) for part in few):
                return by
    return groups.columns


def _size(groups: Groups, by: tuple[str, ...]) -> int:
    return groups.count(by) if by else 1


def _index(groups: Groups, by: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return which label each cell has, and a cell for each label."""
    index = groups.index(by) if by else np.zeros(len(groups), int)
    found, first = np.unique(index, return_index=True)
    where = np.zeros(int(index.max()) + 1, int)
    where[found] = first
    return index, where


def reduced(groups: Groups, value: Any) -> tuple[tuple[str, ...], Any]:
    """Return the columns with which a parameter varies, and its draws by their labels.

    Returns
    -------
    by, draws
        Draws of shape (label, chain, draw), or (chain, draw) where it varies with nothing.
    """
    by = least_columns(groups, value)
    _, first = _index(groups, by)
    return by, _each(value, lambda v: v[first] if by else v[0])


def widened(groups: Groups, by: tuple[str, ...], value: Any) -> Any:
    """Return draws by label as draws by cell: the inverse of :func:`reduced`."""
    if by:
        index = groups.index(by)
        return _each(value, lambda v: v[index])
    return _each(value, lambda v: np.broadcast_to(v, (len(groups), *np.shape(v))))


def mark_of(values: Mapping[str, Any]) -> str:
    """Return a mark of draws, by which it is seen that two things stand on the same ones."""
    first = next(iter(values.values()))
    array = np.asarray(first[0] if isinstance(first, tuple) else first)
    return f"{zlib.crc32(np.ascontiguousarray(array).tobytes())}"
