"""Held-out log score of pooled groups beside no pooling and complete pooling, on published runs.

Run: uv run python benchmarks/pooling.py DATA_FOLDER [--tables ...] [--out FOLDER] [--fresh]
A power law with floor, three times: every group by itself (``bs.unpooled``), groups that learn from
each other (``bs.partial_pooling``), all groups as one. Of every group the largest inputs are held
out; in ``short`` every third group keeps its three smallest inputs only, as a new family would. The
score is the mean log predictive density of a held-out row, in units of y; differences to partial
pooling have the standard error of their mean over groups. Writes results/pooling.csv. A run that is
stopped goes on: tables that were scored are kept.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

RESULTS = Path(__file__).parent / "results"
#: Of the curves of checkpoints, in how many bins of log x they are averaged; of training and rest.
BINS = 8
HOW = {
    "none": bs.unpooled(by="group"),
    "partial": bs.partial_pooling(by="group"),
    "complete": None,
}


@dataclass(frozen=True, eq=False)
class Table:
    """Runs in groups, and which rows are held out.

    Parameters
    ----------
    runs
        Columns ``group``, ``x``, ``y`` and ``held``.
    ceiling
        Of a metric that rises.
    """

    runs: pd.DataFrame
    ceiling: float | None = None


def largest_held(runs: pd.DataFrame, share: float = 1 / 3, least: int = 3) -> pd.DataFrame:
    """Hold out the largest inputs of each group; groups of too few inputs are left out."""
    kept = []
    for _, group in runs.groupby("group"):
        inputs = np.sort(group["x"].unique())
        count = max(1, round(share * len(inputs)))
        if len(inputs) - count >= least:
            kept.append(group.assign(held=group["x"] > inputs[-count - 1]))
    return pd.concat(kept, ignore_index=True)


def shortened(runs: pd.DataFrame, every: int = 3, keep: int = 3) -> pd.DataFrame:
    """Leave every third group with its smallest inputs; the rest of its training rows go."""
    kept = []
    for i, (_, group) in enumerate(runs.groupby("group")):
        inputs = np.sort(group.loc[~group["held"], "x"].unique())
        gone = ~group["held"] & (group["x"] > inputs[min(keep, len(inputs)) - 1])
        kept.append(group[~gone] if i % every == 0 else group)
    return pd.concat(kept, ignore_index=True)


def binned(curve: pd.DataFrame) -> pd.DataFrame:
    """Average checkpoints in bins of log x; the points lie along one training run."""
    edges = np.geomspace(curve["x"].min(), curve["x"].max() * 1.0001, BINS + 1)
    where = np.digitize(curve["x"], edges)
    logs = np.log(curve[["x", "y"]]).groupby(where).mean()
    return np.exp(logs)


# Tables -------------------------------------------------------------------------------------------


def families(folder: Path) -> Table:
    """HellaSwag of public base models against compute, by family."""
    runs = pd.read_csv(folder / "observational_base_llms.csv")
    runs = runs[runs["task"].str.lower().eq("hellaswag") & runs["flops"].notna()]
    runs = runs.rename(columns={"family": "group", "flops": "x", "accuracy": "y"})
    return Table(largest_held(runs[["group", "x", "y"]], share=0.25), ceiling=1.0)


def tasks(folder: Path) -> Table:
    """Zero-shot accuracy of the last Pythia checkpoints against parameters, by task."""
    runs = pd.read_csv(folder / "pythia_downstream.csv")
    runs = runs[runs["step"].eq(runs["step"].max())]
    runs = runs.rename(columns={"task": "group", "params_non_embedding": "x", "accuracy": "y"})
    return Table(largest_held(runs[["group", "x", "y"]], share=0.25), ceiling=1.0)


def vision(folder: Path) -> Table:
    """Few-shot error of vision models against examples seen, by model and task."""
    runs = pd.read_csv(folder / "alabdulmohsin_vision.csv")
    runs = runs.rename(columns={"examples": "x", "loss": "y"})
    found = []
    for (task, model), curve in runs.groupby(["task", "model"]):
        early = binned(curve[curve["split"].eq("train")]).assign(held=False)
        late = binned(curve[~curve["split"].eq("train")]).assign(held=True)
        found.append(pd.concat([early, late]).assign(group=f"{task} {model}"))
    return Table(pd.concat(found, ignore_index=True))


def set_ups(folder: Path) -> Table:
    """Least loss at a compute budget, by training set-up."""
    runs = pd.read_csv(folder / "porian_isoflop.csv")
    runs = runs[runs["param_count"].eq("standard")]  # the same runs under other counts
    by = ["dataset", "hparams", "warmup", "decay"]
    group = runs[by].astype(str).agg(" ".join, axis=1)
    least = runs.assign(group=group).groupby(["group", "flops"], as_index=False)["loss"].min()
    return Table(largest_held(least.rename(columns={"flops": "x", "loss": "y"})))


TABLES: dict[str, Callable[[Path], Table]] = {
    "base models by family": families,
    "Pythia by task": tasks,
    "vision by model and task": vision,
    "isoFLOP by set-up": set_ups,
}


# Scores -------------------------------------------------------------------------------------------


def law(how: str) -> bs.PowerLaw:
    """Return the power law with floor of which everything varies, or nothing."""
    varies = HOW[how]
    names = ("irreducible", "scale", "exponent")
    return bs.PowerLaw(**({} if varies is None else dict.fromkeys(names, varies)))


def scored(table: Table, how: str) -> dict:
    """Fit the rows that are kept and score those held out: by group, and the fit's diagnostics."""
    runs = table.runs
    train, test = runs[~runs["held"]], runs[runs["held"]]
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law(how).fit(
            train[["group", "x", "y"]], y="y", x="x", ceiling=table.ceiling, progress=False
        )
    ask = {"x": test["x"].to_numpy()}
    if how != "complete":
        ask["group"] = test["group"].tolist()
    score = fit.log_density(test["y"].to_numpy(), **ask)
    found = fit.diagnostics
    return {
        "score": pd.Series(score, test["group"].to_numpy()).groupby(level=0).mean(),
        "rows": len(test), "seconds": time.monotonic() - started, "rhat": found.rhat,
        "ess": found.ess_bulk, "divergences": found.divergences,
    }  # fmt: skip


def compared(name: str, table: Table, protocol: str) -> list[dict]:
    """Return a row for each way of pooling."""
    found = {how: scored(table, how) for how in HOW}
    best = found["partial"]["score"]
    rows = []
    for how, one in found.items():
        gap = one["score"] - best
        rows.append(
            {
                "table": name, "protocol": protocol, "pooling": how, "groups": len(gap),
                "held_out_rows": one["rows"], "log_score": one["score"].mean(),
                "to_partial": gap.mean(),
                "se": gap.std(ddof=1) / len(gap) ** 0.5 if len(gap) > 1 else np.nan,
                "seconds": one["seconds"], "rhat": one["rhat"], "ess": one["ess"],
                "divergences": one["divergences"],
            }
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--fresh", action="store_true", help="score again what was scored")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    path = asked.out / "pooling.csv"
    done = pd.read_csv(path) if path.exists() and not asked.fresh else pd.DataFrame()
    for name in asked.tables:
        whole = TABLES[name](asked.folder)
        for protocol, change in (("all", lambda runs: runs), ("short", shortened)):
            if len(done) and ((done["table"] == name) & (done["protocol"] == protocol)).any():
                continue
            rows = compared(name, Table(change(whole.runs), whole.ceiling), protocol)
            done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
            done.to_csv(path, index=False, float_format="%.4g")
            print(
                pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format), flush=True
            )


if __name__ == "__main__":
    main()
