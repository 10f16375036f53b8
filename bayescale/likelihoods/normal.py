"""Noise of the same size at every scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.likelihood import HALF_LOG_TAU, Likelihood
from bayescale.prior import Prior


@dataclass(frozen=True)
class Normal(Likelihood):
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

    Examples
    --------
    >>> Normal(sigma=0.003).sigma
    0.003
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0, on="relative_sigma")
    n_obs: str | float | None = field(default=None, metadata={"column": True})

    positive = False
    gaussian_in = "y"
    carriers = {"sigma": ("relative_sigma",)}

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        if "relative_sigma" in values:
            return {"sigma": values["relative_sigma"] * references["y_ref"]}
        return dict(values)

    def distribution(
        self, value: Any, *, sigma: Any, n_obs: Any = 1.0
    ) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        return "Normal", {"mu": value, "sigma": sigma / n_obs**0.5}

    def log_density(self, y: Any, value: Any, *, sigma: Any, n_obs: Any = 1.0) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        total = sigma / n_obs**0.5
        return -0.5 * ((y - value) / total) ** 2 - np.log(total) - HALF_LOG_TAU

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of y."""
        return sigma

    def draw(
        self, rng: np.random.Generator, value: Any, *, sigma: Any, n_obs: Any = 1.0
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        return value + sigma / n_obs**0.5 * rng.standard_normal(np.shape(value))
