"""Write the numbers of the page about next runs, and their picture, from the benchmark's results.

Run: uv run python docs/next_runs.py
Reads benchmarks/results/next_runs.csv and next_runs_check.csv; writes what stands between the marks
of docs/next_runs.md, and docs/images/next_runs_measured.png.
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from benchmarks.next_runs import (  # noqa: E402 (its folder has to be on the path)
    POLICIES,
    at_budget,
    reached,
)

#: The policies that are ours.
PLANNED = ("next_runs", "value for cost")
RESULTS = DOCS.parent / "benchmarks" / "results"
PAGE = DOCS / "next_runs.md"
BEGIN, END = "<!-- numbers -->", "<!-- end of numbers -->"
SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)


def page() -> str:
    """Return the page with the numbers of the results."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{numbers()}\n{END}{after}"


def numbers() -> str:
    """Return what was measured, in words and tables."""
    rows = pd.read_csv(RESULTS / "next_runs.csv")
    check = pd.read_csv(RESULTS / "next_runs_check.csv")
    simulated = rows["sweep"].str.startswith("simulated")
    parts = [setting(rows), table(rows[~simulated]), words(rows[~simulated])]
    if simulated.any():
        parts += [control(rows[simulated]), table(rows[simulated]), words(rows[simulated])]
    return "\n\n".join([*parts, agreement(check)])


def control(rows: pd.DataFrame) -> str:
    """Return what was simulated."""
    count = rows.groupby(["sweep", "repetition"]).ngroups
    return (
        f"The same where the law is right: {rows['sweep'].nunique()} simulated sweeps that follow "
        f"the power law that is fitted, with 2 % noise, {count} repetitions."
    )


def setting(rows: pd.DataFrame) -> str:
    """Return what was done."""
    rows = rows[~rows["sweep"].str.startswith("simulated")]
    sweeps = sorted(rows["sweep"].unique())
    models = [name for name in sweeps if not name.startswith("lcdb")]
    return (
        f"`uv run python benchmarks/next_runs.py DATA_FOLDER` hides {len(sweeps)} published sweeps "
        f"but for ten cheap runs each: language models ({', '.join(models)}; Chinchilla's law, a "
        f"run costs 6 N D) and {len(sweeps) - len(models)} learning curves of classifiers (LCDB; a "
        "power law with floor, a run costs its examples). Runs are then made one by one out of "
        "thirty, by five policies, to forecast the sweep's twelve dearest runs, each at least "
        "three times as dear as any that can be made. The budget is three of the dearest, or eight "
        f"runs; {rows.groupby(['sweep', 'repetition']).ngroups} repetitions in all, each with "
        "another start and another thirty. `next_runs` plans with the budget that is left and "
        "makes the first run of the plan; `value for cost` makes the run with the most value for "
        "its compute and 2 % of the budget; `random` any that can be paid; `log-uniform` the one "
        "nearest to a cost drawn evenly on the log axis; `dearest` the dearest that can be "
        "paid.\n\n"
        "![Error by compute spent](images/next_runs_measured.png)\n\n"
        "Error is the root mean squared log error of the forecast's median, over that at the start "
        "of the same repetition (geometric mean over all; smaller is better); *reached* the share "
        "of repetitions that come to stay within 1.1 times the error that random choice has in the "
        "end (median of the sweep), *compute* the median share of the budget this takes; *width* "
        "that of the 90 % interval on the log scale over that at the start; *inside* the share of "
        "the forecast runs in it, in the end."
    )


def relative(rows: pd.DataFrame, share: float, column: str = "error") -> pd.Series:
    """Return scores over those at the start of the same repetition, by policy (geometric mean)."""
    ratio = np.log(at_budget(rows, share, column) / at_budget(rows, 0.0, column))
    return np.exp(ratio.groupby("policy").mean())


def table(rows: pd.DataFrame) -> str:
    """Return errors by policy and share of the budget, and the compute that is needed."""
    head = "| policy | " + " | ".join(f"{share:.0%} spent" for share in SHARES)
    lines = [f"{head} | reached | compute | width | inside |", "|---" * (len(SHARES) + 5) + "|"]
    width = relative(rows, 1.0, "width")
    errors = {share: relative(rows, share) for share in SHARES}
    needed = reached(rows).groupby("policy")["needed"]
    inside = at_budget(rows, 1.0, "inside").groupby("policy").mean()
    for policy in POLICIES:
        each = [f"{errors[share][policy]:.2f}" for share in SHARES]
        each += [f"{needed.apply(lambda v: np.isfinite(v).mean())[policy]:.0%}"]
        middle = float(np.quantile(needed.get_group(policy), 0.5, method="lower"))
        each += [f"{middle:.2f}" if np.isfinite(middle) else "not reached"]
        each += [f"{width[policy]:.2f}", f"{inside[policy]:.0%}"]
        lines.append(f"| `{policy}` | {' | '.join(each)} |")
    return "\n".join(lines)


def words(rows: pd.DataFrame) -> str:
    """Return how often each way to plan is ahead of the others, repetition by repetition."""
    every = reached(rows).set_index(["sweep", "repetition"])
    needed = {policy: part["needed"] for policy, part in every.groupby("policy")}
    ends = at_budget(rows, 1.0)
    said = []
    for ours in PLANNED:
        quicker, better = [], []
        for policy in POLICIES:
            if policy in PLANNED:
                continue
            mine, theirs = needed[ours].align(needed[policy], join="inner")
            differ = mine != theirs
            quicker.append(f"`{policy}` in {int((mine < theirs).sum())} of {int(differ.sum())}")
            mine, theirs = ends.xs(ours, level="policy").align(
                ends.xs(policy, level="policy"), join="inner"
            )
            better.append(f"`{policy}` in {int((mine < theirs).sum())} of {len(mine)}")
        said.append(
            f"`{ours}` comes to stay within that error with less compute than "
            f"{', than '.join(quicker)} repetitions (ties left out), and has the smaller error in "
            f"the end than {', than '.join(better)}."
        )
    return " ".join(said)


def agreement(check: pd.DataFrame) -> str:
    """Return how values by weights and by regression agree with fitting again."""
    parts = []
    for drift, rows in check.groupby("drift"):
        by = {
            method: (rows[method] - rows["refit"]).abs().mean()
            for method in ("weights", "regression")
        }
        rank = rows.groupby("sweep")[["regression", "refit"]].corr(method="spearman")
        rank = rank.xs("refit", level=1)["regression"].mean()
        parts.append(
            f"with `drift={drift:g}` by {by['weights']:.2f} (weights) and "
            f"{by['regression']:.2f} (regression), rank correlation {rank:.2f}"
        )
    error = check["refit_se"].mean()
    return (
        f"Values against fitting again (`--check`; {len(check) // 2} candidates, eight outcomes "
        f"each, whose own standard error is {error:.2f}) differ on average {'; '.join(parts)}. "
        "With drift they need not agree: a law that is fitted to a run beyond the data takes its "
        "drift for its own exponent and starts to drift anew from there."
    )


def picture():
    """Draw the error by compute spent, over all sweeps and repetitions."""
    rows = pd.read_csv(RESULTS / "next_runs.csv")
    rows = rows[~rows["sweep"].str.startswith("simulated")]
    figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    grid = np.geomspace(0.005, 1, 40)
    colours = ("#D55E00", "#0072B2", "#009E73", "#595959", "#CC79A7")
    styles = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
    for policy, colour, line in zip(POLICIES, colours, styles, strict=True):
        error = [relative(rows, share)[policy] for share in grid]
        ax.plot(grid, error, drawstyle="steps-post", color=colour, linestyle=line, label=policy)
    ax.set(xscale="log", xlabel="share of the budget spent",
           ylabel="error over that at the start\n(geometric mean)")  # fmt: skip
    ax.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    PAGE.write_text(page())
    picture().savefig(DOCS / "images" / "next_runs_measured.png", dpi=100)
