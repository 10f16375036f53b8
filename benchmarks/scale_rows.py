"""How time and memory grow with the number of runs of one curve, from a hundred to a million.

Run: uv run python benchmarks/scale_rows.py [--most 1000000] [--whole 100000] [--out FOLDER]
Each size in a process of its own: simulated checkpoints of one run (a power law with floor over
five decades, 2 % noise), then a fit that compiles (not counted), and timed: a fit of other runs of
the same number, its leave-one-out, and the intervals at 10,000 inputs. "whole" is the density row
by row, up to ``--whole`` runs; from 10,000 on a fit makes sums over bins of x instead. CPU seconds
(``_cpu``) and the largest resident memory of the process so far stand beside each. Writes
results/scale_rows.csv.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
ONE = """
import json, resource, sys, time, warnings
import numpy as np
import bayescale as bs
from bayescale import condense
warnings.simplefilter("ignore")
count, whole = int(sys.argv[1]), sys.argv[2] == "whole"
if whole:
    condense.FROM = 10**9

def runs(seed):
    rng = np.random.default_rng(seed)
    x = np.sort(10 ** rng.uniform(3, 8, count))
    y = (0.3 + (x / 3e4) ** -0.35) * np.exp(0.02 * rng.standard_normal(count))
    return {"x": x, "y": y}

def timed(call):
    start, cpu = time.perf_counter(), time.process_time()
    made = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return made, round(wall, 3), round(cpu, 3), round(memory)

def fit(seed):
    return bs.PowerLaw().fit(runs(seed), y="y", x="x", progress=False, retry=False)

asked, count = count, min(count, 100 if whole else 20_000)
fit(0)  # compiles the density of this size
count = asked
row = {"runs": count, "density": "whole" if whole else "default"}
found, row["fit_s"], row["fit_cpu"], row["fit_mib"] = timed(lambda: fit(1))
loo, row["loo_s"], row["loo_cpu"], row["loo_mib"] = timed(found.loo)
_, row["intervals_s"], row["intervals_cpu"], row["intervals_mib"] = timed(
    lambda: found.intervals(0.9, x=np.geomspace(1e3, 1e9, 10_000))
)
floor = found.parameters["irreducible"]
row |= {"rhat": round(found.diagnostics.rhat, 4), "ess": round(found.diagnostics.ess_bulk)}
row |= {"floor": float(np.mean(floor)), "floor_sd": float(np.std(floor)), "engine": found.engine}
print(json.dumps(row))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--whole", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    sizes = [n for n in (100, 1000, 10_000, 100_000, 1_000_000) if n <= asked.most]
    tasks = [(n, "default") for n in sizes] + [
        (n, "whole") for n in sizes if 10**4 <= n <= asked.whole
    ]
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    rows = []
    for count, how in tasks:
        command = [sys.executable, "-c", ONE, str(count), how]
        done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(asked.out / "scale_rows.csv", index=False)


if __name__ == "__main__":
    main()
