"""Which law interpolates best: PSIS leave-one-out cross-validation, with weak spots repaired."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import fitting, posterior
from bayescale.coordinates import Coordinates, split
from bayescale.data import check_enough
from bayescale.errors import DataError, LawError
from bayescale.model import OUTCOME
from bayescale.progress import task
from bayescale.scoring import log_mean_exp
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtesting import Backtest
    from bayescale.fitting import Fit

METHODS = ("stacking", "BB-pseudo-BMA", "pseudo-BMA")


def compare(
    fits: Mapping[str, Fit],
    *,
    method: str = "stacking",
    repair: bool = True,
    by: str | None = None,
    folds: int | None = None,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Compare laws by leave-one-out cross-validation on the rows they were fitted to.

    Where rows are of several runs (``run=``) or share a configuration, whole runs are left out:
    a run's other rows tell the one that is left out, so rows of one run are not independent.

    The predictive density of each row (or run) without it comes from Pareto-smoothed importance
    sampling by ArviZ. Where its Pareto k is too high the draws are moved to the left-out posterior
    by moment matching, and where that fails the law is fitted again without it. LOO measures
    interpolation: use :func:`bayescale.backtest` to see who extrapolates.

    Parameters
    ----------
    fits
        Name to fit; all on the same rows.
    method
        How ArviZ weighs the laws: ``"stacking"``, ``"BB-pseudo-BMA"`` or ``"pseudo-BMA"``.
    repair
        Whether to repair rows with high Pareto k. Without it every row of the table equals
        ``az.loo(fit.tree)``; with it, those whose ``repaired`` is 0.
    by
        ``"run"`` to leave out all rows of a run, or of a configuration, at once; ``"row"`` to leave
        out single rows. By default runs, where any fit was told of them.
    folds
        Fit each law this many times, each time without as many runs (or rows) at random, instead
        of importance sampling: of many runs this is quicker than repairing each.
    workers, executor
        Who fits laws again without a row, as for :func:`fit_many`; this process by default.
    progress
        Whether to show what is under way.

    Returns
    -------
    pandas.DataFrame
        Indexed by law, best first. ``elpd``: expected log predictive density, sum over rows, of
        y in its own units; ``se`` its standard error; ``p`` effective parameters; ``elpd_diff``
        to the best (0 or negative) with its standard error ``dse`` (over rows or runs);
        ``p_worse`` and the flags
        ``diag_diff`` and ``diag_elpd`` as ArviZ has them; ``weight``; ``worst_pareto_k``
        before repair; ``repaired``, how many rows or runs were; ``warning`` where weak ones are
        left. ``.attrs["by"]`` says what was left out.

    Raises
    ------
    LawError
        If fewer than two fits are given, or the method, ``by`` or ``folds`` is out of range.
    DataError
        If the fits are not on the same rows, or too few are left without a run.

    References
    ----------
    Vehtari, Gelman, Gabry (2017), arXiv:1507.04544; Paananen et al. (2021), arXiv:1906.08850.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    >>> fits = {k: v.fit(runs, y="loss", x="x", progress=False) for k, v in laws.items()}
    >>> bs.compare(fits, progress=False).index[0]
    'floor'
    """
    import arviz as az

    check_same_rows(fits)
    check(executor, workers)
    if method not in METHODS:
        raise LawError(f"method= must be one of {', '.join(METHODS)}; got {method!r}.")
    units = _units(fits, by)
    count = len(np.unique(units))
    if folds is not None and (isinstance(folds, bool) or not 2 <= folds <= count):
        raise LawError(f"folds= must be a whole number from 2 to {count}; got {folds!r}.")
    results, worst, repaired = {}, {}, {}
    with task("Comparing", total=len(fits), progress=progress) as bar:
        for name, fit in fits.items():
            bar.update(f"Comparing: leave one out, {name}")
            plain = pointwise_loo(fit, quiet=repair or folds is not None, units=units)
            worst[name] = float(plain.pareto_k.max())
            results[name], repaired[name] = plain, 0
            if folds is not None:
                results[name] = _by_folds(fit, plain, units, folds, workers, executor)
                repaired[name] = count
            elif repair:
                found = repaired_loo(fit, plain, units=units, workers=workers, executor=executor)
                results[name], repaired[name] = found
            bar.update(advance=1)
    with np.errstate(over="ignore"):  # inside ArviZ's weights
        table = az.compare(results, method=method, round_to="none")
    table["worst_pareto_k"] = [worst[name] for name in table.index]
    table["repaired"] = [repaired[name] for name in table.index]
    table["warning"] = [_warning(row) for _, row in table.iterrows()]
    order = ["rank", "elpd", "se", "p", "elpd_diff", "dse", "p_worse", "weight"]
    order += ["worst_pareto_k", "repaired", "diag_diff", "diag_elpd", "warning"]
    made = table[order].rename_axis("law")
    made.attrs["by"] = "row" if count == len(units) else "run"
    return made


def _units(fits: Mapping[str, Fit], by: str | None) -> np.ndarray:
    """Return which rows are left out together, as numbers from 0."""
    if by not in (None, "run", "row"):
        raise LawError(f"by= must be 'run' or 'row'; got {by!r}.")
    alone = np.arange(len(next(iter(fits.values())).runs))
    if by == "row":
        return alone
    told = {name: fit.runs.units for name, fit in fits.items()}
    told = {name: units for name, units in told.items() if len(np.unique(units)) < len(units)}
    if not told:
        if by == "run":
            raise LawError(
                "by='run' needs fits whose rows are of several runs: fit with run='column'."
            )
        return alone
    (first, units), *others = told.items()
    for name, other in others:
        if not np.array_equal(units, other):
            raise DataError(
                f"{first!r} and {name!r} do not agree which rows are of one run. Fit all laws with "
                "the same run= (and configurations), or compare by='row'."
            )
    return units


def check_same_rows(fits: Mapping[str, Fit]) -> None:
    """Raise an error unless there are two fits or more, all on the same rows and outcome."""
    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise LawError(
            "Give two or more fits by name: compare({'power law': fit, 'broken': fit2}); "
            f"got {type(fits).__name__} of {len(fits) if hasattr(fits, '__len__') else 1}."
        )
    for name, fit in fits.items():
        if not isinstance(fit, fitting.Fit):
            raise LawError(f"{name!r} must be a fit (law.fit(...)); got {type(fit).__name__}.")
    (first, reference), *others = fits.items()
    for name, fit in others:
        outcomes = [_outcome(each) for each in (reference, fit)]
        if outcomes[0] != outcomes[1]:
            raise DataError(
                f"The fits are not of the same outcome: {first!r} models {outcomes[0]}, {name!r} "
                f"models {outcomes[1]}. Densities of different outcomes can neither be compared "
                "nor mixed: fit all laws to the same y= and ceiling=."
            )
        if not fit.runs.same_rows(reference.runs):
            raise DataError(
                f"The fits are not on the same rows: {first!r} has {len(reference.runs)} runs of "
                f"{reference.runs.outcome_column!r}, {name!r} has {len(fit.runs)} of "
                f"{fit.runs.outcome_column!r}, or their values or order differ. Predictive "
                "densities can only be compared on the same rows: fit all laws to one table."
            )


def _outcome(fit: Fit) -> str:
    ceiling = fit.runs.ceiling
    return repr(fit.runs.outcome_column) + ("" if ceiling is None else f" below {ceiling:g}")


def conditional(fit: Fit) -> bool:
    """Return whether a row's density is given the rows before it: noise along the curve."""
    return bool(getattr(fit.likelihood, "correlated", False))


def check_backtest(fits: Mapping[str, Fit], backtest: Backtest) -> None:
    """Raise an error unless a backtest is of these laws, by these names, on the fits' rows."""
    known = list(dict.fromkeys(backtest.points["law"]))
    missing = [name for name in fits if name not in known]
    if missing:
        raise LawError(
            f"The backtest has no law {missing[0]!r}; it has {', '.join(map(str, known))}. "
            "Give the fits and the backtest the same names."
        )
    runs = next(iter(fits.values())).runs.frame()
    held = backtest.runs
    same = list(runs.columns) == list(held.columns) and len(runs) == len(held)
    if not same or not np.allclose(runs.to_numpy(float), held.to_numpy(float)):
        raise DataError(
            f"The backtest is not on the rows of the fits: it has {len(held)} runs of "
            f"{backtest.y!r}, the fits have {len(runs)} of {runs.columns[-1]!r}, or their values "
            "or order differ. Backtest and fit the laws on one table."
        )


def pointwise_loo(fit: Fit, quiet: bool = False, units: np.ndarray | None = None) -> Any:
    """Return ArviZ's LOO of a fit, row by row or unit by unit; its warning is kept unless quiet.

    Parameters
    ----------
    fit
        The fit.
    quiet
        Whether weak rows will be repaired, so that nothing is to be said of them.
    units
        Which rows are left out together, as numbers from 0; each alone by default.

    Returns
    -------
    arviz.ELPDData
        With a number for each unit.
    """
    import arviz as az

    if "log_likelihood" not in fit.tree:
        if units is not None and len(np.unique(units)) < len(units):
            raise DataError(
                f"{len(fit.runs)} rows are too many to leave out whole runs: the fit does not hold "
                "their log likelihood. Compare by='row', or fit fewer draws."
            )
        return _loo_of_many(fit)
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", UserWarning)
        return az.loo(_by_unit(fit, units), pointwise=True)


def _by_unit(fit: Fit, units: np.ndarray | None) -> Any:
    """Return the fit's tree with the log likelihood summed up by unit."""
    import xarray as xr

    if units is None or len(np.unique(units)) == len(units):
        return fit.tree
    rows = fit.tree["log_likelihood"].to_dataset()[OUTCOME]
    summed = _summed(rows.transpose("chain", "draw", "run").to_numpy(), units)
    dims = ("chain", "draw", "run")
    coords = {d: rows[d].to_numpy() for d in dims[:2]} | {"run": np.arange(summed.shape[-1])}
    groups = {
        "posterior": fit.tree["posterior"].to_dataset(),
        "log_likelihood": xr.Dataset({OUTCOME: (dims, summed)}, coords),
    }
    return xr.DataTree.from_dict(groups)


def _summed(rows: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """Return sums over the rows of each unit, along the last axis."""
    if units is None:
        return rows
    belongs = (units[:, None] == np.arange(units.max() + 1)).astype(float)
    return rows @ belongs if len(belongs[0]) < len(belongs) else rows


def _by_folds(
    fit: Fit, plain: Any, units: np.ndarray, folds: int, workers: int | None, executor: Any
) -> Any:
    """Return ArviZ's record with each unit told by a fit without its fold."""
    order = np.random.default_rng(fit.settings.seed).permutation(units.max() + 1)
    parts = np.array_split(order, folds)
    left_out = [np.flatnonzero(np.isin(units, part)) for part in parts]
    made = _fitted_without(fit, left_out, workers, executor)
    elpd = np.empty(units.max() + 1)
    full = log_mean_exp(_summed(_log_likelihood(fit, fit.parameters, fit.noise), units))
    for part, (parameters, noise) in zip(parts, made, strict=True):
        elpd[part] = log_mean_exp(_summed(_log_likelihood(fit, parameters, noise), units))[part]
    found = copy.deepcopy(plain)
    found.elpd_i = plain.elpd_i.copy(data=elpd)
    found.pareto_k = plain.pareto_k.copy(data=np.zeros_like(elpd))
    found.elpd, found.se = float(elpd.sum()), float(np.sqrt(len(elpd) * elpd.var()))
    found.p, found.warning = float((full - elpd).sum()), False
    return found


def _log_likelihood(fit: Fit, parameters: dict, noise: dict) -> np.ndarray:
    """Return the log likelihood of the fit's rows, shape (draw, row)."""
    rows = posterior.log_likelihood(fit.law, fit.likelihood, fit.runs, parameters, noise)
    return rows.reshape(-1, rows.shape[-1])


def _loo_of_many(fit: Fit) -> Any:
    """Return ArviZ's record of LOO where the log likelihood is too large to be held."""
    import arviz as az
    import xarray as xr

    found = fit.loo()
    weak = bool((found.pareto_k > found.good_k).any())
    coords = {"run": np.arange(len(fit.runs))}
    return az.ELPDData(
        elpd=found.elpd, se=found.se, p=float(found.p_i.sum()),
        n_samples=found.draws, n_data_points=len(fit.runs), scale="log", warning=weak,
        good_k=found.good_k, elpd_i=xr.DataArray(found.elpd_i, coords, name=OUTCOME),
        pareto_k=xr.DataArray(found.pareto_k, coords, name=OUTCOME),
    )  # fmt: skip


def repaired_loo(
    fit: Fit,
    plain: Any,
    *,
    units: np.ndarray | None = None,
    workers: int | None = None,
    executor: Any = None,
) -> tuple[Any, int]:
    """Repair the rows of high Pareto k by moment matching, then by fitting without them.

    Parameters
    ----------
    fit
        The fit.
    plain
        Its pointwise LOO.
    units
        Which rows are left out together, as for :func:`pointwise_loo`.
    workers, executor
        Who fits again, as for :func:`compare`.

    Returns
    -------
    result
        ArviZ's record with the repaired rows.
    repaired
        How many rows or units were repaired.
    """
    bad = int((plain.pareto_k > plain.good_k).sum())
    if bad == 0 or "log_likelihood" not in fit.tree:
        return plain, 0
    import arviz as az

    # ArviZ's log(1 + exp(x)) overflows where a moved draw weighs nothing.
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore", UserWarning)
        functions = _moment_functions(fit, units)
        matched = az.loo_moment_match(_by_unit(fit, units), plain, pointwise=True, **functions)
        weak = np.flatnonzero(matched.pareto_k.to_numpy() > matched.good_k)
        fits = _fits_without(fit, weak, workers, executor, units)
        exact = az.reloo(_refitter(fit, fits, units), matched, pointwise=True)
    return exact, bad


def _moment_functions(fit: Fit, units: np.ndarray | None = None) -> dict[str, Any]:
    """The density in the sampler's coordinates, as ArviZ's moment matching wants it."""
    import xarray as xr

    coordinates = Coordinates(fit.law, fit.likelihood)
    numbers = coordinates.numbers(fit.runs.references)
    free = [slot.quantity for slot in coordinates.free]
    values = posterior.unlabelled(fit.tree["posterior"].to_dataset(), free)
    fixed = {
        n: numbers[f"{n}_value"] for n in (s.quantity for s in coordinates.slots) if n not in free
    }
    z = coordinates.invert({**fixed, **values}, numbers)
    columns: list[np.ndarray] = []
    for name, size in coordinates.sizes.items():
        columns += [z[name]] if size is None else list(z[name])
    dims = ("chain", "draw", "coordinate")
    coords = {d: fit.tree["posterior"][d].to_numpy() for d in dims[:2]}

    def densities(vectors: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            array = vectors.transpose(*dims).to_numpy()
            got, jacobian = coordinates.values(split(array, coordinates.sizes), numbers)
            natural, noise = coordinates.natural(got, numbers)
            rows = posterior.log_likelihood(fit.law, fit.likelihood, fit.runs, natural, noise)
            total = coordinates.log_prior(got, jacobian) + rows.sum(-1)
            rows = _summed(rows, units)
        return np.nan_to_num(total, nan=-np.inf), np.nan_to_num(rows, nan=-1e10, neginf=-1e10)

    return {
        "upars": xr.DataArray(np.stack(columns, axis=-1), dims=dims, coords=coords),
        "log_prob_upars_fn": lambda upars: xr.DataArray(
            densities(upars)[0], dims=dims[:2], coords=coords
        ),
        "log_lik_i_upars_fn": lambda upars, i: xr.DataArray(
            densities(upars)[1][..., i], dims=dims[:2], coords=coords
        ),
    }


def _fits_without(
    fit: Fit,
    weak: np.ndarray,
    workers: int | None,
    executor: Any,
    units: np.ndarray | None = None,
) -> dict[int, tuple[dict, dict]]:
    """Fit the law again without each of some rows or units; parameters and noise by number."""
    of_rows = np.arange(len(fit.runs)) if units is None else units
    left_out = [np.flatnonzero(of_rows == number) for number in weak]
    made = _fitted_without(fit, left_out, workers, executor)
    return dict(zip(weak.tolist(), made, strict=True))


def _fitted_without(
    fit: Fit, left_out: list[np.ndarray], workers: int | None, executor: Any
) -> list[tuple[dict, dict]]:
    import cloudpickle

    if not left_out:
        return []
    for rows in left_out:
        kept = fit.runs.rows(np.setdiff1d(np.arange(len(fit.runs)), rows))
        try:
            check_enough(fit.law, kept)
        except DataError as error:
            raise DataError(f"Without {len(rows)} of {len(fit.runs)} rows: {error}") from None
    packed = cloudpickle.dumps((fit.law, fit.likelihood, fit.runs, fit.settings))
    return ordered(fitted_without, packed, left_out, workers=workers, executor=executor)


def fitted_without(packed: bytes, left_out: Sequence[np.ndarray]) -> list[tuple[dict, dict]]:
    """Fit a law again without some rows; the priors stay put.

    Parameters
    ----------
    packed
        Law, likelihood, runs and settings, pickled.
    left_out
        Positions of the rows to leave out, for each fit.

    Returns
    -------
    list of (dict, dict)
        Draws of the law's parameters and of the noise's.
    """
    import cloudpickle

    law, likelihood, runs, settings = cloudpickle.loads(packed)
    found = []
    for rows in left_out:
        kept = runs.rows(np.setdiff1d(np.arange(len(runs)), rows), anchored=True)
        draws = fitting.sampled(law, likelihood, kept, replace(settings, retry=True)).draws
        found.append((draws.parameters, draws.noise))
    return found


def _refitter(
    fit: Fit, fits: Mapping[int, tuple[dict, dict]], units: np.ndarray | None = None
) -> Any:
    """Return ArviZ's wrapper around the fits without a row or a unit."""
    import arviz as az
    import xarray as xr

    class Refitter(az.SamplingWrapper):
        def sel_observations(self, idx):
            (number,) = np.atleast_1d(idx).tolist()
            return number, number

        def sample(self, modified_observed_data):
            return fits[modified_observed_data]

        def get_inference_data(self, fitted_model):
            return fitted_model

        def log_likelihood__i(self, excluded_obs, idata__i):
            parameters, noise = idata__i
            rows = posterior.log_likelihood(fit.law, fit.likelihood, fit.runs, parameters, noise)
            density = _summed(rows, units)[..., excluded_obs]
            return xr.DataArray(density, dims=("chain", "draw"), name=OUTCOME)

    return Refitter(model=None, idata_orig=_by_unit(fit, units))


def _warning(row: Any) -> str:
    return f"high Pareto k left: {row['diag_elpd']}" if row["diag_elpd"] else ""
