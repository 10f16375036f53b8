"""What several commands take of a table of runs, and of how it is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from bayescale.commands.noise_options import NoiseOptions
from bayescale.commands.options import Ceiling, Column, Columns, Outcome, RunColumn, columns_given


@dataclass(frozen=True)
class TableOptions:
    """Which column is what, and what is known of the outcome."""

    y: Outcome
    x: Column = None
    inputs: Columns = None
    ceiling: Ceiling = None
    run: RunColumn = None

    def told(self, laws: Any, noise: NoiseOptions) -> dict[str, Any]:
        """Return what ``law.fit`` is told of a table, for each of some laws alike.

        Parameters
        ----------
        laws
            Those that will be fitted.
        noise
            What was given of it.
        """
        return {
            "y": self.y,
            "likelihood": noise.chosen(laws, self.run),
            "ceiling": self.ceiling,
            "run": self.run,
            **columns_given(self.x, self.inputs),
        }


@dataclass(frozen=True)
class SamplingOptions:
    """How many draws are made, and from which seed."""

    draws: Annotated[int, typer.Option(help="Kept draws of each chain.")] = 1000
    tune: Annotated[int, typer.Option(help="Tuning steps of each chain.")] = 1000
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0
