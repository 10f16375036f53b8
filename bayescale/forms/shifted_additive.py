"""Chinchilla with offsets of parameters and tokens."""

from dataclasses import InitVar

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law

#: An offset of about the smallest input, give or take a factor of seven.
OFFSET_PRIOR = Prior("LogNormal", mu=0.0, sigma=1.0)


@law
class ShiftedAdditive(Law):
    r"""Chinchilla whose terms flatten at small scale, as if every run had a little more of each.

    .. math:: L(N, D) = E + \frac{A}{(N + s_N)^{\alpha}} + \frac{B}{(D + s_D)^{\beta}}

    With both offsets towards 0 it is Chinchilla. Far below its offset an input has no effect: the
    loss stays finite at N = 0 or D = 0.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A (N_{ref} + s_N)^{-\alpha}`, the parameters' term at the reference size; scalar,
        units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters far above their offset, positive = falling;
        scalar, no unit. Its default prior is on the term's slope midway (on log axes) between the
        smallest and the reference size, which runs tell from the offset.
    tokens_scale
        :math:`B (D_{ref} + s_D)^{-\beta}`, the tokens' term at the reference tokens; scalar, units
        of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens far above their offset, positive = falling; scalar,
        no unit. Its default prior is on the slope, as that of params_exponent.
    params_offset
        :math:`s_N`, added to the parameters; scalar, positive, in the units of the parameters. Its
        default prior is on its ratio to the smallest model.
    tokens_offset
        :math:`s_D`, added to the tokens; scalar, positive, in the units of the tokens. Its default
        prior is on its ratio to the fewest tokens.
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
    The law it extends: Hoffmann et al. (2022), arXiv:2203.15556. The offset in learning curves of
    one input: Viering and Loog (2023), arXiv:2103.10948.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.ShiftedAdditive(
    ...     irreducible=1.69,
    ...     A=406.4,
    ...     params_exponent=0.34,
    ...     B=410.7,
    ...     tokens_exponent=0.28,
    ...     params_offset=1e7,
    ...     tokens_offset=1e8,
    ... )
    >>> law.evaluate(params=[1.0, 70e9], tokens=[1.0, 1.4e12]).round(4).tolist()
    [5.7475, 1.9366]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR.placed_on("params_slope")
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR.placed_on("tokens_slope")
    params_offset: Prior | float = OFFSET_PRIOR.placed_on("relative_params_offset")
    tokens_offset: Prior | float = OFFSET_PRIOR.placed_on("relative_tokens_offset")
    A: InitVar[Prior | float | None] = None
    B: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens")
    target_accept = 0.95
    terms = ("params_scale", "tokens_scale")
    input_units = {"params_offset": "params", "tokens_offset": "tokens"}
    bounds = dict.fromkeys(
        ("params_offset", "tokens_offset", "params_slope", "tokens_slope"), (0.0, np.inf)
    )
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "A"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale", "B"),
        "params_exponent": ("params_slope",),
        "tokens_exponent": ("tokens_slope",),
        "params_offset": ("relative_params_offset",),
        "tokens_offset": ("relative_tokens_offset",),
    }
    quantities = {
        "relative_params_offset": ("smallest params", "offset over the smallest model of the runs"),
        "relative_tokens_offset": ("fewest tokens", "offset over the fewest tokens of the runs"),
        "params_slope": ("no unit", "slope of the parameters' term between smallest and reference"),
        "tokens_slope": ("no unit", "slope of the tokens' term between fewest and reference"),
        "A": ("units of y · params^α", "the literature's constant"),
        "B": ("units of y · tokens^β", "the literature's constant"),
    }
    formula = (
        "L(N, D) = irreducible "
        "+ params_scale · ((N + params_offset)/(N_ref + params_offset))^(-params_exponent) "
        "+ tokens_scale · ((D + tokens_offset)/(D_ref + tokens_offset))^(-tokens_exponent)"
    )
    example = {
        "irreducible": 1.7,
        "params_scale": 0.5,
        "params_exponent": 0.4,
        "tokens_scale": 0.4,
        "tokens_exponent": 0.45,
        "params_offset": 0.03,
        "tokens_offset": 0.05,
    }
    use = (
        "When the smallest runs are better than a power law says: a baseline, a pretrained start, "
        "or parts of the model that are not counted."
    )
    traps = (
        "Offset and exponent trade off: without runs near the offset both follow their priors, and "
        "a large offset with a steep exponent looks like an exponential."
    )

    def shape(self, values, references):
        """Return exponents and offsets; relative offsets are over the smallest inputs.

        The runs determine a term's slope midway between the smallest and the reference input:
        there exponent and offset are told apart.
        """
        found = super().shape(values, references)
        for role in self.inputs:
            start, center = references[f"{role}_start"], references[f"{role}_ref"]
            offset, slope = f"{role}_offset", f"{role}_slope"
            if f"relative_{offset}" in values:
                found[offset] = values[f"relative_{offset}"] * start
            if slope in values:
                steeper = 1 + found[offset] / np.sqrt(start * center)
                found[f"{role}_exponent"] = values[slope] * steeper
        return found

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from A or B."""
        role = term.removesuffix("_scale")
        center = references[f"{role}_ref"] + shape[f"{role}_offset"]
        return value * center ** -shape[f"{role}_exponent"]

    def constants(self, parameters, references):
        """Return E, A, B, the exponents and the offsets."""
        found = {"E": parameters["irreducible"]}
        for role, scale, exponent, offset in (
            ("params", "A", "alpha", "s_N"),
            ("tokens", "B", "beta", "s_D"),
        ):
            power, shift = parameters[f"{role}_exponent"], parameters[f"{role}_offset"]
            with np.errstate(over="ignore"):
                center = (references[f"{role}_ref"] + shift) ** power
                found |= {scale: parameters[f"{role}_scale"] * center, exponent: power}
            found[offset] = shift
        return found

    @staticmethod
    def expr(
        params,
        tokens,
        irreducible,
        params_scale,
        params_exponent,
        tokens_scale,
        tokens_exponent,
        params_offset,
        tokens_offset,
    ):
        """Return the loss, in reference units."""
        of_params = ((params + params_offset) / (1 + params_offset)) ** -params_exponent
        of_tokens = ((tokens + tokens_offset) / (1 + tokens_offset)) ** -tokens_exponent
        return irreducible + params_scale * of_params + tokens_scale * of_tokens
