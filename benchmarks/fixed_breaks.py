"""Two breaks at fixed nodes on real curves: ours against the same law by hand in PyMC.

Run: uv run python benchmarks/fixed_breaks.py [--curves 20] [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds the curves of Alabdulmohsin et
al. (2022), as for published_curves.py: every third or so of 54 vision and 16 language curves, train
rows. "Ours" is ``law.fit`` as it comes, "by hand" the same nodes in the literature's constants with
broad priors, sampled by nutpie as ``pm.sample`` would by itself (diagonal metric, acceptance 0.8).
Both 4 chains of 1000 draws after 1000; curve by curve, in turns. Bulk ESS is the smallest and
R-hat the largest over floor, log b, the exponents of the three segments and sigma. Seconds are CPU
seconds of sampling, with what is sampled again and the search for modes, without compiling. Writes
results/fixed_breaks.csv, a row for each curve and model.
"""

import argparse
import os
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
from arviz_stats.base.array import array_stats
from published_curves import read, split

import bayescale as bs
from bayescale import sample

LAW = bs.BrokenPowerLaw(breaks=2, placement="fixed")
AXES: dict[str, Any] = {"chain_axis": 1, "draw_axis": 2}


def curves(folder: Path, count: int) -> list[tuple[str, pd.DataFrame]]:
    """Return evenly spaced curves of both families, with their names."""
    rows = read(folder)
    groups = list(rows.groupby(["family", "task", "model"], sort=True))
    kept = np.unique(np.linspace(0, len(groups) - 1, count).round().astype(int))
    return [("/".join(map(str, groups[i][0])), split(groups[i][1])[0]) for i in kept]


def ours(runs: pd.DataFrame) -> dict[str, float]:
    seconds = 0.0
    run = sample.run

    def timed(*given: Any) -> Any:
        nonlocal seconds
        start = time.process_time()
        done = run(*given)
        seconds += time.process_time() - start
        return done

    with patch.object(sample, "run", timed):
        fit = LAW.fit(runs, y="loss", x="examples", seed=0, progress=False)
    found = LAW.constants(fit.parameters, fit.runs.references)
    draws = [found["irreducible"], np.log(found["b"]), *found["segment_exponent"]]
    again = fit.tree["sample_stats"].attrs.get("straightened", 0)
    return scores([*draws, fit.noise["sigma"]], seconds) | {
        "divergences": fit.diagnostics.divergences,
        "again": int(again or bool(fit.notes)),
    }


def by_hand(runs: pd.DataFrame, compiled: Any) -> tuple[dict[str, float], Any]:
    """Sample the textbook's model; it is compiled once, for the first curve."""
    log_x = np.log(runs["examples"].to_numpy(float))
    cell = np.ptp(log_x) / 3
    width = 0.35 * cell
    bends = np.stack([np.logaddexp(0, (log_x - log_x.min() - i * cell) / width) for i in (1, 2)])
    data = {"log_x": log_x, "bends": width * bends, "y": runs["loss"].to_numpy(float)}
    if compiled is None:
        with pm.Model() as model:
            shared = {name: pm.Data(name, value) for name, value in data.items()}
            a = pm.HalfNormal("a", 2.0)
            log_b = pm.Normal("log_b", 0.0, 5.0)
            c0 = pm.LogNormal("c0", np.log(0.25), 0.94)
            c = pm.Normal("c", 0.0, 1.0, shape=2)
            sigma = pm.LogNormal("sigma", np.log(0.02), 1.0)
            bent = c[0] * shared["bends"][0] + c[1] * shared["bends"][1]
            curve = a + pm.math.exp(log_b - c0 * shared["log_x"] - bent)
            pm.LogNormal("outcome", pm.math.log(curve), sigma, observed=shared["y"])
        compiled = nutpie.compile_pymc_model(model)
    start = time.process_time()
    tree: Any = nutpie.sample(
        compiled.with_data(**data), draws=1000, tune=1000, chains=4, seed=0, target_accept=0.8,
        save_warmup=False, progress_bar=False,
    )  # fmt: skip
    seconds = time.process_time() - start
    got = tree["posterior"].to_dataset()
    first, changes = got["c0"].to_numpy(), got["c"].to_numpy()
    slopes = [first, first + changes[..., 0], first + changes.sum(-1)]
    draws = [got["a"].to_numpy(), got["log_b"].to_numpy(), *slopes, got["sigma"].to_numpy()]
    diverged = int(tree["sample_stats"]["diverging"].sum())
    return scores(draws, seconds) | {"divergences": diverged, "again": 0}, compiled


def scores(draws: list[np.ndarray], seconds: float) -> dict[str, float]:
    block = np.stack(draws)
    ess = float(array_stats.ess(block, method="bulk", **AXES).min())
    return {
        "rhat": float(array_stats.rhat(block, **AXES).max()),
        "ess": ess,
        "cpu_s": seconds,
        "ess_per_s": ess / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--curves", type=int, default=20)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = curves(Path(asked.folder), asked.curves)
    ours(chosen[0][1])  # compiles
    _, compiled = by_hand(chosen[0][1], None)
    rows = []
    for name, runs in chosen:
        rows.append({"curve": name, "who": "ours", "rows": len(runs)} | ours(runs))
        by, _ = by_hand(runs, compiled)
        rows.append({"curve": name, "who": "by hand", "rows": len(runs)} | by)
        print(rows[-2], rows[-1], sep="\n", flush=True)
    table = pd.DataFrame(rows)
    place = Path(__file__).parent / "results" / "fixed_breaks.csv"
    table.to_csv(place, index=False, float_format="%.4g")
    print(table.groupby("who")[["rhat", "ess", "cpu_s", "ess_per_s"]].median())


if __name__ == "__main__":
    main()
