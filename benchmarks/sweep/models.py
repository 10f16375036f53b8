"""A run's model, by the name of its architecture."""

import torch
from torch import nn

from benchmarks.sweep.encoder_decoder import EncoderDecoder
from benchmarks.sweep.lstm import StackedLSTM
from benchmarks.sweep.runs import Run
from benchmarks.sweep.tasks import TASKS
from benchmarks.sweep.transformer import Transformer


def model_of(run: Run) -> nn.Module:
    """Return the run's model at its initial parameters, which its seed decides."""
    torch.manual_seed(run.seed)
    vocabulary = TASKS[run.task].vocabulary
    if run.architecture == "encoder_decoder":
        return EncoderDecoder(run.width, run.encoder_layers, run.layers, vocabulary)
    made = {"transformer": Transformer, "lstm": StackedLSTM}[run.architecture]
    return made(run.width, run.layers, vocabulary)
