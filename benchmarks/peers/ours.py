"""bayescale as it comes: ``law.fit`` and a forecast. Runs in this project's environment."""

import harness
import numpy as np
import pandas as pd

import bayescale as bs

LAWS = {
    "power law": lambda: bs.PowerLaw(),
    "one break": lambda: bs.BrokenPowerLaw(breaks=1),
    "Chinchilla": lambda: bs.Chinchilla(),
}


def fit(job, data):
    """Fit the law with its defaults."""
    roles = {role: role for role in job["at"]}
    law = LAWS[job["case"]]()
    fit = law.fit(pd.DataFrame(data), y="y", seed=job["seed"], progress=False, **roles)
    curve = fit.forecast(**job["at"]).draws("curve")
    found = fit.law.constants(fit.parameters, fit.runs.references) | fit.noise
    draws = {}
    for name, value in found.items():
        for i, part in enumerate(value if isinstance(value, tuple) else (value,)):
            draws[f"{name}_{i}"] = part
    return {"interval": harness.interval(curve), "draws": draws | {"forecast": np.squeeze(curve)}}


harness.answer(fit, "bayescale", "pymc", "nutpie")
