"""A law in words: its priors as a table with units and meanings, and how it introduces itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from bayescale.parameters import slots

if TYPE_CHECKING:
    import pandas as pd

#: Quantities that may carry a prior instead of a parameter, in words: (unit, meaning).
QUANTITIES: dict[str, tuple[str, str]] = {
    "floor_share": ("no unit", "irreducible loss over the loss at the largest inputs"),
    "level": (
        "reference outcomes",
        "loss at the reference input (the geometric mean of the inputs) over the reference "
        "outcome (the geometric mean of the outcomes)",
    ),
    "relative_scale": ("reference outcomes", "reducible loss at the reference input"),
    "x0": ("units of x", "the literature's constant: where the first power law equals 1"),
}


def prior_table(law: Any) -> pd.DataFrame:
    """Return the priors in effect: a row for each parameter, with units and central 95 %."""
    import pandas as pd

    words = {**QUANTITIES, **law.quantities}
    rows = []
    for slot in slots(law):
        unit, meaning = law.unit(slot.quantity), words.get(slot.quantity, ("", ""))[1]
        if slot.prior is None:
            low = high = slot.value
            prior = f"fixed at {slot.value}"
        else:
            low, high = (float(q) for q in slot.prior.frozen().ppf([0.025, 0.975]))
            prior = slot.prior.describe()
        rows.append((slot.field, slot.quantity, prior, low, high, unit, meaning))
    columns = ["parameter", "on", "prior", "low", "high", "unit", "meaning"]
    return pd.DataFrame(rows, columns=columns).set_index("parameter")


def unit(law: Any, name: str) -> str:
    """Return the unit of a parameter, a quantity or a constant, in words."""
    words = {**QUANTITIES, **law.quantities}
    if name in words:
        return words[name][0]
    if name.startswith("relative_"):
        return f"reference value of {name.removeprefix('relative_')}"
    if name in law.input_units:
        return f"units of {law.input_units[name]}"
    is_outcome = name in ("irreducible", "scale", "E") or name.endswith("_scale")
    return "units of y" if is_outcome else "no unit"


def text(law: Any) -> str:
    """Return the formula and the priors in effect, in words and units."""
    lines = [f"{law.signature_name()}:  {law.formula}"]
    row: Any
    for name, row in law.priors().iterrows():
        on = "" if row["on"] == name else f" through {row['on']}"
        interval = (
            ""
            if row["prior"].startswith("fixed")
            else (f"; central 95 % {row['low']:.3g} to {row['high']:.3g}")
        )
        meaning = f"; {row['meaning']}" if row["meaning"] else ""
        lines.append(f"  {name}{on} ~ {row['prior']} [{row['unit']}{interval}{meaning}]")
    return "\n".join(lines)


def html(law: Any) -> str:
    """Return the same for a notebook."""
    title, formula = escape(law.signature_name()), escape(law.formula)
    table = law.priors().to_html(float_format=lambda value: f"{value:.3g}")
    return f"<h4>{title}</h4><p><i>{formula}</i></p>{table}"
