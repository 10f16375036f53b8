"""Leave-one-out of a fit, by row or by run: importance sampling, and weak spots repaired."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import attempts, labelling, posterior
from bayescale.coordinates import Coordinates
from bayescale.errors import DataError
from bayescale.layout import split
from bayescale.model import OUTCOME
from bayescale.scoring import log_mean_exp
from bayescale.suitability import check_enough
from bayescale.workers import ordered

if TYPE_CHECKING:
    from bayescale.fitting import Fit


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
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # weights of next to nothing
        if quiet:
            warnings.simplefilter("ignore", UserWarning)
        found: Any = az.loo(_by_unit(fit, units), pointwise=True)
    lost = ~np.isfinite(found.elpd_i)
    if lost.any():  # which ArviZ may call good: nothing is known of them without a fit of their own
        found.pareto_k = found.pareto_k.where(~lost, np.inf)
        found.warning = True
    return found


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


def by_folds(
    fit: Fit, plain: Any, units: np.ndarray, folds: int, workers: int | None, executor: Any
) -> Any:
    """Return ArviZ's record with each unit told by a fit without its fold.

    Parameters
    ----------
    fit, plain, units
        The fit, its pointwise LOO, and which rows are left out together.
    folds
        How many fits.
    workers, executor
        Who fits again, as for :func:`bayescale.compare`.

    Returns
    -------
    arviz.ELPDData
        Without a Pareto k, since nothing is weighted.
    """
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
        # Of few draws there is no covariance to match moments by: those rows are fitted without.
        warnings.simplefilter("ignore", RuntimeWarning)
        matched = plain
        if not fit.groups:
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
    values = labelling.unlabelled(fit.tree["posterior"].to_dataset(), free)
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
        draws = attempts.sampled(law, likelihood, kept, replace(settings, retry=True)).draws
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
