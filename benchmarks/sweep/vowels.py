"""A small task for an encoder and a decoder: give source code its vowels back.

The encoder reads a piece of the corpus without its vowels, the decoder writes the piece whole. The
text is real, the encoder is needed to know the consonants ahead, the decoder to spell.
"""

from pathlib import Path

import numpy as np

from benchmarks.sweep import corpus

#: Bytes of a piece.
LENGTH = 64
#: Control bytes that source code has not.
PAD, BEGIN = 2, 1
VOWELS = np.frombuffer(b"aeiouAEIOU", dtype=np.uint8)


def examples(folder: Path, part: str) -> tuple[np.ndarray, ...]:
    """Return what the encoder reads, what the decoder reads, and targets; (pieces, LENGTH) each."""
    whole = corpus.chosen(corpus.windows(folder, part, LENGTH), part)
    shifted = np.concatenate([np.full((len(whole), 1), BEGIN, np.uint8), whole[:, :-1]], axis=1)
    return without_vowels(whole), shifted, whole


def without_vowels(whole: np.ndarray) -> np.ndarray:
    """Return pieces with their vowels left out, padded at the end."""
    dropped = np.isin(whole, VOWELS)
    # A stable sort brings what is kept to the front, in its order.
    order = np.argsort(dropped, axis=1, kind="stable")
    kept = np.take_along_axis(whole, order, axis=1)
    return np.where(np.take_along_axis(dropped, order, axis=1), np.uint8(PAD), kept)
