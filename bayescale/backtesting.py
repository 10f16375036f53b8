"""Which law extrapolates best: the largest scales held out and forecast from the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayescale import members
from bayescale.arguments import check_arguments
from bayescale.backtest_record import Backtest, scores
from bayescale.data import observations
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import DataError, LawError
from bayescale.fold_scores import Plan, scored_folds
from bayescale.given import in_words
from bayescale.holding_out import Fold, largest_inputs, whole_groups
from bayescale.likelihoods import Likelihood
from bayescale.observed import Observations
from bayescale.parameters import columns_by
from bayescale.prior import columns_of
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.suitability import check_enough, check_levels
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd

#: Training runs below which nothing is forecast: two lie on any line.
FEWEST = 3


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
    by: str | Sequence[str] | None = None,
    new_groups: int | Sequence[Any] | None = None,
    keep: int = 0,
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

    Where a law varies with groups, the largest scales of every group are held out and forecast as
    that group's; or whole groups are, and forecast as new ones (``new_groups``).

    Parameters
    ----------
    laws
        Name to law.
    runs
        The table, one run a row.
    y
        The name of the outcome's column.
    holdout
        How many of the largest different inputs (of each group) are held out: a share below 1, or a
        number. A group of too few inputs is trained on and not scored.
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
    by
        The column or columns that name groups; by default those with which any law varies. So laws
        that do not vary are scored on the same rows as those that do.
    new_groups
        Hold whole groups out instead of large inputs: in how many parts (all groups are held out,
        one part after another), or the levels to hold out (tuples, of several columns). What varies
        must be pooled, so that something is known of a new group.
    keep
        With ``new_groups``, how many of the smallest inputs of each group held out are trained on
        all the same: a new family with its first runs.
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
        If the laws have several inputs, an option is out of range, or what is unpooled would have
        to forecast a group never seen.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    >>> bs.backtest(laws, runs, y="loss", x="x", progress=False).table["rmsle"].idxmin()
    'floor'
    """
    check_arguments(backtest, locals(), but=("likelihood",))
    _check_laws(laws)
    check(executor, workers)
    drift = checked_drift(drift)
    noise = {name: law.noise(run, likelihood) for name, law in laws.items()}
    varies = {name: columns_by(law, noise[name]) for name, law in laws.items()}
    named = () if by is None else columns_of(by, needed=True)
    columns = tuple(dict.fromkeys([*named, *(c for by_law in varies.values() for c in by_law)]))
    checked = {
        name: observations(law, noise[name], runs, y, inputs, ceiling, run, columns)
        for name, law in laws.items()
    }
    every = next(iter(checked.values()))
    if new_groups is None:
        if keep:
            raise LawError("keep= goes with new_groups=, which holds whole groups out.")
        folds = largest_inputs(every, holdout, cutoffs)
    else:
        folds = whole_groups(every, new_groups, keep, seed)
    settings = {
        name: Sampling(draws=draws, tune=tune, target_accept=law.target_accept, seed=seed)
        for name, law in laws.items()
    }
    plan = Plan(dict(laws), noise, varies, settings, every, drift)
    return _tested(plan, folds, workers, executor, progress)


def backtest_of_fits(
    fits: Mapping[str, Any],
    *,
    holdout: float = 0.25,
    cutoffs: int | Sequence[float] = 1,
    drift: float = DRIFT,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> Backtest:
    """Hold out the largest scales of the runs of fits, everything else being as in the fits.

    Unlike a table, the runs of a fit know their training runs and what noise knows of each row.

    Parameters
    ----------
    fits
        Name to fit; all on the same rows with the same likelihood.
    holdout, cutoffs, drift, workers, executor, progress
        As for :func:`backtest`.

    Raises
    ------
    LawError
        If the likelihoods differ, or a law has several inputs.
    DataError
        If a cut-off leaves too few rows to train on or none to score.
    """
    laws = {name: fit.law for name, fit in fits.items()}
    _check_laws(laws)
    check(executor, workers)
    noise = {name: fit.likelihood for name, fit in fits.items()}
    first = next(iter(noise.values()))
    if any(likelihood != first for likelihood in noise.values()):
        raise LawError(
            "The fits have different likelihoods: run bs.backtest for each and give backtest=, or "
            "fit all laws with one likelihood="
        )
    varies = {name: fit.groups for name, fit in fits.items()}
    every = max(fits.values(), key=lambda fit: len(fit.groups)).runs
    settings = {name: fit.settings for name, fit in fits.items()}
    plan = Plan(laws, noise, varies, settings, every, checked_drift(drift))
    folds = largest_inputs(every, holdout, cutoffs)
    return _tested(plan, folds, workers, executor, progress)


def _tested(
    plan: Plan, folds: Sequence[Fold], workers: int | None, executor: Any, progress: bool | None
) -> Backtest:
    """Return what the folds of a plan say."""
    import cloudpickle

    for fold in folds:
        _check_fold(plan, fold)
    packed = cloudpickle.dumps(plan)
    jobs = list(enumerate(folds, start=1))
    with task("Backtest", total=len(folds), progress=progress) as bar:
        found = ordered(
            scored_folds, packed, jobs, workers=workers, executor=executor,
            done=lambda count: bar.update("Backtest", advance=count),
        )  # fmt: skip
    rows, notes = zip(*found, strict=True)
    return _backtest_of(list(rows), plan.every, folds, sum(notes, ()))


def _check_fold(plan: Plan, fold: Fold) -> None:
    """Raise an error where a law cannot be fitted to what a fold leaves, or forecast the rest."""
    rest = plan.every.rows(fold.train)
    if len(rest) < FEWEST:
        raise DataError(
            f"With {fold.name}: {len(rest)} runs to train on; a backtest needs {FEWEST} or more, "
            "whatever the law. Ask for later cut-offs or a smaller holdout."
        )
    asked = plan.every.rows(fold.test)
    for name, law in plan.laws.items():
        train = rest.grouped_by(plan.varies[name])
        try:
            check_enough(law, train)
            check_levels(law, plan.noise[name], train)
        except DataError as error:
            raise DataError(f"With {fold.name}: {error}") from None
        if train.groups is None:
            continue
        columns = [asked.levels(column) for column in train.groups.columns]
        for levels in dict.fromkeys(zip(*columns, strict=True)):
            given = dict(zip(train.groups.columns, levels, strict=True))
            members.check_known(law, plan.noise[name], train.groups, given)


def _backtest_of(
    rows: list[pd.DataFrame], every: Observations, folds: Sequence[Fold], notes: tuple[str, ...]
) -> Backtest:
    import pandas as pd

    points = pd.concat(rows, ignore_index=True)
    column = next(iter(every.columns.values()))
    name = every.outcome_column
    return Backtest(
        scores(points, ["law"], name), points, every.frame(), column, name,
        tuple(fold.largest for fold in folds), notes, tuple(every.seen),
    )  # fmt: skip


def _check_laws(laws: Mapping[str, Any]) -> None:
    if not isinstance(laws, Mapping) or not laws:
        raise LawError("Give laws by name: backtest({'power law': bs.PowerLaw(), ...}, runs, ...).")
    for name, law in laws.items():
        if not hasattr(law, "expr") or isinstance(law, type):
            raise LawError(
                f"{name!r} must be a law such as bs.PowerLaw() (with brackets); got "
                f"{in_words(law)}."
            )
        if len(law.inputs) != 1:
            raise LawError(
                f"A backtest holds out the largest x; {name!r} has {len(law.inputs)} inputs."
            )
