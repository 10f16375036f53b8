"""Runs that are only ever worse than the law."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.either import least, log_normal_cdf, most, scaled_erfc, where
from bayescale.likelihoods.likelihood import Likelihood, observed_by_density
from bayescale.prior import Prior


@dataclass(frozen=True)
class ExGaussian(Likelihood):
    r"""Runs that are only ever worse than the law: the curve is their lower envelope.

    .. math:: \log y = \log f(x) + \varepsilon + e, \quad
              \varepsilon \sim \mathrm{Normal}(0, \sigma), \quad
              e \sim \mathrm{Exponential}(\text{mean } \tau)

    an exponentially modified Gaussian on the log scale. :math:`\varepsilon` is what a well-tuned
    run scatters, to both sides; e is what a run loses by a learning rate, a schedule or an early
    stop that was not the best. A forecast's curve is what the best setting reaches, its observation
    what one more run like these would. Where all runs are equally well tuned, :math:`\tau` goes to
    0 and this is :class:`LogNormal`; data without a tail to one side cannot tell envelope from
    middle, and the priors on :math:`\sigma` and :math:`\tau` then say how far they lie apart.

    Parameters
    ----------
    sigma
        :math:`\sigma`, standard deviation of log y of the best runs; no unit.
    excess
        :math:`\tau`, by how much runs are worse on average, of log y; no unit.
    sigma_min
        Scatter below which runs cannot be told apart; no unit.

    References
    ----------
    Grushka (1972), "Characterization of exponentially modified Gaussian peaks in chromatography".

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.ExGaussian(sigma=0.002).sigma
    0.002
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.01), sigma=1.0)
    excess: Prior | float = Prior("LogNormal", mu=math.log(0.03), sigma=1.0)
    sigma_min: float = field(default=3e-4, metadata={"option": True})

    bounds = {"sigma": (0.0, math.inf), "excess": (0.0, math.inf)}

    def log_density(self, y: Any, value: Any, *, sigma: Any, excess: Any) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        log_y = np.log(y)
        total = self._total(sigma)
        z, ratio = (log_y - np.log(value)) / total, total / excess
        lag = (ratio - z) / math.sqrt(2)
        # Far to the right the tail is exponential; to the left it is the Gaussian's, where the
        # two factors would cancel.
        right = 0.5 * ratio**2 - z * ratio + log_normal_cdf(-math.sqrt(2) * least(lag, 0.0))
        left = -0.5 * z**2 + np.log(0.5 * scaled_erfc(most(lag, 0.0)))
        return where(lag < 0, right, left) - np.log(excess) - log_y

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome, in tensors."""
        return self.log_density(y, value, **noise)

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        return observed_by_density(self, name, value, observed, dims, noise)

    def draw(self, rng: np.random.Generator, value: Any, *, sigma: Any, excess: Any) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        size = np.shape(value)
        step = self._total(sigma) * rng.standard_normal(size)
        with np.errstate(over="ignore"):
            return value * np.exp(step + excess * rng.standard_exponential(size))

    def standardised(self, y: Any, value: Any, *, sigma: Any, excess: Any) -> Any:
        """Return how far outcomes lie from their mean, in standard deviations, on the log scale."""
        spread = (self._total(sigma) ** 2 + excess**2) ** 0.5
        return (np.log(y) - np.log(value) - excess) / spread

    def _total(self, sigma: Any) -> Any:
        return (sigma**2 + self.sigma_min**2) ** 0.5
