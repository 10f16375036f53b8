"""Fits whose draws are invented, near the middle of the priors: nothing is sampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayescale import fitting, posterior
from bayescale.coordinates import Coordinates
from bayescale.observed import Observations
from bayescale.sample import Sampling

#: A small fit.
SMALL = Sampling(draws=250, tune=10, chains=4, seed=7)


def invented_draws(
    law: Any, likelihood: Any, runs: Observations, settings: Sampling
) -> posterior.Draws:
    """Return draws near the middle of the priors.

    Parameters
    ----------
    law, likelihood, runs, settings
        As :func:`bayescale.engines.draw` takes them.

    Returns
    -------
    Draws
        In place of a posterior.
    """
    rng = np.random.default_rng(settings.seed)
    shape = settings.chains, settings.draws
    coordinates = Coordinates(law, likelihood)
    numbers = coordinates.numbers(runs.references)

    def z(size: int | None) -> Any:
        if size is None:
            return 0.3 * rng.standard_normal(shape)
        return tuple(z(None) for _ in range(size))

    values, _ = coordinates.values({n: z(size) for n, size in coordinates.sizes.items()}, numbers)
    natural, noise = coordinates.natural(values, numbers)
    dims = ("chain", "draw")
    stats = xr.Dataset(
        {
            "diverging": (dims, np.zeros(shape, bool)),
            "energy": (dims, rng.standard_normal(shape)),
            "n_steps": (dims, rng.integers(1, 9, shape).astype(np.uint64)),
        },
        {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
    )
    return posterior.Draws(
        _full(values, shape), _full(natural, shape), _full(noise, shape),
        stats, "invented, for a test", 0.25,
    )  # fmt: skip


def _full(group: dict[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    def wide(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(wide(part) for part in value)
        return np.array(np.broadcast_to(np.asarray(value, float), shape))

    return {name: wide(value) for name, value in group.items()}


def invented_fit(
    law: Any, likelihood: Any, runs: Observations, settings: Sampling = SMALL
) -> fitting.Fit:
    """Return a fit whose draws come from :func:`invented_draws`."""
    draws = invented_draws(law, likelihood, runs, settings)
    tree = posterior.tree(law, likelihood, runs, draws, settings.seed)
    tree.attrs = {"engine": draws.engine, "notes": ["a note"], "pareto_k": draws.pareto_k}
    return fitting.Fit(law, likelihood, runs, settings, tree)
