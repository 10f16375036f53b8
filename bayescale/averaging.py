"""Of how many evaluations smoothed rows are the mean, learned from curves that have raw rows too.

Published curves are often smoothed where they were fitted, and a forecast of a single evaluation is
then too sure. Within one curve nothing tells of how many evaluations a row is the mean: the number
only rescales the noise. Curves of the same kind that have raw rows beside the smoothed ones do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import LawError
from bayescale.forecasts import check_probability
from bayescale.given import shares, short
from bayescale.raw_rows import log_likelihood

if TYPE_CHECKING:
    import pandas as pd

#: The largest number considered, and points of the grid of its logarithm.
MOST, _GRID = 1000.0, 121
#: Points of the grid of how much curves differ, and its prior's scale: a half-normal of log n.
_SPREADS, _SPREAD_SCALE = np.linspace(0.0, 2.0, 21), 0.7


@dataclass(frozen=True, eq=False)
class LearnedNObs:
    """Of how many evaluations each row of some curves is the mean.

    Parameters
    ----------
    log_n
        Grid of log n, shape (point,).
    log_likelihood
        Curve to the log density of its raw rows at each n, up to a constant; shape (point,).
    middle, spread
        Posterior of the median n over curves, shape (point,), and of how far curves differ, shape
        (spread,); each sums to one.
    of_new_curve
        Posterior predictive of a curve that has no raw rows, shape (point,); it sums to one.
    """

    log_n: np.ndarray
    log_likelihood: dict[str, np.ndarray]
    middle: np.ndarray
    spread: np.ndarray
    of_new_curve: np.ndarray

    @property
    def n_obs(self) -> float:
        """The median for another curve of this kind: ``bs.Correlated(smoothed=found.n_obs)``."""
        return float(self.quantile(0.5))

    def quantile(self, level: Any) -> np.ndarray:
        """Return quantiles of n for another curve of this kind.

        Parameters
        ----------
        level
            Between 0 and 1; one or several.
        """
        return _quantile(self.log_n, self.of_new_curve, shares("level=", level))

    def interval(self, prob: float = 0.9) -> tuple[float, float]:
        """Return the equal-tailed interval of n for another curve of this kind.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(LearnedNObs.interval, locals())
        check_probability(prob)
        low, high = self.quantile([(1 - prob) / 2, (1 + prob) / 2])
        return float(low), float(high)

    def without(self, *curves: str) -> LearnedNObs:
        """Return what is learned from the other curves: how well it would have told these.

        Raises
        ------
        LawError
            If a curve is not among those learned from, or no other is left.
        """
        odd = [n for n in curves if not isinstance(n, str) or n not in self.log_likelihood]
        gone = set() if odd else set(curves)
        left = {n: logs for n, logs in self.log_likelihood.items() if n not in gone}
        if odd or not left:
            raise LawError(
                f"without() takes some of the curves {', '.join(map(repr, self.log_likelihood))}, "
                f"not all of them; got {', '.join(map(short, curves))}."
            )
        return _learned(self.log_n, left)

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return n with intervals: of each curve by itself, of the median curve, and of another.

        Parameters
        ----------
        prob
            Probability of the equal-tailed interval.

        Returns
        -------
        pandas.DataFrame
            Index: curve, then ``"all curves"`` (the median over curves) and ``"another curve"``.
            Columns: ``median``, ``lower``, ``upper``; no unit.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(LearnedNObs.table, locals())
        import pandas as pd

        check_probability(prob)
        levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
        shares = {name: _normalized(logs) for name, logs in self.log_likelihood.items()}
        shares |= {"all curves": self.middle, "another curve": self.of_new_curve}
        rows = {name: _quantile(self.log_n, share, levels) for name, share in shares.items()}
        columns = ["median", "lower", "upper"]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        table.index.name = "curve"
        table.attrs = {"probability": prob, "kind": "equal-tailed"}
        return table

    def __repr__(self) -> str:
        """Return n for another curve, and how much curves differ."""
        low, high = self.interval(0.9)
        differ = float(np.exp(_SPREADS @ self.spread))
        return (
            f"n_obs {self.n_obs:.3g} [90 % {low:.3g} to {high:.3g}] for another curve, from "
            f"{len(self.log_likelihood)}; curves differ by a factor of about {differ:.2g}"
        )


def learn_n_obs(
    fits: Mapping[str, Any], raw_runs: Mapping[str, Any], *, drift: float = DRIFT
) -> LearnedNObs:
    r"""Learn of how many evaluations smoothed rows are the mean, from curves with raw rows too.

    .. math:: \log y_{raw} \sim \mathrm{Normal}\bigl(\log f,\ C + s^2 R + s^2 (n - 1) I\bigr)

    where C is the covariance of the forecast log curve over the fit's draws (so that raw rows which
    all lie off the forecast together are no noise), s the rows' noise, and R its correlation along
    the curve; for independent noise :math:`s^2 R` is :math:`s^2 I`. The prior of n is log-uniform
    from 1 to 1000 for the median over curves; curves differ by a log-normal factor with a spread
    that is learned. n is an effective number: what the law misses of a curve is in s as well.

    Parameters
    ----------
    fits
        Name of a curve to its fit, or ensemble of fits, to smoothed rows, without ``n_obs=``. Noise
        is Gaussian on the log scale, correlated or not.
    raw_runs
        The same names to tables of raw rows, each a single evaluation, with the columns of the fit.
    drift
        As for ``forecast``: raw rows mostly lie beyond the fitted ones.

    Returns
    -------
    LearnedNObs
        ``n_obs`` is for another curve of the same kind: ``bs.Correlated(smoothed=found.n_obs)``, or
        ``bs.LogNormal(n_obs=found.n_obs)`` where noise is independent.

    Raises
    ------
    LawError
        If names differ, a fit has groups, another kind of noise, or ``n_obs=`` already.
    DataError
        If raw rows cannot be used, or there are fewer than three of a curve.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=0.1, scale=1.0, exponent=0.3)
    >>> means, single = bs.LogNormal(sigma=0.02, n_obs=16), bs.LogNormal(sigma=0.02)
    >>> x, ahead = [2**k for k in range(12)], [4096, 5000, 6000, 7000, 8000]
    >>> rows = law.simulate(x=x, y="loss", likelihood=means)
    >>> raw = law.simulate(x=ahead, y="loss", likelihood=single, seed=1)
    >>> fit = bs.PowerLaw().fit(rows, y="loss", x="x", progress=False)
    >>> found = bs.learn_n_obs({"curve": fit}, {"curve": raw})
    >>> 1 <= found.interval(0.9)[0] < found.interval(0.9)[1] <= 1000
    True
    """
    check_arguments(learn_n_obs, locals())
    drift = checked_drift(drift)
    _check_names(fits, raw_runs)
    for name, fit in fits.items():
        if not hasattr(fit, "fits") and not hasattr(fit, "parameters"):
            raise LawError(
                f"learn_n_obs() takes fits by name; {name!r} is no fit but {short(fit)}."
            )
    log_n = np.linspace(0.0, np.log(MOST), _GRID)
    found = {
        name: log_likelihood(name, fit, raw_runs[name], drift, np.exp(log_n))
        for name, fit in fits.items()
    }
    return _learned(log_n, found)


def _learned(log_n: np.ndarray, found: dict[str, np.ndarray]) -> LearnedNObs:
    middle, spread, new = _pooled(log_n, np.stack(list(found.values())))
    return LearnedNObs(log_n, found, middle, spread, new)


def _check_names(fits: Any, raw_runs: Any) -> None:
    for given, called in ((fits, "fits"), (raw_runs, "raw_runs")):
        if not isinstance(given, Mapping) or not given:
            raise LawError(
                f"learn_n_obs() takes {called} by the name of the curve: {{'curve 1': ...}}; "
                f"got {type(given).__name__}."
            )
    odd = sorted(set(map(str, fits)) ^ set(map(str, raw_runs)))
    if odd:
        raise LawError(
            "learn_n_obs() takes a fit and raw rows under the same name of each curve; "
            f"{', '.join(odd[:3])} has one alone."
        )


def _pooled(
    log_n: np.ndarray, log_likelihood: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the posteriors of the middle and the spread of curves, and of another curve's n."""
    differ = _differing(log_n)  # (spread, middle, n)
    top = log_likelihood.max(1, keepdims=True)
    by_curve = np.einsum("smn,cn->csm", differ, np.exp(log_likelihood - top))
    with np.errstate(divide="ignore"):
        logs = np.log(by_curve).sum(0) - 0.5 * (_SPREADS[:, None] / _SPREAD_SCALE) ** 2
    both = np.exp(logs - logs.max())
    both /= both.sum()
    return both.sum(0), both.sum(1), np.einsum("sm,smn->n", both, differ)


def _differing(log_n: np.ndarray) -> np.ndarray:
    """Return how n is distributed over curves, for each spread and middle: each sums to one."""
    step = log_n[1] - log_n[0]
    wide = np.maximum(_SPREADS, 0.3 * step)[:, None, None]
    found = np.exp(-0.5 * ((log_n[None, None] - log_n[None, :, None]) / wide) ** 2)
    return found / found.sum(-1, keepdims=True)


def _normalized(logs: np.ndarray) -> np.ndarray:
    share = np.exp(logs - logs.max())
    return share / share.sum()


def _quantile(log_n: np.ndarray, share: np.ndarray, level: Any) -> np.ndarray:
    edges = (np.cumsum(share) - 0.5 * share) / share.sum()
    return np.exp(np.interp(level, edges, log_n))
