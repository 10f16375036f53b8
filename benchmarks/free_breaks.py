"""Breaks placed freely on real curves: what chains miss, and what is put in their place.

Run: uv run python benchmarks/free_breaks.py [--curves 20 6 1] [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds the curves of Alabdulmohsin et
al. (2022), as for published_curves.py: evenly spaced ones of 54 vision and 16 language curves,
train rows; so many for one break, two and three. Each law is fitted as it comes ("after") and
without the check by importance sampling ("before": NUTS from the modes that climbs find, straight
coordinates, and twice the draws where they fall short). R-hat is the worst over parameters, noise
and the forecast. Seconds are CPU seconds of a fit, without compiling.

Where the check put other draws in the place of NUTS's, their distribution is held to NUTS alone,
run so long (4 chains of 20,000 draws) that it passes between modes by itself: ``apart`` is the
largest difference of distribution functions over all parameters (Kolmogorov-Smirnov),
``rhat_long`` says whether that run can be believed, and ``apart_before`` is how far the ordinary
run of NUTS was from it. ``share`` is the largest mode's. Writes results/free_breaks.csv, a row for
each curve and law.

    uv run python benchmarks/free_breaks.py --annealed [DATA_FOLDER]

adds to the rows of that file with one break, whose draws were replaced, how they agree with two
populations that are annealed slowly from the prior (annealed.py): ``share_annealed``,
``share_annealed_2`` (each member in the mode of the nearest draw), and ``apart_annealed`` over the
sampled density's coordinates.
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
from annealed import annealed
from fixed_breaks import curves
from scipy.spatial import KDTree
from scipy.stats import ks_2samp

import bayescale as bs
from bayescale import mixing, sample

NAMES = {1: "one break, free", 2: "two breaks, free", 3: "three breaks, free"}
LONG = {"draws": 20_000, "tune": 2000, "retry": False}


def fitted(law: bs.Law, runs: pd.DataFrame, **settings: Any) -> tuple[Any, float]:
    """Return a fit and its CPU seconds."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(runs, y="loss", x="examples", seed=0, progress=False, **settings)
    return fit, time.process_time() - start


def as_it_was(*given: Any) -> Any:
    """Return NUTS's draws as they are, in place of what weighs modes."""
    return given[4], given[5]


def apart(one: Any, other: Any) -> float:
    """Return the largest distance of distribution functions over all parameters of two fits."""
    found = []
    for name, draws in one.parameters.items():
        theirs = other.parameters[name]
        pairs = zip(draws, theirs, strict=True) if isinstance(draws, tuple) else [(draws, theirs)]
        found += [ks_2samp(np.ravel(a), np.ravel(b)).statistic for a, b in pairs]
    return float(max(found))


def measured(law: bs.Law, runs: pd.DataFrame) -> dict[str, Any]:
    """Return what was found with and without the check."""
    with patch.object(sample, "_weighed", as_it_was):
        before, seconds_before = fitted(law, runs)
    after, seconds = fitted(law, runs)
    attrs = after.tree["sample_stats"].attrs
    row: dict[str, Any] = {
        "rhat_before": before.diagnostics.rhat,
        "ess_before": before.diagnostics.ess_bulk,
        "good_before": before.diagnostics.good,
        "s_before": seconds_before,
        "rhat": after.diagnostics.rhat,
        "ess": after.diagnostics.ess_bulk,
        "good": after.diagnostics.good,
        "s": seconds,
        "weighed": int("weighed" in attrs),
        "unweighed": int(after.diagnostics.unweighed),
        "pareto_k": attrs.get("weighed_pareto_k", np.nan),
        "modes": max(len(after.diagnostics.modes), 1),
    }
    if after.diagnostics.modes:
        row["share"], row["share_se"] = after.diagnostics.modes[0]
    if row["weighed"]:
        long, row["s_long"] = fitted(law, runs, **LONG)
        row |= {"rhat_long": long.diagnostics.rhat, "apart": apart(after, long)}
        row["apart_before"] = apart(before, long)
    return row


def held_to_annealed(law: bs.Law, runs: pd.DataFrame) -> dict[str, float]:
    """Return how the draws that replaced NUTS's agree with annealed populations."""
    seen: dict[str, Any] = {}
    weighed = mixing.weighed

    def watching(*given: Any) -> Any:
        seen.update(density=given[0], made=weighed(*given))
        return seen["made"]

    with patch.object(mixing, "weighed", watching):
        fitted(law, runs)
    draws, stats = seen["made"]
    flat = draws.reshape(-1, draws.shape[-1])
    told: dict[str, float] = {}
    for name, seed in (("", 1), ("_2", 2)):
        members = annealed(seen["density"], flat.shape[1], np.random.default_rng(seed))
        by_coordinate = zip(flat.T, members.T, strict=True)
        far = max(ks_2samp(a, b).statistic for a, b in by_coordinate)
        told["apart_annealed"] = max(told.get("apart_annealed", 0.0), float(far))
        if "mode" in stats:
            _, nearest = KDTree(flat / flat.std(0)).query(members / flat.std(0))
            first = stats["mode"].to_numpy().ravel()[nearest] == 0
            told[f"share_annealed{name}"] = float(first.mean())
    return told


def add_annealed(folder: Path, place: Path) -> None:
    """Add to the results how replaced draws agree with annealed populations."""
    table = pd.read_csv(place)
    every = dict(curves(folder, 10_000))
    breaks = {name: number for number, name in NAMES.items()}
    replaced = (table["weighed"] == 1) & (table["law"] == NAMES[1])
    for i, row in table[replaced].iterrows():
        law = bs.BrokenPowerLaw(breaks=breaks[row["law"]], placement="free")
        for name, value in held_to_annealed(law, every[row["curve"]]).items():
            table.loc[i, name] = value
        print(table.loc[i].to_dict(), flush=True)
        table.to_csv(place, index=False, float_format="%.4g")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--curves", type=int, nargs=3, default=[20, 6, 1])
    parser.add_argument("--annealed", action="store_true")
    asked = parser.parse_args()
    place = Path(__file__).parent / "results" / "free_breaks.csv"
    if asked.annealed:
        add_annealed(Path(asked.folder), place)
        return
    rows = []
    for breaks, count in zip(NAMES, asked.curves, strict=True):
        law = bs.BrokenPowerLaw(breaks=breaks, placement="free")
        chosen = [
            (curve, runs)
            for curve, runs in curves(Path(asked.folder), 2 * max(asked.curves))
            if len(runs) >= law.rows_needed
        ]
        chosen = chosen[:: max(len(chosen) // max(count, 1), 1)][:count]
        for number, (curve, runs) in enumerate(chosen):
            if number == 0:
                fitted(law, runs)  # compiles
            rows.append({"curve": curve, "law": NAMES[breaks], "rows": len(runs)})
            rows[-1] |= measured(law, runs)
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(place, index=False, float_format="%.4g")
    table = pd.DataFrame(rows)
    shown = table.groupby("law", sort=False).agg(
        curves=("curve", "size"),
        good_before=("good_before", "mean"),
        good=("good", "mean"),
        s_before=("s_before", "median"),
        s=("s", "median"),
        weighed=("weighed", "sum"),
        unweighed=("unweighed", "sum"),
    )
    print(shown.to_string(float_format=lambda v: f"{v:.3g}"))


if __name__ == "__main__":
    main()
