"""Mutual information of text and image: it grows with the logarithm of the parameters."""

import math

import numpy as np

from bayescale.laws import Law
from bayescale.likelihoods import Normal
from bayescale.prior import Prior
from bayescale.registry import law


@law
class MutualInformation(Law):
    r"""Information about one thing from another grows with the logarithm of the model's size.

    .. math:: I(N) = \lambda \log\frac{N}{N_c} = I_{ref} + \lambda \log\frac{N}{N_{ref}}

    It is zero at :math:`N_c` and negative below, and has no upper limit. Its share in the loss
    is the Infogain :math:`I(N)/L(N)`: divide ``information.forecast(params=...).draws("curve")``
    by the same of a fit of the text's loss.

    Parameters
    ----------
    information
        :math:`I_{ref}`, the mutual information at the reference size; scalar, in the units of y.
    slope
        :math:`\lambda`, by how much it rises with every factor of e in size; scalar, in the units
        of y.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Henighan et al. (2020), equations 1.3 and 4.1, arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.MutualInformation(information=1.0, slope=0.5)
    >>> law.evaluate(params=100.0).round(3).item()
    3.303
    """

    information: Prior | float = Prior("Normal", mu=1.0, sigma=0.7, on="relative_information")
    slope: Prior | float = Prior("LogNormal", mu=math.log(0.1), sigma=1.2, on="relative_slope")

    inputs = ("params",)
    terms = ()
    default_likelihood = Normal
    carriers = {"information": ("relative_information",), "slope": ("relative_slope",)}
    bounds = {
        "information": (-math.inf, math.inf),
        "relative_information": (-math.inf, math.inf),
        "slope": (0.0, math.inf),
    }
    quantities = {
        "information": ("units of y", "mutual information at the reference size"),
        "relative_information": ("reference outcomes", "information at the reference size"),
        "slope": ("units of y per e-fold", "rise with every factor of e in size"),
        "relative_slope": ("reference outcomes per e-fold", "rise with every factor of e"),
        "lambda": ("units of y per e-fold", "the literature's constant"),
        "N_c": ("units of params", "the size at which there is no information"),
    }
    formula = "I(N) = information + slope · log(N/N_ref)"
    use = "How much a caption says of its image to models of several sizes, or the other way round."
    traps = (
        "It rises without limit, while information cannot exceed the entropy of either part. "
        "Measured without finetuning on a mix with blanked captions it is about twice too large."
    )
    example = {"information": 2.0, "slope": 0.3}

    @property
    def rises(self) -> bool:
        """It is no loss."""
        return True

    @property
    def only_falls(self) -> bool:
        """It rises."""
        return False

    @property
    def bends(self) -> str:
        """Nothing bends: it is a line in the logarithm."""
        return ""

    def constants(self, parameters, references):
        """Return lambda and N_c."""
        slope = parameters["slope"]
        with np.errstate(over="ignore", under="ignore"):
            nothing = references["params_ref"] * np.exp(-parameters["information"] / slope)
        return {"lambda": slope, "N_c": nothing}

    @staticmethod
    def expr(params, information, slope):
        """Return the information, in reference units."""
        return information + slope * np.log(params)
