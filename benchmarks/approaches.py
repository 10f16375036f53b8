"""Hoffmann's three approaches side by side on published runs: how far do they agree on a?

Run: uv run python -m benchmarks.approaches DATA_FOLDER

N* ~ C^a by the envelope of each size's curve (approach 1, a bootstrap over curves), by a valley for
each budget (approach 2), and by Chinchilla's law fitted to all runs at once (approach 3, Student-t
noise, default priors). Intervals are 80 % equal-tailed, those of approach 1 no posterior. Where
runs are no sweep over budgets, approach 2 reads each size's curve at 8 budgets. Of runs with other
hyper-parameters the best of each size and length counts. Writes results/approaches.csv, a row for
each table and approach; an approach that cannot be had from a table has its reason in place of
numbers.
"""

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

RESULTS = Path(__file__).parent / "results"
PROB = 0.8
#: Of Porian et al. (2024) on RefinedWeb: setting, and the exponent they give.
PORIAN = {
    ("base", "long", "kaplan", "kaplan"): 0.834,
    ("base", "long", "kaplan", "standard"): 0.701,
    ("base", "short", "kaplan", "standard"): 0.604,
    ("base", "short", "chinchilla", "standard"): 0.571,
    ("tuned", "short", "const", "standard"): 0.497,
}


@dataclass(frozen=True)
class Table:
    """Runs with columns params, tokens, loss, and what else is known."""

    name: str
    runs: pd.DataFrame
    compute: str | None = None
    run: str | None = None
    published: float = np.nan
    options: dict = field(default_factory=dict)


def tables(folder: Path) -> Iterator[Table]:
    """Yield every table of runs."""
    sweeps = pd.read_csv(folder / "isoflop_sweeps.csv")
    known = {"ml_scalefit": 0.49}  # Hoffmann's own of these runs, approach 2
    for (source, dataset), rows in sweeps[sweeps["outlier_flag"] == 0].groupby(
        ["source", "dataset"]
    ):
        name = source if source in ("llama_3", "ml_scalefit") else f"{source}, {dataset}"
        yield Table(f"isoFLOP: {name}", rows, "flops", published=known.get(source, np.nan))
    porian = pd.read_csv(folder / "porian_isoflop.csv")
    for key, published in PORIAN.items():
        columns = ["hparams", "warmup", "decay", "param_count"]
        same = (porian[columns] == list(key)).all(axis=1) & (porian["dataset"] == "refinedweb")
        name = f"Porian: {', '.join(key)} count"
        yield Table(name, porian[same], "flops", published=published)
    cells = ["params", "tokens"]
    steps = pd.read_csv(folder / "steplaw_dense.csv")
    best = steps.groupby(cells, as_index=False)["smooth_loss"].min()
    yield Table("Step Law, dense", best.rename(columns={"smooth_loss": "loss"}))
    gems = pd.read_csv(folder / "gemstones_width_depth.csv")
    for phase in ("hot", "cooldown_end"):
        rows = gems[gems["phase"] == phase]
        yield Table(f"Gemstones, {phase}", rows, run="model")
    final = pd.read_csv(folder / "misfitting_final_checkpoints.csv")
    yield Table("(Mis)Fitting", final.groupby(cells, as_index=False)["loss"].min())


def first(table: Table) -> bs.IsoFlop:
    """Approach 1."""
    return bs.envelope(
        table.runs, y="loss", params="params", tokens="tokens", compute=table.compute,
        run=table.run,
    )  # fmt: skip


def second(table: Table) -> bs.IsoFlop:
    """Approach 2."""
    how = {"compute": table.compute} if table.compute else {"budgets": 8, "run": table.run}
    return bs.isoflop(table.runs, y="loss", params="params", tokens="tokens", **how)


def third(table: Table) -> bs.Frontier:
    """Approach 3."""
    fit = bs.Chinchilla().fit(
        table.runs, y="loss", params="params", tokens="tokens", likelihood=bs.StudentT(),
        progress=False,
    )  # fmt: skip
    compute = 6.0 * table.runs["params"].astype(float) * table.runs["tokens"].astype(float)
    return bs.frontier(fit, np.geomspace(compute.min(), compute.max(), 3), drift=0.0)


APPROACHES = {"1 envelope": first, "2 valleys": second, "3 law": third}


def measured(table: Table, approach: str) -> dict:
    """Return a with its interval, or why there is none."""
    row = {"table": table.name, "runs": len(table.runs), "approach": approach}
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        try:
            found = APPROACHES[approach](table)
        except bs.DataError as error:
            return row | {"published": table.published, "said": str(error).split(". ")[0]}
    a = found.power_law(PROB).iloc[0]
    used = int(found.used.sum()) if isinstance(found, bs.IsoFlop) else np.nan
    row |= {"a": a["median"], "lower": a["lower"], "upper": a["upper"], "budgets": used}
    said = "" if not found.doubts else found.doubts[0]
    seconds = time.monotonic() - started
    return row | {"published": table.published, "seconds": seconds, "said": said}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--only", default="", help="tables whose names have this in them")
    parser.add_argument(
        "--approach",
        choices=list(APPROACHES),
        help="this one alone; other rows stay",
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows = []
    for table in tables(Path(asked.data)):
        if asked.only not in table.name:
            continue
        for approach in [asked.approach] if asked.approach else APPROACHES:
            rows.append(measured(table, approach))
            print(rows[-1], flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    found, kept = pd.DataFrame(rows), asked.out / "approaches.csv"
    if asked.approach and kept.exists():
        found = renewed(pd.read_csv(kept), found)
    found.to_csv(kept, index=False, float_format="%.4g")


def renewed(before: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as they were, but for those that were measured again."""
    key = ["table", "approach"]
    new = found.set_index(key).reindex(columns=before.columns.drop(key))
    old = before.set_index(key)
    old.loc[new.index] = new
    return old.reset_index()[list(before.columns)]


if __name__ == "__main__":
    main()
