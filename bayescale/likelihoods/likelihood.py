"""What every likelihood has: how runs scatter about a law's curve, as a frozen record.

A likelihood names one PyMC distribution in :meth:`distribution`, and says the same in numpy:
``log_density`` (of the outcome in its own units) and ``draw``. A field is a parameter of the
noise and its value is its prior, as in a law. What the noise needs to know of each run (of how
many evaluations it is the mean, how far the run before it lies) comes with the noise's arguments,
by the names in :attr:`Likelihood.by_run`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from bayescale.errors import LawError, PriorError
from bayescale.parameters import checked_value, options, own_parameter_names, slots

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


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
