"""New runs under a fit: the curve with noise, and how probable what was measured is."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale.likelihoods import APART
from bayescale.posterior import over_rows


def drawn(
    fit: Any, curve: np.ndarray, inputs: dict[str, np.ndarray] | None, salt: int
) -> np.ndarray:
    """Return one new run for each value of the curve, in modelled units.

    Parameters
    ----------
    fit
        A fit of one group.
    curve
        Shape (chain, draw, m).
    inputs
        Role to values of shape (m,): where noise is correlated and all rows are of one run, the
        rows beyond the data go on with its noise. Without it, noise is a new run's.
    salt
        Makes the random numbers of different uses differ.

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    rng = np.random.default_rng([fit.settings.seed, salt])
    noise = over_rows(fit.noise) | fit.of_new_rows(inputs)
    if not fit.likelihood.correlated:
        return fit.likelihood.draw(rng, curve, **noise)
    gap = _gap(fit, curve.shape[-1], inputs)
    order = np.argsort(gap, kind="stable")
    beyond = order[gap[order] < APART]
    new = fit.likelihood.draw(rng, curve, **noise)
    if len(beyond):
        steps = np.diff(gap[beyond], prepend=0.0)
        new[..., beyond] = fit.likelihood.draw(
            rng, curve[..., beyond], gap=steps, start=_last_residual(fit), **noise
        )
    return new


def log_density(
    fit: Any, outcome: np.ndarray, at: dict[str, np.ndarray], drift: float
) -> np.ndarray:
    """Return the log density of one new run at each input, draw by draw.

    Parameters
    ----------
    fit
        A fit of one group.
    outcome
        What was measured, shape (m,), in the units of y.
    at
        Role to values, shape (m,).
    drift
        How far the local exponent may drift from the law's.

    Returns
    -------
    numpy.ndarray
        Shape (chain, draw, m).
    """
    modelled = np.asarray(fit.runs.reported(outcome))
    curve = fit.drifted_draws(at, drift)
    likelihood = fit.likelihood
    noise = over_rows(fit.noise) | fit.of_new_rows(at)
    if likelihood.correlated:
        gap = _gap(fit, curve.shape[-1], at)
        residual = _last_residual(fit)[..., None]
        curve, noise = likelihood.ahead(residual, curve, gap=gap, **noise)
        likelihood = likelihood.of
    with np.errstate(all="ignore"):
        density = likelihood.log_density(modelled, curve, **noise)
    return np.nan_to_num(density, nan=-np.inf)


def _gap(fit: Any, count: int, inputs: dict[str, np.ndarray] | None) -> np.ndarray:
    """Return how far each input lies from the last row of the one run, or that it is apart."""
    if inputs is None or len(inputs) > 1 or not fit.runs.one_run:
        return np.full(count, APART)
    ((role, x),) = inputs.items()
    gap = np.log(x) - np.log(fit.runs.references[f"{role}_end"])
    return np.where(gap > 0, gap, APART)


def _last_residual(fit: Any) -> np.ndarray:
    """Return the log residual of the last row, of a single evaluation; shape (chain, draw)."""
    last = fit.runs.rows(np.array([len(fit.runs) - 1]))
    curve = fit.curve_draws(last.inputs)[..., 0]
    count = 1.0 if last.n_obs is None else float(last.n_obs[0])
    return (np.log(last.outcome[0]) - np.log(curve)) * count**0.5
