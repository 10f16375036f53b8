"""The command: simulate what is left, case by case in turn, and write tables and pictures."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd

import benchmarks.sbc as sbc
from benchmarks.sbc.cases import CASES, FORMS, NOISES
from benchmarks.sbc.picture import drawn, sheet
from benchmarks.sbc.ranking import simulated
from benchmarks.sbc.uniformity import corrected, summarized

RESULTS = Path(__file__).parents[1] / "results"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
SETS = {"noises": NOISES, "forms": FORMS}
PICTURES = {"noises": ("sbc.png", drawn), "forms": ("sbc_forms.png", sheet)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=sbc.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--cases", nargs="*", default=list(SETS), choices=[*SETS, *CASES])
    parser.add_argument("--turn", type=int, default=20, help="simulations of a case at a time")
    parser.add_argument("--workers", type=int, default=None, help="processes; this one by default")
    parser.add_argument("--fresh", action="store_true", help="simulate again what was simulated")
    parser.add_argument(
        "--tables", action="store_true", help="simulate nothing, write what is kept"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    names = [name for given in asked.cases for name in SETS.get(given, [given])]
    if asked.fresh:
        for name in names:
            _kept_at(name, asked.out).unlink(missing_ok=True)
    if not asked.tables:
        for until in range(asked.turn, asked.simulations + asked.turn, asked.turn):
            for name in names:
                _simulate(name, min(until, asked.simulations), asked)
    ranks = {name: _kept(name, asked) for name in names}
    _write({name: table for name, table in ranks.items() if len(table)}, asked.out)


def _simulate(name: str, until: int, asked: argparse.Namespace) -> None:
    """Rank simulations of a case that are not yet in the cache, up to a number of them."""
    path = _kept_at(name, asked.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = pd.read_csv(path) if path.exists() else pd.DataFrame({":seed": []})
    left = sorted(set(range(until)) - set(kept[":seed"].astype(int)))
    parts = [kept]

    def done(rows: list[dict]) -> None:
        parts.append(pd.DataFrame(rows))
        whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
        whole.to_csv(path.with_suffix(".part"), index=False)
        path.with_suffix(".part").replace(path)

    if left:
        found = simulated(CASES[name], left, count=asked.workers, done=done)
        print(
            f"{name}: {len(left)} more; R-hat above 1.01 in {(found[':rhat'] > 1.01).mean():.0%}, "
            f"divergent draws {found[':divergences'].mean():.2%}, sampled again "
            f"{found[':again'].mean():.0%}; {found[':cpu_s'].sum():.0f} s of CPU",
            flush=True,
        )


def _kept_at(name: str, out: Path) -> Path:
    plain = "".join(letter for letter in name if letter not in ",'")
    return out / "cache" / "sbc" / f"{plain.replace(' ', '_')}.csv"


def _kept(name: str, asked: argparse.Namespace) -> pd.DataFrame:
    """Return the ranks of a case that are in the cache."""
    path = _kept_at(name, asked.out)
    if not path.exists():
        return pd.DataFrame()
    found = pd.read_csv(path)
    return found[found[":seed"] < asked.simulations].sort_values(":seed", ignore_index=True)


def _write(ranks: dict[str, pd.DataFrame], out: Path) -> None:
    """Write the tables and their pictures; rows of cases that were not asked for stay."""
    uniform = [row for name, table in ranks.items() for row in summarized(name, table)]
    table = _with_others(pd.DataFrame(uniform), out / "sbc.csv")
    _with_others(pd.DataFrame([fits(*each) for each in ranks.items()]), out / "sbc_fits.csv")
    for name, cases in SETS.items():
        here = table[table["case"].isin(list(cases))]
        if len(here):
            picture, draw = PICTURES[name]
            draw(here, (IMAGES if out.resolve() == RESULTS.resolve() else out) / picture)
    shown = ["case", "quantity", "simulations", "mean_rank", "p_ecdf", "p_chi_square"]
    print(table[shown].to_string(index=False, float_format="{:.3g}".format))
    for name in ("p_ecdf", "p_chi_square"):
        p = table[name].to_numpy()
        print(
            f"{name}: {(p < 0.05).sum()} of {len(p)} below 0.05 ({0.05 * len(p):.1f} by chance), "
            f"the smallest {p.min():.3g}, after Holm's correction {corrected(p).min():.3g}"
        )


def _with_others(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Write rows in the place of those of the same cases; return all rows of the file."""
    if file.exists():
        before = pd.read_csv(file)
        table = pd.concat([before[~before["case"].isin(table["case"])], table])
    table = table.sort_values("case", key=lambda c: c.map([*CASES].index), kind="stable")
    table.to_csv(file, index=False, float_format="%.4g")
    return table.reset_index(drop=True)


def fits(name: str, ranks: pd.DataFrame) -> dict:
    """Return how the fits of a case went."""
    return {
        "case": name, "simulations": len(ranks),
        "truths_without_runs": int(ranks[":in_vain"].sum()),
        "rhat_above_1.01": (ranks[":rhat"] > 1.01).mean(),
        "rhat_above_1.05": (ranks[":rhat"] > 1.05).mean(),
        "ess_below_100": (ranks[":ess"] < 100).mean(),
        "divergent_draws": ranks[":divergences"].mean(),
        "floor_integrated_out": ranks[":integrated"].mean(),
        "sampled_again": ranks[":again"].mean(), "median_cpu_s": ranks[":cpu_s"].median(),
    }  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    main()
