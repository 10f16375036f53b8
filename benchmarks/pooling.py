"""Held-out log score of pooled groups beside no pooling and complete pooling, on published runs.

Run: uv run python benchmarks/pooling.py DATA_FOLDER [--tables ...] [--out FOLDER] [--fresh]
A power law with floor, three ways: a curve for each group by itself (``none``, ``bs.unpooled``),
curves that learn from each other (``partial``, ``bs.partial_pooling``), all groups as one
(``complete``). Groups that are crossed (models by tasks) have three effects that add: of the
task, of the model, and their own. The size of the noise is the same for all groups, so that
``none`` learns that too.

Three questions, each a protocol. ``largest held out``: of every group the largest inputs are to be
told from its smaller ones. ``new family, 3 runs`` and ``new family, 2 runs``: a group has but its
smallest inputs, all others are whole, and its larger runs are to be told; every group is new once
(in folds, each an equal share of the groups). Two runs are too few for a curve of their own, so
there ``none`` has no row.

Where the largest inputs are held out there is a fourth way, ``sorted``: groups that by the training
rows are better off alone (``bs.compare_by_group`` of ``partial`` and ``none``, probability above
0.95) are left alone, and the others pooled without them.

The score is the mean log predictive density of a held-out row, in units of y; differences to
partial pooling and to none have the standard error of their mean over groups. ``rmsle`` is of the
median, ``inside_90`` the share of rows in the 90 % interval, ``apart`` the number of groups left
alone. Writes results/pooling.csv. A run that is stopped goes on: what was scored is kept, and
``--fresh`` scores again what is asked for.
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
BINS, LEAST = 8, 4
PROTOCOLS = ("largest held out", "new family, 3 runs", "new family, 2 runs")
WAYS = ("none", "partial", "complete", "sorted")
#: Groups that are better off alone with at least this probability are.
SURE = 0.95
#: Into how many parts groups are divided, each of which is new once.
FOLDS = 3
SAMPLING = {"draws": 500, "tune": 700, "retry": False, "progress": False}


@dataclass(frozen=True, eq=False)
class Table:
    """Runs in groups, and which rows are held out.

    Parameters
    ----------
    runs
        Columns ``group``, ``x``, ``y`` and ``held``.
    ceiling
        Of a metric that rises.
    by
        The columns with which curves vary.
    """

    runs: pd.DataFrame
    ceiling: float | None = None
    by: tuple[str, ...] = ("group",)


def largest_held(runs: pd.DataFrame, share: float = 1 / 3, least: int = 3) -> pd.DataFrame:
    """Hold out the largest inputs of each group; groups of too few inputs are left out."""
    kept = []
    for _, group in runs.groupby("group"):
        inputs = np.sort(group["x"].unique())
        count = max(1, round(share * len(inputs)))
        if len(inputs) - count >= least:
            kept.append(group.assign(held=group["x"] > inputs[-count - 1]))
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
    """Few-shot error of vision models against examples seen, by model and task.

    One task of each family: those with other numbers of shots are of the same images. Where the
    error is above 0.9 a model has not begun to learn the task, and no power law is meant.
    """
    runs = pd.read_csv(folder / "alabdulmohsin_vision.csv")
    runs = runs[runs["task"].isin(["bird_10", "cal_10", "inet_10", "c_5"]) & runs["loss"].lt(0.9)]
    runs = runs.rename(columns={"examples": "x", "loss": "y"})
    found = []
    for (task, model), curve in runs.groupby(["task", "model"]):
        early = binned(curve[curve["split"].eq("train")]).assign(held=False)
        late = binned(curve[~curve["split"].eq("train")]).assign(held=True)
        if len(early) >= LEAST:
            one = pd.concat([early, late]).assign(group=f"{task} {model}", task=task, model=model)
            found.append(one)
    return Table(pd.concat(found, ignore_index=True), by=("task", "model", "group"))


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


# Protocols ----------------------------------------------------------------------------------------


def newcomers(runs: pd.DataFrame, keep: int) -> list[pd.DataFrame]:
    """Return the runs in folds: in each some groups have their smallest inputs, the others all.

    Groups without a larger input than those are never new.
    """
    sizes = runs.groupby("group")["x"].nunique()
    eligible = sizes.index[sizes > keep]
    order = np.random.default_rng(3).permutation(len(eligible))
    folds = []
    for fold in np.array_split(order, min(FOLDS, len(eligible))):
        new = runs["group"].isin(eligible[fold])
        least = runs.groupby("group")["x"].transform(lambda x: np.sort(x.unique())[:keep].max())
        folds.append(runs.assign(held=new & (runs["x"] > least), scored=new))
    return folds


def protocols(table: Table) -> dict[str, list[pd.DataFrame]]:
    """Return each question with the tables it is asked of."""
    folds = [[table.runs.assign(scored=True)], *(newcomers(table.runs, keep) for keep in (3, 2))]
    return dict(zip(PROTOCOLS, folds, strict=True))


# Scores -------------------------------------------------------------------------------------------


def fitted(train: pd.DataFrame, how: str, table: Table) -> bs.Fit:
    """Return the fit of a power law of which everything varies, or nothing."""
    names = ("irreducible", "scale", "exponent")
    varies = {
        "none": bs.unpooled(by="group"), "partial": bs.partial_pooling(by=table.by),
    }.get(how)  # fmt: skip
    law = bs.PowerLaw(**({} if varies is None else dict.fromkeys(names, varies)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        return law.fit(
            train[[*dict.fromkeys(("group", *table.by)), "x", "y"]],
            y="y",
            x="x",
            ceiling=table.ceiling,
            **SAMPLING,
        )


def scored(runs: pd.DataFrame, table: Table, how: str) -> tuple[pd.DataFrame, dict, bs.Fit]:
    """Fit the rows that are kept and score those held out: a row each, the diagnostics, the fit."""
    started = time.monotonic()
    fit = fitted(runs[~runs["held"]], how, table)
    found = fit.diagnostics
    return told(fit, runs, table), {
        "seconds": time.monotonic() - started, "rhat": found.rhat, "ess": found.ess_bulk,
        "divergences": found.divergences, "apart": 0,
    }, fit  # fmt: skip


def told(fit: bs.Fit, runs: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Score the rows that are held out."""
    test = runs[runs["held"] & runs["scored"]]
    ask: dict = {"x": test["x"].to_numpy()}
    ask |= {column: test[column].tolist() for column in fit.groups}
    y = test["y"].to_numpy()
    made = fit.forecast(**ask).interval(0.9)
    top = table.ceiling
    middle, true = (v if top is None else top - v for v in (made["median"].to_numpy(), y))
    rows = {
        "group": test["group"].to_numpy(), "score": fit.log_density(y, **ask),
        "off": np.log(middle / true),
        "inside": made["lower"].le(y).to_numpy() & made["upper"].ge(y).to_numpy(),
    }  # fmt: skip
    return pd.DataFrame(rows)


def better_alone(partial: bs.Fit, none: bs.Fit) -> list[str]:
    """Return the groups that, by their training rows, are better off without the others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        found = bs.compare_by_group({"none": none, "partial": partial}, "group", progress=False)
    return found.index[found["p_better"] > SURE].get_level_values("group").tolist()


def sorted_out(
    runs: pd.DataFrame, table: Table, partial: bs.Fit, none: bs.Fit
) -> tuple[pd.DataFrame, dict]:
    """Score rows of which odd groups are left alone and the others pooled without them."""
    started = time.monotonic()
    alone = runs["group"].isin(better_alone(partial, none))
    if alone.any():
        rest, about, _ = scored(runs[~alone], table, "partial")
        rows = pd.concat([rest, told(none, runs[alone], table)])
    else:
        found = partial.diagnostics
        about = {"rhat": found.rhat, "ess": found.ess_bulk, "divergences": found.divergences}
        rows = told(partial, runs, table)
    apart = runs.loc[alone, "group"].nunique()
    return rows, about | {"seconds": time.monotonic() - started, "apart": apart}


def compared(name: str, table: Table, protocol: str) -> list[dict]:
    """Return a row for each way of pooling."""
    few = {"none"} if protocol.endswith("2 runs") else set()
    ways = [way for way in WAYS[:3] if way not in few]
    found, about, fits = {}, {}, {}
    for way in ways:
        each = [scored(runs, table, way) for runs in protocols(table)[protocol]]
        found[way] = pd.concat([rows for rows, *_ in each])
        about[way] = pd.DataFrame([one for _, one, _ in each])
        fits[way] = each[0][-1]
    if protocol == "largest held out":
        (runs,) = protocols(table)[protocol]
        found["sorted"], one = sorted_out(runs, table, fits["partial"], fits["none"])
        about["sorted"] = pd.DataFrame([one])
        ways.append("sorted")
    by_group = {way: rows.groupby("group")["score"].mean() for way, rows in found.items()}
    rows = []
    for way in ways:
        gap, worst = by_group[way] - by_group["partial"], about[way]
        alone = by_group[way] - by_group["none"] if "none" in by_group else gap * np.nan
        rows.append(
            {
                "table": name, "protocol": protocol, "pooling": way, "groups": len(gap),
                "held_out_rows": len(found[way]), "log_score": by_group[way].mean(),
                "to_partial": gap.mean(), "se": gap.std(ddof=1) / len(gap) ** 0.5,
                "better_groups": int((gap > 0).sum()),
                "to_none": alone.mean(), "none_se": alone.std(ddof=1) / len(gap) ** 0.5,
                "rmsle": (found[way]["off"] ** 2).mean() ** 0.5,
                "inside_90": found[way]["inside"].mean(), "seconds": worst["seconds"].sum(),
                "rhat": worst["rhat"].max(), "ess": worst["ess"].min(),
                "divergences": worst["divergences"].sum(), "apart": worst["apart"].sum(),
            }
        )  # fmt: skip
    return rows


def _places(of: pd.Series) -> pd.Series:
    """Return where tables and questions stand in the file."""
    return of.map({name: i for i, name in enumerate([*TABLES, *PROTOCOLS])})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--protocols", nargs="*", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--fresh", action="store_true", help="score again what was scored")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    path = asked.out / "pooling.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for name in asked.tables:
        whole = TABLES[name](asked.folder)
        for protocol in asked.protocols:
            if len(done):
                known = done["table"].eq(name) & done["protocol"].eq(protocol)
                if known.any() and not asked.fresh:
                    continue
                done = done[~known]
            rows = pd.DataFrame(compared(name, whole, protocol))
            done = pd.concat([done, rows], ignore_index=True)
            done = done.sort_values(["table", "protocol"], key=_places, kind="stable")
            done.to_csv(path, index=False, float_format="%.4g")
            print(rows.to_string(index=False, float_format="{:.4g}".format), flush=True)


if __name__ == "__main__":
    main()
