"""Forecasts and required inputs as records of draws, with their tables and doubts."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import model
from bayescale.arguments import check_arguments
from bayescale.errors import LawError
from bayescale.given import one_number, shares, short
from bayescale.groups import dimension
from bayescale.observed import Observations

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Forecast:
    """Posterior draws of the curve and of one new run at some inputs.

    Parameters
    ----------
    inputs
        A row for each forecast, with the user's column names.
    curve
        The law's value, dimensions (chain, draw, forecast), in the units of y.
    observation
        One new measured run: curve plus noise; same shape.
    extrapolation
        Each input over the largest one seen; above 1 beyond the data.
    outcome
        The name of the outcome.
    runs
        The runs that the forecast stands on, for plots.
    ceiling
        What a rising outcome cannot exceed, or None for a loss.
    drift
        How far exponents may drift from the laws' beyond the data.
    source
        The fit or the ensemble that made it.
    groups
        The columns of ``inputs`` that name groups.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> fit.forecast(x=[1e3, 1e4]).interval(0.9).columns.tolist()
    ['x', 'median', 'lower', 'upper', 'extrapolation']
    """

    inputs: pd.DataFrame
    curve: xr.DataArray
    observation: xr.DataArray
    extrapolation: np.ndarray
    outcome: str
    runs: pd.DataFrame
    ceiling: float | None = None
    drift: float = 0.0
    source: Any = None
    groups: tuple[str, ...] = ()

    def interval(self, prob: float = 0.9, of: str = "observation") -> pd.DataFrame:
        """Return the equal-tailed credible interval at each input.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.
        of
            ``"observation"`` for one new run, ``"curve"`` for the law's value.

        Returns
        -------
        pandas.DataFrame
            The inputs, ``median``, ``lower``, ``upper`` and ``extrapolation`` (input over the
            largest input seen). ``.attrs`` holds the probability, the kind and what it is of.

        Raises
        ------
        LawError
            If prob is not between 0 and 1, or ``of`` is neither.
        """
        check_arguments(Forecast.interval, locals())
        ends = equal_tailed(self.draws(of), prob)
        table = self.inputs.assign(**ends, extrapolation=self.extrapolation)
        table.attrs = {
            "probability": prob,
            "kind": "equal-tailed",
            "of": of,
            "outcome": self.outcome,
            "drift": self.drift,
        }
        return table

    def draws(self, of: str = "observation") -> np.ndarray:
        """Return the draws, shape (chain, draw, forecast).

        Parameters
        ----------
        of
            ``"observation"`` or ``"curve"``.

        Returns
        -------
        numpy.ndarray
            In the units of y.

        Raises
        ------
        LawError
            If ``of`` is neither.
        """
        check_arguments(Forecast.draws, locals())
        if of not in ("observation", "curve"):
            raise LawError(f"of= must be 'observation' or 'curve'; got {short(of)}.")
        return (self.observation if of == "observation" else self.curve).to_numpy()

    def __repr__(self) -> str:
        """Return the 90 % interval as a table."""
        table = self.interval(0.9).to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return "\n".join([self._title(), table, *self.notes])

    def _repr_html_(self) -> str:
        table = self.interval(0.9).to_html(index=False, float_format=lambda v: f"{v:.4g}")
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<p>{html.escape(self._title())}</p>{table}{notes}"

    @property
    def notes(self) -> list[str]:
        """What to keep in mind of inputs outside the data and of groups never seen, in words."""
        words = []
        for column in self.groups:
            seen = self.runs[column] if column in self.runs else self.inputs[column]
            known = {str(level) for level in seen}
            new = [level for level in dict.fromkeys(self.inputs[column]) if str(level) not in known]
            if new:
                listed = ", ".join(map(repr, new[:3])) + (", ..." if len(new) > 3 else "")
                words.append(f"{column} {listed} was never seen: drawn from the population.")
        for column in self.inputs.columns.drop(list(self.groups)):
            least = float(self.runs[column].to_numpy(float).min())
            count = int((self.inputs[column].to_numpy(float) < least).sum())
            if count:
                drifts = f"; the drift of {self.drift:g} applies there too" if self.drift else ""
                words.append(
                    f"{count} of {len(self.inputs)} lie below the smallest {column} "
                    f"({least:g}): a backcast{drifts}."
                )
        return words

    def _title(self) -> str:
        beyond = f"; drift {self.drift:g} beyond the data" if self.drift else ""
        return f"Forecast of {self.outcome} (one new run, 90 % equal-tailed interval{beyond})"


@dataclass(frozen=True, eq=False)
class Required:
    """Posterior of the input at which the curve reaches a target, and stays there.

    Parameters
    ----------
    targets
        The outcomes asked for, shape (target,).
    draws
        The input of every draw, shape (chain, draw, target); infinite where the target is never
        reached.
    column
        The name of the input.
    outcome
        The name of the outcome.
    largest
        The largest input seen.
    """

    targets: np.ndarray
    draws: np.ndarray
    column: str
    outcome: str
    largest: float

    @property
    def never(self) -> np.ndarray:
        """Probability that the target is never reached, shape (target,)."""
        return np.isinf(self.draws).mean(axis=(0, 1))

    def quantile(self, levels: Any) -> np.ndarray:
        """Return posterior quantiles of the input, infinite above 1 - P(never).

        Parameters
        ----------
        levels
            Between 0 and 1; shape (level,) or a scalar.

        Returns
        -------
        numpy.ndarray
            Shape (level, target) or (target,).
        """
        return quantiles(self.draws, levels)

    def interval(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the equal-tailed credible interval of the input for each target.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            The target, ``median``, ``lower``, ``upper`` (the input; infinite where the target is
            out of reach), ``p_never``, and ``extrapolation`` of the median.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Required.interval, locals())
        import pandas as pd

        ends = equal_tailed(self.draws, prob)
        table = pd.DataFrame({self.outcome: self.targets}).assign(**ends, p_never=self.never)
        table["extrapolation"] = table["median"] / self.largest
        table.attrs = {"probability": prob, "kind": "equal-tailed", "of": self.column}
        return table

    def __repr__(self) -> str:
        """Return the 90 % interval as a table."""
        table = self.interval(0.9).to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return (
            f"{self.column} at which the curve reaches {self.outcome} (90 % equal-tailed)\n{table}"
        )

    def _repr_html_(self) -> str:
        table = self.interval(0.9).to_html(index=False, float_format=lambda v: f"{v:.4g}")
        words = html.escape(f"{self.column} at which the curve reaches {self.outcome}")
        return f"<p>{words}</p>{table}"


def forecast_of(
    source: Any,
    at: dict[str, np.ndarray],
    curve: np.ndarray,
    observation: np.ndarray,
    drift: float = 0.0,
) -> Forecast:
    """Return a forecast record from draws in modelled units.

    Parameters
    ----------
    source
        What has ``runs``: a fit or an ensemble.
    at
        Role to inputs.
    curve, observation
        Draws of shape (chain, draw, m).
    drift
        With which they were made.

    Returns
    -------
    Forecast
        In the user's units and column names.
    """
    import pandas as pd
    import xarray as xr

    runs: Observations = source.runs
    dims = ("chain", "draw", "forecast")
    coords = {name: np.arange(size) for name, size in zip(dims, curve.shape, strict=True)}
    ratios = [values / runs.references[f"{role}_end"] for role, values in at.items()]
    return Forecast(
        inputs=pd.DataFrame({runs.columns[role]: values for role, values in at.items()}),
        curve=xr.DataArray(runs.reported(curve), coords, dims, name="curve"),
        observation=xr.DataArray(runs.reported(observation), coords, dims, name=model.OUTCOME),
        extrapolation=np.max(ratios, axis=0),
        outcome=runs.outcome_column,
        runs=runs.frame(),
        ceiling=runs.ceiling,
        drift=drift,
        source=source,
    )


def as_predictions(made: Forecast, columns: Mapping[str, str]) -> dict[str, xr.Dataset]:
    """Return a forecast as a fit keeps it, in the groups that ArviZ's schema names.

    Parameters
    ----------
    made
        The forecast.
    columns
        Role to the name of the user's column.

    Returns
    -------
    dict
        ``predictions``: draws of curve and new run. ``predictions_constant_data``: inputs by role,
        levels of groups, and how far beyond the data each point lies.
    """
    import xarray as xr

    given = {role: made.inputs[name].to_numpy() for role, name in columns.items()}
    given |= {dimension([c]): made.inputs[c].to_numpy() for c in made.groups}
    given |= {"extrapolation": made.extrapolation}
    return {
        "predictions": xr.Dataset({"curve": made.curve, model.OUTCOME: made.observation}),
        "predictions_constant_data": xr.Dataset(
            {name: ("forecast", values) for name, values in given.items()},
            {"forecast": made.curve["forecast"]},
        ),
    }


def quantiles(draws: Any, levels: Any) -> np.ndarray:
    """Return quantiles over chains and draws, infinite where so many draws are.

    Parameters
    ----------
    draws
        Shape (chain, draw, ...).
    levels
        Between 0 and 1; shape (level,) or a scalar.
    """
    between = "linear" if np.isfinite(draws).all() else "inverted_cdf"  # no mean with infinity
    return np.quantile(draws, shares("levels=", levels), axis=(0, 1), method=between)


def equal_tailed(draws: Any, prob: float) -> dict[str, np.ndarray]:
    """Return ``median``, ``lower`` and ``upper`` of draws, each of shape (m,).

    Parameters
    ----------
    draws
        Shape (chain, draw, m); some may be infinite.
    prob
        Probability of the interval; a LawError unless it lies between 0 and 1.
    """
    check_probability(prob)
    middle, low, high = quantiles(draws, [0.5, (1 - prob) / 2, (1 + prob) / 2])
    return {"median": middle, "lower": low, "upper": high}


def check_probability(prob: float) -> None:
    """Raise a LawError unless a probability lies strictly between 0 and 1."""
    number = one_number(prob)
    if number is None or not 0 < number < 1:
        raise LawError(f"A probability must lie between 0 and 1 (0.9 for 90 %); got {short(prob)}.")
