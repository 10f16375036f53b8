"""Kaplan's law of parameters and tokens, and the sum of k-th roots that joins two terms."""

from dataclasses import InitVar
from typing import Any

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law

#: Keeps the log of a term finite where the term is 0, that is at infinite inputs.
_TINY = 1e-300


def joined(first: Any, second: Any, k: Any) -> Any:
    r"""Return :math:`(a^{1/k} + b^{1/k})^k`: the sum for k = 1, towards the larger for k → 0.

    The larger comes out of the bracket, so that no root under- or overflows.
    """
    larger = (first + second + abs(first - second)) / 2
    apart = abs(np.log(first + _TINY) - np.log(second + _TINY))
    return larger * np.exp(k * np.log1p(np.exp(-apart / k)))


@law
class KaplanModelData(Law):
    r"""Loss falls with parameters and tokens, and the scarcer of the two limits it.

    .. math:: L(N, D) = L_\infty + \left[\left(\frac{N_c}{N}\right)^{\alpha_N/\alpha_D}
              + \frac{D_c}{D}\right]^{\alpha_D}

    As :math:`D \to \infty` it is :math:`L_\infty + (N_c/N)^{\alpha_N}`, as :math:`N \to \infty`
    :math:`L_\infty + (D_c/D)^{\alpha_D}`: the two laws of one input. At fixed N the loss is
    analytic in 1/D, which is why the form was chosen. Kaplan et al. have no floor; with a prior on
    it the form is that of Henighan et al. with the two inputs joined.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y. 0 by
        default.
    params_scale
        :math:`(N_c/N_{ref})^{\alpha_N}`, the reducible loss at the reference size and infinite
        tokens; scalar, units of y.
    params_exponent
        :math:`\alpha_N`, exponent of the parameters at infinite tokens, positive = falling;
        scalar, no unit.
    tokens_scale
        :math:`(D_c/D_{ref})^{\alpha_D}`, the reducible loss at the reference tokens and infinite
        parameters; scalar, units of y.
    tokens_exponent
        :math:`\alpha_D`, exponent of the tokens at infinite parameters, positive = falling, and
        the power in which the two terms join; scalar, no unit.
    N_c
        The literature's constant in place of params_scale; parameters.
    D_c
        The literature's constant in place of tokens_scale; tokens.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, equation 1.5; Henighan et al. (2020), arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs, numpy as np
    >>> law = bs.KaplanModelData(
    ...     N_c=6.4e13, params_exponent=0.076, D_c=1.8e13, tokens_exponent=0.103
    ... )
    >>> law.evaluate(params=1e9, tokens=[1e10, np.inf]).round(4).tolist()
    [2.4197, 2.3188]
    """

    irreducible: Prior | float = 0.0
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    N_c: InitVar[Prior | float | None] = None
    D_c: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens")
    balanced = True
    terms = ("params_scale", "tokens_scale")
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "N_c"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale", "D_c"),
    }
    quantities = {
        "N_c": ("units of params", "where the law of parameters alone equals 1"),
        "D_c": ("units of tokens", "where the law of tokens alone equals 1"),
        "tokens_share": ("no unit", "the tokens' part of the bracket at the reference inputs"),
    }
    formula = (
        "L(N, D) = irreducible + [(params_scale · (N/N_ref)^(-params_exponent))^(1/k) "
        "+ (tokens_scale · (D/D_ref)^(-tokens_exponent))^(1/k)]^k,  k = tokens_exponent"
    )
    example = {
        "irreducible": 1.2,
        "params_scale": 1.1,
        "params_exponent": 0.25,
        "tokens_scale": 1.0,
        "tokens_exponent": 0.3,
    }
    use = (
        "Runs of several sizes on several amounts of data, some of them overfitted; for the "
        "literature's constants of language models."
    )
    traps = (
        "The published pairs of constants of one input (table 5) and of both (table 2) do not "
        "mix. Where tokens abound in all runs, tokens_scale and tokens_exponent follow their "
        "priors."
    )

    def join(self, shape):
        """Return the tokens' exponent, in whose power the terms join."""
        return shape["tokens_exponent"]

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from N_c or D_c."""
        role = term.removesuffix("_scale")
        return (value / references[f"{role}_ref"]) ** shape[f"{role}_exponent"]

    def constants(self, parameters, references):
        """Return N_c, D_c and the exponents."""
        alpha, beta = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore"):
            n_c = references["params_ref"] * parameters["params_scale"] ** (1 / alpha)
            d_c = references["tokens_ref"] * parameters["tokens_scale"] ** (1 / beta)
        found = {"N_c": n_c, "alpha_N": alpha, "D_c": d_c, "alpha_D": beta}
        return {"irreducible": parameters["irreducible"], **found}

    @staticmethod
    def expr(
        params, tokens, irreducible, params_scale, params_exponent, tokens_scale, tokens_exponent
    ):
        """Return the loss, in reference units."""
        of_params = params_scale * params**-params_exponent
        of_tokens = tokens_scale * tokens**-tokens_exponent
        return irreducible + joined(of_params, of_tokens, tokens_exponent)
