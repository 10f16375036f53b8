# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["chinchilla>=0.2", "numpy"]
# ///
"""chinchilla: BFGS from the grid of its README, in its pool of processes; a point, no interval.

Its log-Huber loss with the paper's delta, not its default, which fits the lower edge of the runs.
It names functions to its workers by fork, which Python 3.14 no longer starts them by.
"""

import functools
import os
import tempfile
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"  # it draws at every fit

import harness
import numpy as np
import pandas as pd
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber


def fit(job, data):
    """Fit the grid, predict the point."""
    if job["case"] != "Chinchilla":
        raise SystemExit("fits the Chinchilla form only")
    ranges = {"E": (1, 2), "a": (1, 10), "b": (1, 10), "alpha": (0.1, 0.7), "beta": (0.1, 0.7)}
    values = job["settings"]["grid"]
    grid = {name: np.linspace(*ends, values) for name, ends in ranges.items()}
    n, d = data["params"].round(), data["tokens"].round()
    with tempfile.TemporaryDirectory() as folder:
        runs = pd.DataFrame({"C": 6 * n * d, "N": n, "D": d, "loss": data["y"]})
        runs.to_csv(Path(folder) / "df.csv", index=False)
        loss = functools.partial(log_huber, delta=1e-3)
        fitted = Chinchilla(folder, param_grid=grid, loss_fn=loss, log_level=50)
        fitted.fit()
        point = float(fitted.predict_loss(*(float(job["at"][r][0]) for r in ("params", "tokens"))))
    return {"interval": [np.nan, point, np.nan]}


harness.answer(fit, "chinchilla", "scipy")
