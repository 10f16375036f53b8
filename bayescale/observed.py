"""The checked runs that a law is fitted to: inputs, outcome, groups, and the scale of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.groups import Groups
from bayescale.likelihoods import APART

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
        scale["span"] = float(max(np.log(along.max()) - np.log(along.min()), 1e-3))
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
