"""Which law extrapolates best: the largest scales held out and forecast from the rest."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import fitting
from bayescale.data import Observations, check_enough, observations
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import DataError, LawError, SamplingWarning
from bayescale.groups import refuse
from bayescale.likelihoods import Likelihood
from bayescale.parameters import columns_by
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.scoring import crps, log_mean_exp
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd

#: Probabilities of the intervals whose coverage is reported.
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: Training runs below which nothing is forecast: two lie on any line.
FEWEST = 3
#: The name of the row that mixes all laws in equal parts.
MIXTURE = "equal mixture"


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
        A row for each law, cut-off and held-out row, with its intervals and scores.
    runs
        All runs, with the user's column names.
    x, y
        Names of the input's and the outcome's column.
    cutoffs
        The largest input that each training set holds, in falling order.
    notes
        Fits whose diagnostics fell short, in words.
    """

    table: pd.DataFrame
    points: pd.DataFrame
    runs: pd.DataFrame
    x: str
    y: str
    cutoffs: tuple[float, ...]
    notes: tuple[str, ...] = ()

    def by_cutoff(self) -> pd.DataFrame:
        """Return the scores for each law and cut-off.

        Returns
        -------
        pandas.DataFrame
            The columns of ``table``, indexed by law and cut-off.
        """
        return _scores(self.points, ["law", "cutoff"], self.y)

    def __repr__(self) -> str:
        """Return the table of scores."""
        cutoffs = ", ".join(f"{cutoff:g}" for cutoff in self.cutoffs)
        table = self.table.to_string(float_format=lambda v: f"{v:.3g}")
        lines = [f"Backtest: trained up to {self.x} = {cutoffs}", table, *self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda v: f"{v:.3g}")


def backtest(
    laws: Mapping[str, Any],
    runs: pd.DataFrame,
    *,
    y: str,
    holdout: float = 0.25,
    cutoffs: int | Sequence[float] = 1,
    likelihood: Likelihood | None = None,
    ceiling: float | None = None,
    run: str | None = None,
    drift: float = DRIFT,
    draws: int = 1000,
    tune: int = 1000,
    seed: int = 0,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
    **inputs: str,
) -> Backtest:
    """Hold the largest scales out, forecast them from the rest, and score the forecasts.

    Parameters
    ----------
    laws
        Name to law.
    runs
        The table, one run a row.
    y
        The name of the outcome's column.
    holdout
        How many of the largest different inputs are held out: a share below 1, or a number.
    cutoffs
        How many cut-offs (leave-future-out): the first trains on all but the held-out inputs,
        each further one on half a hold-out fewer, and forecasts as many inputs beyond its end.
        Or the largest training input of each, to forecast everything beyond it.
    likelihood
        How runs scatter; log-normal by default.
    ceiling
        What a rising metric cannot exceed; ``ceiling - y`` is modelled.
    run
        The column that says which training run a row is a checkpoint of: noise is then
        correlated along each run.
    drift
        How far the local exponent may drift from the laws' beyond the training runs, as in a
        forecast.
    draws, tune
        Kept draws and tuning steps of each of four chains.
    seed
        Same seed, same scores.
    workers, executor
        Who fits the cut-offs, as for :func:`fit_many`; this process by default.
    progress
        Whether to show what is under way.
    **inputs
        The column of each input: ``x="params"``.

    Returns
    -------
    Backtest
        Scores by law, and every held-out point.

    Raises
    ------
    DataError
        If a cut-off leaves too few rows to train on or none to score.
    LawError
        If the laws have several inputs, or an option is out of range.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    >>> bs.backtest(laws, runs, y="loss", x="x", progress=False).table["rmsle"].idxmin()
    'floor'
    """
    import cloudpickle

    _check_laws(laws)
    check(executor, workers)
    drift = checked_drift(drift)
    noise = {name: likelihood or law.noise(run) for name, law in laws.items()}
    for name, law in laws.items():
        instead = "Score rows that were held out by fit.log_density(y, x=..., family=...)."
        refuse(columns_by(law, noise[name]), "backtest()", instead)
    checked = {
        name: observations(law, noise[name], runs, y, inputs, ceiling, run)
        for name, law in laws.items()
    }
    every = next(iter(checked.values()))
    (x,) = every.inputs.values()
    ends = _cutoffs(np.unique(x), holdout, cutoffs)
    for end, _ in ends:
        train = every.rows(x <= end)
        if len(train) < FEWEST:
            raise DataError(
                f"With the cut-off at {end:g}: {len(train)} runs to train on; a backtest needs "
                f"{FEWEST} or more, whatever the law. Ask for later cut-offs or a smaller holdout."
            )
        for law in laws.values():
            try:
                check_enough(law, train)
            except DataError as error:
                raise DataError(f"With the cut-off at {end:g}: {error}") from None
    settings = {
        name: Sampling(draws=draws, tune=tune, target_accept=law.target_accept, seed=seed)
        for name, law in laws.items()
    }
    packed = cloudpickle.dumps(_Plan(dict(laws), noise, settings, every, drift))
    with task("Backtest", total=len(ends), progress=progress) as bar:
        found = ordered(
            scored_cutoffs, packed, ends, workers=workers, executor=executor,
            done=lambda count: bar.update("Backtest", advance=count),
        )  # fmt: skip
    rows, notes = zip(*found, strict=True)
    return _backtest_of(list(rows), every, tuple(end for end, _ in ends), sum(notes, ()))


@dataclass(frozen=True, eq=False)
class _Plan:
    """What all cut-offs have in common."""

    laws: dict[str, Any]
    noise: dict[str, Any]
    settings: dict[str, Sampling]
    every: Observations
    drift: float


def scored_cutoffs(
    packed: bytes, ends: Sequence[tuple[float, float]]
) -> list[tuple[pd.DataFrame, tuple[str, ...]]]:
    """Fit all laws up to some cut-offs, one after another, and score what lies beyond.

    Parameters
    ----------
    packed
        A plan, pickled.
    ends
        The largest input to train on and the largest to score, by cut-off.

    Returns
    -------
    list of (DataFrame, tuple of str)
        Scored points, and fits whose diagnostics fell short, for each cut-off.
    """
    import cloudpickle

    plan: _Plan = cloudpickle.loads(packed)
    (x,) = plan.every.inputs.values()
    found = []
    for end, last in ends:
        data, test = plan.every.rows(x <= end), plan.every.rows((x > end) & (x <= last))
        fits, notes = {}, []
        for name, law in plan.laws.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SamplingWarning)
                settings = plan.settings[name]
                fits[name] = fitting.fit(law, plan.noise[name], data, settings, progress=False)
            if not fits[name].diagnostics.good:
                notes.append(f"{name} up to {end:g}: {fits[name].diagnostics.line()}")
        found.append((_points(fits, test, end, plan.drift), tuple(notes)))
    return found


def _backtest_of(
    rows: list[pd.DataFrame], every: Observations, ends: tuple[float, ...], notes: tuple[str, ...]
) -> Backtest:
    import pandas as pd

    points = pd.concat(rows, ignore_index=True)
    column = next(iter(every.columns.values()))
    name = every.outcome_column
    return Backtest(
        _scores(points, ["law"], name), points, every.frame(), column, name, ends, notes
    )


def _check_laws(laws: Mapping[str, Any]) -> None:
    if not isinstance(laws, Mapping) or not laws:
        raise LawError("Give laws by name: backtest({'power law': bs.PowerLaw(), ...}, runs, ...).")
    for name, law in laws.items():
        if not hasattr(law, "expr") or isinstance(law, type):
            raise LawError(
                f"{name!r} must be a law such as bs.PowerLaw() (with brackets); got {law!r}."
            )
        if len(law.inputs) != 1:
            raise LawError(
                f"A backtest holds out the largest x; {name!r} has {len(law.inputs)} inputs."
            )


def _cutoffs(
    distinct: np.ndarray, holdout: float, cutoffs: int | Sequence[float]
) -> list[tuple[float, float]]:
    """Return (largest training input, largest scored input) of every cut-off."""
    if not isinstance(cutoffs, int | np.integer):
        ends = sorted({float(c) for c in cutoffs}, reverse=True)
        if not ends:
            raise DataError("cutoffs= holds no cut-off: give the largest training inputs.")
        for end in ends:
            if not distinct[0] <= end < distinct[-1]:
                raise DataError(
                    f"A cut-off must leave runs on both sides: between {distinct[0]:g} and "
                    f"{distinct[-1]:g}; got {end:g}."
                )
        return [(float(distinct[distinct <= end][-1]), float(distinct[-1])) for end in ends]
    if isinstance(cutoffs, bool) or cutoffs < 1:
        raise LawError(f"cutoffs= must be 1 or more; got {cutoffs!r}.")
    if not 0 < holdout < len(distinct) or (holdout >= 1 and holdout != int(holdout)):
        raise LawError(
            "holdout= must be a share between 0 and 1 or a whole number of inputs below "
            f"{len(distinct)}; got {holdout!r}."
        )
    held = int(holdout) if holdout >= 1 else max(1, round(holdout * len(distinct)))
    step = max(1, held // 2)
    ends = []
    for i in range(cutoffs):
        last = len(distinct) - 1 - i * step
        if last - held < 0:
            raise DataError(
                f"{cutoffs} cut-offs of {held} held-out inputs need more than {len(distinct)} "
                "different inputs. Ask for fewer cut-offs or a smaller holdout."
            )
        ends.append((float(distinct[last - held]), float(distinct[last])))
    return ends


def _points(
    fits: Mapping[str, Any], test: Observations, cutoff: float, drift: float
) -> pd.DataFrame:
    """Return the scored forecasts of every law, and of their equal mixture, at held-out rows."""
    import pandas as pd

    tables, news, densities = [], [], []
    for name, fit in fits.items():
        curve = fit.drifted_draws(test.inputs, drift)
        outcome = test.reported(test.outcome)
        density = fit.log_density_draws(outcome, drift=drift, **test.inputs)
        news.append(fit.new_run_draws(curve, test.inputs).reshape(-1, len(test)))
        densities.append(density.reshape(-1, len(test)))
        tables.append(_scored(name, news[-1], densities[-1], test, cutoff))
    if len(fits) > 1:
        same = min(len(draws) for draws in news)
        mixed = [np.concatenate([draws[:same] for draws in part]) for part in (news, densities)]
        tables.append(_scored(MIXTURE, mixed[0], mixed[1], test, cutoff))
    return pd.concat(tables, ignore_index=True)


def _scored(
    name: str, new: np.ndarray, density: np.ndarray, test: Observations, cutoff: float
) -> pd.DataFrame:
    import pandas as pd

    role, column = next(iter(test.columns.items()))
    reported = np.asarray(test.reported(new))
    truth = np.asarray(test.reported(test.outcome))
    positive = bool((new > 0).all() and (test.outcome > 0).all())
    middle = np.median(new, axis=0)
    table = pd.DataFrame(
        {
            "law": name,
            "cutoff": cutoff,
            column: test.inputs[role],
            test.outcome_column: truth,
            "median": test.reported(middle),
        }
    )
    for level in LEVELS:
        low, high = np.quantile(reported, [(1 - level) / 2, (1 + level) / 2], axis=0)
        table[f"lower_{level * 100:g}"], table[f"upper_{level * 100:g}"] = low, high
    table["log_score"] = log_mean_exp(density)
    table["crps"] = crps(np.log(new), np.log(test.outcome)) if positive else crps(new, test.outcome)
    with np.errstate(invalid="ignore", divide="ignore"):
        table["log_error"] = np.log(middle) - np.log(test.outcome)
    return table


def _scores(points: pd.DataFrame, by: list[str], y: str) -> pd.DataFrame:
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
        rows[key] = row | {"points": len(group), "cutoffs": group["cutoff"].nunique()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = (
        pd.MultiIndex.from_tuples(table.index, names=by)
        if len(by) > 1
        else table.index.rename(by[0])
    )
    return table
