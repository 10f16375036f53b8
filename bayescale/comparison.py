"""Which law interpolates best: PSIS leave-one-out cross-validation, with weak spots repaired."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import fitting
from bayescale.arguments import check_arguments
from bayescale.errors import DataError, DataWarning, LawError
from bayescale.given import has_length, short
from bayescale.leaving_out import by_folds, pointwise_loo, repaired_loo
from bayescale.progress import task
from bayescale.workers import check

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

METHODS = ("stacking", "BB-pseudo-BMA", "pseudo-BMA")


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What fits say of rows or runs that were left out.

    Parameters
    ----------
    results
        Name to ArviZ's record, with a number for each unit.
    worst
        Name to the highest Pareto k before repair.
    repaired
        Name to how many units were repaired.
    units
        Which rows were left out together, as numbers from 0; shape (row,).
    """

    results: dict[str, Any]
    worst: dict[str, float]
    repaired: dict[str, int]
    units: np.ndarray


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
    check_arguments(compare, locals())
    import arviz as az

    if method not in METHODS:
        raise LawError(f"method= must be one of {', '.join(METHODS)}; got {short(method)}.")
    found = left_out(
        fits, repair, by=by, folds=folds, workers=workers, executor=executor, progress=progress
    )
    results, worst, repaired, units = found.results, found.worst, found.repaired, found.units
    # Inside ArviZ's weights, where a law is so much worse that its density is 0 beside another's.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        table = az.compare(results, method=method, round_to="none")
    if not np.isfinite(table["weight"].to_numpy(float)).all():
        warnings.warn(
            f"The weights by {method} could not be found, since laws lie too far apart; the column "
            'weight has gaps. method="pseudo-BMA" weighs by elpd alone.',
            DataWarning,
            stacklevel=2,
        )
    table["worst_pareto_k"] = [worst[name] for name in table.index]
    table["repaired"] = [repaired[name] for name in table.index]
    table["warning"] = [_warning(row) for _, row in table.iterrows()]
    order = ["rank", "elpd", "se", "p", "elpd_diff", "dse", "p_worse", "weight"]
    order += ["worst_pareto_k", "repaired", "diag_diff", "diag_elpd", "warning"]
    made = table[order].rename_axis("law")
    made.attrs["by"] = "row" if len(np.unique(units)) == len(units) else "run"
    return made


def left_out(
    fits: Mapping[str, Fit],
    repair: bool,
    *,
    by: str | None,
    folds: int | None,
    workers: int | None,
    executor: Any,
    progress: bool | None,
) -> LeftOut:
    """Leave every row or run out of every fit, as :func:`compare` is told to.

    Parameters
    ----------
    fits, repair, by, folds, workers, executor, progress
        As for :func:`compare`.

    Returns
    -------
    LeftOut
        What each law says of each.
    """
    check_same_rows(fits)
    check(executor, workers)
    units = _units(fits, by)
    count = len(np.unique(units))
    if folds is not None and (isinstance(folds, bool) or not 2 <= folds <= count):
        raise LawError(f"folds= must be a whole number from 2 to {count}; got {short(folds)}.")
    results, worst, repaired = {}, {}, {}
    with task("Comparing", total=len(fits), progress=progress) as bar:
        for name, fit in fits.items():
            bar.update(f"Comparing: leave one out, {name}")
            plain = pointwise_loo(fit, quiet=repair or folds is not None, units=units)
            worst[name] = float(plain.pareto_k.max())
            results[name], repaired[name] = plain, 0
            if folds is not None:
                results[name] = by_folds(fit, plain, units, folds, workers, executor)
                repaired[name] = count
            elif repair:
                found = repaired_loo(fit, plain, units=units, workers=workers, executor=executor)
                results[name], repaired[name] = found
            bar.update(advance=1)
    return LeftOut(results, worst, repaired, units)


def _units(fits: Mapping[str, Fit], by: str | None) -> np.ndarray:
    """Return which rows are left out together, as numbers from 0."""
    if by not in (None, "run", "row"):
        of_groups = any(by in fit.groups for fit in fits.values())
        instead = (
            " Which level prefers which law is bs.compare_by_group's answer."
            " Whole groups left out are those of bs.backtest(..., new_groups=5), which fits again "
            "without them."
        )
        raise LawError(
            f"by= must be 'run' or 'row'; got {short(by)}.{instead if of_groups else ''}"
        )
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
            f"got {type(fits).__name__} of {len(fits) if has_length(fits) else 1}."
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


def check_groups(fits: Mapping[str, Fit]) -> None:
    """Raise a LawError unless one fit varies with all columns with which any other does.

    A forecast of a mixture asks each member for the levels of its own columns, and the runs of the
    widest one know them all.
    """
    widest = max(fits, key=lambda name: len(fits[name].groups))
    for name, fit in fits.items():
        odd = [column for column in fit.groups if column not in fits[widest].groups]
        if odd:
            known = ", ".join(map(repr, fits[widest].groups))
            raise LawError(
                f"{name!r} varies by {odd[0]!r}, with which {widest!r} (by {known}) does not, so "
                "no runs hold all columns. Let one law vary with all of them, or take one group "
                "of each fit: fit.at(...)."
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
    first = next(iter(fits.values())).runs
    runs, held = first.frame(), backtest.runs
    numbers = [*first.columns.values(), first.outcome_column]
    same = set(numbers) <= set(held.columns) and len(runs) == len(held)
    if not same or not np.allclose(runs[numbers].to_numpy(float), held[numbers].to_numpy(float)):
        raise DataError(
            f"The backtest is not on the rows of the fits: it has {len(held)} runs of "
            f"{backtest.y!r}, the fits have {len(runs)} of {runs.columns[-1]!r}, or their values "
            "or order differ. Backtest and fit the laws on one table."
        )


def _warning(row: Any) -> str:
    return f"high Pareto k left: {row['diag_elpd']}" if row["diag_elpd"] else ""
