"""Which law interpolates best: PSIS leave-one-out cross-validation, with weak spots repaired."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import fitting, posterior
from bayescale.coordinates import Coordinates, split
from bayescale.errors import DataError, LawError
from bayescale.model import OUTCOME
from bayescale.progress import task
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
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Compare laws by leave-one-out cross-validation on the rows they were fitted to.

    Each row's predictive density without that row comes from Pareto-smoothed importance sampling
    by ArviZ. Where its Pareto k is too high the draws are moved to the left-out posterior by
    moment matching, and where that fails the law is fitted again without the row. LOO measures
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
    workers, executor
        Who fits laws again without a row, as for :func:`fit_many`; this process by default.
    progress
        Whether to show what is under way.

    Returns
    -------
    pandas.DataFrame
        Indexed by law, best first. ``elpd``: expected log predictive density, sum over rows, of
        y in its own units; ``se`` its standard error; ``p`` effective parameters; ``elpd_diff``
        to the best (0 or negative) with its standard error ``dse``; ``p_worse`` and the flags
        ``diag_diff`` and ``diag_elpd`` as ArviZ has them; ``weight``; ``worst_pareto_k``
        before repair; ``repaired``, how many rows were; ``warning`` where weak rows are left.

    Raises
    ------
    LawError
        If fewer than two fits are given, or the method is not known.
    DataError
        If the fits are not on the same rows.

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
    results, worst, repaired = {}, {}, {}
    with task("Comparing", total=len(fits), progress=progress) as bar:
        for name, fit in fits.items():
            bar.update(f"Comparing: leave one out, {name}")
            plain = pointwise_loo(fit, quiet=repair)
            worst[name] = float(plain.pareto_k.max())
            results[name], repaired[name] = plain, 0
            if repair:
                found = repaired_loo(fit, plain, workers=workers, executor=executor)
                results[name], repaired[name] = found
            bar.update(advance=1)
    with np.errstate(over="ignore"):  # inside ArviZ's weights
        table = az.compare(results, method=method, round_to="none")
    table["worst_pareto_k"] = [worst[name] for name in table.index]
    table["repaired"] = [repaired[name] for name in table.index]
    table["warning"] = [_warning(row) for _, row in table.iterrows()]
    order = ["rank", "elpd", "se", "p", "elpd_diff", "dse", "p_worse", "weight"]
    order += ["worst_pareto_k", "repaired", "diag_diff", "diag_elpd", "warning"]
    return table[order].rename_axis("law")


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


def pointwise_loo(fit: Fit, quiet: bool = False) -> Any:
    """Return ArviZ's LOO of a fit, row by row; its warning is kept unless rows are repaired."""
    import arviz as az

    if "log_likelihood" not in fit.tree:
        return _loo_of_many(fit)
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", UserWarning)
        return az.loo(fit.tree, pointwise=True)


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
    fit: Fit, plain: Any, *, workers: int | None = None, executor: Any = None
) -> tuple[Any, int]:
    """Repair the rows of high Pareto k by moment matching, then by fitting without them.

    Parameters
    ----------
    fit
        The fit.
    plain
        Its pointwise LOO.
    workers, executor
        Who fits again, as for :func:`compare`.

    Returns
    -------
    result
        ArviZ's record with the repaired rows.
    repaired
        How many rows were repaired.
    """
    bad = int((plain.pareto_k > plain.good_k).sum())
    if bad == 0 or "log_likelihood" not in fit.tree:
        return plain, 0
    import arviz as az

    # ArviZ's log(1 + exp(x)) overflows where a moved draw weighs nothing.
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore", UserWarning)
        matched = plain
        if not fit.groups:
            matched = az.loo_moment_match(fit.tree, plain, pointwise=True, **_moment_functions(fit))
        weak = np.flatnonzero(matched.pareto_k.to_numpy() > matched.good_k)
        fits = _fits_without(fit, weak, workers, executor)
        exact = az.reloo(_refitter(fit, fits), matched, pointwise=True)
    return exact, bad


def _moment_functions(fit: Fit) -> dict[str, Any]:
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
    fit: Fit, rows: np.ndarray, workers: int | None, executor: Any
) -> dict[int, tuple[dict, dict]]:
    """Fit the law again without each of some rows; parameters and noise by row."""
    import cloudpickle

    if not len(rows):
        return {}
    packed = cloudpickle.dumps((fit.law, fit.likelihood, fit.runs, fit.settings))
    found = ordered(fitted_without, packed, rows.tolist(), workers=workers, executor=executor)
    return dict(zip(rows.tolist(), found, strict=True))


def fitted_without(packed: bytes, rows: Sequence[int]) -> list[tuple[dict, dict]]:
    """Fit a law again without each of some rows; the priors stay put.

    Parameters
    ----------
    packed
        Law, likelihood, runs and settings, pickled.
    rows
        Positions of the rows to leave out, one at a time.

    Returns
    -------
    list of (dict, dict)
        Draws of the law's parameters and of the noise's.
    """
    import cloudpickle

    law, likelihood, runs, settings = cloudpickle.loads(packed)
    found = []
    for row in rows:
        kept = runs.rows(np.arange(len(runs)) != row, anchored=True)
        draws = fitting.sampled(law, likelihood, kept, replace(settings, retry=True)).draws
        found.append((draws.parameters, draws.noise))
    return found


def _refitter(fit: Fit, fits: Mapping[int, tuple[dict, dict]]) -> Any:
    """Return ArviZ's wrapper around the fits without a row."""
    import arviz as az
    import xarray as xr

    class Refitter(az.SamplingWrapper):
        def sel_observations(self, idx):
            (row,) = np.atleast_1d(idx).tolist()
            return row, row

        def sample(self, modified_observed_data):
            return fits[modified_observed_data]

        def get_inference_data(self, fitted_model):
            return fitted_model

        def log_likelihood__i(self, excluded_obs, idata__i):
            parameters, noise = idata__i
            row = slice(excluded_obs, excluded_obs + 1)
            density = posterior.log_likelihood(
                fit.law, fit.likelihood, fit.runs, parameters, noise, row
            )
            return xr.DataArray(density[..., 0], dims=("chain", "draw"), name=OUTCOME)

    return Refitter(model=None, idata_orig=fit.tree)


def _warning(row: Any) -> str:
    return f"high Pareto k left: {row['diag_elpd']}" if row["diag_elpd"] else ""
