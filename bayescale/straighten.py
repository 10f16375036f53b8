"""Coordinates in which a bent posterior is straight, learned from draws that fell short.

Broken laws have posteriors like bananas: along the long way the short ways bend and widen, and no
metric, which is linear, follows them. A first set of draws shows how: along its principal axes,
longest first, the mean of each coordinate is a quadratic of the longer ones and the log of its
width is linear in them. The map from standard normal coordinates through those, and back, is
explicit, its Jacobian is known, and what is sampled is the same posterior whatever the map; a good
one gives three times the effective draws at the same price (benchmarks/scale_curves.py).

Transport maps for sampling: Parno and Marzouk (2018), arXiv:1412.5492.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A width changes by at most a factor exp(WIDEST), so that tails stay tame.
WIDEST = 1.0
#: Of a standard deviation squared: what keeps bends small where draws say little.
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Straight:
    """A map from straight coordinates u to a density's own z.

    ``z = middle + axes @ v``, and ``v[i] = u[i] * exp(w_i) + q_i``, where ``w_i`` is linear (and
    bounded) and ``q_i`` quadratic in ``v[:i]``.

    Parameters
    ----------
    middle
        Shape (d,).
    axes
        Principal axes in columns, each as long as its standard deviation, the longest first; shape
        (d, d).
    bends
        By coordinate the factors of ``v[a] * v[b]`` (less one where a = b) for b <= a < i, in that
        order; shape (d, d (d - 1) / 2).
    widths
        By coordinate the factors of ``v[a]``, a < i; shape (d, d).
    """

    middle: np.ndarray
    axes: np.ndarray
    bends: np.ndarray
    widths: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """All numbers, as :mod:`bayescale.kernels` reads them."""
        parts = (self.middle, self.axes, self.bends, self.widths)
        return np.concatenate([np.ravel(part) for part in parts])

    def bent(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the density's coordinates, and the map's log Jacobian up to a constant.

        Parameters
        ----------
        u
            Shape (..., d).

        Returns
        -------
        z
            Same shape.
        log_jacobian
            Shape (...).
        """
        v = np.empty_like(u)
        total = np.zeros(u.shape[:-1])
        for i in range(u.shape[-1]):
            shift, log_width = self._at(v, i)
            v[..., i] = u[..., i] * np.exp(log_width) + shift
            total += log_width
        return self.middle + _times(v, self.axes.T), total

    def straightened(self, z: np.ndarray) -> np.ndarray:
        """Return the straight coordinates of points; the inverse of :meth:`bent`."""
        v = _times(z - self.middle, np.linalg.inv(self.axes).T)
        u = np.empty_like(v)
        for i in range(v.shape[-1]):
            shift, log_width = self._at(v, i)
            u[..., i] = (v[..., i] - shift) * np.exp(-log_width)
        return u

    def _at(self, v: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and log width of coordinate i, given those before it."""
        shift = _times(_products(v[..., :i]), self.bends[i, : i * (i + 1) // 2, None])[..., 0]
        log_width = _times(v[..., :i], self.widths[i, :i, None])[..., 0]
        return shift, WIDEST * np.tanh(log_width / WIDEST)


def straight(draws: np.ndarray) -> Straight | None:
    """Return the map that straightens draws.

    Parameters
    ----------
    draws
        Shape (chain, draw, d).

    Returns
    -------
    Straight or None
        None where the draws are too few, or some coordinate does not move.
    """
    size = draws.shape[-1]
    flat = draws.reshape(-1, size)
    if len(flat) < 20 * size or not np.isfinite(flat).all():
        return None
    middle = flat.mean(0)
    values, vectors = np.linalg.eigh(_times((flat - middle).T, flat - middle) / len(flat))
    if values[0] <= 1e-12 * values[-1]:
        return None
    axes = vectors[:, ::-1] * np.sqrt(values[::-1])
    v = _times(flat - middle, np.linalg.inv(axes).T)
    bends, widths = np.zeros((size, size * (size - 1) // 2)), np.zeros((size, size))
    for i in range(1, size):
        products = _products(v[:, :i])
        factors = _least_squares(products, v[:, i])
        bends[i, : len(factors)] = factors
        left = v[:, i] - _times(products, factors[:, None])[:, 0]
        # Half the log of a squared residual is the log width, and noise; the constant is of no use.
        log_square = np.log(left**2 + 1e-4)
        widths[i, :i] = _least_squares(v[:, :i], 0.5 * (log_square - log_square.mean()))
    return Straight(middle, axes, bends, widths)


def _products(v: np.ndarray) -> np.ndarray:
    """Return ``v[a] * v[b]``, less one where a = b, for b <= a; shape (..., n (n + 1) / 2)."""
    pairs = [(a, b) for a in range(v.shape[-1]) for b in range(a + 1)]
    if not pairs:
        return np.zeros((*v.shape[:-1], 0))
    return np.stack([v[..., a] * v[..., b] - (a == b) for a, b in pairs], axis=-1)


def _least_squares(columns: np.ndarray, target: np.ndarray) -> np.ndarray:
    squares = _times(columns.T, columns) / len(target)
    along = _times(columns.T, target[:, None])[:, 0] / len(target)
    return np.linalg.solve(squares + _RIDGE * np.eye(len(squares)), along)


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a matrix product whose digits do not depend on how many threads there are."""
    return np.einsum("...i,ij->...j", a, b, optimize=False)
