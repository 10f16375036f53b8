"""How much each law counts in an ensemble: equally, by a backtest, or by leave-one-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import comparison
from bayescale.errors import LawError
from bayescale.given import short
from bayescale.scoring import stacking_weights

if TYPE_CHECKING:
    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: Weights that are shrunk towards equal ones, and the share that is equal: a single backtest is a
#: noisy judge, and was best half believed; leave-one-out under correlated noise best nine tenths.
SHRINKING = {"pseudo-bma": 0.1, "backtest": 0.5}


def shares(
    fits: Mapping[str, Fit],
    weights: str | Sequence[float],
    backtest: Backtest | None,
    shrink: float | None,
) -> tuple[np.ndarray, str]:
    """Return the weights of fits, which sum to one, and where they come from in words.

    Parameters
    ----------
    fits
        Name to fit.
    weights, backtest, shrink
        As for :func:`bayescale.ensemble`.

    Raises
    ------
    LawError, DataError
        As :func:`bayescale.ensemble`, but for fits that do not go together.
    """
    _check_shrink(shrink, weights)
    if isinstance(weights, str):
        rule = weights
        if weights == "equal":
            found = np.full(len(fits), 1 / len(fits))
        elif weights == "loo":
            table = comparison.compare(fits, progress=False)
            found = np.array([table["weight"][name] for name in fits])
            rule = "loo (interpolation)"
        elif weights in SHRINKING:
            shrink = SHRINKING[weights] if shrink is None else shrink
            found = _backtest_weights(fits, backtest) if weights == "backtest" else _pseudo(fits)
            found = (1 - shrink) * found + shrink / len(fits)
            rule = f"{shrink:g} equal + {1 - shrink:g} {weights}" if shrink else weights
        else:
            raise LawError(
                "weights= must be 'equal', 'pseudo-bma', 'backtest', 'loo', or a number for each "
                f"law; got {short(weights)}."
            )
    else:
        rule, found = "given", np.asarray(weights, float)
    if found.shape != (len(fits),) or (found < 0).any() or abs(found.sum() - 1) > 1e-6:
        raise LawError(
            f"weights= must be {len(fits)} numbers, none negative, that sum to one; "
            f"got {found.tolist()}."
        )
    return found / found.sum(), rule


def _pseudo(fits: Mapping[str, Fit]) -> np.ndarray:
    """Return weights in proportion to exp(elpd) of leave-one-out; equal where none is finite."""
    with np.errstate(all="ignore"):  # a law that misses the runs by far has no weight
        elpd = np.array([fit.loo().elpd for fit in fits.values()])
    known = np.isfinite(elpd)
    if not known.any():
        return np.full(len(elpd), 1 / len(elpd))
    weights = np.where(known, np.exp(elpd - elpd[known].max()), 0.0)
    return weights / weights.sum()


def _check_shrink(shrink: Any, weights: Any) -> None:
    if shrink is None:
        return
    if not (isinstance(weights, str) and weights in SHRINKING):
        listed = " and ".join(map(repr, SHRINKING))
        raise LawError(
            f"shrink= is for weights={listed} alone; got weights={short(weights)}, "
            f"shrink={short(shrink)}."
        )
    if isinstance(shrink, bool) or not isinstance(shrink, int | float) or not 0 <= shrink <= 1:
        raise LawError(
            "shrink= must be a number from 0 (the data's weights alone) to 1 (equal weights); "
            f"got {short(shrink)}."
        )


def _backtest_weights(fits: Mapping[str, Fit], backtest: Backtest | None) -> np.ndarray:
    """Return stacking weights on held-out points."""
    if backtest is None:
        raise LawError("weights='backtest' needs backtest=bs.backtest({...}) of the same laws.")
    comparison.check_backtest(fits, backtest)
    columns = [
        backtest.points.loc[backtest.points["law"] == name, "log_score"].to_numpy() for name in fits
    ]
    return stacking_weights(np.column_stack(columns))
