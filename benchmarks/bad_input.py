"""Ten thousand tables and numbers that somebody might pass: an answer, or an error of ours.

Run: uv run python benchmarks/bad_input.py
     [--cases 1200] [--out benchmarks/results]
Runs tests/test_bad_input.py with so many cases of each test, other ones each time, and counts what
hypothesis reports. A case that gets anything but an answer or an error of ours fails.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd

TOP = Path(__file__).parents[1]
TESTS = TOP / "tests" / "test_bad_input.py"
ONE = re.compile(r"::(test_\w+):\n(.*?)(?=\n\S|\Z)", flags=re.S)
COUNTS = re.compile(r"(\d+) passing examples.*?(\d+) failing examples", flags=re.S)


def counted(output: str) -> pd.DataFrame:
    """Return how many cases of each test passed and failed, from hypothesis's statistics."""
    rows = []
    for name, body in ONE.findall(output):
        counts = [tuple(map(int, found)) for found in COUNTS.findall(body)]
        if counts:
            passed, failed = (sum(c[i] for c in counts) for i in (0, 1))
            rows.append({"test": name, "cases": passed + failed, "failed": failed})
    return pd.DataFrame(rows, columns=["test", "cases", "failed"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1200)
    parser.add_argument("--out", type=Path, default=TOP / "benchmarks" / "results")
    asked = parser.parse_args()
    command = [
        sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics",
        "-p", "no:cacheprovider", str(TESTS),
    ]  # fmt: skip
    more = {"BAYESCALE_BAD_INPUT_CASES": str(asked.cases)}
    done = subprocess.run(
        command, env={**os.environ, **more}, cwd=TOP, capture_output=True, text=True
    )
    table = counted(done.stdout)
    if table.empty or done.returncode not in (0, 1):
        print(done.stdout[-4000:], done.stderr[-4000:])
        return 2
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    table["cpu_seconds_of_all"] = round(used.ru_utime + used.ru_stime)
    table.to_csv(asked.out / "bad_input.csv", index=False)
    print(table.to_string(index=False))
    if done.returncode:
        print(done.stdout[-8000:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
