"""A fit's tables, and how it introduces itself in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import labelling
from bayescale.checks import at_the_ends, populations
from bayescale.parameters import parameter_names

if TYPE_CHECKING:
    import pandas as pd


_SYMBOLS = {
    "irreducible": "L∞",
    "exponent": "α",
    "break_location": "d",
    "exponent_change": "c",
    "break_sharpness": "1/f",
    "segment_exponent": "α of each segment",
}


def text(fit: Any) -> str:
    """Return law, formula, parameters and diagnostics."""
    lines = [title(fit), f"  {fit.law.formula}"]
    lines += [f"  {line}" for line in table(fit).to_string().splitlines()]
    lines += [f"  {line}" for line in footer(fit)]
    return "\n".join(lines)


def html(fit: Any) -> str:
    """Return the same for a notebook."""
    notes = "<br>".join(escape(line) for line in footer(fit))
    return (
        f"<h4>{escape(title(fit))}</h4><p><i>{escape(fit.law.formula)}</i></p>"
        f"{table(fit).to_html()}<p>{notes}</p>"
    )


def title(fit: Any) -> str:
    """Return what was fitted to what, in one line."""
    columns = ", ".join(f"{role}={name!r}" for role, name in fit.runs.columns.items())
    ceiling = "" if fit.runs.ceiling is None else f", ceiling={fit.runs.ceiling:g}"
    by = "" if fit.runs.groups is None else f"; by {fit.runs.groups.describe()}"
    return (
        f"{fit.name} fitted to {len(fit.runs)} runs (y={fit.runs.outcome_column!r}, "
        f"{columns}{ceiling}; {fit.likelihood.label}{by})"
    )


def table(fit: Any) -> pd.DataFrame:
    """Return median and 90 % interval of every parameter, as text."""
    import pandas as pd

    shown = labelling.named_by_level(fit.runs, fit.parameters | fit.noise)
    if fit.groups:
        quantities = fit.quantities
        shown |= labelling.named({n: quantities[n] for n in populations(fit.coordinates)})
    rows = {}
    for label, draws in shown.items():
        low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
        fixed = "fixed" if np.ptp(draws) == 0 else ""
        rows[label] = [f"{middle:.4g}", fixed or f"{low:.4g}", fixed or f"{high:.4g}"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["median", "5 %", "95 %"])


def footer(fit: Any) -> list[str]:
    """Return whether the draws can be trusted, and how they were made."""
    found = fit.diagnostics
    return [found.line(), f"sampled: {fit.engine}", *fit.notes, *found.advice]


def constants(fit: Any, prob: float) -> pd.DataFrame:
    """Return the literature's constants with intervals (see ``Fit.constants``)."""
    import pandas as pd

    levels = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
    rows = []
    found = fit.law.constants(fit.parameters, fit.runs.references)
    for name, value in found.items():
        symbol, unit = _SYMBOLS.get(name, name), fit.law.unit(name)
        many = isinstance(value, tuple)
        for i, part in enumerate(value if many else (value,)):
            low, middle, high = np.quantile(part, levels, method="inverted_cdf")
            number = i if name == "segment_exponent" else i + 1
            label = f"{name}[{number}]" if many else name
            rows.append((label, symbol, middle, low, high, unit))
    columns = ["constant", "symbol", "median", "lower", "upper", "unit"]
    table = pd.DataFrame(rows, columns=columns).set_index("constant")
    table.attrs = {"probability": prob, "kind": "equal-tailed"}
    return table


def summary(fit: Any, prob: float) -> pd.DataFrame:
    """Return ArviZ's table of parameters and of the curve's end (see ``Fit.summary``)."""
    import arviz as az

    names = [*parameter_names(fit.law), *parameter_names(fit.likelihood)]
    names += [n for n in populations(fit.coordinates) if n not in names]
    data = fit.tree["posterior"].to_dataset()[names]
    moving = [name for name in names if float(data[name].std(["chain", "draw"]).max()) > 0]
    ends = {
        name: np.asarray(fit.runs.reported(curve))
        for name, curve in at_the_ends(fit.law, fit.runs, fit.parameters).items()
    }
    groups = fit.runs.groups
    by: dict[str, Any] = dict.fromkeys(ends, fit.groups)
    shown = data[moving].merge(labelling.labelled(ends, fit.law.component, groups, by))
    table: Any = az.summary(shown, ci_prob=prob, ci_kind="eti", round_to="none")
    return table
