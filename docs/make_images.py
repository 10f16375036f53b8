"""Draw the pictures of README and docs from the shipped data.

Run: uv run python docs/make_images.py
Writes docs/images/*.png; the seed is fixed.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayescale as bs

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Fit both laws to one learning curve and draw what they say of it."""
    IMAGES.mkdir(exist_ok=True)
    runs = bs.load_dataset("digits_learning_curves")
    runs = runs.query("task == 'digits' and model == 'gradient_boosting'")
    curve = runs.groupby("examples", as_index=False)["error"].mean()
    laws = {"power law": bs.PowerLaw(), "one break": bs.BrokenPowerLaw(breaks=1)}
    columns = {"y": "error", "x": "examples"}
    fits = {name: law.fit(curve, seed=0, **columns) for name, law in laws.items()}

    grid = np.geomspace(10, 13470, 150)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for ax, (name, fit) in zip(axes, fits.items(), strict=True):
        bs.plot_forecast(fit.forecast(x=grid), ax=ax)
        ax.set_title(name)
    axes[1].set_ylabel("")
    save(figure, "forecast")

    tested = bs.backtest(laws, curve, holdout=4, cutoffs=3, seed=0, **columns)
    save(bs.plot_backtest(tested).get_figure(), "backtest")
    save(drift(), "drift")
    save(plans(), "plans")
    save(isoflop(), "isoflop")
    save(next_runs(), "next_runs")
    save(load(), "load")


def load():
    """Draw what one process holds along thousands of fits."""
    table = pd.read_csv(Path(__file__).parents[1] / "benchmarks" / "results" / "load.csv")
    figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    ax.plot(table["fits"], table["rss_mib"], marker=".", label="memory (MiB)")
    ax.plot(
        table["fits"], 10 * table["open_files"], drawstyle="steps", label="open files, times 10"
    )
    ax.plot(table["fits"], 10 * table["threads"], drawstyle="steps", label="threads, times 10")
    ax.set(xlabel="fits in one process", ylim=(0, 1.15 * table["rss_mib"].max()))
    ax.legend(frameon=False, loc="center right")
    return figure


def next_runs():
    """Draw what runs that could be made would tell of a forecast, with drift and without."""
    runs = bs.load_dataset("digits_learning_curves")
    runs = runs.query("task == 'digits' and model == 'mlp' and examples <= 300")
    curve = runs.groupby("examples", as_index=False)["error"].mean()
    fit = bs.PowerLaw().fit(curve, y="error", x="examples", seed=0)
    candidates = {"examples": np.geomspace(10, 3000, 24)}
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for ax, drift in zip(axes, (0.3, 0.0), strict=True):
        plan = bs.next_runs(
            fit, candidates, goal={"examples": 10_000}, cost=lambda x: x, budget=4000, drift=drift
        )
        bs.plot_next_runs(plan, ax=ax)
        ax.set_title("exponents drift beyond the data" if drift else "drift=0: as the law stands")
        ax.set_xlabel("cost (examples)")
    axes[1].set_ylabel("")
    axes[1].get_legend().remove()
    return figure


def drift():
    """Draw one forecast as the law stands, and with an exponent that drifts beyond the data.

    A power law without a floor: there nothing else widens the forecast.
    """
    runs = bs.load_dataset("digits_learning_curves")
    runs = runs.query("task == 'digits' and model == 'mlp' and examples > 30")
    curve = runs.groupby("examples", as_index=False)["error"].mean()
    fit = bs.PowerLaw(irreducible=0.0).fit(curve, y="error", x="examples", seed=0)
    grid = np.geomspace(37, 134_700, 150)
    stands, drifts = fit.forecast(x=grid, drift=0), fit.forecast(x=grid)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    titles = "drift=0: the law as it stands", f"drift={drifts.drift:g}, the default"
    for ax, made, title in zip(axes, (stands, drifts), titles, strict=True):
        bs.plot_forecast(made, ax=ax)
        ax.set_title(title)
    edges = stands.interval(0.9)
    for side in ("lower", "upper"):
        label = "one new run, drift=0" if side == "lower" else None
        axes[1].plot(grid, edges[side], color="black", linestyle="--", linewidth=1, label=label)
    axes[1].set_ylabel("")
    for ax in axes:
        ax.get_legend().remove()
    axes[0].legend(loc="lower left", fontsize=8)
    axes[1].legend(loc="lower left", fontsize=8)
    return figure


#: Hoffmann's law: the truth of what is simulated for the page of plans.
TRUTH = {
    "irreducible": 1.69, "A": 406.4, "params_exponent": 0.34, "B": 410.7, "tokens_exponent": 0.28,
}  # fmt: skip


def plans():
    """Draw the frontier of a small grid of runs, and the loss over both inputs."""
    truth = bs.Chinchilla(**TRUTH)
    n, d = np.meshgrid(np.geomspace(5e7, 2e9, 5), np.geomspace(1e9, 6.4e10, 5))
    noise = 0.004 * np.random.default_rng(0).standard_normal(25)
    loss = truth.evaluate(params=n.ravel(), tokens=d.ravel()) * np.exp(noise)
    runs = pd.DataFrame({"n": n.ravel(), "d": d.ravel(), "loss": loss})
    fit = bs.Chinchilla().fit(runs, y="loss", params="n", tokens="d", seed=0)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    bs.plot_frontier(bs.frontier(fit, compute=np.geomspace(1e18, 1e23, 26)), ax=axes[0])
    bs.plot_loss_contours(fit, ax=axes[1])
    return figure


def isoflop():
    """Draw simulated losses by size at five budgets, and where each is least."""
    truth = bs.Chinchilla(**TRUTH)
    budgets = np.repeat([1e19, 3e19, 1e20, 3e20, 1e21], 9)
    best = np.repeat(bs.frontier(truth, np.unique(budgets)).draws["params"][0, 0], 9)
    n = best * np.tile(np.geomspace(0.2, 5, 9), 5)
    noise = 0.002 * np.random.default_rng(1).standard_normal(45)
    loss = truth.evaluate(params=n, tokens=budgets / (6 * n)) * np.exp(noise)
    sweep = pd.DataFrame({"flops": budgets, "n": n, "loss": loss})
    found = bs.isoflop(sweep, y="loss", params="n", compute="flops")
    return bs.plot_isoflop(found).get_figure()


def save(figure, name: str) -> None:
    """Write one picture, small enough for a page."""
    figure.savefig(IMAGES / f"{name}.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
