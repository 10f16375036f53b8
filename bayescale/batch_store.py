"""A batch's folder: a manifest, and files of finished records that are never changed.

Records are JSON lines in files that appear under their name only when they are complete, so a
batch that is stopped at any moment leaves whole files. Draws, where they are kept, are one npz file
a curve. Nothing that is read here is executed.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import secrets
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bayescale.batch_plan import Job, Plan, key_text, stable_hash
from bayescale.curve_record import Record
from bayescale.errors import BayescaleWarning, FileError
from bayescale.paths import given_path

#: Version of the layout.
FORMAT = 1
MANIFEST = "manifest.json"
#: Seconds between two files of records.
CADENCE = 1.0
_PACKAGES = ("bayescale", "nutpie", "pymc", "pytensor", "arviz", "numpy")


class Store:
    """Finished records, in memory and, where a folder is given, on disk."""

    def __init__(self, folder: str | os.PathLike[str] | None, plan: Plan, seed: int) -> None:
        self.folder = None if folder is None else given_path(folder)
        self.plan, self.seed = plan, seed
        self.done: dict[str, Record] = {}
        self.unwritten: list[Record] = []
        self.written_at = time.monotonic()
        self.told = False
        if self.folder is not None:
            self._open(self.folder, manifest_of(plan, seed))

    def _open(self, folder: Path, wanted: dict[str, Any]) -> None:
        if folder.exists() and not folder.is_dir():
            raise FileError(f"{folder} is a file. Give a folder for the batch, such as 'batch/'.")
        manifest = folder / MANIFEST
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not manifest.exists() and any(folder.iterdir()):
                raise FileError(
                    f"The folder {folder} is not empty, and holds no batch. Give an empty or a "
                    "new one."
                )
            if manifest.exists():
                wanted = _agreed(folder, _manifest(manifest), wanted)
            # Also a test of whether the folder can be written to, before anything is fitted.
            _write(manifest, json.dumps(wanted, indent=1).encode())
        except OSError as error:
            if isinstance(error, FileError):
                raise
            raise FileError(
                f"The folder {folder} cannot be written to: {error.strerror or error}. Choose "
                "another one, or ask for permission to write there."
            ) from error
        for path in sorted(folder.glob("records-*.jsonl")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            self.done |= {record["name"]: record for record in found}
        except (ValueError, TypeError, KeyError, OSError) as error:
            warnings.warn(
                f"{path} cannot be read ({error}); its curves are fitted again.",
                BayescaleWarning,
                stacklevel=5,
            )

    def waiting(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs that are not finished; a failed one is tried again.

        Raises
        ------
        FileError
            If the rows of a finished job have changed.
        """
        left, changed = [], []
        for job in jobs:
            record = self.done.get(job.name)
            if record is None or record["failure"]:
                left.append(job)
            elif record["data"] != job.data:
                changed.append(key_text(job.key))
        if changed:
            shown = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
            raise FileError(
                f"The batch in {self.folder} cannot go on: the rows of {len(changed)} finished "
                f"group{'s' if len(changed) > 1 else ''} have changed ({shown}). Give the same "
                "table, or another folder for the new one."
            )
        return left

    def add(self, found: Iterable[Record]) -> None:
        """Take records in, and write them about once a second."""
        for record in found:
            self.done[record["name"]] = record
            self.unwritten.append(record)
        if time.monotonic() - self.written_at > CADENCE:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet; a full disk is told once and tried again later."""
        self.written_at = time.monotonic()
        if self.folder is None or not self.unwritten:
            return
        try:
            for record in self.unwritten:
                draws = record.get("draws")
                if draws is not None:
                    self._write_draws(record["name"], draws)
                    record["draws"] = None  # from now on in its file
            lines = [json.dumps(_plain(record)) for record in self.unwritten]
            name = stable_hash(*(record["name"] for record in self.unwritten), secrets.token_hex(4))
            _write(self.folder / f"records-{name}.jsonl", ("\n".join(lines) + "\n").encode())
        except OSError as error:
            if not self.told:
                self.told = True
                warnings.warn(
                    f"The batch's results cannot be written to {self.folder} "
                    f"({error.strerror or error}). They are kept in memory and the batch goes on; "
                    "free space there, and they are written with the next ones.",
                    BayescaleWarning,
                    stacklevel=3,
                )
            return
        self.unwritten, self.told = [], False

    def rescue(self) -> None:
        """Find room for what is finished where a batch is interrupted, and say how it goes on."""
        if not self.done:
            return
        if self.folder is None:
            try:
                self.folder = Path(tempfile.mkdtemp(prefix="bayescale-batch-"))
                manifest = manifest_of(self.plan, self.seed)
                _write(self.folder / MANIFEST, json.dumps(manifest, indent=1).encode())
            except OSError:
                return  # there is no room anywhere
        self.flush()
        warnings.warn(
            f"Interrupted: what is finished, {len(self.done)} curves, is in {self.folder}. "
            f"The same call with folder={str(self.folder)!r} goes on from there.",
            BayescaleWarning,
            stacklevel=5,
        )

    def _write_draws(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        assert self.folder is not None
        buffer = io.BytesIO()
        named: Any = arrays  # numpy types every keyword as its flag allow_pickle
        np.savez_compressed(buffer, **named)
        (self.folder / "draws").mkdir(exist_ok=True)
        _write(self.folder / "draws" / f"{name}.npz", buffer.getvalue())

    def draws(self, name: str) -> dict[str, np.ndarray] | None:
        """Return a curve's kept draws, from memory or from its file; None where there are none."""
        held = self.done.get(name, {}).get("draws")
        if held is not None:
            return held
        path = None if self.folder is None else self.folder / "draws" / f"{name}.npz"
        if path is None or not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None  # damaged: fitted again


def _plain(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "draws"}


def _write(path: Path, content: bytes) -> None:
    """Write a file that is either whole or absent, also after a loss of power."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# What a batch is ----------------------------------------------------------------------------------


def manifest_of(plan: Plan, seed: int) -> dict[str, Any]:
    """Return what finished records depend on beside their rows, in words."""
    return {
        "format": FORMAT,
        "laws": {label: described(law) for label, law in plan.laws.items()},
        "likelihoods": {label: described(noise) for label, noise in plan.likelihoods.items()},
        "sampling": {
            label: {
                f.name: getattr(s, f.name)
                for f in fields(s)
                if f.name not in ("seed", "cores", "climbs")
            }
            for label, s in plan.settings.items()
        },
        "batch": {
            "seed": seed,
            "y": plan.y,
            "inputs": dict(plan.inputs),
            "ceiling": plan.ceiling,
            "run": plan.run,
            "prob": plan.prob,
            "forecast": None
            if plan.forecast is None
            else {role: _listed(values) for role, values in plan.forecast.items()},
        },
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _listed(values: Any) -> Any:
    """Return inputs as floats, and levels as they are."""
    array = np.asarray(values)
    return (array.astype(float) if array.dtype.kind in "biuf" else array).tolist()


def described(spec: Any) -> dict[str, str]:
    """Return a law or likelihood as text: its form, its fields, and a hash of its code."""
    try:
        code = inspect.getsource(type(spec))
    except (OSError, TypeError):  # typed in an interpreter
        expression = getattr(type(spec), "expr", None)
        code = repr(getattr(getattr(expression, "__code__", None), "co_code", ""))
    named = {f.name: repr(getattr(spec, f.name)) for f in fields(spec)}
    return {"form": type(spec).__name__, **named, "code": stable_hash(code)}


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
        number = int(found["format"])
        _ = [found[part] for part in ("laws", "likelihoods", "sampling", "batch", "versions")]
    except (ValueError, TypeError, KeyError) as error:
        raise FileError(
            f"{path} is damaged ({error}). Give another folder, or delete this one to begin anew."
        ) from error
    if number > FORMAT:
        raise FileError(
            f"{path} was written by a later bayescale ({found['versions'].get('bayescale')}). "
            "Install that one, or give another folder."
        )
    return found


def _agreed(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest to write; laws may join a batch, and nothing in it may change."""
    changes: list[str] = []
    for part in ("laws", "likelihoods", "sampling"):
        for label in old[part].keys() & new[part].keys():
            changes += _differences(f"{part}[{label!r}]", old[part][label], new[part][label])
    changes += _differences("batch", old["batch"], new["batch"])
    if changes:
        raise FileError(
            f"The batch in {folder} cannot go on, because it was started otherwise: "
            f"{'; '.join(sorted(changes))}. Give the same as then, or another folder."
        )
    versions = _differences("version", old["versions"], new["versions"])
    if versions:
        warnings.warn(
            f"The batch in {folder} was started with other versions ({'; '.join(versions)}): "
            "curves that are fitted from here on may differ in their last digits.",
            BayescaleWarning,
            stacklevel=5,
        )
    joined = {p: old[p] | new[p] for p in ("laws", "likelihoods", "sampling")}
    return {**new, **joined, "versions": old["versions"]}


def _differences(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [*old, *(name for name in new if name not in old)]
    return [
        f"{where} {name} was {old.get(name)}, is {new.get(name)}"
        for name in names
        if json.dumps(old.get(name)) != json.dumps(new.get(name))
    ]
