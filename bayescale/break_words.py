"""What the posterior says of breaks, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bayescale.evidence import Evidence
from bayescale.sensitivity.priors import SENSITIVE

if TYPE_CHECKING:
    from bayescale.fitting import Fit

#: Bend, in standard deviations of the noise, below which one run cannot tell of a break.
VISIBLE = 1.0


def break_sentences(found: Evidence) -> list[str]:
    """Say of every broken law what the posterior says of its breaks."""
    if found.breaks is None:
        return []
    sentences = []
    for name in found.none:
        rows = found.breaks.loc[name]
        for number, row in rows.iterrows():
            which = f"break {number}" if len(rows) > 1 else "its break"
            sentences.append(_break_words(found, name, which, row))
        if len(rows) > 1:
            none = _chance(found.none[name], found.fits[name])
            sentences.append(f"The probability that none of them counts is {none}.")
    return sentences


def _break_words(found: Evidence, name: str, which: str, row: Any) -> str:
    fit = found.fits[name]
    if row["lower"] == row["upper"]:
        return f"Under {name}, the change at {which} was given, not estimated."
    words = (
        f"Under {name}, the exponent changes at {which} by {row['change']:.2g} "
        f"({100 * found.prob:g} % interval {row['lower']:.2g} to {row['upper']:.2g}); the "
        f"probability that this is practically zero (under {100 * found.rope:g} % of the larger "
        f"exponent) is {_chance(row['p_zero'], fit)}, {row['p_zero_prior']:.2g} a priori"
    )
    if row["bf_note"].startswith("no draw"):
        words += "; no draw lies beyond zero, so a Bayes factor cannot be computed from them"
    elif math.isfinite(row["bf10"]):
        side, factor = ("a", row["bf10"]) if row["bf10"] >= 1 else ("no", 1 / row["bf10"])
        rough = " (roughly)" if row["bf_note"] else ""
        words += f", and the Bayes factor for {side} change is {factor:.2g}{rough}"
    return f"{words}. {_lean_words(row)}{_bend_words(row)}"


def _lean_words(row: Any) -> str:
    prior, runs = row["prior_sensitivity"], row["likelihood_sensitivity"]
    if math.isnan(prior):
        return ""
    numbers = f"(power-scaling sensitivity {prior:.2f} to the priors, {runs:.2f} to the runs)"
    if prior < SENSITIVE:
        return f"The change hardly leans on the priors {numbers}. "
    if runs < SENSITIVE:
        return f"The change is what the priors say, not the runs {numbers}. "
    return f"The change leans on the priors too {numbers}. "


def _bend_words(row: Any) -> str:
    if math.isnan(row["bend"]):
        return ""
    size = (
        f"At the largest input the break bends the curve by {row['bend']:.2g} "
        f"({row['bend_lower']:.2g} to {row['bend_upper']:.2g}) standard deviations of a run's noise"
    )
    least = f"a change just large enough to count would by {row['bend_at_rope']:.2g}"
    if row["bend"] < VISIBLE:
        return f"{size}: a run there could hardly tell of it, so its absence cannot be concluded."
    if row["bend_at_rope"] < VISIBLE:
        return f"{size}; {least}, so small breaks could have gone unseen."
    return f"{size}; {least}."


def _chance(share: float, fit: Fit) -> str:
    """Return a probability that draws have measured."""
    draws = fit.settings.chains * fit.settings.draws
    least = 10.0 ** math.ceil(-math.log10(draws / 4))  # a few draws in a chain say no more
    return f"under {least:g}" if share < least else f"{share:.2g}"
