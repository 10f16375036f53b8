"""Noise in proportion to the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.likelihood import n_obs_column
from bayescale.likelihoods.location_scale import (
    LocationScale,
    censored_column,
    resolution_column,
    with_errors,
    x_error_column,
    y_sd_column,
)
from bayescale.prior import Prior


@dataclass(frozen=True)
class LogNormal(LocationScale):
    r"""Noise in proportion to the loss; the curve is the median of a new run.

    .. math:: \log y \sim \mathrm{Normal}(\log f(x),\ \sqrt{\sigma^2 + \sigma_{min}^2})

    Parameters
    ----------
    sigma
        :math:`\sigma`, standard deviation of log y; no unit (0.02 is 2 % of the loss).
    sigma_min
        :math:`\sigma_{min}`, scatter below which runs cannot be told apart; no unit. It keeps
        the posterior proper when a table was computed from a formula instead of measured.
    n_obs
        Of how many evaluations each row is the mean: the name of a column, or one number for all
        rows. The rows then scatter by :math:`\sigma/\sqrt{n}`, and a new run, which is a single
        evaluation, by :math:`\sigma`.
    y_sd
        A known standard error :math:`s` of each row (column or number), in the units of y. It adds
        to the fitted noise: :math:`\sqrt{\sigma^2 + (s/f(x))^2}`, the standard error of log y to
        first order about the curve. A new run has none.
    x_relative_sd
        A known standard error :math:`e` of each row's input (column or number), as a share of the
        input (0.1 is 10 %); of several inputs each is off by as much, independently. It adds to
        the fitted noise what it moves the curve by:
        :math:`\sqrt{\sigma^2 + (e\, d \log f / d \log x)^2}`, with the slope taken over one
        standard error to either side, exact for a pure power law. A new run has none.
    resolution
        The step to which y was rounded (column or number), in the units of y. A row then stands
        for the interval of half a step to either side, 0 included.
    censored
        A cap (column or number), in the units of y: a row at it or above says no more than that.

    Examples
    --------
    >>> LogNormal(sigma=0.01).sigma_min
    0.0003
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    sigma_min: float = field(default=3e-4, metadata={"option": True})
    n_obs: str | float | None = n_obs_column()
    y_sd: str | float | None = y_sd_column()
    x_relative_sd: str | float | None = x_error_column()
    resolution: str | float | None = resolution_column()
    censored: str | float | None = censored_column()

    gaussian_in = "log y"

    def distribution(self, value: Any, **noise: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        return "LogNormal", {"mu": np.log(value), "sigma": self.scale_of(value, **noise)[0]}

    def scale_of(
        self,
        value: Any,
        *,
        sigma: Any,
        n_obs: Any = 1.0,
        y_sd: Any = None,
        curve_variance: Any = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the standard deviation of log y of each row."""
        of_y = None if y_sd is None else y_sd / value
        return with_errors(self.log_sd(sigma=sigma) / n_obs**0.5, of_y, curve_variance), {}

    def log_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of log y."""
        return (sigma**2 + self.sigma_min**2) ** 0.5

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of log y."""
        return self.log_sd(sigma=sigma)

    def whitened(self, log_residual: Any, *, sigma: Any, n_obs: Any = 1.0) -> tuple[Any, Any]:
        """Return log residuals as independent standard normal numbers, and log |their scale|."""
        total = self.log_sd(sigma=sigma) / n_obs**0.5
        return log_residual / total, np.log(total)
