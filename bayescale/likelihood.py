"""How runs scatter about a law's curve: one frozen record for each likelihood.

A likelihood names one PyMC distribution in :meth:`distribution`, and says the same in numpy:
``log_density`` (of the outcome in its own units) and ``draw``. A field is a parameter of the
noise and its value is its prior, as in a law. What the noise needs to know of each run (of how
many evaluations it is the mean, how far the run before it lies) comes with the noise's arguments,
by the names in :attr:`Likelihood.by_run`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from bayescale.errors import LawError, PriorError
from bayescale.parameters import checked_value, options, own_parameter_names, slots
from bayescale.prior import Prior

#: The gap in log x between rows of different runs: their noise has nothing in common.
APART = 1e6

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
#: Added to the variance of a step along a run, so that runs at nearly equal inputs do no harm.
_JITTER = 1e-6
#: A step of log y beyond which an outcome is no number that a computer holds.
_FARTHEST = 700.0


class Likelihood:
    """What every likelihood has; the defaults suit one whose noise is on the log scale."""

    #: Whether outcomes must be positive.
    positive: ClassVar[bool] = True
    #: What the noise is Gaussian in: ``"log y"``, ``"y"`` or nothing.
    gaussian_in: ClassVar[str | None] = None
    #: Whether a run's noise depends on that of the run before it.
    correlated: ClassVar[bool] = False
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

    def default_of(self, name: str) -> Any:
        """Return a field's default, with which it was not given."""
        declared = fields(self)  # type: ignore[arg-type] (every likelihood is a dataclass)
        return next(f.default for f in declared if f.name == name)

    def __post_init__(self) -> None:
        """Check every field."""
        for name in own_parameter_names(self):
            object.__setattr__(self, name, checked_value(self, name, getattr(self, name)))
        self._check_n_obs()
        for name, value in options(self).items():
            if not (isinstance(value, int | float) and 0 <= value < math.inf):
                raise PriorError(
                    f"{type(self).__name__}({name}=) must be a number of at least 0; got {value!r}."
                )

    def _check_n_obs(self) -> None:
        """Check what was given for ``n_obs``, where a likelihood has it."""
        given = getattr(self, "n_obs", None)
        if given is None or (isinstance(given, str) and given):
            return
        name = type(self).__name__
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise PriorError(
                f"{name}(n_obs=) takes the name of a column, or a number; got {given!r}."
            )
        if not 0 < given < math.inf:
            raise PriorError(f"{name}(n_obs=) must be a number above 0; got {given!r}.")

    @property
    def label(self) -> str:
        """The likelihood's name, for titles."""
        return type(self).__name__

    def __str__(self) -> str:
        """Return the priors in effect, each with its central 95 %."""
        lines = [f"{self.label}:"]
        for slot in slots(self):
            on = "" if slot.quantity == slot.field else f" through {slot.quantity}"
            if slot.prior is None:
                lines.append(f"  {slot.field}{on} fixed at {slot.value}")
            else:
                low, high = (float(q) for q in slot.prior.frozen().ppf([0.025, 0.975]))
                words = f"{slot.prior.describe()} [central 95 % {low:.3g} to {high:.3g}]"
                lines.append(f"  {slot.field}{on} ~ {words}")
        if self.averaged is not None:
            lines.append(f"  each row is the mean of n_obs={self.averaged!r} evaluations")
        return "\n".join(lines)

    @property
    def averaged(self) -> str | float | None:
        """The column that says of how many evaluations a row is the mean, or a number, or None."""
        return getattr(self, "n_obs", None)

    @property
    def whitens(self) -> bool:
        """Whether log residuals can be made independent standard normal: ``whitened`` does it."""
        return hasattr(self, "whitened")

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each run: of these, ``n_obs`` and ``gap``."""
        return () if self.averaged is None else ("n_obs",)

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
            - (np.log(y) + _HALF_LOG_TAU)
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
        return -0.5 * ((y - value) / total) ** 2 - np.log(total) - _HALF_LOG_TAU

    def gaussian_sd(self, *, sigma: Any) -> Any:
        """Return the standard deviation of y."""
        return sigma

    def draw(
        self, rng: np.random.Generator, value: Any, *, sigma: Any, n_obs: Any = 1.0
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        return value + sigma / n_obs**0.5 * rng.standard_normal(np.shape(value))


@dataclass(frozen=True)
class Correlated(Likelihood):
    r"""Noise that is alike in neighbouring rows, as in the checkpoints of one training run.

    .. math:: \log y_k = \log f(x_k) + r_k, \quad
              r_k \mid r_{k-1} \sim \rho_k r_{k-1} + \sqrt{1 - \rho_k^2}\;\varepsilon_k, \quad
              \rho_k = e^{-|\log x_k - \log x_{k-1}| / \ell}

    with :math:`\varepsilon` scattered as the likelihood inside says: an Ornstein-Uhlenbeck process
    along log x, in O(n). Every run (``run=``) has a process of its own. Rows that are equal in
    what they scale are merged by their mean first.

    The log density of a row is conditional on the rows before it (smaller x, same run); the rows'
    densities multiply to the joint density. Leave-one-out of such rows still sees their neighbours,
    so a backtest is to be preferred.

    Parameters
    ----------
    of
        The likelihood inside: :class:`LogNormal` or :class:`StudentT`.
    correlation_length
        :math:`\ell`, over which the noise is forgotten, in units of log x (e-folds); no unit. Its
        default prior is on ``free_length``, with
        :math:`1/\ell = 1/\ell_{free} + 4/\log(x_{max}/x_{min})`: at most a quarter of the range,
        since noise that never forgets would stand in for the curve.

    Raises
    ------
    PriorError
        If the likelihood inside has its noise not on the log scale, or is correlated itself.

    References
    ----------
    Uhlenbeck and Ornstein (1930), "On the theory of the Brownian motion".

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.Correlated(bs.LogNormal(n_obs=16)).label
    'Correlated(LogNormal)'
    """

    of: Any = field(default_factory=LogNormal, metadata={"part": True})
    correlation_length: Prior | float = Prior(
        "LogNormal", mu=math.log(0.15), sigma=0.8, on="free_length"
    )

    correlated = True
    carriers = {"correlation_length": ("free_length",)}
    bounds = {"correlation_length": (0.0, math.inf), "free_length": (0.0, math.inf)}

    def __post_init__(self) -> None:
        """Check what is inside, then every field."""
        if not isinstance(self.of, LogNormal | StudentT):
            raise PriorError(
                "Correlated() takes a likelihood on the log scale, such as bs.LogNormal() or "
                f"bs.StudentT(); got {self.of!r}."
            )
        super().__post_init__()

    @property
    def label(self) -> str:
        """The likelihood's name, for titles."""
        return f"Correlated({self.of.label})"

    @property
    def averaged(self) -> str | float | None:
        """The column that says of how many evaluations a row is the mean, or a number, or None."""
        return self.of.averaged

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each run."""
        return "n_obs", "gap"

    @property
    def whitens(self) -> bool:
        """Whether the noise inside is Gaussian."""
        return hasattr(self.of, "whitened")

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        own = ("correlation_length", "free_length")
        found = self.of.natural({n: v for n, v in values.items() if n not in own}, references)
        if "free_length" in values:
            length = 1 / (1 / values["free_length"] + 4 / references["span"])
            return {**found, "correlation_length": length}
        return {**found, "correlation_length": values["correlation_length"]}

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model: each row given the row before it."""
        centre, rest = self._given_past(observed, value, **noise)
        return self.of.observe(name, centre, observed=observed, dims=dims, **rest)

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome given those before it, as PyMC has it."""
        centre, rest = self._given_past(y, value, **noise)
        return self.of.tensor_log_density(y, centre, **rest)

    def log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each row given the rows before it, in y's own units.

        Parameters
        ----------
        y
            Outcomes in the order of the rows, shape (run,).
        value
            The curve, shape (..., run).
        **noise
            Of the likelihood inside; ``correlation_length``; and by row ``gap`` (log x less that
            of the row before it in the same run) and ``n_obs``.

        Returns
        -------
        numpy.ndarray
            Shape (..., run).
        """
        centre, rest = self._given_past(y, value, **noise)
        return self.of.log_density(y, centre, **rest)

    def whitened(
        self,
        log_residual: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        n_obs: Any = 1.0,
        **noise: Any,
    ) -> tuple[Any, Any]:
        """Return log residuals as independent standard normal numbers, and log |their scale|."""
        assert isinstance(self.of, LogNormal)
        inside, log_scale = self.of.whitened(log_residual, n_obs=n_obs, **noise)
        rho, left = _memory(gap, correlation_length)
        return (inside - rho * _before(inside)) / left**0.5, log_scale + 0.5 * np.log(left)

    def draw(
        self,
        rng: np.random.Generator,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        n_obs: Any = 1.0,
        start: Any = 0.0,
        **noise: Any,
    ) -> np.ndarray:
        """Return new outcomes along the rows, whose noise goes on from row to row.

        Parameters
        ----------
        rng
            Random numbers.
        value
            The curve, shape (..., run).
        correlation_length, gap, n_obs, **noise
            As for :meth:`log_density`.
        start
            The log residual, of a single evaluation, from which the first row is ``gap`` away;
            shape (...).

        Returns
        -------
        numpy.ndarray
            Shape (..., run).
        """
        rho, left = _memory(gap, correlation_length)
        rho, left, root = (np.broadcast_to(v, np.shape(value)) for v in (rho, left, n_obs**0.5))
        with np.errstate(divide="ignore"):
            steps = np.log(self.of.draw(rng, np.ones(np.shape(value)), n_obs=1 / left, **noise))
        # Tails without end: an infinite step would leave no number to the rows after it.
        steps = np.clip(steps, -_FARTHEST, _FARTHEST)
        path = np.empty(np.shape(value))
        last = np.broadcast_to(start, np.shape(value)[:-1])
        for k in range(np.shape(value)[-1]):
            last = rho[..., k] * last + steps[..., k]
            path[..., k] = last
        with np.errstate(over="ignore"):
            return value * np.exp(path / root)

    def ahead(
        self,
        log_residual: Any,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        **noise: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Return about what later rows of a run scatter, and the noise of the likelihood inside.

        Parameters
        ----------
        log_residual
            Of the last row, in terms of a single evaluation; shape (..., 1).
        value
            The curve at the later rows, shape (..., m).
        correlation_length, gap, **noise
            Of the noise; ``gap`` from the last row, shape (m,).

        Returns
        -------
        centre, noise
            For ``log_density`` of the likelihood inside.
        """
        rho, left = _memory(gap, correlation_length)
        return value * np.exp(rho * log_residual), {**noise, "n_obs": 1 / left}

    def _given_past(
        self,
        y: Any,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        n_obs: Any = 1.0,
        **noise: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Return about what each row scatters given the rows before it, and the inside's noise."""
        rho, left = _memory(gap, correlation_length)
        root = n_obs**0.5
        single = (np.log(y) - np.log(value)) * root  # as residuals of single evaluations
        centre = value * np.exp(rho * _before(single) / root)
        return centre, {**noise, "n_obs": n_obs / left}


def _memory(gap: Any, length: Any) -> tuple[Any, Any]:
    """Return how much of a residual is left after a gap, and what share of the variance is new."""
    rho = np.exp(-gap / length)
    return rho, 1 - rho**2 + _JITTER


def _before(rows: Any) -> Any:
    """Return the value of the row before, along the last axis; the first row has its own."""
    if hasattr(rows, "owner"):
        import pytensor.tensor as typed

        pt: Any = typed  # the type checker takes elementwise operators for None

        return pt.concatenate([rows[..., :1], rows[..., :-1]], axis=-1)
    return np.concatenate([rows[..., :1], rows[..., :-1]], axis=-1)
