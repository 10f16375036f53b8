"""Whether ranks are uniform: by their distribution function, and by chi-square in ten bins."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from scipy import stats

#: Draws that a true value is ranked among; ranks are 0 to RANKED.
RANKED, BINS = 99, 10


@functools.cache
def _reference(count: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two-sided binomial probabilities, shape (count + 1, rank), and their least ones."""
    share = np.arange(1, most + 1) / (most + 1)
    number = np.arange(count + 1)[:, None]
    below, above = stats.binom.cdf(number, count, share), stats.binom.sf(number - 1, count, share)
    table = np.minimum(2 * np.minimum(below, above), 1.0)
    rng = np.random.default_rng(0)
    least = np.empty(20_000)
    for i in range(len(least)):
        inside = np.bincount(rng.integers(0, most + 1, count), minlength=most + 1)
        least[i] = table[np.cumsum(inside)[:-1], np.arange(most)].min()
    return table, np.sort(least)


def uniformity(ranks: np.ndarray, most: int = RANKED) -> float:
    """Return the p-value of ranks 0 to ``most`` being uniform, by their distribution function."""
    table, least = _reference(len(ranks), most)
    inside = np.bincount(np.asarray(ranks, int), minlength=most + 1)
    found = table[np.cumsum(inside)[:-1], np.arange(most)].min()
    return float((np.searchsorted(least, found, side="right") + 1) / (len(least) + 1))


def counts(ranks: np.ndarray) -> np.ndarray:
    """Return how many ranks are in each of ``BINS`` equal bins."""
    return np.bincount((np.asarray(ranks, int) * BINS) // (RANKED + 1), minlength=BINS)


def summarized(case: str, ranks: pd.DataFrame) -> list[dict]:
    """Return a row for each ranked quantity of a case."""
    rows = []
    for name in (column for column in ranks if not str(column).startswith(":")):
        values = ranks[name].dropna().to_numpy()
        inside = counts(values)
        rows.append(
            {
                "case": case, "quantity": name, "simulations": len(values),
                "mean_rank": values.mean() / RANKED,
                "p_ecdf": uniformity(values), "p_chi_square": stats.chisquare(inside).pvalue,
                **{f"bin_{i + 1}": number for i, number in enumerate(inside)},
            }
        )  # fmt: skip
    return rows


def corrected(p: np.ndarray) -> np.ndarray:
    """Return p-values of many tests after Holm's correction: the chance of one so small by luck."""
    order = np.argsort(p)
    stepped = np.asarray(p, float)[order] * (len(p) - np.arange(len(p)))
    found = np.empty(len(p))
    found[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return found
