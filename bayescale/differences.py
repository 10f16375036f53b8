"""By how much one forecast is better than another, draw by draw."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasts
from bayescale.errors import LawError
from bayescale.forecasts import Forecast

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


def difference(made: Forecast, first: int = 0, second: int = 1, *, of: str = "curve") -> Difference:
    """Return the difference of two rows of one forecast, with the probability that one is better.

    Draws are subtracted pair by pair, so what both share drops out: the law's level, and with
    :class:`~bayescale.Resampled` the test resamples. Intervals of the two alone, which hold all
    that, say far less of their difference.

    Parameters
    ----------
    made
        A forecast of both: ``fit.forecast(x=[1e9, 1e10])``.
    first, second
        Their rows in it, from 0.
    of
        ``"curve"`` for the law's values, ``"observation"`` for one new run of each.

    Returns
    -------
    Difference
        Draws of first less second, ``interval()`` and ``p_first_better``.

    Raises
    ------
    LawError
        If what was given is no forecast, or a row is not in it.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> bs.difference(fit.forecast(x=[1e3, 1e2])).p_first_better > 0.99
    True
    """
    if not isinstance(made, Forecast):
        raise LawError(
            "difference() takes one forecast of both, so that their draws are paired: "
            f"difference(fit.forecast(x=[1e9, 1e10])); got {type(made).__name__}."
        )
    draws = made.draws(of)
    places = [_row(value, draws.shape[-1]) for value in (first, second)]
    one, other = (draws[..., place] for place in places)
    return Difference(one - other, made.inputs.iloc[places], made.outcome, of, _rises(made))


def _row(value: Any, count: int) -> int:
    try:
        place = operator.index(value)
    except TypeError:
        place = -1
    if not 0 <= place < count:
        raise LawError(
            f"first= and second= must be rows of the forecast, from 0 to {count - 1}; "
            f"got {value!r}."
        )
    return place


def _rises(made: Forecast) -> bool:
    """Return whether larger outcomes are better."""
    return bool(getattr(made.source, "rises", made.ceiling is not None))
