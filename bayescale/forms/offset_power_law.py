"""The offset power law: a power of the input plus a constant."""

import math

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class OffsetPowerLaw(Law):
    r"""Loss falls as a power of x plus an offset (pow4 of the learning-curve literature).

    .. math:: L(x) = E + S \left(\frac{x + s}{x_{ref} + s}\right)^{-\alpha}
              = E + A (x + s)^{-\alpha}

    For :math:`x \gg s` it is the power law with a floor; as :math:`x \to 0` it flattens at
    :math:`E + A s^{-\alpha}`, as if s had been learned from before. With
    ``irreducible=0.0`` and the loss of another task as x it is the saturating quality score of
    machine translation, :math:`c\,(L + s)^{-p}`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`S`, reducible loss at the reference input; scalar, in the units of y.
    exponent
        :math:`\alpha`, slope of the reducible loss on log axes for x far above the offset,
        positive = falling; scalar, no unit.
    offset
        :math:`s`, what is added to the input; scalar, units of x. By default the prior is on
        ``relative_offset``, the offset over the smallest input.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Viering and Loog (2023), "The shape of learning curves: a review", arXiv:2103.10948; Ghorbani
    et al. (2021), "Scaling laws for neural machine translation", arXiv:2109.07740.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.OffsetPowerLaw(irreducible=0.1, scale=0.9, exponent=0.5, offset=3.0)
    >>> law.evaluate(x=[1.0, 13.0]).round(3).tolist()
    [1.0, 0.55]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = EXPONENT_PRIOR
    offset: Prior | float = Prior("LogNormal", mu=0.0, sigma=1.5, on="relative_offset")

    formula = "L(x) = irreducible + scale · ((x + offset)/(x_ref + offset))^(-exponent)"
    use = "A learning curve that starts slowly: its smallest runs lie below the line of the others."
    traps = (
        "An offset beyond most inputs trades off with the exponent: then only the local slope "
        "is determined, and the forecast follows the priors."
    )
    example = {"irreducible": 0.2, "scale": 0.6, "exponent": 0.5, "offset": 0.05}
    carriers = {
        "irreducible": Law.carriers["irreducible"],
        "scale": ("level", "relative_scale"),
        "offset": ("relative_offset",),
    }
    bounds = {"offset": (0.0, math.inf)}
    input_units = {"offset": "x"}
    quantities = {"relative_offset": ("smallest inputs", "offset over the smallest input")}

    def shape(self, values, references):
        """Return exponent and offset."""
        found = super().shape(values, references)
        if "relative_offset" in values:
            found["offset"] = values["relative_offset"] * references["x_start"]
        return found

    def constants(self, parameters, references):
        """Return the coefficient A too, in the units of y · x^exponent."""
        with np.errstate(over="ignore"):
            shifted = (references["x_ref"] + parameters["offset"]) ** parameters["exponent"]
        return {**parameters, "A": parameters["scale"] * shifted}

    @staticmethod
    def expr(x, irreducible, scale, exponent, offset):
        """Return the loss at x, in reference units."""
        return irreducible + scale * ((x + offset) / (1 + offset)) ** -exponent
