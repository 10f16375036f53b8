"""The record of a quantity that follows from a curve: draws, with tables and doubts."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasts
from bayescale.arguments import check_arguments

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Derived:
    """Posterior draws of a quantity that follows from a curve.

    Parameters
    ----------
    draws
        Shape (chain, draw, m); a law fixed at numbers has one draw.
    inputs
        What each of the m entries stands for, with the user's column names: a row each.
    name
        What it is.
    unit
        Its unit, in words.
    extrapolation
        Each input over the largest one seen, shape (m,); None where nothing was seen.
    never
        Draws for which the quantity does not exist, same shape as draws: a target out of reach,
        curves that do not cross. None where it always exists.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
    >>> bs.doubling_gain(law, x=1e9).interval(0.9).round(4)["median"].tolist()
    [0.0513]
    """

    draws: np.ndarray
    inputs: pd.DataFrame
    name: str
    unit: str
    extrapolation: np.ndarray | None = None
    never: np.ndarray | None = None

    def quantile(self, levels: Any) -> np.ndarray:
        """Return posterior quantiles; infinite where so many draws are.

        Parameters
        ----------
        levels
            Between 0 and 1; shape (level,) or a scalar.

        Returns
        -------
        numpy.ndarray
            Shape (level, m) or (m,).
        """
        return forecasts.quantiles(self.draws, levels)

    def interval(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the equal-tailed credible interval.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            The inputs, ``median``, ``lower``, ``upper``; ``p_never`` where the quantity need not
            exist (its draws count in the interval, at the end that they stand for), and
            ``extrapolation`` (input over the largest input seen) where the source was fitted.
            ``.attrs`` holds the probability, the kind, the name and the unit.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Derived.interval, locals())
        table = self.inputs.assign(**forecasts.equal_tailed(self.draws, prob))
        if self.never is not None:
            table["p_never"] = np.broadcast_to(self.never, self.draws.shape).mean(axis=(0, 1))
        if self.extrapolation is not None:
            table["extrapolation"] = self.extrapolation
        table.attrs = {
            "probability": prob,
            "kind": "equal-tailed",
            "of": self.name,
            "unit": self.unit,
        }
        return table

    def __repr__(self) -> str:
        """Return the 90 % interval as a table."""
        table = self.interval(0.9).to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return f"{self._title()}\n{table}"

    def _repr_html_(self) -> str:
        table = self.interval(0.9).to_html(index=False, float_format=lambda v: f"{v:.4g}")
        return f"<p>{html.escape(self._title())}</p>{table}"

    def _title(self) -> str:
        return f"{self.name} [{self.unit}] (90 % equal-tailed interval)"
