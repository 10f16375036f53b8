"""Files fetched once and kept: whole or not at all, and fetched anew where they were damaged."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bayescale import progress as showing
from bayescale.errors import FileError

#: Further attempts where a connection breaks; pooch waits a second longer before each.
RETRIES = 3
#: Seconds without an answer.
TIMEOUT = 30.0
#: The environment variable that names the cache folder.
CACHE = "BAYESCALE_DATA_CACHE"


class FetchError(FileError):
    """An address did not give the file; the message says why in few words."""


class MissingError(FetchError):
    """A server answered that it does not have the file."""


class UnwritableError(FileError):
    """The cache cannot be written to; another address would not help."""


def cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    """Return the cache folder: as told, by the environment variable, or the system's place."""
    named = cache or os.environ.get(CACHE)
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("bayescale")) / "datasets"


def kept(place: Path) -> bool:
    """Return whether a file lies in the cache, whole and as it came."""
    try:
        return place.is_file() and _record(place).read_text().split()[0] == file_hash(place)
    except (OSError, IndexError):
        return False


def origin(place: Path, otherwise: str) -> str:
    """Return the address that a kept file came from, unless another process is at it."""
    try:
        return _record(place).read_text().split(maxsplit=1)[1].strip()
    except (OSError, IndexError):
        return otherwise


def forget(place: Path) -> None:
    """Remove a file from the cache."""
    for path in (_record(place), place):
        path.unlink(missing_ok=True)


def get(
    urls: Sequence[str],
    place: Path,
    sha256: str = "",
    refresh: bool = False,
    progress: bool | None = None,
) -> Path:
    """Fetch a file unless it is kept already.

    Parameters
    ----------
    urls
        Where it lies; the next is tried where one fails.
    place
        Where to keep it.
    sha256
        Its hash, if known.
    refresh
        Fetch it although it is kept.
    progress
        True or False to force the bar.

    Returns
    -------
    pathlib.Path
        The place.

    Raises
    ------
    FileError
        If no address answers, the hash is another one, or the file cannot be written. Nothing is
        left behind.
    """
    if not refresh and kept(place) and (not sha256 or file_hash(place) == sha256):
        return place
    failures: dict[str, FetchError] = {}
    for url in urls:
        try:
            _download(url, place, sha256, progress)
            return place
        except FetchError as failure:
            failures[url] = failure
    kind = (
        MissingError if all(isinstance(f, MissingError) for f in failures.values()) else FileError
    )
    tried = "; ".join(f"{url} ({failure})" for url, failure in failures.items())
    raise kind(
        f"{place.name} could not be fetched: {tried}. Nothing of it was kept. Is there a network? "
        "Without one, name a folder that holds the data by the variable BAYESCALE_DATA_MIRROR."
    )


def _download(url: str, place: Path, sha256: str, progress: bool | None) -> None:
    """Fetch one address. The record is written last: a file without one counts for nothing."""
    import pooch

    with _failures(place), showing.task(f"Fetching {place.name}", progress=progress) as task:
        place.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own, so that another process reads the old file until this one is whole.
        arrived = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
        known: Any = {arrived.name: f"sha256:{sha256}" if sha256 else None}
        shelf = pooch.Pooch(
            path=place.parent,
            base_url="",
            registry=known,
            urls={arrived.name: url},
            retry_if_failed=RETRIES,
        )
        with _quiet():
            shelf.fetch(arrived.name, downloader=_downloader(task))
        record = _record(arrived)
        try:
            record.write_text(f"{file_hash(arrived)}  {url}\n")
            _record(place).unlink(missing_ok=True)
            arrived.replace(place)
            record.replace(_record(place))
        finally:
            forget(arrived)


def _downloader(task: showing.Task) -> Any:
    """Return pooch's downloader with our bar, which does not ask again for what is not there."""
    import pooch
    import requests

    def download(url: str, output: Any, shelf: Any) -> None:
        # pooch's types ask for a bar of tqdm's; it uses these few names only.
        bar: Any = _Bytes(task)
        http = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT, chunk_size=2**16)
        try:
            http(url, output, shelf)
        except requests.HTTPError as error:
            response = error.response
            if response is None:
                raise
            response.close()  # it is read piece by piece, so its connection is still open
            if response.status_code in (401, 403, 404, 410):
                raise MissingError(f"the server answered {response.status_code}") from None
            raise

    return download


class _Bytes:
    """What pooch asks of a progress bar, on a line of ours."""

    def __init__(self, task: showing.Task) -> None:
        self._task = task
        self._done = 0
        self._over = False

    @property
    def total(self) -> int:
        """How many bytes there are."""
        return 0

    @total.setter
    def total(self, size: int) -> None:
        self._task.update(total=size or None)

    def update(self, size: int) -> None:
        """Move the bar on."""
        if not self._over:
            self._done += size
            self._task.update(advance=size)

    def reset(self) -> None:
        """Ignore the end's correction, and let a second attempt begin from nothing."""
        self._over = True

    def close(self) -> None:
        """Take the bar back to its start, for what comes after."""
        self._task.update(advance=-self._done)


@contextmanager
def _failures(place: Path) -> Iterator[None]:
    """Turn what can go wrong into words; requests' own errors are errors of files too."""
    import requests

    try:
        yield
    except FileError:
        raise
    except requests.RequestException as error:
        raise FetchError(_reason(error)) from None
    except ValueError:
        raise FetchError("its SHA-256 is not the one that is known") from None
    except OSError as error:
        said = "There is no space left" if error.errno == errno.ENOSPC else error.strerror or error
        raise UnwritableError(
            f"{place.name} could not be written to {place.parent} ({said}). Make room, or name "
            f"another folder by cache= or the environment variable {CACHE}; nothing was kept."
        ) from None


def _reason(error: Exception) -> str:
    """Name an error of the network in few words: its own are pages long."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    kinds = {
        requests.Timeout: "no answer in time",
        requests.exceptions.ChunkedEncodingError: "the connection broke before the end",
        requests.ConnectionError: "no connection",
    }
    for kind, words in kinds.items():
        if isinstance(error, kind):
            return words
    return type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence pooch's log while it works: it would name hashes and folders on standard error."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _record(place: Path) -> Path:
    return place.with_name(f"{place.name}.sha256")


def file_hash(place: Path) -> str:
    """Return the SHA-256 of a file."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
