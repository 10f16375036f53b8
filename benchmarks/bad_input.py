"""Ten thousand tables and numbers that somebody might pass: an answer, or an error of ours.

Run: uv run python benchmarks/bad_input.py
     [--cases 800] [--files 500] [--read FILE] [--out benchmarks/results]
Runs tests/test_bad_input.py, test_bad_calls.py and test_bad_commands.py with so many cases of each
test (of calls ten times as many, of commands a part), other ones each time, and counts what
hypothesis reports. A case that gets anything but an answer or an error of ours fails. ``--read``
takes what ``pytest --hypothesis-show-statistics`` printed in place of a new run.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

TOP = Path(__file__).parents[1]
TESTS = [TOP / "tests" / f"test_bad_{of}.py" for of in ("input", "calls", "commands")]
FILES = TOP / "tests" / "test_safe_files.py"
ONE = re.compile(r"::(test_\w+):\n(.*?)(?=\n\S|\Z)", flags=re.S)
COUNTS = re.compile(
    r"during generate phase \(([\d.]+) seconds\).*?(\d+) passing, (\d+) failing", flags=re.S
)


def counted(output: str) -> pd.DataFrame:
    """Return cases, failures and seconds of each test, from hypothesis's statistics."""
    rows = []
    for name, body in ONE.findall(output):
        for seconds, passed, failed in COUNTS.findall(body):
            cases = int(passed) + int(failed)
            rows.append((name, cases, int(failed), round(float(seconds))))
    return pd.DataFrame(rows, columns=["test", "cases", "failed", "seconds"])


def of_files(count: int) -> pd.DataFrame:
    """Return how many damaged files were read, in a process of limited memory."""
    test = "test_damaged_files_are_read_in_little_memory_and_time"
    more = {"BAYESCALE_DAMAGED_FILES": str(count), "BAYESCALE_DAMAGED_SEED": str(time.time_ns())}
    command = [sys.executable, "-m", "pytest", "-q", "-rP", f"{FILES}::{test}"]
    start = time.process_time() + sum(os.times()[2:4])
    done = subprocess.run(
        command, env={**os.environ, **more}, cwd=TOP, capture_output=True, text=True
    )
    seconds = time.process_time() + sum(os.times()[2:4]) - start
    print(done.stdout[-2000:])
    row = ("test_damaged_files", 4 * count, int(done.returncode != 0), round(seconds))
    return pd.DataFrame([row], columns=["test", "cases", "failed", "seconds"])


def written(table: pd.DataFrame, out: Path) -> int:
    """Write and print the table, and return 1 where a case failed."""
    table.to_csv(out / "bad_input.csv", index=False)
    print(table.to_string(index=False))
    return int(table["failed"].sum() > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=800)
    parser.add_argument("--out", type=Path, default=TOP / "benchmarks" / "results")
    parser.add_argument("--files", type=int, default=500, help="damaged files of each kind")
    parser.add_argument("--read", type=Path, help="pytest's output with statistics")
    asked = parser.parse_args()
    if asked.read is not None:
        table = counted(asked.read.read_text())
        if asked.files:
            table = pd.concat([table, of_files(asked.files)], ignore_index=True)
        return written(table, asked.out)
    command = [
        sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics",
        "-p", "no:cacheprovider", *map(str, TESTS),
    ]  # fmt: skip
    more = {"BAYESCALE_BAD_INPUT_CASES": str(asked.cases)}
    done = subprocess.run(
        command, env={**os.environ, **more}, cwd=TOP, capture_output=True, text=True
    )
    table = counted(done.stdout)
    if table.empty or done.returncode not in (0, 1):
        print(done.stdout[-4000:], done.stderr[-4000:])
        return 2
    if asked.files:
        table = pd.concat([table, of_files(asked.files)], ignore_index=True)
    if done.returncode:
        print(done.stdout[-60_000:])
    return max(written(table, asked.out), done.returncode)


if __name__ == "__main__":
    sys.exit(main())
