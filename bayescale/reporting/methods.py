"""A paragraph of methods and tables of LaTeX, to be pasted into a paper."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.reporting import facts
from bayescale.tables import number

if TYPE_CHECKING:
    from bayescale.reporting.asked import Asked
    from bayescale.reporting.findings import Findings

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_GREEK = {
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "σ": r"$\sigma$", "∞": r"$\infty$",
}  # fmt: skip


def paragraph(asked: Asked, found: Findings) -> str:
    """Return what was done, in sentences that a paper can take over."""
    fit, d = asked.fit, asked.fit.diagnostics
    runs = fit.runs
    ranges = " and ".join(facts.range_of(fit, role) for role in fit.law.inputs)
    told = [
        f"We fitted {fit.name} ({fit.law.formula}) to {len(runs)} rows ({ranges}) with "
        f"bayescale {version('bayescale')} ({facts.versions_in_words()}).",
        f"Outcomes ({runs.outcome_column}) scatter about the curve by {fit.likelihood.label}"
        + (", on the log scale." if fit.likelihood.on_logs else "."),
        f"Priors: {_priors(fit)}.",
        f"We sampled with NUTS ({facts.sampler(fit)}): {fit.settings.chains} chains of "
        f"{fit.settings.tune} tuning steps and {fit.settings.draws} draws each (target acceptance "
        f"{fit.settings.target_accept:g}, seed {fit.settings.seed}); the largest R-hat was "
        f"{d.rhat:.3f}, the smallest bulk effective sample size {d.ess_bulk:.0f}, and "
        f"{d.divergences} of {d.draws} transitions diverged.",
    ]
    if hasattr(found.forecast, "interval"):
        table = found.forecast.interval(asked.prob)
        row = table.iloc[-1]
        where = ", ".join(
            f"{name} = {value if isinstance(value, str) else number(float(value))}"
            for name, value in found.forecast.inputs.iloc[-1].items()
        )
        told.append(
            f"At {where} ({number(float(row['extrapolation']))} times the largest input seen) one "
            f"new run is forecast at {number(row['median'])} ({asked.prob * 100:g} % equal-tailed "
            f"interval {number(row['lower'])} to {number(row['upper'])})"
            + (
                f"; beyond the data exponents may drift (scale {asked.drift:g})."
                if asked.drift
                else "."
            )
        )
    if hasattr(found.backtest, "points"):
        score = found.backtest.table.get("coverage_90")
        shares = ", ".join(f"{100 * share:.0f} % ({name})" for name, share in score.items())
        told.append(
            f"In a backtest with the largest {found.backtest.x} held out, 90 % intervals held "
            f"{shares} of the points."
        )
    return " ".join(told)


def _priors(fit: Any) -> str:
    said = [
        f"{name} ~ {row['prior']}" if row["on"] == name else f"{row['on']} ~ {row['prior']}"
        for name, row in fit.law.priors().iterrows()
    ]
    said += [f"{row['on']} ~ {row['prior']}" for row in facts.prior_rows(fit)]
    return ", ".join(said)


def latex(asked: Asked) -> str:
    """Return the posterior as a table for LaTeX, with booktabs' rules."""
    fit = asked.fit
    summary: Any = fit.summary(asked.prob)
    low, high = (next(c for c in summary if c.endswith(end)) for end in ("_lb", "_ub"))
    rows = [
        (escape(str(name)), _digits(row["mean"]), _digits(row["sd"]), _between(row[low], row[high]))
        for name, row in summary.to_dict("index").items()
    ]
    constants: Any = fit.constants(asked.prob) if not fit.groups else None
    body = [" & ".join(cells) + r" \\" for cells in rows]
    if constants is not None:
        body.append(r"\midrule")
        body += [
            f"{escape(str(row['symbol']))} & {_digits(row['median'])} & & "
            rf"{_between(row['lower'], row['upper'])} \\"
            for row in constants.to_dict("records")
        ]
    told = f"{asked.prob * 100:g}"
    caption = (
        f"{escape(fit.name)} fitted to {len(fit.runs)} rows of {escape(fit.runs.outcome_column)}: "
        rf"posterior mean, standard deviation and {told}\,\% equal-tailed interval; below the "
        "line, constants of the literature by their medians."
    )
    return "\n".join(
        [
            r"\begin{table}", r"\centering", rf"\caption{{{caption}}}",
            r"\begin{tabular}{lrrr}", r"\toprule",
            rf"parameter & estimate & sd & {told}\,\% interval \\", r"\midrule", *body,
            r"\bottomrule", r"\end{tabular}", r"\end{table}",
        ]
    )  # fmt: skip


def escape(text: str) -> str:
    """Return text as LaTeX prints it."""
    return "".join(_SPECIAL.get(mark, _GREEK.get(mark, mark)) for mark in text)


def _digits(value: float) -> str:
    """Return a number with four digits, large and small ones by a power of ten."""
    if not np.isfinite(value):
        return r"$\infty$" if value > 0 else "--"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        mantissa, power = f"{value:.3e}".split("e")
        return rf"${mantissa} \times 10^{{{int(power)}}}$"
    return f"${value:.4g}$"


def _between(low: float, high: float) -> str:
    return f"{_digits(low)} to {_digits(high)}"
