"""Every curve of the benchmark as one record, from the folder of published data.

Two kinds of sets. Those with a published split or protocol:

vision, language
    Alabdulmohsin et al. (2022), arXiv:2209.06640, with the published split.
nano, double_descent
    Lee et al. (2025), arXiv:2505.23032: the context is 6 of 7 widths of nanoGPT, and half of a
    double-descent curve's points, at least three; y is divided by the largest y of the context.
    Replicates of a curve are curves of their own.
addition
    Four-digit addition of Caballero et al. (2023), arXiv:2210.14891, with the published split.

And sets to transfer to, on which nothing is tuned: samples of classical learning curves (lcdb),
drug response regressions (drug), pre-training runs (pretraining) and learning rate schedules
(schedule). Curves are drawn by a seed that was not changed, stratified over their kinds, from those
that are long enough and positive. Where they are cut alternates within each set: "double", training
rows up to half of the largest x; "far", up to the middle of the range of log x.

Long training parts of the transfer sets become means over bins of log x, with the number of rows in
``n_obs``; their test parts stay single rows, thinned evenly.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240807
TRAIN_ROWS, TEST_ROWS = 150, 60
LEAST_TRAIN = 5
CUTS = ("double", "far")
#: Curves drawn from each set that is sampled; all of drug, two or three a family of pretraining.
LCDB, PRETRAINING = 28, 25


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve.

    Parameters
    ----------
    set, family, name
        What it belongs to, and what it is called; the three together are unique.
    train
        ``x``, ``y`` and ``n_obs`` (of how many runs y is the mean); no x twice, ascending.
    test
        ``x`` and ``y`` of single runs; ascending, x may repeat.
    unit
        What y was divided by.
    raw
        The rows as published, ``x``, ``y`` (in the published unit) and ``part``.
    """

    set: str
    family: str
    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    unit: float
    raw: pd.DataFrame

    @property
    def key(self) -> str:
        """A name of a file for it."""
        return re.sub(r"[^A-Za-z0-9.=-]+", "_", f"{self.set}.{self.family}.{self.name}").strip("_")

    @property
    def ahead(self) -> float:
        """The largest test x over the largest train x."""
        return float(self.test["x"].max() / self.train["x"].max())

    @property
    def seed(self) -> list[int]:
        """Seed of whatever is random in fits of this curve: the same for every method."""
        return [SEED, *self.key.encode()]


def folder_of(given: str | os.PathLike | None) -> Path:
    """Return the folder of published data: given, or of the environment."""
    named = given or os.environ.get("BAYESCALE_TEST_DATA")
    if not named:
        raise SystemExit("Name the folder of published data, or set BAYESCALE_TEST_DATA.")
    return Path(named)


def read(folder: Path, sets: tuple[str, ...] | None = None) -> list[Curve]:
    """Return the curves of some sets, or of all."""
    return [curve for name in (sets or SETS) for curve in SETS[name](folder)]


# Parts of a curve ---------------------------------------------------------------------------------


def merged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each x: the mean of its runs and their number.

    A row that repeats another exactly is a copy, not a run.
    """
    once = rows[["x", "y"]].drop_duplicates()
    return once.groupby("x")["y"].agg(y="mean", n_obs="size").reset_index()


def binned(rows: pd.DataFrame, most: int = TRAIN_ROWS) -> pd.DataFrame:
    """Return means over bins that are even in log x, at most so many; few rows stay as they are.

    Parameters
    ----------
    rows
        ``x``, ``y`` and ``n_obs``.
    most
        How many rows may be left.
    """
    if len(rows) <= most:
        return rows.reset_index(drop=True)
    log_x, weight = np.log(rows["x"]), rows["n_obs"]
    edges = np.linspace(log_x.min(), log_x.max(), most + 1)
    place = np.clip(np.searchsorted(edges, log_x, side="right") - 1, 0, most - 1)
    sums = pd.DataFrame({"x": log_x * weight, "y": rows["y"] * weight, "n_obs": weight})
    sums = sums.groupby(place).sum()
    x, y = np.exp(sums["x"] / sums["n_obs"]), sums["y"] / sums["n_obs"]
    return pd.DataFrame({"x": x, "y": y, "n_obs": sums["n_obs"]}).reset_index(drop=True)


def thinned(rows: pd.DataFrame, most: int = TEST_ROWS) -> pd.DataFrame:
    """Return at most so many rows, evenly spaced in their order."""
    kept = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return rows.iloc[kept].reset_index(drop=True)


def record(
    kind: tuple[str, str, str],
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    scaled: bool = False,
    thin: bool = False,
) -> Curve:
    """Return the record of a curve from rows with ``x`` and ``y``.

    Parameters
    ----------
    kind
        Set, family and name.
    train, test
        Single runs.
    scaled
        Whether y is divided by the largest y that is fitted.
    thin
        Whether the parts are thinned.
    """
    raw = pd.concat([train.assign(part="train"), test.assign(part="test")], ignore_index=True)
    fitted = merged(train)
    single = test[["x", "y"]].drop_duplicates().sort_values(["x", "y"], ignore_index=True)
    unit = float(fitted["y"].max()) if scaled else 1.0
    if thin:
        fitted, single = binned(fitted), thinned(single)
    fitted = fitted.assign(y=fitted["y"] / unit, n_obs=fitted["n_obs"].astype(int))
    single = single.assign(y=single["y"] / unit)
    return Curve(*kind, fitted.astype({"x": float}), single.astype({"x": float}), unit, raw)


def cut(rows: pd.DataFrame, how: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows before and after a cut: at half of the largest x, or half of log x."""
    low, high = rows["x"].min(), rows["x"].max()
    at = high / 2 if how == "double" else np.sqrt(low * high)
    return rows[rows["x"] <= at], rows[rows["x"] > at]


def _xy(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    return rows.rename(columns={x: "x", y: "y"})[["x", "y"]].sort_values("x", kind="stable")


def _parts(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two parts of the published split."""
    parts = (rows[rows["split"] == part] for part in ("train", "extrapolation"))
    train, test = (_xy(part, "examples", "loss") for part in parts)
    return train, test


# Sets with a protocol -----------------------------------------------------------------------------


def vision(folder: Path) -> Iterator[Curve]:
    """Error of few-shot image classification against images seen: families c, bird, cal, inet."""
    rows = pd.read_csv(folder / "alabdulmohsin_vision.csv")
    for (task, model), group in rows.groupby(["task", "model"]):
        family = str(task).split("_")[0]
        yield record(("vision", family, f"{task}/{model}"), *_parts(group))


def language(folder: Path) -> Iterator[Curve]:
    """Translation (NMT), language models (LM) and BIG-bench (BB)."""
    families = {"nmt": "NMT", "language_modelling": "LM", "big_bench": "BB"}
    rows = pd.read_csv(folder / "alabdulmohsin_language.csv")
    for (domain, task, model), group in rows.groupby(["domain", "task", "model"]):
        title = re.sub(r"[()']", "", str(task))
        yield record(("language", families[str(domain)], f"{title}/{model}"), *_parts(group))


def nano(folder: Path) -> Iterator[Curve]:
    """Loss of nanoGPT against its width."""
    rows = pd.read_csv(folder / "nanogpt_width.csv")
    for number, group in rows.groupby("hyperparameter_setting"):
        curve = _xy(group, "n_embd", "final_val_loss")
        kind = ("nano", "nano", f"setting {number}")
        yield record(kind, curve.iloc[:6], curve.iloc[6:], scaled=True)


def double_descent(folder: Path) -> Iterator[Curve]:
    """Test error or loss against width or sample size, with a peak on the way."""
    rows = pd.read_csv(folder / "double_descent.csv")
    for (task, replicate), group in rows.groupby(["task", "replicate"]):
        curve = _xy(group, "x", "y").drop_duplicates()
        count = max(round(0.5 * len(curve)), 3)
        kind = ("double_descent", "double_descent", f"{task}/{replicate}")
        yield record(kind, curve.iloc[:count], curve.iloc[count:], scaled=True)


def addition(folder: Path) -> Iterator[Curve]:
    """Four-digit addition: a sharp inflection."""
    rows = pd.read_csv(folder / "bnsl_four_digit_addition.csv")
    yield record(("addition", "addition", "4-digit"), *_parts(rows))


# Sets to transfer to ------------------------------------------------------------------------------


def _long_enough(rows: pd.DataFrame) -> bool:
    """Whether a curve is positive and both cuts leave something to fit and to forecast."""
    sizes = [[part["x"].nunique() for part in cut(rows, how)] for how in ("double", "far")]
    wide = rows["x"].max() >= 8 * rows["x"].min()
    return wide and (rows["y"] > 0).all() and all(a >= LEAST_TRAIN and b >= 2 for a, b in sizes)


def lcdb(folder: Path) -> Iterator[Curve]:
    """Error of classifiers against training size: a few data sets of each learner."""
    rows = pd.read_csv(folder / "lcdb11_learning_curves.csv")
    curves = {
        (str(learner), f"{dataset} ({number})"): _xy(group, "examples", "test_error")
        for (learner, dataset, number), group in rows.groupby(["learner", "dataset", "openml_id"])
    }
    for kind, curve, how in _drawn(curves, LCDB):
        train, test = cut(curve, how)
        title = f"{kind[0]}/{kind[1]}/{how}"
        yield record(("lcdb", "lcdb", title), train, test, thin=True)


def drug(folder: Path) -> Iterator[Curve]:
    """Error of drug response models against training size; runs of a size averaged to fit."""
    rows = pd.read_csv(folder / "drug_response_learning_curves.csv")
    groups = rows.groupby(["dataset", "learner"])
    for ((data, learner), group), how in zip(groups, itertools.cycle(CUTS), strict=False):
        # Ten sizes over a factor of four to ten: only a cut in the middle leaves enough to fit.
        usual = group["examples"].nunique() > 10
        how = how if usual else "far"
        train, test = cut(_xy(group, "examples", "mae"), how)
        yield record(("drug", "drug", f"{data}/{learner}/{how}"), train, test, thin=True)


def pretraining(folder: Path) -> Iterator[Curve]:
    """Loss of language models along their training; every family has a unit of its own."""
    rows = pd.read_csv(folder / "pretraining_loss_curves.csv")
    curves = {
        (str(family), str(model)): _xy(group, "tokens", "loss")
        for (family, model), group in rows.groupby(["family", "model"])
    }
    for kind, curve, how in _drawn(curves, PRETRAINING):
        train, test = cut(curve, how)
        kind = ("pretraining", kind[0], f"{kind[1]}/{how}")
        yield record(kind, train, test, scaled=True, thin=True)


def schedule(folder: Path) -> Iterator[Curve]:
    """Loss of one model under three learning rate schedules."""
    rows = pd.read_csv(folder / "lr_schedule_loss_curves.csv")
    for name, group in rows.groupby("schedule"):
        train, test = cut(_xy(group, "step", "loss"), "double")
        yield record(("schedule", "schedule", str(name)), train, test, scaled=True, thin=True)


def _drawn(
    curves: dict[tuple[str, str], pd.DataFrame], count: int
) -> Iterator[tuple[tuple[str, str], pd.DataFrame, str]]:
    """Draw curves: one of each kind, then a second of each, until there are enough."""
    rng = np.random.default_rng(SEED)
    fine = [kind for kind, rows in sorted(curves.items()) if _long_enough(rows)]
    order = [fine[place] for place in rng.permutation(len(fine))]
    rank: dict[str, int] = {}
    turns = []
    for kind in order:
        rank[kind[0]] = rank.get(kind[0], 0) + 1
        turns.append((rank[kind[0]], kind))
    chosen = sorted(kind for _, kind in sorted(turns, key=lambda turn: turn[0])[:count])
    for kind, how in zip(chosen, itertools.cycle(CUTS), strict=False):
        yield kind, curves[kind], how


#: Name of a set to what reads it.
SETS: dict[str, Callable[[Path], Iterator[Curve]]] = {
    "vision": vision,
    "language": language,
    "nano": nano,
    "double_descent": double_descent,
    "addition": addition,
    "lcdb": lcdb,
    "drug": drug,
    "pretraining": pretraining,
    "schedule": schedule,
}
#: Nothing may be tuned on these.
TRANSFER = ("lcdb", "drug", "pretraining", "schedule")
