"""Which quantity carries the prior of each of a law's parameters, settled once as it is made.

Functions take a law whose fields are set, and set those anew that do not stand as they were given.
"""

from __future__ import annotations

from typing import Any

from bayescale import anchoring
from bayescale.default_priors import LEVEL_PRIOR, REDUCIBLE_PRIOR, TERM_PRIOR, WHOLE_PRIOR
from bayescale.errors import LawError, PriorError
from bayescale.parameters import checked_value, parameter_names, slots
from bayescale.pooling import Varying
from bayescale.prior import Fixed, Prior, elicited, one_or_all


def take_constants(law: Any, constants: dict[str, Any]) -> None:
    """Check every field; a constant of the literature becomes a prior of its parameter."""
    for name, given in constants.items():
        if given is not None:
            _take_constant(law, name, given)
    for name in parameter_names(law):
        object.__setattr__(law, name, checked_value(law, name, getattr(law, name)))


def _take_constant(law: Any, name: str, given: Prior | float) -> None:
    field_name = next(f for f, others in law.carriers.items() if name in others)
    if getattr(law, field_name) != law.default_of(field_name):
        raise LawError(
            f"{type(law).__name__} got both {field_name}= and {name}=, which are the same "
            "parameter in two units. Give one of them."
        )
    if isinstance(given, Varying):
        raise PriorError(
            f"{type(law).__name__}({name}=) has no prior of its own that could vary by "
            f"{one_or_all(given.by)!r}. Give one: bs.partial_pooling(bs.Prior(...), by=...)."
        )
    given = Prior(given) if elicited(given) else given
    number = given if isinstance(given, Prior) else checked_value(law, field_name, given, name)
    value = number.placed_on(name) if isinstance(number, Prior) else Fixed(number, name)
    object.__setattr__(law, field_name, value)


def settle_terms(law: Any) -> None:
    """Terms share a level, which stands on the floor's share, or each has its own prior."""
    floor = getattr(law, "irreducible", None)
    if not law.terms or floor is None:
        return
    first, *others = law.terms
    carried = {slot.field: slot.quantity for slot in slots(law)}
    shared = {*anchoring.WHOLE, *map(anchoring.share_of, others)}
    alone = [term for term in law.terms if carried[term] not in shared]
    if others and alone:
        _set_apart(law, alone, carried)
    if carried["irreducible"] == "floor_share":
        return
    if carried[first] == "level" and first not in alone:
        given = getattr(law, first)
        if _shared(given) != LEVEL_PRIOR:
            raise LawError(
                f"A prior of {first} on 'level' needs the floor's prior on 'floor_share'; here "
                f"irreducible={floor!r}. Put the prior on the scale itself, "
                "or leave out one."
            )
        prior = WHOLE_PRIOR if floor == 0.0 else REDUCIBLE_PRIOR
        object.__setattr__(law, first, prior.varying_as(given))


def _set_apart(law: Any, alone: list[str], carried: dict[str, str]) -> None:
    """Give every term a prior of its own, since one of them has such a one."""
    for term in set(law.terms) - set(alone):
        given = getattr(law, term)
        if _shared(given) != law.default_of(term):
            raise LawError(
                f"{type(law).__name__} has {alone[0]} with a prior of its own and {term} with one "
                f"on {carried[term]!r}, which is about all terms together. Put every term's "
                "prior on the term itself, or leave both out."
            )
        own = TERM_PRIOR.placed_on(f"relative_{term}").varying_as(given)
        object.__setattr__(law, term, own)


def _shared(value: Any) -> Any:
    """Return a prior as it would be if it varied with no column."""
    return value.shared if isinstance(value, Prior) else value
