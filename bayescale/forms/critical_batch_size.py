"""Critical batch size: a power law of the loss."""

import math
from dataclasses import InitVar

import numpy as np

from bayescale.laws import Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class CriticalBatchSize(Law):
    r"""The batch size beyond which larger batches save few steps grows as the loss falls.

    .. math:: B_{crit}(L) = \frac{B_*}{L^{1/\alpha_B}}

    The input is the loss and the outcome is a batch size. At :math:`B = B_{crit}` training takes
    twice the fewest steps and twice the fewest examples. As :math:`L \to 0` it grows without bound:
    the law has no floor, and where the loss has one it cannot hold near it.

    Parameters
    ----------
    scale
        :math:`B_* / L_{ref}^{1/\alpha_B}`, critical batch size at the reference loss; scalar, in
        the units of y (tokens, sequences).
    exponent
        :math:`1/\alpha_B`, exponent of the loss, positive = the batch grows as the loss falls;
        scalar, no unit.
    B_star
        :math:`B_*`, the critical batch size at a loss of 1, in place of scale; units of y.

    Raises
    ------
    LawError
        If both scale and B_star are given, or a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361; McCandlish et al. (2018), arXiv:1812.06162.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.CriticalBatchSize(B_star=2e8, exponent=1 / 0.21)
    >>> law.evaluate(loss=3.0).round().item()
    1069114.0
    """

    scale: Prior | float = Prior("LogNormal", mu=0.0, sigma=0.5, on="relative_scale")
    exponent: Prior | float = Prior("LogNormal", mu=math.log(4.0), sigma=0.5)
    B_star: InitVar[Prior | float | None] = None

    inputs = ("loss",)
    terms = ()
    carriers = {"scale": ("relative_scale", "B_star")}
    quantities = {
        "relative_scale": ("reference outcomes", "critical batch size at the reference loss"),
        "B_star": ("units of y", "the literature's constant: critical batch size at a loss of 1"),
    }
    formula = "B_crit(L) = scale · (L/L_ref)^(-exponent)"
    use = "Critical batch sizes, measured at several losses: how large the next batch may be."
    traps = (
        "The loss is in nats for each token and counts from zero, so B_star depends on the unit. "
        "Another batch unit (tokens, sequences) is another B_star."
    )
    example = {"scale": 1.4, "exponent": 4.5}
    example_range = {"loss": (0.5, 2.0)}

    def shape(self, values, references):
        """Return exponent and scale."""
        found = super().shape(values, references)
        if "B_star" in values:
            found["scale"] = values["B_star"] * references["loss_ref"] ** -found["exponent"]
        return found

    def constants(self, parameters, references):
        """Return B_star and alpha_B."""
        with np.errstate(over="ignore"):
            b_star = parameters["scale"] * references["loss_ref"] ** parameters["exponent"]
        return {"B_star": b_star, "alpha_B": 1 / parameters["exponent"]}

    @staticmethod
    def expr(loss, scale, exponent):
        """Return the critical batch size, in reference units."""
        return scale * loss**-exponent
