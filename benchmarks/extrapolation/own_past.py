"""Whether a curve's own past tells how far it will stray: could drift be learned curve by curve?

Run: uv run python -m benchmarks.extrapolation.own_past [DATA_FOLDER]

Every curve with eight different training inputs or more is fitted twice by two fixed breaks under
correlated noise: to the smaller 60 % of its training inputs, which then forecast the other 40 %
("past"), and to all of them, which forecast the held-out runs ("next"). How far a forecast strays
is the root mean square of its errors in log y over its own half-width (68 %), with the default
drift and without. If the past told of the next, rank correlations over the curves of a set would be
high. Writes extrapolation_own_past.csv, a row a curve,
and extrapolation_own_past_summary.csv, the correlations.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale.drift import DRIFT
from benchmarks.extrapolation import curves

RESULTS = Path(__file__).parents[1] / "results"
#: Share of the training inputs that forecast the rest, and the fewest inputs for that.
SHARE, FEWEST = 0.6, 8
LAW = bs.BrokenPowerLaw(breaks=2, placement="fixed")
DRIFTS = {"law": 0.0, "drift": DRIFT}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="of published data")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows = []
    for curve in curves.read(curves.folder_of(asked.folder)):
        inputs = np.unique(curve.train["x"])
        if curve.set in ("double_descent", "addition") or len(inputs) < FEWEST:
            continue  # curves that rise are forecast by other laws
        cut = inputs[int(SHARE * len(inputs))]
        early, late = (curve.train[curve.train["x"] <= cut], curve.train[curve.train["x"] > cut])
        row: dict[str, Any] = {"set": curve.set, "family": curve.family, "curve": curve.name}
        row |= strays("past", early, late)
        row |= strays("next", curve.train, curves.thinned(curve.test))
        rows.append(row)
        print(*row.values(), flush=True)
    found = pd.DataFrame(rows)
    found.to_csv(asked.out / "extrapolation_own_past.csv", index=False, float_format="%.4g")
    summary = correlations(found)
    summary.to_csv(
        asked.out / "extrapolation_own_past_summary.csv", index=False, float_format="%.2f"
    )
    print(summary.to_string(index=False))


def strays(when: str, fitted: pd.DataFrame, ahead: pd.DataFrame) -> dict[str, float]:
    """Return how far a fit's forecasts stray, in their own half-widths."""
    likelihood = bs.Correlated(bs.LogNormal(n_obs="n_obs" if "n_obs" in fitted else None))
    x, y = (ahead[name].to_numpy(float) for name in ("x", "y"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = LAW.fit(fitted, y="y", x="x", likelihood=likelihood, draws=500, progress=False)
        found = {}
        for name, drift in DRIFTS.items():
            draws = np.log(fit.forecast(x=x, drift=drift).draws().reshape(-1, len(x)))
            low, middle, high = np.quantile(draws, [0.16, 0.5, 0.84], axis=0)
            errors = (np.log(y) - middle) / ((high - low) / 2)
            found[f"{when}_{name}"] = float(np.sqrt(np.mean(errors**2)))
    return found


def correlations(found: pd.DataFrame) -> pd.DataFrame:
    """Return rank correlations of past and next over the curves of each set, and of all."""
    parts = [*found.groupby("set"), ("all", found)]
    rows = []
    for name, part in parts:
        row: dict[str, Any] = {"set": name, "curves": len(part)}
        for drift in DRIFTS:
            pair = part[[f"past_{drift}", f"next_{drift}"]]
            row[drift] = pair.corr("spearman").iloc[0, 1]
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
