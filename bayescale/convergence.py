"""R-hat and effective sample sizes of many variables at once.

The numbers are ArviZ's (rank-normalized split R-hat; bulk, tail and mean ESS with Geyer's initial
monotone sequence: Vehtari et al. 2021, arXiv:1903.08008); they come from a few array operations
instead of a call for every variable, which a batch of curves would wait for.
"""

from __future__ import annotations

import numpy as np

#: What draws must reach: R-hat below, bulk ESS above.
RHAT, ESS = 1.01, 400.0
#: A chain stands still that has fewer different draws than this share of them; chains are in
#: places of their own from so many of their standard deviations on.
_STILL, _WIDE = 0.1, 4.0


def rhat_and_ess(block: np.ndarray, prob: float = 0.9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return R-hat, bulk ESS and tail ESS of every variable.

    Parameters
    ----------
    block
        Shape (variable, chain, draw).
    prob
        Tail ESS is the smaller one of the ``1 - prob`` and the ``prob`` quantile's.

    Returns
    -------
    rhat, bulk, tail
        Each of shape (variable,); R-hat is NaN for a single chain, and all are for draws that are
        not finite.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        halves = _split(block)
        middle = np.median(halves, axis=(1, 2), keepdims=True)
        ranked, folded = _normal_scores(halves), _normal_scores(np.abs(halves - middle))
        rhat = np.maximum(_plain_rhat(ranked), _plain_rhat(folded))
        ends = np.quantile(block, [1 - prob, prob], axis=(1, 2))[..., None, None]
        below = [_plain_ess(_split((block <= end).astype(float))) for end in ends]
        bulk, tail = _plain_ess(ranked), np.minimum(*below)
    finite = np.isfinite(block).all(axis=(1, 2))
    rhat = np.where(finite & (block.shape[1] > 1), rhat, np.nan)
    return rhat, np.where(finite, bulk, np.nan), np.where(finite, tail, np.nan)


def mean_ess(block: np.ndarray) -> np.ndarray:
    """Return the ESS of the mean of every variable, shape (variable, chain, draw)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return _plain_ess(_split(block))


def _split(block: np.ndarray) -> np.ndarray:
    half = block.shape[2] // 2
    return np.concatenate([block[..., :half], block[..., -half:]], axis=1)


def _normal_scores(halves: np.ndarray) -> np.ndarray:
    """Return what a normal sample of the same ranks would be."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    flat = halves.reshape(len(halves), -1)
    ranks = rankdata(flat, method="average", axis=1)
    return ndtri((ranks - 3 / 8) / (flat.shape[1] + 1 / 4)).reshape(halves.shape)


def _plain_rhat(block: np.ndarray) -> np.ndarray:
    draws = block.shape[2]
    between = draws * block.mean(2).var(axis=1, ddof=1)
    within = block.var(axis=2, ddof=1).mean(axis=1)
    return np.sqrt((between / within + draws - 1) / draws)


def _plain_ess(block: np.ndarray) -> np.ndarray:
    """Return draws over the autocorrelation time of several chains."""
    from scipy.fft import irfft, next_fast_len, rfft

    _, chains, draws = block.shape
    centred = block - block.mean(2, keepdims=True)
    length = next_fast_len(2 * draws, real=True)
    spectrum: np.ndarray = np.asarray(rfft(centred, n=length, axis=2))
    products: np.ndarray = np.asarray(irfft(np.abs(spectrum) ** 2, n=length, axis=2))
    covariance = products[..., :draws].mean(1) / draws
    within = covariance[:, 0] * draws / (draws - 1)
    total = covariance[:, 0].copy()
    if chains > 1:
        total += block.mean(2).var(axis=1, ddof=1)
    correlation = 1 - (within[:, None] - covariance) / total[:, None]
    correlation[:, 0] = 1.0
    # Lags in pairs: kept up to the first pair that is not positive, and never increasing.
    last = max((draws - 4) // 2 + (draws - 4) % 2, 0)
    pairs = correlation[:, : 2 * (last + 1)].reshape(len(block), -1, 2)
    sums = pairs.sum(2)
    ended = sums <= 0
    ended[:, last:] = True
    first = ended.argmax(axis=1)
    kept = np.arange(sums.shape[1]) < first[:, None]
    falling = np.where(kept, np.minimum.accumulate(sums, axis=1), 0.0).sum(1)
    even = np.take_along_axis(pairs[..., 0], first[:, None], axis=1)[:, 0]
    unended = np.take_along_axis(sums, first[:, None], axis=1)[:, 0] >= 0
    beyond = np.where(unended | (even > 0), even, 0.0)
    size = chains * draws
    time = np.maximum(2 * falling - 1 + beyond, 1 / np.log10(size))
    found = np.where(np.isnan(correlation).any(1), np.nan, size / time)
    still = np.ptp(block, axis=(1, 2)) < np.finfo(float).resolution
    return np.where(still, size, found)


def stuck(draws: np.ndarray) -> int:
    """Return how many chains hardly moved.

    Parameters
    ----------
    draws
        Of one variable, shape (chain, draw).
    """
    return sum(len(np.unique(chain)) < _STILL * len(chain) for chain in draws)


def places(draws: np.ndarray) -> tuple[tuple[float, int], ...]:
    """Return where chains sit that are apart: the middle of each place, and how many chains.

    Parameters
    ----------
    draws
        Of one variable, shape (chain, draw).

    Returns
    -------
    tuple
        Empty where all chains are in one place: no gap between two of them is as wide as
        :data:`_WIDE` times their standard deviations.
    """
    scale = np.abs(draws).max() or 1.0  # squares of huge numbers are infinite
    draws = draws / scale
    order = np.argsort(np.median(draws, axis=1))
    middles, widths = np.median(draws, axis=1)[order], draws.std(1)[order]
    gaps = np.diff(middles) > _WIDE * np.maximum(widths[1:], widths[:-1])
    if not gaps.any():
        return ()
    parts = np.split(middles, np.flatnonzero(gaps) + 1)
    return tuple((float(scale * np.mean(part)), len(part)) for part in parts)


def cure(still: int, apart: tuple[tuple[float, int], ...]) -> str:
    """Say what makes chains agree, of which some are stuck or all in places of their own."""
    if still:
        return f"{still} of them hardly moved; use more tune (1000) and draws"
    if apart:
        at = ", ".join(f"near {middle:.3g} in {count}" for middle, count in apart)
        return (
            f"each stays in a place of its own ({at}): the runs have several explanations, and how "
            "likely each is these draws do not say; give the law priors that hold one of them alone"
        )
    return "use more tune and draws, or tighter priors"
