"""One command: fit every method to every curve, score the forecasts, write tables and pictures.

Run: uv run python -m benchmarks.extrapolation [DATA_FOLDER] [--workers 2] [--every K]
     [--methods squares,gp,emcee,pymc,bayescale] [--sets vision,language,...] [--fresh]
     [--out FOLDER]

Small x is fitted, large x is forecast (curves.py), by the package and by what others would do on
the same rows, and scored by three protocols (scores.py). A run that is stopped goes on: finished
curves are kept in <out>/cache. ``--every K`` takes every K-th curve of each set. Writes
extrapolation.csv (a row for each curve and method; rows of other methods stay),
extrapolation_summary.csv (means by set, family and method), extrapolation_worst.csv (the ten worst
curves of the package, with reasons) and their picture; the last two only where all curves were
run. ``uv run python docs/extrapolation.py``
writes the page.
"""

import argparse
import os
import time
from pathlib import Path

import pandas as pd

from benchmarks.extrapolation import curves, running, tables, worst

RESULTS = Path(__file__).parents[1] / "results"
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "extrapolation_worst.png"
#: Whose worst curves are drawn: the first of these that was run.
GALLERY = ("bayescale", "LS one break")
SHOWN = ("curves", "rmsle", "coverage_50", "coverage_90", "trend_90", "crps", "log_score_clipped")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="of published data")
    parser.add_argument("--methods", default=",".join(running.GROUPS), help="groups of methods")
    parser.add_argument("--sets", default=",".join(curves.SETS))
    parser.add_argument("--every", type=int, default=1, help="take every K-th curve of each set")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    groups, sets = _named(asked.methods, running.GROUPS), _named(asked.sets, curves.SETS)
    every = curves.read(curves.folder_of(asked.folder), tuple(sets))
    taken = [c for name in sets for c in [c for c in every if c.set == name][:: asked.every]]
    cache = asked.out / "cache" / "extrapolation"
    started, rows, quantiles = time.monotonic(), [], {}
    for _, curve, done in running.run(
        groups, taken, cache, workers=asked.workers, fresh=asked.fresh
    ):
        rows += done.rows
        for method, value in done.quantiles.items():
            quantiles[(method, curve.set, curve.family, curve.name)] = value
    asked.out.mkdir(parents=True, exist_ok=True)
    table = tables.joined(asked.out / "extrapolation.csv", rows)
    table.to_csv(asked.out / "extrapolation.csv", index=False, float_format="%.5g")
    summary = tables.summarized(table)
    summary.to_csv(asked.out / "extrapolation_summary.csv", index=False, float_format="%.4g")
    if len(taken) == len(every) and sets == list(curves.SETS):
        _gallery(table, taken, quantiles, asked.out)
    else:
        print("The worst curves are drawn by runs over all curves only.")
    with pd.option_context("display.width", 160, "display.max_rows", 500):
        whole = summary[summary["family"] == "all"]
        print(whole[["set", "method", *SHOWN]].to_string(index=False, float_format="{:.4g}".format))
    print(f"{len(rows)} rows in {time.monotonic() - started:.0f} s")


def _gallery(table: pd.DataFrame, taken: list, quantiles: dict, out: Path) -> None:
    """Write the worst curves of the package, or of the first of ``GALLERY`` in this run."""
    there = {key[0] for key in quantiles}
    method = next((name for name in GALLERY if name in there), None)
    if method is None:
        return
    by_name = {(c.set, c.family, c.name): c for c in taken}
    mine = table[pd.MultiIndex.from_frame(table[["set", "family", "curve"]]).isin(list(by_name))]
    rows = worst.explained(worst.chosen(mine, method), by_name)
    rows.to_csv(out / "extrapolation_worst.csv", index=False, float_format="%.4g")
    picture = PICTURE if out.resolve() == RESULTS.resolve() else out / PICTURE.name
    kept = {key[1:]: value for key, value in quantiles.items() if key[0] == method}
    worst.drawn(rows, by_name, kept, picture)


def _named(asked: str, known) -> list[str]:
    names = asked.split(",")
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"Not known: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return names


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    main()
