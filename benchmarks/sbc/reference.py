"""Simulations whose ranks look odd, drawn once more by nutpie in PyMC's own coordinates.

Run: uv run python -m benchmarks.sbc.reference
     [--case SaturatingPowerLaw] [--quantity plateau] [--seeds 9 22 43 68]
Prints where the truth lies among our draws and among those of a long run of the plain model, and
both intervals. Nothing of ours but the plain model is in the second.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm

from bayescale import model
from benchmarks.sbc.cases import CASES
from benchmarks.sbc.ranking import fitted, generator, runs_of_a_truth


def compared(name: str, quantity: str, seed: int) -> dict[str, float]:
    """Return the truth's place and the quantiles of both ways to draw."""
    case = CASES[name].suited
    (parameters, _, _), runs, _ = runs_of_a_truth(case, generator(case, seed))
    true = float(np.ravel(parameters[quantity])[0])
    found, _ = fitted(case, runs, replace(case.settings, seed=seed))
    with model.plain(case.law, case.likelihood, runs), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = pm.sample(
            draws=4000, tune=3000, chains=4, cores=1, nuts_sampler="nutpie", target_accept=0.99,
            random_seed=seed, progressbar=False,
        )  # fmt: skip
    row = {"seed": seed, "truth": true}
    ways = {"ours": found.draws.parameters[quantity], "plain": tree["posterior"][quantity]}
    for way, draws in ways.items():
        values = np.ravel(draws)
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        row |= {f"below_{way}": (values < true).mean(), f"q05_{way}": low}
        row |= {f"q50_{way}": middle, f"q95_{way}": high}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="SaturatingPowerLaw", choices=list(CASES))
    parser.add_argument("--quantity", default="plateau")
    parser.add_argument("--seeds", type=int, nargs="+", default=[9, 22, 43, 68])
    asked = parser.parse_args()
    rows = [compared(asked.case, asked.quantity, seed) for seed in asked.seeds]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
