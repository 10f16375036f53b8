"""The command ``bayescale warm``: laws compiled ahead of the fits that need them."""

from __future__ import annotations

from typing import Annotated

import typer

from bayescale.commands.form_options import FormOptions, laws_named
from bayescale.commands.noise_options import NoiseOptions
from bayescale.commands.option_groups import with_groups
from bayescale.commands.options import Json, listed
from bayescale.commands.output import print_json
from bayescale.errors import LawError


@with_groups
def warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAW]...",
            help="The laws ('bayescale laws' lists them), or forecast: those of 'bayescale "
            "outlook'. [default: five]",
        ),
    ] = None,
    *,
    form: FormOptions,
    noise: NoiseOptions,
    as_json: Json = False,
) -> None:
    """Compile laws ahead of time, so that first fits are quick.

    By default the power law, the broken one with one break and with two fixed ones, Chinchilla's,
    and Kaplan's of parameters and tokens. Give the options that the fits will have.
    """
    from bayescale import compile_cache, warming

    given = form.given()
    if not names and given:
        raise LawError("Options are of a law; name it: bayescale warm broken --breaks 2.")
    named = [name for name in names or [] if name != warming.FORECAST]
    laws = list(laws_named(listed(named), given).values()) if named else []
    laws = laws if names else warming.defaults()
    chosen = warming.pairs(laws, noise.chosen(laws))
    if names and len(named) < len(names):
        chosen += warming.of_forecast()
    rows = []
    for row in warming.warmed(chosen):
        rows.append(row)
        name, seconds, compiled = row
        if not as_json:
            print(f"{name}: {'compiled' if compiled else 'was warm'}, {seconds:.1f} s", flush=True)
    table = warming.table(rows)
    if as_json:
        print_json(dict(table.attrs) | {"laws": table})
    else:
        print(f"The cache in {table.attrs['folder']} has {table.attrs['mib']:.1f} MiB.")
    raise typer.Exit(0 if compile_cache.lasts() else 1)
