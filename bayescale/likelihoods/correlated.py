"""Noise that is alike in neighbouring rows of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayescale.errors import PriorError
from bayescale.given import short
from bayescale.likelihoods.likelihood import Likelihood
from bayescale.likelihoods.log_normal import LogNormal
from bayescale.likelihoods.student_t import StudentT
from bayescale.prior import Prior

#: The gap in log x between rows of different runs: their noise has nothing in common.
APART = 1e6

#: Added to the variance of a step along a run, so that runs at nearly equal inputs do no harm.
_JITTER = 1e-6
#: Where a curve has several runs it is what they share, so noise that lasts for long does not pass
#: for it, and may last from a checkpoint to most of a run. (Of one run the prior of the class is
#: tight: there a slow wave of the noise and a bend of the curve look alike.)
OF_SEVERAL_RUNS = Prior("LogNormal", mu=math.log(0.3), sigma=1.2, on="free_length")
#: A step of log y beyond which an outcome is no number that a computer holds.
_FARTHEST = 700.0


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
        since noise that never forgets would stand in for the curve. Where a curve has several
        runs (``run=``) the default is wider, LogNormal(log 0.3, 1.2): they tell slow noise from
        the curve.

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
    smoothed: float = field(default=1.0, metadata={"new_runs": True})

    correlated = True
    carriers = {"correlation_length": ("free_length",)}
    bounds = {"correlation_length": (0.0, math.inf), "free_length": (0.0, math.inf)}

    def __post_init__(self) -> None:
        """Check what is inside, then every field."""
        if not isinstance(self.of, LogNormal | StudentT):
            raise PriorError(
                "Correlated() takes a likelihood on the log scale, such as bs.LogNormal() or "
                f"bs.StudentT(); got {short(self.of)}."
            )
        if set(self.of.columns) - {"n_obs"}:
            raise PriorError(
                "Correlated() takes a likelihood that knows of its rows no more than n_obs=: what "
                "one row's error or rounding leaves open would bear on all rows after it. "
                f"Leave out {', '.join(sorted(set(self.of.columns) - {'n_obs'}))}=."
            )
        number = isinstance(self.smoothed, int | float) and not isinstance(self.smoothed, bool)
        if not number or not 1 <= self.smoothed < math.inf:
            raise PriorError(
                "Correlated(smoothed=) must be a number of at least 1, of how many evaluations "
                f"each row is the mean; got {short(self.smoothed)}."
            )
        if self.smoothed > 1 and self.of.averaged is not None:
            raise PriorError(
                "Both n_obs= and smoothed= say of how many evaluations a row is the mean. Give "
                "n_obs= where all noise of a row is averaged, smoothed= where only that of single "
                "evaluations is."
            )
        super().__post_init__()

    def suited(self, runs: Any) -> Correlated:
        """Return the noise with the default prior for the runs that each curve has."""
        own = self.correlation_length == self.default_of("correlation_length")
        if own and runs.run is not None and len(set(runs.run)) > len(set(runs.cells)):
            return replace(self, correlation_length=OF_SEVERAL_RUNS)
        return self

    def of_new_rows(
        self, inputs: Mapping[str, Any] | None, known: Any, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return what the noise must know of new runs: how much more they scatter than rows."""
        more = self.of.of_new_rows(inputs, known, references)
        return more if self.smoothed == 1 else {**more, "besides": self.smoothed - 1}

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

    def standardised(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return how far rows lie from what those before them let expect, in units of scale."""
        centre, rest = self._given_past(y, value, **noise)
        return self.of.standardised(y, centre, **rest)

    def draw(
        self,
        rng: np.random.Generator,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        n_obs: Any = 1.0,
        start: Any = 0.0,
        besides: Any = 0.0,
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
        besides
            The variance of independent noise besides, as a multiple of the correlated noise's.

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
        path = path / root
        if np.any(besides):
            path = path + np.log(self.of.draw(rng, np.ones(path.shape), n_obs=1 / besides, **noise))
        with np.errstate(over="ignore"):
            return value * np.exp(path)

    def ahead(
        self,
        log_residual: Any,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        besides: Any = 0.0,
        **noise: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Return about what later rows of a run scatter, and the noise of the likelihood inside.

        Parameters
        ----------
        log_residual
            Of the last row, in terms of a single evaluation; shape (..., 1).
        value
            The curve at the later rows, shape (..., m).
        correlation_length, gap, besides, **noise
            As for :meth:`draw`; ``gap`` from the last row, shape (m,).

        Returns
        -------
        centre, noise
            For ``log_density`` of the likelihood inside.
        """
        rho, left = _memory(gap, correlation_length)
        return value * np.exp(rho * log_residual), {**noise, "n_obs": 1 / (left + besides)}

    def _given_past(
        self,
        y: Any,
        value: Any,
        *,
        correlation_length: Any,
        gap: Any = APART,
        n_obs: Any = 1.0,
        besides: Any = 0.0,
        **noise: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Return about what each row scatters given the rows before it, and the inside's noise."""
        rho, left = _memory(gap, correlation_length)
        root = n_obs**0.5
        single = (np.log(y) - np.log(value)) * root  # as residuals of single evaluations
        centre = value * np.exp(rho * _before(single) / root)
        return centre, {**noise, "n_obs": n_obs / (left + besides)}


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
