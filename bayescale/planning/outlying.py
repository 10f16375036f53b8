r"""Which runs went wrong: sets of rows whose noise is wider than that of the others.

Noise is Gaussian, but each run may have gone wrong, with probability :data:`PRIOR`, and then its
standard deviation is :data:`WIDER` times that of the others. Given the set of such runs nothing
changes but their weight, so sets are compared by their marginal likelihood, and no sampler is run:
from no run at all the set grows and shrinks by one run at a time while that makes it more probable;
then it and all sets that differ from it by one run are weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

#: Probability of a run to have gone wrong, and how much wider its noise then is. A run counts as
#: one from about four standard deviations on.
PRIOR, WIDER = 0.01, 100.0
#: Share of the runs that may have gone wrong.
_MOST = 0.15
#: Sets that are this much less probable than the best one are left out, and how many are kept.
_LEAST, _KEPT = 1e-2, 8


def log_prior(members: frozenset[int], rows: int) -> float:
    """Return the log probability that just these of so many runs went wrong."""
    return len(members) * np.log(PRIOR) + (rows - len(members)) * np.log1p(-PRIOR)


def weights(members: Iterable[int], rows: int) -> np.ndarray:
    """Return what each run's precision is multiplied by, shape (rows,)."""
    found = np.ones(rows)
    found[list(members)] = WIDER**-2
    return found


def best_set(
    rows: int,
    log_marginal: Callable[[frozenset[int]], float],
    start: frozenset[int] = frozenset(),
) -> frozenset[int]:
    """Return the most probable set that steps of one run lead to.

    Parameters
    ----------
    rows
        How many runs there are.
    log_marginal
        The log marginal likelihood of a set, up to a constant.
    start
        Where to begin.
    """
    best, value = start, log_marginal(start) + log_prior(start, rows)
    most = max(int(_MOST * rows), 1)
    while True:
        near = [one for one in _one_off(best, rows) if len(one) <= most]
        values = [log_marginal(one) + log_prior(one, rows) for one in near]
        which = int(np.argmax(values))
        if values[which] <= value + 1e-9:
            return best
        best, value = near[which], values[which]


def likely_sets(
    rows: int, log_marginal: Callable[[frozenset[int]], float], best: frozenset[int]
) -> list[frozenset[int]]:
    """Return the best set and those that differ from it by one run and are not improbable."""
    near = [best, *_one_off(best, rows)]
    values = np.array([log_marginal(one) + log_prior(one, rows) for one in near])
    order = np.argsort(-values)[:_KEPT]
    return [near[i] for i in order if values[i] > values.max() + np.log(_LEAST)]


def _one_off(members: frozenset[int], rows: int) -> list[frozenset[int]]:
    return [members ^ {row} for row in range(rows)]
