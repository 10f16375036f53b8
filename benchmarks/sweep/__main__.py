"""Plan, make and look at the sweep's runs.

python -m benchmarks.sweep plan  [DESIGN ...]            hours, by the speed of this machine
python -m benchmarks.sweep run   [DESIGN ...] --out DIR  make what is missing; stop it at any time
                         [--only PART ...]       those whose names have a part, w16 say
python -m benchmarks.sweep speed                         FLOP/s by size
python -m benchmarks.sweep check                         models, tasks and stopping, in seconds
python -m benchmarks.sweep manifest                      list the corpus's files anew

DESIGN is a name in designs.py; by default all of a CPU's. --corpus names the standard library of
Python 3.13.0 where this interpreter's is another. Several processes may run into one folder.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.sweep import corpus, plan, table
from benchmarks.sweep.designs import CPU, DESIGNS, LADDER
from benchmarks.sweep.runs import Run, text_run

HERE = Path(__file__).parent
OUT = HERE.parent / "results" / "sweep"


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says."""
    given = _arguments(arguments)
    if given.what == "manifest":
        corpus.write_manifest(given.corpus)
        return
    _prepare(given)
    if given.what == "check":
        from benchmarks.sweep.check import check

        print("\n".join(check(given.corpus, given.device)))
        return
    timer = plan.StepTimer(given.corpus, given.device)
    if given.what == "speed":
        for shape in LADDER:
            run = text_run("speed", "", shape, 1e6)
            speed = run.flops / run.steps / timer(run)
            print(f"{run.size.params:8d} parameters  {speed / 1e9:6.1f} GFLOP/s", flush=True)
        return
    runs = {
        design: [run for run in DESIGNS[design]() if any(part in run.name for part in given.only)]
        for design in given.designs or CPU
    }
    finished = _finished(given.out)
    print("\n".join(plan.lines(plan.planned(d, r, finished, timer) for d, r in runs.items())))
    if given.what == "run":
        _make([run for made in runs.values() for run in made], given, timer)


def _make(runs: list[Run], given: argparse.Namespace, timer: plan.Timer) -> None:
    """Make the runs that are missing and that no other process is making."""
    for place, run in enumerate(runs, 1):
        with table.locked(given.out / "claims" / f"{run.name}.lock", wait=False) as mine:
            # Read again: another process may have finished it since.
            finished = _finished(given.out)
            if mine and run.name not in finished:
                left = [r for r in runs[place - 1 :] if r.name not in finished]
                hours = sum(timer(r) * r.steps for r in left) / 3600
                print(f"[{place}/{len(runs)}, {hours:.2f} h left] {run.name}", flush=True)
                _make_one(run, given)


def _make_one(run: Run, given: argparse.Namespace) -> None:
    from benchmarks.sweep import training

    begun = time.monotonic()

    def tell(state: training.State) -> None:
        if sys.stderr.isatty() and state.curve:
            loss = state.curve[-1]["validation_loss"]
            share = f"{state.step}/{run.steps} steps, {time.monotonic() - begun:.0f} s"
            print(f"\r  {share}, validation {loss:.4f}  ", end="", file=sys.stderr, flush=True)

    checkpoint = given.out / "checkpoints" / f"{run.name}.pt"
    row, curve = training.train(run, given.corpus, given.device, checkpoint, tell)
    # The curve first: a run counts as finished once it is in the table of runs.
    table.put(given.out / "curves.csv", run.name, curve)
    table.put(given.out / "runs.csv", run.name, [row | {"device": given.device}])
    checkpoint.unlink(missing_ok=True)
    print(f"  loss {row['loss']:.4f}, {row['seconds']} s", flush=True)


def _finished(out: Path) -> set[str]:
    return {row[table.RUN] for row in table.read(out / "runs.csv")}


def _prepare(given: argparse.Namespace) -> None:
    try:
        import torch
    except ModuleNotFoundError:
        raise SystemExit(
            "PyTorch is not installed here. Make an environment of its own: "
            f"python -m venv FOLDER; FOLDER/bin/pip install -r {HERE / 'requirements.txt'}"
        ) from None
    torch.set_num_threads(given.threads)
    if given.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("--device cuda: PyTorch sees no CUDA device here. Use --device cpu.")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    # As it stands: the description has a line for each command.
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("benchmarks.sweep", description=__doc__, formatter_class=plain)
    parser.add_argument("what", choices=["plan", "run", "speed", "check", "manifest"])
    # Without names the list is empty, which Python 3.11 wants among the choices too.
    parser.add_argument("designs", nargs="*", choices=[*DESIGNS, []], metavar="DESIGN")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names of runs")
    parser.add_argument("--corpus", type=Path, default=corpus.default_folder())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.corpus is None:
        parser.error(
            "--corpus must name the standard library's folder of Python 3.13.0 (lib/python3.13)"
        )
    return given


if __name__ == "__main__":
    main()
