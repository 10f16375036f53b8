"""Simulate, fit and rank: where the truth lies among the draws of its posterior."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest.mock import patch

import cloudpickle
import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import attempts, collapse, workers
from bayescale.labelling import named
from bayescale.levels import at_cells, by_row, one_cell
from bayescale.observed import Observations
from bayescale.posterior import cell_of, evaluate, log_likelihood
from bayescale.sample import Sampling
from benchmarks.sbc.cases import Case
from benchmarks.sbc.uniformity import RANKED

#: Truths tried until one has runs that can be: beyond these the priors make no sense.
TRIES = 1000


def truth(case: Case, rng: np.random.Generator) -> tuple[dict, dict, dict]:
    """Draw the law's and the likelihood's parameters from their priors, and all quantities."""
    values, coordinates = {}, case.coordinates
    for slot in coordinates.slots:
        levels = case.groups.count(slot.by) if slot.by and case.groups else 1
        if slot.prior is None:
            drawn = np.broadcast_to(slot.value, (slot.size or 1, levels))
        else:
            size = (slot.size or 1, levels)
            drawn = slot.prior.frozen().rvs(size=size, random_state=rng)
        parts = tuple(part if slot.by else np.float64(part[0]) for part in np.asarray(drawn, float))
        values[slot.quantity] = parts[0] if slot.size is None else parts
    numbers = coordinates.numbers(case.observed(np.ones(case.rows)).references)
    for slot in coordinates.declared:
        if slot.pooled:
            values[slot.quantity] = coordinates.levels_of(slot, values, numbers)
    natural = coordinates.natural(values, numbers)
    if case.groups is None:
        return *natural, values
    return *(at_cells(case.groups, group, (1, 1)) for group in natural), values


def runs_of_a_truth(
    case: Case, rng: np.random.Generator
) -> tuple[tuple[dict, dict, dict], Observations, int]:
    """Draw a truth that can have runs, and runs of it.

    A law's priors may allow curves that the noise cannot scatter about, such as a loss below zero
    under log-normal noise. Their posterior density is zero whatever the runs, so they are no part
    of what is fitted either.

    Returns
    -------
    truth
        As of :func:`truth`.
    runs
        With references that do not depend on them.
    in_vain
        How many truths before it had no runs.
    """
    likelihood, blank = case.likelihood, case.observed(np.ones(case.rows))
    by_run = blank.by_run(likelihood.by_run)
    for in_vain in range(TRIES):
        parameters, noise, values = truth(case, rng)
        noisy = noise if case.groups is None else by_row(noise, cell_of(blank))
        with np.errstate(all="ignore"):
            curve = evaluate(case.law, parameters, blank.inputs, blank.references, cell_of(blank))
        if not np.isfinite(curve).all() or (likelihood.positive and not (curve > 0).all()):
            continue
        outcome = np.ravel(likelihood.draw(rng, curve, **noisy, **by_run))
        if np.isfinite(outcome).all():
            return (parameters, noise, values), case.observed(outcome), in_vain
    raise ValueError(f"No truth of {TRIES} drawn for {type(case.law).__name__} can have runs.")


def generator(case: Case, seed: int) -> np.random.Generator:
    """Return the random numbers of one simulation, which no other case or seed has."""
    return np.random.default_rng([20240901, seed, *case.stream])


def ranked(case: Case, seed: int, settings: Sampling | None = None) -> dict[str, float]:
    """Simulate, fit and rank once: quantity to rank, and the fit's diagnostics."""
    rng = generator(case, seed)
    case = case.suited
    law, likelihood = case.law, case.likelihood
    (parameters, noise, values), runs, in_vain = runs_of_a_truth(case, rng)
    found, seconds = fitted(case, runs, replace(settings or case.settings, seed=seed))
    drawn = found.draws
    middles = [p.quantity for p in case.coordinates.free if not p.by and p.field != p.quantity]

    def quantities(of_law: dict, of_noise: dict, carried: dict) -> dict[str, np.ndarray]:
        ends = {role: np.array([1.0, 10.0]) * x.max() for role, x in case.inputs.items()}
        first = None if case.groups is None else np.zeros(2, int)
        ahead = evaluate(law, of_law, ends, runs.references, first)
        shared = {name: value for name, value in of_noise.items() if name in drawn.noise}
        if case.groups is None:
            held = named(of_law | shared)
        else:
            held = named(one_cell(of_law | shared, 0)) | {m: carried[m] for m in middles}
        held["curve at the end"] = ahead[..., 0]
        held["curve at 10 times the end"] = ahead[..., 1]
        if case.fitted is None:
            rows = log_likelihood(law, likelihood, runs, of_law, of_noise)
            held["log likelihood"] = rows.sum(axis=-1)
        return held

    with np.errstate(all="ignore"):  # ten times beyond the runs a curve may be out of all range
        mine = quantities(drawn.parameters, drawn.noise, drawn.quantities)
        true = quantities(parameters, noise, values)
    size = mine["curve at the end"].size
    kept = np.linspace(0, size - 1, RANKED).round().astype(int)
    ranks = {}
    for name, value in mine.items():
        among = np.broadcast_to(value, mine["curve at the end"].shape).ravel()[kept]
        one = float(np.ravel(true[name])[0])
        if not (among == one).all():  # of what is fixed there is no rank
            ties = int((among == one).sum())
            ranks[name] = float((among < one).sum() + rng.integers(0, ties + 1))
    d = found.diagnostics
    return ranks | {
        ":rhat": d.rhat, ":divergences": d.divergences / d.draws, ":ess": d.ess_bulk,
        ":pareto_k": np.nan if drawn.pareto_k is None else drawn.pareto_k,
        ":in_vain": in_vain, ":cpu_s": seconds, ":again": float(bool(found.notes)),
        ":integrated": float("integrated" in drawn.engine),
    }  # fmt: skip


def fitted(case: Case, runs: Observations, settings: Sampling) -> tuple[attempts.Sampled, float]:
    """Fit runs of a case, and say how many seconds of CPU that took."""
    alone = patch.object(collapse, "applies", lambda coordinates: False)
    start = time.process_time()
    with warnings.catch_warnings(), alone if case.declared else contextlib.nullcontext():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        found = attempts.sampled(case.law, case.fitted or case.likelihood, runs, settings)
    return found, time.process_time() - start


def batch(packed: bytes, seeds: Sequence[int]) -> list[dict[str, float]]:
    """Rank some simulations of a case, for workers."""
    case, settings = cloudpickle.loads(packed)
    return [{":seed": seed, **ranked(case, seed, settings)} for seed in seeds]


def simulated(
    case: Case,
    seeds: Sequence[int],
    settings: Sampling | None = None,
    *,
    count: int | None = None,
    done: Callable[[list[dict]], object] = lambda rows: None,
) -> pd.DataFrame:
    """Return a row of ranks for each seed.

    Parameters
    ----------
    case
        What is simulated.
    seeds
        One a simulation.
    settings
        Of the fits, where they are not those of the case.
    count
        Worker processes; this process where it is None.
    done
        Called with rows as they come.
    """
    rows: list[dict] = []
    packed = cloudpickle.dumps((case, settings))
    for part in workers.run(batch, packed, list(seeds), workers=count, chunk=5, lost=_lost):
        rows += part
        done(part)
    return pd.DataFrame(rows).sort_values(":seed", ignore_index=True)


def _lost(seed: int, reason: str) -> dict:
    raise RuntimeError(f"Simulation {seed} failed: {reason}")
