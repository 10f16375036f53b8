"""Noise in proportion to the loss, with outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.likelihoods.either import log_t_cdf, log_t_density, log_t_mass
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
class StudentT(LocationScale):
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
    y_sd
        A known standard error :math:`s` of each row (column or number), in the units of y. It adds
        to the fitted scale: :math:`\sqrt{\sigma^2 + (s/f(x))^2}`, as if the error had the same
        tails. A new run has none.
    x_relative_sd
        A known standard error :math:`e` of each row's input (column or number), as a share of the
        input (0.1 is 10 %); of several inputs each is off by as much, independently. It adds to
        the fitted noise what it moves the curve by:
        :math:`\sqrt{\sigma^2 + (e\, d \log f / d \log x)^2}`, with the slope taken over one
        standard error to either side. A new run has none.
    resolution
        The step to which y was rounded (column or number), in the units of y. A row then stands
        for the interval of half a step to either side, 0 included.
    censored
        A cap (column or number), in the units of y: a row at it or above says no more than that.

    Examples
    --------
    >>> StudentT(nu=4.0).nu
    4.0
    """

    sigma: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    nu: Prior | float = Prior("Gamma", alpha=2.0, beta=0.1)
    sigma_min: float = field(default=3e-4, metadata={"option": True})
    n_obs: str | float | None = n_obs_column()
    y_sd: str | float | None = y_sd_column()
    x_relative_sd: str | float | None = x_error_column()
    resolution: str | float | None = resolution_column()
    censored: str | float | None = censored_column()

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        if "lower" in noise:
            return super().observe(name, value, observed=observed, dims=dims, **noise)
        import pymc as pm
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        def outcome(nu, mu, sigma, size):
            return pt.exp(pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma, size=size))

        _, arguments = self.distribution(value, **noise)
        return pm.CustomDist(name, *arguments.values(), dist=outcome, observed=observed, dims=dims)

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome as PyMC has it."""
        if "lower" in noise:
            return self.log_density(y, value, **noise)
        import pymc as pm

        _, arguments = self.distribution(value, **noise)
        return pm.logp(pm.StudentT.dist(**arguments), np.log(y)) - np.log(y)

    def distribution(self, value: Any, **noise: Any) -> tuple[str, dict[str, Any]]:
        """Return PyMC's name of the distribution of the outcome's logarithm, with arguments."""
        scale, shape = self.scale_of(value, **noise)
        return "StudentT", {**shape, "mu": np.log(value), "sigma": scale}

    def scale_of(
        self,
        value: Any,
        *,
        sigma: Any,
        nu: Any,
        n_obs: Any = 1.0,
        y_sd: Any = None,
        curve_variance: Any = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the scale of log y of each row, and the degrees of freedom."""
        total = (sigma**2 + self.sigma_min**2) ** 0.5 / n_obs**0.5
        of_y = None if y_sd is None else y_sd / value
        return with_errors(total, of_y, curve_variance), {"nu": nu}

    def log_standard(self, z: Any, *, nu: Any) -> Any:
        """Return the log density of Student's t."""
        return log_t_density(z, nu)

    def log_below(self, z: Any, *, nu: Any) -> Any:
        """Return the log probability below z."""
        return log_t_cdf(z, nu)

    def log_between(self, a: Any, b: Any, *, nu: Any) -> Any:
        """Return the log probability between a and b."""
        return log_t_mass(a, b, nu)

    def standard_draw(self, rng: np.random.Generator, size: tuple[int, ...], *, nu: Any) -> Any:
        """Return random numbers of Student's t."""
        return rng.standard_t(nu, size)
