"""The shifted power law: floor and power law join smoothly as roots."""

import numpy as np

from bayescale.implicit import softplus
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class ShiftedPowerLaw(Law):
    r"""Loss falls as a power of x until 1/x is lost in a constant (M3 of Alabdulmohsin et al.).

    .. math:: L(x) = \beta \left(\frac{1}{x} + \gamma\right)^{c}
              = \left(E^{1/c} + S^{1/c} \frac{x_{ref}}{x}\right)^{c}

    As :math:`x \to \infty` it reaches :math:`E = \beta \gamma^c`; for :math:`x \ll 1/\gamma` it is
    the pure power law. Floor and power law are joined as roots and not added: the curve leaves its
    straight line on log axes later, and then bends more sharply, than a power law with a floor.
    The paper prints the exponent with the other sign; here :math:`c > 0`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`S = \beta x_{ref}^{-c}`, the loss at the reference input if there were no floor;
        scalar, in the units of y.
    exponent
        :math:`c`, slope of the power law on log axes, positive = falling; scalar, no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Alabdulmohsin, Neyshabur and Zhai (2022), "Revisiting neural scaling laws in language and
    vision", arXiv:2209.06640.

    Examples
    --------
    >>> import bayescale as bs
    >>> beta, gamma, c = 2.0, 1e-4, 0.3
    >>> law = bs.ShiftedPowerLaw(irreducible=beta * gamma**c, scale=beta, exponent=c)
    >>> law.evaluate(x=1e3).round(6).item()
    0.259088
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = EXPONENT_PRIOR

    formula = "L(x) = (irreducible^(1/exponent) + scale^(1/exponent) · x_ref/x)^exponent"
    use = "A curve that is straight on log axes for long and then flattens within a decade or two."
    traps = (
        "Where the floor is not in sight yet, it says little of it; the exponent is that of the "
        "straight part, and not the slope at the largest input."
    )
    example = {"irreducible": 0.5, "scale": 0.9, "exponent": 0.3}
    floor_joins = True

    def join(self, shape):
        """Return the exponent: floor and power law add as its roots."""
        return shape["exponent"]

    def constants(self, parameters, references):
        """Return beta, gamma and the exponent, and the floor."""
        floor, scale, c = (parameters[n] for n in ("irreducible", "scale", "exponent"))
        with np.errstate(over="ignore", under="ignore"):
            beta = scale * references["x_ref"] ** c
            gamma = (floor / scale) ** (1 / c) / references["x_ref"]
        return {"irreducible": floor, "beta": beta, "gamma": gamma, "exponent": c}

    @staticmethod
    def expr(x, irreducible, scale, exponent):
        """Return the loss at x, in reference units."""
        log_x = np.log(x)
        log_ratio = np.log(irreducible + 1e-300) - np.log(scale)
        return scale * np.exp(exponent * (softplus(log_ratio / exponent + log_x) - log_x))
