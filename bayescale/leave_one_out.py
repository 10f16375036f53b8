"""Leave-one-out by Pareto-smoothed importance sampling, a part of the rows at a time.

The numbers are those of ``az.loo``. The log likelihood of every draw and run, which ArviZ wants
as a whole, is never held: of a million runs and 4000 draws it would take 32 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale import labelling, posterior
from bayescale.convergence import mean_ess
from bayescale.coordinates import Coordinates
from bayescale.observed import Observations
from bayescale.pareto import smoothed
from bayescale.scoring import log_mean_exp

#: Numbers that are worked on at once: they stay in the processor's cache, which is twice as fast
#: as what fits in memory.
TOGETHER = 200_000


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Expected log predictive density of every run, had it been left out.

    Parameters
    ----------
    elpd_i
        By run, of y in its own units; shape (run,).
    p_i
        Effective parameters that a run costs: how much better it is predicted when it is in.
    pareto_k
        Shape of the weights' tail, by run.
    draws
        Posterior draws.
    """

    elpd_i: np.ndarray
    p_i: np.ndarray
    pareto_k: np.ndarray
    draws: int

    @property
    def elpd(self) -> float:
        """Sum over runs."""
        return float(self.elpd_i.sum())

    @property
    def se(self) -> float:
        """Standard error of the sum."""
        count = len(self.elpd_i)
        return float(np.sqrt(count * self.elpd_i.var(ddof=1))) if count > 1 else 0.0

    @property
    def good_k(self) -> float:
        """Above this a run's weights cannot be trusted."""
        return min(1 - 1 / np.log10(self.draws), 0.7)


def leave_one_out(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: Mapping[str, Any],
    noise: Mapping[str, np.ndarray],
    quantities: Mapping[str, Any],
) -> LeaveOneOut:
    """Return PSIS-LOO of a posterior.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted.
    parameters, noise, quantities
        Draws of the law's parameters, the likelihood's, and of what carries the priors; each of
        shape (chain, draw), components as a tuple.

    Returns
    -------
    LeaveOneOut
        By run.
    """
    coordinates = Coordinates(law, likelihood, runs.groups)
    held, labels = {}, {}
    for slot in coordinates.moving:
        held[slot.quantity] = quantities[slot.quantity]
        if slot.by and runs.groups is not None:
            labels[slot.quantity] = runs.groups.labels(runs.groups.own(slot.by))
    natural = labelling.named_by_level(runs, {**parameters, **noise})
    block = np.stack(list((labelling.named(held, labels) | natural).values()))
    chains, draws = block.shape[1:]
    relative = float(mean_ess(block).mean()) / (chains * draws) if chains > 1 else 1.0
    found = []
    step = max(TOGETHER // (chains * draws), 1)
    for part in (slice(at, at + step) for at in range(0, len(runs), step)):
        density = posterior.log_likelihood(law, likelihood, runs, parameters, noise, part)
        rows = np.ascontiguousarray(density.reshape(chains * draws, -1).T)
        log_weights, pareto_k = smoothed(-rows, relative)
        elpd = log_mean_exp((log_weights + rows).T) + np.log(chains * draws)
        found.append((elpd, log_mean_exp(rows.T) - elpd, pareto_k))
    elpd_i, p_i, pareto_k = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return LeaveOneOut(elpd_i, p_i, pareto_k, chains * draws)
