"""Tables of any kind as the one kind that is worked with: pandas, polars, Arrow, dicts, records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayescale.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

#: What is taken for a table, for messages.
KINDS = (
    "a DataFrame of pandas or polars (or another table that speaks Arrow), a dict of columns, or a "
    "list of dicts"
)


def frame(given: Any, called: str = "The runs") -> pd.DataFrame:
    """Return a table as a pandas DataFrame, one run a row.

    Parameters
    ----------
    given
        A DataFrame of pandas; a table that speaks Arrow's C stream, as polars', DuckDB's and
        Arrow's own do; a dict of columns (lists or arrays of one length); or a list of dicts.
    called
        What it is, for messages: "The runs".

    Returns
    -------
    pandas.DataFrame
        The same where it is one already; else with rows counted from 0.

    Raises
    ------
    DataError
        If it is none of these, or its columns do not have one length.

    Examples
    --------
    >>> frame({"params": [1e6, 1e7], "loss": [4.0, 3.2]}).shape
    (2, 2)
    """
    import pandas as pd

    if isinstance(given, pd.DataFrame):
        return given
    if hasattr(given, "__arrow_c_stream__"):
        return _from_arrow(given, called)
    if hasattr(given, "collect") and hasattr(given, "collect_schema"):
        raise DataError(f"{called} are a query that has not run yet: pass table.collect().")
    records = isinstance(given, Sequence) and all(isinstance(row, Mapping) for row in given)
    if isinstance(given, str | os.PathLike):
        raise DataError(
            f"{called} must be a table; got {str(given)!r}. Read a file first: "
            f"bs.read_runs({str(given)!r})."
        )
    if not isinstance(given, Mapping) and not records:
        raise DataError(f"{called} must be {KINDS}; got {type(given).__name__}.")
    try:
        return pd.DataFrame(dict(given) if isinstance(given, Mapping) else list(given))
    except ValueError as error:
        raise DataError(f"{called} are no table: {error}.") from None


def _from_arrow(given: Any, called: str) -> pd.DataFrame:
    import pyarrow as pa

    try:
        table: Any = pa.table(given)
    except (TypeError, ValueError, pa.ArrowException) as error:
        words = " ".join(str(error).split())
        raise DataError(f"{called} cannot be read as a table: {words}.") from None
    return table.to_pandas()
