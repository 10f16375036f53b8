"""A table split into the jobs of a batch: a group and a law each, by names that stay the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.batch_plan import Job, Plan, key_text, seed_of, stable_hash
from bayescale.errors import DataError, LawError, listed, nearest
from bayescale.frames import frame
from bayescale.given import short

if TYPE_CHECKING:
    import pandas as pd


def jobs(plan: Plan, runs: Any, by: tuple[str, ...], seed: int) -> list[Job]:
    """Return a job for every group and law.

    Parameters
    ----------
    plan
        What all curves of the batch have in common.
    runs
        The table, one run a row.
    by
        The columns that tell the groups apart.
    seed
        Of the batch; each job has its own from it and the group's values.

    Raises
    ------
    DataError
        If a column is missing, no group can be told apart, or two groups are most likely one.
    LawError
        If a column is named for two purposes, or a law varies with one of ``by``.
    """
    runs = frame(runs)
    used = [plan.y, *plan.inputs.values(), *plan.others]
    _check_varying(plan, by)
    _check_columns(runs, by, used)
    # Hashed and sorted once for all groups: a million groups one by one took half an hour.
    hashed = _row_hashes(runs, used)
    number = runs.groupby(list(by), sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    first = [rows[0] for rows in members]
    keys = list(zip(*(runs[name].iloc[first].tolist() for name in by), strict=True))
    rest = runs.drop(columns=list(by))
    groups = [rest.take(rows) for rows in members]
    hashes = [stable_hash(*used, hashed[rows].tobytes().hex()) for rows in members]
    _check_keys(keys, by)
    return [
        Job(
            stable_hash(label, key_text(key)), label, key, seed_of(seed, key), data, group
        )
        for key, group, data in zip(keys, groups, hashes, strict=True)
        for label in plan.laws
    ]  # fmt: skip


def _check_varying(plan: Plan, by: tuple[str, ...]) -> None:
    """Raise a LawError where a law varies with what tells the batch's groups apart."""
    for label in plan.laws:
        both = [column for column in plan.varies(label) if column in by]
        if both:
            raise LawError(
                f"{label!r} varies by {both[0]!r}, which is a by= of fit_many too: each fit has "
                f"one level of it. Let it vary with another column, or leave {both[0]!r} out of "
                "by=; law.fit(...) fits all levels together."
            )


def _check_columns(runs: pd.DataFrame, by: tuple[str, ...], used: list[str]) -> None:
    if not by:
        raise LawError("by= needs a column that tells the groups apart.")
    if len(set(by)) < len(by):
        raise LawError(f"by= names a column twice: {', '.join(by)}.")
    columns = [str(name) for name in runs.columns]
    for name in (*by, *used):
        if not isinstance(name, str):
            raise LawError(f"by=, y= and the inputs name columns by text; got {short(name)}.")
        if columns.count(name) != 1:
            word = "no column" if name not in columns else "more than one column named"
            raise DataError(
                f"The table has {word} {name!r}. It has: {listed(columns)}.{nearest(name, columns)}"
            )
    both = [name for name in by if name in used]
    if both:
        raise LawError(f"by= and the inputs, y or n_obs both name {both[0]!r}.")
    if runs.empty:
        raise DataError("The table of runs is empty. It needs one row for each training run.")
    missing = runs[list(by)].isna().to_numpy().any(axis=1)
    if missing.any():
        rows = ", ".join(map(str, runs.index[missing][:5]))
        raise DataError(
            f"{int(missing.sum())} rows have no value in {' or '.join(by)} (rows {rows}): fill "
            "them in, or drop them."
        )


def _check_keys(keys: list[tuple], by: tuple[str, ...]) -> None:
    """Raise an error for two groups that are most likely one."""
    seen: dict[tuple, tuple] = {}
    for key in keys:
        plain = tuple(str(value).strip() for value in key)
        if plain in seen:
            raise DataError(
                f"Two groups differ only in type or spaces: {seen[plain]!r} and {key!r} "
                f"({', '.join(by)}). Make them equal where they are one group, or rename one."
            )
        seen[plain] = key


def _row_hashes(runs: pd.DataFrame, used: list[str]) -> np.ndarray:
    """Return a number for each row that depends on its values alone."""
    import pandas as pd
    from pandas.core.util.hashing import hash_pandas_object

    columns = {name: runs[name] for name in used}
    plain = pd.DataFrame(
        {name: c.astype(str) if c.dtype == object else c for name, c in columns.items()}
    )
    return np.asarray(hash_pandas_object(plain, index=False).to_numpy(), np.uint64)
