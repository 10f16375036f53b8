"""Public data sets, one call away: from their sources, or from a mirror of converted files."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayescale import progress as showing
from bayescale.datasets import downloads, hashes
from bayescale.datasets.cards import Card, Original, read_card
from bayescale.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

#: The environment variable that names a mirror: a folder, or an address.
MIRROR = "BAYESCALE_DATA_MIRROR"

_noted: set[str] = set()


class UnexpectedError(FileError):
    """What came is not what the card says."""


@dataclass(frozen=True)
class _Came:
    """A table, where it came from, and the hashes of the files that it was read from.

    ``kept`` is the cache folder if those are original files that were fetched.
    """

    frame: pd.DataFrame
    where: str
    sha256: dict[str, str] = field(default_factory=dict)
    kept: Path | None = None


def fetched(
    name: str,
    cache: str | os.PathLike[str] | None = None,
    refresh: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Return a public data set; `bayescale.fetch_dataset` has checked its name.

    What was kept from an earlier call and turns out to be unusable is fetched anew once.
    """
    card = read_card(name)
    place = downloads.cache_folder(cache) / name
    mirror = os.environ.get(MIRROR)
    try:
        came = _checked(card, place, mirror, refresh, progress)
    except UnexpectedError:
        _forget(card, place)
        if refresh or (mirror and _folder(mirror)):
            raise
        try:
            came = _checked(card, place, mirror, True, progress)
        except UnexpectedError:
            _forget(card, place)
            raise
    came.frame.attrs.update(card.attrs() | {"fetched_from": came.where, "sha256": came.sha256})
    _note(card, came)
    return came.frame


def _checked(
    card: Card, place: Path, mirror: str | None, again: bool, progress: bool | None
) -> _Came:
    """Return the table, if it is the known one and its files are those that came first."""
    came = _found(card, place, mirror, again, progress)
    _check(card, came.frame, came.where)
    if came.kept is not None:
        if not again:
            hashes.refuse(hashes.changed(came.kept, came.sha256), came.where)
        hashes.remember(came.kept, came.sha256)
    return came


def _found(
    card: Card, place: Path, mirror: str | None, again: bool, progress: bool | None
) -> _Came:
    """Return the table and where it came from."""
    if mirror is None:
        contents, found = _fetched(card, place, None, again, progress)
        frame = _converted(card, contents, card.source)
        first = card.originals[0]
        where = downloads.origin(place / first.name, first.urls[0])
        return _Came(frame, where, found, place)
    folder = _folder(mirror)
    if folder is not None:
        return _of_folder(card, folder)
    base, place = mirror.rstrip("/"), place / "mirror"
    table = f"{card.name}.csv"
    try:
        path = downloads.get([f"{base}/{table}"], place / table, "", again, progress)
        return _read(card, path, f"{base}/{table}")
    except downloads.MissingError:
        pass
    try:
        contents, found = _fetched(card, place, f"{base}/{card.name}", again, progress)
    except downloads.MissingError:
        raise _not_there(card, mirror) from None
    return _Came(_converted(card, contents, mirror), f"{base}/{card.name}", found, place)


def _fetched(
    card: Card, place: Path, base: str | None, again: bool, progress: bool | None
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return contents and hashes of the original files, from their sources or an address."""
    contents: dict[str, bytes] = {}
    found: dict[str, str] = {}
    count = len(card.originals)
    with showing.task(f"Fetching {card.name}", total=count, progress=progress) as task:
        for original in card.originals:
            urls = original.urls if base is None else (f"{base}/{original.name}",)
            known = "" if original.members else original.sha256
            path = downloads.get(urls, place / original.name, known, again, progress)
            inside, found[original.name] = _contents(path, original)
            contents |= inside
            task.update(advance=1)
    return contents, found


def _of_folder(card: Card, folder: Path) -> _Came:
    """Return the table from a mirror's folder: a converted file, or the original ones."""
    table = folder / f"{card.name}.csv"
    if table.is_file():
        return _read(card, table, str(table))
    paths = [(original, folder / card.name / original.name) for original in card.originals]
    if not all(path.is_file() for _, path in paths):
        raise _not_there(card, str(folder))
    contents: dict[str, bytes] = {}
    found: dict[str, str] = {}
    for original, path in paths:
        inside, found[original.name] = _contents(path, original)
        contents |= inside
    return _Came(_converted(card, contents, str(folder)), str(folder / card.name), found)


def _contents(path: Path, original: Original) -> tuple[dict[str, bytes], str]:
    """Return a file's content by name, or those of an archive's members, and its hash."""
    inside = _members(path, original) if original.members else {original.name: path.read_bytes()}
    found = hashes.digest(inside, archive=bool(original.members))
    if original.sha256 and found != original.sha256:
        raise UnexpectedError(
            f"{path} is not the file of that name that is known: its SHA-256 is {found} instead of "
            f"{original.sha256}."
        )
    return inside, found


def _members(path: Path, original: Original) -> dict[str, bytes]:
    """Return what is needed of an archive."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                inner = info.filename.partition("/")[2]
                if any(fnmatch(inner, pattern) for pattern in original.members):
                    found[inner] = archive.read(info)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UnexpectedError(f"{path} is not a whole archive ({error}).") from None
    return found


def _converted(card: Card, contents: Mapping[str, bytes], source: str) -> pd.DataFrame:
    """Return the table; whatever a converter stumbles over is a layout that it does not know."""
    try:
        return card.convert(contents)
    except Exception as error:
        raise _layout(card, source, error) from error


def _layout(card: Card, source: str, error: Exception) -> UnexpectedError:
    return UnexpectedError(
        f"The files of {card.name} from {source} are not laid out as they were when this "
        f"version of bayescale was made ({type(error).__name__}: {error}). Nothing was "
        "kept. Try a newer version, or tell us."
    )


def _read(card: Card, path: Path, where: str) -> _Came:
    """Read a converted file of a mirror."""
    import pandas as pd

    texts: Any = {column: str for column, unit in card.units.items() if unit == "text"}
    try:
        # A text is a text although it may look like a number, or like a missing one.
        frame = pd.read_csv(path, dtype=texts)
        return _Came(frame, where, {path.name: downloads.file_hash(path)})
    except (ValueError, OSError) as error:
        raise UnexpectedError(f"{path} cannot be read as a table ({error}).") from None


def _check(card: Card, frame: pd.DataFrame, where: str) -> None:
    """Refuse a table that is another one than the card's."""
    if list(frame.columns) != list(card.columns):
        raise UnexpectedError(
            f"{where} does not give {card.name}: its columns are {', '.join(frame.columns)} "
            f"instead of {', '.join(card.columns)}."
        )
    try:
        wrong = card.known.differences(frame)
    except (ValueError, TypeError) as error:
        wrong = [f"a value that is no number ({error})"]
    if wrong:
        raise UnexpectedError(
            f"{where} does not give {card.name} as it is known: {'; '.join(wrong)}. The source has "
            "changed, or the files were damaged on the way; nothing was kept. Try refresh=True; if "
            "it stays so, tell us."
        )


def _not_there(card: Card, mirror: str) -> FileError:
    originals = ", ".join(original.name for original in card.originals[:3])
    return FileError(
        f"The mirror {mirror} has neither {card.name}.csv nor a folder {card.name} with "
        f"{originals}. Put one there, or unset {MIRROR} to fetch from the source."
    )


def _folder(mirror: str) -> Path | None:
    """Return a mirror's folder, or None if it is an address."""
    if "://" not in mirror:
        return Path(mirror).expanduser()
    return Path(mirror.removeprefix("file://")) if mirror.startswith("file://") else None


def _forget(card: Card, place: Path) -> None:
    """Remove everything that was kept of a data set."""
    hashes.forget(place)
    hashes.forget(place / "mirror")
    for original in card.originals:
        downloads.forget(place / original.name)
        downloads.forget(place / "mirror" / original.name)
    downloads.forget(place / "mirror" / f"{card.name}.csv")


def _note(card: Card, came: _Came) -> None:
    """Say once whose data these are, and what their files are trusted for."""
    if card.name in _noted:
        return
    _noted.add(card.name)
    facts = f"Cite {card.citation}. Licence: {card.licence}. More in .attrs."
    if came.kept is not None and not all(original.sha256 for original in card.originals):
        facts += (
            " No hash of the source's files is recorded in this version: they are trusted as they "
            "first came, and the table was checked."
        )
    print(f"{card.name}: {card.title}. {facts}", file=sys.stderr)
