"""The compute-optimal frontier: how a budget is best divided, and how well that is known."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting
from bayescale.accounting import PF_DAY
from bayescale.arguments import check_arguments
from bayescale.errors import LawError, nearest
from bayescale.forecasts import check_probability
from bayescale.given import short
from bayescale.planning import equal_cost, near_optima
from bayescale.planning.equal_cost import IsoCost
from bayescale.planning.landscape import Landscape, Terrain
from bayescale.planning.near_optima import NearOptimal

if TYPE_CHECKING:
    import pandas as pd

#: What budgets in compute may be given in, and how many FLOP one is.
UNITS = {"FLOP": 1.0, "PF-days": PF_DAY}


@dataclass(frozen=True, eq=False)
class Frontier:
    """Posterior draws of the best use of each budget.

    Parameters
    ----------
    budgets
        Shape (m,), in the unit they were asked in.
    draws
        Quantity to draws of shape (chain, draw, m): the two inputs by role, their ratio, their
        powers of the budget (a and b), and the loss by the outcome's name. Not a number where a
        draw's loss has no least value within reach of the runs.
    budget
        What a budget is called in tables: ``compute``, ``seconds``, ``cost``.
    unit
        Its unit.
    price
        What a unit of the budget costs, or None.
    drift
        How far exponents may drift beyond the data; it moves the loss, not where it is least.
    doubts
        What the runs do not tell of this, in words.
    terrain, cost, held
        What was asked: the loss over the free inputs, what runs cost, and the inputs held.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> best = bs.frontier(law, compute=[5.76e23])
    >>> f"{best.interval(of='params')['median'][0]:.3g}"
    '3.22e+10'
    """

    budgets: np.ndarray
    draws: dict[str, np.ndarray]
    budget: str
    unit: str
    price: float | None
    drift: float
    doubts: tuple[str, ...]
    terrain: Terrain
    cost: Any
    held: Mapping[str, float]

    @property
    def free(self) -> tuple[str, str]:
        """The roles that the budget is divided between: the size, and what it is trained on."""
        return self.terrain.first.free

    @property
    def columns(self) -> Mapping[str, str]:
        """Quantity to its name in tables: inputs have the user's column names."""
        own = self.terrain.first.curves.columns
        return {name: own.get(name, name) for name in self.draws}

    @property
    def outcome(self) -> str:
        """The name of the outcome."""
        return self.terrain.first.curves.outcome

    @property
    def spent(self) -> np.ndarray:
        """The budgets in the unit of the cost, shape (m,)."""
        return self.budgets * UNITS.get(self.unit, 1.0)

    @cached_property
    def p_none(self) -> np.ndarray:
        """Share of draws whose loss has no least value within reach, shape (m,)."""
        return np.isnan(self.draws[self.free[0]]).mean(axis=(0, 1))

    @cached_property
    def extrapolation(self) -> np.ndarray | None:
        """The optimal inputs (medians) over the largest seen, the farther one; shape (m,)."""
        first = self.terrain.first
        ratios = []
        for role in self.free:
            seen = first.seen(role)
            if seen is not None:
                ratios.append(_quantiles(self.draws[role], [0.5])[0] / seen)
        return np.max(ratios, axis=0) if ratios else None

    def interval(self, prob: float = 0.9, of: str | None = None) -> pd.DataFrame:
        """Return the equal-tailed credible interval of a quantity at each budget.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.
        of
            One of ``draws``, or an input's column name; the size by default.

        Returns
        -------
        pandas.DataFrame
            The budget, ``median``, ``lower``, ``upper``; ``p_none``, the share of draws that have
            no optimum within reach and are left out; and ``extrapolation`` (the optimal inputs
            over the largest seen, the farther one) where there were runs.

        Raises
        ------
        LawError
            If prob is not between 0 and 1, or there is no such quantity.
        """
        check_arguments(Frontier.interval, locals())
        import pandas as pd

        check_probability(prob)
        name = self._quantity(of)
        low, middle, high = _quantiles(self.draws[name], [(1 - prob) / 2, 0.5, (1 + prob) / 2])
        table = pd.DataFrame({self.budget: self.budgets})
        if self.price is not None:
            table["price"] = self.price * self.spent
        table = table.assign(median=middle, lower=low, upper=high, p_none=self.p_none)
        if self.extrapolation is not None:
            table["extrapolation"] = self.extrapolation
        table.attrs = {
            "probability": prob,
            "kind": "equal-tailed",
            "of": self.columns[name],
            "unit": self.unit,
            "drift": self.drift,
        }
        return table

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return all quantities at each budget, a row for each budget.

        Parameters
        ----------
        prob
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            For every quantity its median under its name, ``<name>_lower`` and ``<name>_upper``.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Frontier.table, locals())
        frames = {name: self.interval(prob, name) for name in self.draws}
        first = next(iter(frames.values()))
        table = first.filter(items=[self.budget, "price"])
        for name, frame in frames.items():
            shown = self.columns[name]
            table[shown] = frame["median"]
            table[f"{shown}_lower"], table[f"{shown}_upper"] = frame["lower"], frame["upper"]
        for column in ("p_none", "extrapolation"):
            if column in first:
                table[column] = first[column]
        table.attrs = {str(k): v for k, v in first.attrs.items() if k != "of"}
        return table

    def power_law(self, prob: float = 0.9) -> pd.DataFrame:
        r"""Return the frontier as power laws of the budget.

        .. math:: N^*(C) = (C/C_0)^a

        Parameters
        ----------
        prob
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Two rows for each input: its ``power`` (a and b; Hoffmann et al. 2022), and the
            ``constant`` :math:`C_0` at which it would be 1 (Henighan et al. 2020). They are those
            at the middle budget; a law whose frontier is no power law has others elsewhere, as
            ``interval(of="params_power")`` shows.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Frontier.power_law, locals())
        import pandas as pd

        check_probability(prob)
        middle, rows = len(self.budgets) // 2, []
        for role in self.free:
            power, size = (self.draws[n][..., middle] for n in (f"{role}_power", role))
            with np.errstate(all="ignore"):
                constant = np.exp(np.log(self.budgets[middle]) - np.log(size) / power)
            for name, draws in (("power", power), ("constant", constant)):
                low, half, high = _quantiles(draws, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
                unit = "no unit" if name == "power" else self.unit
                rows.append((self.columns[role], name, half, low, high, unit))
        table = pd.DataFrame(rows, columns=["of", "what", "median", "lower", "upper", "unit"])
        table.attrs = {"probability": prob, "kind": "equal-tailed"}
        table.attrs[self.budget] = float(self.budgets[middle])
        return table

    def near_optimal(self, within: float = 0.005) -> NearOptimal:
        """Return which sizes are as good as optimal: optima are flat.

        Parameters
        ----------
        within
            By what share of the loss a size may be worse than the best; 0.005 is half a percent.

        Returns
        -------
        NearOptimal
            For every draw the smallest and the largest such size, with intervals, and the
            probability of any size to be one.

        Raises
        ------
        LawError
            If ``within`` is not between 0 and 1.
        """
        check_arguments(Frontier.near_optimal, locals())
        return near_optima.near_optimal(self, within)

    def plan(self, prob: float = 0.9, of: str = "observation") -> pd.DataFrame:
        """Return the one size to train at each budget: the one with the least expected loss.

        Each draw has an optimum of its own, and nobody knows which draw is true; a plan is one
        size for all of them.

        Parameters
        ----------
        prob
            Probability of the equal-tailed intervals.
        of
            ``"observation"`` for one new run, ``"curve"`` for the law's value.

        Returns
        -------
        pandas.DataFrame
            The budget, the two inputs, the loss there (median under the outcome's name, ``_lower``,
            ``_upper``, with drift beyond the data), ``regret`` (what is expected to be lost
            against knowing the truth; units of y), and ``extrapolation``.

        Raises
        ------
        LawError
            If prob or ``of`` is not as above, or on Kaplan's frontier with a critical batch.
        """
        check_arguments(Frontier.plan, locals())
        return near_optima.plan(self, prob, of)

    def probability(self, y: float, of: str = "observation") -> np.ndarray | float:
        """Return the probability that the plan for each budget reaches an outcome.

        Parameters
        ----------
        y
            The target, in the units of the outcome.
        of
            As for :meth:`plan`.

        Returns
        -------
        float or numpy.ndarray
            One for each budget.

        Raises
        ------
        DataError
            If the target is not a finite number.
        """
        check_arguments(Frontier.probability, locals())
        (target,) = forecasting.checked_targets(y)[:1]
        share = near_optima.reached(self, float(target), of)
        return float(share[0]) if share.size == 1 else share

    def line(self, part: Landscape | None = None, budgets: np.ndarray | None = None) -> IsoCost:
        """Return the sizes and data that cost as much as each budget.

        Parameters
        ----------
        part
            Of which law; of an ensemble all have the same lines.
        budgets
            Other budgets, in the unit of the cost.
        """
        land = self.terrain.first if part is None else part
        spent = self.spent if budgets is None else budgets
        return equal_cost.lines_of(land, self.cost, spent)

    def _quantity(self, of: str | None) -> str:
        if of is None:
            return self.free[0]
        for name, shown in self.columns.items():
            if of in (name, shown):
                return name
        names = list(self.draws)
        raise LawError(
            f"of= must be one of {', '.join(names)}; got {short(of)}.{nearest(of, names)}"
        )

    def __repr__(self) -> str:
        """Return the 90 % intervals as a table, and the doubts."""
        table = self.for_people().to_string(index=False)
        return "\n".join([self._title(), table, *self.doubts])

    def _repr_html_(self) -> str:
        doubts = "".join(f"<p>{html.escape(words)}</p>" for words in self.doubts)
        title = html.escape(self._title())
        return f"<p>{title}</p>{self.for_people().to_html(index=False)}{doubts}"

    def _title(self) -> str:
        held = "".join(f", {role} = {value:g}" for role, value in self.held.items())
        return (
            f"Frontier of {self.outcome} by {self.terrain.name}{held}: median and 90 % "
            f"equal-tailed interval; {self.budget} in {self.unit}"
        )

    def for_people(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the table in words: an interval a cell, and no powers.

        Parameters
        ----------
        prob
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Of strings; :meth:`table` has the numbers.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        import pandas as pd

        first = self.interval(prob)
        shown = {c: first[c].map("{:.3g}".format) for c in (self.budget, "price") if c in first}
        for name in self.draws:
            if name.endswith("_power"):
                continue
            rows = self.interval(prob, name)[["median", "lower", "upper"]].to_numpy()
            shown[self.columns[name]] = [f"{m:.3g} [{a:.3g}, {b:.3g}]" for m, a, b in rows]
        for name in ("p_none", "extrapolation"):
            if name in first and (name != "p_none" or self.p_none.any()):
                shown[name] = first[name].map("{:.3g}".format)
        return pd.DataFrame(shown)


def _quantiles(draws: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return quantiles over chains and draws that are numbers, shape (level, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    known = ~np.isnan(flat)
    if known.all():
        return np.quantile(flat, levels, axis=0)
    if flat.ndim == 1:
        return np.quantile(flat[known], levels) if known.any() else np.full(len(levels), np.nan)
    found = np.full((len(levels), flat.shape[1]), np.nan)
    for i in np.flatnonzero(known.any(axis=0)):
        found[:, i] = np.quantile(flat[known[:, i], i], levels)
    return found
