"""Time and memory against the number of groups of one table: fitted apart, and pooled.

Run: uv run python benchmarks/scale_groups.py [--most 1000] [--out FOLDER] [--pooling none partial]
A power law with floor each, simulated as in scale_curves.py: groups that share nothing, through
``fit_many`` (``none``), and groups of which every parameter is partially pooled in one fit
(``partial``), which samples all at once and is compiled once for any number of groups (so the time
is after a fit to three). Every size is in a process of its own, on one core. Writes
results/scale_groups.csv: wall and CPU seconds, the smallest bulk ESS and the divergences of the
pooled fit, how many of the apart fits are good, and MiB: the largest resident memory.
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


POOLED = """
import json, resource, sys, time, warnings
import bayescale as bs
from bayescale import sample
from scale_curves import simulated
warnings.simplefilter("ignore")
count = int(sys.argv[1])
varies = bs.partial_pooling(by="curve")
law = bs.PowerLaw(irreducible=varies, scale=varies, exponent=varies)
ask = {"y": "y", "x": "x", "progress": False, "cores": 1, "retry": False}
law.fit(simulated(3, False, seed=1), draws=50, tune=50, **ask)
compiled = sample.compiled_count()
runs = simulated(count, False)
wall, cpu = time.perf_counter(), time.process_time()
fit = law.fit(runs, **ask)
row = {"groups": count, "runs": len(runs), "wall_s": time.perf_counter() - wall}
row |= {"cpu_s": time.process_time() - cpu, "good": int(fit.diagnostics.good)}
row |= {"ess": fit.diagnostics.ess_bulk, "divergences": fit.diagnostics.divergences}
row |= {"compiled_anew": sample.compiled_count() - compiled}
print(json.dumps(row | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""
CODE = {"none": ONE, "partial": POOLED}
SIZES = {"none": (1, 3, 10, 30, 100, 300), "partial": (10, 30, 100, 300, 1000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--pooling", nargs="*", default=list(CODE), choices=list(CODE))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    path = asked.out / "scale_groups.csv"
    kept = pd.read_csv(path) if path.exists() else pd.DataFrame({"pooling": []})
    kept = kept[~kept["pooling"].isin(asked.pooling)]
    rows = []
    for pooling in asked.pooling:
        for count in SIZES[pooling]:
            if count <= asked.most:
                command = [sys.executable, "-c", CODE[pooling], str(count)]
                done = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
                rows.append({"pooling": pooling, **json.loads(done.stdout.splitlines()[-1])})
                print(rows[-1], flush=True)
                table = pd.concat([kept, pd.DataFrame(rows)], ignore_index=True)
                table.to_csv(path, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
