r"""Coordinates in which the levels of groups are uncorrelated: a small linear map for each level.

What runs say of one level's quantities hangs together (floor's share and exponent of one curve
correlate by 0.95), and with :math:`n` levels a metric has to learn :math:`2n` directions from a
few hundred draws: steps shrink, and each costs :math:`n` times as much. But given what is shared
levels know nothing of one another. So each level's coordinates are one block, what is shared is
another, and

.. math:: z_b = m_b + A_b u_b, \quad A_b A_b^\top = \mathrm{Cov}(z_b),

with middle and covariance from a pilot's draws, or before there are any from the density's
curvature. A linear map leaves the density as it is, whatever it is; the metric is then as good as
one for any number of levels, and a step costs as much as the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

#: By how much coordinates are moved where a curvature is asked for.
_MOVE = 1e-3
#: The least curvature that is believed; where the density is not concave a coordinate's own width
#: of about 1 stands in.
_FLAT = 0.1
#: What is added to a covariance of draws, over its diagonal, so that it has a root.
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class Untangled:
    """A linear map from untangled coordinates u to a density's own z.

    Parameters
    ----------
    middle
        Shape (d,).
    places
        Of each family of blocks the coordinates of each block, shape (block, k); together every
        coordinate once.
    roots
        The map of each block, shape (block, k, k).
    """

    middle: np.ndarray
    places: Sequence[np.ndarray]
    roots: Sequence[np.ndarray]

    @property
    def numbers(self) -> np.ndarray:
        """All numbers, as :mod:`bayescale.kernels` reads them.

        The middle, and the map as a sparse matrix: where each row begins, columns and values; last
        how many numbers these are.
        """
        size = len(self.middle)
        at = [np.broadcast_to(p[:, :, None], r.shape) for p, r in self._families()]
        of = [np.broadcast_to(p[:, None, :], r.shape) for p, r in self._families()]
        rows, columns = (np.concatenate([np.ravel(a) for a in each]) for each in (at, of))
        order = np.argsort(rows, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))])
        entries = np.concatenate([np.ravel(root) for root in self.roots])[order]
        found = np.concatenate([self.middle, begins, columns[order], entries])
        return np.append(found, len(found))

    def tangled(self, u: np.ndarray) -> np.ndarray:
        """Return the density's coordinates of points, shape (..., d)."""
        z = np.broadcast_to(self.middle, u.shape).copy()
        for places, root in self._families():
            z[..., places] += np.einsum("bij,...bj->...bi", root, u[..., places])
        return z

    def _families(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(zip(self.places, self.roots, strict=True))


def from_draws(draws: np.ndarray, places: Sequence[np.ndarray]) -> Untangled:
    """Return the map in which draws are uncorrelated and of width 1, block by block.

    Parameters
    ----------
    draws
        Shape (chain, draw, d).
    places
        As for :class:`Untangled`.
    """
    flat = draws.reshape(-1, draws.shape[-1])
    roots = []
    for each in places:
        part = flat[:, each] - flat[:, each].mean(0)
        covariance = np.einsum("nbi,nbj->bij", part, part) / len(flat)
        own = np.einsum("bii->bi", covariance)
        ridge = _RIDGE * own + 1e-12
        roots.append(np.linalg.cholesky(covariance + ridge[:, :, None] * np.eye(each.shape[1])))
    return Untangled(flat.mean(0), places, roots)


def from_curvature(
    slope: Callable[[np.ndarray], tuple[float, np.ndarray]],
    point: np.ndarray,
    places: Sequence[np.ndarray],
) -> Untangled:
    """Return the map in which a density's curvature at a point is 1, block by block.

    Parameters
    ----------
    slope
        From a point to log density and gradient.
    point
        Shape (d,), where the density is near its highest.
    places
        As for :class:`Untangled`.
    """
    roots = []
    for each in places:
        values, vectors = np.linalg.eigh(curvature(slope, point, each))
        widths = np.where(values > _FLAT, values, 1.0) ** -0.5
        roots.append(vectors * widths[:, None, :])
    return Untangled(point, places, roots)


def curvature(
    slope: Callable[[np.ndarray], tuple[float, np.ndarray]], point: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Return the negative curvature of blocks that know nothing of one another.

    One difference of gradients, in which a coordinate of every block moves at once, has that of all
    blocks.

    Parameters
    ----------
    slope, point
        As for :func:`from_curvature`.
    places
        Shape (block, k).

    Returns
    -------
    array
        Shape (block, k, k).
    """
    found = np.empty((*places.shape, places.shape[1]))
    for k in range(places.shape[1]):
        ends = []
        for sign in (1, -1):
            there = point.copy()
            there[places[:, k]] += sign * _MOVE
            ends.append(slope(there)[1])
        found[:, :, k] = ((ends[1] - ends[0]) / (2 * _MOVE))[places]
    found = 0.5 * (found + found.transpose(0, 2, 1))
    # Where a move left what the density allows, nothing is known.
    known = np.isfinite(found).all(axis=(1, 2), keepdims=True)
    return np.where(known, found, np.eye(places.shape[1]))
