"""By how much one forecast is better than another, draw by draw."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasts
from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT
from bayescale.errors import LawError
from bayescale.forecasts import Forecast
from bayescale.given import short
from bayescale.groups import two_levels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Difference:
    """Posterior of the difference of two outcomes that were forecast together.

    Parameters
    ----------
    draws
        First less second, in the units of y, shape (chain, draw).
    inputs
        The two rows of the forecast.
    outcome
        The name of the outcome.
    of
        ``"curve"`` or ``"observation"``.
    rises
        Whether larger outcomes are better.
    """

    draws: np.ndarray
    inputs: pd.DataFrame
    outcome: str
    of: str
    rises: bool

    @property
    def p_first_better(self) -> float:
        """Probability that the first is better: lower, or higher where the outcome rises."""
        better = self.draws > 0 if self.rises else self.draws < 0
        return float(better.mean() + 0.5 * (self.draws == 0).mean())

    def interval(self, prob: float = 0.9) -> pd.Series:
        """Return median and equal-tailed credible interval of first less second.

        Parameters
        ----------
        prob
            Probability of the interval.

        Returns
        -------
        pandas.Series
            ``median``, ``lower``, ``upper`` and ``p_first_better``.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Difference.interval, locals())
        import pandas as pd

        forecasts.check_probability(prob)
        low, middle, high = np.quantile(self.draws, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
        values = {"median": middle, "lower": low, "upper": high}
        found = pd.Series(values | {"p_first_better": self.p_first_better})
        found.attrs = {"probability": prob, "kind": "equal-tailed", "of": self.of}
        return found

    def __repr__(self) -> str:
        """Return the difference in a sentence."""
        row = self.interval(0.9)
        return (
            f"{self.outcome} ({self.of}), first less second: {row['median']:.4g} "
            f"({row['lower']:.4g} to {row['upper']:.4g}, 90 %); "
            f"P(first is better) = {self.p_first_better:.3g}"
        )


def difference(
    made: Any,
    first: Any = 0,
    second: Any = 1,
    *,
    of: str = "curve",
    drift: float = DRIFT,
    **inputs: Any,
) -> Difference:
    """Return by how much one of two outcomes is better, with the probability that it is.

    Draws are subtracted pair by pair, so what both share drops out: the law's level, and with
    :class:`~bayescale.Resampled` the test resamples. Intervals of the two alone, which hold all
    that, say far less of their difference.

    Parameters
    ----------
    made
        A forecast of both, ``fit.forecast(x=[1e9, 1e10])``; or a fit with groups, of which two are
        compared: ``difference(fit, "A", "B", x=1e9)``.
    first, second
        Of a forecast their rows in it, from 0. Of a fit two groups: each a level, or a dict of
        column to level where there are several columns.
    of
        ``"curve"`` for the law's values, ``"observation"`` for one new run of each.
    drift
        Of a fit: how far exponents may drift beyond the data.
    **inputs
        Of a fit: the inputs, in the user's units; a number for both groups, or one for each.

    Returns
    -------
    Difference
        Draws of first less second, ``interval()`` and ``p_first_better``.

    Raises
    ------
    LawError
        If what was given is neither a forecast nor a fit with groups, a row or column is not in
        it, or an input is missing or unknown.
    DataError
        If an input is not positive and finite, or there are more than two.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> bs.difference(fit.forecast(x=[1e3, 1e2])).p_first_better > 0.99
    True
    """
    check_arguments(difference, locals())
    if not isinstance(made, Forecast):
        made, first, second = _of_groups(made, first, second, drift, inputs), 0, 1
    elif inputs:
        raise LawError(
            "difference() takes inputs with a fit, difference(fit, 'A', 'B', x=1e9), or a forecast "
            f"that has been made; got a forecast and {', '.join(f'{name}=' for name in inputs)}."
        )
    draws = made.draws(of)
    places = [_row(value, draws.shape[-1]) for value in (first, second)]
    one, other = (draws[..., place] for place in places)
    return Difference(one - other, made.inputs.iloc[places], made.outcome, of, _rises(made))


def _of_groups(source: Any, first: Any, second: Any, drift: float, inputs: dict) -> Forecast:
    """Return the forecast of two groups of a fit."""
    if not inputs or not hasattr(source, "forecast"):
        raise LawError(
            "difference() takes one forecast of both, so that their draws are paired: "
            "difference(fit.forecast(x=[1e9, 1e10])); or two groups of a fit and where: "
            f"difference(fit, 'A', 'B', x=1e9). Got {type(source).__name__}"
            f"{'' if inputs else ' without inputs'}."
        )
    one, other = two_levels(source, first, second)
    if set(one) != set(other):
        raise LawError(
            f"Both groups need levels of the same columns; got {short(one)} and {other!r}."
        )
    levels = {column: [one[column], other[column]] for column in one}
    return source.forecast(**inputs, **levels, drift=drift)


def _row(value: Any, count: int) -> int:
    try:
        place = operator.index(value)
    except TypeError:
        place = -1
    if not 0 <= place < count:
        raise LawError(
            f"first= and second= must be rows of the forecast, from 0 to {count - 1}; "
            f"got {short(value)}."
        )
    return place


def _rises(made: Forecast) -> bool:
    """Return whether larger outcomes are better."""
    return bool(getattr(made.source, "rises", made.ceiling is not None))
