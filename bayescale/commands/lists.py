"""The commands ``bayescale laws`` and ``bayescale datasets``: what there is."""

from __future__ import annotations

from bayescale.commands.options import Json
from bayescale.commands.output import show_list


def laws(as_json: Json = False) -> None:
    """List the laws."""
    from bayescale.registry import list_laws

    show_list(list_laws(), as_json)


def datasets(as_json: Json = False) -> None:
    """List the data sets: those that ship, and public ones that 'fetch' gets."""
    from bayescale.datasets import list_datasets

    show_list(list_datasets().set_index("name"), as_json)
