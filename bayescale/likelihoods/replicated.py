"""Seed noise apart from lack of fit, where configurations were run several times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayescale.errors import DataError, PriorError
from bayescale.given import short
from bayescale.likelihoods.likelihood import Likelihood, Rows, column
from bayescale.likelihoods.log_normal import LogNormal
from bayescale.likelihoods.shared_effect import first_rows, given_group
from bayescale.prior import Prior


@dataclass(frozen=True)
class Replicated(Likelihood):
    r"""Seeds of one configuration scatter about it, and configurations about the law.

    .. math:: \log y_{ij} = \log f(x_i) + \delta_i + \varepsilon_{ij}, \quad
              \delta_i \sim \mathrm{Normal}(0, \tau), \quad
              \varepsilon_{ij} \sim \mathrm{Normal}(0, \sigma)

    :math:`\sigma` is seed noise, which more seeds average away; :math:`\tau` is what the law leaves
    out of a configuration, which they do not. Without it, ten seeds of one configuration count
    as ten configurations, and intervals of the law are too narrow. The :math:`\delta_i` are
    integrated out exactly, in O(n). A new run has both.

    The log density of a row is conditional on the rows before it of its configuration; the rows'
    densities multiply to the joint density. :func:`bayescale.compare` leaves out whole
    configurations.

    Parameters
    ----------
    of
        The likelihood inside: :class:`LogNormal`, whose ``sigma`` is the seed noise.
    lack_of_fit
        :math:`\tau`, scatter of configurations about the law, standard deviation of log y; no
        unit.
    config
        The column that names the configuration of each row; by default rows of equal inputs are
        of one.

    Raises
    ------
    PriorError
        If the likelihood inside is another, or says more of its rows than ``n_obs``.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.Replicated(config="config").label
    'Replicated(LogNormal)'
    """

    of: Any = field(default_factory=LogNormal, metadata={"part": True})
    lack_of_fit: Prior | float = Prior("LogNormal", mu=math.log(0.01), sigma=1.0)
    config: str | None = column("the configuration of a row", labels=True)

    grouped = True
    bounds = {"lack_of_fit": (0.0, math.inf)}

    def __post_init__(self) -> None:
        """Check what is inside, then every field."""
        if not isinstance(self.of, LogNormal) or set(self.of.columns) - {"n_obs"}:
            raise PriorError(
                f"Replicated() takes bs.LogNormal(), with n_obs= or without; got {short(self.of)}."
            )
        super().__post_init__()

    @property
    def label(self) -> str:
        """The likelihood's name, for titles."""
        return f"Replicated({self.of.label})"

    @property
    def averaged(self) -> str | float | None:
        """The column that says of how many evaluations a row is the mean, or a number, or None."""
        return self.of.averaged

    @property
    def by_run(self) -> tuple[str, ...]:
        """The noise's arguments that have a value for each row."""
        return (*self.of.by_run, "place")

    def prepared(self, rows: Rows) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Check rows, and find which are of one configuration."""
        self.check_outcome(rows, rows.y)
        known = dict(rows.given)
        code = known.pop("config", None)
        if code is None:
            table = np.stack(list(rows.inputs.values()))
            code = np.unique(table, axis=1, return_inverse=True)[1].ravel().astype(float)
        if len(np.unique(code)) == len(code):
            how = f"config={self.config!r}" if self.config else "equal inputs"
            raise DataError(
                f"Replicated() needs a configuration with two rows or more (by {how}): seed noise "
                "and lack of fit cannot be told apart without. Name the configurations "
                "(config='column'), or pass likelihood=bs.LogNormal()."
            )
        return rows.modelled(rows.y), {**known, "group": code}

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the noise's parameters from the quantities that carry their priors."""
        return dict(values)

    def observe(self, name: str, value: Any, *, observed: Any, dims: Any = None, **noise: Any):
        """Add the observed outcome to the PyMC model: each row given its configuration's others."""
        centre, rest = self._given_group(observed, value, **noise)
        return self.of.observe(name, centre, observed=observed, dims=dims, **rest)

    def tensor_log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each outcome given those before it, as PyMC has it."""
        centre, rest = self._given_group(y, value, **noise)
        return self.of.tensor_log_density(y, centre, **rest)

    def log_density(self, y: Any, value: Any, **noise: Any) -> Any:
        """Return the log density of each row given those of its configuration before it.

        Parameters
        ----------
        y
            Outcomes in the order of the configurations, shape (run,).
        value
            The curve, shape (..., run).
        **noise
            ``sigma``, ``lack_of_fit``; and by row ``place`` (how many rows of its configuration
            stand before it; without it each row is of its own) and ``n_obs``.

        Returns
        -------
        numpy.ndarray
            Shape (..., run), in y's own units.
        """
        centre, rest = self._given_group(y, value, **noise)
        return self.of.log_density(y, centre, **rest)

    def draw(
        self,
        rng: np.random.Generator,
        value: Any,
        *,
        lack_of_fit: Any,
        place: Any = None,
        **noise: Any,
    ) -> np.ndarray:
        """Return one new outcome for each value of the curve; those of a configuration share it."""
        new = self.of.draw(rng, value, **noise)
        effect = rng.standard_normal(np.shape(value))
        if place is not None:
            effect = effect[..., first_rows(place)]
        return new * np.exp(lack_of_fit * effect)

    def standardised(
        self, y: Any, value: Any, *, lack_of_fit: Any, place: Any = None, **noise: Any
    ) -> Any:
        """Return how far outcomes lie from the curve, in standard deviations of a new run."""
        scale, _ = self.of.scale_of(value, **noise)
        return (np.log(y) - np.log(value)) / (scale**2 + lack_of_fit**2) ** 0.5

    def _given_group(
        self,
        y: Any,
        value: Any,
        *,
        sigma: Any,
        lack_of_fit: Any,
        place: Any = None,
        n_obs: Any = 1.0,
    ) -> tuple[Any, dict[str, Any]]:
        """Return about what each row scatters given those before it, and the inside's noise."""
        single = self.of.log_sd(sigma=sigma) ** 2
        if place is None:
            mean, variance = 0.0, lack_of_fit**2 + single / n_obs
        else:
            residual = np.log(y) - np.log(value)
            mean, variance = given_group(residual, single / n_obs, lack_of_fit, place)
        return value * np.exp(mean), {"sigma": sigma, "n_obs": single / variance}
