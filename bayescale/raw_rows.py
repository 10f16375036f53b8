"""How probable a curve's raw rows are, by of how many of them each fitted row is the mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale import forecasting
from bayescale.errors import DataError, LawError
from bayescale.frames import frame
from bayescale.groups import refuse

#: Raw rows and draws of a curve that are used, evenly spaced, and quantiles of the noise's scale.
_ROWS, _DRAWS, _SCALES = 150, 500, 15
#: Added to a matrix's diagonal, as a share of the rows' noise: raw rows may repeat an input.
_JITTER = 1e-6


def log_likelihood(name: str, fit: Any, raw: Any, drift: float, n: np.ndarray) -> np.ndarray:
    """Return the log density of a curve's raw rows at each n, up to a constant."""
    members = getattr(fit, "fits", None)
    if members is None:
        return _of_fit(name, fit, raw, drift, n)
    each = np.stack([_of_fit(name, one, raw, drift, n) for one in members.values()])
    with np.errstate(divide="ignore"):
        return np.logaddexp.reduce(each + np.log(fit.shares)[:, None], axis=0)


def _of_fit(name: str, fit: Any, raw: Any, drift: float, n: np.ndarray) -> np.ndarray:
    likelihood = fit.likelihood
    inside = likelihood.of if likelihood.correlated else likelihood
    refuse(fit.groups, "learn_n_obs()", "Take one group of each fit: fit.at(...).")
    if likelihood.averaged is not None:
        raise LawError(
            f"{name!r} was fitted with n_obs={likelihood.averaged!r}: what is learned is n of rows "
            "whose n is not known. Fit it without n_obs=."
        )
    if inside.gaussian_in != "log y" or likelihood.columns or likelihood.grouped:
        raise LawError(
            f"learn_n_obs() takes fits with bs.LogNormal() or bs.Correlated(), without columns; "
            f"{name!r} has {likelihood.label}."
        )
    inputs, outcome = _raw_rows(name, fit, raw)
    curve = fit.drifted_draws(inputs, drift).reshape(-1, len(outcome))
    logs = np.log(curve[:: max(len(curve) // _DRAWS, 1)])
    logs = logs[np.isfinite(logs).all(1)]
    away = np.log(outcome) - logs.mean(0)
    covariance = np.cov(logs, rowvar=False)
    noise = {key: np.ravel(value) for key, value in fit.noise.items()}
    length = noise.pop("correlation_length", None)
    scales = inside.gaussian_sd(**noise)
    levels = (np.arange(_SCALES) + 0.5) / _SCALES
    alike = _alike(inputs, length)
    parts = [_gaussian(away, covariance, alike, s, n) for s in np.quantile(scales, levels)]
    return np.logaddexp.reduce(np.stack(parts), axis=0)


def _alike(inputs: Mapping[str, np.ndarray], length: np.ndarray | None) -> np.ndarray:
    """Return how rows' correlated noise is correlated, shape (row, row)."""
    logs = [np.log(values) for values in inputs.values()]
    if length is None or len(logs) > 1:
        return np.eye(len(logs[0]))
    (log_x,) = logs
    return np.exp(-np.abs(log_x[:, None] - log_x) / np.median(length))


def _gaussian(
    away: np.ndarray, covariance: np.ndarray, alike: np.ndarray, scale: float, n: np.ndarray
) -> np.ndarray:
    """Return the log density of the raw rows at each n, for one scale of the rows' noise."""
    values, vectors = np.linalg.eigh(covariance + scale**2 * alike)
    variance = np.maximum(values, 0.0) + scale**2 * (n[:, None] - 1 + _JITTER)
    along = (vectors.T @ away) ** 2
    return -0.5 * (np.log(variance) + along / variance).sum(1)


def _raw_rows(name: str, fit: Any, raw: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return inputs by role, and the modelled outcome, of at most so many raw rows."""

    runs, table = fit.runs, frame(raw)
    missing = [c for c in (*runs.columns.values(), runs.outcome_column) if c not in table.columns]
    if missing:
        raise DataError(
            f"The raw rows of {name!r} have no column {missing[0]!r}; a fit's raw rows have its "
            f"columns: {', '.join((*runs.columns.values(), runs.outcome_column))}."
        )
    at = {role: table[column].to_numpy() for role, column in runs.columns.items()}
    inputs = forecasting.checked_inputs(tuple(runs.columns), runs.columns, at, "learn_n_obs()")
    count = len(next(iter(inputs.values())))
    if count < 3:
        raise DataError(f"{name!r} has {count} raw rows; at least three tell of their scatter.")
    outcome = forecasting.checked_outcomes(table[runs.outcome_column].to_numpy(), count)
    modelled = np.asarray(runs.reported(outcome))
    if (modelled <= 0).any():
        raise DataError(
            f"The raw rows of {name!r} must be positive (below the ceiling, where there is one); "
            f"got {outcome[modelled <= 0][0]:g}."
        )
    kept = np.unique(np.linspace(0, count - 1, min(count, _ROWS)).round().astype(int))
    return {role: values[kept] for role, values in inputs.items()}, modelled[kept]
