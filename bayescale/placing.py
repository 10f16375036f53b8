r"""Coordinates of levels that learn from each other, in which each is about standard normal.

What runs say of a level is about Gaussian, with some middle :math:`n_j` and precision :math:`p_j`;
given the population's middle :math:`\mu` and spread :math:`\tau` so is the level,

.. math:: \theta_j \mid \mu, \tau \sim \mathrm{Normal}\left(
          \frac{p_j \tau^2 n_j + \mu}{1 + p_j \tau^2}, \frac{\tau^2}{1 + p_j \tau^2}\right),

and its coordinate is where in that it lies: its offset from the population where runs say nothing
(:math:`p_j = 0`), its own value where they say much, and in between for each spread what is right
there. Likewise the middle, given the spread, from what runs say of all levels. So neither a spread
that is hardly known, as of two or three levels, nor one near zero makes a funnel. Middles and
precisions are learned from a pilot's draws; whatever they are, the density stays the same.
(Papaspiliopoulos et al. 2007, arXiv:0708.3797, choose a share between the two ends instead.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

#: Precisions that are tried, over that of a level's own draws; the smallest as good as none.
_TRIED = np.concatenate([[1e-6], np.geomspace(1e-3, 30, 24)])
#: Draws that precisions are learned from, at most.
_DRAWS = 400
#: Newton's steps to a spread's coordinate.
_NEWTON = 30
#: Levels whose precisions are learned together.
_TOGETHER = 200


class Told(NamedTuple):
    """What runs say of levels, as a coordinate has it.

    Parameters
    ----------
    near
        Where runs put each level, free of bounds; shape (level, ...).
    precision
        How sure they are of it.
    """

    near: Any
    precision: Any


def offsets(coordinate: Any, width: Any, told: Told, middle: Any) -> tuple[Any, Any]:
    """Return the offsets of levels, in units of their spread, and the log Jacobian of all.

    Parameters
    ----------
    coordinate
        Shape (level, ...).
    width
        The spread.
    told
        What runs say of the levels.
    middle
        Of the population, free of bounds.
    """
    wider = 1 + told.precision * width**2
    moved = told.precision * width * (told.near - middle) / wider + coordinate / np.sqrt(wider)
    return moved, (-0.5 * np.log(wider) + 0.0 * coordinate).sum(0)


def offsets_back(moved: Any, width: Any, told: Told, middle: Any) -> Any:
    """Return the coordinates of offsets: the inverse of :func:`offsets`."""
    wider = 1 + told.precision * width**2
    return moved * np.sqrt(wider) - told.precision * width * (told.near - middle) / np.sqrt(wider)


def middle(coordinate: Any, start: Any, unit: Any, width: Any, told: Told) -> tuple[Any, Any]:
    """Return a population's middle, free of bounds, and the log Jacobian.

    Parameters
    ----------
    coordinate
        Of the middle.
    start, unit
        Middle and width of its prior, moved to where the floor leads it.
    width
        The spread.
    told
        What runs say of the levels.
    """
    away, precision = _led(start, unit, width, told)
    return start + away + coordinate * precision**-0.5, -0.5 * np.log(precision)


def middle_back(free: Any, start: Any, unit: Any, width: Any, told: Told) -> Any:
    """Return the coordinate of a population's middle: the inverse of :func:`middle`."""
    away, precision = _led(start, unit, width, told)
    return (free - start - away) * precision**0.5


def _led(start: Any, unit: Any, width: Any, told: Told) -> tuple[Any, Any]:
    """Return how far runs lead a middle from its start, and the precision it then has."""
    weight = told.precision / (1 + told.precision * width**2) + 0.0 * told.near
    precision = unit**-2 + weight.sum(0)
    return (weight * (told.near - start)).sum(0) / precision, precision


def learned(levels: np.ndarray, middles: np.ndarray, width: np.ndarray) -> Told:
    """Return what runs say of levels, from posterior draws.

    Parameters
    ----------
    levels
        Draws of each level, free of bounds, shape (level, draw).
    middles
        Of the population, in the same terms; shape (level, draw) or (draw,).
    width
        Of the spread, shape (draw,).

    Returns
    -------
    Told
        The middle and precision of each level under which its draws, given population and spread,
        are most probable.
    """
    step = max(levels.shape[-1] // _DRAWS, 1)
    middles = np.broadcast_to(middles, levels.shape)[:, ::step]
    levels, width = levels[:, ::step], np.abs(width[::step])
    width = np.maximum(width, 1e-3 * np.median(width))
    parts = [
        _most_probable(levels[i : i + _TOGETHER], middles[i : i + _TOGETHER], width)
        for i in range(0, len(levels), _TOGETHER)
    ]
    near, precision = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Told(near, precision)


def _most_probable(
    levels: np.ndarray, middles: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    own = levels.var(axis=-1) + 1e-12
    best = np.full(len(levels), -np.inf)
    near, precision = levels.mean(axis=-1), np.zeros(len(levels))
    prior = width**-2
    for tried in _TRIED:
        p = tried / own
        total = p[:, None] + prior
        # Given the precision, the middle under which the draws have their mean.
        gap = (levels - middles * prior / total).sum(axis=-1)
        n = gap / (p[:, None] / total).sum(axis=-1)
        away = levels - (p[:, None] * n[:, None] + middles * prior) / total
        fits = 0.5 * (np.log(total) - total * away**2).mean(axis=-1)
        better = fits > best
        best = np.where(better, fits, best)
        near, precision = np.where(better, n, near), np.where(better, p, precision)
    return near, precision


def log_spread(coordinate: Any) -> tuple[Any, Any]:
    r"""Return the log of a spread over its median, and the log of its slope.

    The log alone would have a tail without end where a spread may be as good as zero (flat in the
    spread is exponential in its log), and the spread itself one where it may be large. So it is the
    log, bent downwards below the median,

    .. math:: \log \tau = u - \tfrac{1}{2} r^2, \quad r = \tfrac{1}{2} (\sqrt{1 + u^2} - u),

    by which a spread that is flat at zero falls off like a Gaussian.

    Parameters
    ----------
    coordinate
        :math:`u`.
    """
    root = np.sqrt(1 + coordinate**2)
    below = 0.5 * (root - coordinate)
    return coordinate - 0.5 * below**2, np.log1p(below * below / root)


def log_spread_back(log_width: np.ndarray) -> np.ndarray:
    """Return the coordinate of a log spread over its median: the inverse of :func:`log_spread`."""
    log_width = np.asarray(log_width, float)
    # In r the coordinate is 1 / (4 r) - r; Newton's steps on log r, of which the log spread is a
    # falling and nearly linear function on both sides.
    log_r = np.where(log_width > 0, -np.log(4 * np.maximum(log_width, 0) + 2), 0.0)
    log_r = np.where(log_width < 0, 0.5 * np.log(0.25 - 2 * np.minimum(log_width, 0)), log_r)
    for _ in range(_NEWTON):
        r = np.exp(log_r)
        over = 0.25 / r - r - 0.5 * r**2 - log_width
        log_r = log_r + over / (0.25 / r + r + r**2)
    r = np.exp(log_r)
    return 0.25 / r - r


def by_default(spread: float, origin: float, count: int) -> Told:
    """Return what is taken for granted before there are draws: half of what the prior says.

    Parameters
    ----------
    spread
        The median of its prior.
    origin
        The median of the middle's prior.
    count
        Of levels.
    """
    return Told(np.full(count, origin), np.full(count, spread**-2))
