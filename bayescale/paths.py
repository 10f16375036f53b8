"""Paths that files are read from and written to; a file that takes the old one's place whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bayescale.errors import FileError, nearest
from bayescale.given import short


def writable(path: str | os.PathLike[str]) -> Path:
    """Return a path that a file can be written to.

    Parameters
    ----------
    path
        Where a file is to be written.

    Returns
    -------
    pathlib.Path
        The same, with ``~`` expanded.

    Raises
    ------
    FileError
        If it is a folder, or its folder does not exist or cannot be written to.
    """
    place = given_path(path)
    if place.is_dir():
        raise FileError(
            f"{place} is a folder. Give the name of a file, such as {place / 'fit.nc'}."
        )
    if not place.parent.is_dir():
        raise FileError(
            f"There is no folder {place.parent} to write {place.name} to. Create it first, or "
            "choose another path."
        )
    if not os.access(place.parent, os.W_OK):
        raise FileError(
            f"The folder {place.parent} cannot be written to. Choose another path, or ask for "
            "permission to write there."
        )
    return place


def readable(path: Any) -> Path:
    """Return the path of a file that is there, or raise a FileError that names a near one."""
    place = given_path(path)
    if place.is_dir():
        raise FileError(f"{place} is a folder. Give the path of the file that Fit.save wrote.")
    if not place.exists():
        near = ""
        with suppress(OSError):
            near = nearest(place.name, [entry.name for entry in place.parent.iterdir()])
        raise FileError(f"There is no file {place}.{near}")
    return place


def given_path(path: Any) -> Path:
    """Return what was given as a path, with ``~`` expanded, or raise a FileError."""
    try:
        given = os.fspath(path)
    except TypeError:
        given = None
    if not isinstance(given, str) or not given or "\0" in given:
        raise FileError(
            f"The path must be text or a pathlib.Path, such as 'fit.nc'; got {short(path)}."
        )
    try:
        place = Path(given).expanduser()
        place.exists()
    except (OSError, RuntimeError) as error:  # a name too long; ~ of nobody
        words = error.strerror if isinstance(error, OSError) else error
        raise FileError(f"There can be no such path ({words}): {short(given)}.") from None
    return place


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the target's place when the body has succeeded."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except Exception as error:
        raise FileError(
            f"The fit could not be written to {target}: {reason(error)}. An older file of that "
            "name is unchanged. Choose another path, or free space there."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """Make the new name last through a loss of power, where the system allows it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reason(error: BaseException) -> str:
    """Return why something failed, in one line without a full stop."""
    strerror = getattr(error, "strerror", None)
    words = str(strerror or error).strip() or type(error).__name__
    return " ".join(words.split()).rstrip(".")
