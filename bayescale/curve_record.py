"""One curve of a batch: fitted, and only what a table needs of it kept.

A record is a dict of numbers and text, cheap to send and one line of JSON. Everything here is a
function of plan and job alone, so that where a job runs does not matter.
"""

from __future__ import annotations

import functools
import hashlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import attempts, fitting, forecasting
from bayescale.checks import populations
from bayescale.coordinates import Coordinates
from bayescale.data import observations
from bayescale.drift import DRIFT
from bayescale.errors import BayescaleError
from bayescale.groups import asked_for
from bayescale.labelling import named, named_by_level
from bayescale.leave_one_out import leave_one_out
from bayescale.observed import Observations
from bayescale.parameters import columns_by
from bayescale.posterior import Draws
from bayescale.sample import Sampling
from bayescale.workers import turn

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """What all curves of a batch have in common.

    Parameters
    ----------
    laws
        Label to law.
    likelihoods
        Label to how its runs scatter.
    settings
        Label to how it is sampled; the seed is each curve's own.
    y
        The name of the outcome's column.
    inputs
        Role to column.
    ceiling
        What a rising metric cannot exceed, or None.
    run
        The column that names the training runs, or None.
    prob
        Probability of the equal-tailed intervals.
    forecast
        Role to the inputs of a forecast, or None.
    keep_draws
        Whether the draws go into the record.
    """

    laws: dict[str, Any]
    likelihoods: dict[str, Any]
    settings: dict[str, Sampling]
    y: str
    inputs: dict[str, str]
    ceiling: float | None
    run: str | None
    prob: float
    forecast: dict[str, Any] | None
    keep_draws: bool

    @property
    def others(self) -> list[str]:
        """The columns that are used beside outcome and inputs: of runs, evaluations and levels."""
        known = [given for each in self.likelihoods.values() for given, _ in each.columns.values()]
        named = [name for name in (self.run, *known) if isinstance(name, str)]
        return [*dict.fromkeys([*named, *(c for label in self.laws for c in self.varies(label))])]

    def varies(self, label: str) -> tuple[str, ...]:
        """Return the columns with which a law or its noise varies."""
        return columns_by(self.laws[label], self.likelihoods[label])

    def asked_of(self, label: str) -> dict[str, Any]:
        """Return what is forecast of a law: without levels of columns that only others know."""
        every = {column for each in self.laws for column in self.varies(each)}
        unknown = every - set(self.varies(label))
        return {name: v for name, v in (self.forecast or {}).items() if name not in unknown}

    def checked(self, law: Any, likelihood: Any, runs: pd.DataFrame) -> Observations:
        """Return a group's rows, checked."""
        return observations(law, likelihood, runs, self.y, self.inputs, self.ceiling, self.run)


@dataclass(frozen=True, eq=False)
class Job:
    """One law to be fitted to one group of rows.

    Parameters
    ----------
    name
        A stable hash of group and law.
    label
        The law's.
    key
        The group's values.
    seed
        The curve's own.
    data
        A stable hash of its rows.
    runs
        Its rows.
    """

    name: str
    label: str
    key: tuple
    seed: int
    data: str
    runs: pd.DataFrame


def stable_hash(*parts: str) -> str:
    """Return a hash of texts that is the same in every process and on every machine."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def key_text(key: tuple) -> str:
    """Return a group's key as text; numpy's numbers read as Python's."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in key]
    return "; ".join(f"{type(value).__name__}:{value}" for value in plain)


def seed_of(seed: int, key: tuple) -> int:
    """Return a curve's seed from the batch's and the group's key, whatever the order."""
    return int(stable_hash("seed", str(seed), key_text(key))[:8], 16)


def settings_of(plan: Plan, job: Job) -> Sampling:
    """Return how a job is sampled."""
    return replace(plan.settings[job.label], seed=job.seed)


def fitted(plan: Plan, job: Job) -> attempts.Sampled:
    """Check a job's rows and sample."""
    law, likelihood = plan.laws[job.label], plan.likelihoods[job.label]
    runs = plan.checked(law, likelihood, job.runs)
    return attempts.sampled(law, likelihood, runs, settings_of(plan, job))


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


# Draws as arrays, and back ------------------------------------------------------------------------


def packed_draws(found: attempts.Sampled) -> dict[str, np.ndarray]:
    """Return draws as arrays that a file without pickles can hold."""
    draws = found.draws
    groups = {"quantity": draws.quantities, "parameter": draws.parameters, "noise": draws.noise}
    arrays = {}
    for group, values in groups.items():
        for name, value in values.items():
            many = isinstance(value, tuple)
            stacked = np.stack([np.asarray(v) for v in value], -1) if many else np.asarray(value)
            arrays[f"{group}.{name}{'.parts' if many else ''}"] = stacked
    for name, array in draws.stats.data_vars.items():
        arrays[f"stat.{name}"] = array.to_numpy()
    pareto_k = np.nan if draws.pareto_k is None else draws.pareto_k
    return arrays | {"pareto_k": np.asarray(pareto_k), "engine": np.asarray(draws.engine)}


def unpacked_fit(plan: Plan, job: Job, arrays: Mapping[str, np.ndarray]) -> fitting.Fit:
    """Return the fit whose draws were packed; equal to fitting again, bit by bit."""
    import xarray as xr

    values: dict[str, dict[str, Any]] = {}
    for full, array in arrays.items():
        group, _, name = full.partition(".")
        part = array
        if name.endswith(".parts"):
            name = name.removesuffix(".parts")
            part = tuple(array[..., i] for i in range(array.shape[-1]))
        values.setdefault(group, {})[name] = part
    dims = ("chain", "draw")
    stats = {name: (dims, array) for name, array in values["stat"].items()}
    shape = next(iter(values["stat"].values())).shape
    coords = {name: np.arange(size) for name, size in zip(dims, shape, strict=True)}
    pareto_k = float(arrays["pareto_k"])
    draws = Draws(
        values["quantity"],
        values["parameter"],
        values["noise"],
        xr.Dataset(stats, coords),
        str(arrays["engine"]),
        None if np.isnan(pareto_k) else pareto_k,
    )
    law, likelihood = plan.laws[job.label], plan.likelihoods[job.label]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # heard when the batch ran
        runs = plan.checked(law, likelihood, job.runs)
    return fitting.labelled(attempts.resumed(law, likelihood, runs, settings_of(plan, job), draws))
