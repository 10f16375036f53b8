"""From the sampler's draws to everything a fit holds: parameters, log likelihood, labelled tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse, condense, input_errors, model, pareto, pilot, sample
from bayescale.coordinates import Coordinates, split
from bayescale.groups import Groups, dimension, subsets
from bayescale.levels import at_cells, by_row, reduced, widened
from bayescale.observed import Observations
from bayescale.parameters import signature

if TYPE_CHECKING:
    import xarray as xr

#: Numbers that are held at once: a table of draws and runs beyond it is made in parts.
HELD = 20_000_000
#: Above this, weights cannot repair the Gaussian stand-in and the plain density is sampled.
PARETO_K_LIMIT = 0.7


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


def draw(law: Any, likelihood: Any, runs: Observations, settings: sample.Sampling) -> Draws:
    """Sample the posterior of a law.

    Floor and level are integrated out where the form and the priors allow it, and the draws are
    weighted to the declared posterior; where the weights fail, or elsewhere, the declared
    density is sampled itself; from very many runs it is made of sums over nearly equal inputs.

    Parameters
    ----------
    law, likelihood
        The description.
    runs
        The checked data.
    settings
        How to sample.

    Returns
    -------
    Draws
        The posterior.
    """
    coordinates = Coordinates(law, likelihood, runs.groups)
    numbers = coordinates.numbers(runs.references)
    failed = None
    if runs.groups is not None:
        return _draw_grouped(coordinates, runs, numbers, settings)
    if condense.pays(coordinates, runs):
        return _draw_condensed(coordinates, runs, numbers, settings)
    if collapse.applies(coordinates):
        collapsed = _draw_collapsed(coordinates, runs, numbers, settings)
        if collapsed.pareto_k is not None and collapsed.pareto_k <= PARETO_K_LIMIT:
            return collapsed
        failed = collapsed.pareto_k
    return _draw_plain(coordinates, runs, numbers, settings, failed)


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


def named(
    values: Mapping[str, Any], labels: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, np.ndarray]:
    """Return every component and level under a name of its own: ``break_location[1]``.

    Parameters
    ----------
    values
        Name to draws of shape (...); components as a tuple.
    labels
        For names that vary, whose draws have the shape (level, ...), the labels of their levels.
    """
    found = {}
    for name, value in values.items():
        many, levels = isinstance(value, tuple), (labels or {}).get(name)
        for i, part in enumerate(value if many else (value,)):
            inside = [str(i + 1)] if many else []
            if levels is None:
                found[f"{name}[{inside[0]}]" if many else name] = np.asarray(part)
                continue
            for level, draws in zip(levels, part, strict=True):
                found[f"{name}[{', '.join([*inside, str(level)])}]"] = np.asarray(draws)
    return found


def named_by_level(runs: Observations, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return every component and level of parameters under a name of its own.

    Parameters
    ----------
    runs
        With or without groups.
    values
        Parameter to draws of shape (chain, draw), or with groups (cell, chain, draw).
    """
    if runs.groups is None:
        return named(values)
    plain, labels = {}, {}
    for name, value in values.items():
        by, plain[name] = reduced(runs.groups, value)
        if by:
            labels[name] = runs.groups.labels(by)
    return named(plain, labels)


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


def density_key(kind: str, coordinates: Coordinates, settings: sample.Sampling) -> tuple:
    """Return what a compiled density depends on."""
    return kind, signature(coordinates.law), signature(coordinates.likelihood), settings.sampler


def _draw_plain(
    coordinates: Coordinates,
    runs: Observations,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
    failed: float | None,
) -> Draws:
    density = model.density(coordinates.law, coordinates.likelihood, numbers, runs)
    engine = "the declared density"
    if failed is not None:
        engine += f" (integrating the floor out was not exact enough here: Pareto k {failed:.2f})"
    return _draw_declared("declared", density, coordinates, numbers, settings, engine)


def _draw_grouped(
    coordinates: Coordinates,
    runs: Observations,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
) -> Draws:
    """Sample a law of which something varies: a pilot says what runs say of levels."""
    key = density_key("declared", coordinates, settings)
    density = model.density(coordinates.law, coordinates.likelihood, numbers, runs)
    vectors, stats, numbers = pilot.sampled(key, density, coordinates, numbers, settings)
    values, _ = coordinates.values(coordinates.split(vectors), numbers)
    return _assembled(coordinates, values, numbers, stats, "the declared density", None)


def _draw_condensed(
    coordinates: Coordinates,
    runs: Observations,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
) -> Draws:
    sums = condense.condensed(coordinates, runs, numbers)
    density = model.condensed_density(coordinates.law, coordinates.likelihood, numbers, sums)
    engine = f"the declared density, {len(runs)} runs summed up in {len(sums.runs)} bins of x"
    return _draw_declared("condensed", density, coordinates, numbers, settings, engine)


def _draw_declared(
    kind: str,
    density: model.Density,
    coordinates: Coordinates,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
    engine: str,
) -> Draws:
    vectors, stats = sample.run(density_key(kind, coordinates, settings), density, settings)
    values, _ = coordinates.values(coordinates.split(vectors), numbers)
    return _assembled(coordinates, values, numbers, stats, engine, None)


def _draw_collapsed(
    coordinates: Coordinates,
    runs: Observations,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
) -> Draws:
    law, likelihood = coordinates.law, coordinates.likelihood
    statistics, top = collapse.linearized(coordinates, runs, numbers)
    density = model.collapsed_density(law, likelihood, numbers, statistics)
    key = density_key("collapsed", coordinates, settings)
    vectors, stats = sample.run(key, density, settings)
    values, _ = coordinates.values(
        split(vectors, collapse.remaining(coordinates)), numbers, pair=False
    )
    rng = np.random.default_rng([settings.seed, 1])
    values, log_weights = collapse.complete(
        coordinates, values, numbers, runs, statistics, top, rng
    )
    keep, pareto_k = resampled(log_weights, rng)
    values = {name: _taken(value, keep) for name, value in values.items()}
    if "mode" in stats:
        stats["mode"] = (stats["mode"].dims, _taken(stats["mode"].to_numpy(), keep))
    engine = "floor and level integrated out, drawn exactly, and weighted to the declared density"
    return _assembled(coordinates, values, numbers, stats, engine, pareto_k)


def _taken(value: Any, keep: np.ndarray) -> Any:
    if isinstance(value, tuple):
        return tuple(_taken(part, keep) for part in value)
    return np.take_along_axis(value, keep, axis=1) if np.ndim(value) == 2 else value


def resampled(log_weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return which draws to keep, in order and within each chain, and the weights' Pareto k.

    Systematic resampling keeps the chains' order, so effective sample sizes computed from the
    kept draws count both autocorrelation and unequal weights.

    Parameters
    ----------
    log_weights
        Shape (chain, draw); minus infinity rejects a draw.
    rng
        Random numbers.

    Returns
    -------
    keep
        Positions along the draw axis, shape (chain, draw).
    pareto_k
        Shape of the weights' tail; infinite when a chain has no weight at all.
    """
    chains, draws = log_weights.shape
    usable = np.isfinite(log_weights)
    unmoved = np.tile(np.arange(draws), (chains, 1))
    if not usable.any(axis=1).all():
        return unmoved, np.inf
    # A draw outside the declared support weighs nothing, and has no part in the tail.
    smooth = np.full(log_weights.shape, -np.inf)
    weighed, (pareto_k,) = pareto.smoothed(log_weights[usable][None])
    smooth[usable] = weighed[0]
    keep = np.empty((chains, draws), int)
    for chain in range(chains):
        weights = np.exp(smooth[chain] - smooth[chain].max())
        edges = np.cumsum(weights) / weights.sum()
        ticks = (np.arange(draws) + rng.random()) / draws
        keep[chain] = np.minimum(np.searchsorted(edges, ticks), draws - 1)
    return keep, float(pareto_k)


def _assembled(
    coordinates: Coordinates,
    values: dict[str, Any],
    numbers: Mapping[str, Any],
    stats: xr.Dataset,
    engine: str,
    pareto_k: float | None,
) -> Draws:
    natural, noise = coordinates.natural(values, numbers)
    shape = (stats.sizes["chain"], stats.sizes["draw"])
    wide = [at_cells(coordinates.groups, group, shape) for group in (natural, noise)]
    return Draws(values, wide[0], wide[1], stats, engine, pareto_k)


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
        in y's own units) and posterior_predictive where they are not too large to be held.
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
    return xr.DataTree.from_dict(groups)


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


def labelled(
    values: Mapping[str, Any],
    component: str = "break",
    groups: Groups | None = None,
    by: Mapping[str, tuple[str, ...]] | None = None,
) -> xr.Dataset:
    """Return draws as a dataset with dimensions chain, draw and, for components and levels, more.

    Parameters
    ----------
    values
        Name to draws of shape (chain, draw), or (level, chain, draw) of what varies; components
        as a tuple.
    component
        The dimension of components.
    groups, by
        Of what varies: the levels, and the columns by name.
    """
    import xarray as xr

    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for name, value in values.items():
        many, columns = isinstance(value, tuple), (by or {}).get(name, ())
        array = np.stack(value, axis=-1) if many else np.array(value)
        dims = ("chain", "draw", component)[: 3 if many else 2]
        if columns and groups is not None:
            dims, array = (*dims, dimension(columns)), np.moveaxis(array, 0, -1)
            coords[dims[-1]] = groups.labels(columns)
        variables[name] = (dims, array)
        coords |= {dim: np.arange(array.shape[i]) for i, dim in enumerate(dims[:2])}
        if many and len(value) > len(coords.get(component, ())):
            coords[component] = np.arange(1, len(value) + 1)
    return xr.Dataset(variables, coords)


def unlabelled(
    posterior: xr.Dataset, names: list[str], groups: Groups | None = None
) -> dict[str, Any]:
    """Return draws of some variables as plain arrays; components as a tuple, levels first."""
    dims = {} if groups is None else {dimension(by): by for by in subsets(groups)}
    values: dict[str, Any] = {}
    for name in names:
        variable = posterior[name]
        levels = [dim for dim in variable.dims if dim in dims]
        array = variable.transpose(*levels, "chain", "draw", ...).to_numpy()
        plain = 2 + len(levels)
        many = array.ndim > plain
        values[name] = tuple(array[..., i] for i in range(array.shape[-1])) if many else array
    return values


def parameters_of(posterior: xr.Dataset, names: list[str], groups: Groups | None) -> dict[str, Any]:
    """Return draws of parameters, for every cell where there are groups."""
    values = unlabelled(posterior, names, groups)
    if groups is None:
        return values
    dims = {dimension(by): by for by in subsets(groups)}
    found = {}
    for name, value in values.items():
        by = next((dims[str(dim)] for dim in posterior[name].dims if dim in dims), ())
        found[name] = widened(groups, by, value)
    return found
