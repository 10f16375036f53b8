"""Slots: what is uncertain and what is fixed in a law or a likelihood, read from its fields.

A field is a parameter and its value is its prior. A slot says which *quantity* carries that
prior (the parameter itself, or another quantity it follows from), and how many components the
quantity has (one for each break, say).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from bayescale.errors import PriorError, nearest
from bayescale.given import one_number, short
from bayescale.pooling import Varying
from bayescale.prior import Fixed, Prior, elicited


@dataclass(frozen=True)
class Slot:
    """One parameter of a law or likelihood, and the quantity that is believed or fixed.

    Parameters
    ----------
    field
        The parameter's name.
    quantity
        The quantity that carries the prior or the number; often the parameter itself.
    prior
        Its prior, or None where it is fixed.
    value
        The number or numbers it is fixed at, or None where it has a prior.
    size
        How many components it has, or None for a scalar.
    """

    field: str
    quantity: str
    prior: Prior | None
    value: float | tuple[float, ...] | None
    size: int | None

    @property
    def by(self) -> tuple[str, ...]:
        """The columns with whose levels the quantity varies."""
        return () if self.prior is None else self.prior.by

    @property
    def pooled(self) -> bool:
        """Whether those levels learn from each other."""
        return self.prior is not None and self.prior.pooled

    @property
    def _edges(self) -> tuple[float | None, ...]:
        """Where the prior ends, for edges at which coordinates depend on it."""
        assert self.prior is not None
        return tuple(edge if edge in _NATURAL else None for edge in self.prior.support)

    @property
    def signature(self) -> tuple:
        """What of this slot the compiled model depends on: everything but numbers."""
        if self.prior is None:
            return self.field, self.quantity, "fixed", self.size
        names = tuple(name for name, _ in self.prior.arguments)
        own = self.field, self.quantity, self.prior.distribution, names, self._edges, self.size
        if not self.by:
            return own
        return *own, self.by, tuple(part.signature for part in spread_slots(self))


#: Edges at which quantities end of themselves. A prior that ends elsewhere has a hard edge, and the
#: sampler other coordinates.
_NATURAL = (-math.inf, 0.0, 1.0, math.inf)


def population(quantity: str) -> str:
    """Return the name of the middle of a pooled quantity's population."""
    return f"{quantity}_population"


def spread(slot: Slot, column: str) -> str:
    """Return the name of how far a pooled quantity's levels of a column lie apart."""
    return f"{slot.quantity}_spread" + (f"_{column}" if len(slot.by) > 1 else "")


def offset(slot: Slot, column: str) -> str:
    """Return the name of where the levels of a column lie, in units of their spread."""
    return f"{slot.quantity}_offset" + (f"_{column}" if len(slot.by) > 1 else "")


def spread_slots(slot: Slot) -> list[Slot]:
    """Return a slot for the spread of each column of a pooled quantity."""
    found = []
    for column, given in zip(slot.by, slot.prior.spread if slot.prior else (), strict=False):
        prior, value = (given, None) if isinstance(given, Prior) else (None, given)
        found.append(Slot(slot.field, spread(slot, column), prior, value, None))
    return found


def primitives(slot: Slot) -> list[Slot]:
    """Return the slots that have priors of their own: of a pooled one, all that it is made of.

    The middle of its population, the spread of each column, and where each level lies in units
    of it.
    """
    if slot.prior is None or not slot.pooled:
        return [slot]
    middle = replace(slot, quantity=population(slot.quantity), prior=slot.prior.shared)
    offsets = [
        replace(
            slot, quantity=offset(slot, column), prior=Prior("Normal", by=column, mu=0.0, sigma=1.0)
        )
        for column in slot.by
    ]
    return [middle, *spread_slots(slot), *offsets]


def own_parameter_names(spec: Any) -> list[str]:
    """Return the fields of a law or likelihood (class or instance) that are its own parameters."""
    others = ("option", "column", "part", "choice", "new_runs")
    return [f.name for f in fields(spec) if not any(f.metadata.get(kind) for kind in others)]


def parameter_names(spec: Any) -> list[str]:
    """Return the parameters of a law or likelihood; of an instance, its parts' first."""
    return [name for _, name in _owned(spec)]


def _owned(spec: Any) -> list[tuple[Any, str]]:
    """Return every parameter with the record that holds it: the spec, or a part of it."""
    parts = [] if isinstance(spec, type) else [getattr(spec, name) for name in part_names(spec)]
    inner = [pair for part in parts for pair in _owned(part)]
    return inner + [(spec, name) for name in own_parameter_names(spec)]


def part_names(spec: Any) -> list[str]:
    """Return the fields that hold another record, such as the likelihood that is wrapped."""
    return [f.name for f in fields(spec) if f.metadata.get("part")]


def column_names(spec: Any) -> list[str]:
    """Return the fields that name a column of the user's table."""
    return [f.name for f in fields(spec) if f.metadata.get("column")]


def options(spec: Any) -> dict[str, Any]:
    """Return the fields that are options of the form and not parameters, with their values."""
    return {f.name: getattr(spec, f.name) for f in fields(spec) if f.metadata.get("option")}


def choices(spec: Any) -> dict[str, Any]:
    """Return the fields that choose between ways of the same record, in words."""
    return {f.name: getattr(spec, f.name) for f in fields(spec) if f.metadata.get("choice")}


def slots(spec: Any) -> list[Slot]:
    """Return a slot for each parameter of a law or likelihood, in the order of its fields."""
    found = []
    for owner, name in _owned(spec):
        sizes: Mapping[str, int] = getattr(owner, "sizes", {})
        value, size = getattr(owner, name), sizes.get(name)
        if isinstance(value, Prior):
            found.append(Slot(name, value.on or name, value, None, size))
        elif isinstance(value, Fixed):
            found.append(Slot(name, value.on, None, value.value, size))
        else:
            found.append(Slot(name, name, None, value, size))
    return found


def signature(spec: Any) -> tuple:
    """Return what a compiled model depends on: the form, its options, its prior families."""
    return (
        type(spec).__name__,
        tuple(options(spec).items()),
        tuple(choices(spec).items()),
        tuple(getattr(spec, name) is not None for name in column_names(spec)),
        tuple(signature(getattr(spec, name)) for name in part_names(spec)),
        tuple(slot.signature for slot in slots(spec)),
    )


def checked_value(spec: Any, name: str, value: Any, called: str | None = None) -> Any:
    """Check what was given for one parameter, and return it as a prior or as plain numbers.

    Parameters
    ----------
    spec
        The law or likelihood, for its ``bounds``, ``carriers`` and ``sizes``.
    name
        The parameter.
    value
        What was given: a prior, a number, or for a parameter with components a sequence.
    called
        The literature's constant that was given in place of the parameter.

    Returns
    -------
    Prior, Fixed, float or tuple of float
        The same, checked.

    Raises
    ------
    PriorError
        If it is none of these, lies outside the parameter's bounds, or is a prior on a
        quantity that this parameter does not follow from.
    """
    owner = f"{type(spec).__name__}({called or name}=)"
    value = Prior(value) if elicited(value) else value
    if isinstance(value, Varying):
        value = _own_prior(spec, name, owner).varying_as(value)
    if isinstance(value, Prior | Fixed):
        quantity = value.on or name
        allowed = (name, *spec.carriers.get(name, ()))
        if quantity not in allowed:
            raise PriorError(
                f"{owner}: a prior here may be on {', '.join(map(repr, allowed))}; "
                f"got on={quantity!r}.{nearest(quantity, allowed)}"
            )
        low, high = spec.bounds_of(quantity)
        inside = value.support if isinstance(value, Prior) else (value.value, value.value)
        if inside[0] < low or inside[1] > high:
            raise PriorError(
                f"{owner}: {quantity} lies in ({low:g}, {high:g}), but the prior allows "
                f"({inside[0]:g}, {inside[1]:g}). Use a distribution that stays inside, such as "
                f"{_suggestion(low, high)}."
            )
        return value
    numbers = _numbers(owner, value, spec.sizes.get(name) if hasattr(spec, "sizes") else None)
    low, high = spec.bounds_of(called or name)
    may_vanish = name == "irreducible" or name.endswith("offset")
    may_vanish = may_vanish or name in getattr(spec, "may_vanish", ())
    for number in numbers if isinstance(numbers, tuple) else (numbers,):
        if not low <= number <= high or (number == low == 0 and not may_vanish):
            raise PriorError(f"{owner} must lie in ({low:g}, {high:g}); got {number:g}.")
    return numbers


def _own_prior(spec: Any, name: str, owner: str) -> Prior:
    """Return the prior that a parameter has by default."""
    own = spec.default_of(name)
    if not isinstance(own, Prior):
        raise PriorError(
            f"{owner} is fixed at {own!r} by default, so there is no prior that could vary. Give "
            "one: bs.partial_pooling(bs.Prior(...), by=...)."
        )
    return own


def columns_by(*specs: Any) -> tuple[str, ...]:
    """Return the columns with whose levels anything of a law or a likelihood varies, in order."""
    named = [column for spec in specs for slot in slots(spec) for column in slot.by]
    return tuple(dict.fromkeys(named))


def ungrouped(spec: Any) -> Any:
    """Return a law or a likelihood of which nothing varies with any column."""
    changed: dict[str, Any] = {name: ungrouped(getattr(spec, name)) for name in part_names(spec)}
    for name in own_parameter_names(spec):
        value = getattr(spec, name)
        if isinstance(value, Prior) and value.by:
            changed[name] = value.shared
    return replace(spec, **changed) if changed else spec


def _numbers(owner: str, value: Any, size: int | None) -> float | tuple[float, ...]:
    expected = "a bs.Prior or a number" + (f" ({size} numbers, one a break)" if size else "")
    if size is not None and isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != size:
            raise PriorError(
                f"{owner} needs {size} numbers, one for each break; got {short(value)}."
            )
        return tuple(_number(owner, item, expected) for item in value)
    number = _number(owner, value, expected)
    return number if size is None else (number,) * size


def _number(owner: str, value: Any, expected: str) -> float:
    number = one_number(value)
    if number is None:
        raise PriorError(f"{owner} takes {expected}; got {short(value)}.")
    if not math.isfinite(number):
        raise PriorError(f"{owner} must be finite; got {short(value)}.")
    return number


def _suggestion(low: float, high: float) -> str:
    if (low, high) == (0.0, 1.0):
        return "Beta or Uniform(lower=0, upper=1)"
    if low == 0.0:
        return "LogNormal, HalfNormal, Gamma or TruncatedNormal(lower=0)"
    return f"Uniform(lower={low:g}, upper={high:g})"
