"""The breaks of a broken power law: a table of them, and how far ahead one can be seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasts
from bayescale.arguments import check_arguments
from bayescale.curve_sources import curves_of
from bayescale.curves import Curves
from bayescale.derived_record import Derived
from bayescale.errors import DataError, LawError
from bayescale.given import SMALLEST, one_number, short

if TYPE_CHECKING:
    import pandas as pd

#: Decades from 10 % to 90 % of a change of slope, for each unit of the width f.
DECADES = 2 * math.log(9) / math.log(10)


def break_table(fit: Any, prob: float = 0.9, *, by_mode: bool = False) -> pd.DataFrame:
    r"""Return where each break lies, the exponents on either side, and how wide it is.

    .. math:: -\frac{d \log(y - L_\infty)}{d \log x} = c_0 + \sum_i c_i \,
              \frac{1}{1 + (d_i/x)^{1/f_i}}

    so the exponent goes from :math:`c_0 + \dots + c_{i-1}` to :math:`c_0 + \dots + c_i` at
    :math:`d_i`, and from 10 % to 90 % of the way in :math:`2 f_i \ln 9 / \ln 10` decades.

    Parameters
    ----------
    fit
        A fit of a law with breaks, or such a law whose parameters are all numbers.
    prob
        Probability of the equal-tailed interval.
    by_mode
        Whether to tell modes of the posterior apart, where it has several: two places can explain
        a curve's bend equally well, and an interval over both holds what neither says.

    Returns
    -------
    pandas.DataFrame
        Index: ``break`` (from 1) and ``quantity``: ``location``, ``exponent_before``,
        ``exponent_after`` (positive = falling) and ``width`` (10 % to 90 %). Columns:
        ``median``, ``lower``, ``upper``, ``unit``. By mode the index begins with ``mode`` (from 1,
        the likeliest first), and the columns ``share``, of the posterior, and ``share_se``, its
        Monte Carlo standard error, come last; a fit with one mode has that alone.

    Raises
    ------
    LawError
        If the law has no breaks, prob is not between 0 and 1, or modes are asked of what is no fit
        of one curve.

    References
    ----------
    Caballero et al. (2023), arXiv:2210.14891, section 2.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.BrokenPowerLaw(
    ...     irreducible=0.1, scale=1.0, exponent=0.1,
    ...     break_location=600.0, exponent_change=0.4, break_sharpness=2.0,
    ... )
    >>> bs.break_table(law).loc[1, "median"].round(3).to_dict()
    {'location': 600.0, 'exponent_before': 0.1, 'exponent_after': 0.5, 'width': 0.954}
    """
    check_arguments(break_table, locals())
    import pandas as pd

    forecasts.check_probability(prob)
    curves, breaks = _breaks(fit)
    column = next(iter(curves.columns.values()))
    before = curves.parameter("exponent")
    found: dict[tuple[int, str], tuple[np.ndarray, str]] = {}
    for i, (location, change, width) in enumerate(breaks):
        found[i + 1, "location"] = location, f"units of {column}"
        found[i + 1, "exponent_before"] = before, "no unit"
        before = before + change
        found[i + 1, "exponent_after"] = before, "no unit"
        found[i + 1, "width"] = DECADES * width, "decades"
    if not by_mode:
        table = _table(found, prob, slice(None))
    else:
        mode, shares = _modes(fit)
        tables = []
        for number, (share, error) in enumerate(shares):
            one = _table(found, prob, mode == number)
            tables.append(one.assign(share=share, share_se=error))
        table = pd.concat(tables, keys=range(1, len(tables) + 1), names=["mode"])
    table.attrs = {"probability": prob, "kind": "equal-tailed"}
    return table


def _table(found: dict[tuple[int, str], tuple[np.ndarray, str]], prob: float, kept: Any) -> Any:
    """Return median and interval of some draws, by break and quantity."""
    import pandas as pd

    levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    rows = [[*np.quantile(draws[kept], levels), unit] for draws, unit in found.values()]
    index = pd.MultiIndex.from_tuples(list(found), names=["break", "quantity"])
    return pd.DataFrame(rows, columns=["median", "lower", "upper", "unit"], index=index)


def _modes(fit: Any) -> tuple[np.ndarray, tuple[tuple[float, float], ...]]:
    """Return the mode of every draw, shape (chain, draw), and the shares of the modes."""
    if not hasattr(fit, "diagnostics"):
        raise LawError("break_table(by_mode=True) takes a fit of one curve: law.fit(...).")
    stats = fit.tree["sample_stats"]
    if "mode" not in stats:
        return np.zeros((stats.sizes["chain"], stats.sizes["draw"]), int), ((1.0, 0.0),)
    return stats["mode"].to_numpy(), fit.diagnostics.modes


def break_detectability(source: Any, x_max: Any, sigma: float) -> Derived:
    r"""Return how many noise standard deviations each break bends the curve at the largest input.

    .. math:: \frac{1}{\sigma} \left|c_i f_i \log\left(1 + (x_{max}/d_i)^{1/f_i}\right)\right|

    That is how far log reducible loss is from what it would be without the break. A sharp break
    well beyond the largest input gives next to nothing: below about 1 no run tells of it, and no
    fit can.

    Parameters
    ----------
    source
        A fit of a law with breaks, or such a law whose parameters are all numbers.
    x_max
        The largest input of the runs, in the user's units; shape (m,) or a number.
    sigma
        Standard deviation of the noise of log reducible loss: that of log y times
        :math:`y / (y - L_\infty)`.

    Returns
    -------
    Derived
        No unit; a row for each input and break, numbered from 1 in the column ``break``.

    Raises
    ------
    LawError
        If the law has no breaks.
    DataError
        If an input or sigma is not positive and finite.

    References
    ----------
    Caballero et al. (2023), arXiv:2210.14891, on the limit of predictability.

    Examples
    --------
    >>> import bayescale as bs
    >>> addition = bs.BrokenPowerLaw(
    ...     irreducible=0.414, scale=2.28, exponent=0.055,
    ...     break_location=612.6, exponent_change=5.66, break_sharpness=1 / 0.0592,
    ... )
    >>> seen = bs.break_detectability(addition, x_max=[390, 405], sigma=1e-4)
    >>> seen.interval()["median"].round(1).tolist()
    [1.6, 3.1]
    """
    check_arguments(break_detectability, locals(), but=("sigma",))
    import pandas as pd

    size = one_number(sigma)
    if size is None or not SMALLEST <= size < math.inf:
        raise DataError(f"sigma= must be a positive finite number; got {short(sigma)}.")
    curves, breaks = _breaks(source)
    role = curves.role(None)
    at = curves.checked({role: x_max})
    draws, tables, log_x = [], [], np.log(at[role])
    for i, (location, change, width) in enumerate(breaks):
        far = (log_x - np.log(location)[..., None]) / width[..., None]
        with np.errstate(over="ignore"):  # of next to no noise it is infinite
            draws.append(np.abs(change * width)[..., None] * np.logaddexp(0.0, far) / size)
        tables.append(curves.table(at).assign(**{"break": i + 1}))
    rows = pd.concat(tables, ignore_index=True)
    name = "bend by each break over the noise"
    return Derived(np.concatenate(draws, axis=-1), rows, name, "no unit")


def _breaks(source: Any) -> tuple[Curves, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Return location, change of exponent and width f of every break, shape (chain, draw)."""
    curves = curves_of(source)
    names = ("break_location", "exponent_change", "break_sharpness")
    if any(name not in part.parameters for part in curves.parts for name in names):
        raise LawError(f"{curves.name} has no breaks. Fit bs.BrokenPowerLaw() first.")
    columns = [curves.parameter(name) for name in names]
    return curves, [(d, c, 1 / k) for d, c, k in zip(*columns, strict=True)]
