"""Faults that happen to long computations, injected on purpose: what is lost.

Run: uv run python -m benchmarks.faults [--only NAME ...] [--out benchmarks/results]
Every fault is real: a signal from another process, a disk that is full, a file cut short. Each row
of faults.csv says how it was injected, how many times it was tried, in how many of these something
was lost, and what was seen. Rows that are not asked for again stay.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import bayescale as bs
from bayescale import workers
from benchmarks.same_draws import one_input

TOP = Path(__file__).parents[1]
CHILDREN = Path(__file__).with_name("faults_children.py")
SMALL = {"draws": 100, "tune": 100, "progress": False}
FAULTS: dict[str, tuple[int, Callable]] = {}


def fault(times: int) -> Callable:
    """List a fault, with how many times it is tried."""

    def listed(tried: Callable) -> Callable:
        FAULTS[tried.__name__.replace("_", " ")] = times, tried
        return tried

    return listed


def child(name: str, *words: object, before: tuple[str, ...] = (), **variables: str):
    """Start a function of faults_children.py in a process of its own."""
    return subprocess.Popen(
        [*before, sys.executable, "-W", "ignore", str(CHILDREN), name, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(TOP)} | variables, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def said(process: subprocess.Popen) -> list[str]:
    """Wait for a process, and return the lines that it printed; its errors where it failed."""
    out, errors = process.communicate(timeout=900)
    return out.split("\n")[:-1] if process.returncode == 0 else [f"failed: {errors[-2000:]}"]


def cache(folder: Path) -> dict[str, str]:
    flags = f"{os.environ.get('PYTENSOR_FLAGS', '')},base_compiledir={folder}"
    return {"PYTENSOR_FLAGS": flags.strip(",")}


def row(injected: str, tried: int, lost: int, seen: str) -> dict:
    return {"injected": injected, "tried": tried, "lost": lost, "seen": seen}


# Interrupted --------------------------------------------------------------------------------------


@fault(10)
def ctrl_c_in_a_fit(times: int) -> dict:
    """Interrupt fits at random moments; the next fit of the process must be as ever."""
    process, lost, stopped = child("fits"), 0, 0
    assert process.stdin is not None
    assert process.stdout is not None
    wanted = process.stdout.readline()
    for number in range(times):
        print("go", file=process.stdin, flush=True)
        assert process.stdout.readline().strip() == "fitting"
        time.sleep(random.Random(number).uniform(0.0, 1.0))
        process.send_signal(signal.SIGINT)
        stopped += process.stdout.readline().strip() == "interrupted"
        lost += process.stdout.readline() != wanted
    process.communicate(timeout=60)
    seen = f"{stopped} ended in KeyboardInterrupt, the others whole; the next fit had its draws"
    return row("SIGINT from another process, at random moments", times, lost, seen)


def _until_written(place: Path, patience: float = 120.0) -> None:
    """Wait for the first record of a batch."""
    end = time.monotonic() + patience
    while not any(p.stat().st_size for p in place.rglob("records-*.jsonl")):
        assert time.monotonic() < end, "no curve is finished"
        time.sleep(0.02)


def _interrupted_batch(times: int, who: int, folder: bool) -> tuple[int, int]:
    """Return in how many batches something was lost, and how many curves were saved."""
    lost = saved = 0
    for number in range(times):
        with tempfile.TemporaryDirectory() as place:
            process = child("batch", place, who, int(folder), TMPDIR=place)
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "fitting"
            if folder:  # workers start in seconds: what is to be kept must be there
                _until_written(Path(place))
            time.sleep(
                random.Random(number).uniform(0.0, 0.3) if folder else 0.1 + number % 12 / 10
            )
            process.send_signal(signal.SIGINT)
            found = said(process)
            if len(found) != 3:
                lost += 1
                print(found, file=sys.stderr)
                continue
            finished, again, same = found
            saved += int(finished)
            lost += int(again) > 0 or same != "same"
    return lost, saved


@fault(10)
def ctrl_c_in_a_batch(times: int) -> dict:
    """Interrupt batches without a folder; what is finished must be saved, and the rest go on."""
    lost, saved = _interrupted_batch(times, 0, False)
    seen = f"{saved} finished curves in temporary folders that the warning named; none fitted again"
    return row("SIGINT from another process, 24 curves, no folder=", times, lost, seen)


@fault(10)
def ctrl_c_in_a_batch_of_two_processes(times: int) -> dict:
    """Interrupt batches of two workers with a folder."""
    lost, saved = _interrupted_batch(times, 2, True)
    seen = f"{saved} finished curves in the folder; none fitted again, all numbers the same"
    return row("SIGINT from another process, 24 curves, folder=", times, lost, seen)


def batch(curves: int, **who) -> bs.FitTable:
    """Fit some curves quickly."""
    runs = pd.concat([one_input(i).assign(curve=i) for i in range(curves)], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return bs.fit_many(
            bs.PowerLaw(), runs, by="curve", y="loss", x="x", retry=False, **SMALL, **who
        )


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    one, other = (table.drop(columns="seconds").sort_index() for table in (one, other))
    return one.equals(other)


@fault(10)
def killed_worker(times: int, curves: int = 200) -> dict:
    """Kill workers in the middle of a batch; no row may be missing, twice or other than without."""
    pools, killed, over = [], [], threading.Event()
    start = workers._Own._start

    def started(self):
        start(self)
        pools.append(self.pool)

    def kill():
        rng = random.Random(0)
        while len(killed) < times and not over.wait(rng.uniform(0.2, 1.0)):
            alive = list((pools[-1]._processes or {}) if pools else {})
            if alive:
                os.kill(rng.choice(alive), signal.SIGKILL)
                killed.append(alive)

    workers._Own._start = started
    thread = threading.Thread(target=kill, daemon=True)
    try:
        thread.start()
        found = batch(curves, workers=2, chunk=5).table
    finally:
        over.set()
        thread.join()
        workers._Own._start = start
    wanted = batch(curves).table
    lost = len(wanted) - found["exponent"].notna().sum() + int(found.index.duplicated().sum())
    equal = "all equal to" if same(found, wanted) else "OTHER than"
    seen = f"{curves} rows, {equal} those of one process; none missing or twice"
    lost += equal == "OTHER than"
    return row(f"SIGKILL of one of two processes, {curves} curves", len(killed), int(lost), seen)


# Files --------------------------------------------------------------------------------------------


def mounts() -> tuple[str, ...] | None:
    """Return the command in whose namespace a process may mount a small disk, if there is one."""
    for before in (("unshare", "-m"), ("unshare", "-rm")):
        trial = "mount -t tmpfs -o size=64k none /mnt"
        if (
            shutil.which("unshare")
            and not subprocess.run(
                [*before, "sh", "-c", trial], capture_output=True, check=False
            ).returncode
        ):
            return before
    return None


def _on_a_small_disk(name: str, times: int) -> tuple[int, str]:
    before = mounts()
    if before is None:
        return times, "not tried: no disk can be mounted here"
    with tempfile.TemporaryDirectory() as place:
        found = said(child(name, place, times, before=before))
    if len(found) != 2:
        return times, " ".join(found)
    return int(found[0]), found[1]


@fault(30)
def full_disk_on_save(times: int) -> dict:
    """Save fits and a batch to a disk with too little room."""
    lost, seen = _on_a_small_disk("full", times)
    return row("a mounted disk of 4 MB, filled up to a random rest", times, lost, seen)


@fault(10)
def read_only_folder_on_save(times: int) -> dict:
    """Save fits to a disk that was mounted anew, read-only."""
    lost, seen = _on_a_small_disk("read_only", times)
    return row("the disk mounted anew, read-only (binds root too)", times, lost, seen)


@fault(6)
def too_large_a_forecast(times: int) -> dict:
    """Ask for more draws than memory holds: refused with the size, or made in parts."""
    found = said(child("large", times))
    if len(found) != 2:
        return row("", times, times, " ".join(found))
    return row("ten million inputs or targets", times, int(found[0]), found[1])


# The cache ----------------------------------------------------------------------------------------


@fault(8)
def two_processes_on_one_cache(times: int) -> dict:
    """Start two processes at once on an empty cache."""
    lost, wanted = 0, None
    for _ in range(times):
        with tempfile.TemporaryDirectory() as place:
            both = [child("one", **cache(Path(place))) for _ in range(2)]
            found = [said(process) for process in both]
            found.append(said(child("one", **cache(Path(place)))))
        wanted = wanted or found[0]
        lost += any(each != wanted for each in found)
    return row("both compile at once; a third loads", times, lost, "equal draws in all three")


@fault(20)
def corrupt_cache(times: int) -> dict:
    """Damage files of the cache: cut short, emptied, zeroed, garbage."""
    with tempfile.TemporaryDirectory() as place:
        said(child("one", **cache(Path(place))))
        found = said(child("corrupt", place, times, **cache(Path(place))))
    if len(found) != 1:
        return row("", times, times, " ".join(found))
    how = "files cut short, emptied, of zeros or of noise; a few, or all"
    return row(how, times, int(found[0]), "compiled again, with equal draws")


# Surroundings -------------------------------------------------------------------------------------


@fault(5)
def clock_that_runs_backwards(times: int) -> dict:
    """Let time.time() go back an hour a call, and files be of 1970 or 2100."""
    found = said(child("clock", times))
    if len(found) != 1:
        return row("", times, times, " ".join(found))
    seen = "fit, batch that goes on, save and load as ever"
    return row(
        "time.time() an hour back at every call; files of 1970 and 2100", times, int(found[0]), seen
    )


@fault(5)
def decimal_comma(times: int) -> dict:
    """Fit, save, read and ask the command line where numbers have a decimal comma."""
    with tempfile.TemporaryDirectory() as place:
        name = "de_DE.UTF-8"
        made = shutil.which("localedef") and not subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", f"{place}/{name}"],
            capture_output=True, check=False,
        ).returncode  # fmt: skip
        if not made:
            return row("de_DE.UTF-8", 0, 0, "not tried: the locale cannot be made here")
        lost = 0
        for _ in range(times):
            found = said(child("comma", LC_ALL=name, LOCPATH=place))
            lost += found != said(child("comma", LC_ALL="C.UTF-8"))
    return row(
        "LC_ALL=de_DE.UTF-8, set with setlocale", times, lost, "equal draws, files and tables"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    place = asked.out / "faults.csv"
    rows = {} if not place.exists() else pd.read_csv(place).set_index("fault").to_dict("index")
    for name in asked.only:
        times, tried = FAULTS[name]
        rows[name] = tried(times)
        print(name, rows[name], flush=True)
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("fault")
        table.loc[[known for known in FAULTS if known in rows]].to_csv(place)
    return int(any(found["lost"] for found in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
