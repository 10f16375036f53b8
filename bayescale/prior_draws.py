"""What the priors of a law say of its parameters, by draws, without data or a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.coordinates import Coordinates
from bayescale.parameters import primitives, slots


def prior_draws(law: Any, references: Mapping[str, float], draws: int, seed: int) -> dict[str, Any]:
    """Return parameters drawn from the priors, in the user's units.

    Parameters
    ----------
    law
        The law; of what varies with groups, some group is drawn.
    references
        The scale of the data.
    draws
        How many.
    seed
        Same seed, same draws.

    Returns
    -------
    dict
        Parameter to array of shape (draws,); components of a parameter as a tuple of them.
    """
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for slot in (part for whole in slots(law) for part in primitives(whole)):
        if slot.prior is None:
            held = np.full(slot.size or 1, slot.value, float).tolist()
            values[slot.quantity] = held[0] if slot.size is None else tuple(held)
        else:
            shape = (slot.size or 1, draws)
            drawn = slot.prior.frozen().rvs(size=shape, random_state=rng)
            values[slot.quantity] = drawn[0] if slot.size is None else tuple(drawn)
    coordinates = Coordinates(law, law.default_likelihood())
    for slot in slots(law):
        if slot.pooled:
            values[slot.quantity] = coordinates.level_of(slot, values)

    def wide(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(wide(part) for part in value)
        return np.array(np.broadcast_to(np.asarray(value, float), (draws,)))

    natural = law.natural(values, references)
    return {name: wide(value) for name, value in natural.items()}
