"""Chinchilla with an exponent that couples parameters and tokens."""

import numpy as np

from bayescale.forms.kaplan_model_data import joined
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class Skaling(Law):
    r"""Chinchilla with one more exponent that couples parameters and tokens above the floor.

    .. math:: L(N, D) = E + A \left(N^{-a} + R\, D^{-b}\right)^{k}

    With k = 1 it is Chinchilla, with :math:`k = \beta` Kaplan's law of parameters and tokens with
    a floor; as :math:`k \to 0` (at fixed slopes) the larger term alone is left. Each term alone is
    :math:`A N^{-ka}` or :math:`A R^k D^{-kb}`, so the slopes on log axes, which all laws here call
    exponents, are :math:`\alpha = ka` and :math:`\beta = kb`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A N_{ref}^{-ka}`, the parameters' term alone at the reference size; scalar, units
        of y.
    params_exponent
        :math:`\alpha = ka`, slope of the reducible loss in the parameters where they limit it,
        positive = falling; scalar, no unit.
    tokens_scale
        :math:`A R^k D_{ref}^{-kb}`, the tokens' term alone at the reference tokens; scalar, units
        of y.
    tokens_exponent
        :math:`\beta = kb`, slope of the reducible loss in the tokens where they limit it, positive
        = falling; scalar, no unit.
    coupling
        :math:`k`, the power in which the two terms join: small is a sharp elbow, 1 a plain sum;
        scalar, positive, no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Videau et al. (2026), "Skaling"; the law it extends: Hoffmann et al. (2022), arXiv:2203.15556.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Skaling(
    ...     irreducible=1.8,
    ...     params_scale=400.0,
    ...     params_exponent=0.34,
    ...     tokens_scale=2000.0,
    ...     tokens_exponent=0.37,
    ...     coupling=0.6,
    ... )
    >>> law.evaluate(params=1e9, tokens=2e10).round(4).item()
    2.2986
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    coupling: Prior | float = Prior("LogNormal", mu=0.0, sigma=1.0)

    inputs = ("params", "tokens")
    balanced = True
    terms = ("params_scale", "tokens_scale")
    bounds = {"coupling": (0.0, np.inf)}
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale"),
    }
    quantities = {
        "coupling": ("no unit", "the power in which the two terms join; 1 is a plain sum"),
        "tokens_share": (
            "no unit",
            "the tokens' part of the joined reducible loss at the reference inputs",
        ),
    }
    formula = (
        "L(N, D) = irreducible + [(params_scale · (N/N_ref)^(-params_exponent))^(1/k) "
        "+ (tokens_scale · (D/D_ref)^(-tokens_exponent))^(1/k)]^k,  k = coupling"
    )
    example = {
        "irreducible": 1.7,
        "params_scale": 0.7,
        "params_exponent": 0.35,
        "tokens_scale": 0.6,
        "tokens_exponent": 0.3,
        "coupling": 0.6,
    }
    use = (
        "When Chinchilla's plain sum misfits runs far from the compute-optimal ratio: the coupling "
        "says how much parameters and tokens stand in for each other."
    )
    traps = (
        "The coupling is seen only in runs where both terms matter and the ratio of tokens to "
        "parameters varies; its neighbours in the posterior are the floor and both exponents. The "
        "paper's a and b are the exponents here over the coupling (see constants)."
    )

    def join(self, shape):
        """Return the coupling."""
        return shape["coupling"]

    def constants(self, parameters, references):
        """Return E, A, R, the exponents inside the bracket (alpha, beta), and k."""
        k = parameters["coupling"]
        of_params, of_tokens = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            a = parameters["params_scale"] * references["params_ref"] ** of_params
            b = parameters["tokens_scale"] * references["tokens_ref"] ** of_tokens
            r = (b / a) ** (1 / k)
        inside = {"alpha": of_params / k, "beta": of_tokens / k}
        return {"E": parameters["irreducible"], "A": a, "R": r, **inside, "k": k}

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
        return irreducible + joined(of_params, of_tokens, coupling)
