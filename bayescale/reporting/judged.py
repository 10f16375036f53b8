"""The diagnostics of a fit, in a table and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayescale.convergence import ESS, RHAT
from bayescale.diagnostics import BFMI, DIVERGENT, MISFIT
from bayescale.reporting import page

if TYPE_CHECKING:
    from bayescale.diagnostics import Diagnostics
    from bayescale.reporting.asked import Asked
    from bayescale.reporting.findings import Findings

#: Above it weights of draws are unreliable (Vehtari et al. 2024, arXiv:1507.02646).
PARETO_K = 0.7


def diagnostics(asked: Asked, found: Findings) -> str:
    """Return the section: whether the draws can be trusted, by which numbers, and what to do."""
    import pandas as pd

    d = asked.fit.diagnostics
    told = (
        "Chains agree, there are enough effective draws, and hardly any diverged: the draws can be "
        "trusted. That says nothing of whether the law is right."
        if d.good
        else "The draws fall short of what is wanted: do not use the numbers of this report yet."
    )
    body = page.paragraph(told, kind="" if d.good else "warn")
    table = pd.DataFrame(_rows(d), columns=["measure", "value", "wanted", "of what, and why"])
    body += page.table(table.set_index("measure"), "Diagnostics of the draws")
    body += page.items([*d.advice, *asked.fit.notes])
    if d.contraction:
        learned = pd.DataFrame({"contraction": d.contraction}).rename_axis("quantity")
        body += page.table(
            learned,
            "How much narrower the posterior is than the prior: 1 is all from the runs, 0 nothing",
            {"contraction": ".2f"},
        )
    return body


def _rows(d: Diagnostics) -> list[tuple[str, str, str, str]]:
    rows = [
        ("largest R-hat", f"{d.rhat:.3f}", f"below {RHAT:g}", f"{d.worst}: do chains agree?"),
        (
            "smallest bulk ESS",
            f"{d.ess_bulk:.0f}",
            f"above {ESS:.0f}",
            f"{d.smallest}: effective draws for medians",
        ),
        ("smallest tail ESS", f"{d.ess_tail:.0f}", "", "effective draws for intervals"),
        (
            "divergent draws",
            f"{d.divergences} of {d.draws}",
            f"at most {DIVERGENT:.1%}",
            "does the sampler get everywhere?",
        ),
        ("BFMI", f"{d.bfmi:.2f}", f"above {BFMI:g}", "are the tails explored?"),
    ]
    if d.pareto_k is not None:
        why = "are the weights of the draws fine?"
        rows.append(("Pareto k", f"{d.pareto_k:.2f}", f"below {PARETO_K:g}", why))
    if not np.isnan(d.misfit):
        name, why = "correlation of neighbouring residuals", "does the law miss the shape?"
        rows.append((name, f"{d.misfit:.2f}", f"below {MISFIT:g}", why))
    return rows
