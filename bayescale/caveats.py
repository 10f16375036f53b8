"""What to keep in mind of a verdict, a sentence each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayescale.evidence import Evidence
from bayescale.parameters import slots

if TYPE_CHECKING:
    from bayescale.backtest_record import Backtest

#: Below this many rows the standard error of a difference is itself uncertain (same reference).
FEW_ROWS = 100
#: Intervals are called too narrow when chance would leave out so many points this rarely.
RARE = 0.05


def caveats(found: Evidence, inside: str | None, beyond: str | None) -> list[str]:
    """Say what to keep in mind."""
    rows = len(next(iter(found.fits.values())).runs)
    words = ["LOO leaves out one run at a time: it measures interpolation, not extrapolation."]
    if found.conditional:
        words.append(
            "Residuals are correlated along the curve, so LOO's terms are conditional on the runs "
            "before: trust the backtest (leave-future-out) more."
        )
    if rows < FEW_ROWS:
        words.append(f"With {rows} rows the standard error of a difference is itself uncertain.")
    words += [
        f"{name}: {text}."
        for name, text in found.comparison["warning"].items()
        if "Pareto" in str(text)
    ]
    for name, fit in found.fits.items():
        if not fit.diagnostics.good:
            words.append(
                f"The fit of {name} fell short ({fit.diagnostics.line()}): what follows from it is "
                "provisional."
            )
    if found.backtest is None:
        words.append("Nothing was held out: who extrapolates better was not measured.")
    else:
        words += _doubts(found.backtest, list(found.comparison.index))
    if inside and beyond and inside != beyond:
        words.append(
            "Interpolation and extrapolation disagree: forecast with both laws (bs.ensemble), and "
            "trust the backtest more far beyond the data."
        )
    if found.breaks is not None:
        words += _limits(found)
    words.append("It ranks the laws that were given; all of them may miss the shape of the curve.")
    return words


def _limits(found: Evidence) -> list[str]:
    """Say what limits the numbers on breaks."""
    assert found.breaks is not None
    words = []
    for name in found.none:
        rows = found.breaks.loc[name]
        slot = next(slot for slot in slots(found.fits[name].law) if slot.field == "exponent_change")
        if slot.prior is not None and rows["bf10"].notna().any():
            one = "one break at a time, " if len(rows) > 1 else ""
            words.append(
                f"The Bayes factor of {name} tests a change of zero, {one}within that law, from a "
                "kernel density at zero. It depends on the prior's width "
                f"({slot.prior.describe()} on {slot.quantity}): a prior twice as wide gives about "
                "half of it."
            )
        for number, row in rows.iterrows():
            if row["bf_note"]:
                words.append(f"Bayes factor of {name}, break {number}: {row['bf_note']}.")
    words.append(
        "The bend counts one run at the largest input; runs between add to it, and a break beyond "
        "the largest run leaves no trace."
    )
    return words


def _doubts(backtest: Backtest, names: list[str]) -> list[str]:
    """Return what to keep in mind of a backtest."""
    total = int(backtest.table.loc[names, "points"].to_numpy()[0])
    ends = len(backtest.cutoffs)
    words = [
        f"The backtest stands on {total} forecast{'s' * (total > 1)} from {ends} "
        f"cut-off{'s' * (ends > 1)}, which are not independent of one another: standard errors "
        "over them are too small."
    ]
    for name, share in backtest.table.loc[names, "coverage_90"].items():
        held = round(float(share) * total)  # type: ignore[arg-type] (pandas: any scalar)
        if _chance_of_at_most(held, total, 0.9) < RARE:
            words.append(
                f"The 90 % intervals of {name} held {held} of {total} held-out points: too narrow."
            )
    return words + [f"A fit of the backtest fell short ({note})." for note in backtest.notes]


def _chance_of_at_most(held: int, total: int, share: float) -> float:
    return sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(held + 1))
