"""Whether one seed gives one posterior, bit by bit, wherever a curve is fitted.

Run: uv run python benchmarks/same_draws.py [--laws "one input" ...] [--out benchmarks/results]
Two curves of each law are fitted in this process and again in other places: a second time, in a
new process on an empty cache, in one that loads what that one compiled, in a batch here, in a batch
of two processes and on a Dask worker. What is compared is a hash of every draw of every variable.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

POOLED = bs.partial_pooling(by="family", spread=0.3)
X = np.geomspace(1, 1e3, 12)
SHORT = {"draws": 250, "tune": 250}
PLACES = (
    "again in one process", "a process that compiles", "a process that loads",
    "a batch", "a batch of two processes", "a Dask worker",
)  # fmt: skip


def one_input(seed: int) -> pd.DataFrame:
    return bs.PowerLaw().simulate(x=X, y="loss", seed=seed)


def two_inputs(seed: int) -> pd.DataFrame:
    law = bs.Chinchilla()
    return law.simulate(**law.example_inputs(), y="loss", seed=seed)


def groups(seed: int) -> pd.DataFrame:
    parts = [one_input(2 * seed + i).assign(family=name) for i, name in enumerate("AB")]
    return pd.concat(parts, ignore_index=True)


#: A law, how its runs are made up, and the columns of its inputs.
LAWS = {
    "one input": (bs.PowerLaw(), one_input, {"x": "x"}),
    "two inputs": (bs.Chinchilla(), two_inputs, {"params": "params", "tokens": "tokens"}),
    "groups": (bs.PowerLaw(scale=POOLED), groups, {"x": "x"}),
    "bent": (bs.BrokenPowerLaw(), one_input, {"x": "x"}),
}


def digest(fit: bs.Fit) -> str:
    """Return a hash of every draw."""
    drawn = fit.tree["posterior"].to_dataset()
    found = hashlib.sha256()
    for name in sorted(drawn.data_vars):
        found.update(np.ascontiguousarray(drawn[name].to_numpy()).tobytes())
    return found.hexdigest()


def singly(name: str, seeds: list[int]) -> list[str]:
    """Return the hash of each curve, fitted by itself."""
    law, made, inputs = LAWS[name]
    return [
        digest(law.fit(made(i), y="loss", seed=seed, progress=False, **SHORT, **inputs))
        for i, seed in enumerate(seeds)
    ]


def batch(name: str, seed: int = 0, **who) -> bs.FitTable:
    law, made, inputs = LAWS[name]
    runs = pd.concat([made(i).assign(curve=f"curve {i}") for i in range(2)], ignore_index=True)
    return bs.fit_many(
        law, runs, by="curve", y="loss", keep="draws", seed=seed, progress=False, chunk=1,
        **SHORT, **inputs, **who,
    )  # fmt: skip


def of_batch(table: bs.FitTable) -> list[str]:
    return [digest(table.fit(f"curve {i}")) for i in range(2)]


def elsewhere(name: str, seeds: list[int], cache: Path) -> list[str]:
    """Return the hashes of another process."""
    flags = f"{os.environ.get('PYTENSOR_FLAGS', '')},base_compiledir={cache}".strip(",")
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, *map(str, seeds)],
        env=os.environ | {"PYTENSOR_FLAGS": flags}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def by_dask(name: str) -> list[str]:
    from distributed import Client, LocalCluster

    one = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**one) as cluster, Client(cluster) as client:
        return of_batch(batch(name, executor=client))


def compared(name: str, places: tuple[str, ...] = PLACES) -> list[dict]:
    """Return a row for each place: how many of the two curves have the very same draws."""
    here = batch(name)
    # A bent law has a pilot in a batch, by itself none: there a batch is held against a batch.
    has_pilot = any(settings.pilot for settings in here.plan.settings.values())
    seeds = [int(here.table["seed"].iloc[i]) for i in range(2)]
    alone = singly(name, seeds)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        made = {
            "again in one process": lambda: singly(name, seeds),
            "a process that compiles": lambda: elsewhere(name, seeds, Path(folder)),
            "a process that loads": lambda: elsewhere(name, seeds, Path(folder)),
            "a batch": lambda: of_batch(batch(name) if has_pilot else here),
            "a batch of two processes": lambda: of_batch(batch(name, workers=2)),
            "a Dask worker": lambda: by_dask(name),
        }
        for place in places:
            wanted = of_batch(here) if has_pilot and place in PLACES[3:] else alone
            found = made[place]()
            equal = sum(one == other for one, other in zip(wanted, found, strict=True))
            rows.append({"law": name, "place": place, "fits": len(wanted), "equal": equal})
            print(rows[-1], flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laws", nargs="+", default=list(LAWS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--one", nargs="+", help="for the other process: a law, then seeds")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", bs.SamplingWarning)
    if asked.one:
        name, *seeds = asked.one
        print(json.dumps(singly(name, [int(seed) for seed in seeds])))
        return 0
    table = pd.DataFrame([row for name in asked.laws for row in compared(name)])
    table.to_csv(asked.out / "same_draws.csv", index=False)
    return int((table["equal"] < table["fits"]).any())


if __name__ == "__main__":
    sys.exit(main())
