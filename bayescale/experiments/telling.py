"""What simulated studies told: shares and widths, by design."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.labelling import named
from bayescale.verdicts import SMALL_ELPD

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fit_table import FitTable

#: Probability of the interval of a share of studies.
_SHARE = 0.9


def per_study(
    fits: FitTable, label: str, names: list[str], truths: Sequence[Mapping[str, Any]], several: bool
) -> pd.DataFrame:
    """Return a row for each design, study and quantity.

    Parameters
    ----------
    fits
        Of all studies, by design and study.
    label
        The law that is true.
    names
        Parameters to report, components by number.
    truths
        By study, parameter to its true value; components as a tuple.
    several
        Whether there is a rival law.

    Returns
    -------
    pandas.DataFrame
        As :class:`bayescale.PowerStudy` has it.
    """
    import pandas as pd

    found: Any = fits.table.xs(label, level="law") if several else fits.table
    rows = []
    for (design, study), row in found.iterrows():
        if row["failure"]:
            continue
        true = {name: float(np.asarray(v)) for name, v in named(truths[study]).items()}
        for name in names:
            median, low, high = (row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
            truth = true.get(name, math.nan)
            inside = bool(low <= truth <= high) if name in true else None
            rows.append((design, study, name, truth, median, low, high, high - low, inside))
    columns = ["design", "study", "quantity", "truth", "median", "lower", "upper", "width"]
    return pd.DataFrame(rows, columns=[*columns, "inside"])


def by_design(
    table: pd.DataFrame,
    fits: FitTable,
    found: pd.DataFrame,
    label: str,
    rivals: list[str],
    near: Mapping[str, float],
) -> pd.DataFrame:
    """Return the table over designs.

    Parameters
    ----------
    table
        What describes each design.
    fits
        Of all studies.
    found
        What :func:`per_study` returns.
    label, rivals
        The law that is true, and its rival if there is one.
    near
        Quantity to how near it is to be found.

    Returns
    -------
    pandas.DataFrame
        As :class:`bayescale.PowerStudy` has it.
    """
    each: Any = fits.table.xs(label, level="law") if rivals else fits.table
    fine = each[each["failure"] == ""]
    rows = table.copy()
    grouped: Any = fine.groupby("design")
    rows["fitted"] = grouped.size().reindex(rows.index, fill_value=0)
    rows["good"] = grouped["good"].mean().astype(float).reindex(rows.index)
    if rivals:
        rows = rows.join(_told(fits, label))
    part: Any
    for name, part in found.groupby("quantity", sort=False):
        by = part.groupby("design")
        rows[f"{name}_width"] = by["width"].median().reindex(rows.index)
        if part["truth"].notna().all():
            error = (part["median"] - part["truth"]).abs().groupby(part["design"]).median()
            rows[f"{name}_coverage"] = by["inside"].mean().astype(float).reindex(rows.index)
            rows[f"{name}_error"] = error.reindex(rows.index)
        if name in near:
            reach = np.maximum(part["upper"] - part["median"], part["median"] - part["lower"])
            share = (reach <= near[str(name)]).groupby(part["design"]).mean()
            rows[f"{name}_within"] = share.reindex(rows.index)
    return rows


def _told(fits: FitTable, label: str) -> pd.DataFrame:
    """Return how often the law is told from its rival, and the rival from it."""
    import pandas as pd

    best = fits.best()
    both = best[best["laws"] == 2]
    clear = (both["elpd_lead"] >= SMALL_ELPD) & (both["elpd_lead"] >= 2 * both["lead_se"])
    marks = pd.DataFrame(
        {"told": clear & (both["law"] == label), "misled": clear & (both["law"] != label)}
    )
    grouped = marks.groupby("design")
    counts: Any = grouped["told"].sum()
    total: Any = grouped.size()
    low, high = share_interval(counts.to_numpy(), total.to_numpy())
    return pd.DataFrame(
        {
            "told": counts / total,
            "told_lower": low,
            "told_upper": high,
            "misled": grouped["misled"].mean(),
        }
    )


def share_interval(count: Any, total: Any, prob: float = _SHARE) -> tuple[np.ndarray, np.ndarray]:
    """Return the equal-tailed interval of a share under Jeffreys' prior.

    Parameters
    ----------
    count, total
        How many of how many; shapes that broadcast.
    prob
        Probability of the interval.

    Returns
    -------
    lower, upper
        Shares; 0 where none, and 1 where all were counted.
    """
    from scipy.special import betaincinv

    count, total = np.asarray(count, float), np.asarray(total, float)
    tail = (1 - prob) / 2
    low = betaincinv(count + 0.5, total - count + 0.5, tail)
    high = betaincinv(count + 0.5, total - count + 0.5, 1 - tail)
    return np.where(count == 0, 0.0, low), np.where(count == total, 1.0, high)
