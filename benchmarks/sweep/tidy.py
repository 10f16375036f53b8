"""Make the data sets that ship from the sweep's tables.

python -m benchmarks.sweep.tidy [--results FOLDER]

Reads runs.csv and curves.csv, writes the CSVs in bayescale/datasets and the number of rows in their
cards. Runs with the package's own environment: it needs pandas, and no PyTorch.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.sweep import addition, corpus
from benchmarks.sweep.__main__ import OUT
from benchmarks.sweep.designs import DESIGNS

DATASETS = Path(__file__).parents[2] / "bayescale" / "datasets"
#: Losses to which steps are counted, in nats a byte.
TARGETS = (2.4, 2.3, 2.2, 2.1, 2.0, 1.9, 1.8)
RUN_COLUMNS = [
    "run", "design", "architecture", "width", "layers", "seed", "params", "embeddings", "tokens",
    "unique_tokens", "steps", "batch_tokens", "learning_rate", "flops", "loss", "validation_loss",
    "last_validation_loss",
]  # fmt: skip
CURVE_COLUMNS = ["run", "design", "params", "steps", "tokens", "flops", "decaying", "loss"]


def read(results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return runs and curves, in the designs' own order, with our columns."""
    order = [run.name for made in DESIGNS.values() for run in made()]
    runs = pd.read_csv(results / "runs.csv").set_index("run")
    runs = runs.loc[[name for name in order if name in runs.index]].reset_index()
    runs = runs[np.isfinite(runs["loss"])].copy()  # a run that diverged has no loss to tell
    runs["unique_tokens"] = np.minimum(runs["unique"] * corpus.CONTEXT, runs["tokens"])
    runs["batch_tokens"] = runs["batch"] * corpus.CONTEXT
    runs["steps"] = runs["steps_made"]
    curves = pd.read_csv(results / "curves.csv")
    return runs.rename(columns={"rate": "learning_rate"}), curves


def tiny_lm_runs(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Every run on text that was made to the end, but those of other batches."""
    kept = runs[runs["task"].eq("text") & runs["design"].ne("batch")]
    return kept[RUN_COLUMNS]


def tiny_lm_curves(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Validation loss along the runs of `tiny_lm_runs`, but the learning rates that were tried."""
    kept = tiny_lm_runs(runs, curves).query("design != 'learning_rate'")
    facts = kept[["run", "design", "params", "learning_rate", "flops"]]
    facts = facts.assign(of_all=kept["tokens"])
    found = curves.merge(facts, on="run").sort_values(["run", "step"], kind="stable")
    found["flops"] = (found["flops"] * found["tokens"] / found["of_all"]).map("{:.5g}".format)
    largest = found.groupby("run")["rate"].cummax()
    found["decaying"] = (found["rate"] < 0.999 * largest).astype(int)
    found = found.rename(columns={"step": "steps", "validation_loss": "loss"})
    place = {name: number for number, name in enumerate(kept["run"])}
    return found.sort_values("run", key=lambda r: r.map(place), kind="stable")[CURVE_COLUMNS]


def tiny_lm_batch(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Steps and tokens to given losses, by batch size and learning rate."""
    rows = []
    for run in runs[runs["design"].eq("batch")].to_dict("records"):
        curve = curves[curves["run"].eq(run["run"])]
        for target in TARGETS:
            steps = steps_to(target, curve["step"].to_numpy(), curve["validation_loss"].to_numpy())
            if np.isfinite(steps):
                tokens = steps * run["batch_tokens"]
                row = {"target_loss": target, "batch_tokens": run["batch_tokens"]}
                row |= {"learning_rate": run["learning_rate"], "params": run["params"]}
                rows.append(row | {"steps": round(steps, 1), "tokens": round(tokens)})
    found = pd.DataFrame(rows, columns=["target_loss", "batch_tokens", "learning_rate", "params",
                                        "steps", "tokens"])  # fmt: skip
    return found.sort_values(["target_loss", "batch_tokens", "learning_rate"], ascending=[0, 1, 1])


def steps_to(target: float, steps: np.ndarray, losses: np.ndarray) -> float:
    """Return after how many steps a loss is first reached, between two evaluations; inf: never.

    Between evaluations the loss is taken for a straight line in the log of the steps.
    """
    below = np.flatnonzero(losses <= target)
    if not len(below) or below[0] == 0:
        return np.inf
    now, before = below[0], below[0] - 1
    share = (losses[before] - target) / (losses[before] - losses[now])
    return float(np.exp(np.log(steps[before]) + share * np.log(steps[now] / steps[before])))


def encoder_decoder_runs(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The grid of depths of the two halves."""
    names = {"encoder_params": "encoder", "decoder_params": "decoder", "layers": "decoder_layers"}
    kept = runs[runs["design"].eq("halves")].rename(columns=names)
    columns = ["encoder_layers", "decoder_layers", "encoder", "decoder", "embeddings", "tokens"]
    return kept[[*columns, "flops", "seed", "loss", "validation_loss"]]


def addition_curve(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Test loss and exactly right answers by the number of training problems."""
    kept = runs[runs["design"].eq("addition")].rename(columns={"unique": "examples"})
    kept = kept.assign(test_size=addition.SIZES["test"]).sort_values(["examples", "seed"])
    return kept[["examples", "seed", "loss", "right", "test_size"]]


TABLES = {
    made.__name__: made
    for made in (tiny_lm_runs, tiny_lm_curves, tiny_lm_batch, encoder_decoder_runs, addition_curve)
}


#: Runs that must be made before a data set is of use: a design, and how many of its runs.
NEEDED = {
    "tiny_lm_runs": ("isoflop", 21), "tiny_lm_curves": ("isoflop", 21),
    "tiny_lm_batch": ("batch", 24), "encoder_decoder_runs": ("halves", 25),
    "addition_curve": ("addition", 15),
}  # fmt: skip


def main(results: Path) -> None:
    """Write every data set of which enough is made, and its number of rows into its card."""
    runs, curves = read(results)
    for name, made in TABLES.items():
        design, least = NEEDED[name]
        count = int(runs["design"].eq(design).sum())
        if count < least:
            print(f"{name}: {count} of {least} runs of {design}: not written")
            continue
        found = made(runs, curves)
        table = DATASETS / f"{name}.csv"
        found.to_csv(table, index=False, float_format="%.6g", lineterminator="\n")
        card = DATASETS / f"{name}.md"
        text = card.read_text(encoding="utf-8")
        text = re.sub(r"(?m)^rows: \d+$", f"rows: {len(found)}", text, count=1)
        card.write_text(text, encoding="utf-8")
        print(f"{name}: {len(found)} rows")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=OUT)
    main(parser.parse_args().results)
