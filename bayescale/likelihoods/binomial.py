"""Counts: errors among a known number of test items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.errors import DataError, PriorError
from bayescale.given import short
from bayescale.likelihoods.either import log_gamma, most, softplus
from bayescale.likelihoods.likelihood import Likelihood, Rows, column, observed_by_density
from bayescale.prior import Prior

#: How sharply a rate bends below the largest one: 2 % below it where the curve reaches it.
_SHARPNESS = 32
#: Below this, a curve is taken for it: a rate is above 0.
_LEAST_RATE = 1e-9
#: How far a share may lie from a whole number of items over their number: three decimals.
_ROUNDED = 5e-4


@dataclass(frozen=True)
class Binomial(Likelihood):
    r"""Errors among a known number of test items; the curve is the error rate.

    .. math:: k \sim \mathrm{Binomial}(n, p(x)), \quad
              p = f\,\bigl(1 + (f / (1 - g))^{32}\bigr)^{-1/32}

    so p is the curve f as long as that is below the largest error rate, :math:`1 - g` (to 0.1 % at
    nine tenths of it), and stays there where f goes beyond: models at chance scatter about chance.
    A curve that is not positive counts as 1e-9. Rows without an error, or with nothing else, are
    as good as others.

    The outcome is a share of the items or a count of them; which is read off the column (shares
    lie in 0 to 1), or said in ``y_is``. Of accuracies (with ``ceiling=1.0``) the curve is one minus
    them. Forecasts are of the share; a new run is tested on as many items as the rows (median).

    Parameters
    ----------
    trials
        :math:`n`, the number of test items: the name of a column, or one number for all rows.
    guess_rate
        :math:`g`, the share that is right by guessing: a number (0.25 for four choices) or a
        prior; no unit.
    y_is
        ``"share"`` or ``"count"``, where the column alone does not say.

    Raises
    ------
    PriorError
        If ``trials`` is missing.

    Examples
    --------
    >>> import bayescale as bs
    >>> noise = bs.Binomial(trials="questions", guess_rate=0.25)
    >>> noise.guess_rate
    0.25
    """

    guess_rate: Prior | float = 0.0
    trials: str | float | None = column("how many test items a row was tested on")
    y_is: str | None = field(default=None, metadata={"choice": True})

    positive = False
    bounds = {"guess_rate": (0.0, 1.0)}
    may_vanish = ("guess_rate",)

    def __post_init__(self) -> None:
        """Check every field."""
        name = type(self).__name__
        if self.trials is None:
            raise PriorError(
                f"{name}(trials=) needs the number of test items: the name of a column, or a "
                "number."
            )
        if self.y_is not in (None, "share", "count"):
            raise PriorError(f"{name}(y_is=) must be 'share' or 'count'; got {short(self.y_is)}.")
        super().__post_init__()

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each row."""
        return ("trials",)

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check rows, and turn counts into shares of errors."""
        n, y = rows.given["trials"], rows.y
        if rows.ceiling not in (None, 1.0):
            raise DataError(
                f"{type(self).__name__} takes ceiling=1.0, for accuracies; "
                f"got {short(rows.ceiling)}. "
                "What is out of reach belongs to the law (irreducible), not to the ceiling."
            )
        rows.reject(n != np.round(n), n, "trials= must be whole numbers of test items")
        rows.reject(y < 0, y, f"{rows.name!r} must be a count or a share of test items")
        count = np.round(self._counts(rows, n, y))
        share = count / n
        return rows.modelled(share), dict(rows.given)

    def _counts(self, rows: Rows, n: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how many items each row counts, from counts or shares."""
        whole = y == np.round(y)
        kind = self.y_is
        if kind is None and (y > 1).any():
            kind = "count"
        elif kind is None and whole.all() and ((y == 1) & (n > 1)).any():
            raise DataError(
                f"{rows.name!r} holds only 0 and 1, which may be counts or shares of "
                f"{n.max():g} items. Say which: {type(self).__name__}(trials=..., y_is='count') "
                "or 'share'."
            )
        if kind == "count":
            cure = "Divide percentages by 100, or correct or drop those rows"
            rows.reject(~whole, y, f"{rows.name!r} has counts above 1, so all must be whole", cure)
            rows.reject(
                y > n, y, f"{rows.name!r} must not exceed the number of test items (trials=)"
            )
            return y
        rows.reject(y > 1, y, f"{rows.name!r} (y_is='share') must be at most 1")
        rows.reject(
            abs(np.round(y * n) / n - y) > _ROUNDED * (1 + 1e-9),
            y,
            f"{rows.name!r} must be a whole number of items over trials=, to three decimals",
            "An average over tasks of different size is no share of items: pass "
            "likelihood=bs.LogNormal() for those, or correct trials=",
        )
        return y * n

    def of_new_rows(
        self, inputs: Mapping[str, Any] | None, known: Any, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return on how many items a new run is tested: as many as the rows were (median)."""
        return {"trials": np.round(np.median(known["trials"]))}

    def log_rates(self, value: Any, guess_rate: Any) -> tuple[Any, Any]:
        """Return the logarithms of the error rate and of one minus it.

        Parameters
        ----------
        value
            The curve.
        guess_rate
            The share that is right by guessing.

        Returns
        -------
        log_rate, log_rest
            Same shape as the curve.
        """
        top = 1 - guess_rate
        below = softplus(-_SHARPNESS * np.log(most(value, _LEAST_RATE) / top)) / _SHARPNESS
        # 1 - p as a sum of two parts, each without cancellation.
        rest = guess_rate - top * np.expm1(-below)
        return np.log(top) - below, np.log(most(rest, 1e-300))

    def log_density(self, y: Any, value: Any, *, guess_rate: Any, trials: Any, **more: Any) -> Any:
        """Return the log density of a share in its own units, elementwise.

        Parameters
        ----------
        y
            Shares of errors, whole numbers over ``trials``.
        value
            The curve.
        guess_rate, trials, **more
            Of the noise.

        Returns
        -------
        numpy.ndarray
            The log probability of the count, times ``trials``: shares lie 1 / trials apart.
        """
        k = y * trials
        ways = log_gamma(trials + 1) - log_gamma(k + 1) - log_gamma(trials - k + 1)
        log_rates = self.log_rates(value, guess_rate)
        return ways + self._log_likelihood(k, trials, log_rates, **more) + np.log(trials)

    def _log_likelihood(self, k: Any, n: Any, log_rates: tuple[Any, Any]) -> Any:
        return k * log_rates[0] + (n - k) * log_rates[1]

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome, in tensors."""
        return self.log_density(y, value, **noise)

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed shares to the PyMC model of the context."""
        return observed_by_density(self, name, value, observed, dims, noise)

    def draw(
        self, rng: np.random.Generator, value: Any, *, guess_rate: Any, trials: Any, **more: Any
    ) -> np.ndarray:
        """Return one new share of errors for each value of the curve."""
        with np.errstate(all="ignore"):
            rate = np.exp(self.log_rates(np.asarray(value), guess_rate)[0])
        rate = np.nan_to_num(rate, nan=1.0)
        n = np.broadcast_to(np.asarray(trials, int), np.shape(rate))
        return rng.binomial(n, self._drawn_rate(rng, rate, **more)) / n

    def _drawn_rate(self, rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
        return np.clip(rate, 0.0, 1.0)

    def residual(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return how far shares lie from the curve, in standard deviations."""
        return self.standardised(y, value, **noise)

    def standardised(self, y: Any, value: Any, *, guess_rate: Any, trials: Any, **more: Any) -> Any:
        """Return how far shares lie from the curve, in standard deviations."""
        log_rate, log_rest = self.log_rates(value, guess_rate)
        spread = np.exp(log_rate + log_rest) / trials * self._wider(trials, **more)
        return (y - np.exp(log_rate)) / spread**0.5

    def _wider(self, trials: Any) -> Any:
        """Return by what factor the variance exceeds the binomial's."""
        return 1.0
