"""The power law with a floor."""

import math
from dataclasses import InitVar

from bayescale.laws import FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class PowerLaw(Law):
    r"""Loss falls as a power of one input, towards a floor.

    .. math:: L(x) = L_\infty + S \left(\frac{x}{x_{ref}}\right)^{-\alpha}
              = L_\infty + \left(\frac{x_0}{x}\right)^{\alpha}

    As :math:`x \to \infty` the loss reaches :math:`L_\infty`; with ``irreducible=0.0`` it is the
    pure power law, a straight line on log axes.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y.
        By default its share in the loss at the largest input is uniform.
    scale
        :math:`S`, the reducible loss at the reference input :math:`x_{ref}` (the geometric mean
        of the inputs); scalar, in the units of y.
    exponent
        :math:`\alpha`, slope of the reducible loss on log axes, positive = falling; scalar, no
        unit.
    x0
        :math:`x_0`, the literature's constant, in the units of x: another name of the scale,
        :math:`S = (x_0/x_{ref})^\alpha`. Give one of the two.

    Raises
    ------
    LawError
        If both scale and x0 are given, or a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Hestness et al. (2017), arXiv:1712.00409; Kaplan et al. (2020), arXiv:2001.08361; Henighan et
    al. (2020), arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Beta", alpha=2, beta=5)).irreducible
    0.0
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = Prior("LogNormal", mu=math.log(0.25), sigma=0.94)
    x0: InitVar[Prior | float | None] = None

    formula = "L(x) = irreducible + scale · (x/x_ref)^(-exponent)"
    example = {"irreducible": 1.7, "scale": 1.2, "exponent": 0.3}

    @staticmethod
    def expr(x, irreducible, scale, exponent):
        """Return the loss at x, in reference units."""
        return irreducible + scale * x**-exponent
