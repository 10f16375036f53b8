"""Alabdulmohsin et al. (2022): how far their four estimators miss what lies beyond the fitted runs.

Real curves with the paper's own split. Each estimator is the form of the same formula under default
priors and log-normal noise (M1 a power law without a floor, M2 with one, M3 `ShiftedPowerLaw`, M4
`SaturatingPowerLaw`), and forecasts by the posterior median of its curve, where the paper has one
least-squares fit. The error is theirs: RMSLE over the held-out rows, with the root standard log
error beside it (not an interval of 90 %). "Holds" is the share of held-out rows in the 90 %
interval of a new run, of which the paper has none.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from benchmarks.reproductions.beside import COLUMNS, Asked, Row

ESTIMATORS = {
    "M1": bs.PowerLaw(irreducible=0.0),
    "M2": bs.PowerLaw(),
    "M3": bs.ShiftedPowerLaw(),
    "M4": bs.SaturatingPowerLaw(),
}
FIGURES = Path(__file__).with_name("alabdulmohsin2022.csv")


def rows(asked: Asked) -> Iterator[Row]:
    """Return the error of every estimator on every language curve."""
    language = pd.read_csv(asked.data / "alabdulmohsin_language.csv")
    curves = dict(list(language.groupby(["domain", "task", "model"], sort=False)))
    known = pd.read_csv(FIGURES)
    for (task, model), figures in asked.some(known.groupby(["task", "model"], sort=False)):
        (name,) = [key for key in curves if key[1:] == (task, model)]
        for figure in figures.to_dict("records"):
            yield beside(asked, curves[name], figure)


def beside(asked: Asked, curve: pd.DataFrame, figure: Row) -> Row:
    """Return one estimator's error on one curve beside the published one."""
    ours = error(asked, ESTIMATORS[figure["estimator"]], curve)
    se = figure["se"]
    return dict.fromkeys(COLUMNS, math.nan) | {
        "case": figure["case"],
        "rows": int((curve["split"] == "train").sum()),
        "quantity": figure["estimator"],
        "unit": "RMSLE",
        "published": figure["rmsle"],
        "published_lower": figure["rmsle"] - se,
        "published_upper": figure["rmsle"] + se,
        "where": figure["where"],
        "median": ours["rmsle"],
        "lower": ours["rmsle"] - ours["se"],
        "upper": ours["rmsle"] + ours["se"],
        "rhat": ours["rhat"],
        "holds": ours["holds"],
        "note": figure["note"] if isinstance(figure["note"], str) else "",
    }


def error(asked: Asked, law: bs.Law, curve: pd.DataFrame) -> dict[str, float]:
    """Return the error over the held-out rows, and the share of them in the 90 % interval."""
    train, held = (curve[curve["split"] == part] for part in ("train", "extrapolation"))
    fit = asked.fitted(law, train, x="examples")
    x, y = held["examples"].to_numpy(float), held["loss"].to_numpy()
    curves = fit.curve_draws({"x": x}).reshape(-1, len(x))
    squares = (np.log(np.median(curves, axis=0)) - np.log(y)) ** 2
    mean, spread = squares.mean(), squares.std() / math.sqrt(len(y))
    low, high = np.quantile(fit.new_run_draws(curves), [0.05, 0.95], axis=0)
    return {
        "rmsle": math.sqrt(mean),
        "se": math.sqrt(mean + spread) - math.sqrt(mean),
        "holds": float(np.mean((low <= y) & (y <= high))),
        "rhat": fit.diagnostics.rhat,
    }
