"""The tasks: symbols, lengths, and where their examples come from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sweep import addition, corpus, vowels

#: What the encoder reads, if there is one; what the model reads; targets. One row a sequence.
Examples = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Task:
    """What is learned.

    Parameters
    ----------
    vocabulary
        Number of symbols.
    length
        Places of a sequence that a model reads.
    counted
        Places of a sequence whose loss counts.
    examples
        Gives the examples of a part, from the corpus's folder.
    """

    vocabulary: int
    length: int
    counted: int
    examples: Callable[[Path, str], Examples]


TASKS = {
    "text": Task(256, corpus.CONTEXT, corpus.CONTEXT, corpus.examples),
    "vowels": Task(256, vowels.LENGTH, vowels.LENGTH, vowels.examples),
    "addition": Task(
        addition.VOCABULARY,
        addition.LENGTH,
        addition.ANSWER,
        lambda folder, part: addition.examples(part),
    ),
}
