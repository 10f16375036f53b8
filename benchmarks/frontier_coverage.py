"""Coverage of the frontier: do intervals of N* and D* hold the truth, inside the runs and beyond?

Run: uv run python -m benchmarks.frontier_coverage [--replicates 200]

Runs of 4 sizes by 4 lengths are simulated from Chinchilla's law with 0.5 % log-normal noise, fitted
with the priors as they come, and the frontier is asked at the middle of the runs' compute, at the
largest run's, and at 100 times it. Truths: Hoffmann's and Epoch's published laws, which the priors
do not know of, and laws drawn from ranges about published ones (exponents log-uniform from 0.2 to
0.5, the floor 0.3 to 0.9 of the loss at the largest run, the terms' balance within a factor of 3).
Ends of the intervals of a are counted, too. Writes results/frontier_coverage.csv.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

RESULTS = Path(__file__).parent / "results"
SIZES, TOKENS = np.geomspace(5e7, 2e9, 4), np.geomspace(1e9, 6.4e10, 4)
END = 6 * SIZES[-1] * TOKENS[-1]
MIDDLE = 6 * np.sqrt(SIZES[0] * SIZES[-1] * TOKENS[0] * TOKENS[-1])
BUDGETS = {"middle": MIDDLE, "largest run": END, "100 times": 100 * END}
NOISE = 0.005
LEVELS = (0.8, 0.9)
PUBLISHED = {
    "Hoffmann": {
        "irreducible": 1.69, "A": 406.4, "params_exponent": 0.34, "B": 410.7,
        "tokens_exponent": 0.28,
    },
    "Epoch": {
        "irreducible": 1.81686, "A": 482.00572, "params_exponent": 0.34781, "B": 2085.4342,
        "tokens_exponent": 0.36585,
    },
}  # fmt: skip
SAMPLING = {"draws": 500, "tune": 500, "progress": False}


def drawn(rng: np.random.Generator) -> bs.Chinchilla:
    """Return a law from ranges about published ones."""
    alpha, beta = np.exp(rng.uniform(np.log(0.2), np.log(0.5), 2))
    share, balance = rng.uniform(0.3, 0.9), np.exp(rng.uniform(-1, 1) * np.log(3))
    a, b = SIZES[-1] ** alpha * balance, TOKENS[-1] ** beta
    whole = 2.5 * (1 - share) / (balance + 1)
    return bs.Chinchilla(
        irreducible=2.5 * share, A=a * whole, params_exponent=alpha, B=b * whole,
        tokens_exponent=beta,
    )  # fmt: skip


def measured(truth: str, replicate: int) -> list[dict]:
    """Return for each budget and quantity whether the truth is in the intervals."""
    rng = np.random.default_rng([20261126, len(truth), replicate])
    law = drawn(rng) if truth == "drawn" else bs.Chinchilla(**PUBLISHED[truth])
    n, d = (grid.ravel() for grid in np.meshgrid(SIZES, TOKENS))
    loss = law.evaluate(params=n, tokens=d) * np.exp(NOISE * rng.standard_normal(len(n)))
    runs = pd.DataFrame({"n": n, "d": d, "loss": loss})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = bs.Chinchilla().fit(
            runs, y="loss", params="n", tokens="d", seed=replicate, **SAMPLING
        )
    budgets = list(BUDGETS.values())
    found, true = bs.frontier(fit, budgets, drift=0.0), bs.frontier(law, budgets)
    names = {"params": "params", "tokens": "tokens", "params_power": "params_power", "loss": "y"}
    rows = []
    for name, known in names.items():
        for i, budget in enumerate(BUDGETS):
            value, draws = true.draws[known][0, 0, i], found.draws[name][..., i]
            row = {"truth": truth, "of": name, "at": budget, "good": fit.diagnostics.good}
            for level in LEVELS:
                low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
                row[f"inside_{level:g}"] = low <= value <= high
            row["width"] = np.log(high / low)
            rows.append(row)
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return coverage by truth, quantity and budget, and over all truths."""
    both = pd.concat([rows, rows.assign(truth="all")])
    columns = {"sets": ("good", "size"), "good": ("good", "mean")}
    columns |= {f"inside_{level:g}": (f"inside_{level:g}", "mean") for level in LEVELS}
    groups = both.groupby(["truth", "of", "at"], sort=False)
    return groups.agg(**columns, width_90=("width", "median")).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--truths", default="Hoffmann,Epoch,drawn")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows, started = [], time.monotonic()
    for replicate in range(asked.replicates):
        for truth in asked.truths.split(","):
            rows += measured(truth, replicate)
        if replicate % 10 == 9 or replicate == asked.replicates - 1:
            print(f"{replicate + 1}: {time.monotonic() - started:.0f} s", flush=True)
            table = summary(pd.DataFrame(rows))
            asked.out.mkdir(parents=True, exist_ok=True)
            table.to_csv(asked.out / "frontier_coverage.csv", index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
