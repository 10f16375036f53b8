"""Breaks placed freely on real curves: chains that pass between modes, and the modes' masses.

Run: uv run python benchmarks/free_breaks.py [--curves 20] [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds the curves of Alabdulmohsin et
al. (2022), as for published_curves.py: evenly spaced ones of 54 vision and 16 language curves,
train rows. Each law is fitted as it comes ("after") and without the tempered populations of
mixing.py ("before": NUTS from the modes that climbs find, straight coordinates, and twice the draws
where they fall short). R-hat is the worst over parameters, noise and the forecast. Seconds are CPU
seconds of a fit, without compiling.

Where the tempered chains were used the distribution of the sampled density's coordinates is held to
a reference that knows nothing of them: a population of 4000 that is tempered from draws of the
prior. ``share`` is the largest mode's, ``share_reference`` the reference's (each member in the mode
of the nearest draw), ``apart`` the largest difference of distribution functions over coordinates
(Kolmogorov-Smirnov). Writes results/free_breaks.csv, a row for each curve and law.
"""

import argparse
import os
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from fixed_breaks import curves
from scipy.spatial import KDTree
from scipy.stats import ks_2samp

import bayescale as bs
from bayescale import mixing, tempering

ONE, TWO = (bs.BrokenPowerLaw(breaks=breaks, placement="free") for breaks in (1, 2))
LAWS: dict[str, tuple[bs.Law, bs.Likelihood]] = {
    "one break, free": (ONE, bs.LogNormal()),
    "two breaks, free": (TWO, bs.LogNormal()),
    "one break in its cell": (bs.BrokenPowerLaw(breaks=1), bs.LogNormal()),
    "one break, free, correlated noise": (ONE, bs.Correlated()),
    "two breaks, free, correlated noise": (TWO, bs.Correlated()),
}
MEMBERS = 4000
EVERY = ",".join(str(i) for i in range(len(LAWS)))


def fitted(how: tuple[bs.Law, bs.Likelihood], runs: pd.DataFrame) -> tuple[Any, float]:
    """Return a fit and its CPU seconds."""
    law, likelihood = how
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(runs, y="loss", x="examples", likelihood=likelihood, seed=0, progress=False)
    return fit, time.process_time() - start


def as_it_was(*given: Any) -> Any:
    """Return NUTS's draws as they are, in place of what weighs modes."""
    return given[2], given[3]


def watched(
    how: tuple[bs.Law, bs.Likelihood], runs: pd.DataFrame
) -> tuple[Any, float, dict[str, Any]]:
    """Return a fit, its CPU seconds, and what the sampler last handed on."""
    seen: dict[str, Any] = {}
    weighed = mixing.weighed

    def watching(*given: Any) -> Any:
        made = weighed(*given)
        seen.update(density=given[0], draws=made[0], stats=made[1])
        return made

    with patch.object(mixing, "weighed", watching):
        fit, seconds = fitted(how, runs)
    return fit, seconds, seen


def held_to_reference(seen: dict[str, Any]) -> dict[str, float]:
    """Return how the tempered chains agree with a population tempered from the prior."""
    flat = seen["draws"].reshape(-1, seen["draws"].shape[-1])
    rng = np.random.default_rng(1)
    prior = rng.standard_normal((2000, flat.shape[1]))

    def density(point: np.ndarray) -> float:
        return seen["density"](point)[0]

    start = time.process_time()
    found = tempering.tempered(density, prior, rng, MEMBERS)
    if found is None:
        return {}
    apart = max(ks_2samp(flat[:, i], found.points[:, i]).statistic for i in range(flat.shape[1]))
    told = {"apart": float(apart), "reference_s": time.process_time() - start}
    if "mode" in seen["stats"]:
        mode = seen["stats"]["mode"].to_numpy().ravel()
        scale = flat.std(0)
        _, nearest = KDTree(flat / scale).query(found.points / scale)
        told["share_reference"] = float((mode[nearest] == 0).mean())
    return told


def measured(how: tuple[bs.Law, bs.Likelihood], runs: pd.DataFrame) -> dict[str, Any]:
    """Return what was found with and without the tempered chains."""
    nothing_found = patch.object(mixing, "modes_by_mass", lambda *given: [])
    with patch.object(mixing, "weighed", as_it_was), nothing_found:
        before, seconds_before = fitted(how, runs)
    after, seconds, seen = watched(how, runs)
    row: dict[str, Any] = {
        "rhat_before": before.diagnostics.rhat,
        "ess_before": before.diagnostics.ess_bulk,
        "good_before": before.diagnostics.good,
        "s_before": seconds_before,
        "rhat": after.diagnostics.rhat,
        "ess": after.diagnostics.ess_bulk,
        "good": after.diagnostics.good,
        "s": seconds,
        "tempered": int("tempered" in after.tree["sample_stats"].attrs),
        "again": int(bool(after.notes)),
        "modes": max(len(after.diagnostics.modes), 1),
    }
    if after.diagnostics.modes:
        row["share"], row["share_se"] = after.diagnostics.modes[0]
    return row | (held_to_reference(seen) if row["tempered"] else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--curves", type=int, default=20)
    parser.add_argument("--laws", default=EVERY)
    asked = parser.parse_args()
    chosen = curves(Path(asked.folder), asked.curves)
    rows = []
    for i in map(int, asked.laws.split(",")):
        name, how = list(LAWS.items())[i]
        fitted(how, chosen[0][1])  # compiles
        for curve, runs in chosen:
            if len(runs) < how[0].rows_needed:
                continue
            rows.append({"curve": curve, "law": name, "rows": len(runs)} | measured(how, runs))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    if asked.laws == EVERY:
        place = Path(__file__).parent / "results" / "free_breaks.csv"
        table.to_csv(place, index=False, float_format="%.4g")
    groups = table.groupby("law", sort=False)
    shown = groups.agg(
        curves=("curve", "size"),
        good_before=("good_before", "mean"),
        good=("good", "mean"),
        rhat_before=("rhat_before", lambda r: (r < 1.01).mean()),
        rhat=("rhat", lambda r: (r < 1.01).mean()),
        s_before=("s_before", "median"),
        s=("s", "median"),
        tempered=("tempered", "sum"),
    )
    print(shown.to_string(float_format=lambda v: f"{v:.3g}"))


if __name__ == "__main__":
    main()
