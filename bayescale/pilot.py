"""Groups are sampled twice: a short pilot says in which coordinates levels are at ease.

What runs say of pooled levels (told.py) and how the quantities of one level hang together
(untangle.py) is seen at a glance first, then learned from the pilot's draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import sample, told, untangle
from bayescale.coordinates import Coordinates
from bayescale.model import Density
from bayescale.parameters import spread_slots

if TYPE_CHECKING:
    import xarray as xr

#: Of the pilot.
PILOT = {"tune": 300, "draws": 150}
_ACCEPT = 0.9
#: Of fewer levels a spread is hardly known, and steps are smaller: at least this acceptance.
FEW, CLOSER = 6, 0.97


def sampled(
    key: Hashable,
    density: Density,
    coordinates: Coordinates,
    numbers: Mapping[str, Any],
    settings: sample.Sampling,
) -> tuple[np.ndarray, xr.Dataset, Mapping[str, Any]]:
    """Sample a density of which something varies.

    Parameters
    ----------
    key, density, settings
        As for :func:`bayescale.sample.run`.
    coordinates
        Of what is fitted.
    numbers
        Of the density.

    Returns
    -------
    draws, stats
        As of :func:`bayescale.sample.run`.
    numbers
        In whose coordinates the draws are.
    """
    if not any(slot.pooled for slot in coordinates.declared):
        draws, stats = sample.run(key, density, settings)
        return draws, stats, numbers
    found = None
    if settings.sampler == "nutpie":
        numbers, found = _glanced(key, density, coordinates, numbers)
    few = {name: min(getattr(settings, name), PILOT[name]) for name in PILOT}
    short = replace(settings, **few, target_accept=min(settings.target_accept, _ACCEPT))
    first, _ = sample.run(key, replace(density, numbers=numbers), short, found)
    new = {**numbers, **told.learned(coordinates, coordinates.split(first), numbers)}
    if settings.sampler == "nutpie":
        moved = told.placed_anew(coordinates, first, numbers, new)
        found = untangle.from_draws(moved, density.blocks)
    closer = max(settings.target_accept, CLOSER if _few_levels(coordinates) else 0.0)
    # Other random numbers than the pilot's, from which the coordinates come.
    anew = replace(settings, seed=(settings.seed + 1) % 2**32, target_accept=closer)
    return *sample.run(key, replace(density, numbers=new), anew, found), new


def _glanced(
    key: Hashable, density: Density, coordinates: Coordinates, numbers: Mapping[str, Any]
) -> tuple[Mapping[str, Any], untangle.Untangled | None]:
    """Return numbers and a map that runs suggest at a glance; as they were where it fails."""
    slope = sample.slope(key, density)
    seen = None if slope is None else told.glanced_at(coordinates, slope, numbers)
    if seen is None:
        return numbers, None
    new = {**numbers, **seen[0]}
    point = told.placed_anew(coordinates, seen[1][None, None], numbers, new)[0, 0]
    slope = sample.slope(key, replace(density, numbers=new))
    assert slope is not None
    return new, untangle.from_curvature(slope, point, density.blocks)


def _few_levels(coordinates: Coordinates) -> bool:
    """Return whether a spread is to be learned from few levels."""
    return any(
        part.prior is not None and coordinates.levels_in(column) < FEW
        for slot in coordinates.declared
        if slot.pooled
        for column, part in zip(slot.by, spread_slots(slot), strict=True)
    )
