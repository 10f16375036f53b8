"""A mixture of Student's t distributions that follows draws, from which anew can be drawn.

Tails are heavier than a Gaussian's and a small part is as wide as the prior, so that the density of
what is followed is nowhere much larger than the mixture's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Most parts of a mixture, and draws for each coordinate of each part.
_PARTS, _DRAWS_EACH = 12, 15
#: Degrees of freedom; how much wider parts are than the draws they follow.
_FREEDOM, _WIDER = 5.0, 1.25
#: The share and the width of the part about the prior, which is about standard normal.
_PRIOR_SHARE, _PRIOR_WIDTH = 0.05, 1.5
#: Steps of expectation and maximization; what keeps a part from having no width.
_STEPS, _RIDGE = 25, 1e-6


@dataclass(frozen=True, eq=False)
class Proposal:
    """A mixture of multivariate t distributions.

    Parameters
    ----------
    shares
        They sum to one, shape (part,).
    centres
        Shape (part, d).
    roots
        Lower triangular roots of the scale matrices, shape (part, d, d).
    """

    shares: np.ndarray
    centres: np.ndarray
    roots: np.ndarray

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at points of shape (n, d), shape (n,)."""
        size = points.shape[-1]
        square = _squares(points, self.centres, self.roots)
        constant = (
            math.lgamma((_FREEDOM + size) / 2)
            - math.lgamma(_FREEDOM / 2)
            - size / 2 * math.log(_FREEDOM * math.pi)
        )
        parts = constant - _log_volume(self.roots) + np.log(self.shares)
        return np.logaddexp.reduce(
            parts - (_FREEDOM + size) / 2 * np.log1p(square / _FREEDOM), axis=-1
        )

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return draws of shape (count, d)."""
        part = rng.choice(len(self.shares), size=count, p=self.shares)
        normal = rng.standard_normal((count, self.centres.shape[1]))
        stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, count))
        moved = np.einsum("nij,nj->ni", self.roots[part], normal, optimize=False)
        return self.centres[part] + stretch[:, None] * moved


def following(draws: np.ndarray, rng: np.random.Generator) -> Proposal:
    """Return the mixture that follows draws.

    Parameters
    ----------
    draws
        Shape (n, d), finite.
    rng
        Random numbers, of where the parts begin.
    """
    count, size = draws.shape
    parts = int(np.clip(count // (_DRAWS_EACH * size), 1, _PARTS))
    middle = draws.mean(0)
    spread = draws.std(0) + 1e-12
    z = (draws - middle) / spread
    shares, centres, roots = _fitted(z, _begun(z, parts, rng))
    return Proposal(
        np.append((1 - _PRIOR_SHARE) * shares, _PRIOR_SHARE),
        np.concatenate([middle + spread * centres, np.zeros((1, size))]),
        np.concatenate(
            [_WIDER * spread[:, None] * roots, _PRIOR_WIDTH * np.eye(size)[None]], axis=0
        ),
    )


def together(one: Proposal, other: Proposal, share: float) -> Proposal:
    """Return a mixture of two mixtures, of which the second has a share."""
    return Proposal(
        np.concatenate([(1 - share) * one.shares, share * other.shares]),
        np.concatenate([one.centres, other.centres]),
        np.concatenate([one.roots, other.roots]),
    )


def _begun(z: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """Return where parts begin: draws, each chosen by how far it is from those before it."""
    chosen = [int(rng.integers(len(z)))]
    far = ((z - z[chosen[0]]) ** 2).sum(1)
    for _ in range(parts - 1):
        chosen.append(int(rng.choice(len(z), p=far / far.sum())) if far.sum() > 0 else chosen[0])
        far = np.minimum(far, ((z - z[chosen[-1]]) ** 2).sum(1))
    return z[chosen]


def _fitted(z: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares, centres and roots of a Gaussian mixture, by expectation and maximization."""
    size = z.shape[1]
    nearest = ((z[:, None] - centres) ** 2).sum(-1).argmin(1)
    weight = (nearest[:, None] == np.arange(len(centres))).astype(float)
    for step in range(_STEPS + 1):
        held = weight.sum(0)
        kept = held > 2 * size  # a part of fewer draws has no width of its own
        if not kept.any():
            weight, held, kept = np.ones((len(z), 1)), np.array([float(len(z))]), np.array([True])
        weight, held = weight[:, kept], held[kept]
        shares = held / held.sum()
        centres = weight.T @ z / held[:, None]
        away = z[:, None] - centres
        covariance = np.einsum("nk,nki,nkj->kij", weight, away, away, optimize=True)
        roots = np.linalg.cholesky(covariance / held[:, None, None] + _RIDGE * np.eye(size))
        if step == _STEPS:
            break
        logs = np.log(shares) - _log_volume(roots) - 0.5 * _squares(z, centres, roots)
        logs -= logs.max(1, keepdims=True)
        weight = np.exp(logs)
        weight /= weight.sum(1, keepdims=True)
    return shares, centres, roots


def _squares(points: np.ndarray, centres: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Return the squared distance of points to centres in standard deviations; (n, part)."""
    inverse = np.linalg.inv(roots)
    found = np.empty((len(points), len(centres)))
    for k, (centre, one) in enumerate(zip(centres, inverse, strict=True)):
        found[:, k] = (((points - centre) @ one.T) ** 2).sum(1)
    return found


def _log_volume(roots: np.ndarray) -> np.ndarray:
    return np.log(np.diagonal(roots, axis1=-2, axis2=-1)).sum(-1)
