"""Fits without sampling: draws near the middle of the priors, for what stands on fits."""

from typing import Any

import numpy as np

import bayescale as bs
from bayescale import fitting
from bayescale.checking import invented
from bayescale.checking.invented import SMALL as SMALL
from bayescale.checking.invented import invented_draws as invented_draws
from bayescale.data import observations
from bayescale.sample import Sampling


def invented_fit(
    law: Any,
    likelihood: Any = None,
    ceiling: float | None = None,
    settings: Sampling = SMALL,
    columns: dict[str, str] | None = None,
    y: str = "loss",
) -> fitting.Fit:
    """Return a fit of any law whose draws come from :func:`invented_draws`."""
    likelihood = likelihood or law.default_likelihood()
    grids = {role: 100 * x for role, x in law.example_inputs(24).items()}
    columns = columns or {role: f"n_{role}" for role in law.inputs}
    table = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 24), y=y)
    table = table[[y]].assign(**{columns[role]: grid for role, grid in grids.items()})
    if ceiling is not None:
        table[y] = ceiling - table[y]
    runs = observations(law, likelihood, table, y, columns, ceiling)
    return invented.invented_fit(law, likelihood, runs, settings)
