"""The user's table, a column at a time: as numbers, as codes, and which rows are wrong."""

from __future__ import annotations

import math
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import DataError, DataWarning, listed, nearest
from bayescale.given import SMALLEST, as_text, one_number, short
from bayescale.groups import ordered

if TYPE_CHECKING:
    import pandas as pd

#: A number with a decimal comma.
_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")


def column_of(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return one column, or raise a DataError that says which there are."""
    if not _among(column, runs):
        names = [str(name) for name in runs.columns]
        raise DataError(
            f"The table has no column {short(column)}. It has: {listed(names)}."
            f"{nearest(as_text(column), names)}"
        )
    values: Any = runs[column]
    if getattr(values, "ndim", 1) != 1:
        raise DataError(f"The table has more than one column named {column!r}; rename them.")
    return values


def _among(column: Any, runs: pd.DataFrame) -> bool:
    """Return whether there is such a column; lists and the like are no names."""
    try:
        return column in runs.columns
    except TypeError:
        return False


def numbers_of(runs: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as finite numbers, or raise a DataError that says which rows are none."""
    import pandas as pd

    values = column_of(runs, column)
    if _is_no_number(values.dtype):
        raise DataError(f"The column {column!r} must hold numbers; it holds {values.dtype}.")
    numbers = _floats(values)
    text: Any = np.isnan(numbers) & values.notna().to_numpy(bool)
    if not pd.api.types.is_numeric_dtype(values) and text.any():
        odd = values[text].tolist()
        hold = "hold" if len(odd) > 1 else "holds"
        raise DataError(
            f"The column {column!r} must hold numbers; {rows_named(runs, text)} "
            f"{hold} {', '.join(map(short, odd[:3]))}.{_of_commas(odd)}"
        )
    reject_rows(runs, ~np.isfinite(numbers), numbers, f"{column!r} must be finite")
    return numbers


def _of_commas(odd: list[Any]) -> str:
    """Return a hint where all that is no number would be one with a decimal point."""
    if not all(isinstance(value, str) and _COMMA.fullmatch(value) for value in odd):
        return ""
    return (
        " They seem to be decimal commas: write 3.5 for 3,5, or read the file with "
        'pd.read_csv(path, decimal=",").'
    )


def _is_no_number(dtype: Any) -> bool:
    """Return whether a column holds truths, times or complex numbers, which pandas converts."""
    import pandas as pd

    types = pd.api.types
    timed = types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype)
    spans = isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype)
    return timed or spans or types.is_bool_dtype(dtype) or types.is_complex_dtype(dtype)


def _floats(values: pd.Series) -> np.ndarray:
    """Return a column as floats, NaN where a value is no number."""
    import pandas as pd

    if values.dtype != object:
        coerced: Any = pd.to_numeric(values, errors="coerce")
        return coerced.to_numpy(float)
    return np.array([_float(value) for value in values], float)


def _float(value: Any) -> float:
    """Return a value of a column of objects as a float, NaN where it is no number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return math.nan
    number = one_number(value)
    return math.nan if number is None else number


def codes_of(runs: pd.DataFrame, column: str, called: str) -> np.ndarray:
    """Return which training run, or other group, each row belongs to, as numbers from 0."""

    values = column_of(runs, column)
    missing: Any = values.isna().to_numpy()
    if missing.any():
        noun = "a run" if called == "run=" else "a group"
        raise DataError(
            f"The column {column!r} ({called}) must name {noun} in each row; none in "
            f"{rows_named(runs, missing)}. Fill them in or drop those rows."
        )
    return ordered(values, column, called)[0].astype(float)


def told_of_rows(runs: pd.DataFrame, likelihood: Any) -> dict[str, np.ndarray]:
    """Return what a likelihood was told of each row: noise argument to numbers, shape (run,)."""
    found = {}
    for name, (given, known) in likelihood.columns.items():
        if not isinstance(given, str):
            found[name] = np.full(len(runs), float(given))
        elif known.get("labels"):
            found[name] = codes_of(runs, given, f"{name}=")
        else:
            found[name] = numbers_of(runs, given)
            if not known.get("any_sign"):
                rule = f"{given!r} ({known['means']}, {name}=) must be positive"
                reject_rows(runs, found[name] < SMALLEST, found[name], rule)
    return found


def without_copies(runs: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that repeat another in every column: replicates differ in one, such as the seed."""
    try:
        again = runs.duplicated()
    except TypeError:  # a column of lists, say, which cannot be compared
        return runs
    repeated = int(again.sum())
    if not repeated:
        return runs
    warnings.warn(
        f"{repeated} of {len(runs)} rows repeat another row exactly and are left out: copies make "
        "intervals too narrow. If they are runs of their own, add a column that tells them apart, "
        "such as the seed.",
        DataWarning,
        stacklevel=4,
    )
    return runs.loc[~again]


def reject_rows(
    runs: pd.DataFrame, bad: np.ndarray, values: np.ndarray, rule: str, cure: str = ""
) -> None:
    """Raise a DataError where any row is bad: the rule, what was got in which rows, the cure."""
    if bad.any():
        shown = ", ".join(f"{value:g}" for value in values[bad][:5])
        raise DataError(
            f"{rule}; got {shown} in {rows_named(runs, bad)}. "
            f"{cure or 'Correct or drop those rows'}."
        )


def rows_named(runs: pd.DataFrame, bad: np.ndarray) -> str:
    """Return the labels of bad rows, in words."""
    labels = [str(label) for label in runs.index[bad][:5]]
    more = f" and {int(bad.sum()) - 5} more" if bad.sum() > 5 else ""
    return f"row{'s' if bad.sum() > 1 else ''} {', '.join(labels)}{more}"
