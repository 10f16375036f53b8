"""What a forecast leans on: the smallest runs kept, single runs, and the priors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import comparison, fitting, forecasting, forecasts, members, posterior
from bayescale.checks import populations
from bayescale.data import Observations, check_enough, check_levels, observations
from bayescale.errors import DataError, LawError, SamplingWarning
from bayescale.free_scale import frozen
from bayescale.groups import check_named
from bayescale.model import OUTCOME
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayescale.fitting import Fit
    from bayescale.likelihoods import Likelihood

#: Cuts that are tried where none are given.
CUTS = 6
#: Runs below which nothing is forecast: two lie on any line.
FEWEST = 3
#: Above it a sensitivity to power-scaling counts (Kallioinen et al. 2024, arXiv:2107.14054).
SENSITIVE = 0.05
#: Powers between which prior and likelihood are scaled, ArviZ's own.
ALPHAS = (0.99, 1.01)
#: How the quantity "forecast" is named among parameters.
FORECAST = "forecast"


def sensitivity_to_smallest(
    law: Any,
    runs: pd.DataFrame,
    *,
    y: str,
    at: Any,
    group: Mapping[str, Any] | None = None,
    cuts: Sequence[float] | None = None,
    of: str = "curve",
    prob: float = 0.9,
    likelihood: Likelihood | None = None,
    ceiling: float | None = None,
    draws: int = 1000,
    tune: int = 1000,
    seed: int = 0,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
    **inputs: str,
) -> pd.DataFrame:
    r"""Return the forecast at a target by the smallest input that is kept.

    Small runs may follow another regime (warm-up, a plateau, a different bottleneck), and which
    of them to leave out is a choice that reports rarely show. The law is fitted again without
    the runs below each cut, everything else being equal; the shift is that of the median in
    standard deviations of the posterior of all runs,

    .. math:: \frac{m_{x \ge c} - m}{s}.

    A law that describes all runs gives wider intervals with fewer runs, but about the same
    median. A median that moves on and on with the cut says that the law misses a bend.

    Parameters
    ----------
    law
        A law of one input.
    runs
        The table, one run a row.
    y
        The name of the outcome's column.
    at
        Where to forecast, in the units of the input; shape (m,) or a number.
    group
        Of a law that varies, the group to forecast: ``{"family": "A"}``. All groups are cut.
    cuts
        The smallest inputs to keep; by default up to six of the runs' own inputs, from the
        smallest to the middle one, as long as the law can be fitted. All runs are always among
        them.
    of
        ``"curve"`` for the law's value, ``"observation"`` for one new run.
    prob
        Probability of the equal-tailed interval.
    likelihood, ceiling, draws, tune, seed
        As for ``law.fit``.
    workers, executor
        Who fits, as for :func:`bayescale.fit_many`; this process by default.
    progress
        Whether to show what is under way.
    **inputs
        The column of the input: ``x="params"``.

    Returns
    -------
    pandas.DataFrame
        A row for each cut and target: ``smallest`` (the smallest input kept), ``runs`` (how many
        are), ``at``, ``median``, ``lower``, ``upper`` (in the units of y), ``shift`` (no unit),
        ``extrapolation``, ``good`` and ``problem`` (of the fit's diagnostics). ``.attrs`` holds
        the law, the columns, the probability and what the interval is of.

    Raises
    ------
    LawError
        If the law has several inputs, or an option is out of range.
    DataError
        If a cut leaves too few runs, or a target is not positive and finite.

    References
    ----------
    Porian et al. (2024), arXiv:2406.19146, and Besiroglu et al. (2024), arXiv:2404.10102, on what
    small or odd runs do to a scaling law.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> law = bs.PowerLaw(irreducible=0.0)
    >>> found = bs.sensitivity_to_smallest(
    ...     law, runs, y="loss", x="x", at=1e4, cuts=[1, 10], progress=False
    ... )
    >>> found["runs"].tolist(), bool(found["shift"][0] == 0)
    ([8, 6], True)
    """
    import cloudpickle
    import pandas as pd

    if not hasattr(law, "expr") or isinstance(law, type):
        raise LawError(f"Give a law such as bs.PowerLaw() (with brackets); got {law!r}.")
    if len(law.inputs) != 1:
        raise LawError(
            f"Runs are cut off along one input; {law.signature_name()} has {len(law.inputs)}: "
            f"{', '.join(law.inputs)}."
        )
    forecasts.check_probability(prob)
    _check_of(of)
    check(executor, workers)
    noise = likelihood or law.default_likelihood()
    every = observations(law, noise, runs, y, inputs, ceiling)
    ((role, column),) = every.columns.items()
    targets = forecasting.checked_inputs(law.inputs, every.columns, {role: at}, "The forecast")
    if every.seen or group:
        check_named(every.seen, group or {}, "The forecast")
        targets, levels = forecasting.with_levels(targets, group or {})
        targets = {**targets, **levels}
    starts = _starts(law, noise, every, cuts, group)
    settings = Sampling(draws=draws, tune=tune, target_accept=law.target_accept, seed=seed)
    packed = cloudpickle.dumps(_Plan(law, noise, settings, every, targets, of))
    with task("Sensitivity to the smallest runs", total=len(starts), progress=progress) as bar:
        found = ordered(
            forecasts_from, packed, starts, workers=workers, executor=executor,
            done=lambda count: bar.update(advance=count),
        )  # fmt: skip
    levels = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
    middle, spread = np.median(found[0].draws, axis=0), found[0].draws.std(axis=0)
    rows = []
    for start, got in zip(starts, found, strict=True):
        low, median, high = np.quantile(got.draws, levels, axis=0)
        rows.append(
            pd.DataFrame(
                {
                    "smallest": start,
                    "runs": got.runs,
                    "at": targets[role],
                    "median": median,
                    "lower": low,
                    "upper": high,
                    "shift": (median - middle) / spread,
                    "extrapolation": targets[role] / every.references[f"{role}_end"],
                    "good": not got.problem,
                    "problem": got.problem,
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    table.attrs = {
        "law": law.signature_name(),
        "input": column,
        "outcome": y,
        "probability": prob,
        "kind": "equal-tailed",
        "of": of,
    }
    return table


@dataclass(frozen=True, eq=False)
class _Plan:
    """What all refits have in common."""

    law: Any
    likelihood: Any
    settings: Sampling
    runs: Observations
    targets: dict[str, Any]
    of: str


@dataclass(frozen=True, eq=False)
class _Refit:
    """What one refit said: draws of shape (draw, target)."""

    draws: np.ndarray
    runs: int
    problem: str


def forecasts_from(packed: bytes, starts: Sequence[float]) -> list[_Refit]:
    """Fit a law to the runs from each of some inputs on, and forecast.

    Parameters
    ----------
    packed
        A plan, pickled.
    starts
        The smallest input to keep of each fit.

    Returns
    -------
    list of _Refit
        Draws of the forecast, and the problems of the fit, if any.
    """
    import cloudpickle

    plan: _Plan = cloudpickle.loads(packed)
    return [_refit(plan, _from(plan.runs, start)) for start in starts]


def forecasts_without(packed: bytes, rows: Sequence[int]) -> list[_Refit]:
    """Fit a law to all runs but one, for each of some, and forecast; the priors stay put.

    Parameters
    ----------
    packed
        A plan, pickled.
    rows
        Positions of the runs to leave out, one at a time.

    Returns
    -------
    list of _Refit
        Draws of the forecast, and the problems of the fit, if any.
    """
    import cloudpickle

    plan: _Plan = cloudpickle.loads(packed)
    position = np.arange(len(plan.runs))
    return [_refit(plan, plan.runs.rows(position != row, anchored=True)) for row in rows]


def _refit(plan: _Plan, runs: Observations) -> _Refit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplingWarning)  # it is told in the table
        made = fitting.fit(plan.law, plan.likelihood, runs, plan.settings, progress=False)
    asked: dict[str, Any] = plan.targets
    forecast = made.forecast(drift=0.0, **asked)
    found = made.diagnostics
    flat = forecast.draws(plan.of).reshape(-1, forecast.curve.shape[-1])
    return _Refit(flat, len(runs), "" if found.good else found.line())


def _from(runs: Observations, start: float) -> Observations:
    """Return the runs from an input on; a level that has none of them was never seen."""
    (x,) = runs.inputs.values()
    return runs.rows(x >= start).grouped_by(tuple(runs.seen))


def _check_kept(law: Any, noise: Any, kept: Observations, group: Mapping[str, Any] | None) -> None:
    """Raise an error where a law cannot be fitted to what a cut leaves, or forecast the group."""
    check_enough(law, kept)
    check_levels(law, noise, kept)
    if kept.groups is not None:
        members.check_known(law, noise, kept.groups, group or {})


def _starts(
    law: Any,
    noise: Any,
    every: Observations,
    cuts: Sequence[float] | None,
    group: Mapping[str, Any] | None,
) -> list[float]:
    """Return the smallest input kept of every fit, all runs first."""
    ((role, x),) = every.inputs.items()
    distinct, column = np.unique(x), every.columns[role]
    if cuts is None:
        usable = [
            start
            for start in distinct[: len(distinct) // 2 + 1]
            if _enough(law, noise, every, start, group)
        ]
        picked = np.linspace(0, len(usable) - 1, min(CUTS, len(usable))).round().astype(int)
        return [float(usable[i]) for i in picked]
    try:
        given = np.atleast_1d(np.asarray(cuts, float))
    except (TypeError, ValueError):
        raise DataError(f"cuts= must hold numbers; got {cuts!r}.") from None
    if given.size == 0 or not np.isfinite(given).all():
        raise DataError(f"cuts= must hold finite values of {column!r}; got {cuts!r}.")
    for cut in given:
        if cut > distinct[-1]:
            raise DataError(
                f"A cut must leave runs: {column!r} goes from {distinct[0]:g} to "
                f"{distinct[-1]:g}; got {cut:g}."
            )
        kept = _from(every, cut)
        if len(kept) < FEWEST:
            raise DataError(
                f"From {column} = {cut:g} on there are {len(kept)} runs; {FEWEST} or more are "
                "needed, whatever the law. Give smaller cuts."
            )
        try:
            _check_kept(law, noise, kept, group)
        except DataError as error:
            raise DataError(f"From {column} = {cut:g} on: {error}") from None
    found = {float(distinct[0]), *(float(distinct[distinct >= cut][0]) for cut in given)}
    return sorted(found)


def _enough(
    law: Any, noise: Any, every: Observations, start: float, group: Mapping[str, Any] | None
) -> bool:
    kept = _from(every, start)
    try:
        _check_kept(law, noise, kept, group)
    except (DataError, LawError):
        return False
    return len(kept) >= FEWEST


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
    import cloudpickle

    _check_fit(fit, "sensitivity_to_rows")
    _check_of(of)
    check(executor, workers)
    made = _asked(fit, inputs)
    drawn = _forecast_draws(made, of)
    flat = drawn.to_numpy().reshape(-1, drawn.sizes["at"])
    middle, spread = np.median(flat, axis=0), flat.std(axis=0)
    medians, pareto_k, good_k = _medians_without(fit, drawn)
    weak = ~(pareto_k <= good_k) | comparison.conditional(fit)
    refitted, problems = np.zeros(len(fit.runs), bool), [""] * len(fit.runs)
    rows = np.flatnonzero(weak)
    if repair and len(rows):
        targets = {role: made.inputs[name].to_numpy() for role, name in fit.runs.columns.items()}
        targets |= {column: made.inputs[column].tolist() for column in fit.groups}
        plan = _Plan(fit.law, fit.likelihood, fit.settings, fit.runs, targets, of)
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


def sensitivity_to_prior(fit: Fit, *, of: str = "curve", **inputs: Any) -> pd.DataFrame:
    r"""Return how strongly parameters and a forecast lean on the priors and on the runs.

    Prior and likelihood are raised to powers near one, and the change of each marginal
    posterior is measured (by ArviZ's ``psense``, without sampling again):

    .. math:: p(\theta \mid y) \propto p(\theta)^{\alpha}\, p(y \mid \theta)
              \quad\text{or}\quad p(\theta)\, p(y \mid \theta)^{\alpha}

    The priors scaled are those of ``print(law)``: on the quantities that carry them.

    Parameters
    ----------
    fit
        A fit.
    of
        ``"curve"`` for the law's value, ``"observation"`` for one new run.
    **inputs
        Where to forecast: ``x=[1e9, 1e10]`` (with groups also of which: ``family="A"``); none for
        the parameters alone.

    Returns
    -------
    pandas.DataFrame
        Indexed by quantity: parameters, the noise's, and forecasts. ``prior`` and
        ``likelihood``: the sensitivities (change of the distribution for each doubling of the
        power; no unit; 0.05 and more counts); ``strongest_prior``, the quantity whose prior
        alone matters most, empty below 0.05; ``diagnosis`` in words, empty where neither counts
        against the other.

    Raises
    ------
    LawError
        If this is no fit, or an input is missing or unknown.
    DataError
        If an input is not positive and finite, or the fit does not hold its log likelihood.

    References
    ----------
    Kallioinen et al. (2024), "Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling", arXiv:2107.14054.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> bs.sensitivity_to_prior(fit, x=1e4).index.tolist()
    ['irreducible', 'scale', 'exponent', 'sigma', 'forecast at x=10000']
    """
    import arviz as az
    import pandas as pd
    import xarray as xr

    _check_fit(fit, "sensitivity_to_prior")
    _check_of(of)
    if "log_likelihood" not in fit.tree:
        raise DataError(
            f"The fit to {len(fit.runs)} runs does not hold its log likelihood, which is too "
            "large: with so many the prior hardly matters. Fit fewer draws to see it."
        )
    watched = _watched(fit, _asked(fit, inputs) if inputs else None, of)
    prior = log_priors(fit)
    tree = xr.DataTree.from_dict(
        {
            "posterior": watched,
            "log_prior": prior,
            "log_likelihood": fit.tree["log_likelihood"].to_dataset(),
        }
    )

    def sense(group: str, names: list[str] | None = None) -> pd.Series:
        if names and np.ptp(prior[names].to_dataarray().sum("variable").to_numpy()) == 0:
            return pd.Series(0.0, index=[str(name) for name in watched])  # flat: no power bends it
        found = az.psense(tree, group=group, alphas=ALPHAS, group_var_names=names)
        return pd.Series({str(name): float(found[name]) for name in watched})

    every = [str(name) for name in prior]
    table = pd.DataFrame({"prior": sense("prior", every), "likelihood": sense("likelihood")})
    alone = pd.DataFrame({name: sense("prior", [name]) for name in every})
    table["strongest_prior"] = [
        str(row.idxmax()) if row.max() >= SENSITIVE else "" for _, row in alone.iterrows()
    ]
    table["diagnosis"] = [_diagnosis(*row) for row in table[["prior", "likelihood"]].to_numpy()]
    return table.rename_axis("quantity")


def log_priors(fit: Fit) -> xr.Dataset:
    """Return the log prior density of every quantity that carries a prior, draw by draw.

    Parameters
    ----------
    fit
        A fit.

    Returns
    -------
    xarray.Dataset
        A variable for each quantity, dimensions (chain, draw), the sum over components and levels:
        what ArviZ expects in the group ``log_prior``.
    """
    import xarray as xr

    slots = fit.coordinates.free
    found = {}
    for slot in slots:
        value = fit.quantities[slot.quantity]
        parts = value if slot.size is not None else (value,)
        total = np.sum([frozen(slot).logpdf(part) for part in parts], axis=0)
        total = total.sum(0) if slot.by else total
        found[slot.quantity] = (("chain", "draw"), total)
    coords = {name: fit.tree["posterior"][name].to_numpy() for name in ("chain", "draw")}
    return xr.Dataset(found, coords)


def _watched(fit: Fit, made: Any, of: str) -> xr.Dataset:
    """Return draws of everything that moves: parameters by component, noise, forecasts."""
    import xarray as xr

    every = posterior.named_by_level(fit.runs, fit.parameters | fit.noise)
    every |= posterior.named({n: fit.quantities[n] for n in populations(fit.coordinates)})
    if made is not None:
        drawn = made.draws(of)
        for i in range(drawn.shape[-1]):
            where = ", ".join(
                f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                for name, value in made.inputs.iloc[i].items()
            )
            every[f"{FORECAST} at {where}"] = drawn[..., i]
    moving = {
        name: (("chain", "draw"), values) for name, values in every.items() if np.ptp(values) > 0
    }
    coords = {name: fit.tree["posterior"][name].to_numpy() for name in ("chain", "draw")}
    return xr.Dataset(moving, coords)


def _diagnosis(prior: float, likelihood: float) -> str:
    if prior >= SENSITIVE and likelihood >= SENSITIVE:
        return "the prior matters beside the runs: they may disagree"
    if prior >= SENSITIVE:
        return "the prior speaks, the runs hardly do"
    return ""


def _asked(fit: Fit, inputs: Mapping[str, Any]) -> Any:
    """Return a forecast; the newest forecast that the fit keeps stays as it was."""
    return replace(fit, tree=fit.tree.copy()).forecast(drift=0.0, **inputs)


def _forecast_draws(made: Any, of: str) -> xr.DataArray:
    """Return a forecast's draws with the dimensions that ArviZ takes."""
    import xarray as xr

    drawn = made.draws(of)
    coords = {"chain": np.arange(drawn.shape[0]), "draw": np.arange(drawn.shape[1])}
    return xr.DataArray(drawn, coords, ("chain", "draw", "at"), name=FORECAST)


def _check_fit(fit: Any, caller: str) -> None:
    if not isinstance(fit, fitting.Fit):
        raise LawError(
            f"{caller} takes a fit (law.fit(...)); got "
            f"{getattr(fit, '__name__', type(fit).__name__)}. Of an ensemble, give each member."
        )


def _check_of(of: str) -> None:
    if of not in ("curve", "observation"):
        raise LawError(f"of= must be 'curve' or 'observation'; got {of!r}.")
