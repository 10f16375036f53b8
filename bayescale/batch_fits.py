"""The fit of one job of a batch: made, its draws packed as arrays, and unpacked again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayescale import attempts, fitting
from bayescale.batch_plan import Job, Plan
from bayescale.posterior import Draws
from bayescale.sample import Sampling


def settings_of(plan: Plan, job: Job) -> Sampling:
    """Return how a job is sampled."""
    return replace(plan.settings[job.label], seed=job.seed)


def fitted(plan: Plan, job: Job) -> attempts.Sampled:
    """Check a job's rows and sample."""
    law, likelihood = plan.laws[job.label], plan.likelihoods[job.label]
    runs = plan.checked(law, likelihood, job.runs)
    return attempts.sampled(law, likelihood, runs, settings_of(plan, job))


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
