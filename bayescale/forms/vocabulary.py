"""Vocabulary: non-vocabulary parameters, vocabulary parameters and tokens."""

import math
from dataclasses import InitVar

import numpy as np

from bayescale.laws import EXPONENT_PRIOR, TERM_PRIOR, Law
from bayescale.likelihoods import Normal
from bayescale.prior import Prior
from bayescale.registry import law

_TERMS = ("params_scale", "vocab_params_scale", "tokens_scale")


@law
class Vocabulary(Law):
    r"""Unigram-normalized loss falls in the model, in its vocabulary and in the tokens.

    .. math:: L_u(N_{nv}, N_v, D) = -E + \frac{A_1}{N_{nv}^{\alpha_1}}
              + \frac{A_2}{N_v^{\alpha_2}} + \frac{B}{D^{\beta}}

    The outcome is the loss minus that of a unigram model with the same vocabulary, so that
    vocabularies of different size can be compared; it is negative, and as everything grows it
    reaches :math:`-E`. Noise is therefore the same at every scale (:class:`~bayescale.Normal`).
    On a budget of compute a larger vocabulary lowers the second term and raises the third.

    Parameters
    ----------
    irreducible
        :math:`-E`, the normalized loss that is left at infinite scale, mostly negative; scalar, in
        the units of y. By default the prior is on ``level``, the curve at the reference inputs.
    params_scale
        :math:`A_1 / N_{nv,ref}^{\alpha_1}`, the term of the parameters outside the vocabulary, at
        the reference inputs; scalar, units of y.
    params_exponent
        :math:`\alpha_1`, their exponent, positive = falling; scalar, no unit.
    vocab_params_scale
        :math:`A_2 / N_{v,ref}^{\alpha_2}`, the term of the vocabulary's parameters (its size times
        the embedding's width), at the reference inputs; scalar, units of y.
    vocab_params_exponent
        :math:`\alpha_2`, their exponent, positive = falling; scalar, no unit.
    tokens_scale
        :math:`B / D_{ref}^\beta`, the tokens' term at the reference inputs; scalar, units of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens, positive = falling; scalar, no unit.
    exponent_ratio
        :math:`\beta/\alpha_1`, in place of tokens_exponent (the paper's fit holds it at 1); no
        unit.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Tao et al. (2024), "Scaling laws with vocabulary", arXiv:2407.13623.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Vocabulary(
    ...     irreducible=-5.5, params_scale=1.0, params_exponent=0.4, vocab_params_scale=0.1,
    ...     vocab_params_exponent=0.7, tokens_scale=1.2, tokens_exponent=0.4,
    ... )
    >>> law.evaluate(params=10.0, vocab_params=2.0, tokens=30.0).round(3).item()
    -4.732
    """

    irreducible: Prior | float = Prior("Normal", mu=0.0, sigma=1.5, on="level")
    params_scale: Prior | float = TERM_PRIOR.placed_on("relative_params_scale")
    params_exponent: Prior | float = EXPONENT_PRIOR
    vocab_params_scale: Prior | float = TERM_PRIOR.placed_on("relative_vocab_params_scale")
    vocab_params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = TERM_PRIOR.placed_on("relative_tokens_scale")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    exponent_ratio: InitVar[Prior | float | None] = None

    inputs = ("params", "vocab_params", "tokens")
    terms = ()  # the floor may be negative: it is no share of the loss
    default_likelihood = Normal
    carriers = {
        "irreducible": ("level",),
        **{term: (f"relative_{term}",) for term in _TERMS},
        "tokens_exponent": ("exponent_ratio",),
    }
    bounds = dict.fromkeys(("irreducible", "level"), (-math.inf, math.inf))
    quantities = {
        "level": (
            "reference outcomes",
            "curve at the reference inputs over the mean size of the outcomes",
        ),
        **{
            f"relative_{term}": ("reference outcomes", "the term at the reference inputs")
            for term in _TERMS
        },
        "A1": ("units of y · params^alpha1", "the literature's constant"),
        "A2": ("units of y · vocab_params^alpha2", "the literature's constant"),
        "B": ("units of y · tokens^beta", "the literature's constant"),
    }
    formula = (
        "L(N, V, D) = irreducible + params_scale · (N/N_ref)^(-params_exponent) + "
        "vocab_params_scale · (V/V_ref)^(-vocab_params_exponent) "
        "+ tokens_scale · (D/D_ref)^(-tokens_exponent)"
    )
    use = "How large the vocabulary should be: runs over model size, vocabulary size and tokens."
    traps = (
        "Only for the unigram-normalized loss: the plain loss of different vocabularies cannot be "
        "compared. The same text is fewer tokens in a larger vocabulary; tokens, not characters."
    )
    example = {
        "irreducible": 0.5,
        "params_scale": 1.0,
        "params_exponent": 0.4,
        "vocab_params_scale": 0.6,
        "vocab_params_exponent": 0.6,
        "tokens_scale": 1.2,
        "tokens_exponent": 0.3,
    }

    def shape(self, values, references):
        """Return every parameter; the floor is the level minus the terms."""
        found = super().shape(values, references)
        for term in _TERMS:
            if f"relative_{term}" in values:
                found[term] = values[f"relative_{term}"] * references["y_ref"]
        if "exponent_ratio" in values:
            found["tokens_exponent"] = values["exponent_ratio"] * found["params_exponent"]
        if "irreducible" in values:
            found["irreducible"] = values["irreducible"]
        else:
            reducible = sum(found[term] for term in _TERMS)
            found["irreducible"] = values["level"] * references["y_ref"] - reducible
        return found

    def constants(self, parameters, references):
        """Return E, A1, A2, B and the exponents."""
        names = (("params", "A1", "alpha1"), ("vocab_params", "A2", "alpha2"))
        found = {"E": -parameters["irreducible"]}
        for role, amplitude, exponent in (*names, ("tokens", "B", "beta")):
            power = parameters[f"{role}_exponent"]
            with np.errstate(over="ignore"):
                found[amplitude] = parameters[f"{role}_scale"] * references[f"{role}_ref"] ** power
            found[exponent] = power
        return found

    @staticmethod
    def expr(
        params,
        vocab_params,
        tokens,
        irreducible,
        params_scale,
        params_exponent,
        vocab_params_scale,
        vocab_params_exponent,
        tokens_scale,
        tokens_exponent,
    ):
        """Return the normalized loss, in reference units."""
        return (
            irreducible
            + params_scale * params**-params_exponent
            + vocab_params_scale * vocab_params**-vocab_params_exponent
            + tokens_scale * tokens**-tokens_exponent
        )
