"""Learning rate and evaluations by step: warm-up, constant, decay."""

import math

import numpy as np


def factor(step: int, steps: int, decay: float) -> float:
    """Return the learning rate at a step over the run's rate.

    A linear warm-up, at most 100 steps, then constant, so that what a run has reached by a step
    does not depend on its length; last 1 minus a root, to 0 (Hägele et al. 2024, arXiv:2405.18392).
    """
    warm_up = max(1, min(100, steps // 10))
    last = math.ceil(decay * steps)
    if step < warm_up:
        return (step + 1) / warm_up
    if step < steps - last:
        return 1.0
    return 1 - math.sqrt((step - (steps - last)) / last)


def evaluated(steps: int, count: int, decay: float) -> set[int]:
    """Return after how many steps the validation loss is measured: log-spaced, and the ends."""
    spaced = np.geomspace(min(8, steps), steps, count)
    return {int(s) for s in np.round(spaced)} | {steps - math.ceil(decay * steps), steps} - {0}
