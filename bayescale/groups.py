"""Groups of runs: the levels of the columns with which something varies, and their combinations.

A *cell* is a combination of levels of all those columns that was seen. What varies with some of
the columns is an array over its own levels (over the combinations, of several columns), and goes to
cells by an index. A dimension is named after its columns, ``family`` or ``domain:architecture``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bayescale.errors import DataError, LawError, nearest
from bayescale.given import has_length, short

#: Between the names of columns in a dimension, and of levels in its labels.
JOINT = ":"
#: What the tree of one group of a fit says of where it is from.
ORIGIN = "of_fit"


@dataclass(frozen=True, eq=False)
class Groups:
    """Columns of the table, their levels, and the combinations that were seen.

    Parameters
    ----------
    columns
        The names of the columns.
    levels
        Of every column its levels, in order.
    cells
        Positions of the levels of each combination seen, shape (cell, column).
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    cells: np.ndarray

    @property
    def dim(self) -> str:
        """The name of the dimension of the cells."""
        return dimension(self.columns)

    @property
    def seen(self) -> dict[str, tuple[Any, ...]]:
        """Column to its levels."""
        return dict(zip(self.columns, self.levels, strict=True))

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.cells)

    def own(self, by: Sequence[str]) -> tuple[str, ...]:
        """Return columns in the order that they have here."""
        return tuple(column for column in self.columns if column in by)

    def _distinct(self, by: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the combinations of some columns, and which of them each cell has."""
        where = [self.columns.index(column) for column in self.own(by)]
        found, index = np.unique(self.cells[:, where], axis=0, return_inverse=True)
        return found, np.ravel(index)

    def labels(self, by: Sequence[str]) -> list[Any]:
        """Return the labels of a dimension: levels, or of several columns their combinations."""
        own = self.own(by)
        levels = [self.levels[self.columns.index(column)] for column in own]
        if len(own) == 1:
            return list(levels[0])
        combined, _ = self._distinct(own)
        return [JOINT.join(str(levels[i][k]) for i, k in enumerate(row)) for row in combined]

    def count(self, by: Sequence[str]) -> int:
        """Return how many labels a dimension has."""
        return len(self.labels(by))

    def index(self, by: Sequence[str], of: Sequence[str] | None = None) -> np.ndarray:
        """Return which label of some columns each cell (or each label of others) has.

        Parameters
        ----------
        by
            The columns whose labels are asked for.
        of
            Columns that ``by`` is among; all of them by default, that is the cells.

        Returns
        -------
        numpy.ndarray
            Positions in :meth:`labels`.
        """
        if len(self.own(by)) == 1:
            every = self.cells[:, self.columns.index(self.own(by)[0])]
        else:
            every = self._distinct(by)[1]
        if of is None or self.own(of) == self.columns:
            return every
        if len(self.own(of)) == 1:
            return np.arange(self.count(of))
        _, first = np.unique(self.index(of), return_index=True)
        return every[first]

    def label(self, cell: int) -> str:
        """Return the levels of a cell in words: ``A``, or ``code:transformer``."""
        return JOINT.join(
            str(self.levels[i][code]) for i, code in enumerate(self.cells[cell].tolist())
        )

    def codes(self, column: str, asked: Sequence[Any]) -> np.ndarray:
        """Return the positions of levels; -1 for one never seen."""
        known = {level: i for i, level in enumerate(self.levels[self.columns.index(column)])}
        by_text = {str(level): i for level, i in known.items()}
        found = [known.get(_plain(one), by_text.get(str(_plain(one)), -1)) for one in asked]
        return np.array(found, int)

    def find(self, codes: np.ndarray) -> int:
        """Return the cell of a combination of levels, or -1."""
        same = np.flatnonzero((self.cells == codes).all(axis=1))
        return int(same[0]) if len(same) else -1

    def describe(self) -> str:
        """Return the columns and their numbers of levels, in words."""
        return described(self.seen)

    def narrowed(self, cell: np.ndarray, columns: Sequence[str]) -> tuple[Groups, np.ndarray]:
        """Return the groups of some columns in some rows, and which cell each row belongs to.

        Parameters
        ----------
        cell
            Which cell of these each row belongs to, as positions, shape (run,).
        columns
            Of these groups; one or more.

        Returns
        -------
        groups, cell
            Levels that no row has are left out.
        """
        codes, levels = [], []
        for column in columns:
            where = self.columns.index(column)
            kept, code = np.unique(self.cells[cell, where], return_inverse=True)
            levels.append(tuple(self.levels[where][i] for i in kept))
            codes.append(np.ravel(code))
        return _combined(columns, levels, codes)


def described(seen: Mapping[str, Sequence[Any]]) -> str:
    """Return columns of groups and their numbers of levels, in words."""
    return ", ".join(f"{column!r} ({len(levels)} levels)" for column, levels in seen.items())


def dimension(by: Sequence[str]) -> str:
    """Return the name of the dimension of what varies with some columns.

    Names in a tree are paths, so that a slash (``config/model``) becomes a point.
    """
    return JOINT.join(by).replace("/", ".")


def count(by: Sequence[str]) -> str:
    """Return the name of the number of labels of a dimension."""
    return f"{dimension(by)}_count"


def place(by: Sequence[str], of: Sequence[str]) -> str:
    """Return the name of the positions of one dimension's labels for those of another."""
    return f"{dimension(by)}_of_{dimension(of)}"


def subsets(groups: Groups) -> list[tuple[str, ...]]:
    """Return every choice of columns, which is every dimension that something may have."""
    return [
        by
        for size in range(1, len(groups.columns) + 1)
        for by in combinations(groups.columns, size)
    ]


def grouped(table: Any, columns: Sequence[str], where: Any) -> tuple[Groups, np.ndarray]:
    """Return the groups of a table, and which cell each row belongs to.

    Parameters
    ----------
    table
        Column to its values, as a :class:`pandas.Series`.
    columns
        The columns with which something varies.
    where
        From a mask of rows to words, for messages.

    Returns
    -------
    groups, cell
        The cell of each row as a number from 0, shape (run,).

    Raises
    ------
    DataError
        If a row has no level, or two levels read alike.
    """
    codes, levels = [], []
    for column in columns:
        values = table[column]
        missing = values.isna().to_numpy()
        if missing.any():
            raise DataError(
                f"The column {column!r} (by=) must name a group in each row; none in "
                f"{where(missing)}. Fill them in or drop those rows."
            )
        numbers, found = ordered(values, column, "by=")
        names = tuple(_plain(level) for level in found)
        read = Counter(str(name).strip() for name in names)
        if len(read) < len(names):
            twice = sorted(repr(n) for n in names if read[str(n).strip()] > 1)
            raise DataError(
                f"The column {column!r} (by=) has levels that read alike, but for their type or "
                f"spaces around them: {', '.join(twice[:4])}. Make them equal where they are one "
                "group, or rename one."
            )
        codes.append(numbers)
        levels.append(names)
    return _combined(columns, levels, codes)


def ordered(values: Any, column: str, called: str) -> tuple[np.ndarray, Any]:
    """Return which of a column's different values each row has, and these in order.

    Parameters
    ----------
    values
        A :class:`pandas.Series` without missing values.
    column, called
        Its name, and what it was given for, for messages: "by=".

    Raises
    ------
    DataError
        If values are of several kinds, which have no order, or are lists and the like.
    """
    import pandas as pd

    if values.dtype == object:  # scalars of several precisions are put in order as plain numbers
        values = values.map(lambda value: value.item() if isinstance(value, np.generic) else value)
    try:
        return pd.factorize(values, sort=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise DataError(
            f"The column {column!r} ({called}) must hold text or numbers that can be put in order; "
            f"it holds {', '.join(kinds[:4])}. Make it text: runs[{column!r}].astype(str)."
        ) from None


def _combined(
    columns: Sequence[str], levels: Sequence[tuple], codes: Sequence[np.ndarray]
) -> tuple[Groups, np.ndarray]:
    """Return the combinations of levels that rows have, and which of them each row has."""
    cells, cell = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    return Groups(tuple(columns), tuple(levels), cells), np.ravel(cell).astype(float)


def _plain(level: Any) -> Any:
    """Return a level as a number or text of Python."""
    value = level.item() if isinstance(level, np.generic) else level
    return value if isinstance(value, str | int | float | bool) else str(value)


def check_single(groups: Groups | None, name: str) -> None:
    """Raise a LawError where a question is one of a single group, and there are several."""
    if groups is not None:
        shown = ", ".join(
            f"{column}={levels[0]!r}"
            for column, levels in zip(groups.columns, groups.levels, strict=True)
        )
        raise LawError(
            f"This fit varies by {groups.describe()}, and {name} is asked of one group: "
            f"fit.at({shown}) is a fit of its own."
        )


def refuse(columns: Sequence[str], name: str, instead: str) -> None:
    """Raise a LawError where something cannot do with what varies by columns."""
    if columns:
        listed = ", ".join(map(repr, columns))
        raise LawError(f"{name} cannot do with parameters that vary by {listed}. {instead}")


def asked_for(seen: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict, dict]:
    """Split what was asked into levels of the groups and the rest.

    Parameters
    ----------
    seen
        Column to its levels; empty where there are no groups.
    given
        Keyword to values.

    Returns
    -------
    levels, rest
        Both by keyword.
    """
    levels = {name: value for name, value in given.items() if name in seen}
    return levels, {name: value for name, value in given.items() if name not in levels}


def present(value: Any) -> bool:
    """Return whether a value is there: it is not None, NaN or NA, which equals nothing."""
    try:
        return value is not None and bool(value == value)
    except TypeError:
        return False


def check_level(column: str, level: Any) -> None:
    """Raise a LawError where a level is missing: any name may be that of a group never seen."""
    listed = has_length(level) and not isinstance(level, str)
    blank = isinstance(level, str) and not level.strip()
    if listed or not present(level) or blank or not _has_order(level):
        raise LawError(
            f"{column}= must name a group, one that was seen or any new name; got {short(level)}."
        )


def _has_order(level: Any) -> bool:
    """Return whether a value is one that a column of groups may hold: text, number or date."""
    try:
        hash(level)
        return not level < level
    except TypeError:
        return False


def check_named(seen: Mapping[str, Sequence[Any]], levels: Mapping[str, Any], name: str) -> None:
    """Raise a LawError unless every column of the groups was given a level.

    Parameters
    ----------
    seen
        Column to its levels.
    levels
        Column to what was given.
    name
        Of what was asked, for messages.
    """
    if not isinstance(levels, Mapping):
        raise LawError(
            f"{name}: the groups must be a dictionary of column and level; got {short(levels)}."
        )
    missing = [column for column in seen if column not in levels]
    odd = [column for column in levels if column not in seen]
    if not missing and not odd:
        return
    if not seen:
        raise LawError(
            f"{name} has no groups, so that none can be named; got {', '.join(map(str, levels))}."
        )
    shown = ", ".join(f"{column}={known[0]!r}" for column, known in seen.items())
    got = ", ".join(map(str, levels)) or "none"
    hint = "".join(nearest(column, seen) for column in odd)
    raise LawError(
        f"{name} varies by {described(seen)}: say which one is meant, such as {shown}; got "
        f"{got}.{hint}"
    )


def two_levels(source: Any, first: Any, second: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two groups of a fit as columns to levels.

    Parameters
    ----------
    source
        With groups.
    first, second
        Each a level, or a dict of column to level where there are several columns.

    Raises
    ------
    LawError
        If there are no groups, or several columns and only a level.
    """
    columns = getattr(source, "groups", ())
    for level in (first, second):
        if isinstance(level, Mapping) and not all(isinstance(name, str) for name in level):
            raise LawError(f"A group is named by columns and levels; got {short(level)}.")
    if not columns:
        raise LawError(
            f"Two groups, {short(first)} and {short(second)}, are those of a fit with groups; "
            f"{getattr(source, 'name', type(source).__name__)} has none. Fit a law of which "
            "something varies, such as scale=bs.partial_pooling(by='family')."
        )

    def named(level: Any) -> dict[str, Any]:
        if isinstance(level, Mapping):
            return dict(level)
        if len(columns) > 1:
            shown = ", ".join(f"{column!r}: ..." for column in columns)
            raise LawError(
                f"The fit has several columns of groups: give {{{shown}}}; got {short(level)}."
            )
        return {columns[0]: level}

    return named(first), named(second)
