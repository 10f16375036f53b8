"""Addition of n-digit numbers as text: "123+456=0579", the answer alone counts.

Problems are drawn once, without repeats; the first are the validation and test parts, all others
are for training, so that training sets of growing size are nested and never meet a test problem.
"""

from functools import cache

import numpy as np

DIGITS = 3
PLUS, EQUALS = 10, 11
VOCABULARY = 12
#: Target at a place that does not count.
IGNORED = -100
ANSWER = DIGITS + 1
#: Places of a sequence as a model reads it: all but the last digit of the answer.
LENGTH = 2 * DIGITS + 2 + ANSWER - 1
SIZES = {"validation": 1000, "test": 5000, "train": 200_000}


def examples(part: str) -> tuple[np.ndarray, ...]:
    """Return inputs and targets, each of shape (problems, LENGTH)."""
    whole = _sequences()
    start = {
        "validation": 0,
        "test": SIZES["validation"],
        "train": SIZES["validation"] + SIZES["test"],
    }
    rows = whole[start[part] : start[part] + SIZES[part]]
    targets = rows[:, 1:].copy()
    targets[:, : LENGTH - ANSWER] = IGNORED
    return rows[:, :-1], targets


@cache
def _sequences() -> np.ndarray:
    """Return every problem with its answer, as symbols; shape (problems, LENGTH + 1)."""
    numbers = 10**DIGITS
    needed = sum(SIZES.values())
    drawn = np.random.default_rng(0).integers(0, numbers**2, 2 * needed)
    _, first = np.unique(drawn, return_index=True)
    pairs = drawn[np.sort(first)[:needed]]
    left, right = pairs // numbers, pairs % numbers
    mark = np.ones((needed, 1), dtype=np.int16)
    parts = [_digits(left, DIGITS), PLUS * mark, _digits(right, DIGITS), EQUALS * mark]
    return np.concatenate([*parts, _digits(left + right, ANSWER)], axis=1)


def _digits(numbers: np.ndarray, places: int) -> np.ndarray:
    """Return decimal digits, the largest first; shape (numbers, places)."""
    powers = 10 ** np.arange(places - 1, -1, -1)
    return (numbers[:, None] // powers % 10).astype(np.int16)
