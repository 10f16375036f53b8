"""The text: source of the Python 3.13.0 standard library, by a manifest of files with hashes.

A file is in the training, validation or test part by the hash of its name, so that no part shares a
file with another, and adding files would move none. The corpus needs no download: any installed
Python 3.13.0, or the folder `Lib` of its source release, has the files.
"""

import csv
import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

MANIFEST = Path(__file__).with_name("manifest.csv")
#: Bytes of text that a model sees at once.
CONTEXT = 128
#: Between files; no file has it.
SEPARATOR = b"\0"
#: Shares of the files: what is left is the test part.
TRAIN, VALIDATION = 0.90, 0.05
#: Sequences that are evaluated, evenly spaced over the part.
EVALUATED = {"validation": 128, "test": 1024}


@dataclass(frozen=True)
class Source:
    """A file of the corpus: its path below the library's folder, its size in bytes, its hash."""

    path: str
    size: int
    sha256: str


def files() -> list[Source]:
    """Return the files of the manifest."""
    with MANIFEST.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [Source(row["path"], int(row["bytes"]), row["sha256"]) for row in rows]


def part_of(path: str) -> str:
    """Return train, validation or test, by the hash of the path."""
    place = int(hashlib.sha256(path.encode()).hexdigest()[:8], 16) / 16**8
    if place < TRAIN:
        return "train"
    return "validation" if place < TRAIN + VALIDATION else "test"


def text(folder: Path, part: str) -> bytes:
    """Return a part's files, in the order of their hashes, each checked against the manifest."""
    chosen = [source for source in files() if part_of(source.path) == part]
    return SEPARATOR.join(_checked(folder, s) for s in sorted(chosen, key=lambda s: s.sha256))


def _checked(folder: Path, source: Source) -> bytes:
    advice = (
        "Expected the standard library of Python 3.13.0, unchanged: name its folder by --corpus."
    )
    try:
        content = (folder / source.path).read_bytes()
    except FileNotFoundError:
        raise SystemExit(f"{folder} has no {source.path}. {advice}") from None
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise SystemExit(f"{source.path} in {folder} is not that of the manifest. {advice}")
    return content


@cache
def windows(folder: Path, part: str, length: int) -> np.ndarray:
    """Return a part cut into windows; bytes, shape (windows, length)."""
    stream = np.frombuffer(text(folder, part), dtype=np.uint8)
    return stream[: len(stream) // length * length].reshape(-1, length)


def examples(folder: Path, part: str) -> tuple[np.ndarray, ...]:
    """Return inputs and targets, each of shape (sequences, CONTEXT)."""
    found = chosen(windows(folder, part, CONTEXT + 1), part)
    return found[:, :-1], found[:, 1:]


def chosen(found: np.ndarray, part: str) -> np.ndarray:
    """Return all windows of the training part in a fixed random order, else the evaluated ones."""
    if part == "train":
        # The first k are a sample of all files, so that small training sets are nested samples.
        return found[np.random.default_rng(0).permutation(len(found))]
    return found[np.linspace(0, len(found) - 1, EVALUATED[part]).astype(int)]


def default_folder() -> Path | None:
    """Return this interpreter's library, if it is the right version."""
    own = Path(sysconfig.get_paths()["stdlib"])
    return own if sys.version_info[:3] == (3, 13, 0) else None


def write_manifest(folder: Path) -> None:
    """List the library's files: each content once, without what belongs to one installation."""
    found: dict[str, Source] = {}
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(("site-packages/", "config-", "_sysconfigdata")):
            continue
        content = path.read_bytes()
        if content.strip() and SEPARATOR not in content:
            key = hashlib.sha256(content).hexdigest()
            found.setdefault(key, Source(name, len(content), key))
    with MANIFEST.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "bytes", "sha256"])
        writer.writerows((s.path, s.size, s.sha256) for s in found.values())
