"""Many curves at once: every group of a table fitted by one law or several."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import batch_jobs, curve_record, forecasting, forecasts, workers
from bayescale.arguments import check_arguments
from bayescale.batch_plan import Job, Plan
from bayescale.batch_store import Store
from bayescale.curve_record import failure
from bayescale.errors import BayescaleWarning, LawError, SamplingWarning
from bayescale.fit_table import FitTable
from bayescale.given import in_words, short
from bayescale.groups import asked_for, check_named
from bayescale.likelihoods import Likelihood
from bayescale.progress import task
from bayescale.sample import PILOT, Sampling

if TYPE_CHECKING:
    import os

    import pandas as pd

#: A law whose own target acceptance exceeds this has a bent posterior, and needs a pilot.
_PLAIN = 0.9


def fit_many(
    laws: Any,
    runs: pd.DataFrame,
    *,
    by: str | Sequence[str],
    y: str,
    likelihood: Likelihood | None = None,
    ceiling: float | None = None,
    run: str | None = None,
    forecast: Mapping[str, Any] | None = None,
    prob: float = 0.9,
    draws: int = 500,
    tune: int = 200,
    chains: int = 4,
    target_accept: float | None = None,
    seed: int = 0,
    retry: bool = True,
    keep: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    executor: Any = None,
    chunk: int = 10,
    progress: bool | None = None,
    **inputs: str,
) -> FitTable:
    """Fit one law or several to every group of a table.

    A group that cannot be fitted becomes a row with its reason. The same call gives the same
    numbers, bit by bit, whoever runs it: every curve has a seed of its own, from ``seed`` and the
    group's values, and is sampled on one core.

    Parameters
    ----------
    laws
        A law, a list of laws, or label to law. One may vary with columns other than ``by``, as
        ``scale=bs.partial_pooling(by="model")`` does: it is fitted to each group's levels together.
    runs
        The table, one run a row.
    by
        The column or columns that tell the groups apart.
    y
        The name of the outcome's column.
    likelihood
        How runs scatter; by default what suits each form.
    ceiling
        What a rising metric cannot exceed; ``ceiling - y`` is modelled.
    run
        The column that says which training run a row is a checkpoint of: noise is then
        correlated along each run.
    forecast
        Inputs to forecast for every group: ``{"x": [1e9, 1e10]}``. Where a law varies within the
        groups, every level of it is forecast, or those given: ``{"x": 1e9, "model": "mlp"}``.
    prob
        Probability of the equal-tailed intervals.
    draws, tune, chains, target_accept
        As for :meth:`Law.fit`; fewer by default, with the same limits of the diagnostics. A law
        that asks for a close acceptance (broken laws) has bent posteriors: a pilot set of
        draws finds coordinates in which they are straight, before any draw is kept.
    seed
        Same seed, same numbers.
    retry
        Whether to sample a curve once more when its draws fall short: in coordinates in which the
        first are straight, then with twice the tuning and draws.
    keep
        ``"draws"`` to keep every posterior, so that :meth:`FitTable.fit` need not fit again: on
        disk where there is a folder, else in memory.
    folder
        Where results are written as they come. The same call with the same folder goes on where
        a stopped one was. Without it, Ctrl-C writes what is finished to a temporary folder, and
        a warning says which.
    workers
        How many processes of this machine to use; this process alone by default.
    executor
        A :class:`dask.distributed.Client` or a :class:`concurrent.futures.Executor` to use instead.
        Threads of one process take turns.
    chunk
        Curves that are sent to a worker together.
    progress
        Whether to show what is under way; by default in a terminal or a notebook.
    **inputs
        The column of each input: ``x="params"``.

    Returns
    -------
    FitTable
        Parameters, diagnostics, LOO and forecasts as tables; every fit when asked for.

    Raises
    ------
    DataError
        If there is no group to be told apart: a missing column, missing values in ``by``, two keys
        that differ only in type or spaces.
    LawError
        If a law, an input or an option cannot be used.
    FileError
        If the folder cannot be used, or holds a batch of other rows, laws or settings.
    BayescaleError
        If an executor dies that cannot be started again.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.load_dataset("digits_learning_curves").query("task == 'digits'")
    >>> runs = runs.groupby(["model", "examples"], as_index=False).error.mean()
    >>> table = bs.fit_many(bs.PowerLaw(), runs, by="model", y="error", x="examples")
    >>> bool(table.table["good"].all())
    True
    >>> table.fit("knn").name
    'PowerLaw'
    """
    check_arguments(fit_many, locals(), but=("likelihood",))
    plan = _planned(
        labelled(laws), likelihood, y, inputs, ceiling, run, prob, forecast, keep,
        {"draws": draws, "tune": tune, "chains": chains, "retry": retry}, target_accept,
    )  # fmt: skip
    _check(workers, executor, chunk, seed)
    names = (by,) if isinstance(by, str) else tuple(by)
    jobs = batch_jobs.jobs(plan, runs, names, seed)
    store = Store(folder, plan, seed)
    waiting = store.waiting(jobs)
    if waiting:
        _fill(store, plan, waiting, workers, executor, chunk, progress)
    table = FitTable(names, plan, tuple(jobs), store)
    _warn(table)
    return table


def labelled(laws: Any) -> dict[str, Any]:
    """Return laws by label: as given, or by their names."""
    if isinstance(laws, Mapping):
        named = dict(laws)
    else:
        named = {}
        for law in laws if isinstance(laws, list | tuple) else [laws]:
            name = first = law.signature_name() if _is_law(law) else type(law).__name__
            number = 2
            while name in named:
                name = f"{first} #{number}"
                number += 1
            named[name] = law
    if not named:
        raise LawError("Give a law, a list of laws, or laws by label.")
    for name, law in named.items():
        if not isinstance(name, str):
            raise LawError(f"A law's label must be text; got {short(name)}.")
        if not _is_law(law):
            raise LawError(
                f"{name} must be a law such as bs.PowerLaw() (with brackets); got {in_words(law)}."
            )
    return named


def _is_law(law: Any) -> bool:
    return hasattr(law, "expr") and not isinstance(law, type)


def _planned(
    laws: dict[str, Any],
    likelihood: Likelihood | None,
    y: str,
    inputs: dict[str, str],
    ceiling: float | None,
    run: str | None,
    prob: float,
    forecast: Mapping[str, Any] | None,
    keep: str | None,
    sampling: dict[str, Any],
    target_accept: float | None,
) -> Plan:
    forecasts.check_probability(prob)
    if keep not in (None, "draws"):
        raise LawError(f"keep= must be None or 'draws'; got {short(keep)}.")
    if forecast is not None and not isinstance(forecast, Mapping):
        raise LawError(
            "forecast= takes inputs by role or column: forecast={'x': [1e9, 1e10]}; got "
            f"{short(forecast)}."
        )
    settings = {}
    for label, law in laws.items():
        if set(law.inputs) != set(inputs):
            wanted = ", ".join(f"{role}=" for role in law.inputs)
            got = ", ".join(f"{role}=" for role in inputs) or "none"
            raise LawError(f"{label!r} takes {wanted}; got {got}. All laws share the inputs.")
        accept = law.target_accept if target_accept is None else target_accept
        pilot = PILOT if law.target_accept > _PLAIN else 0
        settings[label] = Sampling(cores=1, target_accept=accept, pilot=pilot, **sampling)
    likelihoods = {label: law.noise(run, likelihood) for label, law in laws.items()}
    plan = Plan(
        laws, likelihoods, settings, y, inputs, ceiling, run, prob,
        None if forecast is None else dict(forecast), keep == "draws",
    )  # fmt: skip
    for label, law in laws.items() if forecast is not None else ():
        asked, seen = plan.asked_of(label), dict.fromkeys(plan.varies(label), ((),))
        levels, rest = asked_for(seen, asked)
        forecasting.checked_inputs(law.inputs, inputs, rest, label)
        if levels:
            check_named(seen, levels, label)
    return plan


def _check(count: int | None, executor: Any, chunk: int, seed: int) -> None:
    workers.check(executor, count)
    for name, value, least in (("chunk", chunk, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or int(value) != value or value < least:
            raise LawError(
                f"{name}= must be a whole number of at least {least}; got {short(value)}."
            )


# Running ------------------------------------------------------------------------------------------


def _fill(
    store: Store,
    plan: Plan,
    waiting: list[Job],
    count: int | None,
    executor: Any,
    chunk: int,
    progress: bool | None,
) -> None:
    import cloudpickle

    # By value where a law is defined in a notebook or a script, which workers cannot import.
    packed = cloudpickle.dumps(plan)
    finished = failed = 0
    started = time.monotonic()
    results = workers.run(
        curve_record.records, packed, waiting, executor=executor, workers=count, chunk=chunk,
        lost=lambda job, reason: failure(job, reason, "WorkerDied"),
    )  # fmt: skip
    with task(f"{len(waiting)} curves", total=len(waiting), progress=progress) as bar:
        try:
            for found in results:
                store.add(found)
                finished += len(found)
                failed += sum(bool(record["failure"]) for record in found)
                words = pace(finished, len(waiting), time.monotonic() - started, failed)
                bar.update(words, advance=len(found))
        except KeyboardInterrupt:
            store.rescue()
            raise
        finally:
            store.flush()


def pace(finished: int, total: int, seconds: float, failed: int) -> str:
    """Return how far a batch is, in words."""
    rate = finished / max(seconds, 1e-9)
    left = (total - finished) / rate if rate else float("nan")
    minutes, rest = divmod(round(left) if np.isfinite(left) else 0, 60)
    return f"{finished} of {total} curves, {rate:.3g}/s, {minutes}:{rest:02d} left, {failed} failed"


def _warn(table: FitTable) -> None:
    failed = table.failures["failure"]
    if len(failed):
        warnings.warn(
            f"{len(failed)} of {len(table.table)} curves could not be fitted; the first: "
            f"{failed.iloc[0]} See table.failures.",
            BayescaleWarning,
            stacklevel=3,
        )
    doubtful = table.counts()["doubtful"]
    if doubtful:
        warnings.warn(
            f"The diagnostics of {doubtful} of {len(table.table)} curves fall short: see the "
            "columns good and advice.",
            SamplingWarning,
            stacklevel=3,
        )
