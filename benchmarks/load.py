"""Thousands of fits in one process: memory, open files and threads as they go.

Run: uv run python benchmarks/load.py [--fits 3000] [--every 25] [--seconds 900] [--out FOLDER]
Fits of several laws and likelihoods in turn, each to new runs of a new number, short (2 chains of
60 draws): every one forecasts, is scored by leave-one-out and summarised; every fourth is saved and
loaded, every ninth is drawn, and with every 22nd goes a batch of three curves. ``--seconds`` of CPU
end it before. Rows of load.csv come as it goes.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayescale as bs

SHORT = {"draws": 60, "tune": 60, "chains": 2, "retry": False, "progress": False}
#: A law, its inputs' columns, and its likelihood; the bent law, which takes longest, comes seldom.
KINDS = (
    (bs.PowerLaw(), {"x": "x"}, None),
    (bs.PowerLaw(irreducible=0.0), {"x": "x"}, None),
    (bs.PowerLaw(), {"x": "x"}, bs.StudentT()),
    (bs.Chinchilla(), {"params": "params", "tokens": "tokens"}, None),
    (bs.BrokenPowerLaw(breaks=1, placement="fixed"), {"x": "x"}, None),
)


def now(fits: int, started: float) -> dict:
    """Return what the process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "fits": fits,
        "cpu_s": round(time.process_time() - started, 1),
        "rss_mib": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
    }


def one(number: int, folder: Path) -> None:
    """Fit runs that no fit before had, and ask of the fit what users ask."""
    law, inputs, noise = KINDS[number % len(KINDS)]
    points = 10 + number % 23
    at = law.example_inputs(points)
    runs = law.simulate(**at, y="loss", noise=0.02, seed=number)
    fit = law.fit(runs, y="loss", likelihood=noise, seed=number, **SHORT, **inputs)
    made = fit.forecast(
        **{role: values.max() * np.array([2.0, 10.0]) for role, values in at.items()}
    )
    made.interval(0.9)
    fit.loo()
    fit.summary()
    if number % 4 == 0:
        fit.save(folder / "fit.nc")
        bs.load(folder / "fit.nc").forecast(**{role: 10 * v.max() for role, v in at.items()})
    if number % 9 == 0:
        ax = bs.plot_fit(fit) if len(inputs) == 1 else bs.plot_slices(fit)
        plt.close(np.ravel(ax)[0].get_figure())
    if number % 22 == 0:
        curves = [one_curve(number + i).assign(curve=i) for i in range(3)]
        bs.fit_many(bs.PowerLaw(), pd.concat(curves), by="curve", y="loss", x="x", **SHORT)


def one_curve(seed: int) -> pd.DataFrame:
    return bs.PowerLaw().simulate(x=np.geomspace(0.1, 100, 12), y="loss", seed=seed)


def measured(fits: int, every: int, seconds: float, out: Path | None = None) -> pd.DataFrame:
    """Return a row every so many fits; the first after as many."""
    rows, started = [], time.process_time()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few draws fall short, and it is said of each
        for number in range(fits):
            one(number, Path(folder))
            if (number + 1) % every:
                continue
            rows.append(now(number + 1, started))
            if out is not None:
                print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(out / "load.csv", index=False)
            if rows[-1]["cpu_s"] > seconds:
                break
    return pd.DataFrame(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=3000)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    table = measured(asked.fits, asked.every, asked.seconds, asked.out)
    return int(table["open_files"].iloc[-1] > table["open_files"].iloc[0])


if __name__ == "__main__":
    sys.exit(main())
