"""The inverse logarithm of the learning-curve literature: a floor reached more slowly than any."""

import math
from typing import Any

import numpy as np

from bayescale.errors import DataError, LawError
from bayescale.laws import FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.parameters import slots
from bayescale.prior import Prior
from bayescale.registry import law

#: In place of a log distance of zero or less: there the loss exceeds every bound.
_NOTHING = 1e-200
#: The smallest log of the origin.
_DEEPEST = -600.0


@law
class InverseLogarithm(Law):
    r"""Loss falls as one over the logarithm of the input, towards a floor.

    .. math:: L(x) = E + S\,\frac{\log(x_{ref}/x_0)}{\log(x/x_0)}

    With ``origin=1.0`` it is the family ilog2 of the learning-curve literature,
    :math:`c + a/\log x`, which depends on the unit of x; by default the origin is estimated. The
    loss grows without bound where x comes down to the origin, and has no meaning below (there
    it is given as about 1e200). The floor is approached more slowly than by any power of x.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`S`, reducible loss at the reference input; scalar, in the units of y.
    origin
        :math:`x_0`, where the loss would be infinite; scalar, in the units of x. It must lie below
        every input. By default the prior is on ``origin_depth``, how far down it lies.

    Raises
    ------
    DataError
        If an input does not exceed the origin; the message names the rows.
    LawError
        If a parameter is unknown, or a law of numbers has its origin at x = 1 or above, where its
        scale would stand.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Viering & Loog (2023), "The shape of learning curves: a review", arXiv:2103.10948.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.InverseLogarithm(irreducible=0.1, scale=0.5, origin=0.01)
    >>> law.evaluate(x=100.0).round(3).item()
    0.35
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    origin: Prior | float = Prior("LogNormal", mu=0.0, sigma=1.0, on="origin_depth")

    # No x0: there is no power of which the reducible loss would be one.
    carriers = {
        **Law.carriers,
        "scale": ("level", "relative_scale"),
        "origin": ("origin_depth",),
    }
    bounds = {"origin": (0.0, math.inf), "origin_depth": (0.0, math.inf)}
    input_units = {"origin": "x"}
    quantities = {
        "origin": ("units of x", "where the loss would be infinite"),
        "origin_depth": (
            "spans of log x",
            "log distance from the origin to the smallest input, over that from the smallest to "
            "the largest",
        ),
        "c": ("units of y", "the floor"),
        "a": ("units of y", "reducible loss one e-fold above the origin"),
    }
    formula = "L(x) = irreducible + scale · log(x_ref/origin) / log(x/origin)"
    use = "Curves that fall more slowly than a power law: nearly straight in log x, and still bent."
    traps = (
        "Without bound at the origin, and no meaning below. With origin=1.0 the fit depends on the "
        "unit of x. The floor is so far away that runs hardly determine it."
    )
    example = {"irreducible": 1.0, "scale": 2.0, "origin": 1e-4}

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes."""
        return "The logarithm"

    @property
    def numbers(self):
        """Every parameter of a law that is fixed at numbers; its scale is at x = 1."""
        found = super().numbers
        if found["origin"] >= 1.0:
            raise LawError(
                "InverseLogarithm(scale=) is the reducible loss at x = 1 in a law of numbers, so "
                f"origin= must be below 1; got {found['origin']:g}. Count x in a larger unit."
            )
        return found

    def shape(self, values, references):
        """Return the origin."""
        if "origin_depth" not in values:
            return super().shape(values, references)
        start = np.log(references["x_start"])
        span = np.log(references["x_end"]) - start
        log_origin = start - span * values["origin_depth"]
        # The larger of this and a number that does not underflow: that deep, it is a line in log x.
        return {"origin": np.exp((log_origin + _DEEPEST + abs(log_origin - _DEEPEST)) / 2)}

    def check(self, runs):
        """Raise a DataError for inputs that do not exceed the origin."""
        (slot,) = (slot for slot in slots(self) if slot.field == "origin")
        if slot.quantity != "origin":
            return
        top: Any = slot.value if slot.prior is None else slot.prior.support[1]
        bad = runs.inputs["x"] <= top
        if bad.any():
            shown = ", ".join(f"{x:g}" for x in runs.inputs["x"][bad][:5])
            rows = ", ".join(map(str, np.flatnonzero(bad)[:5]))
            name = runs.columns["x"]
            raise DataError(
                f"InverseLogarithm needs {name!r} above the origin, which may be as large as "
                f"{top:g}; got {shown} in rows {rows} (counted from 0). Give a smaller origin= (a "
                "number, or a prior that ends below the smallest input), or leave it out."
            )

    def constants(self, parameters, references):
        """Return the literature's c and a of c + a / log(x/origin), and the origin."""
        depth = np.log(references["x_ref"]) - np.log(parameters["origin"])
        floor, origin = parameters["irreducible"], parameters["origin"]
        return {"c": floor, "a": parameters["scale"] * depth, "origin": origin}

    @staticmethod
    def expr(x, irreducible, scale, origin):
        """Return the loss at x, in reference units; beyond all bounds up to the origin."""
        depth = np.log(x) - np.log(origin)
        above = (depth + abs(depth)) / 2 + _NOTHING
        return irreducible - scale * np.log(origin) / above
