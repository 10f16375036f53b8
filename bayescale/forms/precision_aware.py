"""Precision: parameters of few bits count for less."""

import math
from dataclasses import InitVar

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.parameters import slots
from bayescale.prior import Prior
from bayescale.registry import law


@law
class PrecisionAware(Law):
    r"""Chinchilla's law with fewer effective parameters when training is in low precision.

    .. math:: L(N, D, P) = E + \frac{A}{N_{eff}^{\alpha}} + \frac{B}{D^{\beta}}, \qquad
              N_{eff} = N \left(1 - e^{-P/\gamma}\right)

    P is the number of bits in which the model is trained. As :math:`P \to \infty` it is
    :class:`~bayescale.Chinchilla`; at :math:`P = \gamma` a model counts for 63 % of its parameters.
    This is one precision, such as that of the weights; weights, activations and cache in
    different precisions have a factor each.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A / N_{eff,ref}^\alpha`, the parameters' term at the reference size and precision;
        scalar, units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters, positive = falling; scalar, no unit.
    tokens_scale
        :math:`B / D_{ref}^\beta`, the tokens' term at the reference tokens; scalar, units of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens, positive = falling; scalar, no unit.
    bits_needed
        :math:`\gamma`, how many bits it takes for 63 % of the parameters to count; scalar, units
        of precision.
    A
        The literature's constant in place of params_scale; units of y · parameters^α.
    B
        The literature's constant in place of tokens_scale; units of y · tokens^β.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Kumar et al. (2024), "Scaling laws for precision", arXiv:2411.04330.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PrecisionAware(
    ...     irreducible=1.8, A=480.0, params_exponent=0.35, B=2000.0, tokens_exponent=0.36,
    ...     bits_needed=2.5,
    ... )
    >>> law.evaluate(params=1e9, tokens=2e10, precision=[4, 16]).round(3).tolist()
    [2.559, 2.531]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    bits_needed: Prior | float = Prior(
        "LogNormal", mu=math.log(0.4), sigma=0.7, on="relative_bits_needed"
    )
    A: InitVar[Prior | float | None] = None
    B: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens", "precision")
    terms = ("params_scale", "tokens_scale")
    input_units = {"bits_needed": "precision"}
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "A"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale", "B"),
        "bits_needed": ("relative_bits_needed",),
    }
    bounds = {"bits_needed": (0.0, math.inf)}
    formula = (
        "L(N, D, P) = irreducible + params_scale · (N_eff/N_eff_ref)^(-params_exponent) "
        "+ tokens_scale · (D/D_ref)^(-tokens_exponent), N_eff = N · (1 - exp(-P/bits_needed))"
    )
    use = "Runs in several precisions: what a model that is trained in fewer bits loses."
    traps = (
        "Precision after training is another law. Runs of 8 bits and more alone say little of "
        "bits_needed: nearly all their parameters count."
    )
    example = {
        "irreducible": 1.7,
        "params_scale": 0.5,
        "params_exponent": 0.35,
        "tokens_scale": 0.4,
        "tokens_exponent": 0.3,
        "bits_needed": 0.4,
    }
    example_range = {"precision": (0.4, 2.5)}

    def sizes_needed(self, role):
        """How many different values of an input the law needs; two precisions for the bits."""
        if role != "precision":
            return super().sizes_needed(role)
        return 1 + sum(s.field == "bits_needed" and s.prior is not None for s in slots(self))

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from A or B."""
        role = term.removesuffix("_scale")
        found = value * references[f"{role}_ref"] ** -shape[f"{role}_exponent"]
        if role == "tokens":
            return found
        counts = -np.expm1(-references["precision_ref"] / shape["bits_needed"])
        return found * counts ** -shape["params_exponent"]

    def constants(self, parameters, references):
        """Return E, A, B, the exponents and gamma."""
        alpha, beta = parameters["params_exponent"], parameters["tokens_exponent"]
        counts = -np.expm1(-references["precision_ref"] / parameters["bits_needed"])
        with np.errstate(over="ignore"):
            a = parameters["params_scale"] * (references["params_ref"] * counts) ** alpha
            b = parameters["tokens_scale"] * references["tokens_ref"] ** beta
        found = {"E": parameters["irreducible"], "A": a, "alpha": alpha, "B": b, "beta": beta}
        return {**found, "gamma": parameters["bits_needed"]}

    @staticmethod
    def expr(
        params,
        tokens,
        precision,
        irreducible,
        params_scale,
        params_exponent,
        tokens_scale,
        tokens_exponent,
        bits_needed,
    ):
        """Return the loss, in reference units."""
        effective = params * (np.expm1(-precision / bits_needed) / np.expm1(-1 / bits_needed))
        return (
            irreducible
            + params_scale * effective**-params_exponent
            + tokens_scale * tokens**-tokens_exponent
        )
