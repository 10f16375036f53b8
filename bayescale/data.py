"""The table of runs, checked once, as a law and a likelihood need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.columns import (
    codes_of,
    column_of,
    numbers_of,
    reject_rows,
    rows_named,
    told_of_rows,
    without_copies,
)
from bayescale.errors import DataError, LawError, nearest
from bayescale.frames import frame
from bayescale.given import SMALLEST, one_number, short
from bayescale.groups import JOINT, Groups, grouped
from bayescale.likelihoods import Rows
from bayescale.observed import Observations
from bayescale.parameters import column_names, columns_by, parameter_names
from bayescale.suitability import (
    check_direction,
    check_enough,
    check_levels,
    warn_independent,
    warn_narrow,
    warn_one_ray,
    warn_single,
    warn_swapped,
)

if TYPE_CHECKING:
    import pandas as pd

#: A ceiling is below it: sums of numbers near the largest are infinite.
_HIGHEST = 1e300
#: What groups may be asked for by those who do not know where they are said.
_GROUPED = {"by", "group", "groups", "family", "hue"}
#: Dimensions and arguments of ours, which no column of groups can be called.
_TAKEN = {"chain", "draw", "run", "forecast", "break", "drift", "y", "prob", "of", "solve"}


def observations(
    law: Any,
    likelihood: Any,
    runs: Any,
    y: str,
    columns: Mapping[str, str],
    ceiling: float | None = None,
    run: str | None = None,
    also: Sequence[str] = (),
) -> Observations:
    """Check a table of runs against what a law and a likelihood can bear.

    Parameters
    ----------
    law
        The law: its ``inputs``, the rows it needs, whether it only falls.
    likelihood
        Whether outcomes must be positive.
    runs
        The table, one run a row.
    y
        The name of the outcome's column.
    columns
        Role of the law to the name of its column.
    ceiling
        What a rising metric cannot exceed: ``ceiling - y`` is modelled, y is reported.
    run
        The column that says which training run a row is a checkpoint of.
    also
        Columns that name groups beside those with which the law or the likelihood varies.

    Returns
    -------
    Observations
        The checked runs; for correlated noise in the order of each run, with equal rows merged.

    Raises
    ------
    LawError
        If roles are missing or are not the law's.
    DataError
        If the table cannot be used; the message says which rows and what to do.
    """
    _check_roles(law, columns)
    runs = frame(runs)
    if runs.empty:
        raise DataError("The table of runs is empty. It needs one row for each training run.")
    runs = without_copies(runs)
    inputs = {role: numbers_of(runs, column) for role, column in columns.items()}
    for role, values in inputs.items():
        reject_rows(
            runs, values <= 0, values, f"{columns[role]!r} (the input {role!r}) must be positive"
        )
        reject_rows(
            runs, values < SMALLEST, values,
            f"{columns[role]!r} (the input {role!r}) must be {SMALLEST:.3g} or more",
        )  # fmt: skip
    cap = None if ceiling is None else one_number(ceiling)
    if ceiling is not None and (cap is None or not abs(cap) < _HIGHEST):
        raise DataError(
            f"ceiling must be a finite number, such as 1.0, below {_HIGHEST:g}; "
            f"got {short(ceiling)}."
        )
    given = told_of_rows(runs, likelihood)
    rows = Rows(numbers_of(runs, y), y, cap, inputs, given, partial(reject_rows, runs))
    outcome, known = likelihood.prepared(rows)
    by = tuple(dict.fromkeys([*columns_by(law, likelihood), *also]))
    groups, cell = _groups(runs, by, {*columns, *columns.values(), y})
    checked = Observations(
        inputs, outcome, dict(columns), y, cap,
        n_obs=known.pop("n_obs", None), run=None if run is None else codes_of(runs, run, "run="),
        known=known or None, groups=groups, cell=cell,
    )  # fmt: skip
    if likelihood.merges:
        checked = checked.rows(np.flatnonzero(known.pop("keep")))
    if likelihood.grouped:
        checked = checked.rows(np.argsort((checked.known or {})["group"], kind="stable"))
    if likelihood.correlated:
        checked = in_order(checked)
    warn_single(checked)
    warn_independent(likelihood, checked)
    check_enough(law, checked)
    check_levels(law, likelihood, checked)
    check_direction(law, checked)
    warn_narrow(law, checked)
    warn_swapped(checked)
    warn_one_ray(law, checked)
    law.check(checked)
    return checked


def joined(runs: Observations, more: Any, likelihood: Any) -> pd.DataFrame:
    """Return the table of checked runs with the rows of another table below.

    Parameters
    ----------
    runs
        Checked runs.
    more
        A table with the same columns.
    likelihood
        Whose columns are kept too.

    Raises
    ------
    DataError
        If a column is missing, or the checked runs do not hold all that their table did.
    """
    import pandas as pd

    own_run = runs.run is not None and not np.array_equal(runs.run, runs.cells)
    merged = runs.n_obs is not None and likelihood.averaged is None
    if runs.anchor is not None or own_run or merged:
        raise DataError(
            "Runs that were named by run= or merged, and one group of a fit, cannot be joined by "
            "new ones: put all rows in one table and fit it again."
        )
    more = frame(more, "The new runs")
    if not more.columns.is_unique:
        twice = more.columns[more.columns.duplicated()][0]
        raise DataError(f"The new runs have several columns {twice!r}. Rename or drop all but one.")
    table = runs.frame()
    for name in column_names(likelihood):
        given = getattr(likelihood, name)
        if isinstance(given, str):
            held = getattr(runs, name, None)
            if held is None:
                raise DataError(f"The fit does not hold the column {given!r}; fit all rows again.")
            table[given] = held
    missing = [column for column in table.columns if column not in more.columns]
    if missing:
        raise DataError(
            f"The new runs have no column {missing[0]!r}. They need: {', '.join(table.columns)}; "
            f"got {', '.join(map(str, more.columns))}."
            f"{nearest(missing[0], [str(name) for name in more.columns])}"
        )
    both = pd.concat([table, more[table.columns]], ignore_index=True)
    name = "row of the table"  # so that equal rows, which were told apart once, are not copies
    return both.assign(**{name: np.arange(len(both))})


def _check_roles(law: Any, columns: Mapping[str, str]) -> None:
    name, takes = type(law).__name__, list(law.inputs)
    extra = [role for role in columns if role not in takes]
    missing = [role for role in takes if role not in columns]
    if not extra and not missing:
        return
    listed = " and ".join(repr(role) for role in takes)
    noun = "input" if len(takes) == 1 else "inputs"
    column = next((columns[role] for role in extra if role in _GROUPED), None)
    hint = ""
    if column is not None:
        first = parameter_names(law)[0]
        hint = (
            " Groups are said in the law, for each parameter that varies: "
            f"{name}({first}=bs.partial_pooling(by={column!r}))."
        )
    if not missing:
        others = signature(law.fit).parameters if hasattr(law, "fit") else ()
        raise LawError(
            f"{name} takes the {noun} {listed}, and {extra[0]!r} is no other argument."
            f"{hint or nearest(extra[0], others)}"
        )
    got = ", ".join(repr(role) for role in columns) or "none"
    spare = [columns[role] for role in extra]
    known = {role: columns[role] for role in takes if role in columns}
    known |= dict(zip(missing, [*spare, *["column"] * len(missing)], strict=False))
    example = ", ".join(f"{role}={known[role]!r}" for role in takes)
    raise LawError(f"{name} takes the {noun} {listed}; got {got}. Write {example}.{hint}")


def _groups(
    runs: pd.DataFrame, columns: Sequence[str], used: set[str]
) -> tuple[Groups | None, np.ndarray | None]:
    """Return the groups that a law and a likelihood ask for, and the cell of each row."""
    if not columns:
        return None, None
    for column in columns:
        if column in used:
            raise DataError(
                f"by={column!r} is an input or the outcome, which cannot name groups too. Copy it "
                "into a column of another name, or name another column."
            )
        if column in _TAKEN or JOINT in column:
            raise DataError(
                f"A column that names groups cannot be called {column!r}, which is used for "
                "something else. Rename it."
            )
    table = {column: column_of(runs, column) for column in columns}
    return grouped(table, columns, lambda bad: rows_named(runs, bad))


def in_order(runs: Observations) -> Observations:
    """Return rows as correlated noise needs them: by run and input, equal rows merged.

    Rows of one run at the same input become their mean, which stands for all their evaluations.

    Parameters
    ----------
    runs
        Checked runs.

    Returns
    -------
    Observations
        With ``n_obs`` where rows were merged, and ``along`` where there are several inputs.

    Raises
    ------
    DataError
        If several inputs change within runs, so that it is not clear along which noise goes on.
    """
    code = runs.cells.astype(float) if runs.run is None else runs.run
    if runs.run is not None and runs.cell is not None:  # a run's name may be used in two groups
        both = np.stack([runs.cell, runs.run], axis=1)
        code = np.unique(both, axis=0, return_inverse=True)[1].ravel().astype(float)
    if runs.cell is not None:
        runs = replace(runs, run=code)
    along = _along(runs, code)
    order = np.lexsort((runs.inputs[along], code))
    runs = replace(runs.rows(order), along=along)
    x, code = runs.inputs[along], code[order]
    new = np.concatenate([[True], (np.diff(x) != 0) | (np.diff(code) != 0)])
    if new.all():
        return runs
    place = np.cumsum(new) - 1
    weight = np.ones(len(runs)) if runs.n_obs is None else runs.n_obs
    total = np.bincount(place, weights=weight)
    mean = np.bincount(place, weights=weight * runs.outcome) / total
    return replace(runs.rows(new), outcome=mean, n_obs=total)


def _along(runs: Observations, code: np.ndarray) -> str:
    """Return the input that changes within runs."""
    roles = list(runs.inputs)
    if len(roles) == 1:
        return roles[0]
    first = np.unique(code, return_inverse=True)
    changing = []
    for role, values in runs.inputs.items():
        spread = [np.ptp(values[first[1] == i]) for i in range(len(first[0]))]
        if max(spread) > 0:
            changing.append(role)
    if len(changing) > 1:
        raise DataError(
            f"Within a run, {' and '.join(map(repr, changing))} change together, so it is not "
            "clear along which of them noise is correlated. Name the runs (run=) so that one input "
            "changes within each, or use a likelihood without Correlated()."
        )
    return changing[0] if changing else roles[0]
