"""The command ``bayescale fit``: a law fitted to a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayescale.commands.form_options import FormOptions, law_named, laws_like
from bayescale.commands.noise_options import NoiseOptions
from bayescale.commands.option_groups import with_groups
from bayescale.commands.options import Json, RunsFile
from bayescale.commands.output import check_output, fit_record, print_json, problems_of, saved_fit
from bayescale.commands.table_options import SamplingOptions, TableOptions


@with_groups
def fit(
    runs: RunsFile,
    *,
    table: TableOptions,
    law: Annotated[
        str,
        typer.Option(help="The law; 'bayescale laws' lists them.", autocompletion=laws_like),
    ] = "power",
    form: FormOptions,
    noise: NoiseOptions,
    sampling: SamplingOptions,
    chains: Annotated[int, typer.Option(help="How many chains.")] = 4,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Save the fit here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit a law to a table of runs."""
    from bayescale import tables

    chosen = law_named(law, form.given())
    if output is not None:
        check_output(output)
    told = table.told([chosen], noise)
    made = chosen.fit(tables.read_runs(runs), chains=chains, **vars(sampling), **told)
    saved = None if output is None else saved_fit(made, output)
    if as_json:
        print_json(fit_record(made) | {"file": saved})
    else:
        tables.show_fit(made)
        print(f"Saved to {saved}." if saved else "Not saved; add -o fit.nc to keep the fit.")
    if output is not None and saved != str(output):
        raise typer.Exit(2)
    raise typer.Exit(problems_of([made], quiet=not as_json))
