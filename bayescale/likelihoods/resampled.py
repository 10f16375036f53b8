"""Many evaluations of each run, one for each test resample, whose noise the runs share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.errors import DataError, PriorError
from bayescale.given import short
from bayescale.likelihoods.likelihood import (
    HALF_LOG_TAU,
    Likelihood,
    Rows,
    column,
    observed_by_density,
)
from bayescale.likelihoods.log_normal import LogNormal
from bayescale.likelihoods.shared_effect import given_group
from bayescale.prior import Prior


@dataclass(frozen=True)
class Resampled(Likelihood):
    r"""Runs that were all evaluated on the same test resamples (folds, subsets, bootstraps).

    .. math:: \log y_{mr} = \log f(x_m) + \delta_m + b_r + e_{mr}

    with :math:`\delta_m \sim \mathrm{Normal}(0, \sigma)` of the run, :math:`b_r \sim
    \mathrm{Normal}(0, \sigma_b)` of the resample, which a hard one makes worse for all runs alike,
    and :math:`e_{mr} \sim \mathrm{Normal}(0, \sigma_e)` of the two together. Rows of one run are
    one run, not many; and what resamples share drops out of differences between runs.

    All effects are integrated out exactly: of a complete table the likelihood is a function of
    the runs' means and of two sums of squares, so that the rows of a fit are the runs, and a
    hundred resamples cost as much as one. A row's log density is conditional on the rows before
    it, and holds its share of what the sums of squares say. Several inputs of one forecast are
    evaluated on one new resample: their differences are paired.

    Parameters
    ----------
    of
        The scatter of runs: :class:`LogNormal`, of nothing but ``sigma``.
    resample
        The column that names the test resample of each row.
    model
        The column that names the run of each row; by default rows of equal inputs are of one.
    resample_sd
        :math:`\sigma_b`, what resamples share, standard deviation of log y; no unit.
    evaluation_sd
        :math:`\sigma_e`, what is left of one run on one resample, likewise.

    Raises
    ------
    PriorError
        If ``resample`` is missing, or the likelihood inside is another.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.Resampled(resample="fold").label
    'Resampled(LogNormal)'
    """

    of: Any = field(default_factory=LogNormal, metadata={"part": True})
    resample_sd: Prior | float = Prior("LogNormal", mu=math.log(0.02), sigma=1.0)
    evaluation_sd: Prior | float = Prior("LogNormal", mu=math.log(0.01), sigma=1.0)
    resample: str | None = column("the test resample of a row", labels=True)
    model: str | None = column("the run of a row", labels=True)

    grouped = True
    merges = True
    bounds = {"resample_sd": (0.0, math.inf), "evaluation_sd": (0.0, math.inf)}
    by_run = ("place", "resamples", "models", "shared", "left", "sum_log_y")  # type: ignore[assignment] (always the same)

    def __post_init__(self) -> None:
        """Check what is inside, then every field."""
        if self.resample is None:
            raise PriorError("Resampled(resample=) needs the column that names the test resample.")
        if not isinstance(self.of, LogNormal) or self.of.columns:
            raise PriorError(f"Resampled() takes a plain bs.LogNormal(); got {short(self.of)}.")
        super().__post_init__()

    @property
    def label(self) -> str:
        """The likelihood's name, for titles."""
        return f"Resampled({self.of.label})"

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check that each run was evaluated once on each resample, and sum up."""
        self.check_outcome(rows, rows.y)
        run = rows.given.get("model")
        table = np.stack(list(rows.inputs.values()))
        if run is None:
            run = np.unique(table, axis=1, return_inverse=True)[1].ravel()
        code = np.unique(run, return_inverse=True)[1].ravel()
        resample = np.unique(rows.given["resample"], return_inverse=True)[1].ravel()
        models, resamples = int(code.max()) + 1, int(resample.max()) + 1
        self._check_complete(code, resample, models, resamples)
        order = np.lexsort((resample, code))
        first = order[::resamples]
        moved = table[:, order].reshape(len(table), models, resamples) != table[:, first, None]
        rows.reject(
            np.isin(code, np.flatnonzero(moved.any(axis=(0, 2)))),
            rows.y,
            f"All rows of one run (model={self.model!r}) must have the same inputs",
        )
        log_y = np.log(rows.modelled(rows.y))[order].reshape(models, resamples)
        mean = log_y.mean(axis=1)
        off = log_y - mean[:, None]
        shared = off.mean(axis=0)
        every = np.zeros(len(rows.y))
        known = {
            "keep": np.isin(np.arange(len(rows.y)), first).astype(float),
            "group": every,
            "resamples": every + resamples,
            "models": every + models,
            "shared": every + float((shared**2).sum()),
            "left": np.repeat(((off - shared) ** 2).sum(axis=1), resamples)[np.argsort(order)],
            "sum_log_y": np.repeat(log_y.sum(axis=1), resamples)[np.argsort(order)],
        }
        outcome = np.exp(np.repeat(mean, resamples)[np.argsort(order)])
        return outcome, known

    def _check_complete(
        self, code: np.ndarray, resample: np.ndarray, models: int, resamples: int
    ) -> None:
        if models < 2 or resamples < 2:
            raise DataError(
                f"Resampled() needs two runs and two resamples or more; got {models} and "
                f"{resamples}."
            )
        count = np.bincount(code * resamples + resample, minlength=models * resamples)
        if (count != 1).any():
            raise DataError(
                "Resampled() needs each run once on each resample: of "
                f"{models} runs x {resamples} resamples {int((count == 0).sum())} are missing and "
                f"{int((count > 1).sum())} are there more than once. Drop resamples that some run "
                "lacks, or name the runs (model='column')."
            )

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        return dict(values)

    def log_density(
        self,
        y: Any,
        value: Any,
        *,
        sigma: Any,
        resample_sd: Any,
        evaluation_sd: Any,
        place: Any = None,
        resamples: Any = 1.0,
        models: Any = 1.0,
        shared: Any = 0.0,
        left: Any = 0.0,
        sum_log_y: Any = None,
    ) -> Any:
        """Return the log density of each run's evaluations given the runs before it.

        Parameters
        ----------
        y
            Geometric means over the resamples, shape (run,).
        value
            The curve, shape (..., run).
        sigma, resample_sd, evaluation_sd
            The noise's parameters.
        place, resamples, models, shared, left, sum_log_y
            By row, from :meth:`prepared`; without them a row is one evaluation of a new run.

        Returns
        -------
        numpy.ndarray
            Shape (..., run), of all evaluations in their own units.
        """
        residual = np.log(y) - np.log(value)
        of_run = self.of.log_sd(sigma=sigma) ** 2
        own, common = evaluation_sd**2, resample_sd**2
        if place is None:
            total = of_run + own + common
            return -0.5 * residual**2 / total - 0.5 * np.log(total) - HALF_LOG_TAU - np.log(y)
        variance = of_run + own / resamples
        mean, total = given_group(residual, variance, resample_sd / resamples**0.5, place)
        of_mean = -0.5 * (residual - mean) ** 2 / total - 0.5 * np.log(total) - HALF_LOG_TAU
        # What is left when the means are taken out: orthogonal to them, and free of the curve.
        spread = own + models * common
        apart = resamples - 1
        of_shared = (-0.5 * shared * models / spread - 0.5 * apart * np.log(spread)) / models
        of_left = -0.5 * left / own - 0.5 * (1 - 1 / models) * apart * np.log(own)
        constant = -apart * HALF_LOG_TAU - 0.5 * np.log(resamples)
        return of_mean + of_shared + of_left + constant - sum_log_y

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each row, in tensors."""
        return self.log_density(y, value, **noise)

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the runs' means to the PyMC model, with what the sums of squares say."""
        return observed_by_density(self, name, value, observed, dims, noise)

    def draw(
        self,
        rng: np.random.Generator,
        value: Any,
        *,
        sigma: Any,
        resample_sd: Any,
        evaluation_sd: Any,
        resamples: Any = 1.0,
        **by_row: Any,
    ) -> np.ndarray:
        """Return a new run for each value of the curve, all evaluated on the same new resamples.

        By row it is the geometric mean over as many resamples as the row has, else over one.
        """
        size = np.shape(value)
        own = (self.of.log_sd(sigma=sigma) ** 2 + evaluation_sd**2 / resamples) ** 0.5
        common = resample_sd / np.max(resamples) ** 0.5
        shared = rng.standard_normal((*size[:-1], 1))
        return value * np.exp(own * rng.standard_normal(size) + common * shared)

    def standardised(
        self,
        y: Any,
        value: Any,
        *,
        sigma: Any,
        resample_sd: Any,
        evaluation_sd: Any,
        resamples: Any = 1.0,
        **by_row: Any,
    ) -> Any:
        """Return how far runs lie from the curve, in standard deviations."""
        variance = (evaluation_sd**2 + resample_sd**2) / resamples
        total = self.of.log_sd(sigma=sigma) ** 2 + variance
        return (np.log(y) - np.log(value)) / total**0.5
