"""Which group prefers which law: leave-one-out, level by level."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import comparison
from bayescale.arguments import check_arguments
from bayescale.errors import DataError, LawError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit


def compare_by_group(
    fits: Mapping[str, Fit],
    column: str,
    *,
    repair: bool = True,
    by: str | None = None,
    folds: int | None = None,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    r"""Compare each pair of laws within each level of a column, by leave-one-out.

    .. math:: \Delta_j = \sum_{i \in j} \delta_i, \quad
              \mathrm{se}_j = \sqrt{n_j \mathrm{Var}_{i \in j}(\delta_i)}, \quad
              \delta_i = \mathrm{elpd}_i^{A} - \mathrm{elpd}_i^{B}

    where i are the rows of level j, or its runs. A law that all levels prefer and one that two
    levels out of ten carry look alike in :func:`compare`; here they do not.

    Parameters
    ----------
    fits
        Name to fit; all on the same rows. At least one varies with the column.
    column
        Its levels are told apart.
    repair, by, folds, workers, executor, progress
        As for :func:`compare`, which leaves out the same rows or runs.

    Returns
    -------
    pandas.DataFrame
        Indexed by level, ``law`` and ``against``, in the order of the levels and the fits.
        ``elpd_diff``: by how much the law's expected log predictive density of the level's rows is
        above the other's (positive: the law is better), of y in its own units; ``dse``, its
        standard error, and ``p_better``, the probability that the law is better, by a normal
        distribution of that width (both missing where the level has one row or run); ``elpd`` of
        the law; ``left_out``, how many rows or runs the level has. Standard errors of fewer than
        ten are themselves rough. ``.attrs["by"]`` says what was left out.

    Raises
    ------
    LawError
        If fewer than two fits are given, none varies with the column, or ``by`` or ``folds`` is out
        of range.
    DataError
        If the fits are not on the same rows, or a run has rows of two levels.

    See Also
    --------
    compare : over all rows, with weights.

    References
    ----------
    Vehtari, Gelman, Gabry (2017), arXiv:1507.04544, on the standard error of a difference.

    Examples
    --------
    >>> import bayescale as bs
    >>> import pandas as pd
    >>> one = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> two = one.assign(loss=2 * one["loss"])
    >>> runs = pd.concat([one.assign(family="A"), two.assign(family="B")], ignore_index=True)
    >>> level = bs.partial_pooling(by="family")
    >>> laws = {"alike": bs.PowerLaw(), "of its own": bs.PowerLaw(scale=level)}
    >>> fits = {k: v.fit(runs, y="loss", x="x", progress=False) for k, v in laws.items()}
    >>> table = bs.compare_by_group(fits, "family", progress=False)
    >>> bool((table["elpd_diff"] < 0).all())  # "alike" is worse in each
    True
    """
    check_arguments(compare_by_group, locals())
    import pandas as pd

    comparison.check_same_rows(fits)
    level, code = _levels(fits, column)
    found = comparison.left_out(
        fits, repair, by=by, folds=folds, workers=workers, executor=executor, progress=progress
    )
    of_unit = _of_units(code, found.units, column)
    elpd = {name: np.ravel(one.elpd_i) for name, one in found.results.items()}
    rows = []
    for j, name in enumerate(level):
        own = of_unit == j
        for law, against in combinations(fits, 2):
            apart = (elpd[law] - elpd[against])[own]
            count = len(apart)
            error = float(np.sqrt(count * apart.var(ddof=1))) if count > 1 else np.nan
            row = {column: name, "law": law, "against": against, "elpd_diff": apart.sum()}
            row |= {"dse": error, "p_better": _p_better(row["elpd_diff"], error)}
            row |= {"elpd": elpd[law][own].sum()}
            rows.append(row | {"left_out": count})
    table = pd.DataFrame(rows).set_index([column, "law", "against"])
    units = found.units
    table.attrs["by"] = "row" if len(np.unique(units)) == len(units) else "run"
    return table


def _p_better(difference: float, error: float) -> float:
    """Return the probability that a difference is above 0; not a number where its error is none."""
    from scipy.stats import norm

    if error == 0:  # two laws that predict the same, row by row
        return 0.5 + 0.5 * float(np.sign(difference))
    return float(norm.cdf(difference / error))


def _levels(fits: Mapping[str, Fit], column: str) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the levels of a column, and which one each row has."""
    for fit in fits.values():
        groups = fit.runs.groups
        if groups is not None and column in groups.columns:
            where = groups.columns.index(column)
            return groups.levels[where], groups.cells[fit.runs.cells, where]
    known = list(dict.fromkeys(name for fit in fits.values() for name in fit.groups))
    if not known:
        raise LawError(
            f"No fit varies with {column!r}, or with any column, so there are no groups to compare "
            f"by. Let a law vary: bs.partial_pooling(by={column!r}), or bs.compare all rows."
        )
    raise LawError(
        f"No fit varies with {column!r}; the fits vary with {', '.join(map(repr, known))}."
        f"{nearest(column, known)}"
    )


def _of_units(code: np.ndarray, units: np.ndarray, column: str) -> np.ndarray:
    """Return the level of each unit that is left out; all its rows must have the same."""
    of_unit = np.full(int(units.max()) + 1, -1)
    of_unit[units] = code
    if not np.array_equal(of_unit[units], code):
        raise DataError(
            f"Rows that are left out together (of one run, or one configuration) have several "
            f"levels of {column!r}, so none of them can say what is left out. Compare by='row', or "
            "give runs of different groups different names in run=."
        )
    return of_unit
