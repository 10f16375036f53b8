"""The folder in which compiled densities are kept, PyTensor's, and what happens without it.

PyTensor reads where the folder is when it is first imported, and fails there and then if it cannot
be made. So it is tried before: where it cannot be written to, a temporary folder stands in for it.
A folder that fails later (a disk that fills up) is given up for the rest of the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import warnings
from configparser import ConfigParser, Error
from importlib.metadata import version
from pathlib import Path
from shlex import shlex
from typing import Any

from bayescale.errors import BayescaleWarning, FileError

_FLAGS, _FOLDER = "PYTENSOR_FLAGS", "base_compiledir"
#: The folder of rewritten graphs, beside PyTensor's own of machine code.
_OURS = "bayescale"
#: Bytes that are written to see whether a disk is full.
_TRIAL = 1 << 16
#: What users should know and have not been told yet.
_untold: list[str] = []
#: Why compiled densities do not outlive this process, as far as that is so.
_reasons: list[str] = []


def folder() -> Path | None:
    """Return the folder that PyTensor uses, or will use once it is imported.

    Returns
    -------
    pathlib.Path or None
        None where a file of settings says it in a way that only PyTensor can read.
    """
    if "pytensor" in sys.modules:
        return Path(_config().base_compiledir)
    flags = shlex(os.environ.get(_FLAGS, ""), posix=True)
    flags.whitespace, flags.whitespace_split = ",", True
    pairs = [flag.strip().partition("=") for flag in flags]
    named = {name: value for name, _, value in pairs}.get(_FOLDER)
    if named is None:
        files = os.environ.get("PYTENSORRC", "~/.pytensorrc").split(os.pathsep)
        settings = ConfigParser(interpolation=None)
        try:
            settings.read(os.path.expanduser(file) for file in files)  # noqa: PTH111 (bears no home)
        except (Error, UnicodeDecodeError):
            return None
        named = settings.get("global", _FOLDER, fallback=None)
    if named is not None:
        return None if "%(" in named else Path(os.path.expanduser(named))  # noqa: PTH111
    local = os.environ.get("LOCALAPPDATA")
    if sys.platform == "win32" and local is not None:
        return Path(local) / "PyTensor"
    return Path(os.environ.get("HOME") or os.path.expanduser("~")) / ".pytensor"  # noqa: PTH111


def prepare() -> None:
    """See that PyTensor can be imported: point it elsewhere where its folder cannot be used.

    Worker processes inherit the other folder. Where PyTensor is imported already, its folder
    could be made.
    """
    place = None if "pytensor" in sys.modules else folder()
    if place is None:
        return
    try:
        (place / "numba").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place / "numba") as file:
            file.write(bytes(_TRIAL))
        return
    except OSError as error:
        reason = error.strerror or str(error)
    try:
        other = Path(tempfile.mkdtemp(prefix="bayescale-"))
    except OSError:
        return  # nothing can be written anywhere: PyTensor's own error says where it tried
    atexit.register(_remove, other, os.getpid())
    flags = os.environ.get(_FLAGS, "")
    # PyTensor takes the last of two, and a backslash for an escape.
    os.environ[_FLAGS] = f"{flags},{_FOLDER}={other.as_posix()}".strip(",")
    _note(
        f"Compiled densities cannot be kept in {place} ({reason}). Fits work, with a temporary "
        f"folder for this process ({other}), but every new process compiles each law again."
    )


def do_without(error: OSError) -> None:
    """Give up a folder that cannot be written to after all, and warn.

    Parameters
    ----------
    error
        What came up when a density was compiled.

    Raises
    ------
    FileError
        If the cache had been given up before: then the folder of temporary files is at fault.
    """
    config = _config()
    reason = error.strerror or str(error)
    if not config.numba__cache:
        raise FileError(
            f"The density cannot be compiled, for which PyTensor writes a temporary file in "
            f"{tempfile.gettempdir()}: {reason}. Free space there, or set TMPDIR to another folder."
        ) from error
    config.numba__cache = False
    _note(
        f"Compiled densities cannot be kept in {config.base_compiledir} ({reason}). Fits work "
        "without it, but this process and every new one compile each law again."
    )
    tell()


def kept(key: str) -> Any | None:
    """Return what :func:`keep` laid down under a name, or None.

    A file that cannot be read (half written, or of classes that have changed) is as good as none.
    """
    try:
        return pickle.loads(_place(key).read_bytes())
    except Exception:  # whatever unpickling comes upon, compiling anew is right
        return None


def keep(key: str, function: Any) -> None:
    """Lay down a compiled function of PyTensor for later processes.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    if not _config().numba__cache:  # given up
        return
    try:
        written = pickle.dumps(function)
    except (pickle.PicklingError, TypeError, AttributeError):
        return  # an operation that a form brought along; it is compiled in every process
    place = _place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(written)
    Path(file.name).replace(place)  # whole or not at all, whoever else writes it


def healed() -> bool:
    """Remove compiled functions that cannot be read, and return whether there were any.

    A loss of power or a full disk can leave files cut short, or of zeros. What is removed is
    compiled again.
    """
    place = folder()
    damaged = [] if place is None else [f for f in place.glob("numba/*.nb[ci]") if not _whole(f)]
    for file in damaged:
        file.unlink(missing_ok=True)
    return bool(damaged)


def _whole(file: Path) -> bool:
    """Return whether a file of numba is a series of pickles to its end."""
    try:
        with file.open("rb") as stream:
            size = file.stat().st_size
            pickle.load(stream)
            while stream.tell() < size:
                pickle.load(stream)
    except FileNotFoundError:  # removed by another process, which heals it too
        return True
    except Exception:  # whatever unpickling comes upon
        return False
    return True


def _place(key: str) -> Path:
    """Return the file of a name; other versions of what it was made with have others."""
    parts = [key, sys.version, *map(version, ("bayescale", "pytensor", "numba", "numpy"))]
    name = hashlib.sha256("|".join(parts).encode()).hexdigest()[:40]
    return Path(_config().base_compiledir) / _OURS / f"{name}.pickle"


def tell() -> None:
    """Warn of what users have not been told yet."""
    while _untold:
        warnings.warn(_untold.pop(), BayescaleWarning, stacklevel=3)


def entries() -> dict[str, int]:
    """Return the files of compiled functions in the folder, with their sizes in bytes."""
    place = folder()
    found = {}
    files = () if place is None else (*place.glob("numba/*.nb[ci]"), *place.glob(f"{_OURS}/*"))
    for path in files:
        try:
            found[path.name] = path.stat().st_size
        except OSError:  # replaced by another process just now
            continue
    return found


def lasts() -> bool:
    """Return whether later processes find what this one compiles."""
    return not _reasons


def _note(reason: str) -> None:
    _reasons.append(reason)
    _untold.append(
        f"{reason} Free space or ask for permission there, or name another folder before Python "
        f"starts: {_FLAGS}={_FOLDER}=FOLDER."
    )


def _remove(place: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        shutil.rmtree(place, ignore_errors=True)


def _config() -> Any:
    import pytensor as typed

    pytensor: Any = typed  # the type checker knows few of its names
    return pytensor.config
