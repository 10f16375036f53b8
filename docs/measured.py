"""Write tables of benchmarks into the pages that speak of them.

Run: uv run python docs/measured.py
A page says where a table stands: between ``<!-- measured: NAME -->`` and ``<!-- end -->``. What
stands there is written from benchmarks/results; a number in it is a number in a file.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
TOP = DOCS.parent
PAGES = [*sorted(DOCS.glob("*.md")), TOP / "benchmarks" / "README.md", TOP / "README.md"]
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n)(.*?)(<!-- end -->)", flags=re.S)


def markdown(frame: pd.DataFrame) -> str:
    """Return a table of words as Markdown."""
    rows = [frame.columns, ["---"] * len(frame.columns), *frame.to_numpy()]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


def honesty() -> str:
    """What intervals of ``bs.forecast`` hold on published curves, beside the best of the others."""
    table = pd.read_csv(RESULTS / "extrapolation_summary.csv")
    table = table[table["family"] == "all"]
    inside = [f"coverage_{level}" for level in (50, 80, 90, 95)]
    rows = []

    def add(words: str, row: pd.Series) -> None:
        shares = {name: f"{100 * row[name]:.0f}" for name in inside}
        rows.append({"": words, "RMSLE": f"{row['rmsle']:.3f}", **shares})

    for name, words in (("published", "published curves"), ("transfer", "curves of other kinds")):
        here = table[table["set"] == name].set_index("method")
        add(f"**{here.loc['bayescale', 'curves']} {words}**: `bs.forecast`", here.loc["bayescale"])
        ours = here.index.str.startswith(("bayescale", "form "))
        others = here[~ours & (here["curves"] == here["curves"].max())]
        best, widest = others["rmsle"].idxmin(), others["coverage_90"].idxmax()
        add(f"best of the others by RMSLE ({best})", others.loc[best])
        add(f"best of the others by coverage ({widest})", others.loc[widest])
    left = pd.read_csv(RESULTS / "extrapolation_left_out.csv")
    left = left[(left["kind"] == "falling") & (left["family"] == "all, left out")].iloc[0]
    add(f"**{left['curves']} of both**, what was chosen chosen anew without their family", left)
    shown = pd.DataFrame(rows)
    shown.columns = ["", "RMSLE", "50 % holds", "80 %", "90 %", "95 %"]
    return markdown(shown)


def pooling() -> str:
    """Held-out log score by way of pooling, less that of partial pooling."""
    table = pd.read_csv(RESULTS / "pooling.csv")
    rows = []
    for (name, protocol), group in table.groupby(["table", "protocol"], sort=False):
        by = group.set_index("pooling")
        partial = by.loc["partial"]

        def told(way: str, by: pd.DataFrame = by) -> str:
            if way not in by.index:
                return "too few runs"
            row = by.loc[way]
            return f"{-row['to_partial']:.2f} ± {row['se']:.2f}"

        rows.append(
            {
                "table": name, "told": protocol,
                "groups, rows": f"{partial['groups']:.0f}, {partial['held_out_rows']:.0f}",
                "partial": f"{partial['log_score']:.2f}", "better than none by": told("none"),
                "than complete": told("complete"), "sorted, better than none by": _sorted(by),
            }
        )  # fmt: skip
    return markdown(pd.DataFrame(rows))


def _sorted(by: pd.DataFrame) -> str:
    """Return by how much the rest is better pooled, odd groups left alone."""
    if "sorted" not in by.index:
        return ""
    row = by.loc["sorted"]
    return f"{row['to_none']:.2f} ± {row['none_se']:.2f} ({row['apart']:.0f} alone)"


def pooling_tried() -> str:
    """The isoFLOP set-ups one by one: alone, pooled, and what else was tried."""
    table = pd.read_csv(RESULTS / "pooling_tried.csv")
    ways = list(table["way"].unique())
    rows = []
    for group, own in table.groupby("group", sort=False):
        by = own.set_index("way")
        alone, pooled = by.loc["none"], by.loc["partial"]
        row = {
            "set-up": group, "exponent alone": f"{alone['exponent']:.2f}",
            "floor's share": f"{alone['floor_share']:.0%}",
            "elpd pooled, training rows": f"{pooled['elpd_diff']:+.1f} ± {pooled['dse']:.1f}",
            "median above, alone": f"{alone['above']:.1%}",
        }  # fmt: skip
        rows.append(row | {way: f"{by.loc[way, 'score']:.2f}" for way in ways})
    mean = {way: f"{table.loc[table['way'].eq(way), 'score'].mean():.2f}" for way in ways}
    return markdown(pd.DataFrame([*rows, {"set-up": "mean", **mean}]).fillna(""))


def pooling_errors() -> str:
    """Errors of the median and coverage by way of pooling."""
    table = pd.read_csv(RESULTS / "pooling.csv")
    rows = []
    for (name, protocol), group in table.groupby(["table", "protocol"], sort=False):
        by = group.set_index("pooling")
        row = {"table": name, "told": protocol}
        for way in ("none", "partial", "complete"):
            known = way in by.index
            row[way] = (
                f"{by.loc[way, 'rmsle']:.3f}, {by.loc[way, 'inside_90']:.0%}" if known else ""
            )
        rows.append(row)
    return markdown(pd.DataFrame(rows))


def chain() -> str:
    """Two stages beside one, means over tasks."""
    table = pd.read_csv(RESULTS / "chain.csv")
    of = table["table"].str.split(",").str[0]
    groups = table.assign(table=of).groupby(["table", "method"], sort=False)
    rows = []
    for (name, method), group in groups:
        mean = group[["rmse", "crps", "inside_50", "inside_90", "width_90"]].mean()
        rows.append(
            {
                "runs": name, "forecast": method, "tasks": len(group),
                "RMSE": f"{mean['rmse']:.3f}", "CRPS": f"{mean['crps']:.3f}",
                "inside 50 %": f"{mean['inside_50']:.0%}",
                "inside 90 %": f"{mean['inside_90']:.0%}", "width": f"{mean['width_90']:.3f}",
            }
        )  # fmt: skip
    return markdown(pd.DataFrame(rows))


def _span(values: pd.Series) -> str:
    low, high = (f"{100 * edge:.0f}" for edge in (values.min(), values.max()))
    return f"{low} %" if low == high else f"{low} to {high} %"


def noise_coverage() -> str:
    """Coverage of 95 % intervals, over three distances."""
    table = pd.read_csv(RESULTS / "noise_coverage.csv")
    rows = []
    for design, group in table.groupby("design", sort=False):
        ways = {
            "posterior": ("ranges", "posterior"), "told the ranges": ("ranges, told", "posterior"),
            "truths from the priors": ("priors", "posterior"),
            "rows independent": ("ranges", "posterior, rows independent"),
            "least squares, bootstrap": ("ranges", "least squares, power law, bootstrap"),
        }  # fmt: skip
        row = {"runs": design}
        for words, (truth, method) in ways.items():
            method = f"{method}, run=" if f"{method}, run=" in set(group["method"]) else method
            mine = group[group["truth"].eq(truth) & group["method"].eq(method)]
            row[words] = _span(mine["coverage_95"]) if len(mine) else ""
        rows.append(row)
    return markdown(pd.DataFrame(rows))


def outlier_planted() -> str:
    """Simulated runs with and without outliers: Student's t beside log-normal noise."""
    table = pd.read_csv(RESULTS / "outlier_noise.csv")
    table = table[table["part"].eq("planted")]
    rows = []
    for (case, noise), group in table.groupby(["case", "noise"], sort=False):
        rows.append(
            {
                "runs": f"{case} ({len(group)})", "noise": noise,
                "mean error of log y": f"{group['rmsle'].mean():.3f}",
                "inside 90 %": f"{group['coverage_90'].mean():.0%}",
                "mean width": f"{group['width'].mean():.3f}",
            }
        )  # fmt: skip
    return markdown(pd.DataFrame(rows))


def outlier_tables() -> str:
    """Tables of separate runs: leave-one-out of Student's t over log-normal noise."""
    table = pd.read_csv(RESULTS / "outlier_noise.csv")
    table = table[table["part"].eq("tables")].set_index(["case", "noise"])
    rows = []
    for case in table.index.get_level_values("case").unique():
        t, normal = table.loc[(case, "Student's t")], table.loc[(case, "log-normal")]
        rows.append(
            {
                "runs": f"{case} ({t['rows']:.0f})",
                "elpd of Student's t": f"{t['elpd_diff']:+.1f} ± {t['dse']:.1f}",
                "outliers under it": f"{t['outliers']:.0f}",
                "width at 10 times, of log-normal's": f"{t['width'] / normal['width']:.2f}",
            }
        )
    return markdown(pd.DataFrame(rows))


def outlier_curves() -> str:
    """Published curves forecast: ``bs.forecast`` with Student's t inside, and as it comes."""
    table = pd.read_csv(RESULTS / "outlier_noise.csv")
    table = table[table["part"].eq("curves")]
    both = table.groupby("case")["noise"].transform("nunique").eq(2)
    rows = []
    for noise, group in table[both].groupby("noise", sort=False):
        mean = group.mean(numeric_only=True)
        rows.append(
            {
                "noise": noise, "curves": len(group), "RMSLE": f"{mean['rmsle']:.4f}",
                "CRPS": f"{mean['crps']:.4f}", "log score": f"{mean['log_score']:.2f}",
                "inside 50 %": f"{mean['coverage_50']:.0%}",
                "inside 90 %": f"{mean['coverage_90']:.0%}",
                "median width": f"{group['width'].median():.3f}",
                "seconds, of log-normal's": "",
            }
        )  # fmt: skip
    seconds = table[both].groupby("noise", sort=False)["seconds"].median()
    for row in rows:
        row["seconds, of log-normal's"] = f"{seconds[row['noise']] / seconds['log-normal']:.1f}"
    return markdown(pd.DataFrame(rows))


def group_geometry() -> str:
    """How few pooled groups sample, by their levels' coordinates."""
    table = pd.read_csv(RESULTS / "group_geometry.csv")
    rows = [
        {
            "groups": f"{row['case']} ({row['fits']} fits)", "coordinates": row["coordinates"],
            "good": f"{row['good']:.0%}", "divergent draws a fit": f"{row['divergences']:.0f}",
            "smallest ESS": f"{row['ess']:,.0f}", "steps a draw": f"{row['steps']:.0f}",
            "CPU s": f"{row['cpu_s']:.1f}",
        }
        for row in table.to_dict("records")
    ]  # fmt: skip
    return markdown(pd.DataFrame(rows))


def bad_input() -> str:
    """How many bad tables and numbers were tried, and what came of them."""
    table = pd.read_csv(RESULTS / "bad_input.csv")
    words = table["test"].str.removeprefix("test_").str.replace("_", " ")
    numbers = table[["cases", "failed", "seconds"]]
    rows = pd.concat([words.rename(""), numbers], axis=1)
    rows.loc[len(rows)] = ["all", *numbers.sum()]
    return markdown(rows)


def faults() -> str:
    """What was done to the package on purpose, and what was lost."""
    table = pd.read_csv(RESULTS / "faults.csv").astype({"tried": int, "lost": int})
    table.columns = ["fault", "injected how", "times tried", "lost", "what was seen"]
    return markdown(table)


def same_draws() -> str:
    """How many fits have the very same draws elsewhere, by law."""
    table = pd.read_csv(RESULTS / "same_draws.csv")
    table["words"] = table["equal"].astype(str) + " of " + table["fits"].astype(str)
    wide = table.pivot_table("words", "place", "law", aggfunc="first", sort=False)
    return markdown(wide.rename_axis("", axis=0).reset_index())


def load() -> str:
    """Memory, open files and threads of one process along its fits."""
    table = pd.read_csv(RESULTS / "load.csv")
    shown = table.iloc[sorted({round(i) for i in np.linspace(0, len(table) - 1, 7)})].copy()
    shown["cpu_s"] = shown["cpu_s"].round().astype(int)
    shown["rss_mib"] = shown["rss_mib"].round().astype(int)
    shown.columns = ["fits", "CPU seconds", "memory, MiB", "open files", "threads"]
    return markdown(shown)


TABLES: dict[str, Callable[[], str]] = {
    made.__name__: made
    for made in (
        honesty, pooling, pooling_tried, pooling_errors, chain, noise_coverage, outlier_planted,
        outlier_tables, outlier_curves, group_geometry, bad_input, faults, same_draws, load,
    )
}  # fmt: skip


def filled(page: Path) -> str:
    """Return a page with its tables as the results have them."""
    return BLOCK.sub(lambda m: m[1] + TABLES[m[2]]() + m[4], page.read_text())


def main() -> None:
    """Write all pages."""
    for page in PAGES:
        page.write_text(filled(page))


if __name__ == "__main__":
    main()
