"""Which rows lie further from a law than its noise explains."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import input_errors, posterior
from bayescale.errors import LawError
from bayescale.given import one_number, short
from bayescale.levels import by_row
from bayescale.observed import Observations

if TYPE_CHECKING:
    import pandas as pd

#: With Gaussian noise one table in twenty has a row beyond the limit.
_ONE_IN = 20


def outlier_table(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: Mapping[str, Any],
    noise: Mapping[str, np.ndarray],
    limit: float | None,
) -> pd.DataFrame:
    """Return every row with its standardised residual and how probably it is an outlier.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted.
    parameters, noise
        Draws, shape (chain, draw), with groups (cell, chain, draw); components as a tuple.
    limit
        As for :meth:`bayescale.Fit.outliers`.

    Returns
    -------
    pandas.DataFrame
        As :meth:`bayescale.Fit.outliers` gives it.
    """
    limit = checked_limit(limit, len(runs))
    known = runs.by_run(likelihood.by_run)
    found = []
    # A row that is judged given those before it needs them at hand.
    whole = [slice(0, len(runs))]
    count = np.size(next(iter(noise.values())))
    for part in whole if likelihood.correlated else posterior.parts(len(runs), count):
        some = runs.rows(np.arange(len(runs))[part])
        cell = posterior.cell_of(some)
        curve_at = partial(
            posterior.evaluate, law, parameters, references=runs.references, cell=cell
        )
        curve = curve_at(some.inputs)
        told = {name: column[part] for name, column in known.items()}
        told = input_errors.told(likelihood, told, some.inputs, curve_at)
        away = likelihood.standardised(some.outcome, curve, **by_row(noise, cell), **told)
        middles = (np.median(each, axis=(0, 1)) for each in (curve, away))
        found.append((*middles, (abs(away) > limit).mean(axis=(0, 1))))
    curve, away, probability = (np.concatenate(parts) for parts in zip(*found, strict=True))
    sign = 1.0 if runs.ceiling is None else -1.0
    table = runs.frame().assign(
        curve=runs.reported(curve), residual=sign * away, probability=probability
    )
    table.attrs = {"limit": limit, "likelihood": likelihood.label}
    order = np.lexsort((-abs(away), -probability))
    return table.iloc[order]


def checked_limit(limit: float | None, rows: int) -> float:
    """Return the residual beyond which a row is an outlier.

    Parameters
    ----------
    limit
        In standard deviations; None for one that a Gaussian table of this size exceeds anywhere
        with probability 1/20.
    rows
        How many there are.

    Returns
    -------
    float
        The limit.

    Raises
    ------
    LawError
        If it is not a positive number.
    """
    if limit is None:
        from scipy.stats import norm

        return float(-norm.ppf(0.5 * -np.expm1(np.log1p(-1 / _ONE_IN) / rows)))
    number = one_number(limit)
    if number is None or not 0 < number < np.inf:
        raise LawError(f"limit= must be a number above 0, such as 3; got {short(limit)}.")
    return number
