"""Cards of public data sets: what is known of each, read from its file in ``public/``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bayescale.datasets import hashes
from bayescale.datasets.fingerprints import Fingerprint

if TYPE_CHECKING:
    import pandas as pd

_PUBLIC = "bayescale.datasets.public"


@dataclass(frozen=True)
class Original:
    """A file of the source.

    Parameters
    ----------
    name
        Its name in the cache and in mirrors.
    urls
        Where it lies; tried in order.
    sha256
        Its hash where one is recorded, else nothing: the converted table is checked in any case.
    members
        Patterns of the paths that are needed, if it is an archive (without its top folder).
    """

    name: str
    urls: tuple[str, ...]
    sha256: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What is known of a public data set.

    Parameters
    ----------
    name, title, what
        Its name, and what it is in few words and in a sentence.
    source, citation, licence
        Where it comes from, the paper to cite, and the licence of the source.
    x, y, curve
        The columns that are usually input and outcome, and those that tell curves apart.
    notes
        What to look out for.
    units, columns
        Unit and meaning of each column.
    originals
        The files of the source.
    known
        How a table is checked.
    zeros
        Rows among the known ones whose outcome is exactly 0.
    """

    name: str
    title: str
    what: str
    source: str
    citation: str
    licence: str
    x: str
    y: str
    curve: tuple[str, ...]
    notes: tuple[str, ...]
    units: Mapping[str, str]
    columns: Mapping[str, str]
    originals: tuple[Original, ...]
    known: Fingerprint
    zeros: int

    def convert(self, contents: Mapping[str, bytes]) -> pd.DataFrame:
        """Return the table with our columns, from the contents of the original files."""
        return import_module(f"{_PUBLIC}.{self.name}").convert(contents)

    def attrs(self) -> dict[str, Any]:
        """Return the facts as plain values, by the keys that `load_dataset` has too."""
        facts = {key: getattr(self, key) for key in ("name", "title", "what", "source", "citation")}
        facts |= {"licence": self.licence, "x": self.x, "y": self.y, "curve": list(self.curve)}
        facts |= {"notes": list(self.notes)}
        return facts | {"units": dict(self.units), "columns": dict(self.columns)}


def public_names() -> list[str]:
    """Name the public data sets: every card of the folder."""
    found = (entry.name for entry in files(_PUBLIC).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


@cache
def read_card(name: str) -> Card:
    """Read the card of a public data set."""
    text = files(_PUBLIC).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    facts = tomllib.loads(text)
    units = {column: unit for column, (unit, _) in facts["columns"].items()}
    meanings = {column: meaning for column, (_, meaning) in facts["columns"].items()}
    check = facts["check"]
    zeros = check.pop("zeros")
    check["exact"] = tuple(check["exact"])
    return Card(
        **{key: facts[key] for key in ("title", "what", "source", "citation", "licence", "x", "y")},
        name=name,
        curve=tuple(facts["curve"]),
        notes=tuple(facts["notes"]),
        units=units,
        columns=meanings,
        originals=tuple(_originals(name, facts["file"])),
        known=Fingerprint(**check),
        zeros=zeros,
    )


def _originals(name: str, listed: list[dict[str, Any]]) -> list[Original]:
    """Read the files of a source; ``{each}`` in name and addresses stands for each of a list."""
    found = []
    for entry in listed:
        for each in entry.get("each", [""]):
            file = entry["name"].format(each=each)
            found.append(
                Original(
                    name=file,
                    urls=tuple(url.format(each=each) for url in entry["urls"]),
                    sha256=hashes.recorded().get(f"{name}/{file}", ""),
                    members=tuple(entry.get("members", ())),
                )
            )
    return found
