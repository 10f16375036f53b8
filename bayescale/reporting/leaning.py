"""What a forecast leans on, in words: priors, the smallest runs, single rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayescale.reporting import page, pictures
from bayescale.reporting.findings import Absent, absent, first_group
from bayescale.tables import number

if TYPE_CHECKING:
    from bayescale.reporting.asked import Asked
    from bayescale.reporting.findings import Findings

#: Shifts, in posterior standard deviations, from which a row (or a cut) is worth a word.
NOTABLE = 0.5
#: Rows that are shown.
MOST = 5


def priors(asked: Asked, found: Findings) -> str:
    """Return the section on power-scaling of priors and likelihood."""
    if isinstance(found.priors, Absent):
        return absent(found.priors, "The sensitivity to the priors")
    table = found.priors
    told = table[table["diagnosis"].astype(bool)]
    body = page.paragraph(
        "Prior and likelihood are raised to powers near one, and the change of each marginal is "
        "measured (power-scaling, Kallioinen et al. 2024, arXiv:2107.14054). From 0.05 on it "
        "counts.",
        first_group(asked),
    )
    if len(told):
        alike = told.groupby("diagnosis", sort=False)
        body += page.items(f"{words}: {', '.join(part.index)}." for words, part in alike)
    else:
        body += page.paragraph("No quantity leans on its prior against the runs.")
    return body + page.table(
        table, "Sensitivity to prior and likelihood", {"prior": ".3f", "likelihood": ".3f"}
    )


def rows(asked: Asked, found: Findings) -> str:
    """Return the section on runs that are left out."""
    where = ", ".join(
        f"{asked.fit.runs.columns.get(name, name)} = "
        f"{value if isinstance(value, str) else number(float(value))}"
        for name, value in asked.furthest.items()
    )
    body = page.paragraph(
        f"How the law's value at {where} moves when rows are left out, without drift. Shifts are "
        "in posterior standard deviations."
    )
    body += page.heading("Without the smallest runs")
    body += page.kept(lambda: _smallest(found), "Leaving out the smallest runs")
    body += page.heading("Without single rows")
    return body + page.kept(lambda: _single(found), "Leaving out single rows")


def _smallest(found: Findings) -> str:
    if isinstance(found.smallest, Absent):
        return absent(found.smallest, "Leaving out the smallest runs")
    table = found.smallest
    worst = table.loc[table["shift"].abs().idxmax()]
    told = (
        f"The median moves by {worst['shift']:+.2f} standard deviations when runs below "
        f"{number(float(worst['smallest']))} are left out: does the law describe the small runs?"
        if abs(worst["shift"]) >= NOTABLE
        else "Small runs hardly move the forecast."
    )
    late = table.attrs.get("left_out", 0)
    late = f" For {late} more cuts there was no time; pass a larger seconds=." if late else ""
    columns = ["smallest", "runs", "median", "lower", "upper", "shift"]
    columns += ["problem"] if table["problem"].ne("").any() else []
    body = page.paragraph(told + late)
    body += page.table(
        table[columns].set_index("smallest").rename_axis("smallest input kept"),
        "The forecast by the smallest input that is kept",
        {"shift": "+.2f"},
    )
    return body + pictures.of_smallest(table)


def _single(found: Findings) -> str:
    if isinstance(found.single, Absent):
        return absent(found.single, "Leaving out single rows")
    table = found.single
    order = table["shift"].abs().sort_values(ascending=False).index
    largest = table.loc[order].head(MOST)
    first = largest.iloc[0]
    told = (
        f"One row moves the median by {first['shift']:+.2f} standard deviations: look at it."
        if abs(first["shift"]) >= NOTABLE
        else "No single row moves the median by half a standard deviation."
    )
    weak = int(table["warning"].ne("").sum())
    if weak:
        told += (
            f" For {weak} rows the weights are unreliable (high Pareto k), and the law was not "
            "fitted again without each: a longer report (seconds=, and not quick) does."
        )
    columns = [c for c in largest if not str(c).startswith("at") and c != "warning"]
    body = page.paragraph(told)
    body += page.table(
        largest[columns].set_index("row"),
        "The rows that move the forecast most",
        {"shift": "+.2f", "pareto_k": ".2f"},
    )
    return body + pictures.of_rows(table)
