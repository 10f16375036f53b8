"""What a forecast leans on: single runs, each left out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import comparison
from bayescale.arguments import check_arguments
from bayescale.errors import DataError
from bayescale.given import LARGEST
from bayescale.model import OUTCOME
from bayescale.progress import task
from bayescale.sensitivity.asking import FORECAST, asked, check_fit, check_of
from bayescale.sensitivity.refits import Plan, forecasts_without
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayescale.fitting import Fit


def sensitivity_to_rows(
    fit: Fit,
    *,
    of: str = "curve",
    repair: bool = True,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
    **inputs: Any,
) -> pd.DataFrame:
    r"""Return how far each run, left out, would shift a forecast.

    .. math:: \mathrm{shift}_i = \frac{m_{-i} - m}{s}

    where :math:`m` is the forecast's median, :math:`s` its standard deviation, and
    :math:`m_{-i}` the median without run i: weighted by Pareto-smoothed importance weights
    :math:`\propto 1 / p(y_i \mid \theta)`, by ArviZ's ``loo_expectations``. Where the Pareto k is
    too high, which is where a run matters most, the law is fitted again without the run.

    Parameters
    ----------
    fit
        A fit.
    of
        ``"curve"`` for the law's value, ``"observation"`` for one new run.
    repair
        Whether to fit again without the runs of high Pareto k; the priors stay put.
    workers, executor
        Who fits again, as for :func:`bayescale.fit_many`; this process by default.
    progress
        Whether to show what is under way.
    **inputs
        Where to forecast: ``x=[1e9, 1e10]``; with groups also of which: ``family="A"``.

    Returns
    -------
    pandas.DataFrame
        A row for each run and forecast: ``row`` (position from 0), the run's own columns,
        ``at`` (``at_<column>`` for a law of several inputs), ``median`` without the run (in the
        units of y), ``shift`` (posterior standard deviations; no unit), ``pareto_k`` (of the
        weights; no unit), ``refitted``, and ``warning`` where the shift cannot be trusted.
        ``.attrs`` holds the columns, what the forecast is of and its median and standard
        deviation.

    Raises
    ------
    LawError
        If this is no fit, an option is out of range, or an input is missing or unknown.
    DataError
        If an input is not positive and finite, or the runs are too many for single ones to be
        followed.

    Notes
    -----
    Where residuals are correlated along the curve, a run's density is conditional on those before
    it, and these weights do not leave it out; then every run is left out by fitting again.

    References
    ----------
    Vehtari, Gelman, Gabry (2017), arXiv:1507.04544; Vehtari et al. (2024), arXiv:1507.02646.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> found = bs.sensitivity_to_rows(fit, x=1e4, progress=False)
    >>> found.columns.tolist()
    ['row', 'x', 'loss', 'at', 'median', 'shift', 'pareto_k', 'refitted', 'warning']
    """
    check_arguments(sensitivity_to_rows, locals(), but=("fit",))
    import cloudpickle

    check_fit(fit, "sensitivity_to_rows")
    check_of(of)
    check(executor, workers)
    made = asked(fit, inputs)
    drawn = _forecast_draws(made, of)
    flat = drawn.to_numpy().reshape(-1, drawn.sizes["at"])
    scale = np.abs(flat).max(axis=0)
    scale = np.where(scale > LARGEST, scale, 1.0)
    middle, spread = np.median(flat, axis=0), (flat / scale).std(axis=0) * scale
    medians, pareto_k, good_k = _medians_without(fit, drawn / scale)
    medians = medians * scale
    weak = ~(pareto_k <= good_k) | comparison.conditional(fit)
    refitted, problems = np.zeros(len(fit.runs), bool), [""] * len(fit.runs)
    rows = np.flatnonzero(weak)
    if repair and len(rows):
        targets = {role: made.inputs[name].to_numpy() for role, name in fit.runs.columns.items()}
        targets |= {column: made.inputs[column].tolist() for column in fit.groups}
        plan = Plan(fit.law, fit.likelihood, fit.settings, fit.runs, targets, of)
        with task("Sensitivity to single runs", total=len(rows), progress=progress) as bar:
            found = ordered(
                forecasts_without, cloudpickle.dumps(plan), rows.tolist(), workers=workers,
                executor=executor, done=lambda count: bar.update(advance=count),
            )  # fmt: skip
        for row, got in zip(rows, found, strict=True):
            medians[row], refitted[row] = np.median(got.draws, axis=0), True
            problems[row] = f"the fit without it: {got.problem}" if got.problem else ""
    elif len(rows):
        for row in rows:
            problems[row] = "high Pareto k: the shift cannot be trusted; repair=True fits again"
    shift = (medians - middle) / spread
    table = _by_run_and_target(fit, made.inputs, medians, shift, pareto_k, refitted, problems)
    table.attrs = {
        "law": fit.name,
        "inputs": list(fit.runs.columns.values()),
        "outcome": fit.runs.outcome_column,
        "of": of,
        "median": middle.tolist(),
        "sd": spread.tolist(),
    }
    return table


def _forecast_draws(made: Any, of: str) -> xr.DataArray:
    """Return a forecast's draws with the dimensions that ArviZ takes."""
    import xarray as xr

    drawn = made.draws(of)
    coords = {"chain": np.arange(drawn.shape[0]), "draw": np.arange(drawn.shape[1])}
    return xr.DataArray(drawn, coords, ("chain", "draw", "at"), name=FORECAST)


def _medians_without(fit: Fit, drawn: xr.DataArray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the forecast's median without each run, shape (run, target), and its Pareto k."""
    import arviz as az
    import xarray as xr

    if "log_likelihood" not in fit.tree:
        raise DataError(
            f"{len(fit.runs)} runs are too many to follow single ones: the fit does not hold their "
            "log likelihood. Fit fewer or averaged runs, or fewer draws."
        )
    groups = {
        "posterior": xr.Dataset({FORECAST: drawn}),
        "log_likelihood": fit.tree["log_likelihood"].to_dataset(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # high Pareto k: repaired, or in the table
        medians, pareto_k = az.loo_expectations(
            xr.DataTree.from_dict(groups), FORECAST, group="posterior", kind="median",
            log_likelihood_var_name=OUTCOME,
        )  # fmt: skip
    count = drawn.sizes["chain"] * drawn.sizes["draw"]
    good_k = min(1 - 1 / np.log10(count), 0.7)
    values = medians.transpose("run", "at").to_numpy().copy()
    k = pareto_k.to_numpy().reshape(len(fit.runs), -1).max(axis=1)
    return values, k, good_k


def _by_run_and_target(
    fit: Fit,
    at: pd.DataFrame,
    medians: np.ndarray,
    shift: np.ndarray,
    pareto_k: np.ndarray,
    refitted: np.ndarray,
    problems: list[str],
) -> pd.DataFrame:
    import pandas as pd

    runs, count = fit.runs.frame(), len(at)
    tables = []
    for i in range(count):
        where = at.iloc[i]
        one = len(where) == 1
        targets = {"at" if one else f"at_{name}": value for name, value in where.items()}
        tables.append(
            pd.DataFrame(
                {
                    "row": np.arange(len(runs)),
                    **{str(name): runs[name] for name in runs},
                    **{str(name): value for name, value in targets.items()},
                    "median": medians[:, i],
                    "shift": shift[:, i],
                    "pareto_k": pareto_k,
                    "refitted": refitted,
                    "warning": problems,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
