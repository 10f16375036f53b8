"""The result tables: a row for each curve and method, and their means by family and set."""

from pathlib import Path

import pandas as pd

from benchmarks.extrapolation.curves import TRANSFER
from benchmarks.extrapolation.scores import CALIBRATION, LEVELS, win_shares

ORDER = (
    "bayescale", "bayescale, no drift", "LS M1", "LS M2", "LS M3", "LS M4", "LS one break", "GP",
    "emcee M4", "emcee one break", "PyMC power law", "PyMC one break",
)  # fmt: skip
#: Means over curves that the summary has.
MEANS = (
    "rmsle", "rsle", "bias", "log_score", "log_score_clipped", "msce", "crps", "interval_score",
    "width",
    *(f"coverage_{100 * level:g}" for level in sorted({*LEVELS, *CALIBRATION})),
    *(f"trend_{100 * level:g}" for level in LEVELS),
)  # fmt: skip
_KEY = ["set", "family", "curve"]


def joined(path: Path, rows: list[dict]) -> pd.DataFrame:
    """Return the table in a file with new rows instead of those of the same group and curve."""
    new = pd.DataFrame(rows)
    if path.exists():
        old = pd.read_csv(path, dtype={"curve": str})
        keys = pd.MultiIndex.from_frame(new[["group", *_KEY]])
        old = old[~pd.MultiIndex.from_frame(old[["group", *_KEY]]).isin(keys)]
        new = pd.concat([old, new], ignore_index=True)
    new["failure"] = new["failure"].fillna("")
    return new.sort_values(["method", *_KEY], key=_ordered, kind="stable", ignore_index=True)


def summarized(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over curves by method, for every family, set, and all sets of a kind.

    ``wins`` are shares of curves with the smallest error, as in BNSL's Table 1, among the methods
    that forecast every curve of the group; parts of the package's mixture do not compete.
    """
    transfer = table["set"].isin(TRANSFER)
    groups = {}
    for (name, family), rows in table.groupby(["set", "family"], sort=False):
        groups[(str(name), str(family))] = rows
    for name, rows in table.groupby("set", sort=False):
        groups[(str(name), "all")] = rows
    groups[("language + nano", "all")] = table[table["set"].isin(["language", "nano"])]
    groups[("published", "all")] = table[~transfer]
    groups[("transfer", "all")] = table[transfer]
    found = []
    for (name, family), rows in groups.items():
        if rows.empty:
            continue
        fine = rows[rows["failure"] == ""]
        curves = len(rows[_KEY].drop_duplicates())
        wide = fine.pivot_table("rmsle", _KEY, "method")
        whole = [m for m in wide if wide[m].notna().sum() == curves and competes(str(m))]
        wins = win_shares(wide[whole]) if whole else pd.Series(dtype=float)
        for method, some in rows.groupby("method", sort=False):
            good = some[some["failure"] == ""]
            row = {"set": name, "family": family, "method": method, "curves": len(good)}
            row |= {"failed": len(some) - len(good), "wins": wins.get(method)}
            row |= good.reindex(columns=MEANS).mean().to_dict()
            row["rmsle_median"] = good["rmsle"].median() if len(good) else None
            row["crps_median"] = good["crps"].median() if len(good) else None
            row["seconds"] = good["seconds"].median() if len(good) else None
            found.append(row)
    summary = pd.DataFrame(found)
    return summary.sort_values(["set", "family", "method"], key=_ordered, ignore_index=True)


def competes(method: str) -> bool:
    """Whether a method is one that somebody would use: not a part of the package's mixture."""
    return not method.startswith(("form ", "bayescale, "))


def rank(name: str) -> int:
    """Return a method's place in tables."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _ordered(column: pd.Series) -> pd.Series:
    return column.map(rank) if column.name == "method" else column
