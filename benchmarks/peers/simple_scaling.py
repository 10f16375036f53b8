# /// script
# requires-python = ">=3.12"
# dependencies = ["simple-scaling-laws>=0.2", "numpy>=2"]
# ///
"""simple-scaling-laws as it comes: its law, its 1000 bootstrap draws, its interval of the mean."""

import harness
import polars as pl
from simple_scaling_laws import fit as fit_law

LAWS = {
    "power law": "separable-power",
    "one break": "broken-power",
    "Chinchilla": "separable-power",
}
COLUMNS = {
    "x": "model_size__x",
    "params": "model_size__params",
    "tokens": "dataset_size__tokens",
    "y": "test_loss__loss",
}


def fit(job, data):
    """Fit and predict the mean curve."""
    table = {COLUMNS[name]: column for name, column in data.items()}
    runs = pl.DataFrame({"training_run_id": [f"run{i}" for i in range(len(data["y"]))], **table})
    model = fit_law(runs, law=LAWS[job["case"]], seed=job["seed"])
    points = {COLUMNS[role]: value for role, value in job["at"].items()}
    row = model.predict(points, quantiles=list(harness.LEVELS)).row(0, named=True)
    found = [value for name, value in row.items() if name.startswith("test_loss__loss__")]
    return {"interval": sorted(found)}


harness.answer(fit, "simple-scaling-laws", "scipy")
