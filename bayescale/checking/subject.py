"""What is checked: a law with a likelihood, and the runs on which both are tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayescale.checking.made_up import runs_for
from bayescale.coordinates import Coordinates
from bayescale.observed import Observations

#: What a reference unit of an input is in runs that are made up: as large as real inputs.
UNIT = 3e7


@dataclass(frozen=True, eq=False)
class Subject:
    """A law with a likelihood, and what checks ask of them more than once.

    Parameters
    ----------
    law, likelihood
        What is checked, without groups.
    sample
        Whether NUTS may run.
    given
        Runs to try them on; by default they are made up.
    """

    law: Any
    likelihood: Any
    sample: bool = False
    given: Observations | None = None

    @property
    def name(self) -> str:
        """The name of the form."""
        return type(self.law).__name__

    @property
    def form(self) -> Any:
        """The law's class."""
        return type(self.law)

    @property
    def grid(self) -> dict[str, np.ndarray]:
        """Inputs in reference units that fill the example's range; a copy each time."""
        return self.form.example_inputs(24)

    @cached_property
    def truth(self) -> np.ndarray:
        """The example's curve on the grid."""
        return np.asarray(self.form.expr(**self.grid, **self.form.example), float)

    @cached_property
    def runs(self) -> Observations:
        """Checked runs, with inputs as large as real ones."""
        return self.given or runs_for(self.law, self.likelihood, 20, UNIT)

    @cached_property
    def coordinates(self) -> Coordinates:
        """The sampler's."""
        return Coordinates(self.law, self.likelihood)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """Every number of the density."""
        return self.coordinates.numbers(self.runs.references)

    @cached_property
    def point(self) -> np.ndarray:
        """A point of the sampler's coordinates, not far from the middle of the priors."""
        size = sum(n or 1 for n in self.coordinates.sizes.values())
        return 0.3 * np.random.default_rng(1).standard_normal(size)
