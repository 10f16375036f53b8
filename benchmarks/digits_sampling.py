"""How the default laws sample on every shipped learning curve: R-hat, ESS, divergences, seconds.

Run: uv run python benchmarks/digits_sampling.py
Writes benchmarks/results/digits_sampling.csv (a row for each curve and law) and prints the shares
of curves that reach the targets: power law R-hat < 1.01, bulk ESS > 1000 of 4000, no divergence;
two breaks R-hat < 1.01, bulk ESS > 400, under 0.1 % divergent. Nothing is sampled twice.
"""

import sys
import time
import warnings
from pathlib import Path

import pandas as pd

import bayescale as bs

LAWS = {
    "power": (bs.PowerLaw(), {"draws": 1000}, 1000, 0.0),
    "two breaks, fixed": (
        bs.BrokenPowerLaw(breaks=2, placement="fixed"),
        {"draws": 2000},
        400,
        1e-3,
    ),
    "two breaks, cells": (bs.BrokenPowerLaw(breaks=2), {"draws": 2000}, 400, 1e-3),
    "one break, cells": (bs.BrokenPowerLaw(breaks=1), {"draws": 2000}, 400, 1e-3),
    "one break, free": (bs.BrokenPowerLaw(breaks=1, placement="free"), {"draws": 2000}, 400, 1e-3),
}


def main(out: Path) -> None:
    runs = bs.load_dataset("digits_learning_curves")
    curves = runs.groupby(["task", "model", "examples"], as_index=False)["error"].mean()
    rows = []
    for label, (law, settings, least, divergent) in LAWS.items():
        for (task, model), curve in curves.groupby(["task", "model"]):
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", bs.SamplingWarning)
                fit = law.fit(
                    curve,
                    y="error",
                    x="examples",
                    tune=1000,
                    retry=False,
                    progress=False,
                    **settings,
                )
            found = fit.diagnostics
            rows.append(
                {
                    "law": label,
                    "curve": f"{task}/{model}",
                    "seconds": round(time.perf_counter() - start, 2),
                    "rhat": round(found.rhat, 4),
                    "ess_bulk": round(found.ess_bulk),
                    "ess_tail": round(found.ess_tail),
                    "divergences": found.divergences,
                    "draws": found.draws,
                    "pareto_k": found.pareto_k,
                    "steps": float(fit.tree["sample_stats"]["n_steps"].mean()),
                    "worst": found.worst,
                    "smallest": found.smallest,
                    "reached": found.rhat < 1.01
                    and found.ess_bulk > least
                    and found.divergences <= divergent * found.draws,
                }
            )
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "digits_sampling.csv", index=False)
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))
    summary = table.groupby("law", sort=False).agg(
        curves=("reached", "size"),
        reached=("reached", "mean"),
        rhat=("rhat", "max"),
        ess_bulk=("ess_bulk", "min"),
        divergences=("divergences", "sum"),
        pareto_k=("pareto_k", "max"),
        seconds=("seconds", "median"),
    )
    print(summary.to_string(float_format=lambda v: f"{v:.3g}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "results")
