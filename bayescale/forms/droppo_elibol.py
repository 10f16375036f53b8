"""Droppo and Elibol's law: floor, parameters and tokens joined by one power."""

from dataclasses import InitVar

import numpy as np

from bayescale.forms.kaplan_model_data import joined
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class DroppoElibol(Law):
    r"""Floor, parameters and tokens limit the loss, and a coupling says how sharply they take over.

    .. math:: L(N, D) = \left[L_\infty^{1/k} + \left(\frac{N_C}{N}\right)^{\alpha_N/k}
              + \left(\frac{D_C}{D}\right)^{\alpha_D/k}\right]^{k}

    With k = 1 the three add: Chinchilla. As :math:`k \to 0` the loss is the largest of the three.
    With :math:`L_\infty = 0` and :math:`k = \alpha_D` it is Kaplan's law of parameters and tokens.
    Each term alone is a law of one input. On a budget of :math:`C = 6ND` the compute-optimal N
    grows as :math:`C^a`, :math:`a = \alpha_D/(\alpha_N + \alpha_D)`, whatever k.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`(N_C/N_{ref})^{\alpha_N}`, the parameters' term alone at the reference size; scalar,
        units of y.
    params_exponent
        :math:`\alpha_N`, exponent of the parameters where they limit the loss, positive = falling;
        scalar, no unit.
    tokens_scale
        :math:`(D_C/D_{ref})^{\alpha_D}`, the tokens' term alone at the reference tokens; scalar,
        units of y.
    tokens_exponent
        :math:`\alpha_D`, exponent of the tokens where they limit the loss, positive = falling;
        scalar, no unit.
    coupling
        :math:`k` (:math:`\alpha` in the paper), the power in which the terms join: small is a
        sharp elbow, 1 a plain sum; scalar, positive, no unit.
    N_C
        The literature's constant in place of params_scale; parameters.
    D_C
        The literature's constant in place of tokens_scale; tokens (in the paper: hours).

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Droppo and Elibol (2021), arXiv:2106.09488.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.DroppoElibol(
    ...     irreducible=0.4,
    ...     N_C=1e4,
    ...     params_exponent=0.2,
    ...     D_C=1.0,
    ...     tokens_exponent=0.3,
    ...     coupling=0.5,
    ... )
    >>> law.evaluate(params=1e7, tokens=1e3).round(4).item()
    0.4888
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    coupling: Prior | float = Prior("LogNormal", mu=0.0, sigma=1.0)
    N_C: InitVar[Prior | float | None] = None
    D_C: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens")
    balanced = True
    terms = ("params_scale", "tokens_scale")
    floor_joins = True
    bounds = {"coupling": (0.0, np.inf)}
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "N_C"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale", "D_C"),
    }
    quantities = {
        "coupling": ("no unit", "the power in which the terms join; 1 is a plain sum"),
        "N_C": ("units of params", "where the parameters' term alone equals 1"),
        "D_C": ("units of tokens", "where the tokens' term alone equals 1"),
        "tokens_share": (
            "no unit",
            "the tokens' part of the joined reducible loss at the reference inputs",
        ),
    }
    formula = (
        "L(N, D) = [irreducible^(1/k) + (params_scale · (N/N_ref)^(-params_exponent))^(1/k) "
        "+ (tokens_scale · (D/D_ref)^(-tokens_exponent))^(1/k)]^k,  k = coupling"
    )
    example = {
        "irreducible": 1.5,
        "params_scale": 1.0,
        "params_exponent": 0.35,
        "tokens_scale": 0.8,
        "tokens_exponent": 0.3,
        "coupling": 0.6,
    }
    use = (
        "When it is open whether parameters, tokens and floor add or the worst of them decides: "
        "the family holds Chinchilla and Kaplan's law, and the coupling says which it is."
    )
    traps = (
        "The coupling is seen only where two of the three are of about the same size; without "
        "such runs it follows its prior, and so does what lies beyond the data."
    )

    def join(self, shape):
        """Return the coupling."""
        return shape["coupling"]

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from N_C or D_C."""
        role = term.removesuffix("_scale")
        return (value / references[f"{role}_ref"]) ** shape[f"{role}_exponent"]

    def constants(self, parameters, references):
        """Return the constants of the paper, whose alpha is the coupling."""
        of_params, of_tokens = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore"):
            n_c = references["params_ref"] * parameters["params_scale"] ** (1 / of_params)
            d_c = references["tokens_ref"] * parameters["tokens_scale"] ** (1 / of_tokens)
        found = {"N_C": n_c, "alpha_N": of_params, "D_C": d_c, "alpha_D": of_tokens}
        return {"L_inf": parameters["irreducible"], **found, "alpha": parameters["coupling"]}

    @staticmethod
    def expr(
        params,
        tokens,
        irreducible,
        params_scale,
        params_exponent,
        tokens_scale,
        tokens_exponent,
        coupling,
    ):
        """Return the loss, in reference units."""
        of_params = params_scale * params**-params_exponent
        of_tokens = tokens_scale * tokens**-tokens_exponent
        return joined(irreducible, joined(of_params, of_tokens, coupling), coupling)
