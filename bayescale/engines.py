"""The ways to draw a posterior: which density is sampled, and how its draws are weighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse, condense, linearizing, model, pareto, pilot, sample
from bayescale.coordinates import Coordinates, split
from bayescale.levels import at_cells
from bayescale.observed import Observations
from bayescale.parameters import signature
from bayescale.posterior import Draws

if TYPE_CHECKING:
    import xarray as xr

#: Above this, weights cannot repair the Gaussian stand-in and the plain density is sampled.
PARETO_K_LIMIT = 0.7


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
    statistics, top = linearizing.linearized(coordinates, runs, numbers)
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
