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
    SHARES,
    at_end,
    at_start,
)

RESULTS = DOCS.parent / "benchmarks" / "results"
PAGE = DOCS / "next_runs.md"
BEGIN, END = "<!-- numbers -->", "<!-- end of numbers -->"


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


def matched(rows: pd.DataFrame, rival: str) -> str:
    """Return with which share of the budget planning errs as a rival does with all of it.

    Errors are geometric means over those at the start, read between the budgets that were given on
    a log axis; the interval is a bootstrap over repetitions.
    """
    parts = []
    for share in SHARES:
        ratio = np.log(at_end(rows, share) / at_start(rows, share))
        parts.append(ratio.xs("next_runs", level="policy").rename(share))
    goal = ratio.xs(rival, level="policy").rename("rival")
    wide = pd.concat([*parts, goal], axis=1).dropna().to_numpy()
    mine, theirs = wide[:, :-1], wide[:, -1]
    rng = np.random.default_rng(0)
    again = rng.integers(len(wide), size=(1000, len(wide)))
    drawn = [_share_for(mine[rows_].mean(axis=0), theirs[rows_].mean()) for rows_ in again]
    low, high = np.quantile(drawn, [0.1, 0.9], method="nearest")
    middle = _share_for(mine.mean(axis=0), theirs.mean())
    return f"{_percent(middle)} [{_percent(low)}, {_percent(high)}] of what `{rival}` was given"


def _share_for(curve: np.ndarray, goal: float) -> float:
    """Return the share of the budget at which a curve of log errors comes down to a goal."""
    best, logs = np.minimum.accumulate(curve), np.log(SHARES)
    if goal < best[-1]:
        return np.inf
    return float(np.exp(np.interp(-goal, -best, logs))) if goal < best[0] else SHARES[0]


def _percent(share: float) -> str:
    if np.isinf(share):
        return "more than 100 %"
    return f"at most {share:.0%}" if share <= SHARES[0] else f"{share:.0%}"


def control(rows: pd.DataFrame) -> str:
    """Return what was simulated."""
    return (
        f"The same where the law is right: {rows['sweep'].nunique()} simulated sweeps that follow "
        "the power law that is fitted, with 2 % noise."
    )


def setting(rows: pd.DataFrame) -> str:
    """Return what was done."""
    earlier = (
        ""
        if "cpu_s" in rows
        else " These numbers are from before plans knew how many runs may still be made, and "
        "before there was a plan that begins with the run of most value and goes on by value for "
        "cost."
    )
    rows = rows[~rows["sweep"].str.startswith("simulated")]
    sweeps = sorted(rows["sweep"].unique())
    models = [name for name in sweeps if not name.startswith("lcdb")]
    return (
        f"`uv run python benchmarks/next_runs.py DATA_FOLDER` hides {len(sweeps)} published sweeps "
        f"but for ten cheap runs each: language models ({', '.join(models)}; Chinchilla's law "
        f"under Student's t, a run costs 6 N D) and {len(sweeps) - len(models)} learning curves of "
        "classifiers (LCDB; a power law with floor, a run costs its examples). Runs are then made "
        "one by one out of "
        "thirty, to forecast the sweep's twelve dearest runs, each at least three times as dear as "
        "any that can be made. The full budget is three times the dearest of the thirty; each "
        "policy is given a tenth of it, three tenths, or all, and at most eight runs. `next_runs` "
        "plans with what is left and makes the first run of the plan; `random` makes any that can "
        "be paid; `log-uniform` the one nearest to a cost drawn evenly on the log axis; `dearest` "
        "the dearest that can be paid."
        f"{earlier}\n\n"
        "![Error by budget](images/next_runs_measured.png)\n\n"
        "Error is the root mean squared log error of the forecast's median in the end, over that "
        "at the start of the same repetition; width that of the 90 % interval on the log scale, "
        "likewise (geometric means; smaller is better). Inside is the share of the forecast runs "
        "in that interval, with all of the budget."
    )


def relative(rows: pd.DataFrame, share: float, column: str = "error") -> pd.Series:
    """Return scores over those at the start of the same repetition, by policy (geometric mean)."""
    ratio = np.log(at_end(rows, share, column) / at_start(rows, share, column))
    return np.exp(ratio.groupby("policy").mean())


def table(rows: pd.DataFrame) -> str:
    """Return errors and widths by policy and budget."""
    columns = [
        (f"{column}, {share:.0%}", relative(rows, share, column))
        for column in ("error", "width")
        for share in SHARES
    ]
    inside = at_end(rows, 1.0, "inside").groupby("policy").mean()
    lines = [
        f"| policy | {' | '.join(name for name, _ in columns)} | inside |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for policy in POLICIES:
        each = [f"{values[policy]:.2f}" for _, values in columns]
        lines.append(f"| `{policy}` | {' | '.join(each)} | {inside[policy]:.0%} |")
    return "\n".join(lines)


def words(rows: pd.DataFrame) -> str:
    """Return how often planning is ahead of the others, repetition by repetition."""
    said = []
    for policy in POLICIES[1:]:
        wins = []
        for share in SHARES:
            ends = at_end(rows, share)
            mine, theirs = (ends.xs(name, level="policy") for name in ("next_runs", policy))
            mine, theirs = mine.align(theirs, join="inner")
            same = np.isclose(mine, theirs)
            better = int(((mine < theirs) & ~same).sum())
            wins.append(f"{better} of {int((~same).sum())} ({share:.0%})")
        said.append(f"than `{policy}` in {', '.join(wins)}")
    count = rows.groupby(["sweep", "repetition"]).ngroups
    compute = "; ".join(matched(rows, rival) for rival in POLICIES[1:3])
    return (
        f"Of {count} repetitions, ties left out, `next_runs` has the smaller error "
        f"{'; '.join(said)}.\n\nCompute for the error that a rival has in the end of the full "
        f"budget (80 % bootstrap interval over repetitions): `next_runs` needs {compute}."
    )


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
    """Draw the error by budget, of real and of simulated sweeps."""
    rows = pd.read_csv(RESULTS / "next_runs.csv")
    simulated = rows["sweep"].str.startswith("simulated")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    colours = ("#D55E00", "#0072B2", "#009E73", "#595959")
    for ax, part, title in zip(
        axes, (rows[~simulated], rows[simulated]), ("published", "simulated"), strict=True
    ):
        for policy, colour, line, mark in zip(
            POLICIES, colours, ("-", "--", "-.", ":"), "os^D", strict=True
        ):
            error = [relative(part, share)[policy] for share in SHARES]
            ax.plot(SHARES, error, color=colour, linestyle=line, marker=mark, label=policy)
        ax.set(xscale="log", xlabel="share of the budget", title=title)
        ax.set_xticks(SHARES, [f"{share:.0%}" for share in SHARES])
        ax.minorticks_off()
    axes[0].set_ylabel("error over that at the start\n(geometric mean)")
    axes[0].legend(fontsize="small")
    return figure


if __name__ == "__main__":
    PAGE.write_text(page())
    picture().savefig(DOCS / "images" / "next_runs_measured.png", dpi=100)
