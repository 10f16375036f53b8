"""How pooled groups sample, by what the coordinates of their levels are.

Run: uv run python benchmarks/group_geometry.py [--cases ...] [--out FOLDER]
A power law with floor of which every parameter is partially pooled, on simulated groups: far apart,
alike, and few. Coordinates: as the pilot tells (ours), offsets, levels' own values. 4 chains of
1000 draws after 1000, no second try, a number of tables for each case.

Writes results/group_geometry.csv, of each case and choice (of cases not asked for the rows stay as
they were): the share of fits that are good (R-hat,
ESS and divergences), divergent draws a fit (mean and most), the median of the smallest bulk ESS and
of that of the three spreads, the share with R-hat above 1.01, steps a draw, CPU seconds a fit.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from scipy.special import ndtr

import bayescale as bs
from bayescale import told

RESULTS = Path(__file__).parent / "results"
#: Groups, runs of each, how far groups lie apart (times 0.3 (log level), 0.5 (probit of the floor's
#: share) and 0.2 (log exponent)), and how many tables are simulated.
CASES = {
    "30 groups of 20, far apart": (30, 20, 1.0, 1),
    "30 groups of 20, alike": (30, 20, 0.08, 1),
    "30 groups of 4, far apart": (30, 4, 1.0, 1),
    "5 groups of 12, far apart": (5, 12, 1.0, 10),
    "3 groups of 10, far apart": (3, 10, 1.0, 10),
    "2 groups of 10, far apart": (2, 10, 1.0, 10),
    "2 groups of 10, alike": (2, 10, 0.08, 10),
    "2 groups of 4, far apart": (2, 4, 1.0, 10),
}
#: By what the precision is multiplied that the pilot finds of each level: as found; 0, which makes
#: coordinates offsets; and so much that they are the levels' own values.
CHOICES = {"by pilot": 1.0, "offsets": 0.0, "own values": 1e4}


def simulated(groups: int, rows: int, apart: float, seed: int = 0) -> pd.DataFrame:
    """Families about one power law, 2 % noise, three decades."""
    rng = np.random.default_rng(seed)
    x = np.geomspace(1e6, 1e9, rows)
    centre = np.exp(np.log(x).mean())
    found = []
    for i in range(groups):
        z = apart * rng.standard_normal(3)
        level, share, exponent = 3 * np.exp(0.3 * z[0]), ndtr(0.5 * z[1]), 0.25 * np.exp(0.2 * z[2])
        ratio = (x[-1] / centre) ** -exponent
        whole = level / (1 - share + share * ratio)
        curve = share * ratio * whole + (1 - share) * whole * (x / centre) ** -exponent
        y = curve * np.exp(0.02 * rng.standard_normal(rows))
        found.append(pd.DataFrame({"x": x, "y": y, "family": f"f{i:02d}"}))
    return pd.concat(found, ignore_index=True)


def measured(runs: pd.DataFrame, factor: float, seed: int = 1) -> dict:
    """Sample with coordinates of our choosing."""
    varies = bs.partial_pooling(by="family")
    law = bs.PowerLaw(irreducible=varies, scale=varies, exponent=varies)
    own = told.learned

    def forced(*given: Any) -> dict:
        found = own(*given)
        return {n: factor * v if n.endswith("_precision") else v for n, v in found.items()}

    started = time.process_time()
    with mock.patch.object(told, "learned", forced), warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        fit = law.fit(runs, y="y", x="x", seed=seed, retry=False, cores=1, progress=False)
    found, table = fit.diagnostics, fit.summary()
    spreads = table.loc[table.index.str.endswith("_spread"), "ess_bulk"]
    steps = float(fit.tree["sample_stats"]["n_steps"].mean())
    return {
        "good": found.good, "ess": found.ess_bulk, "ess_of_spreads": spreads.min(),
        "rhat": found.rhat, "divergences": found.divergences, "steps": steps,
        "cpu_s": time.process_time() - started,
    }  # fmt: skip


def summed_up(fits: pd.DataFrame) -> dict:
    """Return what several fits of one case came to."""
    return {
        "fits": len(fits), "good": fits["good"].mean(),
        "divergences": fits["divergences"].mean(), "most": fits["divergences"].max(),
        "ess": fits["ess"].median(), "ess_of_spreads": fits["ess_of_spreads"].median(),
        "rhat_above_1.01": (fits["rhat"] > 1.01).mean(), "steps": fits["steps"].mean(),
        "cpu_s": fits["cpu_s"].median(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--choices", nargs="*", default=list(CHOICES), choices=list(CHOICES))
    parser.add_argument("--tables", type=int, default=10, help="at most, of each case")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    measured(simulated(3, 10, 1.0), 1.0)  # compiles
    path = asked.out / "group_geometry.csv"
    kept = pd.read_csv(path) if path.exists() else pd.DataFrame({"case": []})
    kept = kept[~kept["case"].isin(asked.cases)]
    rows = []
    for case in asked.cases:
        *shape, tables = CASES[case]
        for name in asked.choices:
            fits = [
                measured(simulated(*shape, seed=seed), CHOICES[name], seed)
                for seed in range(min(tables, asked.tables))
            ]
            rows.append({"case": case, "coordinates": name, **summed_up(pd.DataFrame(fits))})
            print(rows[-1], flush=True)
            table = pd.concat([kept, pd.DataFrame(rows)], ignore_index=True)
            table = table.sort_values(
                "case", key=lambda of: of.map(list(CASES).index), kind="stable"
            )
            table.to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
