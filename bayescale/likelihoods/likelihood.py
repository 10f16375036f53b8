"""What every likelihood has: how runs scatter about a law's curve, as a frozen record.

A likelihood names one PyMC distribution in :meth:`distribution`, and says the same in numpy:
``log_density`` (of the outcome in its own units) and ``draw``. A field is a parameter of the
noise and its value is its prior, as in a law. What the noise needs to know of each run (of how
many evaluations it is the mean, how far the run before it lies) comes with the noise's arguments,
by the names in :attr:`Likelihood.by_run`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from bayescale.errors import LawError, PriorError
from bayescale.given import LARGEST, SMALLEST, short
from bayescale.parameters import (
    checked_value,
    options,
    own_parameter_names,
    part_names,
    slots,
)

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Rows:
    """A user's rows, as a likelihood sees them before anything is fitted.

    Parameters
    ----------
    y
        The outcome in the user's units, finite, shape (row,).
    name
        Its column.
    ceiling
        What a rising metric cannot exceed, or None.
    inputs
        Role to values, shape (row,).
    given
        Noise argument to its numbers, shape (row,): what was given as a column or as one number.
    reject
        Raises an error that names the rows, if there are any: ``reject(bad, values, rule, cure)``.
    """

    y: np.ndarray
    name: str
    ceiling: float | None
    inputs: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    reject: Callable[..., None]

    def modelled(self, values: Any) -> Any:
        """Return outcomes as they are modelled: the same, or ``ceiling`` minus them."""
        return values if self.ceiling is None else self.ceiling - values


def column(means: str, *, labels: bool = False, any_sign: bool = False) -> Any:
    """Return a field for what is known of each row: the name of a column, or one number for all.

    Parameters
    ----------
    means
        What it says of a row, for messages.
    labels
        Whether it names what rows share, so that only a column will do.
    any_sign
        Whether numbers need not be positive.

    Returns
    -------
    dataclasses.Field
        None by default.
    """
    known = {"column": True, "means": means, "labels": labels, "any_sign": any_sign}
    return field(default=None, metadata=known)


def n_obs_column() -> Any:
    """Return the field ``n_obs``."""
    return column("of how many evaluations a row is the mean")


class Likelihood:
    """What every likelihood has; the defaults suit one whose noise is on the log scale."""

    #: Whether outcomes must be positive.
    positive: ClassVar[bool] = True
    #: Whether the curve is positive, and noise and drift are in proportion to it.
    on_logs: ClassVar[bool] = True
    #: What the noise is Gaussian in: ``"log y"``, ``"y"`` or nothing.
    gaussian_in: ClassVar[str | None] = None
    #: Whether a run's noise depends on that of the run before it.
    correlated: ClassVar[bool] = False
    #: Whether rows of one group have an effect in common: they stand together, group by group.
    grouped: ClassVar[bool] = False
    #: Whether rows of one group are summed up in one of them: that for which ``keep`` is not 0.
    merges: ClassVar[bool] = False
    #: Parameters that may be fixed at 0.
    may_vanish: ClassVar[tuple[str, ...]] = ()
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
        for entry in fields(self):  # type: ignore[arg-type] (every likelihood is a dataclass)
            if entry.metadata.get("column"):
                self._check_column(entry)
            given = getattr(self, entry.name)
            if entry.metadata.get("choice") and not isinstance(given, str | type(entry.default)):
                raise PriorError(
                    f"{type(self).__name__}({entry.name}=) takes text; got {short(given)}."
                )
        for name, value in options(self).items():
            if not (isinstance(value, int | float) and 0 <= value < math.inf):
                raise PriorError(
                    f"{type(self).__name__}({name}=) must be a number of at least 0; "
                    f"got {short(value)}."
                )

    def _check_column(self, entry: Any) -> None:
        """Check what was given for a field that says something of each row."""
        given, known = getattr(self, entry.name), entry.metadata
        if given is None or (isinstance(given, str) and given):
            return
        owner = f"{type(self).__name__}({entry.name}=)"
        if known.get("labels"):
            raise PriorError(f"{owner} takes the name of a column; got {short(given)}.")
        if (
            isinstance(given, bool)
            or not isinstance(given, int | float)
            or math.inf > abs(given) > LARGEST
        ):
            raise PriorError(
                f"{owner} takes the name of a column, or a number; got {short(given)}."
            )
        if known.get("any_sign") and math.isfinite(given):
            return
        if not 0 < given < math.inf:
            raise PriorError(f"{owner} must be a number above 0; got {short(given)}.")

    @property
    def columns(self) -> dict[str, tuple[str | float, Mapping[str, Any]]]:
        """What was given for each row: noise argument to (column or number, what it means)."""
        found: dict[str, tuple[str | float, Mapping[str, Any]]] = {}
        for name in part_names(self):
            found |= getattr(self, name).columns
        for entry in fields(self):  # type: ignore[arg-type] (every likelihood is a dataclass)
            given = getattr(self, entry.name)
            if entry.metadata.get("column") and given is not None:
                found[entry.name] = given, entry.metadata
        return found

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check a user's rows, and return the modelled outcome and what is known of each row.

        Parameters
        ----------
        rows
            As they were given.

        Returns
        -------
        outcome
            Shape (row,).
        known
            Noise argument to numbers, shape (row,).

        Raises
        ------
        DataError
            If rows lie outside the likelihood's support; the message says which.
        """
        self.check_outcome(rows, rows.y)
        return rows.modelled(rows.y), dict(rows.given)

    def suited(self, runs: Any) -> Likelihood:
        """Return the likelihood with the default priors that suit the checked runs."""
        return self

    def check_outcome(self, rows: Rows, y: np.ndarray) -> None:
        """Raise a DataError where outcomes must be positive and are not."""
        if not self.positive:
            return
        if rows.ceiling is None:
            rule = f"{rows.name!r} must be positive (noise here is in proportion to the loss)"
            rows.reject(y < SMALLEST, y, rule, "Drop those rows, or pass likelihood=bs.Normal()")
        else:
            rows.reject(
                y >= rows.ceiling,
                y,
                f"{rows.name!r} must be below ceiling={rows.ceiling:g} (noise here is in "
                "proportion to what is missing to the ceiling)",
                "Raise the ceiling, drop those rows, or pass likelihood=bs.Normal()",
            )

    def of_new_rows(
        self, inputs: Mapping[str, Any] | None, known: Any, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return what the noise must know of new runs, where it differs from its defaults.

        Parameters
        ----------
        inputs
            Role to values of shape (..., m); None for a new run at the largest inputs seen.
        known
            What was known of each row that was fitted: noise argument to numbers, or None.
        references
            The data's.

        Returns
        -------
        dict
            Noise argument to numbers.
        """
        return {}

    def residual(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return how far outcomes lie from the curve, for comparing neighbours: in any unit."""
        return np.log(y) - np.log(value) if self.on_logs else y - value

    def standardised(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return how far outcomes lie from the curve, in standard deviations of the noise."""
        raise LawError(
            f"{type(self).__name__} does not say how far a row lies from the curve. Define "
            "standardised(y, value, **noise)."
        )

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
        for name, (given, known) in self.columns.items():
            lines.append(f"  {name}={given!r}: {known['means']}")
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
        """The noise's arguments that have a value for each row."""
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


def observed_by_density(
    likelihood: Likelihood, name: str, value: Any, observed: Any, dims: Any, noise: Mapping
) -> Any:
    """Add an outcome whose distribution is no distribution of PyMC to the model of the context.

    Parameters
    ----------
    likelihood
        With ``tensor_log_density`` and ``draw``, elementwise.
    name, value, observed, dims
        As for :meth:`Likelihood.observe`.
    noise
        The noise's arguments by name.

    Returns
    -------
    variable
        Of PyMC.
    """
    import pymc as pm

    names = list(noise)

    def log_density(y: Any, value: Any, *rest: Any) -> Any:
        return likelihood.tensor_log_density(y, value, **dict(zip(names, rest, strict=True)))

    def draw(value: Any, *rest: Any, rng: Any = None, size: Any = None) -> Any:
        wide = np.broadcast_to(value, np.shape(value) if size is None else size)
        given = dict(zip(names, rest, strict=True))
        return likelihood.draw(rng, wide, **given)  # type: ignore[attr-defined] (each has one)

    return pm.CustomDist(
        name, value, *noise.values(), logp=log_density, random=draw, observed=observed, dims=dims
    )
