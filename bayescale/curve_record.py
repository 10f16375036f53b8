"""One curve of a batch: fitted, and only what a table needs of it kept.

A record is a dict of numbers and text, cheap to send and one line of JSON. Everything here is a
function of plan and job alone, so that where a job runs does not matter.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayescale import attempts, fitting, forecasting
from bayescale.batch_fits import fitted, packed_draws
from bayescale.batch_plan import Job, Plan, key_text
from bayescale.checks import populations
from bayescale.coordinates import Coordinates
from bayescale.drift import DRIFT
from bayescale.errors import BayescaleError
from bayescale.groups import asked_for
from bayescale.labelling import named, named_by_level
from bayescale.leave_one_out import leave_one_out
from bayescale.workers import turn

Record = dict[str, Any]


@functools.lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Plan:
    import cloudpickle

    return cloudpickle.loads(packed)


def records(packed: bytes, jobs: Sequence[Job]) -> list[Record]:
    """Fit some jobs, one after another.

    Parameters
    ----------
    packed
        The plan, pickled; a process unpacks it once.
    jobs
        What to fit.

    Returns
    -------
    list of dict
        A record for each job, in order; an error is a record with its reason.
    """
    with turn:
        plan = _unpacked(packed)
        return [_record(plan, job) for job in jobs]


def failure(job: Job, reason: str, kind: str) -> Record:
    """Return the record of a job that has no posterior."""
    return _head(job) | {"failure": reason, "failure_kind": kind}


def _head(job: Job) -> Record:
    return {
        "name": job.name,
        "label": job.label,
        "key": key_text(job.key),
        "data": job.data,
        "seed": job.seed,
        "runs": len(job.runs),
        "failure": "",
        "failure_kind": "",
    }


def _record(plan: Plan, job: Job) -> Record:
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found = fitted(plan, job)
            record = _head(job) | summary(found, plan.prob)
            if plan.forecast is not None:
                record["forecast"] = forecast_rows(found, plan.asked_of(job.label), plan.prob)
            if plan.keep_draws:
                record["draws"] = packed_draws(found)
        except Exception as error:
            kind = type(error).__name__
            reason = str(error) if isinstance(error, BayescaleError) else f"{kind}: {error}"
            record = failure(job, reason, kind)
    record["warnings"] = [
        str(w.message) for w in heard if type(w.message).__module__.startswith("bayescale.")
    ]
    record["seconds"] = time.perf_counter() - started
    return record


def summary(found: attempts.Sampled, prob: float) -> Record:
    """Return the numbers of one fit that the table holds.

    Parameters
    ----------
    found
        Checked draws.
    prob
        Probability of the equal-tailed interval.

    Returns
    -------
    dict
        ``parameters``: name to median, lower and upper, as ``np.quantile`` of the fit's draws (of
        what varies by level, and its population);
        diagnostics; ``loo``: elpd, se, p, worst Pareto k and elpd row by row, as
        ``az.loo(fit.tree)`` has them.
    """
    draws = named_by_level(found.runs, found.draws.parameters | found.draws.noise)
    coordinates = Coordinates(found.law, found.likelihood, found.runs.groups)
    draws |= named({name: found.draws.quantities[name] for name in populations(coordinates)})
    levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    block = np.stack([value.ravel() for value in draws.values()])
    numbers = np.quantile(block, levels, axis=1).T.tolist()
    d = found.diagnostics
    return {
        "parameters": dict(zip(draws, numbers, strict=True)),
        "diagnostics": {
            "good": bool(d.good),
            "rhat": d.rhat,
            "ess_bulk": d.ess_bulk,
            "ess_tail": d.ess_tail,
            "divergences": d.divergences,
            "draws": d.draws,
            "bfmi": d.bfmi,
            "misfit": float(d.misfit),
        },
        "advice": list(d.advice),
        "engine": found.draws.engine,
        "retried": bool(found.notes) or bool(found.draws.stats.attrs.get("again", 0)),
        "straightened": bool(found.draws.stats.attrs.get("straightened", 0)),
        "loo": loo_record(found),
    }


def loo_record(found: attempts.Sampled) -> Record:
    """Return PSIS-LOO as ``az.loo(fit.tree)`` has it."""
    d = found.draws
    loo = leave_one_out(
        found.law, found.likelihood, found.runs, d.parameters, d.noise, d.quantities
    )
    return {
        "elpd": loo.elpd,
        "elpd_se": loo.se,
        "p_loo": float(loo.p_i.sum()),
        "worst_pareto_k": float(loo.pareto_k.max()),
        "pointwise": loo.elpd_i.tolist(),
    }


def forecast_rows(
    found: attempts.Sampled, inputs: Mapping[str, Any], prob: float
) -> dict[str, list[float]]:
    """Return the intervals of ``fit.forecast``, of curve and of one new run, by column."""
    if found.runs.groups is not None:
        return _forecast_rows_of_levels(fitting.labelled(found), inputs, prob)
    fit, runs = fitting.bare(found), found.runs
    at = forecasting.checked_inputs(found.law.inputs, runs.columns, inputs, fit.name)
    curve = fit.drifted_draws(at, DRIFT)
    levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    columns = {runs.columns[role]: values for role, values in at.items()}
    for of, draws in (("observation", fit.new_run_draws(curve, at)), ("curve", curve)):
        bounds = np.quantile(runs.reported(draws), levels, axis=(0, 1))
        for name, values in zip(("median", "lower", "upper"), bounds, strict=True):
            columns[f"{of}_{name}"] = values
    beyond = [values / runs.references[f"{role}_end"] for role, values in at.items()]
    columns["extrapolation"] = np.max(beyond, axis=0)
    return {name: values.tolist() for name, values in columns.items()}


def _forecast_rows_of_levels(
    fit: fitting.Fit, inputs: Mapping[str, Any], prob: float
) -> dict[str, list]:
    """Return the intervals of every level that was seen, or of those given."""
    levels, rest = asked_for(fit.seen, inputs)
    at = forecasting.checked_inputs(fit.law.inputs, fit.runs.columns, rest, fit.name)
    groups = fit.runs.groups
    if groups is not None and not levels:
        count = len(next(iter(at.values())))
        at = {role: np.tile(values, len(groups)) for role, values in at.items()}
        levels = {
            column: [groups.levels[i][code] for code in np.repeat(groups.cells[:, i], count)]
            for i, column in enumerate(groups.columns)
        }
    made = fit.forecast(drift=DRIFT, **at, **levels)
    bounds: dict[str, Any] = {name: made.inputs[name] for name in made.inputs}
    for of in ("observation", "curve"):
        table = made.interval(prob, of)
        bounds |= {f"{of}_{name}": table[name] for name in ("median", "lower", "upper")}
    bounds["extrapolation"] = made.extrapolation
    return {name: values.tolist() for name, values in bounds.items()}
