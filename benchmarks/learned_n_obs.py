"""Forecasts of single evaluations from smoothed rows, with the smoothing learned on other curves.

Run: uv run python -m benchmarks.learned_n_obs [--families c] [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds the vision curves of
Alabdulmohsin et al. (2022): rows are smoothed where they are fitted, and every raw evaluation where
they are forecast. Each curve is fitted by the laws of ``bs.forecast``, and in its turn left out
while ``bs.learn_n_obs`` learns n from the raw rows of the family's other curves. So no raw row of a
curve has a say in its own forecast. Four forecasts of the raw rows (at most 60, evenly spaced):

- as it is: ``bs.forecast``'s default;
- smoothed: ``Correlated(smoothed=n)``, n the median for another curve;
- smoothed, mixed: the same, mixed over five quantiles of n;
- scaled: all of a new run's noise is sqrt(n) times a row's, what the law misses included (what
  ``n_obs=n`` says).

A fit is made once: none of this changes it. Writes results/learned_n_obs.csv (a row for each curve
and forecast) and prints means over curves.
"""

import argparse
import os
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale.scoring import crps
from benchmarks.extrapolation import curves
from benchmarks.extrapolation.scores import LEAST

LEVELS = (0.5, 0.8, 0.9, 0.95)
MIXED = (0.1, 0.3, 0.5, 0.7, 0.9)
RESULTS = Path(__file__).parent / "results"


def fitted(curve: curves.Curve) -> bs.Ensemble:
    """Return what ``bs.forecast`` forecasts from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        made = bs.forecast(curve.train, y="y", x="x", at=float(curve.test["x"].max()))
    source = made.source
    fits = {
        name: Remembered(fit.law, fit.likelihood, fit.runs, fit.settings, fit.tree)
        for name, fit in source.fits.items()
    }
    return bs.Ensemble(fits, source.shares, source.rule)


@dataclass(frozen=True, eq=False)
class Remembered(bs.Fit):
    """A fit that draws its drifted curve once: nothing here changes it."""

    drawn: dict[bytes, np.ndarray] = field(default_factory=dict)

    def drifted_draws(self, inputs: dict[str, np.ndarray], drift: float) -> np.ndarray:
        key = inputs["x"].tobytes() + np.float64(drift).tobytes()
        if key not in self.drawn:
            self.drawn[key] = super().drifted_draws(inputs, drift)
        return self.drawn[key]


def of_new_runs(source: bs.Ensemble, likelihood: Any) -> bs.Ensemble:
    """Return the same fits with another word on new runs."""
    return replace(
        source, fits={n: replace(fit, likelihood=likelihood) for n, fit in source.fits.items()}
    )


class Scaled(bs.Correlated):
    """All noise of a new run is as many times a row's as the root of the number says."""

    def of_new_rows(self, inputs: Any, known: Any, references: Any) -> dict[str, Any]:
        return {"times": self.smoothed}

    def draw(self, rng: Any, value: Any, *, times: Any = 1.0, start: Any = 0.0, **noise: Any):
        rows = super().draw(rng, np.ones(np.shape(value)), start=start, **noise)
        return value * rows**times**0.5

    def ahead(self, log_residual: Any, value: Any, *, times: Any = 1.0, **noise: Any):
        root = times**0.5
        centre, rest = super().ahead(log_residual * root, value, **noise)
        return centre, {**rest, "n_obs": rest["n_obs"] / times}


def scored(parts: list[bs.Ensemble], test: pd.DataFrame) -> dict[str, float]:
    """Return the scores of an equal mixture of forecasts at raw rows."""
    x, y = (test[name].to_numpy(float) for name in ("x", "y"))
    draws = [part.forecast(x=x).draws("observation").reshape(-1, len(x)) for part in parts]
    density = np.stack([np.asarray(part.log_density(y, x=x)) for part in parts])
    density = np.logaddexp.reduce(density, axis=0) - np.log(len(parts))
    news = np.concatenate(draws)
    found = {
        "log_score": float(np.maximum(density, LEAST).mean()),
        "crps": float(crps(np.log(news), np.log(y)).mean()),
        "rmsle": float(np.sqrt(np.mean((np.log(np.median(news, axis=0)) - np.log(y)) ** 2))),
    }
    for level in LEVELS:
        low, high = np.quantile(news, [(1 - level) / 2, (1 + level) / 2], axis=0)
        found[f"coverage_{100 * level:g}"] = float(((low <= y) & (y <= high)).mean())
        if level == 0.9:
            found["width_90"] = float(np.log(high / low).mean())
    return found


def family_of(curve: curves.Curve) -> str:
    """Return the data set that a task is of: ``c`` for ``c_5``, ``c_10`` and ``c_25``."""
    return curve.family.split("_")[0]


def measured(family: str, of_family: list[curves.Curve]) -> list[dict[str, Any]]:
    """Return scores of every curve of a family, each left out in its turn."""
    sources = {}
    for curve in of_family:
        start = time.perf_counter()
        sources[curve.key] = fitted(curve)
        print(f"{curve.key}: {time.perf_counter() - start:.0f} s", flush=True)
    every = bs.learn_n_obs(sources, {curve.key: curve.test for curve in of_family})
    print(every.table(), flush=True)
    rows = []
    for curve in of_family:
        learned = every.without(curve.key)
        source, n = sources[curve.key], learned.n_obs
        several = [
            of_new_runs(source, bs.Correlated(smoothed=max(float(one), 1.0)))
            for one in learned.quantile(MIXED)
        ]
        forecasts = {
            "as it is": [source],
            "smoothed": [of_new_runs(source, bs.Correlated(smoothed=n))],
            "smoothed, mixed": several,
            "scaled": [of_new_runs(source, Scaled(smoothed=n))],
        }
        low, high = learned.interval(0.9)
        about = {"family": family, "curve": curve.key, "n": n, "n_lower": low, "n_upper": high}
        for name, parts in forecasts.items():
            rows.append(about | {"forecast": name} | scored(parts, curve.test))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--families", default="c")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    every = curves.read(curves.folder_of(asked.folder), ("vision",))
    rows = []
    for family in asked.families.split(","):
        chosen = [curve for curve in every if family_of(curve) == family]
        rows += measured(family, chosen)
        table = pd.DataFrame(rows)
        asked.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out / "learned_n_obs.csv", index=False, float_format="%.4g")
        print(table.groupby(["family", "forecast"], sort=False).mean(numeric_only=True).to_string())


if __name__ == "__main__":
    main()
