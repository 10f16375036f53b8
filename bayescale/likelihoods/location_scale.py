"""Noise that is one standard distribution, moved and widened, on the log scale or in units of y.

Here is what such likelihoods have in common: a standard error that is known row by row, outcomes
that were rounded, and outcomes that stopped at a cap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale.errors import DataError
from bayescale.likelihoods.either import log_normal_cdf, log_normal_mass, where
from bayescale.likelihoods.likelihood import (
    HALF_LOG_TAU,
    Likelihood,
    Rows,
    column,
    observed_by_density,
)


def y_sd_column() -> Any:
    """Return the field ``y_sd``."""
    return column("the known standard error of a row, in the units of y")


def x_error_column() -> Any:
    """Return the field ``x_relative_sd``."""
    return column("the known standard error of the input (of each), as a share of it")


def resolution_column() -> Any:
    """Return the field ``resolution``."""
    return column("the step to which y was rounded")


def censored_column() -> Any:
    """Return the field ``censored``."""
    return column("the cap at which larger y are recorded", any_sign=True)


def with_errors(scale: Any, of_y: Any, curve_variance: Any) -> Any:
    """Return a scale to which a row's known errors are added, in squares; None is no error."""
    if of_y is None and curve_variance is None:
        return scale
    total = scale**2 if of_y is None else scale**2 + of_y**2
    return (total if curve_variance is None else total + curve_variance) ** 0.5


class LocationScale(Likelihood):
    """A likelihood with ``scale_of``, ``log_standard`` and its integrals, and ``standard_draw``.

    The defaults are those of a Gaussian.
    """

    @property
    def intervals(self) -> bool:
        """Whether a row may say no more than that the outcome lies in an interval."""
        return bool({"resolution", "censored"} & set(self.columns))

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each row."""
        known = [n for n in ("n_obs", "y_sd", "x_relative_sd") if n in self.columns]
        return (*known, "lower", "upper") if self.intervals else tuple(known)

    @property
    def whitens(self) -> bool:
        """Whether log residuals can be made standard normal, whatever the curve is."""
        of_curve = {"y_sd", "x_relative_sd", "lower"}  # with these, noise depends on the curve
        return hasattr(self, "whitened") and not of_curve & set(self.by_run)

    def scale_of(self, value: Any, **noise: Any) -> tuple[Any, dict[str, Any]]:
        """Return the scale of each row, and what else the standard distribution must know.

        Every likelihood of this kind says so for itself.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its scale is.")

    def log_standard(self, z: Any, **shape: Any) -> Any:
        """Return the log density of the standard distribution."""
        return -0.5 * z**2 - HALF_LOG_TAU

    def log_below(self, z: Any, **shape: Any) -> Any:
        """Return the log probability below z; the distribution is symmetric."""
        return log_normal_cdf(z)

    def log_between(self, a: Any, b: Any, **shape: Any) -> Any:
        """Return the log probability between a and b."""
        return log_normal_mass(a, b)

    def standard_draw(self, rng: np.random.Generator, size: tuple[int, ...], **shape: Any) -> Any:
        """Return random numbers of the standard distribution."""
        return rng.standard_normal(size)

    def log_density(self, y: Any, value: Any, *, lower: Any = None, upper: Any = None, **noise):
        """Return the log density of y in y's own units, elementwise.

        Parameters
        ----------
        y, value
            Outcomes and the curve, of shapes that broadcast.
        lower, upper
            The interval that a row stands for, in the units of y; equal where it stands for y
            itself, an infinite edge where it was censored.
        **noise
            The parameters, and by row ``n_obs``, ``y_sd`` and ``curve_variance`` (that
            of the curve, or of its logarithm, by errors of the inputs).

        Returns
        -------
        numpy.ndarray
            Of a row that stands for an interval the log of the mean density over it, or where it
            has no end the log of its probability.
        """
        scale, shape = self.scale_of(value, **noise)
        middle = np.log(value) if self.on_logs else value
        at = np.log(y) if self.on_logs else y
        exact = self.log_standard((at - middle) / scale, **shape) - np.log(scale)
        if self.on_logs:
            exact = exact - at
        if lower is None:
            return exact
        return where(lower < upper, self._interval(middle, scale, lower, upper, shape), exact)

    def _interval(self, middle: Any, scale: Any, lower: Any, upper: Any, shape: dict) -> Any:
        """Return the log mean density between two edges, or the log probability beyond one."""
        open_below, open_above = lower <= self._bottom, upper >= np.inf
        # Edges that are not used must be numbers all the same, and apart: an infinite value in a
        # branch that is not taken would spoil the gradient.
        inside = 0.5 * upper if self.on_logs else upper - 1.0
        low = where(open_below, where(open_above, 1.0, inside), lower)
        high = where(open_above, low + 1.0, upper)
        high = where(low < high, high, low + 1.0)
        a, b = (((np.log(e) if self.on_logs else e) - middle) / scale for e in (low, high))
        both = self.log_between(a, b, **shape)
        mass = where(open_below, self.log_below(b, **shape), both)
        mass = where(open_above, self.log_below(-a, **shape), mass)
        if self.on_logs:
            width = where(open_above, 1.0, high - where(open_below, 0.0, low))
        else:
            width = where(open_above | open_below, 1.0, high - low)
        return mass - np.log(width)

    @property
    def _bottom(self) -> float:
        return 0.0 if self.on_logs else -np.inf

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome as PyMC has it."""
        if "lower" in noise:
            return self.log_density(y, value, **noise)
        return super().tensor_log_density(y, value, **noise)

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        if "lower" in noise:
            return observed_by_density(self, name, value, observed, dims, noise)
        return super().observe(name, value, observed=observed, dims=dims, **noise)

    def draw(
        self,
        rng: np.random.Generator,
        value: Any,
        *,
        lower: Any = None,
        upper: Any = None,
        **noise: Any,
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve, before any rounding or cap."""
        scale, shape = self.scale_of(value, **noise)
        step = scale * self.standard_draw(rng, np.shape(value), **shape)
        if not self.on_logs:
            return value + step
        with np.errstate(over="ignore"):  # heavy tails do reach infinity
            return value * np.exp(step)

    def standardised(self, y: Any, value: Any, *, lower: Any = None, upper: Any = None, **noise):
        """Return how far outcomes lie from the curve, in units of the noise's scale."""
        scale, _ = self.scale_of(value, **noise)
        if self.on_logs:
            return (np.log(y) - np.log(value)) / scale
        return (y - value) / scale

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check rows, and turn rounding and caps into the interval that each row stands for."""
        known = dict(rows.given)
        if "x_relative_sd" in known:
            share = known["x_relative_sd"]
            rule = "x_relative_sd= is an error as a share of the input (0.1 is 10 %), at most 10"
            rows.reject(share > 10, share, rule, "Divide the errors by the inputs")
        step, cap = known.pop("resolution", None), known.pop("censored", None)
        if step is None and cap is None:
            self.check_outcome(rows, rows.y)
            return rows.modelled(rows.y), known
        half = 0.0 if step is None else 0.5 * step
        low, high, y = rows.y - half, rows.y + half, rows.y
        if cap is not None:
            hit = y >= cap
            if hit.all():
                raise DataError(
                    f"Every outcome is at the cap or above (censored={np.min(cap):g}, "
                    f"{rows.name!r} from {y.min():g} to {y.max():g}), so nothing is known but that "
                    "they are that large. Give the value at which y stops, or leave censored= out."
                )
            low, high = np.where(hit, cap, low), np.where(hit, np.inf, high)
            y = np.where(hit, cap, y)
        best = high if rows.ceiling is None else low  # the user's edge of the largest outcome
        self.check_outcome(rows, np.where(np.isfinite(best), best, y))
        edges = (low, high) if rows.ceiling is None else (rows.ceiling - high, rows.ceiling - low)
        outcome = rows.modelled(y)
        lower, upper = edges
        if self.on_logs:
            lower = np.maximum(lower, 0.0)
            # An outcome of 0 has no logarithm: the middle of its interval stands for it.
            outcome = np.where(outcome > 0, outcome, 0.5 * upper)
        return outcome, {**known, "lower": lower, "upper": upper}
