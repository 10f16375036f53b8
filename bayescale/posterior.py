"""Draws of a posterior, and what follows: curves, log likelihood, the labelled tree of a fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import input_errors, model, prior_draws
from bayescale.coordinates import Coordinates
from bayescale.labelling import labelled, named
from bayescale.levels import by_row, reduced
from bayescale.observed import Observations

if TYPE_CHECKING:
    import xarray as xr

#: Numbers that are held at once: a table of draws and runs beyond it is made in parts.
HELD = 20_000_000
#: Draws from the priors that a fit keeps.
PRIOR_DRAWS = 500


@dataclass(frozen=True, eq=False)
class Draws:
    """Posterior draws of one fit, as plain arrays of shape (chain, draw).

    Parameters
    ----------
    quantities
        What carries priors, and what is fixed; components as a tuple. What varies has its levels
        first: (level, chain, draw).
    parameters
        The law's parameters, in the user's units; components as a tuple. With groups of runs of
        shape (cell, chain, draw), all of them.
    noise
        The likelihood's parameters.
    stats
        The sampler's statistics.
    engine
        Which density was sampled, in words.
    pareto_k
        Of the weights from the collapsed to the declared posterior, or None.
    """

    quantities: dict[str, Any]
    parameters: dict[str, Any]
    noise: dict[str, Any]
    stats: xr.Dataset
    engine: str
    pareto_k: float | None = None


def evaluate(
    law: Any,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, np.ndarray],
    references: Mapping[str, float],
    cell: np.ndarray | None = None,
) -> np.ndarray:
    """Return the curve of every draw at every input.

    Parameters
    ----------
    law
        The law.
    parameters
        Parameter to array of shape (...); components as a tuple.
    inputs
        Role to values, shape (m,), in the user's units.
    references
        The data's references.
    cell
        Which combination of levels each input is meant for, shape (m,), where parameters have the
        shape (cell, ...).

    Returns
    -------
    numpy.ndarray
        Shape (..., m).
    """
    wide = by_row(parameters, cell)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(law.curve(inputs, wide, references))


def log_likelihood(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: Mapping[str, Any],
    noise: Mapping[str, np.ndarray],
    part: slice | None = None,
) -> np.ndarray:
    """Return the log density of every row under every draw, of y in its own units.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted.
    parameters, noise
        Draws of shape (...); components as a tuple.
    part
        Some rows that follow one another; all by default.

    Returns
    -------
    numpy.ndarray
        Shape (..., row). Where noise is correlated or shared, a row's density is given those before
        it.
    """
    start, stop, _ = (part or slice(None)).indices(len(runs))
    lead = 1 if likelihood.correlated and start > 0 else 0
    if likelihood.grouped:
        lead = int(runs.by_run(("place",))["place"][start]) if start < len(runs) else 0
    rows = slice(start - lead, stop)
    inputs = {role: values[rows] for role, values in runs.inputs.items()}
    cell = cell_of(runs, rows)
    curve = evaluate(law, parameters, inputs, runs.references, cell)
    by_run = {n: column[rows] for n, column in runs.by_run(likelihood.by_run).items()}
    by_run = input_errors.told(
        likelihood, by_run, inputs, lambda at: evaluate(law, parameters, at, runs.references, cell)
    )
    noisy = by_row(noise, cell)
    density = likelihood.log_density(runs.outcome[rows], curve, **noisy, **by_run)
    return density[..., lead:]


def cell_of(runs: Observations, rows: slice | None = None) -> np.ndarray | None:
    """Return the cell of each row, or None where nothing varies with groups."""
    return None if runs.groups is None else runs.cells[rows or slice(None)]


def over_rows(noise: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the noise's draws with an axis for the rows."""
    return {name: np.asarray(value)[..., None] for name, value in noise.items()}


def parts(rows: int, draws: int) -> Iterator[slice]:
    """Yield slices of rows of which a number for every draw can be held at once."""
    step = max(HELD // max(draws, 1) // 4, 1)
    yield from (slice(at, at + step) for at in range(0, rows, step))


def median_curve(law: Any, parameters: Mapping[str, Any], runs: Observations) -> np.ndarray:
    """Return the median over draws of the curve at every run, shape (run,).

    Of very many runs it is the median of a few hundred draws, evenly spaced.
    """
    count = np.size(next(iter(named(parameters).values())))
    grouped = runs.groups is not None
    count = count // len(runs.groups) if runs.groups else count
    step = max(count // 200, 1) if count * len(runs) > HELD else 1

    def some(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(some, value))
        flat = value.reshape(len(value), -1) if grouped else np.ravel(value)
        return flat[..., ::step]

    thinned = {name: some(value) for name, value in parameters.items()}
    found = []
    for part in parts(len(runs), count // step):
        inputs = {role: values[part] for role, values in runs.inputs.items()}
        cell = cell_of(runs, part)
        found.append(np.median(evaluate(law, thinned, inputs, runs.references, cell), axis=0))
    return np.concatenate(found)


def tree(law: Any, likelihood: Any, runs: Observations, draws: Draws, seed: int) -> xr.DataTree:
    """Return the labelled posterior: every group that ArviZ and PyMC expect.

    Parameters
    ----------
    law, likelihood
        The description.
    runs
        The checked data.
    draws
        The posterior.
    seed
        Of the posterior predictive draws.

    Returns
    -------
    xarray.DataTree
        posterior, sample_stats, observed_data and constant_data; log_likelihood (log density of y
        in y's own units) and posterior_predictive where they are not too large to be held; prior
        where nothing varies with groups.
    """
    import xarray as xr

    posterior = _posterior(law, likelihood, runs, draws)
    inputs = {role: ("run", column) for role, column in runs.inputs.items()}
    groups = {
        "posterior": posterior,
        "sample_stats": draws.stats,
        **_by_run(law, likelihood, runs, draws, seed),
        "observed_data": xr.Dataset(
            {model.OUTCOME: ("run", runs.reported(runs.outcome))}, {"run": np.arange(len(runs))}
        ),
        "constant_data": xr.Dataset(inputs, {"run": np.arange(len(runs))}),
    }
    if runs.groups is None:
        groups["prior"] = _prior(law, likelihood, runs, seed)
    return xr.DataTree.from_dict(groups)


def _prior(law: Any, likelihood: Any, runs: Observations, seed: int) -> xr.Dataset:
    """Return draws from the priors by the posterior's names, in one chain."""
    rng = np.random.default_rng([seed, 3])
    with np.errstate(all="ignore"):  # a wide prior may leave the range of numbers
        found = prior_draws.drawn(law, likelihood, runs.references, PRIOR_DRAWS, rng)

    def chain(value: Any) -> Any:
        return tuple(part[None] for part in value) if isinstance(value, tuple) else value[None]

    every = {name: chain(value) for group in found for name, value in group.items()}
    return labelled(every, law.component)


def _posterior(law: Any, likelihood: Any, runs: Observations, draws: Draws) -> xr.Dataset:
    """Return the draws of what carries priors and of all parameters, labelled."""
    coordinates = Coordinates(law, likelihood, runs.groups)
    held = {slot.quantity: draws.quantities[slot.quantity] for slot in coordinates.moving}
    if runs.groups is None:
        return labelled({**held, **draws.parameters, **draws.noise}, law.component)
    dims = {slot.quantity: runs.groups.own(slot.by) for slot in coordinates.moving}
    for name, value in (draws.parameters | draws.noise).items():
        if name not in held:
            dims[name], held[name] = reduced(runs.groups, value)
    return labelled(held, law.component, runs.groups, dims)


def _by_run(
    law: Any, likelihood: Any, runs: Observations, draws: Draws, seed: int
) -> dict[str, xr.Dataset]:
    """Return the groups that hold a number for every draw and run, unless they are too large."""
    import xarray as xr

    chains, kept = draws.stats.sizes["chain"], draws.stats.sizes["draw"]
    if chains * kept * len(runs) > HELD:
        return {}
    cell = cell_of(runs)
    curve = evaluate(law, draws.parameters, runs.inputs, runs.references, cell)
    by_run = input_errors.told(
        likelihood,
        runs.by_run(likelihood.by_run),
        runs.inputs,
        lambda at: evaluate(law, draws.parameters, at, runs.references, cell),
    )
    noise = by_row(draws.noise, cell) | by_run
    new = likelihood.draw(np.random.default_rng([seed, 2]), curve, **noise)
    density = likelihood.log_density(runs.outcome, curve, **noise)
    dims = ("chain", "draw", "run")
    coords = {"chain": np.arange(chains), "draw": np.arange(kept), "run": np.arange(len(runs))}
    return {
        "log_likelihood": xr.Dataset({model.OUTCOME: (dims, density)}, coords),
        "posterior_predictive": xr.Dataset({model.OUTCOME: (dims, runs.reported(new))}, coords),
    }
