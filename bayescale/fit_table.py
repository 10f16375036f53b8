"""The table of a batch: a row a curve and law, forecasts, failures, and each fit when asked for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import ensembles, fitting
from bayescale.arguments import check_arguments
from bayescale.batch_fits import fitted, unpacked_fit
from bayescale.batch_plan import Job, Plan
from bayescale.curve_record import Record
from bayescale.errors import LawError, unknown
from bayescale.given import short
from bayescale.scoring import stacking_weights

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.batch_store import Store
    from bayescale.ensembles import Ensemble
    from bayescale.fitting import Fit

_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class FitTable:
    """Laws fitted to many groups of runs.

    Parameters
    ----------
    by
        The columns that tell the groups apart.
    plan
        Laws, likelihoods, settings.
    jobs
        What was fitted, in the table's order.
    store
        The finished records.
    """

    by: tuple[str, ...]
    plan: Plan
    jobs: tuple[Job, ...]
    store: Store

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each group (and law, where there are several).

        Medians of the parameters with ``_lower`` and ``_upper`` (equal-tailed); ``elpd``,
        ``elpd_se``, ``p_loo`` and ``worst_pareto_k`` of leave-one-out; the diagnostics and
        ``good``; ``retried`` (sampled again) and ``straightened`` (in coordinates learned from
        draws that were not kept); ``runs``; ``seconds``; ``advice`` and ``warnings`` in words;
        ``failure``, the reason why there is no fit, or nothing.
        """
        import pandas as pd

        rows = [_row(record) for record in self._records]
        names = list(dict.fromkeys(name for row in rows for name in row))
        tail = [n for n in _TAIL if n in names]
        table = pd.DataFrame(rows, columns=[n for n in names if n not in tail] + tail)
        table.index = self._index([(*job.key, job.label) for job in self.jobs])
        table.attrs = {"probability": self.plan.prob, "kind": "equal-tailed"}
        return table

    @cached_property
    def forecasts(self) -> pd.DataFrame | None:
        """Forecasts of the curve and of one new run, a row for each input; None if not asked."""
        import pandas as pd

        if self.plan.forecast is None:
            return None
        parts, keys = [], []
        for job, record in zip(self.jobs, self._records, strict=True):
            if not record["failure"]:
                parts.append(pd.DataFrame(record["forecast"]))
                keys += [(*job.key, job.label)] * len(parts[-1])
        if not parts:
            return pd.DataFrame()
        table = pd.concat(parts, ignore_index=True)
        table.index = self._index(keys)
        table.attrs = {"probability": self.plan.prob, "kind": "equal-tailed"}
        return table

    @property
    def failures(self) -> pd.DataFrame:
        """The rows without a fit, with their reason."""
        return self.table.loc[self.table["failure"] != "", ["runs", "failure"]]

    def to_frame(self) -> pd.DataFrame:
        """Return the table with group and law as plain columns, to be written anywhere."""
        return self.table.reset_index()

    def best(self) -> pd.DataFrame:
        """Return the law with the best leave-one-out score of each group.

        Returns
        -------
        pandas.DataFrame
            Indexed by group: ``law``; ``elpd``; ``elpd_lead`` over the next law and its standard
            error ``lead_se``; ``weight``, its stacking weight; ``laws``, how many have a score.
            A lead below two standard errors does not tell the laws apart, and LOO measures
            interpolation, not extrapolation.

        Raises
        ------
        LawError
            If there is only one law.
        """
        import pandas as pd

        rows, keys = [], []
        for key, scores in self._pointwise().items():
            keys.append(key)
            if not scores:
                rows.append({"law": None, "laws": 0})
                continue
            first, *others = sorted(scores, key=lambda label: -scores[label].sum())
            row = {"law": first, "elpd": float(scores[first].sum()), "laws": len(scores)}
            if others:
                lead = scores[first] - scores[others[0]]
                row |= {"elpd_lead": float(lead.sum())}
                row |= {"lead_se": float(np.sqrt(len(lead)) * lead.std())}
            rows.append(row | {"weight": float(_stacked(scores)[first])})
        columns = ["law", "elpd", "elpd_lead", "lead_se", "weight", "laws"]
        table = pd.DataFrame(rows, columns=columns)
        table.index = _indexed(keys, self.by)
        return table

    def weights(self) -> pd.DataFrame:
        """Return the stacking weights of the laws on leave-one-out, a row a group.

        Raises
        ------
        LawError
            If there is only one law.
        """
        import pandas as pd

        found = self._pointwise()
        rows = [_stacked(scores) for scores in found.values()]
        table = pd.DataFrame(rows, columns=list(self.plan.laws)).fillna(0.0)
        table.index = _indexed(list(found), self.by)
        return table

    def fit(self, *key: Any, law: str | None = None) -> Fit:
        """Return one fit in full: from its kept draws, or fitted again with the same seed.

        Parameters
        ----------
        *key
            The group's values, in the order of ``by``.
        law
            The law's label, where there are several.

        Returns
        -------
        Fit
            The same draws, bit by bit, as those behind the table's row.

        Raises
        ------
        UnknownNameError
            If there is no such group or law.
        DataError
            If the group cannot be fitted: the reason in ``failures``.
        """
        check_arguments(FitTable.fit, locals())
        label = self._label(law)
        job = self._job(key, label)
        draws = self.store.draws(job.name)
        if draws is not None:
            return unpacked_fit(self.plan, job, draws)
        return fitting.labelled(fitted(self.plan, job))

    def ensemble(self, *key: Any, weights: str | Sequence[float] = "equal") -> Ensemble:
        """Return the weighted forecast of all laws of one group.

        Parameters
        ----------
        *key
            The group's values, in the order of ``by``.
        weights
            ``"equal"``, ``"loo"``, or numbers that sum to one.

        Returns
        -------
        Ensemble
            Of the laws that have a fit.

        Raises
        ------
        LawError
            If fewer than two laws have one.
        """
        check_arguments(FitTable.ensemble, locals())
        fits = {
            label: self.fit(*key, law=label)
            for label in self.plan.laws
            if not self.store.done[self._job(key, label).name]["failure"]
        }
        if len(fits) < 2:
            raise LawError(f"An ensemble needs two laws with a fit; {key} has {len(fits)}.")
        return ensembles.ensemble(fits, weights=weights)

    @cached_property
    def _records(self) -> list[Record]:
        return [self.store.done[job.name] for job in self.jobs]

    @cached_property
    def _named(self) -> dict[tuple, Job]:
        return {(*job.key, job.label): job for job in self.jobs}

    def _job(self, key: tuple, label: str) -> Job:
        if len(key) == 1 and isinstance(key[0], tuple):
            key = key[0]
        if not _is_known((*key, label), self._named):
            named = {", ".join(map(str, job.key)): job for job in self.jobs}
            raise unknown(f"group ({', '.join(self.by)})", ", ".join(map(short, key)), named)
        return self._named[*key, label]

    def _label(self, law: str | None) -> str:
        labels = list(self.plan.laws)
        if law is None:
            if len(labels) > 1:
                raise LawError(f"Which law? Give law= as one of {', '.join(labels)}.")
            return labels[0]
        if law not in labels:
            raise unknown("law", law, labels)
        return law

    def _pointwise(self) -> dict[tuple, dict[str, np.ndarray]]:
        """Return elpd row by row, by group and by label."""
        if len(self.plan.laws) < 2:
            raise LawError("Laws are compared where there are two or more: fit_many([...], ...).")
        found: dict[tuple, dict[str, np.ndarray]] = {}
        for job, record in zip(self.jobs, self._records, strict=True):
            scores = found.setdefault(job.key, {})
            if not record["failure"]:
                scores[job.label] = np.asarray(record["loo"]["pointwise"])
        return found

    def _index(self, keys: list[tuple]) -> pd.Index:
        several = len(self.plan.laws) > 1
        names = (*self.by, "law") if several else self.by
        return _indexed([key if several else key[:-1] for key in keys], names)

    def counts(self) -> dict[str, int]:
        """Return how many rows were fitted, sampled again, fall short in diagnostics, or failed."""
        fine = [record for record in self._records if not record["failure"]]
        return {
            "fitted": len(fine),
            "retried": sum(record["retried"] for record in fine),
            "doubtful": sum(not record["diagnostics"]["good"] for record in fine),
            "failed": len(self._records) - len(fine),
        }

    def _title(self) -> str:
        found = self.counts()
        parts = [f"{found['fitted']} of {len(self.jobs)} curves fitted"]
        parts += [f"{found['retried']} sampled again"]
        parts += [f"{found['doubtful']} with diagnostics that fall short"]
        parts += [f"{found['failed']} failed"]
        laws = ", ".join(self.plan.laws)
        return f"FitTable ({laws}; by {', '.join(self.by)}): {'; '.join(parts)}"

    def _shown(self) -> pd.DataFrame:
        hidden = ("advice", "warnings", "engine", "seconds")
        return self.table.drop(columns=[name for name in hidden if name in self.table])

    def __repr__(self) -> str:
        """Return what was fitted, sampled again and failed, and the first rows."""
        shown = self._shown().head(_SHOWN).to_string(float_format=lambda v: f"{v:.4g}")
        more = len(self.table) - _SHOWN
        return "\n".join(
            [self._title(), shown, *([f"... and {more} more rows"] if more > 0 else [])]
        )

    def _repr_html_(self) -> str:
        shown = self._shown().to_html(
            max_rows=_SHOWN, float_format=lambda v: f"{v:.4g}", na_rep="", escape=True
        )
        return f"<h4>{html.escape(self._title())}</h4>{shown}"


_TAIL = ("runs", "seconds", "seed", "engine", "advice", "warnings", "failure")


def _row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, (median, low, high) in record.get("parameters", {}).items():
        row |= {name: median, f"{name}_lower": low, f"{name}_upper": high}
    row |= {k: v for k, v in record.get("loo", {}).items() if k != "pointwise"}
    row |= record.get("diagnostics", {})
    if "retried" in record:
        row["retried"] = record["retried"]
        row["straightened"] = record["straightened"]
    row |= {"runs": record["runs"], "seconds": record.get("seconds"), "seed": record["seed"]}
    row |= {"engine": record.get("engine", ""), "failure": record["failure"]}
    row |= {name: " ".join(record.get(name, ())) for name in ("advice", "warnings")}
    return row


def _stacked(scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    if not scores:
        return {}
    return dict(zip(scores, stacking_weights(np.column_stack(list(scores.values()))), strict=True))


def _indexed(keys: list[tuple], names: Sequence[str]) -> pd.Index:
    import pandas as pd

    if len(names) == 1:
        return pd.Index([key[0] for key in keys], name=names[0])
    return pd.MultiIndex.from_tuples(keys, names=list(names))


def _is_known(key: tuple, named: Mapping[tuple, Any]) -> bool:
    """Return whether there is such a key; lists and the like are none."""
    try:
        return key in named
    except TypeError:
        return False
