"""Noise of the same size at every scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
class Normal(LocationScale):
    r"""Noise of the same size at every scale; the curve is the mean of a new run.

    .. math:: y \sim \mathrm{Normal}(f(x), \sigma)

    Parameters
    ----------
    sigma
        :math:`\sigma`, standard deviation, in the units of y. Its default prior is on
        ``relative_sigma``, the same as a share of the reference outcome (the geometric mean
        of the outcomes, or their spread where some are not positive).
    n_obs
        Of how many evaluations each row is the mean: the name of a column, or one number for all
        rows. The rows then scatter by :math:`\sigma/\sqrt{n}`, and a new run, which is a single
        evaluation, by :math:`\sigma`.
    y_sd
        A known standard error :math:`s` of each row (column or number), in the units of y. It adds
        to the fitted noise: :math:`\sqrt{\sigma^2 + s^2}`. A new run has none.
    x_relative_sd
        A known standard error :math:`e` of each row's input (column or number), as a share of the
        input (0.1 is 10 %); of several inputs each is off by as much, independently. It adds to
        the fitted noise what it moves the curve by:
        :math:`\sqrt{\sigma^2 + (e\, d f / d \log x)^2}`, with the slope taken over one
        standard error to either side. A new run has none.
    resolution
        The step to which y was rounded (column or number), in the units of y. A row then stands
        for the interval of half a step to either side.
    censored
        A cap (column or number), in the units of y: a row at it or above says no more than that.

    Examples
    --------
    >>> Normal(sigma=0.003).sigma
    0.003
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0, on="relative_sigma")
    n_obs: str | float | None = n_obs_column()
    y_sd: str | float | None = y_sd_column()
    x_relative_sd: str | float | None = x_error_column()
    resolution: str | float | None = resolution_column()
    censored: str | float | None = censored_column()

    positive = False
    on_logs = False
    gaussian_in = "y"
    carriers = {"sigma": ("relative_sigma",)}

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        if "relative_sigma" in values:
            return {"sigma": values["relative_sigma"] * references["y_ref"]}
        return dict(values)

    def distribution(self, value: Any, **noise: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        return "Normal", {"mu": value, "sigma": self.scale_of(value, **noise)[0]}

    def scale_of(
        self,
        value: Any,
        *,
        sigma: Any,
        n_obs: Any = 1.0,
        y_sd: Any = None,
        curve_variance: Any = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the standard deviation of each row."""
        return with_errors(sigma / n_obs**0.5, y_sd, curve_variance), {}

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of y."""
        return sigma
