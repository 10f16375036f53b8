"""What is checked with PyTorch at hand before hours are spent."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.sweep import training
from benchmarks.sweep.designs import DESIGNS
from benchmarks.sweep.models import model_of
from benchmarks.sweep.runs import Run
from benchmarks.sweep.tasks import TASKS

#: Ten steps of every kind of run.
TINY = Run("tiny", "check", 16, 2, steps=12, batch=4, unique=24, rate=0.01, evaluations=4)
KINDS = {
    "transformer": TINY,
    "lstm": replace(TINY, architecture="lstm"),
    "encoder_decoder": replace(
        TINY, architecture="encoder_decoder", task="vowels", encoder_layers=3
    ),
    "addition": replace(TINY, task="addition"),
}


class Stopped(Exception):
    """A run was stopped on purpose."""


def check(corpus: Path, device: str) -> list[str]:
    """Return a line for each thing checked; what is wrong is an AssertionError."""
    said = []
    for name in DESIGNS:
        sizes = {
            (r.architecture, r.width, r.layers, r.encoder_layers, r.task): r
            for r in DESIGNS[name]()
        }
        for run in sizes.values():
            if run.size.params < 2e6:
                _size(run)
        said.append(f"{name}: models have the sizes that the formulas say")
    for name, run in KINDS.items():
        _looks_not_ahead(run, corpus)
        row, curve = training.train(run, corpus, device)
        assert curve[-1]["validation_loss"] < curve[0]["validation_loss"], (name, curve)
        assert math.isfinite(row["loss"]), row
        _goes_on(run, corpus, device, row["loss"])
        said.append(
            f"{name}: does not look ahead, learns, and goes on after a stop to the same loss"
        )
    return said


def _size(run: Run) -> None:
    """Hold formulas to a model."""
    model, size = model_of(run), run.size
    found = {name: p.numel() for name, p in model.named_parameters()}
    outside = ("symbols", "source_symbols", "output")
    embeddings = sum(n for name, n in found.items() if name.startswith(outside))
    encoder = sum(n for k, n in found.items() if k.startswith(("encoder", "source_norm")))
    assert embeddings == size.embeddings, (run.name, embeddings, size)
    assert encoder == size.encoder, (run.name, encoder, size)
    assert sum(found.values()) - embeddings == size.params, (run.name, found, size)


def _looks_not_ahead(run: Run, corpus: Path) -> None:
    """Change what comes late in the input: what was said of the symbols before must stay."""
    *inputs, _ = (
        torch.from_numpy(e[:2].copy()).long() for e in TASKS[run.task].examples(corpus, "test")
    )
    model = model_of(run)
    # The output begins at zero, where nothing would be seen.
    torch.nn.init.normal_(model.output.weight)
    before = model(*inputs)
    late = inputs[-1].shape[1] // 2
    inputs[-1][:, late:] = 3
    after = model(*inputs)
    assert torch.allclose(before[:, :late], after[:, :late], atol=1e-5), run.name
    assert not torch.allclose(before[:, late:], after[:, late:], atol=1e-5), run.name


def _goes_on(run: Run, corpus: Path, device: str, loss: float) -> None:
    """Stop a run half-way, and hold its end to that of the run that was not stopped."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.pt"

        def stop(state: training.State) -> None:
            if state.step >= run.steps // 2:
                state.save(path)
                raise Stopped

        try:
            training.train(run, corpus, device, path, stop)
            raise AssertionError(f"{run.name} was not stopped")
        except Stopped:
            pass
        again, curve = training.train(run, corpus, device, path)
    # A GPU adds in no fixed order.
    tolerance = 1e-9 if device == "cpu" else 1e-2
    assert abs(again["loss"] - loss) <= tolerance, (run.name, again["loss"], loss)
    assert [point["step"] for point in curve] == sorted({point["step"] for point in curve})
