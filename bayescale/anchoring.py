r"""Level, floor share and shares of terms: what all laws with a floor have in common.

Such a law is a floor ``irreducible`` :math:`E` and a reducible loss made of one term or more: each
has a ``scale``, its value at the reference inputs, and the reducible loss there is

.. math:: S = \left(\sum_i s_i^{1/k}\right)^k

where k, the law's ``join``, is 1 where terms add. The floor is added outside, or inside the same
sum where ``floor_joins``. Priors may be on the parameters themselves, or on the ``level`` (the
curve at the reference inputs), on ``floor_share`` (the floor over the curve at the largest
inputs) and on the shares of the terms in the sum: the quantities that runs determine best and
almost independently. The sampler walks in them too.

Every function works on numpy arrays and on PyTensor tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

FLOOR = ("irreducible", "floor_share")
LEVEL = ("scale", "level", "relative_scale", "x0")
#: Quantities that say how large the reducible loss is as a whole.
WHOLE = ("level", "relative_scale")


def share_of(term: str) -> str:
    """Return the name of a term's share in the sum of itself and the terms before it."""
    return f"{term.removesuffix('_scale')}_share"


def parts(law: Any, values: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return every term at the reference inputs where the reducible loss there is 1."""
    first, *others = law.terms
    rest: Any = 1.0
    found = {}
    for term in reversed(others):
        share = values[share_of(term)]
        found[term], rest = rest * share, rest * (1 - share)
    found[first] = rest
    if not others:
        return found
    power = law.join(shape)
    return {term: part**power for term, part in found.items()}


def drop(
    law: Any,
    shape: Mapping[str, Any],
    references: Mapping[str, Any],
    unit: Mapping[str, Any] | None = None,
) -> Any:
    """Return the reducible loss where the floor's share is meant over that at the reference.

    That is at the largest inputs, unless a form's reducible loss is as good as gone there.
    """
    ends = {role: references[f"{role}_{law.share_at}"] for role in law.inputs}
    terms = {"scale": 1.0} if unit is None else unit
    return law.curve(ends, {"irreducible": 0.0, **terms, **shape}, references)


def amplitudes(
    law: Any, values: Mapping[str, Any], shape: Mapping[str, Any], references: Mapping[str, Any]
) -> dict[str, Any]:
    """Return irreducible and the scale of every term from whichever quantities carry priors.

    Parameters
    ----------
    law
        A law with a floor and terms.
    values
        Quantity to value.
    shape
        The law's other parameters.
    references
        The data's references.

    Returns
    -------
    dict
        In the units of y; a scale is its term at the reference inputs.
    """
    y_ref = references["y_ref"]
    if any(name in values for name in WHOLE):
        unit = parts(law, values, shape)
        if "level" in values:
            ratio = drop(law, shape, references, unit)
            floor, whole = _from_level(law, values["level"], values["floor_share"], ratio, shape)
            floor, whole = floor * y_ref, whole * y_ref
            return {"irreducible": floor, **{t: whole * part for t, part in unit.items()}}
        whole = values["relative_scale"] * y_ref
        terms = {term: whole * part for term, part in unit.items()}
    else:
        terms = {term: _own(law, term, values, shape, references) for term in law.terms}
    if "irreducible" in values:
        return {"irreducible": values["irreducible"], **terms}
    return {"irreducible": _floor_of(law, values["floor_share"], terms, shape, references), **terms}


def _own(
    law: Any,
    term: str,
    values: Mapping[str, Any],
    shape: Mapping[str, Any],
    references: Mapping[str, Any],
) -> Any:
    """Return a term from a prior of its own."""
    if term in values:
        return values[term]
    if f"relative_{term}" in values:
        return values[f"relative_{term}"] * references["y_ref"]
    constant = next(name for name in law.carriers[term] if name in values)
    return law.from_constant(term, values[constant], shape, references)


def _from_level(
    law: Any, level: Any, share: Any, ratio: Any, shape: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Return floor and reducible loss at the reference inputs, in the units of level."""
    if not law.floor_joins:
        return from_level(level, share, ratio)
    power = law.join(shape)
    floor, whole = from_level(level ** (1 / power), share ** (1 / power), ratio ** (1 / power))
    return floor**power, whole**power


def _floor_of(
    law: Any,
    share: Any,
    terms: Mapping[str, Any],
    shape: Mapping[str, Any],
    references: Mapping[str, Any],
) -> Any:
    """Return the floor from its share in the curve at the largest inputs."""
    end = drop(law, shape, references, terms)
    if not law.floor_joins:
        return share / (1 - share) * end
    power = law.join(shape)
    joined = share ** (1 / power)
    return end * (joined / (1 - joined)) ** power


def from_level(level: Any, share: Any, ratio: Any) -> tuple[Any, Any]:
    """Return irreducible and scale from level, floor share and the drop of the reducible loss."""
    whole = level / (1 - share + share * ratio)
    return share * ratio * whole, (1 - share) * whole


def log_scale_of_x0(
    law: Any, x0: Any, shape: Mapping[str, Any], references: Mapping[str, Any]
) -> Any:
    """Return the log of the scale from the literature's constant x0."""
    return shape["exponent"] * (np.log(x0) - np.log(references["x_ref"])) + law.log_bend(
        shape, references
    )


def x0_of_log_scale(
    law: Any, log_scale: Any, shape: Mapping[str, Any], references: Mapping[str, Any]
) -> Any:
    """Return the literature's constant x0 from the log of the scale."""
    climb = (log_scale - law.log_bend(shape, references)) / shape["exponent"]
    return references["x_ref"] * np.exp(climb)


def carried(
    law: Any,
    floor: str,
    level_quantity: str,
    level: Any,
    share: Any,
    shape: Mapping[str, Any],
    references: Mapping[str, Any],
) -> tuple[dict[str, Any], Any]:
    r"""Turn (level, floor share) into the quantities that carry the priors.

    Parameters
    ----------
    law
        The law.
    floor, level_quantity
        Which quantities carry the prior of the floor and of the scale.
    level
        Curve at the reference input, in the units of y.
    share
        The floor's share in the curve at the largest input.
    shape
        The law's other parameters.
    references
        The data's references.

    Returns
    -------
    values
        Quantity to value.
    log_jacobian
        :math:`\log |\partial(\text{values}) / \partial(\text{share}, \log\text{level})|`.
    """
    if (floor, level_quantity) == ("floor_share", "level"):
        relative = level / references["y_ref"]
        return {"floor_share": share, "level": relative}, np.log(relative)
    ratio = drop(law, shape, references)
    irreducible, scale = from_level(level, share, ratio)
    if floor == "irreducible":
        values = {"irreducible": irreducible}
        end = irreducible + scale * ratio
        log_jacobian = 2 * np.log(end) - np.log(ratio)
    else:
        values = {"floor_share": share}
        log_jacobian = np.log(scale)
    if level_quantity == "scale":
        values["scale"] = scale
    elif level_quantity == "relative_scale":
        values["relative_scale"] = scale / references["y_ref"]
        log_jacobian = log_jacobian - np.log(references["y_ref"])
    else:
        values["x0"] = x0_of_log_scale(law, np.log(scale), shape, references)
        steepness = np.log(abs(shape["exponent"]))  # a signed law's first exponent may be negative
        log_jacobian = log_jacobian + np.log(values["x0"]) - steepness - np.log(scale)
    return values, log_jacobian
