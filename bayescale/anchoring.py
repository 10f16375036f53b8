r"""Level and floor share: what all laws with an additive floor share.

A law :math:`f(x) = E + S\,h(x)` with :math:`h(x_{ref}) = 1` may carry the prior of its floor
``irreducible`` :math:`E` on ``floor_share``, and that of its ``scale`` :math:`S` on ``level``,
``relative_scale`` or the literature's constant ``x0``. The sampler walks in the two quantities
that runs determine best and almost independently: the curve's level at the data's centre, and
the floor's share in the loss at the largest input.

Every function works on numpy arrays and on PyTensor tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

FLOOR = ("irreducible", "floor_share")
LEVEL = ("scale", "level", "relative_scale", "x0")


def drop(law: Any, shape: Mapping[str, Any], references: Mapping[str, Any]) -> Any:
    """Return the reducible loss at the largest input over that at the reference input."""
    return law.curve(
        {"x": references["x_end"]}, {"irreducible": 0.0, "scale": 1.0, **shape}, references
    )


def floor_and_scale(
    law: Any, values: Mapping[str, Any], shape: Mapping[str, Any], references: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Return irreducible and scale from whichever quantities carry their priors.

    Parameters
    ----------
    law
        A law of one input with the parameters irreducible and scale.
    values
        Quantity to value.
    shape
        The law's other parameters.
    references
        The data's references.

    Returns
    -------
    irreducible, scale
        In the units of y; scale is the reducible loss at the reference input.
    """
    y_ref = references["y_ref"]
    if "level" in values:
        return from_level(
            values["level"] * y_ref, values["floor_share"], drop(law, shape, references)
        )
    if "scale" in values:
        scale = values["scale"]
    elif "relative_scale" in values:
        scale = values["relative_scale"] * y_ref
    else:
        scale = np.exp(log_scale_of_x0(law, values["x0"], shape, references))
    if "irreducible" in values:
        return values["irreducible"], scale
    share = values["floor_share"]
    return share / (1 - share) * scale * drop(law, shape, references), scale


def from_level(level: Any, share: Any, ratio: Any) -> tuple[Any, Any]:
    """Return irreducible and scale from level, floor share and the drop of the reducible loss."""
    end = level / (share + (1 - share) / ratio)
    return share * end, (1 - share) * end / ratio


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
    elif level_quantity == "level":  # only together with floor_share
        values["level"] = level / references["y_ref"]
        log_jacobian = np.log(values["level"])
    elif level_quantity == "relative_scale":
        values["relative_scale"] = scale / references["y_ref"]
        log_jacobian = log_jacobian - np.log(references["y_ref"])
    else:
        values["x0"] = x0_of_log_scale(law, np.log(scale), shape, references)
        log_jacobian = (
            log_jacobian + np.log(values["x0"]) - np.log(shape["exponent"]) - np.log(scale)
        )
    return values, log_jacobian
