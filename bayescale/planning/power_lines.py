"""A power law through minima that are themselves uncertain."""

from __future__ import annotations

import numpy as np


def power_through(
    log_budget: np.ndarray, log_size: np.ndarray, draws: int, seed: int, scatter: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Draw the power law through minima that are themselves uncertain.

    .. math:: \log N^*_k = \log N_0 + a \log(C_k/C_{ref}) + \eta_k, \qquad \eta_k \sim N(0, \tau^2)

    with the minima known as their draws say: their mean and covariance stand for the likelihood.
    Flat priors on both coefficients, half-normal on :math:`\tau`; drawn directly.

    Parameters
    ----------
    log_budget
        Shape (k,), about its centre.
    log_size
        Draws of the minima, shape (draw, k); not a number where there is none.
    draws, seed
        How many, and of what seed.
    scatter
        Scale of the prior of :math:`\tau`, in log size.

    Returns
    -------
    tuple of numpy.ndarray
        ``log N_0``, ``a`` and :math:`\tau`, each of shape (draws,).
    """
    low, middle, high = np.nanquantile(log_size, [0.025, 0.5, 0.975], axis=0)
    spread = np.maximum((high - low) / 3.92, 1e-9)
    # Tails of a ratio are heavy: a draw far out must not decide how minima go together.
    inside = np.where(np.isnan(log_size), middle, np.clip(log_size, low, high))
    together = np.corrcoef(inside, rowvar=False)
    cover = np.outer(spread, spread) * np.atleast_2d(np.nan_to_num(together))
    np.fill_diagonal(cover, spread**2)
    x = np.column_stack([np.ones_like(log_budget), log_budget])
    grid = np.concatenate([[0.0], np.geomspace(0.003, 5.0, 60)]) * scatter
    fits, weights = [], []
    for tau, step in zip(grid, np.gradient(grid), strict=True):
        root = np.linalg.cholesky(cover + (tau**2 + 1e-12) * np.eye(len(middle)))
        wx, wy = np.linalg.solve(root, x), np.linalg.solve(root, middle)
        precision = wx.T @ wx
        mean = np.linalg.solve(precision, wx.T @ wy)
        squares = float(((wy - wx @ mean) ** 2).sum())
        weight = -np.log(np.diag(root)).sum() - 0.5 * np.linalg.slogdet(precision)[1]
        weights.append(weight - 0.5 * squares - 0.5 * (tau / scatter) ** 2 + np.log(step))
        fits.append((mean, np.linalg.cholesky(np.linalg.inv(precision))))
    share = np.exp(np.array(weights) - max(weights))
    rng = np.random.default_rng([seed, 43])
    chosen = rng.choice(len(grid), size=draws, p=share / share.sum())
    normal = rng.standard_normal((draws, 2))
    found = np.stack([fits[j][0] + fits[j][1] @ n for j, n in zip(chosen, normal, strict=True)])
    return found[:, 0], found[:, 1], grid[chosen]
