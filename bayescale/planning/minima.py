"""Best sizes by budget and the power law through them, as draws with tables."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting
from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.forecasts import check_probability
from bayescale.given import short
from bayescale.planning.parabolas import Valleys

if TYPE_CHECKING:
    import pandas as pd

#: A minimum has a part in the power law where it lies between its sizes with this probability.
USED = 0.5


@dataclass(frozen=True, eq=False)
class IsoFlop:
    r"""Posterior draws of the best size at each budget, and of the power law through them.

    Parameters
    ----------
    budgets
        Shape (k,), FLOP.
    draws
        ``params``, ``tokens`` and the least ``loss`` at each budget, shape (draw, k); not a number
        where a draw has no minimum.
    p_bracketed
        Probability that the minimum lies between the sizes that were trained, shape (k,).
    power, constant, scatter
        Draws of a, of :math:`C_0` in :math:`N^*(C) = (C/C_0)^a` (FLOP), and of how minima scatter
        about it in log size; shape (draw,).
    runs
        The runs that stand behind it: compute (the budget), params, tokens, loss.
    curves
        The curve of each budget.
    approach
        How it was found, in words.
    doubts
        What the runs do not tell, in words.
    """

    budgets: np.ndarray
    draws: dict[str, np.ndarray]
    p_bracketed: np.ndarray
    power: np.ndarray
    constant: np.ndarray
    scatter: np.ndarray
    runs: pd.DataFrame
    curves: Valleys | None
    approach: str
    doubts: tuple[str, ...]

    @property
    def used(self) -> np.ndarray:
        """Through which budgets' minima the power law goes, shape (k,)."""
        return self.p_bracketed >= USED

    def interval(self, prob: float = 0.9, of: str = "params") -> pd.DataFrame:
        """Return the equal-tailed interval of a budget's optimum.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.
        of
            ``"params"``, ``"tokens"`` or ``"loss"``.

        Returns
        -------
        pandas.DataFrame
            ``compute``, ``median``, ``lower``, ``upper``, ``p_bracketed``, and ``used``: whether
            the power law goes through the minimum, since it is more likely than not bracketed.

        Raises
        ------
        LawError
            If prob is not between 0 and 1, or there is no such quantity.
        """
        check_arguments(IsoFlop.interval, locals())
        import pandas as pd

        check_probability(prob)
        if of not in self.draws:
            raise LawError(f"of= must be one of {', '.join(self.draws)}; got {short(of)}.")
        table = pd.DataFrame({"compute": self.budgets})
        ends = [_quantiles(column, prob) for column in self.draws[of].T]
        table[["median", "lower", "upper"]] = np.array(ends)
        table["p_bracketed"], table["used"] = self.p_bracketed, self.used
        table.attrs = {"probability": prob, "kind": "equal-tailed", "of": of}
        return table

    def power_law(self, prob: float = 0.9) -> pd.DataFrame:
        r"""Return a, b and the constant of :math:`N^* = (C/C_0)^a`, with intervals.

        Parameters
        ----------
        prob
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            As :meth:`bayescale.planning.frontiers.Frontier.power_law`, and ``scatter``: by how much
            minima scatter about the power law, in log size.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(IsoFlop.power_law, locals())
        import pandas as pd

        check_probability(prob)
        rows = [
            ("params", "power", *_quantiles(self.power, prob), "no unit"),
            ("params", "constant", *_quantiles(self.constant, prob), "FLOP"),
            ("tokens", "power", *_quantiles(1 - self.power, prob), "no unit"),
            ("params", "scatter", *_quantiles(self.scatter, prob), "log params"),
        ]
        table = pd.DataFrame(rows, columns=["of", "what", "median", "lower", "upper", "unit"])
        table.attrs = {"probability": prob, "kind": "equal-tailed", "approach": self.approach}
        return table

    def forecast(self, compute: Any, prob: float = 0.9) -> pd.DataFrame:
        """Return the best size and tokens at other budgets, by the power law.

        Parameters
        ----------
        compute
            FLOP, shape (m,) or a number.
        prob
            Probability of the equal-tailed intervals; the scatter of minima is in them.

        Returns
        -------
        pandas.DataFrame
            ``compute``, ``params`` and ``tokens`` with ``_lower`` and ``_upper``, and
            ``extrapolation`` (compute over the largest budget).

        Raises
        ------
        DataError
            If a budget is not positive and finite.
        """
        check_arguments(IsoFlop.forecast, locals())
        import pandas as pd

        check_probability(prob)
        given = {"compute": compute}
        budgets = forecasting.checked_inputs(("compute",), {}, given, "forecast()")["compute"]
        rng = np.random.default_rng(47)
        log_size = self.power[:, None] * (np.log(budgets) - np.log(self.constant)[:, None])
        log_size = log_size + (self.scatter * rng.standard_normal(len(self.power)))[:, None]
        table = pd.DataFrame({"compute": budgets})
        for name, logs in (("params", log_size), ("tokens", np.log(budgets / 6) - log_size)):
            ends = np.array([_quantiles(np.exp(column), prob) for column in logs.T])
            table[name], table[f"{name}_lower"], table[f"{name}_upper"] = ends.T
        table["extrapolation"] = budgets / self.budgets.max()
        table.attrs = {"probability": prob, "kind": "equal-tailed"}
        return table

    def __repr__(self) -> str:
        """Return the minima, the power law and the doubts."""

        def shown(table: pd.DataFrame) -> str:
            return table.to_string(index=False, float_format=lambda v: f"{v:.3g}")

        words = [f"{self.approach}; best params at each budget (90 % equal-tailed)"]
        words += [shown(self.interval(0.9)), "N* = (C/C0)^a, D* ~ C^b", shown(self.power_law(0.9))]
        return "\n".join([*words, *self.doubts])

    def _repr_html_(self) -> str:
        tables = self.interval(0.9).to_html(index=False), self.power_law(0.9).to_html(index=False)
        doubts = "".join(f"<p>{html.escape(words)}</p>" for words in self.doubts)
        return f"<p>{html.escape(self.approach)}</p>{''.join(tables)}{doubts}"


def _quantiles(draws: np.ndarray, prob: float) -> np.ndarray:
    """Return median, lower and upper end of draws that are numbers."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return np.full(3, np.nan)
    return np.quantile(known, [0.5, (1 - prob) / 2, (1 + prob) / 2])
