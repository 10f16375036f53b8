"""Approach 1: the best size at each budget along training curves, and the power law through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import DataError
from bayescale.planning import sweeps
from bayescale.planning.minima import USED, IsoFlop

if TYPE_CHECKING:
    import pandas as pd

#: Budgets at which the best size is read.
_BUDGETS = 60
#: Sizes that a resample must have.
_LEAST = 4


def envelope(
    runs: Any,
    *,
    y: str,
    params: str,
    tokens: str | None = None,
    compute: str | None = None,
    run: str | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> IsoFlop:
    r"""Return the best size at each budget by the envelope of training curves (approach 1).

    At each of 60 budgets the best of all sizes' curves, read between their rows on log axes, has
    the size :math:`N^*`; a line of least squares through :math:`\log N^*` over :math:`\log C` has
    the slope a. Budgets count where the best size is neither the smallest nor the largest that
    gets there.

    Parameters
    ----------
    runs
        A table of checkpoints, or of runs of several lengths of each size.
    y, params, tokens, compute
        Columns of the loss, the sizes, the tokens and the FLOP; one of the last two may be left
        out (C = 6ND).
    run
        The column that tells training curves apart; the size by default.
    draws, seed
        Resamples of the sizes, and of what seed.

    Returns
    -------
    IsoFlop
        Its draws are a *bootstrap over training curves*, no posterior: they show how much hangs on
        which sizes were trained, and know nothing of the noise of one curve. A learning rate that
        has not decayed makes checkpoints worse than runs of that length, which this cannot see.

    Raises
    ------
    LawError
        If neither compute nor tokens is given.
    DataError
        If columns are missing or not positive, or curves do not overlap.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556, section 3.1.

    Examples
    --------
    >>> import bayescale as bs, numpy as np, pandas as pd
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> sizes, lengths = np.geomspace(1e7, 1e10, 16), np.geomspace(1e8, 1e12, 40)
    >>> n, d = (a.ravel() for a in np.meshgrid(sizes, lengths))
    >>> runs = pd.DataFrame({"n": n, "d": d, "loss": law.evaluate(params=n, tokens=d)})
    >>> found = bs.envelope(runs, y="loss", params="n", tokens="d")
    >>> found.power_law()["median"][0].round(1).item()
    0.4
    """
    check_arguments(envelope, locals())
    sweep = sweeps.checked_sweep(runs, y, params, tokens, compute, run)
    budgets = sweeps.default_budgets(sweep, _BUDGETS)
    losses, sizes = _table(sweep, budgets)
    every = np.arange(len(sizes))
    best, _ = _best(losses, sizes, every)
    if np.isfinite(best).sum() < 3 or np.unique(best[np.isfinite(best)]).size < 3:
        raise DataError(
            "Fewer than three sizes are ever the best one between a smaller and a larger one: the "
            "curves do not overlap enough for an envelope. Add sizes, or shorter and longer runs."
        )
    rng = np.random.default_rng([seed, 53])
    found, least, powers, levels, scatter = [], [], [], [], []
    centre = np.log(budgets).mean()
    for _ in range(20 * draws):
        if len(found) == draws:
            break
        chosen = np.unique(rng.integers(len(sizes), size=len(sizes)))
        if len(chosen) < min(_LEAST, len(sizes)):
            continue
        own, lowest = _best(losses, sizes, chosen)
        known = np.isfinite(own)
        if np.unique(own[known]).size < 2:
            continue
        x, z = np.log(budgets[known]) - centre, np.log(own[known])
        power, level = np.polyfit(x, z, 1)
        found.append(own)
        least.append(lowest)
        powers.append(power)
        levels.append(level)
        scatter.append(np.std(z - level - power * x))
    if len(found) < draws:
        raise DataError(
            "Too few sizes are ever the best one: resamples of the curves have no envelope. Add "
            "sizes, or use bs.isoflop."
        )
    size, power = np.array(found), np.array(powers)
    with np.errstate(over="ignore", divide="ignore"):
        constant = np.exp(centre - np.array(levels) / power)
    quantities = {
        "params": size,
        "tokens": budgets / (6 * size),
        "loss": np.array(least),
    }
    share = np.isfinite(size).mean(axis=0)
    doubts = () if (share >= USED).all() else (_said(budgets, share),)
    kept = sweep.filter(items=[sweeps.COMPUTE, sweeps.SIZE, sweeps.DATA, sweeps.LOSS])
    return IsoFlop(
        budgets, quantities, share, power, constant, np.array(scatter), kept, None,
        "Approach 1 (envelope of training curves, bootstrap over curves)", doubts,
    )  # fmt: skip


def _table(sweep: pd.DataFrame, budgets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each curve's loss at each budget, shape (curve, m), infinite where it does not get."""
    read = sweeps.at_budgets(sweep, budgets)
    codes = np.unique(sweep[sweeps.CURVE])
    losses = np.full((len(codes), len(budgets)), np.inf)
    for i, budget in enumerate(budgets):
        table = read.get(float(budget))
        if table is not None:
            losses[np.searchsorted(codes, table[sweeps.CURVE].astype(int)), i] = table[sweeps.LOSS]
    of_curve = sweep[sweeps.CURVE].to_numpy()
    sizes = np.array([sweep[sweeps.SIZE].to_numpy()[of_curve == code].mean() for code in codes])
    return losses, sizes


def _best(
    losses: np.ndarray, sizes: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best of some curves' sizes at each budget, NaN at an end, and its loss."""
    own, size = losses[chosen], sizes[chosen]
    there = np.isfinite(own)
    best = size[own.argmin(axis=0)]
    smallest = np.where(there, size[:, None], np.inf).min(axis=0)
    largest = np.where(there, size[:, None], -np.inf).max(axis=0)
    inner = there.any(axis=0) & (best > smallest) & (best < largest)
    return np.where(inner, best, np.nan), np.where(inner, own.min(axis=0), np.nan)


def _said(budgets: np.ndarray, share: np.ndarray) -> str:
    out = budgets[share < USED]
    return (
        f"At {len(out)} of {len(budgets)} budgets ({out.min():.2g} to {out.max():.2g} FLOP) the "
        "best size is in most resamples of the curves the smallest or the largest that gets there, "
        "so the best one may lie beyond it; those resamples' lines leave the budget out."
    )
