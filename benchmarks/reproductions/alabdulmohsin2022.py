"""Alabdulmohsin et al. (2022): how far their four estimators miss what lies beyond the fitted runs.

Real curves with the paper's own split. Each estimator is the form of the same formula under default
priors and log-normal noise (M1 a power law without a floor, M2 with one, M3 `ShiftedPowerLaw`, M4
`SaturatingPowerLaw`), and forecasts by the posterior median of its curve, where the paper has one
least-squares fit. The error is theirs: RMSLE over the held-out rows, with the root standard log
error beside it (not an interval of 90 %). "Holds" is the share of held-out rows in the 90 %
interval of a new run, of which the paper has none. Some of the paper's curves are not among the
rows that are shared with this repository's tests, and so not here; of vision curves no figures by
curve were at hand, only who is best how often: of those a third, evenly spaced, is fitted.
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
    """Return every estimator's error on the language curves, then on a third of vision's."""
    by = ["task", "model"]
    language = pd.read_csv(asked.data / "alabdulmohsin_language.csv")
    curves = dict(list(language.groupby(by)))
    for key, figures in asked.some(pd.read_csv(FIGURES).groupby(by, sort=False)):
        for figure in figures.to_dict("records"):
            yield beside(asked, curves[key], figure)
    vision = pd.read_csv(asked.data / "alabdulmohsin_vision.csv")
    every_third = list(vision.groupby(by, sort=False))[::3]
    for (task, model), curve in asked.some(every_third, 1):
        for name in ESTIMATORS:
            unknown = {"rmsle": math.nan, "se": math.nan, "where": "", "note": ""}
            known = {"case": f"vision {task} {model}", "estimator": name}
            yield beside(asked, curve, unknown | known)


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
    curves = fit.curve_draws({"x": x})
    squares = (np.log(np.median(curves, axis=(0, 1))) - np.log(y)) ** 2
    mean, spread = squares.mean(), squares.std() / math.sqrt(len(y))
    low, high = np.quantile(fit.new_run_draws(curves), [0.05, 0.95], axis=(0, 1))
    return {
        "rmsle": math.sqrt(mean),
        "se": math.sqrt(mean + spread) - math.sqrt(mean),
        "holds": float(np.mean((low <= y) & (y <= high))),
        "rhat": fit.diagnostics.rhat,
    }
