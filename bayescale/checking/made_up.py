"""Runs made up for a law and a likelihood, with every column that the likelihood reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.data import observations
from bayescale.observed import Observations

if TYPE_CHECKING:
    import pandas as pd

#: The outcome's column.
OUTCOME = "outcome"


def table_for(law: Any, likelihood: Any, rows: int = 24, noise: float = 0.02) -> pd.DataFrame:
    """Return runs about a form's example, with every column that a likelihood reads.

    Parameters
    ----------
    law, likelihood
        The description.
    rows
        How many configurations; each is in several rows where a likelihood merges them.
    noise
        Standard deviation of log y.

    Returns
    -------
    pandas.DataFrame
        A column for each input, ``outcome``, and those that the likelihood names.
    """
    rng = np.random.default_rng(5)
    inputs = law.example_inputs(rows)
    runs = type(law)().simulate(noise=noise, y=OUTCOME, seed=2, **inputs)
    named = {a: given for a, (given, _) in likelihood.columns.items() if isinstance(given, str)}
    labels = {a for a, (_, known) in likelihood.columns.items() if known.get("labels")}
    for argument, column in named.items():
        if argument in labels:
            runs[column] = np.arange(rows) // (1 if likelihood.merges else 2)
        else:
            runs[column] = _numbers(argument, runs[OUTCOME].to_numpy(), rng)
    if likelihood.merges:
        runs = _on_resamples(runs, named["resample"], rng)
    if "trials" in likelihood.columns:
        runs[OUTCOME] = _shares(runs[OUTCOME].to_numpy())
    return runs


def _numbers(argument: str, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return numbers that an argument of the noise may have in each row."""
    if argument == "n_obs":
        return rng.integers(1, 9, len(y)).astype(float)
    if argument == "trials":
        return np.full(len(y), 50.0)
    if argument == "censored":
        return np.full(len(y), np.quantile(y, 0.7))
    return rng.uniform(0.005, 0.03, len(y))


def _on_resamples(runs: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return each run on four resamples, in no order."""
    many = runs.loc[runs.index.repeat(4)].reset_index(drop=True)
    many[column] = np.tile(list("abcd"), len(runs))
    many[OUTCOME] = many[OUTCOME] * np.exp(0.02 * rng.standard_normal(len(many)))
    return many.sample(frac=1.0, random_state=1).reset_index(drop=True)


def _shares(y: np.ndarray) -> np.ndarray:
    """Return outcomes as shares of fifty."""
    share = np.clip(y - min(y.min(), 0.0), 0, None)
    return np.round(50 * share / (1.05 * share.max())) / 50


def runs_for(law: Any, likelihood: Any, rows: int = 24, unit: float = 1.0) -> Observations:
    """Return the same, checked, with inputs in another unit.

    Parameters
    ----------
    law, likelihood, rows
        As for :func:`table_for`.
    unit
        What a reference unit of every input is in the table.

    Returns
    -------
    Observations
        Of one run each where it is not clear otherwise along what noise is correlated.
    """
    table = table_for(law, likelihood, rows)
    roles = {role: role for role in law.inputs}
    for role in roles:
        table[role] = unit * table[role]
    run = None
    if likelihood.correlated and len(roles) > 1:
        run = "own run"
        table[run] = np.arange(len(table))
    return observations(law, likelihood, table, OUTCOME, roles, run=run)
