"""The table of runs, checked once: roles, columns, outcome, and the references of its scale."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import DataError, DataWarning, LawError, nearest
from bayescale.frames import frame
from bayescale.groups import JOINT, Groups, dimension, grouped
from bayescale.likelihoods import APART, Rows
from bayescale.parameters import column_names, columns_by, slots
from bayescale.prior import one_or_all

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Observations:
    """The runs that a law is fitted to.

    Parameters
    ----------
    inputs
        Role to values, in the user's units; each of shape (run,), positive.
    outcome
        The modelled outcome, shape (run,): y, or ``ceiling - y`` for a metric that rises.
    columns
        Role to the name of the user's column.
    outcome_column
        The name of the user's outcome column.
    ceiling
        What the metric cannot exceed, or None for a loss.
    anchor
        References to keep instead of those of these rows: when a row is left out to see how
        well it is predicted, the priors must not move.
    n_obs
        Of how many evaluations each row is the mean, shape (run,); None where each is one.
    run
        Which training run each row is a checkpoint of, as numbers from 0, shape (run,); None where
        nothing was said of it.
    along
        The input along which noise is correlated; None where there is one input.
    known
        What else the noise must know of each row: argument to numbers of shape (run,), such as
        ``trials``; None where there is nothing.
    groups
        The levels of the columns with which something varies; None where nothing does.
    cell
        Which combination of levels each row belongs to, as numbers from 0, shape (run,); None where
        nothing varies.
    """

    inputs: dict[str, np.ndarray]
    outcome: np.ndarray
    columns: dict[str, str]
    outcome_column: str
    ceiling: float | None = None
    anchor: Mapping[str, float] | None = None
    n_obs: np.ndarray | None = None
    run: np.ndarray | None = None
    along: str | None = None
    known: dict[str, np.ndarray] | None = None
    groups: Groups | None = None
    cell: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.outcome)

    @property
    def references(self) -> dict[str, float]:
        """The scale of the data: geometric mean and range of every input, reference outcome.

        ``span`` is the range of log x (of the input along which noise is correlated), ``y_drop``
        the outcome at the largest input (of several: the smallest outcome) over the reference
        outcome, ``y_top`` the largest outcome over it.
        """
        if self.anchor is not None:
            return dict(self.anchor)
        scale = {}
        for role, values in self.inputs.items():
            scale[f"{role}_ref"] = float(np.exp(np.log(values).mean()))
            scale[f"{role}_start"] = float(values.min())
            scale[f"{role}_end"] = float(values.max())
        positive = np.all(self.outcome > 0)
        scale["y_ref"] = float(
            np.exp(np.log(self.outcome).mean())
            if positive
            else max(np.abs(self.outcome).mean(), np.ptp(self.outcome)) or 1.0
        )
        along = self.inputs[self.along or next(iter(self.inputs))]
        scale["span"] = float(max(np.log(along.max() / along.min()), 1e-3))
        first, *others = self.inputs.values()
        at_end = self.outcome.min() if others else self.outcome[first == first.max()].mean()
        scale["y_top"] = float(self.outcome.max() / scale["y_ref"])
        scale["y_drop"] = float(np.clip(at_end / scale["y_ref"], 0.02, 0.95))
        return scale

    def reported(self, values: Any) -> Any:
        """Turn modelled outcomes into the user's: the same, or ``ceiling`` minus them."""
        return values if self.ceiling is None else self.ceiling - values

    def rows(self, keep: np.ndarray, anchored: bool = False) -> Observations:
        """Return some rows, given as a mask or as positions; ``anchored`` keeps the references."""
        return replace(
            self,
            inputs={role: values[keep] for role, values in self.inputs.items()},
            outcome=self.outcome[keep],
            anchor=self.references if anchored else self.anchor,
            n_obs=None if self.n_obs is None else self.n_obs[keep],
            run=None if self.run is None else self.run[keep],
            known=None if self.known is None else {n: v[keep] for n, v in self.known.items()},
            cell=None if self.cell is None else self.cell[keep],
        )

    @property
    def cells(self) -> np.ndarray:
        """Which combination of levels each row belongs to, as positions, shape (run,)."""
        return np.zeros(len(self), int) if self.cell is None else self.cell.astype(int)

    @property
    def one_run(self) -> bool:
        """Whether all rows are of one training run, as far as was said."""
        return self.run is None or len(np.unique(self.run)) == 1

    def by_run(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return what a likelihood needs to know of each row.

        Parameters
        ----------
        names
            Of ``n_obs`` (how many evaluations a row is the mean of), ``gap`` (log x less that
            of the row before it in the same run, or :data:`bayescale.likelihoods.APART`),
            ``place`` (how many rows of its group stand before it), ``log_<role>`` (log of an input
            over its geometric mean) and what :attr:`known` holds.

        Returns
        -------
        dict
            Name to array of shape (run,).
        """
        found = {}
        if "n_obs" in names:
            found["n_obs"] = np.ones(len(self)) if self.n_obs is None else self.n_obs
        if "gap" in names:
            log_x = np.log(self.inputs[self.along or next(iter(self.inputs))])
            gap = np.full(len(self), APART)
            gap[1:] = np.diff(log_x)
            if self.run is not None:
                gap[1:][np.diff(self.run) != 0] = APART
            found["gap"] = gap
        if "place" in names:
            found["place"] = self._places()
        for name in names:
            role = name.removeprefix("log_")
            role = self.along or next(iter(self.inputs)) if role == "input" else role
            if name.startswith("log_") and role in self.inputs:
                found[name] = np.log(self.inputs[role] / self.references[f"{role}_ref"])
            elif name not in found:
                assert self.known is not None
                found[name] = self.known[name]
        return {name: found[name] for name in names}

    def _places(self) -> np.ndarray:
        """Return how many rows of its group stand before each row."""
        assert self.known is not None
        code = self.known["group"]
        new = np.flatnonzero(np.concatenate([[True], np.diff(code) != 0]))
        start = np.repeat(new, np.diff(np.append(new, len(code))))
        return (np.arange(len(code)) - start).astype(float)

    @property
    def units(self) -> np.ndarray:
        """Which rows stand or fall together when some are left out, as numbers from 0.

        Rows of one run or of one group share noise, so a row without the others of its unit is no
        new run. Where nothing is shared, or all rows are of one run, each row is its own.
        """
        code = (self.known or {}).get("group")
        if code is None:
            code = self.run
        if code is None or len(np.unique(code)) == 1:
            return np.arange(len(self))
        return np.unique(code, return_inverse=True)[1]

    def same_rows(self, other: Observations) -> bool:
        """Return whether two sets of observations hold the same rows in the same order."""
        return (
            self.inputs.keys() == other.inputs.keys()
            and len(self) == len(other)
            and self.ceiling == other.ceiling
            and self.outcome_column == other.outcome_column
            and np.array_equal(self.outcome, other.outcome)
            and all(np.array_equal(v, other.inputs[k]) for k, v in self.inputs.items())
            and all(self.levels(c) == other.levels(c) for c in self.seen if c in other.seen)
        )

    @property
    def seen(self) -> dict[str, tuple[Any, ...]]:
        """The columns of the groups and their levels; empty where nothing varies."""
        return {} if self.groups is None else self.groups.seen

    def levels(self, column: str) -> list[Any]:
        """Return the level that each row has in a column of the groups."""
        assert self.groups is not None
        code = self.groups.cells[self.cells, self.groups.columns.index(column)]
        return [self.seen[column][i] for i in code]

    def grouped_by(self, columns: Sequence[str]) -> Observations:
        """Return the same rows in the groups of some of the columns, or in none.

        Levels that none of these rows has are left out, as if they had never been seen.
        """
        if self.groups is None or not columns:
            return replace(self, groups=None, cell=None)
        groups, cell = self.groups.narrowed(self.cells, columns)
        return replace(self, groups=groups, cell=cell)

    def frame(self) -> pd.DataFrame:
        """Return the runs as a table with the user's column names."""
        import pandas as pd

        named: dict[str, Any] = {column: self.levels(column) for column in self.seen}
        named |= {self.columns[role]: values for role, values in self.inputs.items()}
        return pd.DataFrame({**named, self.outcome_column: self.reported(self.outcome)})


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
    runs = _without_copies(runs)
    inputs = {role: _numbers(runs, column) for role, column in columns.items()}
    for role, values in inputs.items():
        _reject(
            runs, values <= 0, values, f"{columns[role]!r} (the input {role!r}) must be positive"
        )
    if ceiling is not None and not np.isfinite(ceiling):
        raise DataError(f"ceiling must be a finite number, such as 1.0; got {ceiling!r}.")

    def reject(bad: np.ndarray, values: np.ndarray, rule: str, cure: str = "") -> None:
        _reject(runs, bad, values, rule, cure)

    given = _given(runs, likelihood)
    rows = Rows(_numbers(runs, y), y, ceiling, inputs, given, reject)
    outcome, known = likelihood.prepared(rows)
    by = tuple(dict.fromkeys([*columns_by(law, likelihood), *also]))
    groups, cell = _groups(runs, by, {*columns, *columns.values(), y})
    checked = Observations(
        inputs, outcome, dict(columns), y, ceiling,
        n_obs=known.pop("n_obs", None), run=None if run is None else _codes(runs, run, "run="),
        known=known or None, groups=groups, cell=cell,
    )  # fmt: skip
    if likelihood.merges:
        checked = checked.rows(np.flatnonzero(known.pop("keep")))
    if likelihood.grouped:
        checked = checked.rows(np.argsort((checked.known or {})["group"], kind="stable"))
    if likelihood.correlated:
        checked = in_order(checked)
    _warn_single(checked)
    check_enough(law, checked)
    check_levels(law, likelihood, checked)
    _check_direction(law, checked)
    _warn_narrow(law, checked)
    _warn_swapped(checked)
    _warn_one_ray(law, checked)
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


def check_enough(law: Any, runs: Observations) -> None:
    """Raise a DataError when there are fewer distinct inputs than the law can bear."""
    several = len(runs.inputs) > 1
    for role, values in runs.inputs.items():
        distinct = len(np.unique(values))
        column = runs.columns[role]
        needed = law.sizes_needed(role)
        if distinct == 1 and needed > 1:
            raise DataError(
                f"All {len(values)} runs have the same {column!r} ({values[0]:g}). "
                "A scaling law needs runs at different scales."
            )
        if distinct < needed:
            cure = (
                "Add runs, or fix the parameters of that input"
                if several
                else ("Add runs, or fit a law with fewer parameters")
            )
            raise DataError(
                f"{type(law).__name__} needs runs at {needed} or more different values "
                f"of {column!r}; got {distinct}. {cure}."
            )
    if several and len(runs) < law.rows_needed:
        raise DataError(
            f"{type(law).__name__} needs {law.rows_needed} or more runs; got {len(runs)}. "
            "Add runs, or fit a law with fewer parameters."
        )


#: Dimensions and arguments of ours, which no column of groups can be called.
_TAKEN = {"chain", "draw", "run", "forecast", "break", "drift", "y", "prob", "of", "solve"}


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
    table = {column: _column(runs, column) for column in columns}
    return grouped(table, columns, lambda bad: _where(runs, bad))


def check_levels(law: Any, likelihood: Any, runs: Observations) -> None:
    """Raise a DataError where a level that shares nothing has too few runs of its own."""
    if runs.groups is None:
        return
    alone: dict[tuple[str, ...], list[str]] = {}
    for spec in (law, likelihood):
        for slot in slots(spec):
            if slot.by and not slot.pooled:
                alone.setdefault(runs.groups.own(slot.by), []).append(slot.field)
    inputs = np.stack(list(runs.inputs.values()), axis=1)
    for by, names in alone.items():
        level = runs.groups.index(by)[runs.cells]
        needed = max(2, len(names))
        short = []
        for i, label in enumerate(runs.groups.labels(by)):
            got = len(np.unique(inputs[level == i], axis=0))
            if got < needed:
                short.append(f"{label} ({got})")
        if short:
            more = f" and {len(short) - 5} more" if len(short) > 5 else ""
            stands = "stands" if len(names) == 1 else "stand"
            raise DataError(
                f"{', '.join(names)} of each {dimension(by)!r} {stands} alone (unpooled), which "
                f"needs runs at {needed} or more different inputs in every level; too few in "
                f"{', '.join(short[:5])}{more}. Use bs.partial_pooling(by="
                f"{one_or_all(by)!r}), by which such levels lean on the others, or drop them."
            )


def thin_levels(runs: Observations) -> str:
    """Say which levels have a single run and so lean on their population; empty if none."""
    if runs.groups is None:
        return ""
    words = []
    for column in runs.groups.columns:
        counts = np.bincount(runs.groups.index((column,))[runs.cells])
        names = runs.groups.labels((column,))
        single = [str(names[i]) for i in np.flatnonzero(counts == 1)]
        if single:
            shown = ", ".join(single[:5]) + (
                f" and {len(single) - 5} more" if len(single) > 5 else ""
            )
            words.append(
                f"a single run of {column!r} {shown}: the curve there is mostly the others'"
            )
    return "; ".join(words)


def _check_roles(law: Any, columns: Mapping[str, str]) -> None:
    name, takes = type(law).__name__, list(law.inputs)
    extra = [role for role in columns if role not in takes]
    missing = [role for role in takes if role not in columns]
    if not extra and not missing:
        return
    listed = " and ".join(repr(role) for role in takes)
    got = ", ".join(repr(role) for role in columns) or "none"
    noun = "input" if len(takes) == 1 else "inputs"
    example = ", ".join(
        f"{role}={columns[was] if was else 'column'!r}"
        for role, was in zip(missing or takes, [*extra, *[None] * len(takes)], strict=False)
    )
    raise LawError(f"{name} takes the {noun} {listed}; got {got}. Write {example}.")


def _column(runs: pd.DataFrame, column: str) -> pd.Series:
    if column not in runs.columns:
        names = [str(name) for name in runs.columns]
        raise DataError(
            f"The table has no column {column!r}. It has: {', '.join(names)}."
            f"{nearest(str(column), names)}"
        )
    values: Any = runs[column]
    if getattr(values, "ndim", 1) != 1:
        raise DataError(f"The table has more than one column named {column!r}; rename them.")
    return values


def _numbers(runs: pd.DataFrame, column: str) -> np.ndarray:
    import pandas as pd

    values = _column(runs, column)
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        raise DataError(f"The column {column!r} must hold numbers; it holds {values.dtype}.")
    coerced: Any = pd.to_numeric(values, errors="coerce")
    numbers: np.ndarray = coerced.to_numpy(float)
    text: Any = np.isnan(numbers) & values.notna().to_numpy()
    if not pd.api.types.is_numeric_dtype(values) and text.any():
        raise DataError(
            f"The column {column!r} must hold numbers; {_where(runs, text)} "
            f"hold {', '.join(repr(v) for v in values[text].tolist()[:3])}."
        )
    _reject(runs, ~np.isfinite(numbers), numbers, f"{column!r} must be finite")
    return numbers


def _where(runs: pd.DataFrame, bad: np.ndarray) -> str:
    labels = [str(label) for label in runs.index[bad][:5]]
    more = f" and {int(bad.sum()) - 5} more" if bad.sum() > 5 else ""
    return f"row{'s' if bad.sum() > 1 else ''} {', '.join(labels)}{more}"


def _reject(
    runs: pd.DataFrame, bad: np.ndarray, values: np.ndarray, rule: str, cure: str = ""
) -> None:
    if bad.any():
        shown = ", ".join(f"{value:g}" for value in values[bad][:5])
        raise DataError(
            f"{rule}; got {shown} in {_where(runs, bad)}. {cure or 'Correct or drop those rows'}."
        )


def _without_copies(runs: pd.DataFrame) -> pd.DataFrame:
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


def _given(runs: pd.DataFrame, likelihood: Any) -> dict[str, np.ndarray]:
    """Return what a likelihood was told of each row: noise argument to numbers, shape (run,)."""
    found = {}
    for name, (given, known) in likelihood.columns.items():
        if not isinstance(given, str):
            found[name] = np.full(len(runs), float(given))
        elif known.get("labels"):
            found[name] = _codes(runs, given, f"{name}=")
        else:
            found[name] = _numbers(runs, given)
            if not known.get("any_sign"):
                rule = f"{given!r} ({known['means']}, {name}=) must be positive"
                _reject(runs, found[name] <= 0, found[name], rule)
    return found


def _codes(runs: pd.DataFrame, column: str, called: str) -> np.ndarray:
    """Return which training run, or other group, each row belongs to, as numbers from 0."""
    import pandas as pd

    values = _column(runs, column)
    missing: Any = values.isna().to_numpy()
    if missing.any():
        noun = "a run" if called == "run=" else "a group"
        raise DataError(
            f"The column {column!r} ({called}) must name {noun} in each row; "
            f"{_where(runs, missing)} have none."
        )
    return pd.factorize(values, sort=True)[0].astype(float)


def _warn_single(runs: Observations) -> None:
    """Warn of runs that have a row each: there is nothing for run= to say."""
    if runs.run is not None and len(runs) > 1 and len(np.unique(runs.run)) == len(runs):
        warnings.warn(
            "Each run (run=) has a single row, so no rows share a run: noise is that of "
            "independent rows. Leave out run=, or give the rows of each run.",
            DataWarning,
            stacklevel=4,
        )


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


def _check_direction(law: Any, runs: Observations) -> None:
    from scipy.stats import spearmanr

    if law.rises or np.ptp(runs.outcome) == 0:
        return
    logs = [_within(runs, np.log(values)) for values in runs.inputs.values()]
    x = np.sum([(log - log.mean()) / (log.std() or 1.0) for log in logs], axis=0)
    outcome = _within(runs, runs.outcome)
    correlation: Any = spearmanr(x, outcome)
    rises = float(correlation.statistic)
    order = np.argsort(x)
    third = max(1, len(x) // 3)
    ends = outcome[order[-third:]].mean() > outcome[order[:third]].mean()
    if rises < 0.7 or not ends:
        return
    name, column = runs.outcome_column, " and ".join(map(repr, runs.columns.values()))
    if runs.ceiling is None:
        message = (
            f"{name!r} rises with {column} (rank correlation {rises:.2f}), but a loss falls. If "
            f"it is an accuracy or another metric that rises, pass ceiling=1.0 (or its largest "
            f"possible value): ceiling - {name} is modelled and {name} is reported."
        )
    else:
        message = (
            f"{name!r} falls with {column}, but a ceiling was given, which is for a metric that "
            "rises. Leave out ceiling=."
        )
    if law.only_falls:
        raise DataError(message)
    warnings.warn(message, DataWarning, stacklevel=4)


def _within(runs: Observations, values: np.ndarray) -> np.ndarray:
    """Return values less the mean of their group: groups may lie apart for their own reasons."""
    if runs.cell is None:
        return values
    sums, counts = np.bincount(runs.cells, weights=values), np.bincount(runs.cells)
    return values - (sums / np.maximum(counts, 1))[runs.cells]


def _warn_narrow(law: Any, runs: Observations) -> None:
    if len(runs.inputs) != 1 or not law.bends:
        return
    (role, values), *_ = runs.inputs.items()
    decades = float(np.log10(values.max() / values.min()))
    if decades < 1:
        warnings.warn(
            f"The runs span {decades:.2f} decades of {runs.columns[role]!r}. {law.bends} can "
            "hardly be told from a pure power law on less than one decade: expect the posterior to "
            "follow the prior there, and add smaller or larger runs.",
            DataWarning,
            stacklevel=4,
        )


def _warn_swapped(runs: Observations) -> None:
    """Warn of far fewer tokens than parameters: the two columns may be swapped."""
    if not {"params", "tokens"} <= set(runs.inputs):
        return
    ratio = float(np.median(runs.inputs["tokens"] / runs.inputs["params"]))
    if ratio < 1e-3:
        warnings.warn(
            f"The runs have {ratio:.2g} tokens for each parameter (median): are params="
            f"{runs.columns['params']!r} and tokens={runs.columns['tokens']!r} swapped, or in "
            "different units (billions)?",
            DataWarning,
            stacklevel=4,
        )


def _warn_one_ray(law: Any, runs: Observations) -> None:
    """Warn of two inputs that rise together: their terms cannot be told apart."""
    roles = [role for role in runs.inputs if law.sizes_needed(role) > 1]
    for i, first in enumerate(roles):
        for second in roles[i + 1 :]:
            x, y = (np.log(runs.inputs[role]) for role in (first, second))
            slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
            off = (y - y.mean() - slope * (x - x.mean())).std()
            if off < 0.05 * max(y.std(), x.std()):
                names = runs.columns[first], runs.columns[second]
                known = law.along_ray.format(first=first, second=second, slope=slope)
                warnings.warn(
                    f"{names[1]!r} is about {names[0]!r}^{slope:.2f} in all runs: on one ray the "
                    f"loss is a function of either alone, so the runs determine the curve along "
                    f"the ray ({known}), and not how much is due "
                    f"to {first} and how much to {second}: there the priors speak. Add runs off "
                    "the ray (another ratio).",
                    DataWarning,
                    stacklevel=4,
                )
