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

So every fit with free breaks is checked by a second way to the posterior:

1. Short chains of NUTS are held about places all over the range of x (8 for one break, twice as
   many for each further one). They find explanations that free chains never come near.
2. A mixture of Student's t distributions follows their draws and those of the free chains, and
   importance sampling from it says how much of the posterior each explanation holds; the mixture
   learns from its weights over several rounds.
3. Where the free chains agree with each other and with that (R-hat of both together below 1.01),
   and no more than 5 % of it lies where no chain was, their draws stay as they are. Else its draws
   take their place: they are independent, so that R-hat, effective sample sizes and the error of
   each mode's share mean what they always mean (`fit.tree["sample_stats"].attrs["weighed"]`).
4. Where its weights cannot be trusted (Pareto k above 0.7, or few effective draws), NUTS's draws
   stay and `fit.diagnostics` says that nothing could be checked.

`fit.diagnostics` tells several explanations in words, and `fit.tree["sample_stats"]["mode"]` which
one each draw is of. Other laws, breaks in cells among them, are left to NUTS. `retry=False` leaves
the check out.

**What it does not promise.** An explanation that no chain in any window came to, and that is too
narrow to be hit by the part of the mixture that is as wide as the prior, is missed, and nothing
tells. Weights that look fine prove little by themselves: on a curve of two plateaus with two
breaks, importance sampling from the prior, populations tempered from the prior, and a mixture that
began with those all agreed with each other, and all missed the narrow mode that holds most of the
posterior. It takes draws from a mode to know of it, and chains held about places have them. So what
is put in the place of NUTS's draws is held, below, to NUTS alone, run so long that it passes
between modes by itself.

Two bumps that are joined by a ridge are one explanation: modes are told apart only where no path
of draws leads from one to the other inside the region that holds 98 % of the posterior.

## Measured

`uv run python benchmarks/free_breaks.py DATA_FOLDER` fits published curves with the check and
without it. Good is R-hat below 1.01 and 400 effective draws of every parameter and of the
forecast, with under 0.1 % of draws divergent. Seconds are CPU seconds of a fit (median), without
compiling. Replaced are fits in which other draws took the place of NUTS's; unchecked are those
whose weights could not be trusted.
"""
ROW = "| {law} | {curves} | {rhat_before:.0%} | {rhat:.0%} | {good_before:.0%} | {good:.0%} | "


def table() -> str:
    """A row for each law."""
    rows = pd.read_csv(RESULTS / "free_breaks.csv")
    lines = [
        "| law | curves | R-hat < 1.01 without | with | good without | with | largest R-hat "
        "without | with | s without | with | replaced | unchecked | several modes |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
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
        counts = f"{of_law['weighed'].sum()} | {of_law['unweighed'].sum()} | "
        counts += f"{(of_law['modes'] > 1).sum()}"
        lines.append(f"{shares}{worst} | {seconds} | {counts} |")
    return "\n".join(lines) + "\n"


def agreement() -> str:
    """How replaced draws agree with NUTS alone, run very long."""
    rows = pd.read_csv(RESULTS / "free_breaks.csv")
    used = rows[rows["weighed"] == 1]
    if used.empty:
        return ""
    lines = [
        "\nThe fits whose draws were replaced, against NUTS alone (80,000 draws): the largest "
        "distance of the distribution functions of any parameter, of the ordinary run of NUTS and "
        "of the draws in its place. Where R-hat of the long run is above 1.01 it is no judge.\n",
        "| curve | law | Pareto k | R-hat of NUTS | of the long run | NUTS apart | in its place |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in used.itertuples():
        lines.append(
            f"| {row.curve} | {row.law} | {row.pareto_k:.2f} | {row.rhat_before:.3f} | "
            f"{row.rhat_long:.3f} | {row.apart_before:.2f} | {row.apart:.2f} |"
        )
    words = "\n".join(lines) + "\n"
    if "share_annealed" not in used:
        return words
    lines = [
        "\nAnd against two populations of 10,000 that are annealed slowly from the prior "
        "(`--annealed`), which know of no gradient and no chain: of one break only, since with two "
        "such populations lose part of a narrow mode.\n",
        "| curve | law | share of the largest mode | annealed | apart at most |",
        "|---|---|---|---|---|",
    ]
    for row in used.dropna(subset=["apart_annealed"]).itertuples():
        share, annealed = "one mode", ""
        if row.modes > 1:
            share = f"{100 * row.share:.1f} % ± {100 * row.share_se:.1f}"
            annealed = f"{100 * row.share_annealed:.1f}, {100 * row.share_annealed_2:.1f} %"
        lines.append(
            f"| {row.curve} | {row.law} | {share} | {annealed} | {row.apart_annealed:.2f} |"
        )
    return words + "\n".join(lines) + "\n"


def page() -> str:
    """Return the page."""
    return INTRODUCTION + "\n" + table() + agreement()


if __name__ == "__main__":
    (DOCS / "breaks.md").write_text(page())
