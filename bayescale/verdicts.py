"""Power law or broken power law: the answer in a table and a paragraph, no more than they bear."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayescale import evidence
from bayescale.evidence import Evidence, evidence_on, listed
from bayescale.groups import refuse
from bayescale.parameters import slots
from bayescale.sensitivity.priors import SENSITIVE

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: A smaller difference in elpd says nothing (Sivula, Magnusson, Vehtari 2020, arXiv:2008.10296).
SMALL_ELPD = 4.0
#: Below this many rows the standard error of a difference is itself uncertain (same reference).
FEW_ROWS = 100
#: A law is called the better forecaster only if it scores better on this share of the points.
MOST = 0.75
#: Held-out points below which nobody is called the better forecaster.
FEW_POINTS = 4
#: Intervals are called too narrow when chance would leave out so many points this rarely.
RARE = 0.05
#: A change of exponent counts if it is this share of the larger exponent beside it.
ROPE = 0.1
#: Bend, in standard deviations of the noise, below which one run cannot tell of a break.
VISIBLE = 1.0


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the runs say of several laws, in words and numbers.

    Parameters
    ----------
    answer
        One sentence.
    paragraph
        The answer and what it stands on.
    caveats
        What to keep in mind, a sentence each.
    table
        A row for each law, best by leave-one-out first: ``elpd_diff``, ``dse``, ``p_worse``,
        ``diag_diff`` and ``diag_elpd`` as :func:`bayescale.compare` has them; held-out
        ``log_score`` (larger is better) and ``crps`` (smaller is better), their differences to the
        best law ``log_score_diff`` and ``crps_diff`` with standard errors ``log_score_se`` and
        ``crps_se`` over cut-offs, ``coverage_90``; and for broken laws ``p_no_break`` (posterior
        probability that every change of exponent is practically zero), ``bf10``,
        ``prior_sensitivity`` and ``bend`` of the break that bends the curve most. No unit, but
        scores, which are in nats, or the units of log y.
    held_out
        A row for each law and cut-off, and one, ``"mean"``, over cut-offs: scores and paired
        differences to the best law, with standard errors over points, or over cut-offs. None
        where nothing was held out.
    breaks
        A row for each broken law and break: the ``change`` of exponent with its interval
        ``lower`` to ``upper`` (equal-tailed), the exponent ``before``, ``p_zero`` and
        ``p_zero_prior`` (probability that it is practically zero, afterwards and before),
        ``bf10`` (Savage-Dickey, for a change against none) with its ``bf_note``,
        ``prior_sensitivity`` and ``likelihood_sensitivity``, and how many standard deviations of
        the noise the break bends the curve at the largest input: ``bend`` with ``bend_lower`` and
        ``bend_upper``, and ``bend_at_rope`` had the change been just large enough to count. None
        where no law has breaks.
    backtest
        What the held-out scores come from, or None.
    """

    answer: str
    paragraph: str
    caveats: tuple[str, ...]
    table: pd.DataFrame
    held_out: pd.DataFrame | None = None
    breaks: pd.DataFrame | None = None
    backtest: Backtest | None = None

    def __repr__(self) -> str:
        """Return the paragraph, the table and the caveats."""
        shown = self.table.dropna(axis=1, how="all").T.to_string(float_format=lambda v: f"{v:.3g}")
        lines = [self.paragraph, "", shown, "", *(f"- {words}" for words in self.caveats)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = self.table.dropna(axis=1, how="all").T.to_html(float_format=lambda v: f"{v:.3g}")
        caveats = "".join(f"<li>{html.escape(words)}</li>" for words in self.caveats)
        return f"<p>{html.escape(self.paragraph)}</p>{shown}<ul>{caveats}</ul>"


def verdict(
    fits: Mapping[str, Fit],
    *,
    backtest: Backtest | None = None,
    holdout: float | None = None,
    cutoffs: int | Sequence[float] = 3,
    comparison: pd.DataFrame | None = None,
    rope: float = ROPE,
    prob: float = 0.9,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> Verdict:
    r"""Say which law the runs favour, and no more than the numbers do.

    Five things are put side by side: (1) leave-one-out (who describes the runs; interpolation),
    with its standard error and ArviZ's small-sample flags; (2) forecasts of the largest scales
    held out, over several cut-offs (extrapolation); (3) the posterior of each change of exponent
    :math:`c_i`, the probability that it is practically zero,

    .. math:: P\left(|c_i| < \rho \max(|\alpha_{before}|, |\alpha_{after}|) \mid y\right),

    and the Savage-Dickey Bayes factor :math:`p(0) / p(0 \mid y)` of a change against none;
    (4) how far that leans on the prior (power-scaling); (5) how many standard deviations of the
    noise the break bends the curve at the largest input: whether the runs could have told at all.

    A law is said to be favoured inside the data if it is ahead by 4 elpd and two standard errors,
    and beyond them if its forecasts have the better mean log score by two standard errors and by 4
    in sum over the runs held out, the better CRPS, and the better log score on three quarters of
    the points.

    Parameters
    ----------
    fits
        Two fits or more by name, all on the same rows: ``{"power law": fit, "one break": fit2}``.
    backtest
        :func:`bayescale.backtest` of the same laws by the same names on the same runs.
    holdout, cutoffs
        In its place: hold out so many (or such a share) of the largest inputs, from so many
        cut-offs, with the fits' own settings. Nothing is held out where both are left out.
    comparison
        The table of :func:`bayescale.compare` of these fits, if it is there already.
    rope
        :math:`\rho`, the largest change of exponent that is practically zero, as a share of the
        larger of the exponents before and after; no unit. 0.1 by default: an exponent of 0.30
        instead of 0.33 makes a difference of 7 % of the reducible loss over a decade.
    prob
        Probability of the equal-tailed intervals.
    workers, executor
        Who fits again, as for :func:`bayescale.fit_many`; this process by default.
    progress
        Whether to show what is under way.

    Returns
    -------
    Verdict
        Paragraph, caveats, and the tables behind them.

    Raises
    ------
    LawError
        If there are fewer than two fits, the backtest is of other laws, or an option is out of
        range.
    DataError
        If the fits or the backtest are not on the same rows of the same outcome.

    References
    ----------
    Leave-one-out: Vehtari, Gelman, Gabry (2017), arXiv:1507.04544; its uncertainty: Sivula,
    Magnusson, Vehtari (2020), arXiv:2008.10296. Leave-future-out: Bürkner, Gabry, Vehtari (2020),
    arXiv:1902.06281. Practical equivalence: Kruschke (2018), "Rejecting or accepting parameter
    values in Bayesian estimation". Savage-Dickey: Heck (2019), "A caveat on the Savage-Dickey
    density ratio". Power-scaling: Kallioinen et al. (2024), arXiv:2107.14054. Breaks: Caballero
    et al. (2023), arXiv:2210.14891.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.load_dataset("digits_learning_curves")
    >>> curve = runs.query("task == 'digits' and model == 'gradient_boosting'")
    >>> curve = curve.groupby("examples", as_index=False)["error"].mean()
    >>> laws = {"power law": bs.PowerLaw(), "one break": bs.BrokenPowerLaw(breaks=1)}
    >>> ask = {"y": "error", "x": "examples", "progress": False}
    >>> fits = {name: law.fit(curve, **ask) for name, law in laws.items()}
    >>> bs.verdict(fits, progress=False).answer.split(";")[0]
    'Inside the data the runs favour one break over power law'
    """
    who: dict[str, Any] = {"workers": workers, "executor": executor, "progress": progress}
    for fit in fits.values() if isinstance(fits, Mapping) else ():
        refuse(getattr(fit, "groups", ()), "verdict()", "Take one group of each fit: fit.at(...).")
    found = evidence_on(fits, backtest, comparison, (holdout, cutoffs), rope, prob, who)
    inside, beyond = _interpolation(found), _extrapolation(found)
    answer = _answer(found, inside.winner, beyond.winner if beyond else None)
    sentences = [answer, inside.words]
    sentences += [beyond.words] if beyond else []
    sentences += _break_sentences(found)
    return Verdict(
        answer=answer,
        paragraph=" ".join(sentences),
        caveats=tuple(_caveats(found, inside.winner, beyond.winner if beyond else None)),
        table=evidence.table(found),
        held_out=found.held_out,
        breaks=found.breaks,
        backtest=found.backtest,
    )


@dataclass(frozen=True)
class _Said:
    words: str
    winner: str | None


def _interpolation(found: Evidence) -> _Said:
    """Say who is ahead by leave-one-out."""
    table = found.comparison
    best, *others = table.index
    differences = table["elpd_diff"].to_numpy(float)[1:]
    errors = table["dse"].to_numpy(float)[1:]
    clauses, behind = [], []
    for other, ahead, error in zip(others, -differences, errors, strict=True):
        size = f"{ahead:.1f} ± {error:.1f} elpd"
        if ahead < SMALL_ELPD:
            words = f"{best} and {other} cannot be told apart ({size}, under {SMALL_ELPD:g})"
        elif ahead < 2 * error:
            words = f"{best} is ahead of {other} by less than two standard errors ({size})"
        else:
            many = f", {ahead / error:.1f} standard errors" if error > 0 else ""
            words = f"{best} is ahead of {other} ({size}{many})"
        flag = str(table["diag_diff"].get(other, "") if "diag_diff" in table else "")
        clauses.append(words + (f" [ArviZ: {flag}]" if flag and flag != "nan" else ""))
        if ahead >= max(SMALL_ELPD, 2 * error):
            behind.append(other)
    how = "leave-one-out, each run given those before it" if found.conditional else "leave-one-out"
    return _Said(f"Inside the data ({how}), {' and '.join(clauses)}.", _side(found, best, behind))


def _extrapolation(found: Evidence) -> _Said | None:
    """Say who forecasts the largest scales better, if they were held out."""
    if found.held_out is None or found.backtest is None:
        return None
    means: Any = found.held_out.xs("mean", level="cutoff")
    best, *others = means["log_score"].sort_values(ascending=False).index
    points = found.backtest.points.set_index("law")["log_score"]
    first, ends = points.loc[[best]].to_numpy(float), len(found.backtest.cutoffs)
    held: Any = found.backtest.points[found.backtest.points["law"] == best]
    different = len(held.drop_duplicates([found.backtest.x, found.backtest.y]))
    clauses, behind = [], []
    for other in others:
        row = means.loc[other]
        wins, total = int((first > points.loc[[other]].to_numpy(float)).sum()), len(first)
        ahead, error = -row["log_score_diff"], row["log_score_se"]
        if ends == 1:
            error = found.held_out.loc[(other, found.backtest.cutoffs[0]), "log_score_se"]
        better = row["crps"] > means.loc[best, "crps"]
        # Cut-offs overlap, so two standard errors over them are easily reached by next to nothing.
        clear = ahead >= 2 * error and ahead * different >= SMALL_ELPD
        clear = clear and better and wins >= MOST * total and total >= FEW_POINTS
        over = "cut-offs" if ends > 1 else "points"
        scores = (
            f"mean log score higher by {ahead:.2f} ± {error:.2f} (standard error over {over}), "
            f"{ahead * different:.1f} over the {different} runs held out; "
            f"better on {wins} of {total} points; CRPS {means.loc[best, 'crps']:.3g} against "
            f"{row['crps']:.3g}"
        )
        words = (
            f"{best} forecasts better than {other}"
            if clear
            else f"{best} is not clearly ahead of {other}"
        )
        clauses.append(f"{words} ({scores})")
        behind += [other] if clear else []
    many = f"{ends} cut-off{'s' * (ends > 1)}"
    words = f"Beyond them (largest scales held out, {many}), {' and '.join(clauses)}."
    return _Said(words, _side(found, str(best), behind))


def _side(found: Evidence, best: str, behind: list[str]) -> str | None:
    """Return the side of the best law if every law of another side is clearly behind it."""
    sides = found.sides
    others = [name for name, side in sides.items() if side != sides[best]]
    return sides[best] if set(others) <= set(behind) else None


def _answer(found: Evidence, inside: str | None, beyond: str | None) -> str:
    """Say it in one sentence."""
    sides = list(dict.fromkeys(found.sides.values()))

    def over(side: str) -> str:
        return f"{side} over {listed([other for other in sides if other != side])}"

    tested, nobody = found.backtest is not None, "neither" if len(sides) == 2 else "none"
    if inside and inside == beyond:
        return f"The runs favour {over(inside)}, inside the data and beyond them."
    if inside and beyond:
        return (
            f"Inside the data the runs favour {inside}, beyond them {beyond}: there is no one "
            "answer."
        )
    if inside:
        rest = f"{nobody} is clearly ahead" if tested else "nothing was measured"
        return f"Inside the data the runs favour {over(inside)}; beyond them {rest}."
    if beyond:
        return (
            f"Beyond the data the runs favour {over(beyond)}; inside them {nobody} is clearly "
            "ahead."
        )
    where = "inside the data or beyond them" if tested else "inside the data; nothing was held out"
    pair = " from ".join(sides) if len(sides) == 2 else f"{listed(sides)} from one another"
    return f"These runs do not tell {pair} ({where})."


def _break_sentences(found: Evidence) -> list[str]:
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


def _caveats(found: Evidence, inside: str | None, beyond: str | None) -> list[str]:
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
        held = round(float(share) * total)  # type: ignore[arg-type]
        if _chance_of_at_most(held, total, 0.9) < RARE:
            words.append(
                f"The 90 % intervals of {name} held {held} of {total} held-out points: too narrow."
            )
    return words + [f"A fit of the backtest fell short ({note})." for note in backtest.notes]


def _chance_of_at_most(held: int, total: int, share: float) -> float:
    return sum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(held + 1))
