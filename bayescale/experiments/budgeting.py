"""Runs chosen one by one within a budget, by what all of them tell together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayescale.experiments import gains
from bayescale.experiments.gains import Gain, Weighing

#: A further run that tells less (share of the variance, or nats) is not worth planning.
LEAST = 0.005


@dataclass(frozen=True)
class Step:
    """A run of the plan: its number, the value of all so far, and what it adds."""

    candidate: int
    value: float
    gain: float


def planned(
    state: Weighing,
    costs: np.ndarray,
    first: list[Gain],
    budget: float,
    most: int | None,
    method: str | None,
) -> list[Step]:
    """Return the best of three greedy plans: by value for cost, by value, and both in turn.

    By value for cost alone cheap runs come first, and may leave too little for a dear one that
    tells more than all of them; by value alone a dear one takes what several cheap ones would
    share. The third makes the run that tells most first and goes on by value for cost.

    Parameters
    ----------
    state
        Draws and simulated outcomes, with nothing observed.
    costs
        Of every candidate, shape (candidate,).
    first
        What each tells alone.
    budget
        What may be spent.
    most
        At most so many runs; None: any number.
    method
        How gains are found, as for :func:`bayescale.experiments.gains.gain`.

    Returns
    -------
    list of Step
        In the order in which to make the runs.
    """
    alike = np.ones(len(costs))
    plans = [
        _greedy(state, costs, by, first, budget, most or len(costs), method)
        for by in ((costs, costs), (alike, alike), (alike, costs))
    ]
    return max(plans, key=lambda plan: round(plan[-1].value, 3) if plan else 0.0)


def _greedy(
    state: Weighing,
    costs: np.ndarray,
    by: tuple[np.ndarray, np.ndarray],
    first: list[Gain],
    budget: float,
    most: int,
    method: str | None,
) -> list[Step]:
    """Choose runs one by one, each the one that adds most over ``by``: the first, and the others.

    What a run adds shrinks as others are made, so that what it added before is a bound: only those
    whose bound is in the lead are looked at again (Minoux 1978).
    """
    plan: list[Step] = []
    total, left = 0.0, budget
    added = np.array([gain.value for gain in first])
    fresh = np.ones(len(costs), bool)
    while len(plan) < most:
        open_ = (costs <= left * (1 + 1e-9)) & ~np.isin(np.arange(len(costs)), state.chosen)
        if not open_.any():
            break
        base, over = None, by[1 if plan else 0]
        while True:
            best = int(np.argmax(np.where(open_, added / over, -np.inf)))
            if fresh[best] or added[best] < LEAST:
                break
            added[best], base = _further(state, best, total, base, method)
            fresh[best] = True
        if added[best] < LEAST:
            break
        total += float(added[best])
        left -= float(costs[best])
        plan.append(Step(best, total, float(added[best])))
        state = state.having(best)
        fresh[:] = False
    return plan


def _further(
    state: Weighing, candidate: int, total: float, base: float | None, method: str | None
) -> tuple[float, float | None]:
    """Return what one more run adds, and the value of those before it by regression if needed."""
    found = gains.gain(state, candidate, method)
    if found.how == "weights":
        return found.value - total, base
    if base is None:  # like is to be held against like
        base = gains.by_regression(state, state.chosen).value
    return found.value - base, base
