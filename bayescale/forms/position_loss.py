"""Loss by the position of a token in its context."""

import numpy as np

from bayescale.laws import FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class PositionLoss(Law):
    r"""Loss falls with the position of a token in its context, from the first to a limit.

    .. math:: L(t) = L(N) + (L_U - L(N))\, t^{-p}, \qquad 0 < p < 1

    The first token's loss is :math:`L_U`, that of a unigram model; far into the context it reaches
    :math:`L(N)`, what this model can do. The information that one segment of the context holds
    about the next follows: :func:`~bayescale.segment_information` and
    :func:`~bayescale.infogain`.

    Parameters
    ----------
    irreducible
        :math:`L(N)`, the loss far into the context; scalar, in the units of y.
    scale
        :math:`(L_U - L(N))\, t_{ref}^{-p}`, what context still gains at the reference position;
        scalar, in the units of y.
    exponent
        :math:`p`, between 0 and 1; scalar, no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Henighan et al. (2020), appendix E, arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PositionLoss(irreducible=3.0, scale=3.0, exponent=0.5)
    >>> law.evaluate(position=[1.0, 4.0, 100.0]).tolist()
    [6.0, 4.5, 3.3]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = Prior("Uniform", lower=0.0, upper=1.0)

    inputs = ("position",)
    carriers = {**Law.carriers, "scale": ("level", "relative_scale")}
    bounds = {"exponent": (0.0, 1.0)}
    quantities = {
        "L_N": ("units of y", "loss far into the context"),
        "L_U": ("units of y", "loss of the first token, that of a unigram model"),
        "p": ("no unit", "exponent of the position"),
    }
    formula = "L(t) = irreducible + scale · (t/t_ref)^(-exponent)"
    use = "Loss averaged by token position, counted from 1: how much a longer context would bring."
    traps = (
        "The mean over positions is not the loss at the mean position. Holds for language and for "
        "frames of video, not for images. Losses at neighbouring positions come from the same "
        "documents: their errors are not independent, and intervals are too narrow."
    )
    example = {"irreducible": 2.0, "scale": 1.0, "exponent": 0.5}

    def constants(self, parameters, references):
        """Return L(N), L_U (the loss at position 1) and p."""
        exponent = parameters["exponent"]
        gain = parameters["scale"] * np.exp(exponent * np.log(references["position_ref"]))
        floor = parameters["irreducible"]
        return {"L_N": floor, "L_U": floor + gain, "p": exponent}

    @staticmethod
    def expr(position, irreducible, scale, exponent):
        """Return the loss at a position, in reference units."""
        return irreducible + scale * position**-exponent
