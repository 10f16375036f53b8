"""Hashes of original files: those that are recorded, and those that are trusted as they first came.

Where a maintainer has recorded the hash of a source's file (``public/sha256.txt``), nothing else is
taken for it. Where none is recorded, the file that came first is trusted if its table is the known
one; its hash is remembered in the cache, and a file that comes later has to be the same.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from bayescale.errors import FileError

#: In the folder of cards: a line a file, ``HASH  NAME/FILE``.
RECORDED = "sha256.txt"
#: In the cache folder of a data set: a line a file, ``HASH  FILE``.
_REMEMBERED = "first.sha256"
_PUBLIC = "bayescale.datasets.public"


class AnotherFileError(FileError):
    """A source gives another file than it did at first."""


def digest(contents: Mapping[str, bytes], archive: bool) -> str:
    """Return the SHA-256 of a file, or of what is needed of an archive.

    Of an archive it is that of a list of its members with their hashes, as ``sha256sum`` writes it
    with the names in order: servers pack the same files anew, and the packing is no part of them.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    if not archive:
        (only,) = hashes.values()
        return only
    listed = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(listed.encode()).hexdigest()


@cache
def recorded() -> Mapping[str, str]:
    """Return the recorded hashes, by ``NAME/FILE``."""
    return read(files(_PUBLIC).joinpath(RECORDED).read_text(encoding="utf-8"))


def read(text: str) -> dict[str, str]:
    """Return the hashes of a list, by what they are of; lines that begin with # say something."""
    lines = (line.split("  ", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name: found for found, name in lines}


def written(hashes: Mapping[str, str]) -> str:
    """Return hashes as a list."""
    return "".join(f"{found}  {name}\n" for name, found in sorted(hashes.items()))


def remembered(place: Path) -> dict[str, str]:
    """Return the hashes of the files that came first, from a data set's cache folder."""
    try:
        return read((place / _REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def changed(place: Path, found: Mapping[str, str]) -> list[str]:
    """Return the files that are others than those that came first."""
    first = remembered(place)
    return [name for name, value in found.items() if first.get(name, value) != value]


def refuse(names: Iterable[str], source: str) -> None:
    """Raise if there are files that differ from those that came first."""
    if names := list(names):
        raise AnotherFileError(
            f"{', '.join(names)} from {source} is another file than the one that was fetched first "
            "(its SHA-256 differs), although the rows that are known of it are the same. If the "
            "source may change, take the new one by refresh=True; else ask where it comes from."
        )


def remember(place: Path, found: Mapping[str, str]) -> None:
    """Keep the hashes of files that came, and whose table is the known one."""
    if remembered(place) == found:
        return
    # A name of its own, as another process may write at the same time.
    arrived = place / f"{_REMEMBERED}.{secrets.token_hex(4)}"
    try:
        arrived.write_text(written(found), encoding="utf-8")
        arrived.replace(place / _REMEMBERED)
    except OSError:
        # The files are kept, but here nothing can be written: the table is as good without.
        arrived.unlink(missing_ok=True)


def forget(place: Path) -> None:
    """Remove what is remembered of a data set's files."""
    (place / _REMEMBERED).unlink(missing_ok=True)
