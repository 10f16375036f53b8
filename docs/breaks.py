"""Write the page on breaks from the results of benchmarks/free_breaks.py.

Run: uv run python docs/breaks.py
Reads benchmarks/results/free_breaks.csv; writes docs/breaks.md. A number on the page is a number in
the file.
"""

from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"

INTRODUCTION = """# Where a curve bends

This page is written by `docs/breaks.py` from `benchmarks/results/free_breaks.csv`.

For a *forecast* breaks need no place of their own: `placement="fixed"` or `"cells"` mixes best and
forecasts as well. To say *where* a curve bends, let a break lie anywhere between the smallest and
the largest input:

```python
import bayescale as bs

runs = bs.load_dataset("digits_learning_curves")
runs = runs.query("task == 'digits' and model == 'rbf_svm'")
curve = runs.groupby("examples", as_index=False)["error"].mean()
law = bs.BrokenPowerLaw(breaks=1, placement="free")
fit = law.fit(curve, y="error", x="examples")
fit.diagnostics.modes  # share and its error, of each explanation; empty: there is one
bs.break_table(fit, by_mode=True)  # where, how much and how abruptly, in each of them
```

## Two explanations

Two places can explain a curve's bend about equally well, with nothing between them that does: an
early break and a high floor, or a late one and a low floor. Then

- an interval over both holds places that neither says; read `by_mode=True`;
- which one a chain of NUTS sits in, and how many of four sit there, says nothing of how likely it
  is.

So a fit with free breaks looks for modes by their mass before chains start (a population of 200
that is tempered from the prior to the posterior). Where chains then do not agree, or no chain was
in a mode that holds 5 % or more, a population of 2000 is tempered from all that is known (twice,
so that R-hat tells where one has missed a mode), and chains go on from it with steps that lead
from one mode to another. R-hat, effective sample sizes and the error of each mode's share are of
those chains and mean what they always mean. `fit.diagnostics` says it in words, and
`fit.tree["sample_stats"]["mode"]` which explanation each draw is of. Other laws,
breaks in cells among them, are left to NUTS.

**What is not shown yet.** R-hat is of chains that start from tempered populations, which start
from what NUTS found: where the ridge that joins two bumps is bent and all draws came from one arm
of it, both populations may miss the other, and R-hat below 1.01 does not tell (seen on a made-up
ridge). Of two free breaks treat a
fallback (the notes say so) as a picture of possible explanations, and not as their odds.

Two bumps that are joined by a ridge are one explanation: modes are told apart only where no path
of draws leads from one to the other inside the region that holds 98 % of the posterior.

## Measured

`uv run python benchmarks/free_breaks.py DATA_FOLDER` fits published curves with these chains and
without them. Good is R-hat below 1.01 and 400 effective draws of every parameter and of the
forecast, with under 0.1 % of draws divergent. Seconds are CPU seconds of a fit (median), without
compiling.
"""
ROW = "| {law} | {curves} | {rhat_before:.0%} | {rhat:.0%} | {good_before:.0%} | {good:.0%} | "


def table() -> str:
    """A row for each law."""
    rows = pd.read_csv(RESULTS / "free_breaks.csv")
    lines = [
        "| law | curves | R-hat < 1.01 without | with | good without | with | largest R-hat "
        "without | with | s without | with | used | several modes |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for law, of_law in rows.groupby("law", sort=False):
        shares = ROW.format(
            law=law,
            curves=len(of_law),
            rhat_before=(of_law["rhat_before"] < 1.01).mean(),
            rhat=(of_law["rhat"] < 1.01).mean(),
            good_before=of_law["good_before"].mean(),
            good=of_law["good"].mean(),
        )
        worst = f"{of_law['rhat_before'].max():.2f} | {of_law['rhat'].max():.3f}"
        seconds = f"{of_law['s_before'].median():.1f} | {of_law['s'].median():.1f}"
        counts = f"{of_law['tempered'].sum()} | {(of_law['modes'] > 1).sum()}"
        lines.append(f"{shares}{worst} | {seconds} | {counts} |")
    return "\n".join(lines) + "\n"


def agreement() -> str:
    """How shares agree with the reference."""
    rows = pd.read_csv(RESULTS / "free_breaks.csv")
    used = rows[rows["tempered"] == 1].dropna(subset=["apart"])
    if used.empty:
        return ""
    words = (
        "\nAgainst a population of 4000 that was tempered from the prior and knows nothing of "
        f"these chains ({len(used)} fits): the largest distance of the distribution functions of "
        f"any coordinate is {used['apart'].median():.3f} in the median and "
        f"{used['apart'].max():.3f} at most (the noise of a population of that size, most of whose "
        "members are kin, is some hundredths). Where it is more, one of the two has missed a mode; "
        "which one is open.\n"
    )
    if "share_reference" not in used:
        return words
    shared = used.dropna(subset=["share", "share_reference"])
    lines = [
        "\n| curve | law | modes | share of the largest | reference |",
        "|---|---|---|---|---|",
    ]
    for row in shared.itertuples():
        share = f"{100 * row.share:.1f} % ± {100 * row.share_se:.1f}"
        reference = f"{100 * row.share_reference:.1f} %"
        lines.append(f"| {row.curve} | {row.law} | {row.modes} | {share} | {reference} |")
    return words + "\n".join(lines) + "\n"


def page() -> str:
    """Return the page."""
    return INTRODUCTION + "\n" + table() + agreement()


if __name__ == "__main__":
    (DOCS / "breaks.md").write_text(page())
