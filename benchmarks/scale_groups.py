"""Time and memory against the number of groups of one table, through ``fit_many``.

Run: uv run python benchmarks/scale_groups.py [--most 300] [--out FOLDER]
Groups that share nothing (unpooled), a power law with floor each, simulated as in scale_curves.py;
every size in a process of its own, on one core, after one curve has compiled the law. Writes
results/scale_groups.csv: wall and CPU seconds, and MiB: the largest resident memory.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
ONE = """
import json, resource, sys, time, warnings
import bayescale as bs
from scale_curves import simulated
warnings.simplefilter("ignore")
count = int(sys.argv[1])
ask = {"by": "curve", "y": "y", "x": "x", "progress": False}
bs.fit_many(bs.PowerLaw(), simulated(1, False, seed=1), **ask)
runs = simulated(count, False)
wall, cpu = time.perf_counter(), time.process_time()
table = bs.fit_many(bs.PowerLaw(), runs, **ask).table
row = {"groups": count, "runs": len(runs), "wall_s": time.perf_counter() - wall}
row |= {"cpu_s": time.process_time() - cpu, "good": int(table["good"].sum())}
print(json.dumps(row | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    rows = []
    for count in (1, 3, 10, 30, 100, 300):
        if count <= asked.most:
            command = [sys.executable, "-c", ONE, str(count)]
            done = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(asked.out / "scale_groups.csv", index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
