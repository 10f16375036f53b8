"""Power law or broken power law: the answer in a table and a paragraph, no more than they bear."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayescale import evidence
from bayescale.arguments import check_arguments
from bayescale.break_words import break_sentences
from bayescale.caveats import caveats
from bayescale.evidence import Evidence, evidence_on, listed
from bayescale.groups import refuse

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: A smaller difference in elpd says nothing (Sivula, Magnusson, Vehtari 2020, arXiv:2008.10296).
SMALL_ELPD = 4.0
#: A law is called the better forecaster only if it scores better on this share of the points.
MOST = 0.75
#: Held-out points below which nobody is called the better forecaster.
FEW_POINTS = 4
#: A change of exponent counts if it is this share of the larger exponent beside it.
ROPE = 0.1


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
    check_arguments(verdict, locals(), but=("rope",))
    who: dict[str, Any] = {"workers": workers, "executor": executor, "progress": progress}
    for fit in fits.values() if isinstance(fits, Mapping) else ():
        refuse(getattr(fit, "groups", ()), "verdict()", "Take one group of each fit: fit.at(...).")
    found = evidence_on(fits, backtest, comparison, (holdout, cutoffs), rope, prob, who)
    inside, beyond = _interpolation(found), _extrapolation(found)
    answer = _answer(found, inside.winner, beyond.winner if beyond else None)
    sentences = [answer, inside.words]
    sentences += [beyond.words] if beyond else []
    sentences += break_sentences(found)
    return Verdict(
        answer=answer,
        paragraph=" ".join(sentences),
        caveats=tuple(caveats(found, inside.winner, beyond.winner if beyond else None)),
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
