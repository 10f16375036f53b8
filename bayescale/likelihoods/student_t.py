"""Noise in proportion to the loss, with outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.likelihood import Likelihood
from bayescale.prior import Prior


@dataclass(frozen=True)
class StudentT(Likelihood):
    r"""Noise in proportion to the loss with outliers; the curve is the median of a new run.

    .. math:: \log y \sim t_\nu(\log f(x),\ \sqrt{\sigma^2 + \sigma_{min}^2})

    Parameters
    ----------
    sigma
        :math:`\sigma`, scale of log y; no unit.
    nu
        :math:`\nu`, degrees of freedom; smaller means heavier tails; no unit.
    sigma_min
        Scatter below which runs cannot be told apart; no unit.
    n_obs
        Of how many evaluations each row is the mean: the name of a column, or one number for all
        rows. The rows then scatter by :math:`\sigma/\sqrt{n}`, and a new run, which is a single
        evaluation, by :math:`\sigma`.

    Examples
    --------
    >>> StudentT(nu=4.0).nu
    4.0
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    nu: Prior | float = Prior("Gamma", alpha=2.0, beta=0.1)
    sigma_min: float = field(default=3e-4, metadata={"option": True})
    n_obs: str | float | None = field(default=None, metadata={"column": True})

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        import pymc as pm
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        def outcome(nu, mu, sigma, size):
            return pt.exp(pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma, size=size))

        _, arguments = self.distribution(value, **noise)
        return pm.CustomDist(name, *arguments.values(), dist=outcome, observed=observed, dims=dims)

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome as PyMC has it."""
        import pymc as pm
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        _, arguments = self.distribution(value, **noise)
        return pm.logp(pm.StudentT.dist(**arguments), pt.log(y)) - pt.log(y)

    def distribution(
        self, value: Any, *, sigma: Any, nu: Any, n_obs: Any = 1.0
    ) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome's logarithm, with arguments."""
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return "StudentT", {"nu": nu, "mu": pt.log(value), "sigma": self._total(sigma, n_obs)}

    def log_density(self, y: Any, value: Any, *, sigma: Any, nu: Any, n_obs: Any = 1.0) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        from scipy.special import gammaln

        total = self._total(sigma, n_obs)
        z = (np.log(y) - np.log(value)) / total
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        return constant - np.log(total) - (nu + 1) / 2 * np.log1p(z**2 / nu) - np.log(y)

    def draw(
        self, rng: np.random.Generator, value: Any, *, sigma: Any, nu: Any, n_obs: Any = 1.0
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        with np.errstate(over="ignore"):  # tails as heavy as that do reach infinity
            return value * np.exp(self._total(sigma, n_obs) * rng.standard_t(nu, np.shape(value)))

    def _total(self, sigma: Any, n_obs: Any) -> Any:
        return (sigma**2 + self.sigma_min**2) ** 0.5 / n_obs**0.5
