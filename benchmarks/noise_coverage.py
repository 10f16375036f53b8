"""Coverage with few configurations and with checkpoints: do 95 % intervals hold 95 %?

Run: uv run python -m benchmarks.noise_coverage [--replicates 40]

The truth is a power law with a floor whose numbers are drawn from ranges that are not our priors
(benchmarks/simulated_coverage.py). Fitted are 9 or 16 configurations, one run each, or three runs
of 20 checkpoints whose noise is an Ornstein-Uhlenbeck process along log x. Intervals are of the
curve at 2, 5 and 10 times the largest input, without drift, since the truth has none.

Beside the posterior: least squares with a residual bootstrap and its Laplace interval; and for
checkpoints the same posterior with rows taken for independent. A run that is stopped begins anew.
Writes results/noise_coverage.csv (a row for each design, method and distance).
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from benchmarks.simulated_coverage import (
    AHEAD,
    END,
    RESULTS,
    SAMPLING,
    SEED,
    Data,
    power_law,
    squares,
)

DESIGNS = ("9 configurations", "16 configurations", "3 runs of 20 checkpoints")
LEVEL = 0.95


def simulated(design: str, replicate: int) -> Data:
    """Return runs of a design, with the true log curve ahead."""
    rng = np.random.default_rng([SEED, 99, DESIGNS.index(design), replicate])
    law = power_law(rng)
    sigma = np.exp(rng.uniform(np.log(0.005), np.log(0.03)))
    if design == DESIGNS[2]:
        x = np.tile(np.geomspace(3, END, 20), 3)
        run = np.repeat(np.arange(3), 20)
        scatter = sigma * rng.standard_normal(60)
        step, length = np.log(x[1] / x[0]), rng.uniform(0.4, 0.8)
        rho = np.exp(-step / length)
        for k in range(1, 60):
            if run[k] == run[k - 1]:
                scatter[k] = rho * scatter[k - 1] + np.sqrt(1 - rho**2) * scatter[k]
    else:
        x = np.geomspace(1, END, int(design.split()[0]))
        run, scatter = np.arange(len(x)), sigma * rng.standard_normal(len(x))
    runs = pd.DataFrame({"x": x, "y": np.exp(law(np.log(x)) + scatter), "run": run})
    ahead = law(np.log(END * np.array(AHEAD)))
    return Data("power law", design, replicate, runs, ahead, ahead)


def draws_of(given: Data) -> Iterator[tuple[str, np.ndarray]]:
    """Yield method and draws of the log curve ahead, shape (draw, point)."""
    noises = {"posterior": {}}
    if given.noise == DESIGNS[2]:
        noises = {"posterior, run=": {"run": "run"}, "posterior, rows independent": {}}
    for name, options in noises.items():
        fit = bs.PowerLaw().fit(
            given.runs, y="y", x="x", seed=given.seed % 1000, **options, **SAMPLING
        )
        made = fit.forecast(x=END * np.array(AHEAD), drift=0.0)
        yield name, np.log(made.draws("curve")).reshape(-1, len(AHEAD))
    for name, (curve, _), _ in squares(given):
        if "one break" not in name:
            yield name, curve


def measured(given: Data) -> list[dict]:
    """Return whether the truth is inside, and how wide the interval is, by method and distance."""
    rows = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        for method, curve in draws_of(given):
            low, high = np.quantile(curve, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            for i, ahead in enumerate(AHEAD):
                inside = bool(low[i] <= given.curve[i] <= high[i])
                rows.append(
                    {
                        "design": given.noise, "method": method, "ahead": ahead,
                        "inside": inside, "width": float(high[i] - low[i]),
                    }
                )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows, started = [], time.monotonic()
    for replicate in range(asked.replicates):
        for design in DESIGNS:
            rows += measured(simulated(design, replicate))
        print(f"{replicate + 1}/{asked.replicates}: {time.monotonic() - started:.0f} s", flush=True)
        groups = pd.DataFrame(rows).groupby(["design", "method", "ahead"], sort=False)
        table = groups.agg(
            sets=("inside", "size"), coverage_95=("inside", "mean"), width_95=("width", "median")
        ).reset_index()
        asked.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out / "noise_coverage.csv", index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
