"""The forecast that needs no choices: several laws, correlated noise, drift beyond the data."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import fitting
from bayescale.arguments import check_arguments
from bayescale.data import observations
from bayescale.drift import DRIFT, checked_drift
from bayescale.ensembles import Ensemble, ensemble
from bayescale.errors import BayescaleWarning, LawError
from bayescale.forecasting import checked_inputs
from bayescale.forecasts import Forecast
from bayescale.forms.broken_power_law import BrokenPowerLaw
from bayescale.forms.power_law import PowerLaw
from bayescale.forms.shifted_power_law import ShiftedPowerLaw
from bayescale.groups import refuse
from bayescale.laws import Law
from bayescale.likelihoods import Correlated, Likelihood, LogNormal, checked_likelihood
from bayescale.observed import Observations
from bayescale.parameters import columns_by
from bayescale.prior import Prior
from bayescale.progress import task
from bayescale.sample import PILOT, Sampling
from bayescale.suitability import check_enough

if TYPE_CHECKING:
    import pandas as pd

#: Different inputs of a run above which they are averaged in bins of log x, and how many bins.
MANY, BINS = 400, 200
#: A curve rises where it lies this many times its own scatter, and this share, above its past.
_SCATTERS, _SHARE = 4.0, 0.03
#: A cliff is a stretch with a local exponent of this and more, over which the log of the outcome
#: falls by this much, and by this many times its scatter.
_STEEP, _FALL, _CLIFF_SCATTERS = 1.5, 0.3, 8.0

#: The laws of the default forecast, in equal parts: for a curve that falls, and for one that has
#: risen in between.
FALLING: Mapping[str, Law] = {
    "two breaks": BrokenPowerLaw(breaks=2, placement="fixed"),
    "two breaks in cells": BrokenPowerLaw(breaks=2),
    "shifted power law": ShiftedPowerLaw(),
}
#: The law that joins them where a curve has fallen off a cliff, steeper than they can bend.
CLIFF: Mapping[str, Law] = {
    "sharp break": BrokenPowerLaw(
        breaks=1,
        placement="free",
        exponent=Prior("HalfNormal", sigma=0.5),
        exponent_change=Prior("HalfNormal", sigma=3.0),
        break_sharpness=Prior("LogNormal", mu=math.log(5.0), sigma=1.0),
    ),
}
RISING: Mapping[str, Law] = {
    f"{count} breaks": BrokenPowerLaw(breaks=number, placement="fixed", monotone=False)
    for count, number in (("six", 6), ("seven", 7), ("eight", 8))
}


def forecast(
    runs: pd.DataFrame,
    *,
    y: str,
    at: Any,
    x: str,
    run: str | None = None,
    n_obs: str | float | None = None,
    ceiling: float | None = None,
    laws: Mapping[str, Any] | None = None,
    likelihood: Likelihood | None = None,
    drift: float = DRIFT,
    draws: int = 1000,
    tune: int = 1000,
    seed: int = 0,
    progress: bool | None = None,
) -> Forecast:
    """Forecast one curve with nothing to choose: a mixture of laws, calibrated on real curves.

    Noise is correlated along the curve (:class:`Correlated`), the exponent drifts beyond the data
    (:mod:`bayescale.drift`), and the doubt about the form is in the interval: every law of
    :func:`default_laws` that the runs can bear has a part, a tenth of it equal and the rest by how
    well it tells each row from those before it (``weights="pseudo-bma"`` of :func:`ensemble`).

    Parameters
    ----------
    runs
        The table, a row for each run or checkpoint.
    y, x
        The columns of the outcome and of what is scaled.
    at
        Inputs to forecast, in the units of x; one or several, forecast jointly.
    run
        The column that says which training run a row is a checkpoint of. Without it all rows are
        one curve, which the forecast continues; with several, it is of a new run.
    n_obs
        Of how many evaluations each row is the mean: a column, or one number. The forecast is of a
        single one.
    ceiling
        What a rising metric cannot exceed (1.0 for an accuracy); ``ceiling - y`` is modelled.
    laws
        Name to law, in place of the default ones.
    likelihood
        How rows scatter, in place of ``Correlated(LogNormal(n_obs=n_obs))``.
    drift
        How far the local exponent may drift from the laws' beyond the data; 0 for the laws as they
        stand.
    draws, tune
        Kept draws and tuning steps of each of four chains.
    seed
        Same seed, same forecast.
    progress
        Whether to show what is under way.

    Returns
    -------
    Forecast
        Its ``source`` is the :class:`Ensemble`, which can be asked further: ``required``,
        ``probability``, ``weights``, and each law's fit in ``fits``.

    Raises
    ------
    DataError
        If the table cannot be used, an input to forecast is not positive, or there are too few
        different inputs even for a power law.
    LawError
        If drift is negative, or an option is out of range.

    References
    ----------
    How it was chosen and what it covers: the page on extrapolation, from
    ``benchmarks/extrapolation``.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> laws = {"power law": bs.PowerLaw()}  # leave laws= out for the calibrated mixture
    >>> made = bs.forecast(runs, y="loss", x="x", at=[1e4, 3e4], laws=laws, progress=False)
    >>> made.interval(0.9).columns.tolist()
    ['x', 'median', 'lower', 'upper', 'extrapolation']
    """
    check_arguments(forecast, locals(), but=("likelihood",))
    drift = checked_drift(drift)
    checked_inputs(("at",), {}, {"at": at}, "forecast()")
    if likelihood is not None and n_obs is not None:
        raise LawError("Give n_obs= to the likelihood itself, as in bs.LogNormal(n_obs='n').")
    noise = (
        Correlated(LogNormal(n_obs=n_obs)) if likelihood is None else checked_likelihood(likelihood)
    )
    chosen = None if laws is None else _checked(laws)
    refuse(
        columns_by(noise, *(chosen or {}).values()),
        "forecast()",
        "It is of one curve. Fit the laws to all groups, law.fit(...), and mix the fits: "
        "bs.ensemble([...], weights='pseudo-bma').forecast(x=..., family=...).",
    )
    simplest = PowerLaw() if chosen is None else next(iter(chosen.values()))
    table = observations(simplest, noise, runs, y, {"x": x}, ceiling, run)
    if noise.correlated:
        table = binned(table)
    if chosen is None:
        chosen = default_laws(table)
    fits = {}
    with task("Forecast", total=len(chosen), progress=progress) as bar:
        for name, law in chosen.items():
            bar.update(f"Forecast: {name}")
            pilot = PILOT if law.turns else 0  # draws of these laws never suffice without
            settings = Sampling(
                draws, tune, target_accept=law.target_accept, seed=seed, pilot=pilot
            )
            try:
                fits[name] = fitting.fit(law, noise, table, settings, progress=False)
            except Exception as error:
                if len(chosen) == 1:
                    raise
                warnings.warn(
                    f"{name} could not be fitted and has no part in the forecast: {error}",
                    BayescaleWarning,
                    stacklevel=2,
                )
            bar.update(f"Forecast: {name}", advance=1)
    if not fits:
        raise LawError("None of the laws could be fitted; the warnings above say why.")
    if len(fits) == 1:
        mixture = Ensemble(fits, np.ones(1), "the only law's")
    else:
        mixture = ensemble(fits, weights="pseudo-bma")
    return mixture.forecast(x=at, drift=drift)


def default_laws(runs: Observations) -> dict[str, Law]:
    """Return the laws of the default forecast that some runs can bear, by name.

    Parameters
    ----------
    runs
        Checked runs of one input.

    Returns
    -------
    dict
        Laws that only fall, and where the curve has fallen off a cliff a law with a sharp break
        besides; or, where it has risen beyond its scatter, laws that rise and fall. Those that need
        more different inputs than there are have no part.

    Raises
    ------
    DataError
        If there are too few different inputs even for a power law.
    """
    check_enough(PowerLaw(), runs)
    (role,) = runs.inputs
    sizes = len(np.unique(runs.inputs[role]))
    falling = {**FALLING, **CLIFF} if has_fallen_off_a_cliff(runs) else FALLING
    chosen = RISING if has_risen(runs) else falling
    borne = {name: law for name, law in chosen.items() if law.sizes_needed(role) <= sizes}
    return borne or {"power law": PowerLaw()}


def has_risen(runs: Observations) -> bool:
    """Return whether the outcome has risen along the input by more than its scatter explains.

    Neighbouring rows are averaged in pairs; their scatter is read off second differences.
    """
    found = _smoothed(runs)
    if found is None:
        return False
    _, pairs, scatter = found
    rise = float((pairs - np.minimum.accumulate(pairs)).max())
    return rise > max(_SHARE, _SCATTERS * scatter)


def has_fallen_off_a_cliff(runs: Observations) -> bool:
    """Return whether the outcome has fallen far along the input with an exponent above 1.5.

    A task that is suddenly learned does; smooth laws take such a stretch for noise.
    """
    found = _smoothed(runs)
    if found is None:
        return False
    log_x, pairs, scatter = found
    falls = -np.diff(pairs)
    steep = falls >= _STEEP * np.diff(log_x)
    stretch = np.cumsum(~steep)  # a number for each stretch of steep steps
    deepest = np.bincount(stretch[steep], weights=falls[steep]).max() if steep.any() else 0.0
    return bool(deepest > max(_FALL, _CLIFF_SCATTERS * scatter))


def _smoothed(runs: Observations) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Return log x and log y, neighbours averaged in pairs, and the scatter of log y."""
    (x,) = runs.inputs.values()
    places, where = np.unique(x, return_inverse=True)
    y = np.bincount(where, weights=runs.outcome) / np.bincount(where)
    if len(places) < 5 or (y <= 0).any():
        return None
    logs, log_x = np.log(y), np.log(places)
    scatter = float(np.median(np.abs(np.diff(logs, 2))) / (0.6745 * np.sqrt(6)))
    return 0.5 * (log_x[1:] + log_x[:-1]), 0.5 * (logs[1:] + logs[:-1]), scatter


def binned(runs: Observations) -> Observations:
    """Return many rows as the means of bins of log x, run by run.

    Parameters
    ----------
    runs
        In the order of correlated noise.

    Returns
    -------
    Observations
        The same where there are at most :data:`MANY` rows.
    """
    if len(runs) <= MANY:
        return runs
    (role,) = runs.inputs
    log_x = np.log(runs.inputs[role])
    bins = np.minimum((log_x - log_x.min()) / np.ptp(log_x) * BINS, BINS - 1).astype(int)
    code = np.zeros(len(runs), int) if runs.run is None else runs.run.astype(int)
    _, where = np.unique(code * BINS + bins, return_inverse=True)
    weight = np.ones(len(runs)) if runs.n_obs is None else runs.n_obs
    total = np.bincount(where, weights=weight)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(where, weights=weight * values) / total

    anchor = runs.references
    first = np.unique(where, return_index=True)[1]
    return replace(
        runs.rows(first),
        inputs={role: np.exp(mean(log_x))},
        outcome=mean(runs.outcome),
        n_obs=None if runs.n_obs is None else total,
        anchor=anchor,
    )


def _checked(laws: Mapping[str, Any]) -> dict[str, Law]:
    if not isinstance(laws, Mapping) or not laws:
        raise LawError("laws= takes laws by name: laws={'power law': bs.PowerLaw(), ...}.")
    for name, law in laws.items():
        if not isinstance(law, Law) or tuple(law.inputs) != ("x",):
            raise LawError(
                f"forecast() takes laws of one input, such as bs.PowerLaw() (with brackets); "
                f"{name!r} is {law!r}."
            )
    return dict(laws)
