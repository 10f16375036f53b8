"""Tables on disk that several processes may add to, and that no kill can tear.

Rows are added under a lock, to a copy that is then renamed: a table is whole before and after, and
a run's rows are in it once, however often they are added.
"""

import csv
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

RUN = "run"


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows; none where there is no table yet."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def put(path: Path, run: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Add a run's rows, in place of those it had."""
    with locked(path.with_suffix(".lock")):
        kept: list[Mapping[str, object]] = [row for row in read(path) if row[RUN] != run]
        rows = [{RUN: run, **row} for row in rows]
        columns = list(dict.fromkeys(name for row in [*kept, *rows] for name in row))
        fresh = path.with_suffix(f".{os.getpid()}")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows([*kept, *rows])
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock while inside; say whether it is held, where it was not to be waited for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
