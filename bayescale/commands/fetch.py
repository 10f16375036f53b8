"""The command ``bayescale fetch``: a public data set as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayescale.commands.options import Json
from bayescale.commands.output import print_json
from bayescale.errors import FileError

if TYPE_CHECKING:
    import pandas as pd


def fetch(
    name: Annotated[str, typer.Argument(help="Name of the data set, as 'datasets' lists it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table here, as CSV.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch anew although it is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch a public data set, once, and write it as a table that 'fit' reads."""
    from bayescale.datasets import fetch_dataset

    table = fetch_dataset(name, refresh=refresh)
    if output is not None:
        _write(table, output)
    if as_json:
        file = None if output is None else str(output)
        print_json(dict(table.attrs) | {"rows": len(table), "file": file})
        return
    _show_dataset(table)
    print(f"Written to {output}." if output else "Not written; add -o runs.csv to have the table.")


def _write(table: pd.DataFrame, output: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    unfinished = output.with_name(f"{output.name}.part")
    try:
        table.to_csv(unfinished, index=False)
        unfinished.replace(output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise FileError(
            f"{output} cannot be written ({error.strerror or error}). Choose another place for -o."
        ) from None


def _show_dataset(table: pd.DataFrame) -> None:
    """Print what a data set is: columns with units, what to look out for, where it came from."""
    import pandas as pd

    from bayescale import tables

    facts = table.attrs
    columns = pd.DataFrame({"unit": facts["units"], "meaning": facts["columns"]})
    tables.show(columns, f"{facts['name']}: {facts['what']} ({len(table)} rows)")
    for note in facts["notes"]:
        tables.say(f"- {note}")
    tables.say(f"From {facts['fetched_from']}. Cite {facts['citation']}.")
