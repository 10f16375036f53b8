r"""Ten thousand runs along one input become a few thousand sums that say the same.

Where noise is Gaussian in :math:`g(y)` (log y, or y), runs of equal x enter the likelihood only
through their number n, their mean m and their scatter S:

.. math:: \sum_i \log p(y_i) = n \log p(g^{-1}(m)) - \frac{S}{2\sigma^2}, \quad
          S = \sum_i (g(y_i) - m)^2

Runs of nearly equal x are first moved to the middle of their bin along a pilot curve, so that what
is neglected is the difference between two curves' slopes over a two-thousandth of the range. This
is for the sampler alone: forecasts, scores and LOO see every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayescale import linearizing
from bayescale.coordinates import Coordinates
from bayescale.observed import Observations

#: From how many runs on it pays, and into how many bins of log x they go.
FROM, BINS = 10_000, 2000


@dataclass(frozen=True, eq=False)
class Condensed:
    """Sums over the runs of each bin.

    Parameters
    ----------
    runs
        A run for each bin: its middle, and the mean outcome; the references of all runs.
    count
        How many runs each stands for.
    scatter
        Sum of squares about the mean, of log y or of y.
    """

    runs: Observations
    count: np.ndarray
    scatter: np.ndarray


def pays(coordinates: Coordinates, runs: Observations) -> bool:
    """Return whether runs can be condensed, and there are enough of them."""
    likelihood = coordinates.likelihood
    gaussian = likelihood.gaussian_in is not None and not likelihood.by_run
    return (
        len(runs) >= FROM and len(runs.inputs) == 1 and gaussian and bool((runs.outcome > 0).all())
    )


def condensed(
    coordinates: Coordinates, runs: Observations, numbers: Mapping[str, Any]
) -> Condensed:
    """Return the sums of runs along one input.

    Parameters
    ----------
    coordinates
        Of the law and a likelihood with ``gaussian_in``.
    runs
        Many runs of positive outcome.
    numbers
        From :meth:`Coordinates.numbers`.

    Returns
    -------
    Condensed
        At most :data:`BINS` bins.
    """
    ((role, x),) = runs.inputs.items()
    on_logs = coordinates.likelihood.gaussian_in == "log y"
    log_x = np.log(x)
    place = (log_x - log_x.min()) / max(np.ptp(log_x), 1e-300) * BINS
    _, where, count = np.unique(
        np.minimum(place.astype(int), BINS - 1), return_inverse=True, return_counts=True
    )

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(where, weights=values) / count

    middle = np.exp(mean(log_x))
    binned = np.exp(mean(np.log(runs.outcome)))
    pilot = linearizing.pilot_curve(coordinates, binned, {role: middle}, numbers)
    # Along the pilot curve, whose value between two middles is read off on logs.
    here = np.interp(log_x, np.log(middle), np.log(pilot))
    there = np.log(pilot)[where]
    if on_logs:
        moved = np.log(runs.outcome) - here + there
    else:
        moved = runs.outcome - np.exp(here) + np.exp(there)
    average = mean(moved)
    scatter = np.bincount(where, weights=(moved - average[where]) ** 2)
    bins = replace(
        runs,
        inputs={role: middle},
        outcome=np.exp(average) if on_logs else average,
        anchor=runs.references,
    )
    return Condensed(bins, count.astype(float), scatter)
