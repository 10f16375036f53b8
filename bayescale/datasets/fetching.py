"""Public data sets, one call away: from their sources, or from a mirror of converted files."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayescale import progress as showing
from bayescale.datasets import downloads
from bayescale.datasets.cards import Card, Original, read_card
from bayescale.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

#: The environment variable that names a mirror: a folder, or an address.
MIRROR = "BAYESCALE_DATA_MIRROR"

_noted: set[str] = set()


class UnexpectedError(FileError):
    """What came is not what the card says."""


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
        frame = _table(card, place, mirror, refresh, progress)
    except UnexpectedError:
        _forget(card, place)
        if refresh or (mirror and _folder(mirror)):
            raise
        try:
            frame = _table(card, place, mirror, True, progress)
        except UnexpectedError:
            _forget(card, place)
            raise
    _note(card)
    return frame


def _table(
    card: Card, place: Path, mirror: str | None, again: bool, progress: bool | None
) -> pd.DataFrame:
    """Return the table, checked, with its facts."""
    frame, where = _found(card, place, mirror, again, progress)
    _check(card, frame, where)
    frame.attrs.update(card.attrs() | {"fetched_from": where})
    return frame


def _found(
    card: Card, place: Path, mirror: str | None, again: bool, progress: bool | None
) -> tuple[pd.DataFrame, str]:
    """Return the table and where it came from."""
    if mirror is None:
        contents = _fetched(card, place, None, again, progress)
        return _converted(card, contents, card.source), card.originals[0].urls[0]
    folder = _folder(mirror)
    if folder is not None:
        return _of_folder(card, folder)
    base = mirror.rstrip("/")
    table = f"{card.name}.csv"
    try:
        path = downloads.get([f"{base}/{table}"], place / "mirror" / table, "", again, progress)
        return _read(card, path), f"{base}/{table}"
    except downloads.MissingError:
        pass
    try:
        contents = _fetched(card, place / "mirror", f"{base}/{card.name}", again, progress)
    except downloads.MissingError:
        raise _not_there(card, mirror) from None
    return _converted(card, contents, mirror), f"{base}/{card.name}"


def _fetched(
    card: Card, place: Path, base: str | None, again: bool, progress: bool | None
) -> dict[str, bytes]:
    """Return the contents of the original files, from their sources or below an address."""
    contents: dict[str, bytes] = {}
    count = len(card.originals)
    with showing.task(f"Fetching {card.name}", total=count, progress=progress) as task:
        for original in card.originals:
            urls = original.urls if base is None else (f"{base}/{original.name}",)
            path = downloads.get(urls, place / original.name, original.sha256, again, progress)
            contents |= _contents(path, original)
            task.update(advance=1)
    return contents


def _of_folder(card: Card, folder: Path) -> tuple[pd.DataFrame, str]:
    """Return the table from a mirror's folder: a converted file, or the original ones."""
    table = folder / f"{card.name}.csv"
    if table.is_file():
        return _read(card, table), str(table)
    paths = [(original, folder / card.name / original.name) for original in card.originals]
    if not all(path.is_file() for _, path in paths):
        raise _not_there(card, str(folder))
    contents: dict[str, bytes] = {}
    for original, path in paths:
        contents |= _contents(path, original)
    return _converted(card, contents, str(folder)), str(folder / card.name)


def _contents(path: Path, original: Original) -> dict[str, bytes]:
    """Return a file's content by name, or those of an archive's members that are needed."""
    if not original.members:
        return {original.name: path.read_bytes()}
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


def _read(card: Card, path: Path) -> pd.DataFrame:
    """Read a converted file of a mirror."""
    import pandas as pd

    texts: Any = {column: str for column, unit in card.units.items() if unit == "text"}
    try:
        # A text is a text although it may look like a number, or like a missing one.
        return pd.read_csv(path, dtype=texts)
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
    for original in card.originals:
        downloads.forget(place / original.name)
        downloads.forget(place / "mirror" / original.name)
    downloads.forget(place / "mirror" / f"{card.name}.csv")


def _note(card: Card) -> None:
    """Say once whose data these are."""
    if card.name not in _noted:
        _noted.add(card.name)
        print(
            f"{card.name}: {card.title}. Cite {card.citation}. Licence: {card.licence}. More in "
            ".attrs.",
            file=sys.stderr,
        )
