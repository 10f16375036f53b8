"""Whether two sets of draws are of one distribution: Monte Carlo errors, and tests of samples.

Used where the same posterior was drawn in two ways (`benchmarks/crosscheck/`, and the tests of the
sampler's coordinates).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from arviz_stats.base.array import array_stats
from scipy import stats
from scipy.spatial.distance import cdist

#: What of a distribution is compared, as the arguments of its Monte Carlo error.
STATISTICS = {
    "mean": {"method": "mean"}, "sd": {"method": "sd"},
    "q05": {"method": "quantile", "prob": 0.05}, "q50": {"method": "quantile", "prob": 0.5},
    "q95": {"method": "quantile", "prob": 0.95},
}  # fmt: skip


def statistic(name: str, draws: np.ndarray) -> float:
    """Return a statistic of draws."""
    if name in ("mean", "sd"):
        return float(draws.mean() if name == "mean" else draws.std(ddof=1))
    return float(np.quantile(draws, STATISTICS[name]["prob"]))


def in_errors(name: str, one: np.ndarray, other: np.ndarray) -> float:
    """Return by how many Monte Carlo standard errors a statistic differs.

    Parameters
    ----------
    name
        Of :data:`STATISTICS`.
    one, other
        Draws, shape (chain, draw).
    """
    errors = [float(array_stats.mcse(draws, **STATISTICS[name])) for draws in (one, other)]
    return (statistic(name, one) - statistic(name, other)) / float(np.hypot(*errors))


def independent(draws: Mapping[str, np.ndarray], most: int = 1000) -> dict[str, np.ndarray]:
    """Return draws that are thinned until they are as good as independent.

    Parameters
    ----------
    draws
        Name to shape (chain, draw).
    most
        Never more than so many.

    Returns
    -------
    dict
        Name to shape (sample,): half as many as the smallest bulk or tail effective sample size,
        evenly spaced along the chains.
    """
    sizes = [
        float(array_stats.ess(values, **kind))
        for values in draws.values()
        for kind in ({"method": "bulk"}, {"method": "tail", "prob": (0.05, 0.95)})
    ]
    total = next(iter(draws.values())).size
    count = int(min(most, min(sizes) / 2, total))
    kept = np.linspace(0, total - 1, count).round().astype(int)
    return {name: values.ravel()[kept] for name, values in draws.items()}


def apart(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], permutations: int = 1999
) -> float:
    """Return the p-value of two independent samples being of one distribution, jointly.

    By the energy distance (Székely and Rizzo 2013) of normal scores of the pooled ranks, against
    that of samples whose labels are permuted.

    Parameters
    ----------
    one, other
        Name to shape (sample,); the same names.
    permutations
        How many; the smallest p-value is one over one more than these.
    """
    first = len(next(iter(one.values())))
    both = np.column_stack([np.concatenate([one[name], other[name]]) for name in one])
    count = len(both)
    scores = stats.norm.ppf((stats.rankdata(both, axis=0) - 0.5) / count)
    distances = cdist(scores, scores)
    rng = np.random.default_rng(0)
    labels = np.zeros((permutations + 1, count))
    labels[0, :first] = 1
    for row in labels[1:]:
        row[rng.choice(count, first, replace=False)] = 1
    weights = labels / first - (1 - labels) / (count - first)
    energies = -np.einsum("pi,pi->p", weights @ distances, weights)
    return float((energies >= energies[0] - 1e-12).sum() / (permutations + 1))


def one_by_one(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the p-value of the Kolmogorov-Smirnov test for each quantity."""
    return {name: float(stats.ks_2samp(one[name], other[name]).pvalue) for name in one}
