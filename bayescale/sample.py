"""NUTS: the only place that compiles and runs a sampler.

A compiled density is kept for the rest of the process and refitted with other runs and other
prior numbers, whatever the number of rows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bayescale import c_functions, kernels, mixing, starts, windows
from bayescale.arguments import AT_MOST
from bayescale.errors import BayescaleError, LawError
from bayescale.given import in_words, one_number, short
from bayescale.mixing import judged
from bayescale.straighten import straight
from bayescale.untangle import Untangled

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

#: Of more untangled coordinates than these the metric is diagonal.
MANY = 40
#: Draws of a pilot, from which the coordinates of a bent posterior are learned.
PILOT = 150
SAMPLERS = ("nutpie", "pymc")
#: Rows of data above which a value of the density takes too long for modes to be weighed.
_MOST_ROWS = 2000
#: Of chains in windows: how many in each, their tuning steps and draws, and target acceptance.
_IN_WINDOW = {"chains": 2, "tune": 150, "draws": 50, "target_accept": 0.8}
_PILOT_ACCEPT, _APART = 0.9, 1.1

_DIMS = ("chain", "draw")
_compiled: dict[Hashable, Any] = {}


#: What :class:`Sampling` checks of its arguments itself.
CHECKED = ("draws", "tune", "chains", "cores", "target_accept", "seed")


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Parameters
    ----------
    draws, tune, chains
        Kept draws and tuning steps of each chain, and chains.
    cores
        Processor cores to use; all of them by default.
    target_accept
        The sampler's target acceptance.
    seed
        Same seed, same draws.
    sampler
        ``"nutpie"`` or ``"pymc"``.
    retry
        Whether to sample once more when the draws fall short: in the coordinates in which they
        are straight, and with more draws where that does not do.
    pilot
        Draws of each chain, after as many of tuning, from which straight coordinates are learned
        before any draw is kept; 0 for none. It pays where most posteriors of a form are bent.
    climbs
        Places from which modes are looked for, in which chains then start.

    Raises
    ------
    LawError
        If a number is out of range or the sampler is not known.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    cores: int | None = None
    target_accept: float = 0.9
    seed: int = 0
    sampler: str = "nutpie"
    retry: bool = True
    pilot: int = 0
    climbs: int = starts.CLIMBS

    def __post_init__(self) -> None:
        """Check before anything is compiled."""
        least = {
            "draws": 4, "tune": 1, "chains": 1, "cores": 1, "seed": 0, "pilot": 0, "climbs": 1,
        }  # fmt: skip
        for name, low in least.items():
            value = getattr(self, name)
            number = one_number(value)
            whole = number is not None and number >= low and number == number // 1
            if not whole and not (name == "cores" and value is None):
                raise LawError(
                    f"{name}= must be a whole number of at least {low}; got {in_words(value)}."
                )
            most = AT_MOST.get(name, math.inf)
            if number is not None and number > most:
                raise LawError(
                    f"{name}= must be at most {most:,}; got {in_words(value)}. More of them take "
                    "longer than anybody waits, and more memory than there is."
                )
            if whole and number is not None:  # 1e3 is one, but no seed of numpy's
                object.__setattr__(self, name, int(number))
        accept = one_number(self.target_accept)
        if accept is None or not 0 < accept < 1:
            raise LawError(
                "target_accept= must lie between 0 and 1 (0.9 is usual); "
                f"got {in_words(self.target_accept)}."
            )
        if self.sampler not in SAMPLERS:
            raise LawError(
                f"sampler= must be one of {', '.join(SAMPLERS)}; got {short(self.sampler)}."
            )

    def doubled(self) -> Sampling:
        """Return twice the tuning and draws, nearer to full acceptance, and more climbs."""
        closer = 1 - (1 - self.target_accept) / 2
        more = {"draws": 2 * self.draws, "tune": 2 * self.tune, "climbs": 4 * self.climbs}
        return replace(self, target_accept=closer, **more)


def run(
    key: Hashable,
    density: kernels.Density,
    settings: Sampling,
    untangled: Untangled | None = None,
) -> tuple[np.ndarray, xr.Dataset]:
    """Sample a density in its unconstrained coordinates.

    Parameters
    ----------
    key
        What the compiled density depends on; equal keys share one.
    density
        What to sample; compiled when the key is new (always, for PyMC's sampler).
    settings
        How to sample.
    untangled
        Of a density of groups, the map to coordinates in which levels are uncorrelated.

    Returns
    -------
    draws
        Shape (chain, draw, coordinate), in the density's order.
    stats
        The sampler's statistics: diverging, energy, n_steps, tree depth.
    """
    if settings.sampler == "pymc":
        return _run_pymc(density.model(), settings)
    if untangled is not None:
        found = _run_untangled(key, density, settings, untangled)
        if found is not None:
            return found
    compiled = _with_data(key, density)
    value_and_gradient, tops = _climbed(compiled, density, settings)
    start, left_out = starts.starting(tops) if tops else (None, 0.0)
    found = None
    if settings.pilot and not density.elastic:
        short = replace(
            settings, draws=settings.pilot, tune=settings.pilot, target_accept=_PILOT_ACCEPT
        )
        pilot, _ = _run_nutpie(_from(compiled, start), short)
        found = _run_straightened(key, density, settings, pilot, start)
    draws, stats = found or _run_nutpie(_from(compiled, start), settings)
    if value_and_gradient is not None and settings.retry and density.places and _quick(density):
        draws, stats = _weighed(key, density, settings, value_and_gradient, draws, stats)
        left_out = left_out if "unweighed" in stats.attrs else 0.0
    worst, enough = judged(draws)
    # Chains that stay apart in straight coordinates are in modes of their own.
    apart = found is not None and worst > _APART
    if settings.retry and not (enough or apart or density.elastic or "weighed" in stats.attrs):
        second = _run_straightened(key, density, settings, draws, start, again=True)
        if second is not None:
            worst_of_second, enough = judged(second[0])
            if enough or worst_of_second < worst:
                draws, stats = second[0], second[1].assign_attrs(stats.attrs | second[1].attrs)
    return draws, stats.assign_attrs(left_out=left_out)


def _with_data(key: Hashable, density: kernels.Density) -> Any:
    """Return the compiled density with its data; compiled when the key is new."""
    if key not in _compiled:
        _compiled[key] = kernels.compiled(density)
    compiled = _compiled[key].with_data(**density.data)
    return kernels.sized(compiled, density.dimension) if density.elastic else compiled


def slope(
    key: Hashable, density: kernels.Density
) -> Callable[[np.ndarray], tuple[float, np.ndarray]] | None:
    """Return a density's value and gradient as a function of the point; None where unknown.

    Parameters
    ----------
    key, density
        As for :func:`run`.
    """
    return kernels.caller(_with_data(key, density), density)


def _run_untangled(
    key: Hashable, density: kernels.Density, settings: Sampling, found: Untangled
) -> tuple[np.ndarray, xr.Dataset] | None:
    """Sample in coordinates in which levels are uncorrelated; None where that cannot be."""
    if (key, "untangled") not in _compiled:
        _compiled[key, "untangled"] = kernels.rewrapped(
            _with_data(key, density), c_functions.c_untangled
        )
    if _compiled[key, "untangled"] is None:
        return None
    data = density.data
    data = {**data, "numbers": np.concatenate([data["numbers"], found.numbers])}
    compiled = _compiled[key, "untangled"].with_data(**data)
    adaptation = "low_rank" if density.dimension <= MANY else "diag"
    draws, stats = _run_nutpie(kernels.sized(compiled, density.dimension), settings, adaptation)
    return found.tangled(draws), stats.assign_attrs(left_out=0.0)


def _run_straightened(
    key: Hashable,
    density: kernels.Density,
    settings: Sampling,
    first: np.ndarray,
    start: Callable[[int], np.ndarray] | None,
    again: bool = False,
) -> tuple[np.ndarray, xr.Dataset] | None:
    """Sample in the coordinates in which a first set of draws is straight; None if there are none.

    The draws are of the same density, in the same coordinates as the first, which are left to
    themselves. ``again`` is whether the first were meant to be kept.
    """
    found = straight(first)
    if found is None:
        return None
    if (key, "straight") not in _compiled:
        _compiled[key, "straight"] = kernels.rewrapped(
            _compiled[key], c_functions.c_straightened, density.dimension
        )
    if _compiled[key, "straight"] is None:
        return None
    data = density.data
    data = {**data, "numbers": np.concatenate([data["numbers"], found.numbers])}
    compiled = _compiled[key, "straight"].with_data(**data)
    begin = None if start is None else lambda seed: found.straightened(start(seed))
    # Other random numbers than the first draws', from which the coordinates come.
    anew = replace(settings, seed=(settings.seed + 1 + again) % 2**32)
    draws, stats = _run_nutpie(_from(compiled, begin), anew)
    draws, log_jacobian = found.bent(draws)
    stats["lp"] = stats["lp"] - log_jacobian
    return draws, stats.assign_attrs(straightened=1, again=int(again))


def _weighed(
    key: Hashable,
    density: kernels.Density,
    settings: Sampling,
    value_and_gradient: starts.ValueAndGradient,
    draws: np.ndarray,
    stats: xr.Dataset,
) -> tuple[np.ndarray, xr.Dataset]:
    """Return draws that hold every mode by its mass (see mixing.py).

    Only where a form says that it may have modes apart: R-hat is good where no chain saw one.
    """
    size, data = density.dimension, density.data
    if (key, "windowed") not in _compiled:
        _compiled[key, "windowed"] = kernels.rewrapped(_compiled[key], c_functions.c_windowed, size)
    if _compiled[key, "windowed"] is None:
        return draws, stats
    elsewhere = []
    for number, window in enumerate(windows.windows(size, density.places, settings.seed)):
        numbers = np.concatenate([data["numbers"], window.numbers])
        compiled = _compiled[key, "windowed"].with_data(**{**data, "numbers": numbers})
        short = replace(settings, seed=(settings.seed + number) % 2**32, **_IN_WINDOW)
        held, _ = _run_nutpie(_from(compiled, window.start), short)
        elsewhere.append(held.reshape(-1, size))
    return mixing.weighed(
        lambda z: value_and_gradient(z)[0], np.concatenate(elsewhere), draws, stats, settings.seed
    )


def _run_nutpie(
    compiled: Any, settings: Sampling, adaptation: Literal["low_rank", "diag"] = "low_rank"
) -> tuple[np.ndarray, xr.Dataset]:
    import nutpie

    running: Any = nutpie.sample(
        compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.chains, settings.cores or os.cpu_count() or 1),
        seed=settings.seed,
        target_accept=settings.target_accept,
        adaptation=adaptation,
        store_unconstrained=True,
        progress_bar=False,
        return_raw_trace=True,
        blocking=False,
    )
    # Left to itself nutpie answers Ctrl-C with the draws so far, as if they were all.
    try:
        trace = running.wait()
    except RuntimeError as error:
        if "nitialization points failed" not in str(error):
            raise
        raise LawError(
            "Sampling could not begin: the density is NaN or infinite wherever a chain tried to "
            "start. If the law is your own, bs.check_law(YourLaw) says where its expr fails; "
            "otherwise look at the units of the runs and at the priors, as print(law) shows them."
        ) from error
    except BaseException:
        running.cancel()
        raise
    return _read(trace.get_arrow_trace()[1], settings)


def _from(compiled: Any, start: Callable[[int], np.ndarray] | None) -> Any:
    """Return a compiled density whose chains start where they are told."""
    return compiled if start is None else replace(compiled, initial_point_func=start)


def _climbed(
    compiled: Any, density: kernels.Density, settings: Sampling
) -> tuple[starts.ValueAndGradient | None, list[starts.Mode]]:
    """Return a density's value and gradient, where they can be asked for, and the modes found."""
    if density.elastic:
        return None, []
    value_and_gradient = kernels.caller(compiled, density)
    if value_and_gradient is None:
        return None, []
    size, seed = density.dimension, settings.seed
    return value_and_gradient, starts.modes(value_and_gradient, size, seed, settings.climbs)


def _quick(density: kernels.Density) -> bool:
    """Return whether very many values of a density can be waited for."""
    return density.data["columns"].shape[-1] <= _MOST_ROWS


#: The statistics that are kept: ArviZ's name for each, and nutpie's.
_STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "n_steps": "n_steps",
    "tree_depth": "depth",
    "reached_max_treedepth": "maxdepth_reached",
    "step_size": "step_size",
    "lp": "logp",
}


def _read(batches: Sequence[Any], settings: Sampling) -> tuple[np.ndarray, xr.Dataset]:
    """Return draws and statistics from nutpie's columns, a batch a chain, its warm-up first.

    The tree that nutpie would make of them takes as long as the draws themselves.
    """
    import pyarrow
    import xarray as xr

    kept = [batch.slice(settings.tune) for batch in batches]
    if {batch.num_rows for batch in kept} != {settings.draws}:
        raise BayescaleError("The sampler stopped before all draws were made. Please report this.")

    def column(name: str) -> np.ndarray:
        chains = [pyarrow.array(batch.column(name)) for batch in kept]
        flat = [chain.flatten() if hasattr(chain, "flatten") else chain for chain in chains]
        return np.stack([chain.to_numpy(zero_copy_only=False) for chain in flat])

    shape = (len(kept), settings.draws)
    coords = {name: np.arange(size) for name, size in zip(_DIMS, shape, strict=True)}
    stats = {name: (_DIMS, column(theirs)) for name, theirs in _STATS.items()}
    return column("unconstrained_draw").reshape(*shape, -1), xr.Dataset(stats, coords)


def compiled_count() -> int:
    """Return how many densities this process has compiled."""
    return len(_compiled)


def _run_pymc(built: pm.Model, settings: Sampling) -> tuple[np.ndarray, xr.Dataset]:
    import logging

    import pymc as pm

    logger = logging.getLogger("pymc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        tree = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=min(settings.chains, settings.cores or os.cpu_count() or 1),
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            nuts_sampler="pymc",
            progressbar=False,
            model=built,
            compute_convergence_checks=False,
        )
    finally:
        logger.setLevel(level)
    draws = tree["posterior"]["z"].transpose("chain", "draw", ...).to_numpy()
    stats = tree["sample_stats"].to_dataset()
    keep = ["diverging", "energy", "n_steps", "tree_depth", "reached_max_treedepth"]
    return draws, stats[[k for k in keep if k in stats]]
