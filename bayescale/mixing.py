"""Whether chains agree, and what is done where they sit in modes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayescale import modes, starts, tempering
from bayescale.convergence import ESS, RHAT, rhat_and_ess

if TYPE_CHECKING:
    import xarray as xr

#: Coordinates have more effective draws than what follows from them: how many times the least.
SPARE = 1.25
#: Draws that stand for a mode that was found before chains started, for each coordinate.
_STAND_IN = 20
#: Members of a population that looks for modes.
_SCOUTS = 200
_DIMS = ("chain", "draw")


def judged(draws: np.ndarray) -> tuple[float, bool]:
    """Return the largest R-hat of all coordinates, and whether the draws are enough."""
    rhat, bulk, _ = rhat_and_ess(np.moveaxis(draws, -1, 0))
    if draws.shape[0] == 1:
        rhat = np.ones(len(bulk))
    rhat, bulk = np.nan_to_num(rhat, nan=np.inf), np.nan_to_num(bulk)
    return float(rhat.max()), bool(rhat.max() < RHAT and bulk.min() > SPARE * ESS)


def modes_by_mass(
    value_and_gradient: starts.ValueAndGradient, size: int, seed: int
) -> list[starts.Mode]:
    """Return the modes in which members of a population from the prior end up.

    A climb goes to the mode with the widest slopes, however little it holds; a population comes
    to where the mass is.

    Parameters
    ----------
    value_and_gradient
        The density to be sampled, whose prior is about standard normal.
    size
        Of a point.
    seed
        Same seed, same modes.
    """
    rng = np.random.default_rng([seed, 23])
    prior = rng.standard_normal((_SCOUTS, size))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = tempering.tempered(lambda z: value_and_gradient(z)[0], prior, rng, _SCOUTS)
    return [] if found is None else starts.modes_under(value_and_gradient, found.points)


def weighed(
    value_and_gradient: starts.ValueAndGradient,
    tops: Sequence[starts.Mode],
    draws: np.ndarray,
    stats: xr.Dataset,
    seed: int | None,
) -> tuple[np.ndarray, xr.Dataset]:
    """Return draws that hold every mode by its mass, and say of each which mode it is in.

    Parameters
    ----------
    value_and_gradient
        The sampled density.
    tops
        The modes that were found before chains started.
    draws, stats
        Of NUTS: draws of shape (chain, draw, d).
    seed
        For chains by way of a tempered population (see tempering.py), where those of NUTS do not
        agree or a tenable mode was not visited; None for no other chains.

    Returns
    -------
    draws, stats
        NUTS's, or the other chains' where these are enough or agree better; the statistic ``mode``
        where draws agree and lie in several modes apart.
    """

    def density(point: np.ndarray) -> float:
        return value_and_gradient(point)[0]

    worst, _ = judged(draws)
    missing = starts.unvisited(tops, draws)
    if seed is not None and (worst >= RHAT or missing):
        known = np.concatenate([draws.reshape(-1, draws.shape[-1]), *_standing_in(tops, seed)])
        chains, length, _ = draws.shape
        made = tempering.mixed(density, known, chains, length, [seed, 19])
        if made is not None:
            others, log_p, about = made
            worst_of_others, enough = judged(others)
            if enough or worst_of_others < worst:
                draws, stats, worst = others, _as_stats(log_p, about), worst_of_others
    # What does not agree says nothing of how much each mode holds.
    if worst < RHAT and ("tempered" in stats.attrs or len(starts.tenable(tops)) > 1):
        mode = modes.modes_of(draws, stats["lp"].to_numpy(), density)
        if mode.any():
            stats = stats.assign(mode=(_DIMS, mode))
    return draws, stats


def _standing_in(tops: Sequence[starts.Mode], seed: int) -> list[np.ndarray]:
    """Return draws of the Gaussian stand-ins of modes, also of those where no chain was."""
    rng = np.random.default_rng([seed, 17])
    size = len(tops[0].point) if tops else 0
    shape = _STAND_IN * size, size
    return [mode.point + rng.standard_normal(shape) @ mode.spread.T for mode in tops]


def _as_stats(log_p: np.ndarray, about: dict[str, float]) -> xr.Dataset:
    """Return what is known of draws that no trajectory led to."""
    import xarray as xr

    coords = {name: np.arange(size) for name, size in zip(_DIMS, log_p.shape, strict=True)}
    steps = np.full(log_p.shape, int(about["steps"]))
    never = np.zeros(log_p.shape, bool)
    stats = {"lp": log_p, "diverging": never, "n_steps": steps}
    attrs = {"tempered": 1, "again": 1, "accepted": about["accepted"]}
    return xr.Dataset({name: (_DIMS, value) for name, value in stats.items()}, coords, attrs)
