"""Which law the runs favour, in a sentence that says no more than the numbers do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtesting import Backtest

#: A smaller difference in elpd says nothing (Sivula, Magnusson, Vehtari 2020, arXiv:2008.10296).
SMALL_ELPD = 4.0
#: Below this many rows the standard error of a difference is itself uncertain (same reference).
FEW_ROWS = 100
#: A law is called the better forecaster only if it scores better on this share of the points.
MOST = 0.75
#: Intervals are called too narrow when chance would leave out so many points this rarely.
RARE = 0.05


def verdict(
    comparison: pd.DataFrame, backtest: Backtest | None = None, rows: int | None = None
) -> tuple[str, list[str]]:
    """Say which law the runs favour, and no more than the numbers do.

    Parameters
    ----------
    comparison
        The table of :func:`bayescale.compare`.
    backtest
        The backtest of the same laws by the same names.
    rows
        How many runs the comparison stands on.

    Returns
    -------
    sentence
        Who interpolates better and who extrapolates better, with the numbers.
    caveats
        What to keep in mind, a sentence each.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"elpd_diff": [0.0, -1.2], "dse": [0.0, 1.5], "warning": ["", ""]},
    ...     index=["power", "broken"],
    ... )
    >>> verdict(table)[0]
    'Inside the data (LOO) power and broken cannot be told apart (1.2 ± 1.5 elpd, under 4)'
    """
    inside, leader = _interpolation(comparison)
    caveats = ["LOO leaves out one row at a time: it measures interpolation, not extrapolation."]
    if rows is not None and rows < FEW_ROWS:
        caveats.append(f"With {rows} rows the standard error of a difference is itself uncertain.")
    caveats += [
        f"{name}: {words}."
        for name, words in comparison["warning"].items()
        if "Pareto" in str(words)
    ]
    if backtest is None:
        caveats.append("Nothing was held out: who extrapolates better was not measured.")
        return inside, caveats
    names = list(comparison.index)
    beyond, winner = _extrapolation(backtest, names)
    caveats += _doubts(backtest, names)
    if leader and winner and leader != winner:
        caveats.append(
            "Interpolation and extrapolation disagree: forecast with both laws (bs.ensemble), and "
            "trust the backtest more far beyond the data."
        )
    return f"{inside}; {beyond}", caveats


def _interpolation(comparison: pd.DataFrame) -> tuple[str, str | None]:
    """Return a clause on LOO, and the law that is clearly ahead of all others."""
    best, *others = comparison.index
    differences = comparison["elpd_diff"].to_numpy(float)[1:]
    errors = comparison["dse"].to_numpy(float)[1:]
    clauses, clear = [], True
    for other, ahead, error in zip(others, -differences, errors, strict=True):
        size = f"{ahead:.1f} ± {error:.1f} elpd"
        if ahead < SMALL_ELPD:
            words = f"{best} and {other} cannot be told apart ({size}, under {SMALL_ELPD:g})"
        elif ahead < 2 * error:
            words = f"{best} is ahead of {other} by less than two standard errors ({size})"
        else:
            many = f", {ahead / error:.1f} standard errors" if error > 0 else ""
            words = f"{best} is ahead of {other} ({size}{many})"
        clauses.append(words)
        clear = clear and ahead >= max(SMALL_ELPD, 2 * error)
    return f"Inside the data (LOO) {' and '.join(clauses)}", best if clear else None


def _extrapolation(backtest: Backtest, names: list[str]) -> tuple[str, str | None]:
    """Return a clause on the backtest, and the law that is ahead on most points."""
    order = np.argsort(-backtest.table.loc[names, "log_score"].to_numpy(float))
    best, second = (names[i] for i in order[:2])
    rmsle = dict(zip(names, backtest.table.loc[names, "rmsle"].to_numpy(float), strict=True))
    points = backtest.points.set_index("law")["log_score"]
    first, other = (points.loc[[name]].to_numpy(float) for name in (best, second))
    wins, total = int((first > other).sum()), len(first)
    scores = (
        f"mean log score {first.mean():.2f} against {other.mean():.2f}, better on {wins} of "
        f"{total} points; RMSLE {rmsle[best]:.3f} against {rmsle[second]:.3f}"
    )
    opening = "beyond them (largest scales held out)"
    if wins < MOST * total or min(rmsle, key=lambda name: rmsle[name]) != best:
        return f"{opening} neither {best} nor {second} is clearly ahead ({scores})", None
    return f"{opening} {best} forecasts better than {second} ({scores})", best


def _doubts(backtest: Backtest, names: list[str]) -> list[str]:
    """Return what to keep in mind of a backtest."""
    total = int(backtest.table.loc[names, "points"].to_numpy()[0])
    ends = len(backtest.cutoffs)
    words = [
        f"The backtest stands on {total} forecast{'s' * (total > 1)} from {ends} "
        f"cut-off{'s' * (ends > 1)}, which are not independent of one another."
    ]
    for name, share in backtest.table.loc[names, "coverage_90"].items():
        held = round(float(share) * total)  # type: ignore[arg-type]
        if _chance_of_at_most(held, total, 0.9) < RARE:
            words.append(
                f"The 90 % intervals of {name} held {held} of {total} held-out points: too narrow."
            )
    return words + [f"A fit of the backtest fell short ({note})." for note in backtest.notes]


def _chance_of_at_most(held: int, total: int, share: float) -> float:
    return sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(held + 1))
