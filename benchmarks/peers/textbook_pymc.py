"""The law written by hand in PyMC and ``pm.sample`` as it comes. Runs in this project's
environment, where nutpie is installed, which PyMC then takes by itself.
"""

import sys
from pathlib import Path

import harness
import pandas as pd
import pymc as pm
from formulas import CURVES, at_forecast

sys.path.append(str(Path(__file__).parents[1]))
import textbook

MODELS = {
    "power law": textbook.power_law,
    "one break": textbook.broken_power_law,
    "Chinchilla": textbook.chinchilla,
}


def fit(job, data):
    """Sample the textbook's model."""
    with MODELS[job["case"]](pd.DataFrame(data)):
        tree = pm.sample(progressbar=False, random_seed=job["seed"])
    found = tree["posterior"].to_dataset()
    draws = {name: found[name].to_numpy() for name in found if found[name].ndim == 2}
    curve = CURVES[job["case"]](draws, at_forecast(job))
    return {"interval": harness.interval(curve), "draws": draws | {"forecast": curve}}


harness.answer(fit, "pymc", "nutpie", "pytensor")
