"""The stretched exponential: exponential, Weibull and Janoschek curves."""

import math

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class StretchedExponential(Law):
    r"""Loss falls exponentially in a power of x, towards a floor (exp4, Weibull, Janoschek).

    .. math:: L(x) = E + S \exp\left(-\lambda \left[(x/x_{ref})^d - 1\right]\right)
              = E + b\,e^{-a x^d}

    As :math:`x \to \infty` it reaches :math:`E` faster than any power law, as :math:`x \to 0` the
    plateau :math:`E + b`. ``stretch=1.0`` is the exponential (exp3). As :math:`d \to 0` with
    :math:`\lambda d` held it becomes the power law of exponent :math:`\lambda d`, the slope of the
    reducible loss at the reference input. The downstream error as a function of the loss,
    :math:`\mathrm{err} = \epsilon - k e^{-\gamma L}`, is it with a ceiling of 1:
    ``StretchedExponential(stretch=1.0).fit(runs, y="error", x="loss", ceiling=1.0)``, where
    :math:`E = 1 - \epsilon`, :math:`b = k` and :math:`a = \gamma`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`S`, reducible loss at the reference input; scalar, in the units of y.
    rate
        :math:`\lambda = a x_{ref}^d`, the rate in reference inputs; scalar, no unit. By default
        the prior is on ``local_exponent``, :math:`\lambda d`.
    stretch
        :math:`d`, the power of the input in the exponent; scalar, no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Viering and Loog (2023), "The shape of learning curves: a review", arXiv:2103.10948; Gadre et
    al. (2024), "Language models scale reliably with over-training and on downstream tasks",
    arXiv:2403.08540.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.StretchedExponential(irreducible=0.1, scale=0.9, rate=0.5, stretch=1.0)
    >>> law.evaluate(x=[1.0, 3.0, 5.0]).round(4).tolist()
    [1.0, 0.4311, 0.2218]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    rate: Prior | float = EXPONENT_PRIOR.placed_on("local_exponent")
    stretch: Prior | float = Prior("LogNormal", mu=math.log(0.3), sigma=0.8)

    formula = "L(x) = irreducible + scale · exp(-rate · ((x/x_ref)^stretch - 1))"
    use = "Curves that reach their floor within the runs: epochs of one training, small data sets."
    traps = (
        "It forecasts that nothing is left to gain: where the truth is a power law, it is sure "
        "of a floor that later runs break."
    )
    example = {"irreducible": 0.3, "scale": 0.8, "rate": 0.6, "stretch": 0.4}
    carriers = {
        "irreducible": Law.carriers["irreducible"],
        "scale": ("level", "relative_scale"),
        "rate": ("local_exponent",),
    }
    bounds = {"rate": (0.0, math.inf), "stretch": (0.0, math.inf)}
    share_at = "ref"  # at the largest input the reducible loss may be gone altogether
    quantities = {
        "floor_share": ("no unit", "irreducible loss over the loss at the reference input"),
        "local_exponent": (
            "no unit",
            "slope of the reducible loss on log axes at the reference input, rate · stretch",
        ),
    }

    def shape(self, values, references):
        """Return rate and stretch."""
        found = super().shape(values, references)
        if "local_exponent" in values:
            found["rate"] = values["local_exponent"] / found["stretch"]
        return found

    def constants(self, parameters, references):
        """Return E, b, a and d of E + b exp(-a x^d), with x in the user's units."""
        rate, stretch = parameters["rate"], parameters["stretch"]
        with np.errstate(over="ignore", under="ignore"):
            b = parameters["scale"] * np.exp(rate)
            a = rate * references["x_ref"] ** -stretch
        return {"E": parameters["irreducible"], "b": b, "a": a, "d": stretch}

    @staticmethod
    def expr(x, irreducible, scale, rate, stretch):
        """Return the loss at x, in reference units."""
        return irreducible + scale * np.exp(-rate * np.expm1(stretch * np.log(x)))
