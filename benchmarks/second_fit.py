"""How long a further fit of a law takes in a process that has fitted it before, and its questions.

Run: uv run python benchmarks/second_fit.py [--repeats 7]
Power law, one break and Chinchilla, 20 simulated runs each, new data every time: the fit as it
comes (4 x (1000 + 1000), with diagnostics and log likelihood, and once more where the draws fall
short), and what is asked of it then: LOO, summary, and the interval at ten times the largest
inputs. Medians after one fit that compiles; seconds by the clock and of CPU. Writes
benchmarks/results/second_fit.csv.
"""

import argparse
import os
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import bayescale as bs

HERE = Path(__file__).parent
LAWS = {
    "power law": bs.PowerLaw(),
    "one break": bs.BrokenPowerLaw(),
    "Chinchilla": bs.Chinchilla(),
}
POINTS = 20


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repeats", type=int, default=7)
    repeats = arguments.parse_args().repeats
    rows = []
    for name, law in LAWS.items():
        timed(law, 0)  # compiles
        rows += [{"law": name, **timed(law, seed)} for seed in range(1, repeats + 1)]
    table = pd.DataFrame(rows).groupby("law", sort=False).median().reset_index()
    table["repeats"] = repeats
    table["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    table.to_csv(HERE / "results" / "second_fit.csv", index=False, float_format="%.3g")
    print(table.to_string(index=False))


def timed(law: Any, seed: int) -> dict[str, float]:
    """Return seconds by the clock and of CPU of one fit, of its questions, and of both."""
    runs = law.simulate(y="loss", seed=seed, **law.example_inputs(POINTS))
    roles = {role: role for role in law.inputs}
    beyond = {role: [10 * float(runs[role].max())] for role in law.inputs}

    def fitted() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.SamplingWarning)
            return law.fit(runs, y="loss", seed=seed, progress=False, **roles)

    fit, wall, cpu = lasted(fitted)
    _, asked, asked_cpu = lasted(
        lambda: (fit.loo(), fit.summary(), fit.forecast(**beyond).interval(0.9))
    )
    return {
        "runs": len(runs), "fit_s": wall, "asked_s": asked, "both_s": wall + asked,
        "fit_cpu_s": cpu, "asked_cpu_s": asked_cpu,
    }  # fmt: skip


def lasted(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a call returned, and its seconds by the clock and of CPU."""
    start, cpu = time.perf_counter(), time.process_time()
    made = call()
    return made, time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    main()
