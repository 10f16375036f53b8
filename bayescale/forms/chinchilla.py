"""Chinchilla: a floor, a term of the parameters and a term of the tokens."""

from dataclasses import InitVar

import numpy as np

from bayescale.laws import (
    EXPONENT_PRIOR,
    FLOOR_PRIOR,
    LEVEL_PRIOR,
    SHARE_PRIOR,
    UNIT_REFERENCES,
    Law,
)
from bayescale.prior import Prior
from bayescale.registry import law


@law
class Chinchilla(Law):
    r"""Loss falls as a power of the parameters plus a power of the tokens, towards a floor.

    .. math:: L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}

    As :math:`D \to \infty` it is a power law in N with the same floor, and the other way round.
    On a budget of :math:`C = 6ND` the loss is least at :math:`N = G (C/6)^a`,
    :math:`D = G^{-1} (C/6)^b`, with :math:`a = \beta/(\alpha+\beta)`, :math:`b = 1 - a`,
    :math:`G = (\alpha A / \beta B)^{1/(\alpha+\beta)}`. With ``exponent_ratio=1.0`` the two
    exponents are one: then it is also the over-training law
    :math:`E + (a M^\eta + b M^{-\eta}) C^{-\eta}`, :math:`M = D/N`, with :math:`\eta = \alpha/2`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A / N_{ref}^\alpha`, the parameters' term at the reference size; scalar, units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters, positive = falling; scalar, no unit.
    tokens_scale
        :math:`B / D_{ref}^\beta`, the tokens' term at the reference tokens; scalar, units of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens, positive = falling; scalar, no unit.
    A
        The literature's constant in place of params_scale; units of y · parameters^α.
    B
        The literature's constant in place of tokens_scale; units of y · tokens^β.
    exponent_ratio
        :math:`\beta/\alpha`, in place of tokens_exponent; no unit.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556; Besiroglu et al. (2024), arXiv:2404.10102; Gadre et
    al. (2024), arXiv:2403.08540.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> law.evaluate(params=70e9, tokens=1.4e12).round(4).item()
    1.9366
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    A: InitVar[Prior | float | None] = None
    B: InitVar[Prior | float | None] = None
    exponent_ratio: InitVar[Prior | float | None] = None

    use = (
        "Runs over parameters and tokens in several ratios: what each is worth, and how to divide "
        "a compute budget. With `exponent_ratio=1.0`, models trained far past the optimum."
    )
    traps = (
        "On one ray of tokens per parameter the runs determine only the floor and the sum of the "
        "two terms. The optimum is sensitive: N grows as C^0.452 by the rounded published "
        "constants, as C^0.457 by the unrounded ones, and as C^0.513 by a refit of the same runs."
    )
    inputs = ("params", "tokens")
    balanced = True
    terms = ("params_scale", "tokens_scale")
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "A"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale", "B"),
        "tokens_exponent": ("exponent_ratio",),
    }
    formula = (
        "L(N, D) = irreducible + params_scale · (N/N_ref)^(-params_exponent) "
        "+ tokens_scale · (D/D_ref)^(-tokens_exponent)"
    )
    example = {
        "irreducible": 1.7,
        "params_scale": 0.5,
        "params_exponent": 0.35,
        "tokens_scale": 0.4,
        "tokens_exponent": 0.3,
    }

    def shape(self, values, references):
        """Return the two exponents."""
        found = super().shape(values, references)
        if "exponent_ratio" in values:
            found["tokens_exponent"] = values["exponent_ratio"] * found["params_exponent"]
        return found

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from A or B."""
        role = term.removesuffix("_scale")
        return value * references[f"{role}_ref"] ** -shape[f"{role}_exponent"]

    def constants(self, parameters, references):
        """Return E, A, B and the exponents, and the compute-optimal G, a and b."""
        alpha, beta = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore"):
            a = parameters["params_scale"] * references["params_ref"] ** alpha
            b = parameters["tokens_scale"] * references["tokens_ref"] ** beta
            g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
        share = beta / (alpha + beta)
        optimum = {"G": g, "a": share, "b": 1 - share}
        found = {"E": parameters["irreducible"], "A": a, "alpha": alpha, "B": b, "beta": beta}
        return {**found, **optimum}

    def optimum(self, compute, *, parameters=None, references=None):
        r"""Return the parameters and tokens that use a budget best, and the loss they reach.

        Parameters
        ----------
        compute
            The budget in FLOP, :math:`C = 6ND`; scalar or array.
        parameters
            Parameter to value or draws, such as ``fit.parameters``; they broadcast against
            compute. The law's own numbers by default.
        references
            The references those parameters belong to; 1 by default.

        Returns
        -------
        dict
            ``params``, ``tokens`` and ``loss``.

        Raises
        ------
        LawError
            If no parameters are given and one has a prior and no number.
        """
        values = self.numbers if parameters is None else parameters
        found = self.constants(values, references or UNIT_REFERENCES)
        budget = np.asarray(compute, float) / 6
        params, tokens = found["G"] * budget ** found["a"], budget ** found["b"] / found["G"]
        terms = found["A"] * params ** -found["alpha"] + found["B"] * tokens ** -found["beta"]
        return {"params": params, "tokens": tokens, "loss": found["E"] + terms}

    @staticmethod
    def expr(
        params, tokens, irreducible, params_scale, params_exponent, tokens_scale, tokens_exponent
    ):
        """Return the loss, in reference units."""
        return (
            irreducible
            + params_scale * params**-params_exponent
            + tokens_scale * tokens**-tokens_exponent
        )
