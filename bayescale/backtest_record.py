"""What a backtest found: every held-out point with its forecast, and the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import LawError
from bayescale.groups import check_named

if TYPE_CHECKING:
    import pandas as pd

#: Probabilities of the intervals whose coverage is reported.
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True, eq=False)
class Backtest:
    """Scores of forecasts of held-out scales.

    Parameters
    ----------
    table
        A row for each law (and for their equal mixture): ``rmsle`` (root mean squared log error
        of the posterior median), ``log_score`` (mean log predictive density of y, in y's own
        units; larger is better), ``crps`` (of log y where outcomes are positive; smaller is
        better), ``coverage_50`` to ``coverage_95`` (share of held-out rows inside the
        equal-tailed predictive interval), ``points`` and ``cutoffs`` (how many of each).
    points
        A row for each law, cut-off and held-out row, with its intervals and scores. ``fold`` counts
        the training sets from 1; ``cutoff`` is the largest input of the row's group among them,
        NaN where the whole group was held out.
    runs
        All runs, with the user's column names.
    x, y
        Names of the input's and the outcome's column.
    cutoffs
        The largest input that each training set holds of groups that are scored, in falling order.
    notes
        Fits whose diagnostics fell short, in words.
    groups
        The columns that name groups.
    """

    table: pd.DataFrame
    points: pd.DataFrame
    runs: pd.DataFrame
    x: str
    y: str
    cutoffs: tuple[float, ...]
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def by_cutoff(self) -> pd.DataFrame:
        """Return the scores for each law and cut-off.

        Returns
        -------
        pandas.DataFrame
            The columns of ``table``, indexed by law and cut-off; with groups by law and fold.
        """
        return scores(self.points, ["law", "fold" if self.groups else "cutoff"], self.y)

    def by_group(self) -> pd.DataFrame:
        """Return the scores for each law and group: where a law forecasts well and where not.

        Returns
        -------
        pandas.DataFrame
            The columns of ``table``, indexed by law and the columns of the groups.

        Raises
        ------
        LawError
            If there are no groups.
        """
        self._check_grouped("by_group()")
        return scores(self.points, ["law", *self.groups], self.y)

    def at(self, **levels: Any) -> Backtest:
        """Return the backtest of one group, by the same fits.

        Parameters
        ----------
        **levels
            A level of every column: ``family="A"``.

        Returns
        -------
        Backtest
            Its points and runs alone, for ``bs.plot_backtest``, say.

        Raises
        ------
        LawError
            If there are no groups, a column is missing or unknown, or nothing of the group was
            held out.
        """
        self._check_grouped("at()")
        check_named(
            {c: self.runs[c].unique().tolist() for c in self.groups}, levels, "The backtest"
        )

        def own(table: pd.DataFrame) -> pd.DataFrame:
            same = np.ones(len(table), bool)
            for column, level in levels.items():
                same &= table[column].astype(str).to_numpy() == str(level)
            return table.loc[same].drop(columns=list(self.groups)).reset_index(drop=True)

        points = own(self.points)
        if points.empty:
            known = self.points[list(self.groups)].drop_duplicates().astype(str)
            shown = ", ".join(":".join(row) for row in known.to_numpy()[:8].tolist())
            raise LawError(f"Nothing of {levels} was held out; of {shown} something was.")
        largest: Any = points.groupby("fold")["cutoff"].max()
        ends = [float(end) for end in largest]
        table, runs = scores(points, ["law"], self.y), own(self.runs)
        return Backtest(table, points, runs, self.x, self.y, tuple(ends), self.notes)

    def _check_grouped(self, asked: str) -> None:
        if not self.groups:
            raise LawError(
                f"{asked} is asked of a backtest with groups: let a parameter of a law vary, or "
                "name their column, by='family'."
            )

    def __repr__(self) -> str:
        """Return the table of scores."""
        table = self.table.to_string(float_format=lambda v: f"{v:.3g}")
        return "\n".join([self._title(), table, *self.notes])

    def _title(self) -> str:
        ends = [f"{cutoff:g}" for cutoff in self.cutoffs if np.isfinite(cutoff)]
        if not ends:
            return f"Backtest: whole groups of {', '.join(map(repr, self.groups))} held out"
        of = f", each {' and '.join(map(repr, self.groups))} to its own end" if self.groups else ""
        return f"Backtest: trained up to {self.x} = {', '.join(ends)}{of}"

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda v: f"{v:.3g}")


def scores(points: pd.DataFrame, by: list[str], y: str) -> pd.DataFrame:
    """Return the scores of held-out points by law, and by what else is named.

    Parameters
    ----------
    points
        A row for each held-out row and law.
    by
        The columns to tell apart.
    y
        The name of the outcome.
    """
    import pandas as pd

    rows = {}
    group: Any
    for key, group in points.groupby(by if len(by) > 1 else by[0], sort=False):
        row = {
            "rmsle": float(np.sqrt((group["log_error"] ** 2).mean())),
            "log_score": float(group["log_score"].mean()),
            "crps": float(group["crps"].mean()),
        }
        for level in LEVELS:
            tag = f"{level * 100:g}"
            inside = group[y].between(group[f"lower_{tag}"], group[f"upper_{tag}"])
            row[f"coverage_{tag}"] = float(inside.mean())
        rows[key] = row | {"points": len(group), "cutoffs": group["fold"].nunique()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = (
        pd.MultiIndex.from_tuples(table.index, names=by)
        if len(by) > 1
        else table.index.rename(by[0])
    )
    return table
