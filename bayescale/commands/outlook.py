"""The command ``bayescale outlook``: a forecast with no law to choose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayescale.commands.option_groups import with_groups
from bayescale.commands.options import (
    Ceiling,
    Drift,
    Json,
    NObs,
    Of,
    Outcome,
    Prob,
    RunColumn,
    RunsFile,
    drift_given,
    number_or_word,
    numbers,
)
from bayescale.commands.output import (
    check_output,
    fits_of,
    outlook_record,
    print_json,
    problems_of,
    saved_fit,
)
from bayescale.commands.table_options import SamplingOptions


@with_groups
def outlook(
    runs: RunsFile,
    y: Outcome,
    x: Annotated[str, typer.Option("--x", help="Column of what is scaled.")],
    at: Annotated[list[str], typer.Option(help="Inputs to forecast, with commas: 1e10,1e11")],
    *,
    run: RunColumn = None,
    n_obs: NObs = None,
    ceiling: Ceiling = None,
    drift: Drift = None,
    of: Of = "observation",
    prob: Prob = 0.9,
    sampling: SamplingOptions,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Save here what can be asked for other forecasts."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast from a table, with no law to choose.

    A mixture of several laws, with noise that is correlated along the curve and exponents that
    drift beyond the data. With --run, of a new run where the table holds several.
    """
    from bayescale import outlook, tables

    if output is not None:
        check_output(output)
    made = outlook.forecast(
        tables.read_runs(runs),
        y=y,
        x=x,
        at=numbers(at, "at"),
        run=run,
        n_obs=None if n_obs is None else number_or_word(n_obs),
        ceiling=ceiling,
        **vars(sampling),
        **drift_given(drift),
    )
    table = made.interval(prob, of)
    saved = None if output is None else saved_fit(made.source, output)
    if as_json:
        record = outlook_record(made.source) | dict(table.attrs) | {"forecast": table}
        print_json(record | ({} if output is None else {"file": saved}))
    else:
        tables.show_outlook(made, table)
        if saved:
            print(f"Saved to {saved}.")
    if output is not None and saved != str(output):
        raise typer.Exit(2)
    raise typer.Exit(problems_of(fits_of(made.source)))
