"""Approach 2: the best size at each budget from its own runs, and the power law through them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting, sweeps
from bayescale.errors import DataError, LawError
from bayescale.forecasts import check_probability
from bayescale.parabolas import Valleys, power_through, valleys

if TYPE_CHECKING:
    import pandas as pd

#: A budget's minimum is bracketed where it lies between its sizes with this probability; with less
#: than the second it has no part in the power law.
BRACKETED, USED = 0.9, 0.5
#: Scale of the prior of how minima scatter about the power law, in log size.
_SCATTER = 0.2
#: Different sizes that a budget must have, and budgets that a power law must have.
_LEAST_SIZES, _LEAST_BUDGETS = 3, 2


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
        import pandas as pd

        check_probability(prob)
        if of not in self.draws:
            raise LawError(f"of= must be one of {', '.join(self.draws)}; got {of!r}.")
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
            As :meth:`bayescale.frontiers.Frontier.power_law`, and ``scatter``: by how much minima
            scatter about the power law, in log size.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
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


def isoflop(
    runs: Any,
    *,
    y: str,
    params: str,
    compute: str | None = None,
    tokens: str | None = None,
    budgets: Any = None,
    run: str | None = None,
    asymmetric: bool = True,
    draws: int = 4000,
    seed: int = 0,
) -> IsoFlop:
    """Return the best size at each budget from the runs of that budget alone (approach 2).

    Every budget has a valley of its own, a cubic in log size; their bends and their asymmetry have
    something in common, which is learned (see :mod:`bayescale.parabolas` for the model and its
    priors). The minimum of each is a posterior, and the power law goes through the minima *with
    their uncertainty*. A budget whose minimum is probably not between its sizes is said so and left
    out.

    Parameters
    ----------
    runs
        A table, one run a row.
    y
        Column of the loss, positive.
    params
        Column of the sizes.
    compute, tokens
        Columns of FLOP and tokens; one of them may be left out (C = 6ND). Rows whose compute
        differs by less than a tenth are one budget.
    budgets
        For runs that are not in budgets: FLOP at which each size's losses are read, between its
        rows, on log axes (shape (k,); a number is how many, evenly spaced). Checkpoints of one run
        are not separate trainings: their errors are alike, and intervals then too narrow.
    run
        With ``budgets``, the column that tells training curves apart; the size by default.
    asymmetric
        Whether valleys may be steeper on one side; False for parabolas, which place the minimum too
        high where sizes reach far.
    draws, seed
        How many draws, and of what seed; they are drawn directly and no sampler is run.

    Returns
    -------
    IsoFlop
        Draws and tables.

    Raises
    ------
    LawError
        If neither compute nor tokens is given.
    DataError
        If columns are missing or not positive, or fewer than two budgets have three sizes.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556, section 3.2.

    Examples
    --------
    >>> import bayescale as bs, numpy as np, pandas as pd
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> c, n = (a.ravel() for a in np.meshgrid([1e19, 1e20, 1e21], np.geomspace(1e8, 4e9, 12)))
    >>> runs = pd.DataFrame({"flops": c, "size": n, "loss": law.evaluate(params=n, tokens=c/6/n)})
    >>> found = bs.isoflop(runs, y="loss", params="size", compute="flops")
    >>> found.power_law()["median"][0].round(2).item()
    0.45
    """
    sweep = sweeps.checked_sweep(runs, y, params, tokens, compute, run)
    if budgets is None:
        groups = sweeps.by_budget(sweep)
    else:
        groups = sweeps.at_budgets(sweep, _asked(sweep, budgets))
    kept, doubts = _enough(groups)
    chosen = np.array(sorted(kept))
    tables = [kept[budget] for budget in chosen]
    logs = np.log(chosen)
    sizes = [np.log(table[sweeps.SIZE].to_numpy()) for table in tables]
    losses = [np.log(table[sweeps.LOSS].to_numpy()) for table in tables]
    curves = valleys(logs - logs.mean(), sizes, losses, draws, seed, asymmetric)
    log_size, log_loss = curves.minimum()
    inside = [
        np.mean((u > s.min()) & (u < s.max())) for u, s in zip(log_size.T, sizes, strict=True)
    ]
    p_bracketed = np.array(inside)
    used = p_bracketed >= USED
    doubts += _not_bracketed(chosen, tables, p_bracketed)
    if used.sum() < _LEAST_BUDGETS:
        raise DataError(
            f"{int(used.sum())} of {len(chosen)} budgets have their minimum between their sizes, "
            f"and a power law needs {_LEAST_BUDGETS}. {' '.join(doubts)}"
        )
    power, constant, scatter = _power(logs, log_size, used, draws, seed)
    if used.sum() == _LEAST_BUDGETS:
        doubts.append("Two budgets: nothing tells how minima scatter but the prior.")
    log_data = np.column_stack([_data_at(t, u) for t, u in zip(tables, log_size.T, strict=True)])
    found = {"params": np.exp(log_size), "tokens": np.exp(log_data), "loss": np.exp(log_loss)}
    approach = "Approach 2 (a valley for each budget)"
    return IsoFlop(
        chosen, found, p_bracketed, power, constant, scatter, _joined(chosen, tables), curves,
        approach, tuple(doubts),
    )  # fmt: skip


def _asked(sweep: pd.DataFrame, budgets: Any) -> np.ndarray:
    if isinstance(budgets, int) and not isinstance(budgets, bool):
        if budgets < _LEAST_BUDGETS:
            raise LawError(f"budgets= must be {_LEAST_BUDGETS} or more; got {budgets!r}.")
        return sweeps.default_budgets(sweep, budgets)
    given = {"budgets": budgets}
    return np.sort(forecasting.checked_inputs(("budgets",), {}, given, "isoflop()")["budgets"])


def _enough(groups: dict[float, pd.DataFrame]) -> tuple[dict[float, pd.DataFrame], list[str]]:
    """Return the budgets with sizes enough, and what is said of the others."""
    kept, few = {}, []
    for budget, table in groups.items():
        sizes = np.unique(np.round(np.log(table[sweeps.SIZE].to_numpy()), 2))
        if len(sizes) >= _LEAST_SIZES:
            kept[budget] = table
        else:
            few.append(budget)
    words = []
    if few:
        shown = ", ".join(f"{budget:.3g}" for budget in few[:5])
        words.append(
            f"{len(few)} budgets have fewer than {_LEAST_SIZES} sizes and are left out: {shown}."
        )
    if len(kept) < _LEAST_BUDGETS:
        raise DataError(
            f"{len(kept)} of {len(groups)} budgets have {_LEAST_SIZES} sizes or more; a power law "
            f"needs {_LEAST_BUDGETS} such budgets. For runs that are not in budgets give "
            "budgets=, at which each size's curve is read."
        )
    return kept, words


def _not_bracketed(
    budgets: np.ndarray, tables: list[pd.DataFrame], p_bracketed: np.ndarray
) -> list[str]:
    words = []
    for budget, table, share in zip(budgets, tables, p_bracketed, strict=True):
        if share >= BRACKETED:
            continue
        best = table.loc[table[sweeps.LOSS].idxmin(), sweeps.SIZE]
        ends = table[sweeps.SIZE].min(), table[sweeps.SIZE].max()
        side = "largest" if best >= 0.97 * ends[1] else "smallest" if best <= 1.03 * ends[0] else ""
        at = f": the {side} size is the best one" if side else ""
        fate = "it counts for little" if share >= USED else "the power law leaves it out"
        words.append(
            f"At {budget:.3g} FLOP the minimum is not bracketed{at} (it lies between the sizes "
            f"with probability {share:.2f}); {fate}. Add sizes there."
        )
    return words


def _power(
    logs: np.ndarray, log_size: np.ndarray, used: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return draws of a, C_0 and the scatter."""
    minima, centre = log_size[:, used], logs[used].mean()
    level, power, scatter = power_through(logs[used] - centre, minima, draws, seed, _SCATTER)
    with np.errstate(over="ignore", divide="ignore"):
        return power, np.exp(centre - level / power), scatter


def _data_at(table: pd.DataFrame, log_size: np.ndarray) -> np.ndarray:
    """Return log tokens at log sizes: about -1 in log size, by the runs of the budget."""
    u, v = np.log(table[sweeps.SIZE].to_numpy()), np.log(table[sweeps.DATA].to_numpy())
    slope, level = np.polyfit(u - u.mean(), v, 1)
    return level + slope * (log_size - u.mean())


def _joined(budgets: np.ndarray, tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    names = [sweeps.SIZE, sweeps.DATA, sweeps.LOSS]
    parts = [t[names].assign(compute=b) for b, t in zip(budgets, tables, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _quantiles(draws: np.ndarray, prob: float) -> np.ndarray:
    """Return median, lower and upper end of draws that are numbers."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return np.full(3, np.nan)
    return np.quantile(known, [0.5, (1 - prob) / 2, (1 + prob) / 2])
