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
    values = quantities(law, draws, np.random.default_rng(seed))
    coordinates = Coordinates(law, law.default_likelihood())
    for slot in slots(law):
        if slot.pooled:
            values[slot.quantity] = coordinates.level_of(slot, values)
    natural = law.natural(values, references)
    return {name: wide(value, draws) for name, value in natural.items()}


def quantities(spec: Any, draws: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return draws of what carries the priors of a law or a likelihood.

    Parameters
    ----------
    spec
        A law or a likelihood; of what varies with groups, some group is drawn.
    draws
        How many.
    rng
        Random numbers.

    Returns
    -------
    dict
        Quantity to array of shape (draws,), or a number where it is fixed; components as a tuple.
    """
    values: dict[str, Any] = {}
    for slot in (part for whole in slots(spec) for part in primitives(whole)):
        if slot.prior is None:
            held = np.full(slot.size or 1, slot.value, float).tolist()
            values[slot.quantity] = held[0] if slot.size is None else tuple(held)
        else:
            shape = (slot.size or 1, draws)
            drawn = slot.prior.frozen().rvs(size=shape, random_state=rng)
            values[slot.quantity] = drawn[0] if slot.size is None else tuple(drawn)
    return values


def drawn(
    law: Any, likelihood: Any, references: Mapping[str, float], draws: int, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return draws from the priors of a law and a likelihood without groups.

    Parameters
    ----------
    law, likelihood
        The description.
    references
        The scale of the data.
    draws, rng
        How many, and random numbers.

    Returns
    -------
    quantities, parameters, noise
        Each name to array of shape (draws,); components as a tuple.
    """
    coordinates = Coordinates(law, likelihood)
    values = quantities(law, draws, rng) | quantities(likelihood, draws, rng)
    groups = (values, *coordinates.natural(values, coordinates.numbers(references)))
    first, second, third = (
        {name: wide(value, draws) for name, value in group.items()} for group in groups
    )
    return first, second, third


def wide(value: Any, draws: int) -> Any:
    """Return a quantity as an array of shape (draws,), or a tuple of them."""
    if isinstance(value, tuple):
        return tuple(wide(part, draws) for part in value)
    return np.array(np.broadcast_to(np.asarray(value, float), (draws,)))
