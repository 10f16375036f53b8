"""Whether integrating floor and level out changes the posterior of a broken law, and what it buys.

Run: uv run python benchmarks/integrated_floor.py
Two shipped curves, eight seeds each: quantiles of the forecast of log y at 10,000 examples and the
smallest effective sample size, by the collapsed density and by the declared one. Writes
benchmarks/results/integrated_floor.csv (mean over seeds, and the standard error of that mean).
"""

import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import collapse

LAW = bs.BrokenPowerLaw(breaks=2, placement="fixed")
SEEDS = range(8)
DENSITIES = {"collapsed": collapse.applies, "declared": lambda coordinates: False}


def main() -> None:
    runs = bs.load_dataset("digits_learning_curves")
    rows = []
    for model in ("knn", "logistic_regression"):
        chosen = runs[(runs["task"] == "digits") & (runs["model"] == model)]
        curve = chosen.groupby("examples", as_index=False)["error"].mean()
        for density, applies in DENSITIES.items():
            with patch.object(collapse, "applies", applies):
                found = pd.DataFrame([one(curve, seed) for seed in SEEDS])
            summary = pd.concat([found.mean(), found.sem().add_prefix("se_")])
            rows.append({"curve": f"digits/{model}", "density": density, **summary})
    table = pd.DataFrame(rows)
    table.to_csv(Path(__file__).parent / "results" / "integrated_floor.csv", index=False)
    print(table.T.to_string(float_format=lambda v: f"{v:.4g}"))


def one(curve: pd.DataFrame, seed: int) -> dict[str, float]:
    """Return the forecast's quantiles and the smallest ESS of one fit of 4 x 4000 draws."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        fit = LAW.fit(
            curve, y="error", x="examples", draws=4000, tune=1500, seed=seed, retry=False,
            progress=False,
        )  # fmt: skip
    forecast = np.log(fit.forecast(x=1e4).draws("curve"))
    low, middle, high = np.quantile(forecast, [0.05, 0.5, 0.95])
    return {"q05": low, "q50": middle, "q95": high, "ess_bulk": fit.diagnostics.ess_bulk}


if __name__ == "__main__":
    main()
