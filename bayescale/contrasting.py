"""How levels of a column differ in a parameter, draw by draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import LawError, nearest
from bayescale.given import as_text, short
from bayescale.groups import Groups, dimension, subsets

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def contrasts(
    draws: np.ndarray,
    labels: Sequence[Any],
    against: Any = None,
    ratio: bool = False,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Return the differences of every pair of levels, or of every level to one.

    Parameters
    ----------
    draws
        Of the parameter, shape (level, chain, draw).
    labels
        Of the levels.
    against
        A level that all others are held against; by default every pair.
    ratio
        Whether to divide instead of subtracting.
    prob
        Probability of the equal-tailed interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``level``, ``against``, ``median``, ``lower``, ``upper`` and ``p_larger``, the
        probability that the level has the larger value.

    Raises
    ------
    LawError
        If there is one level only, or ``against`` is none of them.
    """
    import pandas as pd

    names = [str(label) for label in labels]
    if len(names) < 2:
        raise LawError("Differences need two levels or more; there is one.")
    if against is None:
        pairs = list(combinations(range(len(names)), 2))
    elif (named := as_text(against)) in names:
        one = names.index(named)
        pairs = [(i, one) for i in range(len(names)) if i != one]
    else:
        raise LawError(
            f"against= must be one of {', '.join(names[:8])}; got {short(against)}."
            f"{nearest(named, names)}"
        )
    levels, rows = [(1 - prob) / 2, 0.5, (1 + prob) / 2], []
    for i, j in pairs:
        gap = draws[i] / draws[j] if ratio else draws[i] - draws[j]
        low, middle, high = np.quantile(gap, levels)
        larger = float((draws[i] > draws[j]).mean() + 0.5 * (draws[i] == draws[j]).mean())
        rows.append((labels[i], labels[j], middle, low, high, larger))
    columns = ["level", "against", "median", "lower", "upper", "p_larger"]
    table = pd.DataFrame(rows, columns=columns)
    kind = "ratio" if ratio else "difference"
    table.attrs = {"probability": prob, "kind": "equal-tailed", "of": kind}
    return table


def that_vary(
    drawn: xr.Dataset, names: Iterable[str], groups: Groups | None
) -> dict[str, tuple[np.ndarray, list]]:
    """Return draws of what varies with a column or several, shape (level, chain, draw), and levels.

    Parameters
    ----------
    drawn
        A labelled posterior.
    names
        Of parameters and quantities.
    groups
        Of the fit.
    """
    dims = {dimension(by) for by in subsets(groups)} if groups else set()
    found = {}
    for name in dict.fromkeys(names):
        if name not in drawn or drawn[name].ndim != 3:
            continue
        for dim in dims.intersection(map(str, drawn[name].dims)):
            array = drawn[name].transpose(dim, "chain", "draw")
            found[str(name)] = array.to_numpy(), array[dim].to_numpy().tolist()
    return found
