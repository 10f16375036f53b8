"""Whether chains agree, and what is done where they sit in modes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale import modes, starts, weighing
from bayescale.convergence import ESS, RHAT, rhat_and_ess

if TYPE_CHECKING:
    import xarray as xr

#: Coordinates have more effective draws than what follows from them: how many times the least.
SPARE = 1.25
#: Draws that are compared.
_LOOKED_AT = 2000
_DIMS = ("chain", "draw")


def judged(draws: np.ndarray) -> tuple[float, bool]:
    """Return the largest R-hat of all coordinates, and whether the draws are enough."""
    rhat, bulk, _ = rhat_and_ess(np.moveaxis(draws, -1, 0))
    if draws.shape[0] == 1:
        rhat = np.ones(len(bulk))
    rhat, bulk = np.nan_to_num(rhat, nan=np.inf), np.nan_to_num(bulk)
    return float(rhat.max()), bool(rhat.max() < RHAT and bulk.min() > SPARE * ESS)


def weighed(
    density: weighing.LogDensity,
    elsewhere: np.ndarray,
    draws: np.ndarray,
    stats: xr.Dataset,
    seed: int,
) -> tuple[np.ndarray, xr.Dataset]:
    """Return draws that hold every mode by its mass, and say of each which mode it is in.

    Two ways to the posterior check each other: chains of NUTS, and importance sampling from a
    mixture of all that is known. Where they agree NUTS's draws stay as they are.

    Parameters
    ----------
    density
        From a point to the log density.
    elsewhere
        Draws of whatever modes were found, in any proportion; shape (n, d).
    draws, stats
        Of NUTS: draws of shape (chain, draw, d).
    seed
        Same seed, same draws.

    Returns
    -------
    draws, stats
        NUTS's; or independent ones by importance sampling, as many, with the attribute
        ``weighed``, where NUTS's chains do not agree, or not with these. The statistic ``mode``
        where draws lie in several modes apart. Where importance sampling does not come to weights
        that can be trusted, NUTS's draws have the attribute ``unweighed``.
    """
    rng = np.random.default_rng([seed, 19])
    chains, length, size = draws.shape
    own = _thinned(draws.reshape(-1, size), len(elsewhere))
    worst, _ = judged(draws)
    found = weighing.weighed(density, np.concatenate([own, elsewhere]), rng)
    if found is not None and found.trusted:
        others, log_p = weighing.dealt(found, chains, length, rng)
        both, _ = judged(np.concatenate([draws, others]))
        if max(worst, both) < RHAT and unseen(draws, others) < starts.LEAST:
            return draws, stats
        found = weighing.more(density, found, rng)
    if found is None or not found.trusted:
        return draws, stats.assign_attrs(unweighed=1)
    others, log_p = weighing.dealt(found, chains, length, rng)
    mode = modes.modes_of(others, log_p, density)
    stats = _as_stats(log_p, found)
    return others, stats.assign(mode=(_DIMS, mode)) if mode.any() else stats


def unseen(draws: np.ndarray, others: np.ndarray) -> float:
    """Return the share of other draws that lie further from all draws than draws do themselves.

    Parameters
    ----------
    draws, others
        Shape (chain, draw, d).
    """
    from scipy.spatial import KDTree

    size = draws.shape[-1]
    scale = others.reshape(-1, size).std(0) + 1e-12
    half = len(draws) // 2 or 1
    one, two, asked = (
        _thinned(part.reshape(-1, size), _LOOKED_AT) / scale
        for part in (draws[:half], draws[half:] if len(draws) > 1 else draws, others)
    )
    tree = KDTree(one)
    usual = np.quantile(tree.query(two)[0], 0.99)
    return float((tree.query(asked)[0] > usual).mean())


def _thinned(points: np.ndarray, most: int) -> np.ndarray:
    return points[:: max(len(points) // max(most, 1), 1)]


def _as_stats(log_p: np.ndarray, found: weighing.Weighed) -> xr.Dataset:
    """Return what is known of draws that no trajectory led to."""
    import xarray as xr

    coords = {name: np.arange(size) for name, size in zip(_DIMS, log_p.shape, strict=True)}
    never = np.zeros(log_p.shape, bool)
    stats = {"lp": (_DIMS, log_p), "diverging": (_DIMS, never)}
    attrs = {
        "weighed": 1,
        "again": 1,
        "weighed_pareto_k": found.pareto_k,
        "weighed_effective": found.effective,
    }
    return xr.Dataset(stats, coords, attrs)
