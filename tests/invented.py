"""Fits without sampling: draws near the middle of the priors, for what stands on fits."""

from typing import Any

import numpy as np
import xarray as xr

import bayescale as bs
from bayescale import fitting, posterior
from bayescale.coordinates import Coordinates
from bayescale.data import Observations, observations
from bayescale.sample import Sampling

SMALL = Sampling(draws=250, tune=10, chains=4, seed=7)


def invented_draws(
    law: Any, likelihood: Any, runs: Observations, settings: Sampling
) -> posterior.Draws:
    """Stand in for :func:`bayescale.engines.draw`."""
    rng = np.random.default_rng(settings.seed)
    shape = settings.chains, settings.draws
    coordinates = Coordinates(law, likelihood)
    numbers = coordinates.numbers(runs.references)

    def z(size):
        return (
            0.3 * rng.standard_normal(shape)
            if size is None
            else tuple(z(None) for _ in range(size))
        )

    values, _ = coordinates.values({n: z(size) for n, size in coordinates.sizes.items()}, numbers)
    groups = [_full(group, shape) for group in (values, *coordinates.natural(values, numbers))]
    dims = ("chain", "draw")
    stats = xr.Dataset(
        {
            "diverging": (dims, np.zeros(shape, bool)),
            "energy": (dims, rng.standard_normal(shape)),
            "n_steps": (dims, rng.integers(1, 9, shape).astype(np.uint64)),
        },
        {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
    )
    return posterior.Draws(*groups, stats, "invented, for a test", 0.25)


def _full(group, shape):
    def wide(value):
        if isinstance(value, tuple):
            return tuple(wide(part) for part in value)
        return np.array(np.broadcast_to(np.asarray(value, float), shape))

    return {name: wide(value) for name, value in group.items()}


def invented_fit(
    law: Any,
    likelihood: Any = None,
    ceiling: float | None = None,
    settings: Sampling = SMALL,
    columns: dict[str, str] | None = None,
    y: str = "loss",
) -> fitting.Fit:
    """Return a fit of any law whose draws come from :func:`invented_draws`."""
    likelihood = likelihood or law.default_likelihood()
    grids = {role: 100 * x for role, x in law.example_inputs(24).items()}
    columns = columns or {role: f"n_{role}" for role in law.inputs}
    table = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 24), y=y)
    table = table[[y]].assign(**{columns[role]: grid for role, grid in grids.items()})
    if ceiling is not None:
        table[y] = ceiling - table[y]
    runs = observations(law, likelihood, table, y, columns, ceiling)
    draws = invented_draws(law, likelihood, runs, settings)
    tree = posterior.tree(law, likelihood, runs, draws, settings.seed)
    tree.attrs = {"engine": draws.engine, "notes": ["a note"], "pareto_k": draws.pareto_k}
    return fitting.Fit(law, likelihood, runs, settings, tree)
