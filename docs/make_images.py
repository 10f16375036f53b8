"""Draw the pictures of README and docs from the shipped data.

Run: uv run python docs/make_images.py
Writes docs/images/*.png; the seed is fixed.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

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

    figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
    bs.plot_breaks(fits["one break"], ax=ax)
    save(figure, "breaks")

    tested = bs.backtest(laws, curve, holdout=4, cutoffs=3, seed=0, **columns)
    save(bs.plot_backtest(tested).get_figure(), "backtest")
    save(drift(), "drift")


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


def save(figure, name: str) -> None:
    """Write one picture, small enough for a page."""
    figure.savefig(IMAGES / f"{name}.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
