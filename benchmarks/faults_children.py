"""The processes to which faults happen (see faults.py, which starts them).

Run: python benchmarks/faults_children.py NAME [ARGUMENT ...]
Each prints what its caller reads, and nothing else.
"""

import json
import locale
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import bayescale as bs
from bayescale import curve_record
from benchmarks.faults import batch, same
from benchmarks.same_draws import digest, one_input


def fit(draws: int = 200) -> bs.Fit:
    return bs.PowerLaw().fit(
        one_input(0), y="loss", x="x", draws=draws, tune=200, retry=False, progress=False
    )


def one() -> None:
    print(digest(fit()))


def fits() -> None:
    """Fit whenever a line comes; be interrupted; fit again."""
    print(digest(fit()), flush=True)
    for _ in sys.stdin:
        print("fitting", flush=True)
        try:
            fit(draws=10_000)
            time.sleep(2)
            how = "whole"
        except KeyboardInterrupt:
            how = "interrupted"
        print(how, digest(fit()), sep="\n", flush=True)


def batch_(place: str, who: str, with_folder: str) -> None:
    """Be interrupted in a batch, and go on with it."""
    more = {"workers": int(who)} if int(who) else {}
    folder = Path(place, "batch") if int(with_folder) else None
    fit()
    counted, inner = [], curve_record._record
    curve_record._record = lambda plan, job: counted.append(job.name) or inner(plan, job)
    returned = None
    print("fitting", flush=True)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            returned = batch(24, folder=folder, **more)
            time.sleep(10)
        except KeyboardInterrupt:
            pass
    begun, counted[:] = list(counted), []
    folders = [folder] if folder is not None else sorted(Path(place).glob("bayescale-batch-*"))
    lines = [p.read_text() for each in folders for p in each.glob("records-*.jsonl")]
    saved = {json.loads(line)["name"] for text in lines for line in text.splitlines()}
    where = folders[0] if folders else Path(place, "anew")
    again = batch(24, folder=where).table
    # The one that was under way may be begun twice, and no other.
    twice = max(len(set(begun) & set(counted)) - 1, 0) + len(saved & set(counted))
    if returned is not None:  # the signal came when it had all been returned
        twice = 0
    print(len(saved), twice, "same" if same(again, batch(24).table) else "other", sep="\n")


# Files --------------------------------------------------------------------------------------------


def _mounted(place: str) -> Path:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], check=True)
    return Path(place)


def _kept(path: Path, before: bytes, made: bs.Fit, wanted: str) -> bool:
    """Whether a failed save left the old file, no litter, and the fit as it was."""
    files = [each.name for each in path.parent.iterdir() if each.name.startswith(".")]
    return path.read_bytes() == before and not files and digest(made) == wanted


def _refused(made: bs.Fit, path: Path) -> bool:
    try:
        made.save(path)
    except bs.FileError:
        return True
    return False


def full(place: str, times: str) -> None:
    folder, rng = _mounted(place), random.Random(0)
    old, made = fit(), fit(draws=2000)
    path, filler, wanted = folder / "fit.nc", folder / "filler", digest(made)
    old.save(path)
    before, lost, refused = path.read_bytes(), 0, 0
    made.save(folder / "large.nc")
    size = (folder / "large.nc").stat().st_size
    (folder / "large.nc").unlink()
    for _ in range(int(times)):
        room = rng.randrange(0, int(0.95 * size))
        filler.write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize - room))
        failed = _refused(made, path)
        refused += failed
        lost += not failed or not _kept(path, before, made, wanted)
        filler.unlink()
    made.save(path)
    lost += digest(bs.load(path)) != wanted
    seen = f"{refused} saves refused with FileError, old file and fit intact, none left over; "
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        filler.write_bytes(bytes(free - 16384))  # room for the manifest alone
        table = batch(60, folder=folder / "batch")
    told = any("They are kept in memory" in str(each.message) for each in heard)
    filler.unlink()
    table.store.flush()
    lines = [p.read_text() for p in (folder / "batch").glob("records-*.jsonl")]
    written = sum(text.count("\n") for text in lines)
    lost += not told or written != 60 or not same(table.table, batch(60).table)
    print(lost, seen + "a batch went on in memory and was written when there was room", sep="\n")


def read_only(place: str, times: str) -> None:
    folder = _mounted(place)
    made = fit()
    path, wanted = folder / "fit.nc", digest(made)
    made.save(path)
    before, lost = path.read_bytes(), 0
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    for number in range(int(times)):
        other = path if number % 2 else folder / "new.nc"
        lost += not _refused(made, other) or not _kept(path, before, made, wanted)
    try:
        batch(2, folder=folder / "batch")
        lost += 1
    except bs.FileError:
        pass
    print(lost, "FileError before anything was written; old file and fit intact", sep="\n")


def large(times: str) -> None:
    made, many = fit(draws=1000), np.geomspace(1, 1e6, 10_000_000)
    mixture = bs.Ensemble({"one": made, "other": made}, np.array([0.5, 0.5]), "given")
    asked: dict[str, Callable] = {
        "forecast": lambda: made.forecast(x=many),
        "required": lambda: made.required(y=np.linspace(1, 3, len(many))),
        "probability": lambda: made.probability(y=2.0, x=many),
        "log_density": lambda: made.log_density(2.0, x=many),
        "a mixture's": lambda: mixture.forecast(x=many),
        "and its required": lambda: mixture.required(y=np.linspace(1, 3, len(many))),
    }
    lost, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in list(asked)[: int(times)]:
        try:
            asked[name]()
            lost += 1
        except bs.DataError as error:
            lost += "GB" not in str(error)
    refusing = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    made.intervals(0.9, x=many[::500])
    in_parts = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    seen = (
        f"{', '.join(asked)} refused with the size ({refusing / 1024:.0f} MB more held); intervals "
        f"at {len(many[::500]):,} inputs in parts, {in_parts / 1024:.0f} MB more"
    )
    print(lost, seen, sep="\n")


# The cache ----------------------------------------------------------------------------------------


def _damage(path: Path, how: str, rng: random.Random) -> None:
    content = path.read_bytes()
    made = {
        "cut": content[: rng.randrange(len(content))],
        "empty": b"",
        "zeros": bytes(len(content)),
        "noise": rng.randbytes(len(content)),
    }
    path.write_bytes(made[how])


def corrupt(place: str, times: str) -> None:
    """Fork before anything is compiled; the child fits with damaged files."""
    kept = {p: p.read_bytes() for p in Path(place).rglob("*") if p.suffix in (".nbi", ".nbc")}
    kept |= {p: p.read_bytes() for p in Path(place).rglob("*.pickle")}
    wanted, lost = None, 0
    for number in range(int(times) + 1):
        rng = random.Random(number)
        for path, content in kept.items():
            path.write_bytes(content)
        few = rng.sample(sorted(kept), rng.choice([5, 20, len(kept)])) if number else []
        for path in few:
            _damage(path, rng.choice(["cut", "empty", "zeros", "noise"]), rng)
        reading, writing = os.pipe()
        if not os.fork():
            try:
                os.write(writing, digest(fit()).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            found = pipe.read()
        os.wait()
        wanted = wanted or found
        lost += found != wanted or not found
    print(lost)


# Surroundings -------------------------------------------------------------------------------------


def clock(times: str) -> None:
    wanted, table, lost = digest(fit()), batch(4).table, 0
    now = time.time()

    def backwards() -> float:
        nonlocal now
        now -= 3600.0
        return now

    time.time = backwards
    for number in range(int(times)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            batch(2, folder=folder / "batch")
            made = fit()
            made.save(folder / "fit.nc")
            for path in folder.rglob("*"):
                os.utime(path, (0, 0) if number % 2 else (4.1e9, 4.1e9))
            made.save(folder / "fit.nc")
            again = batch(4, folder=folder / "batch").table
            lost += digest(bs.load(folder / "fit.nc")) != wanted or not same(again, table)
    print(lost)


def comma() -> None:
    """Do what reads and writes numbers, and print all of it."""
    locale.setlocale(locale.LC_ALL, "")
    shown = f"{1.5:n}"
    assert shown == ("1,5" if "de_DE" in os.environ["LC_ALL"] else "1.5"), shown
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = fit()
        made.save(folder / "fit.nc")
        print(digest(bs.load(folder / "fit.nc")))
        print(repr(made), made.summary().to_csv(), made.forecast(x=1e5).interval().to_csv())
        one_input(0).to_csv(folder / "runs.csv", index=False)
        print(bs.read_runs(folder / "runs.csv", quiet=True).to_csv())
        print(batch(2, folder=folder / "batch").to_frame().drop(columns="seconds").to_csv())
        print(batch(2, folder=folder / "batch").to_frame().drop(columns="seconds").to_csv())
        command = [
            sys.executable,
            "-m",
            "bayescale",
            "forecast",
            "fit.nc",
            "--at",
            "x=1e5",
            "--json",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        print(done.returncode, done.stdout)


NAMES = SimpleNamespace(
    one=one, fits=fits, batch=batch_, full=full, read_only=read_only, large=large, corrupt=corrupt,
    clock=clock, comma=comma,
)  # fmt: skip

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    # A shell that starts something in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    getattr(NAMES, sys.argv[1])(*sys.argv[2:])
