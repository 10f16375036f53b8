"""Scores of a forecast of one curve: three protocols, from the same predictive distribution.

Lee et al. (2025, NSL-PFN)
    ``rmsle`` of the predictive median, ``log_score``: the mean log density of y in units of y, and
    ``msce``: the mean over seven levels of (coverage - level) squared. ``log_score_clipped`` has
    every point's log density at -20 or above, so that one impossible point is not all there is.
Caballero et al. (2023, BNSL)
    ``rsle``: root standard log error, what one standard error of the mean squared log error adds to
    its root; :func:`win_shares` over curves.
Ours
    ``coverage_*`` of single test runs and ``trend_*`` of the trend by central predictive intervals,
    ``crps`` of log y, ``interval_score`` of log y at 90 %, and ``width`` of that interval in log y.
    The trend is the mean log y of test runs in bins of 6 % in x: what the training half of
    published curves shows. ``bias`` is the mean log of median over truth.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bayescale.scoring import crps, log_mean_exp

LEVELS = (0.5, 0.8, 0.9, 0.95)
CALIBRATION = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
BIN, LEAST = 0.06, -20.0
#: Outcomes are positive: draws below this are taken as this.
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Predictive:
    """What a method says of the test points of a curve.

    Parameters
    ----------
    draws
        One new run, shape (draw, point), in units of y.
    log_density
        Log density of y there in units of y: of each draw's noise, shape (draw, point), whose mean
        density counts, or final, shape (point,).
    about
        More columns for the method's row: seconds, diagnostics.
    """

    draws: np.ndarray
    log_density: np.ndarray
    about: dict = field(default_factory=dict)


def scored(made: Predictive, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the scores of one forecast.

    Parameters
    ----------
    made
        The predictive distribution.
    x, y
        The test runs; shape (point,).

    Raises
    ------
    ValueError
        If a shape does not fit, or a draw is not finite.
    """
    if made.draws.ndim != 2 or made.draws.shape[1] != len(y):
        raise ValueError(f"draws have shape {made.draws.shape}; wanted (draw, {len(y)}).")
    if not np.isfinite(made.draws).all():
        raise ValueError(f"{(~np.isfinite(made.draws)).sum()} draws are not finite.")
    log_y, logs = np.log(y), np.sort(np.log(np.maximum(made.draws, TINY)), axis=0)
    density = made.log_density
    density = log_mean_exp(density) if density.ndim == 2 else density
    density = np.where(np.isnan(density), -np.inf, density)
    error = np.quantile(logs, 0.5, axis=0) - log_y
    inside = {level: _inside(logs, log_y, level) for level in {*LEVELS, *CALIBRATION}}
    low, high = _interval(logs, 0.9)
    beyond = np.maximum(low - log_y, 0) + np.maximum(log_y - high, 0)
    found = {
        "rmsle": np.sqrt(np.mean(error**2)),
        "rsle": root_standard_log_error(error),
        "bias": error.mean(),
        "log_score": density.mean(),
        "log_score_clipped": np.maximum(density, LEAST).mean(),
        "msce": np.mean([(inside[level].mean() - level) ** 2 for level in CALIBRATION]),
        "crps": crps(logs, log_y).mean(),
        "interval_score": (high - low + 2 / 0.1 * beyond).mean(),
        "width": (high - low).mean(),
    }
    found |= {f"coverage_{100 * level:g}": inside[level].mean() for level in sorted(inside)}
    bins = trend_bins(x)
    trend = _by_bin(log_y, bins)
    for level in LEVELS:
        low, high = (_by_bin(edge, bins) for edge in _interval(logs, level))
        found[f"trend_{100 * level:g}"] = ((low <= trend) & (trend <= high)).mean()
    return {name: float(value) for name, value in found.items()}


def trend_bins(x: np.ndarray) -> np.ndarray:
    """Return the number of each run's bin, of 6 % in x from the smallest one on."""
    steps = np.floor((np.log(x) - np.log(x).min()) / np.log1p(BIN) + 1e-9)
    return np.unique(steps, return_inverse=True)[1]


def root_standard_log_error(error: np.ndarray) -> float:
    """Return sqrt(m + s / sqrt(n)) - sqrt(m), m and s mean and sd of squared log errors."""
    squared = error**2
    mean, spread = squared.mean(), squared.std() / np.sqrt(len(squared))
    return float(np.sqrt(mean + spread) - np.sqrt(mean))


def win_shares(errors: pd.DataFrame) -> pd.Series:
    """Return the share of curves on which each method has the smallest RMSLE.

    Parameters
    ----------
    errors
        A row for each curve, a column for each method. As in BNSL's Table 1, errors are cut off
        after three decimals, a missing one is 1, and those that tie share the curve.

    Returns
    -------
    pandas.Series
        Sums to one.
    """
    cut = np.trunc(errors.fillna(1.0) * 1000 + 1e-9) / 1000
    best = cut.eq(cut.min(axis=1), axis=0)
    return best.div(best.sum(axis=1), axis=0).mean()


def _interval(ordered: np.ndarray, level: float) -> np.ndarray:
    """Return the ends of the central interval, shape (2, point), of draws in order."""
    place = np.array([(1 - level) / 2, (1 + level) / 2]) * (len(ordered) - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    share = (place - below)[:, None]
    return (1 - share) * ordered[below] + share * ordered[above]


def _inside(ordered: np.ndarray, log_y: np.ndarray, level: float) -> np.ndarray:
    low, high = _interval(ordered, level)
    return (low <= log_y) & (log_y <= high)


def _by_bin(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.bincount(bins, values) / np.bincount(bins)
