"""The vapour-pressure curve of the learning-curve literature."""

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class VaporPressure(Law):
    r"""A power law without a floor whose start is steeper or flatter than the rest.

    .. math:: L(x) = \exp\left(a + \frac{b}{x} + c \log x\right)
              = S \left(\frac{x}{x_{ref}}\right)^{-\alpha}
              \exp\left(b \left(\frac{1}{x} - \frac{1}{x_{ref}}\right)\right)

    The family vap3 of the learning-curve literature. For x well above :math:`|b|` it is a power
    law. With b < 0 the curve is flat or rises at first, and is largest at :math:`x = -b/\alpha`.

    Parameters
    ----------
    scale
        :math:`S`, the loss at the reference input; scalar, in the units of y.
    exponent
        :math:`\alpha = -c`, slope on log axes far from the start, positive = falling; scalar, no
        unit.
    onset
        :math:`b`, how far the start reaches, of either sign; scalar, in the units of x. By
        default the prior is on ``start_bend``, what it does to log y at the smallest input.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Viering & Loog (2023), "The shape of learning curves: a review", arXiv:2103.10948.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.VaporPressure(scale=1.0, exponent=0.5, onset=2.0)
    >>> law.evaluate(x=[1.0, 100.0]).round(4).tolist()
    [1.0, 0.0138]
    """

    scale: Prior | float = Prior("LogNormal", mu=0.0, sigma=0.5, on="relative_scale")
    exponent: Prior | float = EXPONENT_PRIOR
    onset: Prior | float = Prior("Normal", mu=0.0, sigma=0.5, on="start_bend")

    terms = ()
    carriers = {"scale": ("relative_scale",), "onset": ("start_bend",)}
    input_units = {"onset": "x"}
    quantities = {
        "relative_scale": ("reference outcomes", "loss at the reference input"),
        "start_bend": ("no unit", "onset over the smallest input: change of log y there"),
        "a": ("log units of y", "the literature's constant"),
        "b": ("units of x", "the literature's constant"),
        "c": ("no unit", "the literature's constant, negative = falling"),
    }
    formula = "L(x) = scale · (x/x_ref)^(-exponent) · exp(onset · (1/x - 1/x_ref))"
    use = "Three parameters for a curve whose smallest runs are off the line on log axes."
    traps = (
        "No floor: a pure power law far from the start. Below the smallest run exp(b/x) explodes."
    )
    example = {"scale": 1.2, "exponent": 0.3, "onset": 0.004}

    @property
    def only_falls(self) -> bool:
        """With a negative onset it rises at first."""
        return False

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes."""
        return "The start"

    def shape(self, values, references):
        """Return scale, exponent and onset."""
        found = super().shape(values, references)
        if "start_bend" in values:
            found["onset"] = values["start_bend"] * references["x_start"]
        return found

    def constants(self, parameters, references):
        """Return the literature's a, b and c."""
        onset, x_ref = parameters["onset"], references["x_ref"]
        first = np.log(parameters["scale"]) + parameters["exponent"] * np.log(x_ref)
        return {"a": first - onset / x_ref, "b": onset, "c": -parameters["exponent"]}

    @staticmethod
    def expr(x, scale, exponent, onset):
        """Return the loss at x, in reference units."""
        return scale * np.exp(onset * (1 / x - 1) - exponent * np.log(x))
