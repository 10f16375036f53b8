"""How long the first fit of a fresh process takes, with a warm and with an empty cache on disk.

Run: uv run python benchmarks/first_fit.py [--repeats 5]
Each law is fitted once in a process of its own, wall time from the start of Python to the end of
the fit: ours (4 x (1000 + 1000), with diagnostics and log-likelihood), and the same law written
by hand in PyMC with ``pm.sample`` as it comes (benchmarks/textbook). Beside them, what importing
PyMC and nutpie takes alone. Runs are interleaved; medians. An empty cache is a new folder for
PyTensor's compiled files. Writes benchmarks/results/first_fit.csv.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
LAWS = ("PowerLaw", "BrokenPowerLaw", "Chinchilla")
IMPORTS = "import pymc, nutpie"
OURS = """
import warnings
import bayescale as bs
from textbook import PAPERS, runs_like_the_paper
law = PAPERS["{law}"][0]()
roles = {{role: role for role in law.inputs}}
runs = runs_like_the_paper("{law}", 0)
law.fit(runs, y="y", progress=False, retry=False, **roles)
"""
BY_HAND = """
import warnings
import pymc as pm
from textbook import PAPERS, runs_like_the_paper
with PAPERS["{law}"][1](runs_like_the_paper("{law}", 0)):
    pm.sample(progressbar=False, random_seed=0)
"""
ENDED = """
import os, time
print(time.time(), sum(os.times()[:2]))
"""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repeats", type=int, default=5)
    repeats = arguments.parse_args().repeats
    rows = []
    with tempfile.TemporaryDirectory() as kept:
        tasks = {("imports", "-", "warm"): IMPORTS}
        for law in LAWS:
            tasks[("ours", law, "warm")] = OURS.format(law=law)
            tasks[("by hand", law, "warm")] = BY_HAND.format(law=law)
            tasks[("ours", law, "empty")] = OURS.format(law=law)
            tasks[("by hand", law, "empty")] = BY_HAND.format(law=law)
        for (_, _, cache), script in tasks.items():
            if cache == "warm":
                seconds(script, kept)  # warms it
        for repeat in range(repeats):
            for (who, law, cache), script in tasks.items():
                with tempfile.TemporaryDirectory() as fresh:
                    wall, cpu = seconds(script, kept if cache == "warm" else fresh)
                rows.append((who, law, cache, repeat, wall, cpu))
                print(*rows[-1], flush=True)
    table = pd.DataFrame(rows, columns=["who", "law", "cache", "repeat", "wall", "cpu"])
    summary = table.groupby(["law", "cache", "who"])[["wall", "cpu"]].median().reset_index()
    summary["repeats"] = repeats
    summary["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    summary.to_csv(HERE / "results" / "first_fit.csv", index=False, float_format="%.2f")
    print(summary.to_string(index=False, float_format=lambda v: f"{v:.1f}"))


def seconds(script: str, cache: str) -> tuple[float, float]:
    """Run a script in a process of its own; return wall and CPU seconds."""
    variables = {
        **os.environ,
        "PYTENSOR_FLAGS": f"base_compiledir={cache}",
        "PYTHONPATH": str(HERE),
    }
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # imports are of compiled files, as usual
    start = time.time()
    command = [sys.executable, "-c", script + ENDED]
    made = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    ended, cpu = map(float, made.stdout.split()[-2:])  # a process takes up to a second to end
    return ended - start, cpu


if __name__ == "__main__":
    main()
