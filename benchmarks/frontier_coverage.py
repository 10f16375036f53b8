"""Coverage of the frontier: do intervals of N* and D* hold the truth, inside the runs and beyond?

Run: uv run python -m benchmarks.frontier_coverage [--replicates 200]
     uv run python -m benchmarks.frontier_coverage --truths priors --replicates 380

Runs of 4 sizes by 4 lengths are simulated from Chinchilla's law with 0.5 % log-normal noise, fitted
with the priors as they come, and the frontier is asked at the middle of the runs' compute, at the
largest run's, and at 100 times it. Truths: Hoffmann's and Epoch's published laws, which the priors
do not know of, and laws drawn from ranges about published ones (exponents log-uniform from 0.2 to
0.5, the floor 0.3 to 0.9 of the loss at the largest run, the terms' balance within a factor of 3).
Ends of the intervals of a are counted, too.

``--truths priors`` draws the laws from the default priors instead, and the noise from a prior that
the fit is told (0.5 %, within a factor of 1.8). Averaged over these a posterior's interval holds
exactly what it says, whatever the design; anything else would be a mistake of density, sampler or
frontier. Truths whose optimum is out of reach of the runs are left out.

Writes results/frontier_coverage.csv: rows of truths that were run are new, others are kept.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import attempts, fitting
from bayescale.posterior import evaluate
from bayescale.sample import Sampling
from benchmarks import sbc

RESULTS = Path(__file__).parent / "results"
SIZES, TOKENS = np.geomspace(5e7, 2e9, 4), np.geomspace(1e9, 6.4e10, 4)
END = 6 * SIZES[-1] * TOKENS[-1]
MIDDLE = 6 * np.sqrt(SIZES[0] * SIZES[-1] * TOKENS[0] * TOKENS[-1])
BUDGETS = {"middle": MIDDLE, "largest run": END, "100 times": 100 * END}
NOISE = 0.005
#: The noise of truths that are drawn from priors.
TOLD = bs.Prior("LogNormal", mu=np.log(NOISE), sigma=0.3)
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


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Return parameters and tokens of the runs, each of shape (16,)."""
    n, d = (values.ravel() for values in np.meshgrid(SIZES, TOKENS))
    return n, d


def of_ranges(truth: str, replicate: int) -> tuple[bs.Chinchilla, bs.Fit]:
    """Return a published law or one of its kind, and a fit of runs that follow it."""
    rng = np.random.default_rng([20261126, len(truth), replicate])
    law = drawn(rng) if truth == "drawn" else bs.Chinchilla(**PUBLISHED[truth])
    n, d = grid()
    loss = law.evaluate(params=n, tokens=d) * np.exp(NOISE * rng.standard_normal(len(n)))
    runs = pd.DataFrame({"n": n, "d": d, "loss": loss})
    how = {"y": "loss", "params": "n", "tokens": "d", "seed": replicate}
    return law, bs.Chinchilla().fit(runs, **how, **SAMPLING)


def of_priors(replicate: int) -> tuple[bs.Chinchilla, bs.Fit]:
    """Return a law that is drawn from the priors, and a fit of runs that follow it."""
    rng = np.random.default_rng([20261127, replicate])
    n, d = grid()
    case = sbc.Case(bs.Chinchilla(), bs.LogNormal(sigma=TOLD), {"params": n, "tokens": d})
    parameters, noise, _ = sbc.truth(case, rng)
    blank = case.observed(np.ones(len(n)))
    curve = evaluate(case.law, parameters, blank.inputs, blank.references)
    outcome = np.ravel(case.likelihood.draw(rng, curve, **noise))
    settings = Sampling(draws=500, tune=500, seed=replicate)
    found = attempts.sampled(case.law, case.likelihood, case.observed(outcome), settings)
    number = {name: float(np.ravel(value)[0]) for name, value in parameters.items()}
    references = blank.references
    a, b = (
        number[f"{role}_scale"] * references[f"{role}_ref"] ** number[f"{role}_exponent"]
        for role in ("params", "tokens")
    )
    law = bs.Chinchilla(
        irreducible=number["irreducible"], A=a, params_exponent=number["params_exponent"],
        B=b, tokens_exponent=number["tokens_exponent"],
    )  # fmt: skip
    return law, fitting.bare(found)


def measured(truth: str, replicate: int) -> list[dict]:
    """Return for each budget and quantity whether the truth is in the intervals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        law, fit = of_priors(replicate) if truth == "priors" else of_ranges(truth, replicate)
    budgets = list(BUDGETS.values())
    found, true = bs.frontier(fit, budgets, drift=0.0), bs.frontier(law, budgets)
    names = {"params": "params", "tokens": "tokens", "params_power": "params_power", "loss": "y"}
    rows = []
    for name, known in names.items():
        draws_of = found.draws[name if name in found.draws else known]
        for i, budget in enumerate(BUDGETS):
            value, draws = true.draws[known][0, 0, i], draws_of[..., i]
            if truth == "priors" and np.isnan(true.draws["params"][0, 0, i]):
                continue
            row = {"truth": truth, "of": name, "at": budget, "good": fit.diagnostics.good}
            for level in LEVELS:
                low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
                row[f"inside_{level:g}"] = low <= value <= high
            row["width"] = np.log(high / low)
            rows.append(row)
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return coverage by truth, quantity and budget, and over all truths that are not priors'."""
    others = rows[rows["truth"] != "priors"]
    both = pd.concat([rows, others.assign(truth="all")]) if len(others) else rows
    columns = {"sets": ("good", "size"), "good": ("good", "mean")}
    columns |= {f"inside_{level:g}": (f"inside_{level:g}", "mean") for level in LEVELS}
    groups = both.groupby(["truth", "of", "at"], sort=False)
    return groups.agg(**columns, width_90=("width", "median")).reset_index()


def kept(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a table with the rows on disk of truths that it does not have."""
    if not path.exists():
        return table
    before = pd.read_csv(path)
    return pd.concat([before[~before["truth"].isin(set(table["truth"]))], table])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--truths", default="Hoffmann,Epoch,drawn")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "frontier_coverage.csv"
    rows, started = [], time.monotonic()
    for replicate in range(asked.replicates):
        for truth in asked.truths.split(","):
            rows += measured(truth, replicate)
        if replicate % 10 == 9 or replicate == asked.replicates - 1:
            print(f"{replicate + 1}: {time.monotonic() - started:.0f} s", flush=True)
            table = summary(pd.DataFrame(rows))
            kept(table, path).to_csv(path, index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
