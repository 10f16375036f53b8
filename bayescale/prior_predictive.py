"""What runs a law expects before it has seen any: the prior predictive, and a check of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import input_errors, posterior, prior_draws
from bayescale.arguments import check_arguments
from bayescale.errors import DataWarning, LawError
from bayescale.forecasts import check_probability, quantiles
from bayescale.given import short
from bayescale.groups import refuse
from bayescale.observed import Observations

if TYPE_CHECKING:
    import pandas as pd

#: Inputs at which the curve is drawn, and how far beyond the largest one.
GRID, REACH = 120, 10.0

#: What of a table is looked at: words to a function of outcomes, shape (..., run).
STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "median outcome": lambda y: np.median(y, axis=-1),
    "smallest outcome": lambda y: y.min(axis=-1),
    "largest outcome": lambda y: y.max(axis=-1),
    "range of outcomes": lambda y: np.ptp(y, axis=-1),
}


@dataclass(frozen=True, eq=False)
class PriorPredictive:
    """Curves and tables of runs that a law's priors lead to.

    Parameters
    ----------
    law
        The law's name.
    runs
        The real runs, with the user's column names.
    outcome, columns
        The name of the outcome; role to the name of each input.
    replicated
        Tables of runs at the same inputs, shape (draw, run), in the units of y.
    at
        Inputs from the smallest seen to ten times the largest, where there is one input; else none.
    curve
        The law's value there, shape (draw, point), in the units of y.
    parameters
        Draws of the law's parameters, shape (draw,).
    """

    law: str
    runs: pd.DataFrame
    outcome: str
    columns: dict[str, str]
    replicated: np.ndarray
    at: np.ndarray
    curve: np.ndarray
    parameters: dict[str, Any]

    def check(self, prob: float = 0.95) -> pd.DataFrame:
        """Return where the real runs lie among those that the priors lead to.

        Parameters
        ----------
        prob
            Probability of the equal-tailed interval.

        Returns
        -------
        pandas.DataFrame
            Indexed by statistic (median, smallest, largest outcome, their range): ``observed``,
            ``lower``, ``median`` and ``upper`` of the prior predictive in the units of y, ``below``
            (the share of tables with a smaller value; no unit), and ``inside``. A statistic outside
            says that the priors hardly allow these runs; an interval that is ten thousand times
            wider than the runs, that they say nothing.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(PriorPredictive.check, locals())
        import pandas as pd

        check_probability(prob)
        real, rows = self.runs[self.outcome].to_numpy(float), {}
        for words, statistic in STATISTICS.items():
            with np.errstate(all="ignore"):  # of outcomes beyond all numbers, which were told of
                drawn, seen = statistic(self.replicated), float(statistic(real))
            known = drawn[None, ~np.isnan(drawn)]
            levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
            ends = quantiles(known, levels) if known.size else np.full(3, np.nan)
            middle, low, high = map(float, ends)
            rows[words] = {
                "observed": seen,
                "lower": low,
                "median": middle,
                "upper": high,
                "below": float(np.mean(drawn < seen)),
                "inside": low <= seen <= high,
            }
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("statistic")
        table.attrs = {"probability": prob, "kind": "equal-tailed", "law": self.law}
        return table

    def __repr__(self) -> str:
        """Return the check as a table."""
        table = self.check().to_string(float_format=lambda v: f"{v:.4g}")
        return f"Prior predictive of {self.law}, {len(self.replicated)} draws\n{table}"


def predicted(
    law: Any, likelihood: Any, runs: Observations, draws: int, seed: int
) -> PriorPredictive:
    """Draw parameters from the priors, and runs from them at the inputs of real ones.

    Parameters
    ----------
    law, likelihood, runs
        What would be fitted to which runs; the priors' scale is that of the runs.
    draws, seed
        How many, and the same again with the same seed.

    Raises
    ------
    LawError
        If draws is no number above 1, or something varies with groups.
    """
    if isinstance(draws, bool) or int(draws) != draws or draws < 2:
        raise LawError(f"draws= must be a whole number of at least 2; got {short(draws)}.")
    refuse(tuple(runs.seen), "prior_predictive()", "Ask the law without by=, for one group's runs.")
    rng = np.random.default_rng(seed)
    _, parameters, noise = prior_draws.drawn(law, likelihood, runs.references, draws, rng)

    def curve(at: Any) -> np.ndarray:
        return posterior.evaluate(law, parameters, at, runs.references)

    with np.errstate(all="ignore"):  # what is not finite is told of below
        known = input_errors.told(likelihood, runs.by_run(likelihood.by_run), runs.inputs, curve)
        new = likelihood.draw(rng, curve(runs.inputs), **posterior.over_rows(noise), **known)
    lost = float(np.mean(~np.isfinite(new).all(axis=-1)))
    if lost:
        warnings.warn(
            f"{100 * lost:.2g} % of the tables drawn from the priors hold outcomes that are not "
            "finite: the law crosses zero under noise in proportion to it, or a prior reaches far "
            "beyond the runs. Use bs.Normal() there, or narrower priors.",
            DataWarning,
            stacklevel=3,
        )
    at = np.empty(0)
    shown = np.empty((draws, 0))
    if len(law.inputs) == 1:
        (role,) = law.inputs
        seen = runs.inputs[role]
        at = np.geomspace(seen.min(), seen.max() * REACH, GRID)
        shown = np.asarray(runs.reported(curve({role: at})))
    return PriorPredictive(
        law.signature_name(), runs.frame(), runs.outcome_column, dict(runs.columns),
        np.asarray(runs.reported(new)), at, shown, parameters,
    )  # fmt: skip
