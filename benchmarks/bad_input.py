"""Ten thousand tables and numbers that somebody might pass: an answer, or an error of ours.

Run: uv run python benchmarks/bad_input.py
     [--cases 800] [--files 500] [--every 1] [--read FILE] [--out benchmarks/results]
Runs tests/test_bad_input.py, test_bad_calls.py and test_bad_commands.py with so many cases of each
test (of calls ten times as many, of commands a part), other ones each time, and counts what
hypothesis reports; then gives every argument of every public call every value of a fixed pool, one
after the other (tests/bad_values.py; ``--every 10`` takes each tenth). A case that gets anything
but an answer or an error of ours fails. ``--read`` takes what ``pytest
--hypothesis-show-statistics`` printed in place of a new run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from itertools import islice
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


def of_arguments(every: int) -> pd.DataFrame:
    """Return how many arguments were given values of the pool, and print what failed."""
    sys.path.insert(0, str(TOP / "tests"))
    from bad_calls import calls
    from bad_values import cases, wrong_with
    from ready import without_sampling

    start, count, failed = time.process_time(), 0, 0
    with tempfile.TemporaryDirectory() as folder, chdir(folder), without_sampling():
        for name, call in calls().items():
            for argument, label, arguments in islice(cases(call), 0, None, every):
                wrong, count = wrong_with(call, arguments), count + 1
                if wrong:
                    failed += 1
                    print(f"{name}({argument}=) given {label}: {wrong}", flush=True)
    seconds = round(time.process_time() - start)
    row = ("test_every_argument_of_every_call", count, failed, seconds)
    return pd.DataFrame([row], columns=["test", "cases", "failed", "seconds"])


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
    parser.add_argument("--every", type=int, default=1, help="of the pool's values; 0: none")
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
    if asked.every:
        table = pd.concat([table, of_arguments(asked.every)], ignore_index=True)
    if done.returncode:
        print(done.stdout[-60_000:])
    return max(written(table, asked.out), done.returncode)


if __name__ == "__main__":
    sys.exit(main())
