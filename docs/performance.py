"""Write the performance page and its pictures from the benchmarks' results.

Run: uv run python docs/performance.py
Reads benchmarks/results/*.csv; writes docs/performance.md and docs/images/performance_rows.png. A
number on the page is a number in a file, beside the command that made it; what was not measured is
left out.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"

INTRODUCTION = """# Performance

This page is written by `docs/performance.py` from the tables in `benchmarks/results`. Every table
stands under the command that made it; all were measured on two cores. Times vary by a third from
day to day; compare neighbours in one table only.

What to expect:

- **The first fit of a process** is imports and compiling; sampling is a fraction of a second.
  Compiled densities are kept on disk: `bayescale warm` (or `bs.warm(background=True)` while you
  look at data) makes them ahead of time.
- **Every further fit** of the same form in the process, whatever the data and the priors' numbers,
  is sampling alone.
- **Many curves**: `bs.fit_many` keeps one compiled density and goes through thousands of curves, in
  this process, in several, or on a cluster (`executor=`).
- **Very many runs of one curve**: from ten thousand on, the sampler sees sums over bins of x; LOO
  and `fit.intervals` go in parts, so that memory stays flat.
"""


def table(frame: pd.DataFrame) -> str:
    """Return a frame as a table of Markdown."""
    head = f"| {' | '.join(map(str, frame.columns))} |"
    rows = [f"| {' | '.join(map(_cell, row))} |" for row in frame.itertuples(index=False)]
    return "\n".join([head, "|" + "---|" * len(frame.columns), *rows])


def _rhat(values: pd.Series) -> pd.Series:
    return values.map("{:.3f}".format)


def _cell(value: object) -> str:
    if isinstance(value, float):
        if pd.isna(value):
            return ""
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _first_fit(found: pd.DataFrame) -> str:
    parts = {}
    for what in ("wall", "cpu"):
        wide = found.pivot_table(what, ["law", "cache"], "who")
        for who, name in (("ours", "bayescale"), ("by hand", "PyMC by hand")):
            parts[f"{name}, {what if what == 'wall' else 'CPU'} s"] = wide[who]
    shown = pd.DataFrame(parts).dropna().reset_index()
    alone = found.loc[found["who"] == "imports"].iloc[0]
    repeats = f", medians of {found['repeats'].iloc[0]}" if "repeats" in found else ", medians"
    return (
        "Seconds from the start of Python to the end of the first fit, 4 chains of 1000 draws "
        f"after 1000{repeats}. By hand is the same law in the literature's constants with "
        "`pm.sample` as it comes. Importing PyMC and nutpie alone takes "
        f"{alone['wall']:.1f} s ({alone['cpu']:.1f} s of CPU). Wall time counts what else ran on "
        f"the machine; CPU time does not.\n\n{table(shown)}"
    )


def _scale_curves(found: pd.DataFrame) -> str:
    names = {
        "law": "law", "by": "by", "curves": "curves", "processes": "processes",
        "curves_per_s": "curves/s",
        "cpu_ms": "CPU ms a curve", "speed_up": "speed-up", "straightened": "straightened",
        "sampled_again": "sampled again", "good": "good diagnostics",
        "worst_rhat": "largest R-hat", "mib_first": "MiB, first", "mib_last": "MiB, last",
    }  # fmt: skip
    shown = table(
        found[list(names)].assign(worst_rhat=_rhat(found["worst_rhat"])).rename(columns=names)
    )
    return (
        "Simulated curves of 20 to 70 points through `bs.fit_many`'s road, with diagnostics, "
        "leave-one-out and a forecast each; after start-up. A curve whose diagnostics fall short "
        "is sampled again, which counts; straightened are those that were sampled in coordinates "
        "learned from draws. MiB: the largest worker, after its first curves and at the end. The "
        f"CPU time depends less on who else uses the machine than the rate does.\n\n{shown}"
    )


def _scale_groups(found: pd.DataFrame) -> str:
    names = {
        "groups": "groups", "runs": "runs", "wall_s": "wall, s", "cpu_s": "CPU, s",
        "cpu_ms": "CPU ms a group", "good": "good diagnostics", "mib": "MiB",
    }  # fmt: skip
    found = found.assign(cpu_ms=1000 * found["cpu_s"] / found["groups"])
    apart, pooled = (found[found["pooling"] == how] for how in ("none", "partial"))
    words = (
        "Groups that share nothing, a power law with floor each, on one core, after compiling."
        "\n\n" + table(apart[list(names)].rename(columns=names))
    )
    if not len(pooled):
        return words
    names = {**names, "good": "good", "ess": "smallest ESS", "divergences": "divergent"}
    return (
        words + "\n\nThe same groups, every parameter partially pooled, in one fit of 4000 draws, "
        "which nothing is compiled for after a fit to three groups. Other work ran beside: CPU "
        "time counts, not wall time.\n\n" + table(pooled[list(names)].rename(columns=names))
    )


def _fixed_breaks(found: pd.DataFrame) -> str:
    wide = found.pivot_table("ess_per_s", "curve", "who")
    ratio = wide["ours"] / wide["by hand"]
    rows = []
    for who, part in found.groupby("who", sort=False):
        rows.append(
            {
                "who": who,
                "curves": len(part),
                "R-hat < 1.01": f"{100 * (part['rhat'] < 1.01).mean():.0f} %",
                "largest R-hat": f"{part['rhat'].max():.3f}",
                "median of min ESS": part["ess"].median(),
                "CPU, s": part["cpu_s"].median(),
                "ESS a CPU second": part["ess_per_s"].median(),
                "divergent": int(part["divergences"].sum()),
            }
        )
    return (
        "Real curves (Alabdulmohsin et al. 2022), two breaks held at their nodes: `law.fit` as it "
        "comes against the same law by hand with the default sampler. ESS a second of ours over "
        f"theirs, curve by curve: median {ratio.median():.1f}, from {ratio.min():.1f} to "
        f"{ratio.max():.0f}.\n\n{table(pd.DataFrame(rows))}"
    )


def _scale_rows(found: pd.DataFrame) -> str:
    names = {
        "runs": "runs", "density": "density", "fit_s": "fit, s", "fit_cpu": "CPU, s",
        "loo_s": "LOO, s", "loo_cpu": "CPU, s ", "intervals_s": "10,000 intervals, s",
        "intervals_mib": "MiB", "rhat": "R-hat",
    }  # fmt: skip
    both = found.pivot_table(["floor", "floor_sd"], "runs", "density").dropna()
    gaps = (both["floor"]["default"] - both["floor"]["whole"]).abs() / both["floor_sd"]["whole"]
    names = {name: shown for name, shown in names.items() if name in found}
    shown = table(found[list(names)].assign(rhat=_rhat(found["rhat"])).rename(columns=names))
    return (
        f"One curve with {found['runs'].min():,} to {found['runs'].max():,} runs, a fit after "
        "compiling. By default runs are summed up in bins of x from 10,000 on; `whole` is the "
        "density run by run, for comparison: the posterior means of the floor differ by at most "
        f"{gaps.max():.4f} of its posterior sd. CPU seconds are of the column before them. "
        "MiB: the largest resident memory.\n\n"
        f"{shown}\n\n![time and memory by runs](images/performance_rows.png)"
    )


def _rows_picture(found: pd.DataFrame) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    usual = found[found["density"] == "default"]
    whole = found[found["density"] == "whole"]
    for name, label in (("fit_s", "fit"), ("loo_s", "leave-one-out")):
        left.plot(usual["runs"], usual[name], "o-", label=label)
    left.plot(whole["runs"], whole["fit_s"], "s--", label="fit, run by run")
    left.set(xscale="log", yscale="log", xlabel="runs", ylabel="seconds")
    left.legend(frameon=False)
    right.plot(usual["runs"], usual["intervals_mib"], "o-")
    right.set(
        xscale="log",
        xlabel="runs",
        ylabel="largest resident memory, MiB",
        ylim=(0, 1.15 * usual["intervals_mib"].max()),
    )
    _save(figure, "performance_rows")


def _second_fit(found: pd.DataFrame) -> str:
    names = {
        "law": "law", "runs": "runs", "fit_s": "fit, s", "asked_s": "questions, s",
        "both_s": "both, s", "fit_cpu_s": "fit, CPU s", "asked_cpu_s": "questions, CPU s",
    }  # fmt: skip
    shown = found.assign(runs=found["runs"].astype(int))[list(names)].rename(columns=names)
    return (
        "New data of 20 runs in a process that has fitted the law before: the fit with its log "
        "likelihood and diagnostics, then LOO, summary and a forecast at ten times the data. "
        f"Medians of {found['repeats'].iloc[0]}.\n\n{table(shown)}"
    )


def _geometry(found: pd.DataFrame) -> str:
    papers = found[found["runs"] == "paper"].assign(rhat=lambda t: _rhat(t["rhat"]))
    names = {
        "law": "law", "coordinates": "coordinates", "ess_per_draw": "ESS a draw",
        "ess_per_second": "ESS a second", "steps_per_draw": "steps a draw",
        "divergences": "divergent", "rhat": "R-hat",
    }  # fmt: skip
    return (
        "Smallest bulk ESS of sampling alone, over the literature's constants, ours against the "
        "same law by hand.\n\n" + table(papers[list(names)].rename(columns=names))
    )


def _speed_peers(found: pd.DataFrame) -> str:
    fine = found[found["second_s"].notna()].copy()
    names = {
        "case": "case", "peer": "peer", "first_s": "first fit, s", "second_s": "second, s",
        "ess_bulk": "min ESS", "second_ess_per_s": "ESS a second", "rhat": "R-hat",
        "width": "width of 90 %", "coverage": "covered", "forecasts": "of forecasts",
        "peak_mib": "MiB",
    }  # fmt: skip
    shown = table(fine[list(names)].rename(columns=names))
    lost = found[found["second_s"].isna()]
    words = [f"- {row.peer}, {row.case}: {row.reason}" for row in lost.itertuples()]
    ours = fine[fine["peer"] == "ours"]
    shares = "; ".join(
        f"{row.case} {100 * row.second_s / row.empty_cache_s:.1f} % and "
        f"{100 * row.second_s / row.first_s:.1f} %"
        for row in ours.itertuples()
    )
    return (
        "The same simulated data for all; every peer in an environment and a process of its own. "
        "First fit: from the start of Python; second: other data, same process. Width and "
        "coverage are of the 90 % interval of the curve at ten times the largest input, against "
        f"the truth.\n\n{shown}\n\nOur second fit as a share of the first, with an empty and with "
        f"a warm cache: {shares}. What is left of it is sampling, not compiling (last section)."
        + ("\n\nNot run:\n" + "\n".join(words) if words else "")
    )


def _speed_limit(found: pd.DataFrame) -> str:
    shown = found.drop(columns="machine").set_index("case").T.reset_index(names="of one refit")
    return (
        "How far a refit is from its gradients: how many there are, what one costs in our compiled "
        f"density and in a kernel written by hand, and where the rest goes.\n\n{table(shown)}"
    )


def _cluster_plan(found: pd.DataFrame) -> str:
    enough = found[found["under_way"] == 2 * found["workers"]]
    names = {
        "workers": "workers", "chunk": "chunk", "hours": "hours", "busy_workers": "workers busy",
        "busy_scheduler": "scheduler busy", "busy_parent": "parent busy",
    }  # fmt: skip
    return (
        "A million power-law curves on a Dask cluster: costs measured on this machine, the road "
        "simulated event by event.\n\n" + table(enough[list(names)].rename(columns=names))
    )


#: Result, title, command, what is said of it.
def _frontier_speed(found: pd.DataFrame) -> str:
    wide = found.pivot_table("cpu_s", "law", "cost", sort=False)
    shown = wide.map(lambda seconds: "" if pd.isna(seconds) else f"{seconds:.2f}").reset_index()
    slow, fast = found[found["cpu_s"] >= 1], int((found["wall_s"] < 1).sum())
    wait = (
        f"On two cores {fast} of {len(found)} are there within a second, the last after "
        f"{found['wall_s'].max():.2f} s."
    )
    said = (
        wait
        if slow.empty
        else f"{wait} {len(slow)} take a CPU second or more, of "
        f"{', '.join(dict.fromkeys(slow['law']))}."
    )
    return (
        "CPU seconds of `bs.frontier(fit, budgets, cost=...)`: "
        f"{found['draws'].iloc[0]:,} draws, {found['budgets'].iloc[0]} budgets from the smallest "
        "run's to a thousand times the largest's, with drift, powers and doubts. 6 N D has a "
        "closed form where the law rises with a sum of two powers; all else is searched for. "
        f"{said}\n\n{table(shown)}"
    )


SECTIONS: tuple[tuple[str, str, str, Callable[[pd.DataFrame], str]], ...] = (
    ("first_fit", "The first fit", "first_fit.py", _first_fit),
    ("second_fit", "A further fit", "second_fit.py", _second_fit),
    ("geometry", "Effective draws a second", "geometry.py", _geometry),
    ("fixed_breaks", "Two breaks on real curves", "fixed_breaks.py", _fixed_breaks),
    (
        "speed_peers_summary",
        "Against what users run today",
        "speed_peers.py --grid 3",
        _speed_peers,
    ),
    (
        "scale_curves",
        "Many curves",
        "scale_curves.py",
        _scale_curves,
    ),
    ("scale_groups", "Many groups", "scale_groups.py", _scale_groups),
    ("cluster_plan", "A million curves", "cluster_plan.py", _cluster_plan),
    ("scale_rows", "Many runs", "scale_rows.py", _scale_rows),
    ("speed_limit", "How far from the floor", "speed_limit.py", _speed_limit),
    ("frontier_speed", "A frontier", "frontier_speed.py", _frontier_speed),
)


def page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    for result, title, script, say in SECTIONS:
        path = RESULTS / f"{result}.csv"
        if path.exists():
            command = f"`uv run python benchmarks/{script}`"
            parts.append(f"## {title}\n\n{command}\n\n{say(pd.read_csv(path))}\n")
    return "\n".join(parts)


def _save(figure, name: str) -> None:
    figure.savefig(DOCS / "images" / f"{name}.png", dpi=100)
    plt.close(figure)


def main() -> None:
    """Write the page and its picture."""
    (DOCS / "performance.md").write_text(page())
    rows = RESULTS / "scale_rows.csv"
    if rows.exists():
        _rows_picture(pd.read_csv(rows))


if __name__ == "__main__":
    main()
