"""The three regions of a learning curve: best guess, power law, floor."""

import math

import numpy as np

from bayescale import anchoring
from bayescale.forms.power_law import PowerLaw
from bayescale.forms.saturating_power_law import (
    PLATEAU_PRIOR,
    PLATEAU_QUANTITIES,
    check_plateau,
    plateau_of,
)
from bayescale.implicit import softplus
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class ThreeRegionCurve(Law):
    r"""A power law with a floor, cut off smoothly by the plateau of best guesses.

    .. math:: L(x) = \left(L_0^{-k} + P(x)^{-k}\right)^{-1/k}, \qquad
              P(x) = E + S \left(\frac{x}{x_{ref}}\right)^{-\alpha}

    As :math:`x \to 0` the loss reaches :math:`L_0`; where :math:`P \ll L_0` it is the power law
    with a floor, P. The regions are those of Hestness et al.; the smooth minimum that joins them is
    a choice of this package. Floor and scale are those of P: at infinite scale the loss is
    :math:`(L_0^{-k} + E^{-k})^{-1/k}`, just below E.

    Parameters
    ----------
    irreducible
        :math:`E`, the floor of the power law; scalar, in the units of y.
    plateau
        :math:`L_0`, the loss before anything is learned; scalar, in the units of y. By default
        the prior is on ``relative_plateau``, the plateau over the largest outcome.
    scale
        :math:`S`, reducible loss of the power law at the reference input; scalar, units of y.
    exponent
        :math:`\alpha`, slope of the reducible loss of the power law, positive = falling; scalar,
        no unit.
    sharpness
        :math:`k`, how abruptly the plateau turns into the power law, larger is sharper; scalar,
        no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.
    DataError
        If most runs lie above a plateau that is given as a number.

    References
    ----------
    Hestness et al. (2017), "Deep learning scaling is predictable, empirically", arXiv:1712.00409.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.ThreeRegionCurve(
    ...     irreducible=0.1, plateau=0.9, scale=0.3, exponent=0.5, sharpness=6.0
    ... )
    >>> law.evaluate(x=[1e-6, 1.0, 1e6]).round(3).tolist()
    [0.9, 0.399, 0.1]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    plateau: Prior | float = PLATEAU_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = EXPONENT_PRIOR
    sharpness: Prior | float = Prior("LogNormal", mu=math.log(4.0), sigma=0.5)

    formula = (
        "L(x) = (plateau^(-sharpness) + (irreducible + scale · (x/x_ref)^(-exponent))"
        "^(-sharpness))^(-1/sharpness)"
    )
    use = "Learning curves whose small runs guess and whose middle is straight on log axes."
    traps = (
        "The sharpness is known only from runs at the bend; with the plateau out of sight it is "
        "a power law with two parameters too many."
    )
    example = {"irreducible": 0.1, "plateau": 1.0, "scale": 0.3, "exponent": 0.5, "sharpness": 4.0}
    # The floor and the scale are those of the inner power law: the curve is not their sum.
    terms = ()
    target_accept = 0.97
    carriers = {
        **Law.carriers,
        "plateau": ("relative_plateau",),
    }
    bounds = {"plateau": (0.0, math.inf), "sharpness": (0.0, math.inf)}
    quantities = {
        **PLATEAU_QUANTITIES,
        "floor_share": ("no unit", "floor over the power law at the largest input"),
        "level": ("reference outcomes", "about the loss at the reference input"),
        "relative_scale": ("reference outcomes", "reducible loss of the power law there"),
    }

    def __post_init__(self):
        """Check every field; floor and scale may have the priors that a power law's may."""
        super().__post_init__()
        object.__setattr__(self, "scale", self._inner.scale)

    @property
    def _inner(self):
        return PowerLaw(irreducible=self.irreducible, scale=self.scale, exponent=self.exponent)

    @property
    def bends(self):
        """What makes the curve bend on log axes."""
        return "A plateau or a floor"

    def check(self, runs):
        """Raise where the reference outcome is above a plateau that is a number."""
        check_plateau(self, runs)

    def shape(self, values, references):
        """Return plateau, exponent and sharpness."""
        return super().shape(values, references) | plateau_of(values, references)

    def natural(self, values, references):
        """Return every parameter; what has the level is about the curve, and not the power law.

        Runs determine the curve. With u = (level/plateau)^k the power law is higher by a factor
        (1 - u)^(-1/k); its series serves here, which has no pole where the level is the plateau.
        """
        found = self.shape(values, references)
        if "level" in values:
            near = values["level"] * references["y_ref"] / found["plateau"]
            u = near ** found["sharpness"]
            above = (1 + u + u**2 + u**3) ** (1 / found["sharpness"])
            values = {**values, "level": values["level"] * above}
        shape = {"exponent": found["exponent"]}
        found |= anchoring.amplitudes(self._inner, values, shape, references)
        return {name: found[name] for name in self.example}

    @staticmethod
    def expr(x, irreducible, plateau, scale, exponent, sharpness):
        """Return the loss at x, in reference units."""
        power = irreducible + scale * x**-exponent
        over = np.log(power) - np.log(plateau)
        return power * np.exp(-softplus(sharpness * over) / sharpness)
