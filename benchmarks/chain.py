"""Accuracy from loss from scale, backtested: the largest compute held out, beside one stage.

Run: uv run python benchmarks/chain.py DATA_FOLDER [--out FOLDER]
Three tables of trained models: Gadre et al. (three training sets; loss on C4), the last checkpoints
of Pythia (loss is the log of LAMBADA's perplexity), and public base models, where HellaSwag's error
stands for the loss. Of each, the largest fifth by compute is held out, and the accuracy of
those models is told from the rest. Tasks are those that some model *of the rest* does better than
guessing at by a tenth, with 1000 items or more (or none stated).

- ``two stages``: a law of loss, ``bs.SigmoidLink`` of accuracy from loss, ``bs.two_stage``; what is
  forecast is one new run;
- ``two stages, loss of the curve``: the same without the scatter of the new run's loss;
- ``one stage``: the law of loss, of one minus the accuracy (``ceiling=1.0``);
- ``one stage, counts``: the same with ``bs.BetaBinomial`` and the chance level, where items are
  known.

All with the default drift. Writes results/chain.csv (a row for each table, task and method).
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale.scoring import crps

RESULTS = Path(__file__).parent / "results"
HELD, LEARNED, ITEMS = 0.2, 0.1, 1000


@dataclass(frozen=True, eq=False)
class Case:
    """One task of one table.

    Parameters
    ----------
    table, task
        What it is called.
    runs
        A row for each model: the law's inputs, ``flops``, ``loss``, ``accuracy``, ``items``.
    law
        Of the loss.
    roles
        The law's inputs to columns.
    chance
        The accuracy of guessing.
    """

    table: str
    task: str
    runs: pd.DataFrame
    law: bs.Law
    roles: dict[str, str]
    chance: float

    @property
    def held(self) -> pd.Series:
        """Which models are held out: the largest by compute."""
        return self.runs["flops"] > self.runs["flops"].quantile(1 - HELD)

    @property
    def learned(self) -> bool:
        """Whether a model that is kept does better than guessing, and there are items enough."""
        best = self.runs.loc[~self.held, "accuracy"].max()
        return bool(best >= self.chance + LEARNED and not self.runs["items"].min() < ITEMS)


# Tables -------------------------------------------------------------------------------------------

BOTH = {"params": "params", "tokens": "tokens"}


def gadre(folder: Path) -> Iterator[Case]:
    """104 models of three training sets."""
    loss = pd.read_csv(folder / "gadre_overtraining_loss.csv")
    loss = loss[loss["val_dataset"].eq("c4_val")]
    keys = ["train_dataset", "model", "token_multiplier"]
    scores = pd.read_csv(folder / "gadre_downstream.csv").astype({"params": float, "tokens": float})
    scores = scores[scores["is_item_proportion"].eq(1)].rename(columns={"n_items": "items"})
    both = scores.merge(loss[[*keys, "loss"]], on=keys)
    both["flops"] = 6 * both["params"] * both["tokens"]
    for (table, task), runs in both.groupby(["train_dataset", "task"]):
        name = f"Gadre et al., {str(table).removesuffix('_original')}"
        yield Case(name, str(task), runs, bs.Chinchilla(), BOTH, float(runs["chance"].iloc[0]))


def pythia(folder: Path) -> Iterator[Case]:
    """16 models at the end of training, all on as many tokens."""
    rows = pd.read_csv(folder / "pythia_downstream.csv")
    rows = rows[rows["step"].eq(rows["step"].max())]
    rows = rows.rename(columns={"n_items": "items", "params_non_embedding": "size"})
    rows["flops"] = 6.0 * rows["size"] * rows["tokens"]
    keys = ["model", "deduplicated_data"]
    loss = rows[rows["task"].eq("lambada_openai")].assign(loss=lambda t: np.log(t["perplexity"]))
    both = rows.merge(loss[[*keys, "loss"]], on=keys)
    chance = {"sciq": 0.25, "arc_easy": 0.25, "arc_challenge": 0.25, "logiqa": 0.25}
    for task, runs in both.groupby("task"):
        if task != "lambada_openai":
            yield Case(
                "Pythia", str(task), runs, bs.PowerLaw(), {"x": "size"}, chance.get(str(task), 0.5)
            )


def public(folder: Path) -> Iterator[Case]:
    """Public base models of 47 families, by compute."""
    rows = pd.read_csv(folder / "observational_base_llms.csv").rename(columns={"n_items": "items"})
    rows = rows[rows["flops"].notna()]
    loss = rows[rows["task"].eq("hellaswag")].assign(loss=lambda t: 1 - t["accuracy"])
    both = rows.merge(loss[["model", "loss"]], on="model")
    chance = {"winogrande": 0.5, "xwinograd": 0.5, "gsm8k": 0.0, "humaneval": 0.0}
    for task, runs in both.groupby("task"):
        if task != "hellaswag":
            own = runs.assign(items=runs["items"].where(runs["is_item_proportion"].eq(1)))
            yield Case(
                "public models", str(task), own, bs.PowerLaw(), {"x": "flops"},
                chance.get(str(task), 0.25),
            )  # fmt: skip


TABLES: tuple[Callable[[Path], Iterator[Case]], ...] = (gadre, pythia, public)


# Forecasts ----------------------------------------------------------------------------------------


def forecasts(case: Case) -> Iterator[tuple[str, np.ndarray, np.ndarray | None, list[bs.Fit]]]:
    """Yield method, draws of the held-out accuracies, their log densities, and the fits."""
    train, test = case.runs[~case.held], case.runs[case.held]
    at = {role: test[column].to_numpy() for role, column in case.roles.items()}
    y = test["accuracy"].to_numpy()
    how = {**case.roles, "progress": False}
    loss = case.law.fit(train, y="loss", **how)
    law = bs.SigmoidLink(chance=case.chance) if case.chance else bs.SigmoidLink()
    link = law.fit(train, y="accuracy", loss="loss", progress=False)
    both = bs.two_stage(loss, link)
    made = both.forecast(**at)
    yield "two stages", made.draws(), both.log_density(y, **at), [loss, link]
    curve = made.draws("curve")
    sigma = np.median(link.noise["sigma"])
    scatter = sigma * np.random.default_rng(0).standard_normal(curve.shape)
    yield "two stages, loss of the curve", curve + scatter, None, [loss, link]
    one = case.law.fit(train, y="accuracy", ceiling=1.0, **how)
    yield "one stage", one.forecast(**at).draws(), one.log_density(y, **at), [one]
    if case.runs["items"].notna().all():
        noise = bs.BetaBinomial(trials="items", guess_rate=case.chance)
        one = case.law.fit(train, y="accuracy", ceiling=1.0, likelihood=noise, **how)
        yield "one stage, counts", one.forecast(**at).draws(), one.log_density(y, **at), [one]


def scored(case: Case) -> list[dict]:
    """Return a row for each method."""
    y = case.runs.loc[case.held, "accuracy"].to_numpy()
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        for method, draws, density, fits in forecasts(case):
            flat = np.sort(draws.reshape(-1, len(y)), axis=0)
            middle = np.median(flat, axis=0)
            row = {
                "table": case.table, "task": case.task, "method": method,
                "fitted": int((~case.held).sum()), "held_out": len(y),
                "rmse": np.sqrt(np.mean((middle - y) ** 2)), "bias": np.mean(middle - y),
                "crps": crps(flat, y).mean(),
            }  # fmt: skip
            for level in (0.5, 0.9):
                low, high = np.quantile(flat, [(1 - level) / 2, (1 + level) / 2], axis=0)
                row[f"inside_{100 * level:g}"] = np.mean((low <= y) & (y <= high))
            row["width_90"] = np.mean(high - low)
            row["log_score"] = np.nan if density is None else density.mean()
            row["rhat"] = max(fit.diagnostics.rhat for fit in fits)
            rows.append(row | {"divergences": sum(fit.diagnostics.divergences for fit in fits)})
    return rows


def summarized(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over tasks, by table (Gadre's three as one) and method."""
    of = table["table"].str.split(",").str[0]
    means = {name: (name, "mean") for name in ("rmse", "bias", "crps", "inside_50", "inside_90")}
    groups = table.assign(table=of).groupby(["table", "method"], sort=False)
    return groups.agg(
        tasks=("task", "size"), rows=("held_out", "sum"), **means, width_90=("width_90", "mean"),
        log_score=("log_score", "median"),
    ).reset_index()  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows, started = [], time.monotonic()
    for table in TABLES:
        for case in table(asked.folder):
            if case.learned:
                rows += scored(case)
                pd.DataFrame(rows).to_csv(asked.out / "chain.csv", index=False, float_format="%.4g")
                print(f"{case.table}, {case.task}: {time.monotonic() - started:.0f} s", flush=True)
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        print(summarized(pd.DataFrame(rows)).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
