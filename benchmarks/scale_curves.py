"""How many simulated curves a second: one process and two, power law and one break.

Run: uv run python benchmarks/scale_curves.py [--curves 1000] [--broken 100] [--out FOLDER]
Writes benchmarks/results/scale_curves.csv, a row for each law and number of processes: seconds of
start-up (imports and compiling, up to the first result of every worker), curves/s after it, the
speed-up over one process, R-hat and ESS that were reached, and the largest resident memory of a
worker after its first chunk and after its last. CPU milliseconds a curve depend less than the rate
on who else uses the machine: 1000 over them, times the processes, is the rate of free cores. Two
processes are a pool's, and Dask's (LocalCluster). "One process" is one worker of a pool too, so
that both pay for what is sent between processes.
"""

import argparse
import contextlib
import os
import resource
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import batch, batch_jobs, curve_record, workers


def simulated(count: int, broken: bool, seed: int = 0) -> pd.DataFrame:
    """Curves of 20 to 70 points over 3 to 5 decades, 1 to 4 % noise."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(count):
        points = int(rng.integers(20, 71))
        x = np.geomspace(1e3, 10 ** rng.uniform(6, 8), points)
        z = x / np.exp(np.log(x).mean())
        loss = z ** -rng.uniform(0.2, 0.6)
        if broken:
            at = np.exp(rng.uniform(-2, 2))
            loss = loss * (1 + (z / at) ** 2) ** (-rng.uniform(0.1, 0.4) / 2)
        loss = rng.uniform(0.05, 0.5) + loss
        y = loss * np.exp(rng.uniform(0.01, 0.04) * rng.standard_normal(points))
        parts.append(pd.DataFrame({"curve": number, "x": x, "y": y}))
    return pd.concat(parts, ignore_index=True)


def resident() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(packed, jobs):
    """Fit jobs; who did it, when it was done, its memory so far, and CPU seconds a job."""
    before = time.process_time()
    found = curve_record.records(packed, jobs)
    cpu = (time.process_time() - before) / len(jobs)
    return [(record, os.getpid(), time.monotonic(), resident(), cpu) for record in found]


@contextlib.contextmanager
def pool_of(processes: int, dask: bool):
    """An executor of processes of this machine, or of Dask's workers, one thread each."""
    if not dask:
        with ProcessPoolExecutor(processes, workers.context()) as pool:
            yield pool
        return
    from distributed import Client, LocalCluster

    options = {"n_workers": processes, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client.get_executor(pure=False)


def measured(law, runs: pd.DataFrame, processes: int, chunk: int, dask: bool) -> dict:
    import cloudpickle

    started = time.monotonic()
    plan = batch._planned(
        {"law": law}, None, "y", {"x": "x"}, None, None, 0.9, {"x": [1e9]}, None,
        {"draws": 500, "tune": 200, "chains": 4, "retry": True}, None,
    )  # fmt: skip
    jobs = batch_jobs.jobs(plan, runs, ("curve",), 0)
    packed = cloudpickle.dumps(plan)
    with pool_of(processes, dask) as pool:
        # One chunk of one curve for each worker: imports and compiling.
        warm = [pool.submit(timed, packed, jobs[i : i + 1]) for i in range(processes)]
        found = [one for future in warm for one in future.result()]
        begun = time.monotonic()
        left = jobs[processes:]
        results = workers.run(
            timed, packed, left, executor=pool, chunk=chunk, lost=lambda job, why: None
        )
        for part in results:
            found += part
        ended = time.monotonic()
    records = [one[0] for one in found]
    fine = [record for record in records if not record["failure"]]
    memory = pd.DataFrame([one[1:4] for one in found], columns=["pid", "at", "mib"])
    cpu = float(np.mean([one[4] for one in found[processes:]]))
    memory = memory.sort_values("at").groupby("pid")["mib"]
    return {
        "curves": len(jobs),
        "processes": processes,
        "startup_s": round(begun - started, 1),
        "curves_per_s": round(len(left) / (ended - begun), 2),
        "cpu_ms": round(1000 * cpu, 1),
        "failed": len(records) - len(fine),
        "straightened": sum(record["straightened"] for record in fine),
        "sampled_again": sum(record["retried"] for record in fine),
        "good": sum(record["diagnostics"]["good"] for record in fine),
        "worst_rhat": round(max(record["diagnostics"]["rhat"] for record in fine), 4),
        "least_ess": round(min(record["diagnostics"]["ess_bulk"] for record in fine)),
        "mib_first": round(max(part.iloc[min(5, len(part) - 1)] for _, part in memory)),
        "mib_last": round(float(memory.last().max())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curves", type=int, default=1000)
    parser.add_argument("--broken", type=int, default=100)
    parser.add_argument("--chunk", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = {
        "PowerLaw": (bs.PowerLaw(), simulated(asked.curves, broken=False)),
        "one break": (bs.BrokenPowerLaw(breaks=1), simulated(asked.broken, broken=True)),
        "one break, fixed": (
            bs.BrokenPowerLaw(breaks=1, placement="fixed"),
            simulated(asked.broken, broken=True),
        ),
    }
    rows = []
    for name, (law, runs) in cases.items():
        alone = None
        for processes, dask in ((1, False), (2, False), (2, True)):
            row = {"law": name, "by": "Dask" if dask else "processes"}
            row |= measured(law, runs, processes, asked.chunk, dask)
            alone = alone or row["curves_per_s"]
            rows.append(row | {"speed_up": round(row["curves_per_s"] / alone, 2)})
            print(rows[-1], flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(asked.out / "scale_curves.csv", index=False)


if __name__ == "__main__":
    main()
