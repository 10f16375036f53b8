"""The command ``bayescale required``: the input that reaches a target, by a saved fit."""

from __future__ import annotations

from typing import Annotated

import typer

from bayescale.commands.options import (
    Drift,
    FitFile,
    Json,
    Prob,
    drift_given,
    numbers,
    one_number,
    pairs,
)
from bayescale.commands.output import fits_of, print_json, problems_of, record_of


def required(
    file: FitFile,
    y: Annotated[list[str], typer.Option("--y", help="Targets, with commas: 2.0,1.9")],
    solve: Annotated[str | None, typer.Option(help="The input to solve for, if several.")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="ROLE=VALUE", help="Every other input: params=7e9."),
    ] = None,
    prob: Prob = 0.9,
    drift: Drift = None,
    as_json: Json = False,
) -> None:
    """Find the input that reaches a target.

    Of a saved fit: the input at which its curve reaches the target and stays there, with the
    probability that it never does. With several inputs, name the one to solve for and give the
    others.
    """
    from bayescale import files, tables

    targets = numbers(y, "y")
    given = {
        role: one_number(text, "input", role)
        for role, text in pairs(inputs, "input", "ROLE=NUMBER, such as params=7e9").items()
    }
    loaded = files.load(file)
    table = loaded.required(y=targets, solve=solve, **drift_given(drift), **given).interval(prob)
    if as_json:
        print_json(record_of(loaded) | dict(table.attrs) | {"required": table})
    else:
        tables.show(
            table,
            f"{table.attrs['of']} at which {loaded.runs.outcome_column} reaches a target for good, "
            f"by {loaded.name}, {prob * 100:g} % equal-tailed interval; inf is never",
        )
    raise typer.Exit(problems_of(fits_of(loaded)))
