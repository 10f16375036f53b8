"""Runs that are yet to be made: how many sizes, over how many decades, with what noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import DataError, LawError, nearest
from bayescale.experiments.candidates import candidates_of
from bayescale.given import short

if TYPE_CHECKING:
    import pandas as pd

#: What a design of one input is described by, with what is taken where nothing is said.
KNOWN: dict[str, Any] = {
    "sizes": None, "decades": None, "smallest": None, "largest": None, "replicates": 1,
    "noise": None,
}  # fmt: skip
_WHOLE = {"sizes": 2, "replicates": 1}


@dataclass(frozen=True, eq=False)
class Design:
    """Runs that are yet to be made.

    Parameters
    ----------
    inputs
        Role to values, shape (run,).
    noise
        How runs scatter: the standard deviation of log y, or a likelihood with numbers.
    """

    inputs: dict[str, np.ndarray]
    noise: Any


def designs_of(
    design: Any, inputs: tuple[str, ...], noise: Any
) -> tuple[pd.DataFrame, list[Design]]:
    """Return the designs that were asked for, and a table that describes them.

    Parameters
    ----------
    design
        Lists of ``sizes``, ``decades``, ``smallest``, ``largest``, ``replicates`` and ``noise``,
        of which all combinations are meant; a table with a row for each design and these columns;
        or name to a table of inputs.
    inputs
        The law's roles.
    noise
        How runs scatter where the design does not say it.

    Returns
    -------
    table
        A row for each, indexed by ``design``, with ``runs`` as the last column.
    designs
        The runs.

    Raises
    ------
    LawError
        If the design is of no kind that can be used, or does not suit the law.
    DataError
        If a number is out of range.
    """
    import pandas as pd

    if isinstance(design, Mapping) and design and all(map(_is_table, design.values())):
        made = [
            Design(
                candidates_of(table, dict(zip(inputs, inputs, strict=True)), str(name))[1], noise
            )
            for name, table in design.items()
        ]
        index = pd.Index([str(name) for name in design], name="design")
        return pd.DataFrame({"runs": [_count(each) for each in made]}, index=index), made
    rows = _rows(design, inputs)
    made = [_spread(row, inputs[0], noise) for row in rows]
    table = pd.DataFrame(rows)
    table["runs"] = [_count(each) for each in made]
    return table.rename_axis("design"), made


def _is_table(value: Any) -> bool:
    return hasattr(value, "columns") or isinstance(value, Mapping)


def _count(design: Design) -> int:
    return len(next(iter(design.inputs.values())))


def _rows(design: Any, inputs: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what each design is described by."""
    if len(inputs) > 1:
        raise LawError(
            f"A design of {', '.join(inputs)} is a table of inputs, by name: "
            f"{{'4 x 4': pd.DataFrame({{{', '.join(f'{role!r}: [...]' for role in inputs)}}})}}."
        )
    if hasattr(design, "to_dict") and hasattr(design, "columns"):
        if not design.columns.is_unique:
            raise DataError("The table of designs has columns of one name. Rename or drop one.")
        names, rows = list(map(str, design.columns)), design.to_dict("records")
    elif isinstance(design, Mapping):
        names = list(map(str, design))
        lists = [list(v) if np.ndim(v) else [v] for v in design.values()]
        rows = [dict(zip(names, values, strict=True)) for values in product(*lists)]
    else:
        raise LawError(
            "design= takes lists of which all combinations are meant, {'sizes': [6, 12], "
            f"'decades': [2, 3]}}, or a table with these columns; got {type(design).__name__}."
        )
    for name in names:
        if name not in KNOWN:
            raise LawError(
                f"A design has {', '.join(KNOWN)}; got {short(name)}.{nearest(name, list(KNOWN))}"
            )
    missing = [name for name in ("sizes", "decades") if name not in names]
    if missing:
        raise LawError(
            f"A design needs {' and '.join(missing)}: how many sizes, over how many decades."
        )
    if {"smallest", "largest"} <= set(names):
        raise LawError(
            "A design has decades and an end: give smallest or largest, not both (sizes go from "
            "smallest to smallest x 10^decades)."
        )
    if not rows:
        raise LawError("design= has no row: give at least one number of sizes and of decades.")
    return rows


def _spread(row: Mapping[str, Any], role: str, noise: Any) -> Design:
    """Return sizes evenly spread on the log axis."""
    for name, value in row.items():
        if name != "noise":
            _check(name, value)
    count, decades = int(row["sizes"]), float(row["decades"])
    smallest = float(row["smallest"]) if "smallest" in row else 1.0
    if "largest" in row:
        smallest = float(row["largest"]) / 10**decades
    x = smallest * np.logspace(0, decades, count)
    return Design({role: np.repeat(x, int(row.get("replicates", 1)))}, row.get("noise", noise))


def _check(name: str, value: Any) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise DataError(f"A design's {name} must be a positive finite number; got {short(value)}.")
    if name in _WHOLE and (value != int(value) or value < _WHOLE[name]):
        raise DataError(
            f"A design's {name} must be a whole number of at least {_WHOLE[name]}; "
            f"got {short(value)}."
        )
