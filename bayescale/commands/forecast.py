"""The command ``bayescale forecast``: the outcome at inputs, by a saved fit."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bayescale.commands.options import (
    Drift,
    FitFile,
    Json,
    Of,
    Prob,
    drift_given,
    inputs_given,
)
from bayescale.commands.output import fits_of, print_json, problems_of, record_of


def forecast(
    file: FitFile,
    x: Annotated[
        list[str] | None, typer.Option("--x", help="Inputs, with commas: 1e10,1e11")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="ROLE=VALUES, for a law of several inputs; repeat it."),
    ] = None,
    of: Of = "observation",
    prob: Prob = 0.9,
    drift: Drift = None,
    as_json: Json = False,
) -> None:
    """Forecast the outcome from a saved fit or ensemble."""
    from bayescale import files, tables

    at = inputs_given(x, inputs)
    loaded = files.load(file)
    how: dict[str, Any] = drift_given(drift) | at
    table = loaded.forecast(**how).interval(prob, of)
    what = "one new run" if of == "observation" else "the curve"
    if as_json:
        print_json(record_of(loaded) | dict(table.attrs) | {"forecast": table})
    else:
        tables.show(
            table,
            f"{loaded.runs.outcome_column} of {what} by {loaded.name}, {prob * 100:g} % "
            "equal-tailed interval; extrapolation is the input over the largest seen",
        )
    raise typer.Exit(problems_of(fits_of(loaded)))
