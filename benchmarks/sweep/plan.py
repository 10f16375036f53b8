"""How long a sweep will take: steps of every shape, timed before anything is trained."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sweep.runs import Run

#: Gives the seconds of a step of a run.
Timer = Callable[[Run], float]


@dataclass(frozen=True)
class Planned:
    """What is left of a design: runs in all and left, operations and hours left."""

    design: str
    runs: int
    left: int
    flops: float
    hours: float


def planned(design: str, runs: list[Run], finished: set[str], timer: Timer) -> Planned:
    """Return what is left of a design."""
    left = [run for run in runs if run.name not in finished]
    hours = sum(timer(run) * run.steps for run in left) / 3600
    return Planned(design, len(runs), len(left), sum(run.flops for run in left), hours)


def lines(plans: Iterable[Planned]) -> list[str]:
    """Return the plan as lines of text."""
    plans = list(plans)
    width = max(len(p.design) for p in plans)
    found = [
        f"{p.design:{width}}  {p.left:3d} of {p.runs:3d} runs left  {p.flops:8.1e} FLOP"
        f"  {p.flops / max(p.hours, 1e-9) / 3.6e12:6.1f} GFLOP/s  {p.hours:6.2f} hours"
        for p in plans
    ]
    return [*found, f"{'in all':{width}}  {sum(p.hours for p in plans):.2f} hours"]


class StepTimer:
    """Times steps of a shape once; evaluations are small beside them and not counted."""

    def __init__(self, corpus: Path, device: str, seconds: float = 0.2) -> None:
        self.corpus, self.device, self.seconds = corpus, device, seconds
        self.known: dict[tuple, float] = {}

    def __call__(self, run: Run) -> float:
        shape = (run.task, run.architecture, run.width, run.layers, run.encoder_layers, run.batch)
        if shape not in self.known:
            self.known[shape] = self._measured(run)
        return self.known[shape]

    def _measured(self, run: Run) -> float:
        # Torch is loaded here, so that plans can be reckoned where it is not installed.
        from benchmarks.sweep import training
        from benchmarks.sweep.tasks import TASKS

        examples = TASKS[run.task].examples(self.corpus, "train")
        state = training.start(run, self.device)
        training.step(state, run, examples, self.device)
        clock = training.Clock(self.device)
        begun, steps = time.monotonic(), 0
        while steps < 2 or time.monotonic() - begun < self.seconds:
            training.step(state, run, examples, self.device)
            steps += 1
        if self.device == "cuda":
            training.torch.cuda.synchronize()
        return clock.seconds() / steps
