"""Four-digit addition: the posterior of a sharp break, beside the published least-squares curve.

Run: uv run python benchmarks/four_digit_addition.py [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds bnsl_four_digit_addition.csv
(Caballero et al. 2023, arXiv:2210.14891): 14 rows to fit, 3 held out. Writes
benchmarks/results/four_digit_addition.png and prints the forecasts and the constants, published
ones beside them. The break is far sharper than the default priors allow (they are made for curves
that bend slowly), so the priors are the ones below, in the user's own units.
"""

import math
import os
import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

import bayescale as bs

LAW = bs.BrokenPowerLaw(
    breaks=1,
    exponent=bs.Prior("HalfNormal", sigma=0.3),
    exponent_change=bs.Prior("HalfNormal", sigma=5.0),
    break_location=bs.Prior("Uniform", lower=160.0, upper=1472.0),
    break_sharpness=bs.Prior("LogNormal", mu=math.log(5.0), sigma=1.0),
)
#: Least squares on log(y + 1), as published.
PUBLISHED = {
    "irreducible": 0.41388453071629455,
    "b": 2.2772722897737556,
    "exponent": 0.055077348404973955,
    "exponent_change[1]": 5.662903816010331,
    "break_location[1]": 612.5836172918001,
    "f[1]": 0.059193036393742314,
}
INK, BLUE, VERMILLION, GREY = "#1A1A1A", "#0072B2", "#D55E00", "#595959"  # Okabe and Ito


def published(x: np.ndarray) -> np.ndarray:
    a, b, c0, c1, d1, f1 = PUBLISHED.values()
    scale = b * (1 + d1 ** (-1 / f1)) ** (-c1 * f1)  # the reducible loss at x = 1
    return bs.BrokenPowerLaw.expr(x, a, scale, c0, (d1,), (c1,), (1 / f1,))


def draw(rows: pd.DataFrame, fit: bs.Fit) -> plt.Figure:
    train, held_out = (rows[rows["split"] == part] for part in ("train", "extrapolation"))
    x = np.geomspace(rows["examples"].min() * 0.95, rows["examples"].max() * 1.25, 300)
    # Each input forecast alone has the same noise: a smooth band.
    bands = pd.concat([fit.forecast(x=float(at)).interval(0.9) for at in x], ignore_index=True)
    figure, (ax, close) = plt.subplots(
        1, 2, figsize=(9.6, 4.3), width_ratios=(1.75, 1), layout="constrained"
    )
    for panel in (ax, close):
        panel.set(xscale="log", yscale="log", xlabel="training problems", ylabel="test loss (nats)")
        panel.fill_between(
            x, bands["lower"], bands["upper"], facecolor=(BLUE, 0.22), edgecolor=(BLUE, 0.6),
            linewidth=0.8, linestyle=(0, (2, 2)), label="one new run, 90 % equal-tailed",
        )  # fmt: skip
        panel.plot(x, bands["median"], color=BLUE, linewidth=1.8, label="posterior median")
        panel.plot(
            x, published(x), color=VERMILLION, linewidth=1.4, linestyle="--",
            label="published least squares",
        )  # fmt: skip
        for part, fill, words in ((train, INK, "fitted"), (held_out, "white", "held out")):
            panel.plot(
                part["examples"], part["loss"], "o", color=INK, markerfacecolor=fill, markersize=5,
                label=f"{words} ({len(part)})", zorder=5,
            )  # fmt: skip
        panel.axvline(train["examples"].max(), color=GREY, linewidth=1, linestyle=(0, (6, 3)))
        panel.grid(alpha=0.25)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
            axis.set_minor_locator(NullLocator())
    ax.set(xlim=x[[0, -1]], ylim=(0.29, 2.6))
    ax.xaxis.set_major_locator(FixedLocator([160, 250, 400, 600, 800, 1100]))
    ax.yaxis.set_major_locator(FixedLocator([0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 2.5]))
    ax.annotate(
        f"largest fitted run: {train['examples'].max()}", (train["examples"].max(), 0.98),
        xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
        rotation=90, va="top", color=GREY, fontsize="small",
    )  # fmt: skip
    ax.set_title("Four-digit addition: a break and a floor", fontsize="medium")
    ax.legend(loc="lower left", fontsize="small", edgecolor="#D0D0D0")
    close.set(xlim=(650, x[-1]), ylim=(0.31, 1.55))
    close.xaxis.set_major_locator(FixedLocator([672, 736, 800, 864, 928, 1100]))
    close.tick_params(axis="x", labelsize="small")
    close.yaxis.set_major_locator(FixedLocator([0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5]))
    close.set_title("the held-out rows, closer", fontsize="medium")
    return figure


def main(folder: Path, out: Path) -> None:
    rows = pd.read_csv(folder / "bnsl_four_digit_addition.csv")
    train, held_out = (rows[rows["split"] == part] for part in ("train", "extrapolation"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.DataWarning)  # less than one decade: so it was published
        fit = LAW.fit(train, y="loss", x="examples", draws=2000, seed=1)
    print(fit.diagnostics.line())
    print(fit.constants(0.9).assign(published=pd.Series(PUBLISHED))[
        ["median", "lower", "upper", "published"]
    ].dropna())  # fmt: skip
    table = fit.forecast(x=held_out["examples"].to_numpy(float)).interval(0.9)
    print(table.assign(
        measured=held_out["loss"].to_numpy(), published=published(table["examples"].to_numpy())
    ).to_string(index=False))  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    draw(rows, fit).savefig(out / "four_digit_addition.png", dpi=130)


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BAYESCALE_TEST_DATA")
    if not given:
        sys.exit("Name the folder of published data, or set BAYESCALE_TEST_DATA.")
    main(Path(given), Path(__file__).parent / "results")
