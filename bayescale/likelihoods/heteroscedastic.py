"""Noise that varies with scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.errors import DataError, PriorError
from bayescale.given import short
from bayescale.likelihoods.likelihood import Likelihood, Rows
from bayescale.likelihoods.location_scale import LocationScale
from bayescale.likelihoods.log_normal import LogNormal
from bayescale.prior import Prior


@dataclass(frozen=True)
class Heteroscedastic(Likelihood):
    r"""Noise that varies with scale, as a power of an input.

    .. math:: \sigma(x) = \sigma\,(x / x_{ref})^{h}

    with :math:`x_{ref}` the geometric mean of the input; the likelihood inside does the scattering.
    Beyond the data the noise stays what it is at the nearest edge: trends of noise do not
    extrapolate (on 92 published curves they made forecasts worse). So it is no default;
    :func:`bayescale.compare` tells whether the rows ask for it.

    Parameters
    ----------
    of
        The likelihood inside: :class:`LogNormal`, :class:`StudentT` or :class:`Normal`.
    sigma_slope
        :math:`h`, exponent of the noise's size; negative where larger runs scatter less; no unit.
    input
        The input along which noise varies, by role; needed where the law has several.

    Raises
    ------
    PriorError
        If the likelihood inside is none of these.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.Heteroscedastic(bs.StudentT()).label
    'Heteroscedastic(StudentT)'
    """

    of: Any = field(default_factory=LogNormal, metadata={"part": True})
    sigma_slope: Prior | float = Prior("Normal", mu=0.0, sigma=0.3)
    input: str | None = field(default=None, metadata={"choice": True})

    bounds = {"sigma_slope": (-math.inf, math.inf)}

    def __post_init__(self) -> None:
        """Check what is inside, then every field."""
        if not isinstance(self.of, LocationScale):
            raise PriorError(
                "Heteroscedastic() takes bs.LogNormal(), bs.StudentT() or bs.Normal(); "
                f"got {short(self.of)}."
            )
        super().__post_init__()

    @property
    def label(self) -> str:
        """The likelihood's name, for titles."""
        return f"Heteroscedastic({self.of.label})"

    # Of the likelihood inside, so properties where others have a class attribute.
    @property
    def positive(self) -> bool:  # type: ignore[override]
        """Whether outcomes must be positive."""
        return self.of.positive

    @property
    def on_logs(self) -> bool:  # type: ignore[override] (as above)
        """Whether noise is in proportion to the curve."""
        return self.of.on_logs

    @property
    def averaged(self) -> str | float | None:
        """The column that says of how many evaluations a row is the mean, or a number, or None."""
        return self.of.averaged

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each row."""
        return tuple(dict.fromkeys(("n_obs", self._along, *self.of.by_run)))

    @property
    def _along(self) -> str:
        return f"log_{self.input or 'input'}"

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check a user's rows, and that it is clear along which input noise varies."""
        roles = list(rows.inputs)
        if (self.input is None and len(roles) > 1) or self.input not in (None, *roles):
            raise DataError(
                f"Heteroscedastic(input=) must be one of {', '.join(map(repr, roles))}; "
                f"got {short(self.input)}."
            )
        return self.of.prepared(rows)

    def of_new_rows(
        self, inputs: Mapping[str, Any] | None, known: Any, references: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return the log input of new runs, held at the edges of the data."""
        role = self.input or next(k.removesuffix("_ref") for k in references if k.endswith("_ref"))
        start, end = (references[f"{role}_{edge}"] for edge in ("start", "end"))
        x = end if inputs is None else np.clip(inputs[role], start, end)
        mine = {self._along: np.log(x / references[f"{role}_ref"])}
        return {**self.of.of_new_rows(inputs, known, references), **mine}

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        rest = {name: value for name, value in values.items() if name != "sigma_slope"}
        return {**self.of.natural(rest, references), "sigma_slope": values["sigma_slope"]}

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model of the context."""
        return self.of.observe(name, value, observed=observed, dims=dims, **self._inside(**noise))

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome as PyMC has it."""
        return self.of.tensor_log_density(y, value, **self._inside(**noise))

    def log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of y in y's own units, elementwise."""
        return self.of.log_density(y, value, **self._inside(**noise))

    def draw(self, rng: np.random.Generator, value: Any, **noise: Any) -> np.ndarray:
        """Return one new outcome for each value of the curve."""
        return self.of.draw(rng, value, **self._inside(**noise))

    def standardised(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return how far outcomes lie from the curve, in units of the noise's scale there."""
        return self.of.standardised(y, value, **self._inside(**noise))

    def residual(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the same."""
        return self.standardised(y, value, **noise)

    def _inside(self, *, sigma_slope: Any, n_obs: Any = 1.0, **noise: Any) -> dict[str, Any]:
        """Return the noise of the likelihood inside: less of it is as if rows were means."""
        log_x = noise.pop(self._along, 0.0)
        return {**noise, "n_obs": n_obs * np.exp(-2 * sigma_slope * log_x)}
