"""Noise in proportion to the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.likelihood import HALF_LOG_TAU, Likelihood
from bayescale.prior import Prior


@dataclass(frozen=True)
class LogNormal(Likelihood):
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

    Examples
    --------
    >>> LogNormal(sigma=0.01).sigma_min
    0.0003
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    sigma_min: float = field(default=3e-4, metadata={"option": True})
    n_obs: str | float | None = field(default=None, metadata={"column": True})

    gaussian_in = "log y"

    def distribution(
        self, value: Any, *, sigma: Any, n_obs: Any = 1.0
    ) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return "LogNormal", {"mu": pt.log(value), "sigma": self.log_sd(sigma=sigma) / n_obs**0.5}

    def log_density(self, y: Any, value: Any, *, sigma: Any, n_obs: Any = 1.0) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        total = self.log_sd(sigma=sigma) / n_obs**0.5
        return (
            -0.5 * ((np.log(y) - np.log(value)) / total) ** 2
            - np.log(total)
            - (np.log(y) + HALF_LOG_TAU)
        )

    def draw(
        self, rng: np.random.Generator, value: Any, *, sigma: Any, n_obs: Any = 1.0
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        total = self.log_sd(sigma=sigma) / n_obs**0.5
        return value * np.exp(total * rng.standard_normal(np.shape(value)))

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
