"""A floor, and a product of powers of parameters and tokens."""

from dataclasses import InitVar

import numpy as np

from bayescale.anchoring import FLOOR
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class Multiplicative(Law):
    r"""The reducible loss is a product of a power of the parameters and one of the tokens.

    .. math:: L(N, D) = E + A\, N^{-\alpha} D^{-\beta}

    At fixed N it is a power law of D with the same floor, and the other way round: unlike in
    Chinchilla more tokens alone reach the floor. With :math:`\alpha = \beta` it is a power law of
    the compute N D, and then nothing is gained by one ratio or another.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`A N_{ref}^{-\alpha} D_{ref}^{-\beta}`, the reducible loss at the reference inputs;
        scalar, units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters, positive = falling; scalar, no unit.
    tokens_exponent
        :math:`\beta`, exponent of the tokens, positive = falling; scalar, no unit.
    A
        The literature's constant in place of scale; units of y · parameters^α · tokens^β.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    The product in fine-tuning: Zhang et al. (2024), arXiv:2402.17193; of two parts of a model:
    Ghorbani et al. (2021), arXiv:2109.07740.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Multiplicative(irreducible=0.0, A=1e3, params_exponent=0.2, tokens_exponent=0.1)
    >>> law.evaluate(params=1e9, tokens=1e10).round(4).item()
    1.5849
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    A: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens")
    carriers = {"irreducible": FLOOR, "scale": ("level", "relative_scale", "A")}
    quantities = {"A": ("units of y · params^α · tokens^β", "the literature's constant")}
    along_ray = "the floor, the scale and {first}_exponent + {slope:.2f} · {second}_exponent"
    formula = (
        "L(N, D) = irreducible "
        "+ scale · (N/N_ref)^(-params_exponent) · (D/D_ref)^(-tokens_exponent)"
    )
    example = {"irreducible": 1.2, "scale": 0.9, "params_exponent": 0.25, "tokens_exponent": 0.15}
    use = (
        "Fine-tuning, or a narrow range of sizes, where the gain from more data is the same factor "
        "at every size."
    )
    traps = (
        "It has no limit by parameters alone: held at one size it promises the floor from tokens "
        "alone, so do not extrapolate one input far at a fixed other."
    )

    def from_constant(self, term, value, shape, references):
        """Return the scale from A."""
        of_params = references["params_ref"] ** -shape["params_exponent"]
        return value * of_params * references["tokens_ref"] ** -shape["tokens_exponent"]

    def constants(self, parameters, references):
        """Return E, A and the exponents."""
        alpha, beta = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore"):
            center = references["params_ref"] ** alpha * references["tokens_ref"] ** beta
            a = parameters["scale"] * center
        return {"E": parameters["irreducible"], "A": a, "alpha": alpha, "beta": beta}

    @staticmethod
    def expr(params, tokens, irreducible, scale, params_exponent, tokens_exponent):
        """Return the loss, in reference units."""
        return irreducible + scale * params**-params_exponent * tokens**-tokens_exponent
