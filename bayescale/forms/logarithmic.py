"""The logarithmic curve of the learning-curve literature: a straight line in log x."""

import math

import numpy as np

from bayescale.laws import Law
from bayescale.likelihoods import Normal
from bayescale.prior import Prior
from bayescale.registry import law


@law
class Logarithmic(Law):
    r"""The outcome falls by the same amount with every factor in the input, without a floor.

    .. math:: L(x) = \ell - s \log\frac{x}{x_{ref}} = a + c \log x, \qquad c = -s,\quad
              a = \ell + s \log x_{ref}

    The family log2 of the learning-curve literature. It has no limit: beyond
    :math:`x_{ref}\, e^{\ell/s}` the outcome is negative, so noise is
    :class:`~bayescale.Normal` by default.

    Parameters
    ----------
    level
        :math:`\ell`, the outcome at the reference input; scalar, in the units of y.
    slope
        :math:`s`, by how much the outcome falls with every factor of e in the input; scalar, in
        the units of y.

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
    >>> bs.Logarithmic(level=3.0, slope=0.2).evaluate(x=100.0).round(3).item()
    2.079
    """

    level: Prior | float = Prior("Normal", mu=1.0, sigma=0.7, on="relative_level")
    slope: Prior | float = Prior("LogNormal", mu=math.log(0.1), sigma=1.2, on="relative_slope")

    terms = ()
    default_likelihood = Normal
    carriers = {"level": ("relative_level",), "slope": ("relative_slope",)}
    bounds = {
        "level": (-math.inf, math.inf),
        "relative_level": (-math.inf, math.inf),
        "slope": (0.0, math.inf),
    }
    quantities = {
        "level": ("units of y", "outcome at the reference input"),
        "relative_level": ("reference outcomes", "outcome at the reference input"),
        "slope": ("units of y per e-fold", "fall with every factor of e in the input"),
        "relative_slope": ("reference outcomes per e-fold", "fall with every factor of e"),
        "a": ("units of y", "outcome at x = 1"),
        "c": ("units of y per e-fold", "the literature's constant, negative = falling"),
    }
    formula = "L(x) = level - slope · log(x/x_ref)"
    use = "Two parameters for a short range: where a curve cannot be told from a line in log x."
    traps = (
        "No floor: it becomes negative for large x, without end. Do not extrapolate it by more "
        "than the range it was fitted on."
    )
    example = {"level": 3.0, "slope": 0.2}

    @property
    def bends(self) -> str:
        """Nothing bends: it is a line."""
        return ""

    def constants(self, parameters, references):
        """Return the literature's a and c of a + c log x."""
        slope = parameters["slope"]
        return {"a": parameters["level"] + slope * np.log(references["x_ref"]), "c": -slope}

    @staticmethod
    def expr(x, level, slope):
        """Return the outcome at x, in reference units."""
        return level - slope * np.log(x)
