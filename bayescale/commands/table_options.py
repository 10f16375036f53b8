"""What several commands take of a table of runs, and of how it is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from bayescale.commands.noise_options import NoiseOptions
from bayescale.commands.options import Ceiling, Column, Columns, Outcome, RunColumn, columns_given
from bayescale.errors import LawError


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

        Raises
        ------
        LawError
            If the inputs are not those of a law, or the noise is not what its likelihood takes.
        """
        columns = columns_given(self.x, self.inputs)
        for law in laws:
            _check_inputs(law, columns)
        return {
            "y": self.y,
            "likelihood": noise.chosen(laws, self.run),
            "ceiling": self.ceiling,
            "run": self.run,
            **columns,
        }


def _check_inputs(law: Any, columns: Mapping[str, str]) -> None:
    """Raise a LawError that says how the inputs of a law are given here."""
    if set(law.inputs) != set(columns):
        flags = " ".join(
            "--x COLUMN" if role == "x" else f"--input {role}=COLUMN" for role in law.inputs
        )
        raise LawError(
            f"{law.signature_name()} takes {', '.join(law.inputs)}; got {', '.join(columns)}. "
            f"Give {flags}."
        )


@dataclass(frozen=True)
class SamplingOptions:
    """How many draws are made, and from which seed."""

    draws: Annotated[int, typer.Option(help="Kept draws of each chain.")] = 1000
    tune: Annotated[int, typer.Option(help="Tuning steps of each chain.")] = 1000
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0
