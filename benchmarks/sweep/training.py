"""One training run, which can be stopped at any time and goes on to the same end."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from benchmarks.sweep import schedule
from benchmarks.sweep.batches import rows_of_step
from benchmarks.sweep.models import model_of
from benchmarks.sweep.runs import Run
from benchmarks.sweep.tasks import TASKS, Examples

#: Seconds between checkpoints.
KEEP_EVERY = 60.0
CLIP = 1.0
EVALUATION_BATCH = 64


@dataclass
class State:
    """Where a run stands: all that a checkpoint holds."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    since_best: int = 0
    best_model: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write a checkpoint; the one before stays whole until this one is."""
        path.parent.mkdir(parents=True, exist_ok=True)
        held = {**self.__dict__, "model": self.model.state_dict()}
        held["optimizer"] = self.optimizer.state_dict()
        fresh = path.with_suffix(".fresh")
        torch.save(held, fresh)
        fresh.replace(path)

    def load(self, path: Path, device: str) -> None:
        """Go back to a checkpoint."""
        held = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(held.pop("model"))
        self.optimizer.load_state_dict(held.pop("optimizer"))
        self.__dict__.update(held)


def start(run: Run, device: str) -> State:
    """Return a run at its beginning."""
    model = model_of(run).to(device)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": run.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return State(model, torch.optim.AdamW(groups, lr=run.rate, betas=(0.9, 0.99), fused=True))


def step(state: State, run: Run, train: Examples, device: str) -> None:
    """Take one optimizer step."""
    rows = rows_of_step(state.step, run.batch, min(run.unique, len(train[0])), run.seed)
    for group in state.optimizer.param_groups:
        group["lr"] = run.rate * schedule.factor(state.step, run.steps, run.decay)
    loss, _ = losses(state.model, train, rows, device)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), CLIP)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1


def losses(model, examples: Examples, rows, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean loss of sequences, in nats a symbol that counts, and the share all right."""
    *inputs, targets = (torch.from_numpy(e[rows]).to(device).long() for e in examples)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        logits = model(*inputs)
    loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
    right = ((logits.argmax(-1) == targets) | (targets < 0)).all(-1).float().mean()
    return loss, right.detach()


@torch.no_grad()
def evaluate(model, examples: Examples, device: str) -> tuple[float, float]:
    """Return mean loss and the share of sequences all right, over a part."""
    count, totals = len(examples[0]), [0.0, 0.0]
    for first in range(0, count, EVALUATION_BATCH):
        rows = range(first, min(first + EVALUATION_BATCH, count))
        found = losses(model, examples, list(rows), device)
        totals = [t + len(rows) * float(f) for t, f in zip(totals, found, strict=True)]
    return totals[0] / count, totals[1] / count


def train(
    run: Run,
    corpus: Path,
    device: str = "cpu",
    checkpoint: Path | None = None,
    tell: Callable[[State], None] = lambda state: None,
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Train a run, from its checkpoint if there is one, to its row and its curve."""
    parts = {
        part: TASKS[run.task].examples(corpus, part) for part in ("train", "validation", "test")
    }
    state = start(run, device)
    if checkpoint is not None and checkpoint.exists():
        state.load(checkpoint, device)
    due = schedule.evaluated(run.steps, run.evaluations, run.decay)
    clock = Clock(device, state.seconds)
    while state.step < run.steps and not (run.patience and state.since_best >= run.patience):
        step(state, run, parts["train"], device)
        if state.step in due:
            _note(state, run, evaluate(state.model, parts["validation"], device))
            tell(state)
        if checkpoint is not None and clock.due():
            state.seconds = clock.seconds()
            state.save(checkpoint)
            tell(state)
    state.seconds = clock.seconds()
    reached = state.curve[-1]["validation_loss"]
    if state.best_model:  # else it diverged before anything was measured
        state.model.load_state_dict(state.best_model)
    loss, right = evaluate(state.model, parts["test"], device)
    return _row(run, state, loss, right, reached), state.curve


def _note(state: State, run: Run, found: tuple[float, float]) -> None:
    """Add a point to the curve, and keep the model if it is the best so far."""
    loss, right = found
    at = {"step": state.step, "tokens": state.step * run.batch * TASKS[run.task].counted}
    rate = schedule.factor(state.step - 1, run.steps, run.decay) * run.rate
    state.curve.append(
        {**at, "validation_loss": round(loss, 5), "validation_right": round(right, 4), "rate": rate}
    )
    state.since_best += 1
    if loss < state.best:
        state.best, state.best_step, state.since_best = loss, state.step, 0
        state.best_model = copy.deepcopy(state.model.state_dict())


def _row(run: Run, state: State, loss: float, right: float, reached: float) -> dict[str, Any]:
    """Return what the table holds of a run."""
    row = {key: value for key, value in asdict(run).items() if key != "name"}
    size, share = run.size, state.step / run.steps
    row |= {"params": size.params, "embeddings": size.embeddings}
    row |= {"encoder_params": size.encoder, "decoder_params": size.decoder}
    row |= {"tokens": round(run.tokens * share), "flops": f"{run.flops * share:.6g}"}
    row |= {"loss": round(loss, 5), "right": round(right, 4), "best_step": state.best_step}
    row |= {"validation_loss": round(state.best, 5), "last_validation_loss": reached}
    return row | {"steps_made": state.step, "seconds": round(state.seconds, 1)}


class Clock:
    """Seconds of work: of this process on a CPU, of the wall on a GPU."""

    def __init__(self, device: str, before: float = 0.0) -> None:
        self.read = time.perf_counter if device == "cuda" else time.process_time
        self.begun, self.before = self.read(), before
        self.kept = time.monotonic()

    def seconds(self) -> float:
        return self.before + self.read() - self.begun

    def due(self) -> bool:
        """Say whether it is time for a checkpoint."""
        if time.monotonic() - self.kept < KEEP_EVERY:
            return False
        self.kept = time.monotonic()
        return True
