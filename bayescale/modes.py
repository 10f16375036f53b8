"""Which draws lie in modes of their own.

Two draws belong together where a path of draws, each a neighbour of the next, leads from one to the
other without leaving the region of highest density that holds nearly all of the posterior, in
between neighbours neither. Two bumps on one ridge are so one mode; two places with next to nothing
between them are two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: The share of the posterior outside the region within which paths must stay.
_OUTSIDE = 0.02
#: Draws that are looked at, and neighbours of each.
_LOOKED_AT, _NEIGHBOURS = 2000, 10
#: A mode of less than this share of the draws is part of the nearest other one.
LEAST = 0.01


def modes_of(
    draws: np.ndarray, log_p: np.ndarray, density: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Return the mode of each draw: 0 the one with most draws, 1 the next, and so on.

    Parameters
    ----------
    draws
        Of all modes by their mass, shape (chain, draw, d).
    log_p
        Their log density, shape (chain, draw).
    density
        From a point to the log density.

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (chain, draw).
    """
    from scipy.spatial import KDTree

    size = draws.shape[-1]
    flat, level = draws.reshape(-1, size), log_p.ravel()
    flat = (flat - flat.mean(0)) / (flat.std(0) + 1e-12)
    every = max(len(flat) // _LOOKED_AT, 1)
    looked = np.arange(0, len(flat), every)
    least = np.quantile(level, _OUTSIDE)
    inside = looked[level[looked] >= least]
    group = _connected(flat[inside], draws.reshape(-1, size)[inside], density, least)
    order = np.argsort(-np.bincount(group), kind="stable")
    number = np.empty(len(order), int)
    number[order] = np.arange(len(order))
    group = number[group]
    counted = np.bincount(group) >= LEAST * len(inside)
    kept = counted[group]
    _, nearest = KDTree(flat[inside[kept]]).query(flat)
    return group[kept][nearest].reshape(log_p.shape)


def _connected(
    flat: np.ndarray, points: np.ndarray, density: Callable[[np.ndarray], float], least: float
) -> np.ndarray:
    """Return the number of the part of the graph that each point is in."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    # Of equal draws, which a chain that stays has, one stands for all.
    once, where = np.unique(flat, axis=0, return_inverse=True)
    where = where.ravel()
    at = np.empty((len(once), points.shape[1]))
    at[where] = points
    count = min(_NEIGHBOURS + 1, len(once))
    _, near = KDTree(once).query(once, k=count)
    near = near.reshape(len(once), -1)[:, 1:]
    a = np.repeat(np.arange(len(once)), near.shape[1])
    b = near.ravel()
    pairs = np.unique(np.sort(np.stack([a, b]), axis=0), axis=1)
    between = np.array([density((at[i] + at[j]) / 2) for i, j in pairs.T])
    a, b = pairs[:, np.nan_to_num(between, nan=-np.inf) >= least]
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(once), len(once)))
    _, group = connected_components(graph, directed=False)
    return np.asarray(group)[where]
