"""What is known of a fetched table: how it is checked whichever way it came.

Originals are converted here and mirrors hold converted files, written with fewer digits; both must
be the same table. So texts and small counts are compared exactly, by a hash of the sorted rows, and
every other column by one number: the mean of its values' inverse hyperbolic sines (like a
logarithm, but zeros have one), weighted by rows, so that values that change places are seen too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: Largest relative difference of a column's number. Six digits a value leave less than half of it.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Fingerprint:
    """What is known of a table.

    Parameters
    ----------
    rows
        How many rows are known.
    exact
        Columns of texts and small counts.
    sha256
        Hash of those columns' rows, sorted.
    totals
        A number for each other column.
    known
        Values of columns for which numbers are known, where a source may have more: rows with
        others are not looked at.
    """

    rows: int
    exact: tuple[str, ...]
    sha256: str
    totals: Mapping[str, float]
    known: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def differences(self, frame: pd.DataFrame) -> list[str]:
        """Return in words how a table differs from what is known; nothing if it does not."""
        rows = known_rows(frame, self.known)
        if len(rows) != self.rows:
            return [f"{len(rows)} rows instead of {self.rows}"]
        found = fingerprint(rows, self.exact, self.totals)
        wrong = []
        if found.sha256 != self.sha256:
            wrong.append(f"other values in {', '.join(self.exact)}")
        for column, total in self.totals.items():
            if not abs(found.totals[column] - total) <= TOLERANCE * max(abs(total), 1e-3):
                wrong.append(f"other values in {column}")
        return wrong


def fingerprint(frame: pd.DataFrame, exact: Iterable[str], measured: Iterable[str]) -> Fingerprint:
    """Return what is known of a table once it has been seen.

    Parameters
    ----------
    frame
        The table.
    exact
        Columns of texts and of counts below 1e8.
    measured
        Columns of other numbers.

    Returns
    -------
    Fingerprint
        With ``known`` empty: of all rows.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["a", "b"], "loss": [2.0, 1.5]})
    >>> seen = fingerprint(table, ["model"], ["loss"])
    >>> seen.differences(table.iloc[::-1].round(7))
    []
    >>> seen.differences(table.assign(loss=[1.5, 2.0]))
    ['other values in loss']
    """
    exact = tuple(exact)
    texts = ["\t".join(map(_text, row)) for row in frame[list(exact)].itertuples(index=False)]
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    weights = np.array([1 + int.from_bytes(digest[:4]) / 2**32 for digest in digests])
    totals = {}
    for column in measured:
        values = np.arcsinh(frame[column].to_numpy(dtype=float))
        seen = np.isfinite(values)
        # The share of values that are there is part of the number.
        totals[column] = float((weights[seen] * values[seen]).sum() / weights.sum())
    digest = hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()
    return Fingerprint(len(frame), exact, digest, totals)


def known_rows(frame: pd.DataFrame, known: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Return the rows whose values are among the known ones, in every column named."""
    among = np.ones(len(frame), dtype=bool)
    for column, values in known.items():
        among &= frame[column].isin(list(values)).to_numpy()
    return frame.loc[among]


def _text(value: Any) -> str:
    """Write a value as the same text whether it is 1, 1.0 or a missing one among texts."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    return f"{float(value):.8g}"
