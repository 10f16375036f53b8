"""The sections of a report, each from what was asked and what was found."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.reporting import checklist, facts, judged, leaning, methods, page, pictures
from bayescale.reporting.asked import TITLES, Asked, cells
from bayescale.reporting.findings import Absent, Findings, absent
from bayescale.tables import number

if TYPE_CHECKING:
    from bayescale.fitting import Fit

#: Rows of the table of residuals that are shown.
FURTHEST = 5


def sections(asked: Asked, found: Findings) -> list[page.Section]:
    """Return the sections that were asked for; one that fails says so."""
    made = []
    for name in asked.sections:
        with np.errstate(all="ignore"):  # numbers of what does not vary are shown as missing
            body = page.kept(lambda name=name: _BODIES[name](asked, found), "This section")
        made.append(page.Section(name, TITLES[name], body))
    return made


def _summary(asked: Asked, found: Findings) -> str:
    fit, d = asked.fit, asked.fit.diagnostics
    body = page.paragraph(
        f"{fit.name} fitted to {len(fit.runs)} rows: {fit.runs.outcome_column} by "
        f"{facts.inputs_in_words(fit)}."
    )
    if hasattr(found.forecast, "interval"):
        body += page.paragraph(_headline(asked, found), kind="headline")
    body += absent(found.forecast, "The forecast")
    told = "The draws can be trusted" if d.good else "Do not trust these numbers yet"
    words = [f"{told} ({d.line()}).", *d.advice]
    body += page.items(words) if d.good else page.paragraph(*words, kind="warn")
    if hasattr(found.priors, "diagnosis"):
        leaning = found.priors["diagnosis"]
        leaning = leaning[leaning.astype(bool) & leaning.index.str.startswith("forecast")]
        body += page.items(f"{name}: {words}." for name, words in leaning.items())
    return body


def _headline(asked: Asked, found: Findings) -> str:
    table = found.forecast.interval(asked.prob)
    row = table.iloc[-1]
    where = ", ".join(
        f"{name} = {value if isinstance(value, str) else number(float(value))}"
        for name, value in found.forecast.inputs.iloc[-1].items()
    )
    return (
        f"At {where}, {number(float(row['extrapolation']))} times the largest input seen, one new "
        f"run is expected at {asked.fit.runs.outcome_column} = {number(row['median'])}, with "
        f"{asked.prob * 100:g} % probability between {number(row['lower'])} and "
        f"{number(row['upper'])}."
    )


def _data(asked: Asked, found: Findings) -> str:
    import pandas as pd

    fit, runs = asked.fit, asked.fit.runs
    columns = {f"input {role}": (runs.columns[role], v) for role, v in runs.inputs.items()}
    columns["outcome"] = (runs.outcome_column, np.asarray(runs.reported(runs.outcome)))
    rows = [
        {
            "what": role,
            "column": column,
            "smallest": float(values.min()),
            "largest": float(values.max()),
            "different values": len(np.unique(values)),
            "decades": float(np.log10(values.max() / values.min())) if values.min() > 0 else np.nan,
        }
        for role, (column, values) in columns.items()
    ]
    body = page.paragraph(f"{len(runs)} rows.", *_of_rows(fit))
    body += page.table(
        pd.DataFrame(rows).set_index("what"), "What the rows span", {"decades": ".2f"}
    )
    if fit.groups:
        count = pd.Series([tuple(level.values()) for level in map(dict, cells(fit))])
        body += page.paragraph(
            f"Groups by {', '.join(fit.groups)}: {len(count)} combinations of levels."
        )
    body += page.folded("All rows, as they were fitted", page.table(runs.frame(), "The rows"))
    return body


def _of_rows(fit: Fit) -> list[str]:
    words, runs = [], fit.runs
    if runs.ceiling is not None:
        words.append(
            f"{runs.outcome_column} rises towards a ceiling of {runs.ceiling:g}: what is missing "
            "to it is modelled, and the outcome is reported."
        )
    if fit.likelihood.correlated:
        count = 1 if runs.run is None else len(np.unique(runs.run))
        words.append(f"Noise is correlated along each of {count} training runs.")
    return words


def _law(asked: Asked, found: Findings) -> str:
    import pandas as pd

    fit = asked.fit
    priors: Any = fit.law.priors().reset_index()
    noise = pd.DataFrame(facts.prior_rows(fit))
    table = pd.concat([priors, noise], ignore_index=True).set_index("parameter").fillna("")
    body = page.paragraph(fit.law.formula, kind="formula")
    body += page.paragraph(fit.law.use.replace("`", ""))
    if fit.law.traps:
        body += page.paragraph(f"What to look out for: {fit.law.traps}".replace("`", ""))
    body += page.paragraph(facts.assumptions_in_words(fit, asked.drift))
    body += page.table(
        table.rename(columns={"on": "prior on", "low": "2.5 %", "high": "97.5 %"}),
        "Priors in effect, with their central 95 %",
    )
    for name, (given, about) in fit.likelihood.columns.items():
        body += page.paragraph(f"{name} = {given!r}: {about['means']}.")
    return body


def _posterior(asked: Asked, found: Findings) -> str:
    fit, told = asked.fit, f"{asked.prob * 100:g} % equal-tailed interval"
    summary = fit.summary(asked.prob)
    ends = {c: "lower" if str(c).endswith("_lb") else "upper" for c in summary if "eti" in str(c)}
    shown = summary.rename(columns=ends)
    kept = ["mean", "sd", "lower", "upper", "ess_bulk", "ess_tail", "r_hat"]
    shown = shown.reindex(columns=kept).rename_axis("parameter")
    formats = {"ess_bulk": ".0f", "ess_tail": ".0f", "r_hat": ".3f"}
    body = page.table(shown, f"Parameters: posterior mean, sd and {told}", formats)

    def constants() -> str:
        table = fit.constants(asked.prob)
        return page.table(table, f"The literature's constants: median and {told}")

    return body + ("" if fit.groups else page.kept(constants, "The table of constants"))


def _fit(asked: Asked, found: Findings) -> str:
    body = pictures.of_fit(asked)

    def furthest() -> str:
        table = asked.fit.outliers()
        limit = table.attrs["limit"]
        return page.paragraph(
            "Residuals are in units of the noise; an outlier is further from the curve than "
            f"{limit:.1f} of them."
        ) + page.table(
            table.head(FURTHEST).rename_axis("row"),
            f"The {min(FURTHEST, len(table))} rows most probably outliers",
            {"residual": ".2f", "probability": ".3f"},
        )

    return body + page.kept(furthest, "The table of residuals")


def _forecast(asked: Asked, found: Findings) -> str:
    if isinstance(found.forecast, Absent):
        return absent(found.forecast, "The forecast")
    told = f"{asked.prob * 100:g} % equal-tailed interval"
    made = found.forecast
    curve, new = (made.interval(asked.prob, of) for of in ("curve", "observation"))
    table = new.assign(**{"curve, lower": curve["lower"], "curve, upper": curve["upper"]}).rename(
        columns={"lower": "new run, lower", "upper": "new run, upper"}
    )
    drift = (
        f"Beyond the data exponents may drift from the law's (scale {asked.drift:g})."
        if asked.drift
        else "The law is taken as it stands, however far beyond the data: no drift."
    )
    body = page.paragraph(drift, *made.notes)
    body += page.table(
        table, f"Median and {told}; extrapolation is the input over the largest one seen"
    )
    return body + pictures.of_forecast(asked, made)


def _comparison(asked: Asked, found: Findings) -> str:
    if isinstance(found.comparison, Absent):
        return absent(found.comparison, "The comparison")
    columns = ["elpd", "elpd_diff", "dse", "p", "weight", "worst_pareto_k", "repaired", "warning"]
    table = found.comparison
    table = table[[name for name in columns if name in table]]
    table = table.loc[:, [c for c in table if not (table[c].astype(str) == "").all()]]
    body = page.paragraph(
        "By leave-one-out: how well each law predicts a row from the others, inside the range of "
        "the data. elpd is larger for the better one; a difference under 4, or within two of its "
        "standard errors (dse), says little. It is no test of extrapolation."
    )
    body += page.table(
        table.rename_axis("law"), "Leave-one-out, best first", dict.fromkeys(columns, ".2f")
    )
    body += pictures.of_comparison(found.comparison)
    if hasattr(found.verdict, "paragraph"):
        body += page.heading("In words") + page.paragraph(found.verdict.paragraph)
        body += page.items(found.verdict.caveats)
    elif isinstance(found.verdict, Absent) and found.verdict.error is not None:
        body += absent(found.verdict, "The verdict")
    return body


def _backtest(asked: Asked, found: Findings) -> str:
    if isinstance(found.backtest, Absent):
        return absent(found.backtest, "The backtest")
    tested = found.backtest
    ends = ", ".join(number(end) for end in tested.cutoffs if np.isfinite(end))
    body = page.paragraph(
        f"Trained up to {tested.x} = {ends}, and forecast beyond. Smaller rmsle and crps and "
        "larger log_score are better; coverage_90 is the share of points inside the 90 % interval."
    )
    body += page.table(tested.table, "Scores of the forecasts", _two_digits(tested.table))
    body += pictures.of_backtest(tested)
    return body + page.items(tested.notes)


def _two_digits(scores: Any) -> dict[str, str]:
    """Return the format of shares and of log scores."""
    return {c: ".2f" for c in scores if str(c).startswith(("coverage_", "log_score"))}


def _checklist(asked: Asked, found: Findings) -> str:
    every = checklist.answers(asked.checklist, facts.known(asked, found), facts.partly(asked))
    open_ones = [answer for answer in every if answer.open]
    body = page.paragraph(
        f"What a reader must know to redo this ({checklist.SOURCE}). Answered: "
        f"{len(every) - len(open_ones)} of {len(every)}."
    )
    part = ""
    for answer in every:
        if answer.part != part:
            body += ("</dl>" if part else "") + page.heading(answer.part) + '<dl class="checklist">'
            part = answer.part
        kind = ' class="open"' if answer.open else ""
        body += (
            f"<div{kind}><dt>{escape(answer.question)}</dt><dd>{escape(answer.words)} "
            f'<span class="status">[{escape(answer.status)}]</span></dd></div>'
        )
    body += "</dl>"
    if open_ones:
        lines = "\n".join(f'{answer.name} = ""  # {answer.question}' for answer in open_ones)
        body += page.code(
            lines,
            "To be answered: put these lines into a file, answers.toml, and write the report with "
            "checklist='answers.toml' (bayescale report ... --checklist answers.toml)",
        )
    return body


def _methods(asked: Asked, found: Findings) -> str:
    body = page.paragraph(methods.paragraph(asked, found))
    return body + page.kept(
        lambda: page.code(methods.latex(asked), "The posterior as a LaTeX table (with booktabs)"),
        "The LaTeX table",
    )


_BODIES: dict[str, Callable[[Asked, Findings], str]] = {
    "summary": _summary,
    "data": _data,
    "law": _law,
    "posterior": _posterior,
    "fit": _fit,
    "forecast": _forecast,
    "comparison": _comparison,
    "backtest": _backtest,
    "diagnostics": judged.diagnostics,
    "priors": leaning.priors,
    "rows": leaning.rows,
    "checklist": _checklist,
    "methods": _methods,
}
