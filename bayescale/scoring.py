"""Scores of a predictive distribution against what was measured."""

from __future__ import annotations

import numpy as np


def crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score of draws, smaller is better.

    Parameters
    ----------
    draws
        Shape (draw, point).
    truth
        Shape (point,).

    Returns
    -------
    numpy.ndarray
        :math:`E|X - y| - E|X - X'|/2`, shape (point,), in the units of the draws.

    References
    ----------
    Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation".
    """
    count = len(draws)
    ordered = np.sort(draws, axis=0)
    rank = 2 * np.arange(1, count + 1) - count - 1
    spread = (rank[:, None] * ordered).sum(axis=0) / count**2
    return np.abs(draws - truth).mean(axis=0) - spread


def log_mean_exp(values: np.ndarray) -> np.ndarray:
    """Return the log of the mean of exp(values) over the first axis, without overflow."""
    top = values.max(axis=0)
    top = np.where(np.isneginf(top), 0.0, top)  # impossible under every draw: minus infinity
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(values - top).mean(axis=0))


def stacking_weights(log_densities: np.ndarray) -> np.ndarray:
    """Return the mixture weights with the largest log score.

    Parameters
    ----------
    log_densities
        Log predictive density of each held-out point under each law, shape (point, law).

    Returns
    -------
    numpy.ndarray
        Non-negative, sum one, shape (law,). Found by expectation-maximization, which cannot
        leave the simplex and climbs at every step to the only maximum.

    References
    ----------
    Yao et al. (2018), arXiv:1704.02030.
    """
    densities = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    weights = np.full(densities.shape[1], 1 / densities.shape[1])
    for _ in range(10_000):
        shares = weights * densities
        updated = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(updated - weights).max() < 1e-9:
            return updated
        weights = updated
    return weights
