"""How runs scatter about a law's curve: one frozen record for each likelihood.

A likelihood names one PyMC distribution in :meth:`distribution`, and says the same in numpy:
``log_density`` (of the outcome in its own units) and ``draw``. A field is a parameter of the
noise and its value is its prior, as in a law.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bayescale.errors import LawError, PriorError
from bayescale.parameters import checked_value, options, parameter_names
from bayescale.prior import Prior

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class Likelihood:
    """What every likelihood has; the defaults suit one whose noise is on the log scale."""

    #: Whether outcomes must be positive.
    positive: ClassVar[bool] = True
    #: What the noise is Gaussian in: ``"log y"``, ``"y"`` or nothing.
    gaussian_in: ClassVar[str | None] = None
    #: Other quantities that may carry a parameter's prior.
    carriers: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    #: Bounds of each parameter.
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "sigma": (0.0, math.inf),
        "relative_sigma": (0.0, math.inf),
        "nu": (0.0, math.inf),
    }

    def bounds_of(self, name: str) -> tuple[float, float]:
        """Return the bounds of a parameter or a quantity."""
        return self.bounds[name]

    def __post_init__(self) -> None:
        """Check every field."""
        for name in parameter_names(self):
            object.__setattr__(self, name, checked_value(self, name, getattr(self, name)))
        for name, value in options(self).items():
            if not (isinstance(value, int | float) and 0 <= value < math.inf):
                raise PriorError(
                    f"{type(self).__name__}({name}=) must be a number of at least 0; got {value!r}."
                )

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        return dict(values)

    def distribution(self, value: Any, **noise: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        raise LawError(f"{type(self).__name__} must define distribution(value, **noise).")

    def gaussian_sd(self, **noise: Any) -> Any:
        """Return the standard deviation of what the noise is Gaussian in."""
        raise LawError(
            f"{type(self).__name__} is not Gaussian in log y or in y. Where it is, set gaussian_in "
            "and define gaussian_sd(**noise)."
        )

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        import pymc as pm

        distribution, arguments = self.distribution(value, **noise)
        return getattr(pm, distribution)(name, **arguments, observed=observed, dims=dims)

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome as PyMC has it."""
        import pymc as pm

        distribution, arguments = self.distribution(value, **noise)
        return pm.logp(getattr(pm, distribution).dist(**arguments), y)


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

    Examples
    --------
    >>> LogNormal(sigma=0.01)
    LogNormal(sigma=0.01, sigma_min=0.0003)
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    sigma_min: float = field(default=3e-4, metadata={"option": True})

    gaussian_in = "log y"

    def distribution(self, value: Any, *, sigma: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return "LogNormal", {"mu": pt.log(value), "sigma": self.log_sd(sigma=sigma)}

    def log_density(self, y: Any, value: Any, *, sigma: Any) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        total = self.log_sd(sigma=sigma)
        return (
            -0.5 * ((np.log(y) - np.log(value)) / total) ** 2
            - np.log(total)
            - (np.log(y) + _HALF_LOG_TAU)
        )

    def draw(self, rng: np.random.Generator, value: Any, *, sigma: Any) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        return value * np.exp(self.log_sd(sigma=sigma) * rng.standard_normal(np.shape(value)))

    def log_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of log y."""
        return (sigma**2 + self.sigma_min**2) ** 0.5

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of log y."""
        return self.log_sd(sigma=sigma)


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

    Examples
    --------
    >>> StudentT(nu=4.0).nu
    4.0
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    nu: Prior | float = Prior("Gamma", alpha=2.0, beta=0.1)
    sigma_min: float = field(default=3e-4, metadata={"option": True})

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

    def distribution(self, value: Any, *, sigma: Any, nu: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome's logarithm, with arguments."""
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return "StudentT", {"nu": nu, "mu": pt.log(value), "sigma": self._total(sigma)}

    def log_density(self, y: Any, value: Any, *, sigma: Any, nu: Any) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        from scipy.special import gammaln

        total = self._total(sigma)
        z = (np.log(y) - np.log(value)) / total
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        return constant - np.log(total) - (nu + 1) / 2 * np.log1p(z**2 / nu) - np.log(y)

    def draw(self, rng: np.random.Generator, value: Any, *, sigma: Any, nu: Any) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        with np.errstate(over="ignore"):  # tails as heavy as that do reach infinity
            return value * np.exp(self._total(sigma) * rng.standard_t(nu, np.shape(value)))

    def _total(self, sigma: Any) -> Any:
        return (sigma**2 + self.sigma_min**2) ** 0.5


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

    Examples
    --------
    >>> Normal(sigma=0.003)
    Normal(sigma=0.003)
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0, on="relative_sigma")

    positive = False
    gaussian_in = "y"
    carriers = {"sigma": ("relative_sigma",)}

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        if "relative_sigma" in values:
            return {"sigma": values["relative_sigma"] * references["y_ref"]}
        return dict(values)

    def distribution(self, value: Any, *, sigma: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome, and its arguments."""
        return "Normal", {"mu": value, "sigma": sigma}

    def log_density(self, y: Any, value: Any, *, sigma: Any) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        return -0.5 * ((y - value) / sigma) ** 2 - np.log(sigma) - _HALF_LOG_TAU

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of y."""
        return sigma

    def draw(self, rng: np.random.Generator, value: Any, *, sigma: Any) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        return value + sigma * rng.standard_normal(np.shape(value))
