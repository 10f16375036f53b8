"""Which sequences a step sees: a function of the step and the seed, so that runs can go on."""

from functools import lru_cache

import numpy as np


def rows_of_step(step: int, batch: int, unique: int, seed: int) -> np.ndarray:
    """Return the rows of a step's sequences among the first `unique`, anew each epoch."""
    places = np.arange(step * batch, (step + 1) * batch)
    epochs = places // unique
    rows = [_order(int(e), unique, seed)[places[epochs == e] % unique] for e in np.unique(epochs)]
    return np.concatenate(rows)


@lru_cache(maxsize=4)
def _order(epoch: int, unique: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(unique)
