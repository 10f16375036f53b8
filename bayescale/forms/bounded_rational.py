"""A law between a plateau at small scale and a floor at large scale; what plateaus share."""

from collections.abc import Mapping

from bayescale.anchoring import FLOOR
from bayescale.forms.chinchilla import Chinchilla
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.parameters import parameter_names
from bayescale.prior import Prior
from bayescale.registry import law

#: Quantities of a law that bends Chinchilla's loss below a plateau, in words.
WITHOUT_PLATEAU: Mapping[str, tuple[str, str]] = {
    "plateau": ("units of y", "the loss at the smallest scale, such as that of guessing"),
    "level": (
        "reference outcomes",
        "what the loss at the reference inputs would be without a plateau, over the reference "
        "outcome (the geometric mean of the outcomes)",
    ),
    "floor_share": (
        "no unit",
        "irreducible over what the loss at the largest inputs would be without a plateau",
    ),
}


def without_plateau(law: Law) -> Chinchilla:
    """Return Chinchilla with the priors that a law with a plateau has for the same parameters."""
    return Chinchilla(**{name: getattr(law, name) for name in parameter_names(Chinchilla)})


@law
class BoundedRational(Law):
    r"""Loss falls from a plateau at small scale to a floor at large scale.

    .. math:: L(N, D) = \frac{P u + E}{1 + u}, \qquad
              u = \frac{T}{P - E}, \qquad T = \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}

    the bounded rational form. Where :math:`T \ll P - E` it is Chinchilla, :math:`E + T`; where
    :math:`T \gg P - E` the loss stays at the plateau P. The reducible loss is half the harmonic
    mean of T and :math:`P - E`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A / N_{ref}^\alpha`, what the parameters' term is at the reference size where the
        plateau is far; scalar, units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters far below the plateau, positive = falling;
        scalar, no unit.
    tokens_scale
        :math:`B / D_{ref}^\beta`, what the tokens' term is at the reference tokens where the
        plateau is far; scalar, units of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens far below the plateau, positive = falling; scalar, no
        unit.
    plateau
        :math:`P`, the loss at the smallest scale, such as the error of guessing; scalar, above
        irreducible, in the units of y. The default prior is on P - E over the largest outcome
        (``relative_rise``).

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    The law that it bounds: Hoffmann et al. (2022), arXiv:2203.15556. Plateaus of random guessing
    at small scale: Rosenfeld et al. (2020), arXiv:1909.12673.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.BoundedRational(
    ...     irreducible=0.1,
    ...     params_scale=20.0,
    ...     params_exponent=0.3,
    ...     tokens_scale=30.0,
    ...     tokens_exponent=0.3,
    ...     plateau=0.9,
    ... )
    >>> law.evaluate(params=[1.0, 1e8], tokens=[1.0, 1e9]).round(3).tolist()
    [0.887, 0.219]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    plateau: Prior | float = Prior("LogNormal", mu=0.4, sigma=1.0, on="relative_rise")

    inputs = ("params", "tokens")
    balanced = True
    terms = ()
    bounds = {"plateau": (0.0, float("inf")), "relative_rise": (0.0, float("inf"))}
    carriers = {
        "irreducible": FLOOR,
        "params_scale": ("level", "relative_scale", "relative_params_scale"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale"),
        "plateau": ("relative_rise",),
    }
    quantities = {
        **WITHOUT_PLATEAU,
        "relative_rise": ("largest outcomes", "plateau - irreducible over the largest outcome"),
    }
    formula = (
        "L(N, D) = (plateau · u + irreducible) / (1 + u),  u = [params_scale · "
        "(N/N_ref)^(-params_exponent) + tokens_scale · (D/D_ref)^(-tokens_exponent)] "
        "/ (plateau - irreducible)"
    )
    example = {
        "irreducible": 0.1,
        "params_scale": 0.1,
        "params_exponent": 0.5,
        "tokens_scale": 0.15,
        "tokens_exponent": 0.4,
        "plateau": 0.9,
    }
    use = (
        "Error rates and other outcomes that start near guessing. Where that is known fix it: "
        "plateau=0.9 for ten classes."
    )
    traps = (
        "Without runs near the plateau it follows its prior (the rest does not mind). A plateau "
        "that is given must lie above every level that the curve is to reach."
    )

    def _settle_terms(self):
        settled = without_plateau(self)
        for name in parameter_names(settled):
            object.__setattr__(self, name, getattr(settled, name))

    def natural(self, values, references):
        """Return every parameter from the quantities that carry the priors."""
        found = without_plateau(self).natural(values, references)
        if "plateau" in values:
            return {**found, "plateau": values["plateau"]}
        largest = references["y_top"] * references["y_ref"]
        return {**found, "plateau": found["irreducible"] + values["relative_rise"] * largest}

    def constants(self, parameters, references):
        """Return E, A, B, the exponents and the plateau."""
        found = without_plateau(self).constants(parameters, references)
        kept = {name: found[name] for name in ("E", "A", "alpha", "B", "beta")}
        return {**kept, "plateau": parameters["plateau"]}

    @staticmethod
    def expr(
        params,
        tokens,
        irreducible,
        params_scale,
        params_exponent,
        tokens_scale,
        tokens_exponent,
        plateau,
    ):
        """Return the loss, in reference units."""
        of_params = params_scale * params**-params_exponent
        of_tokens = tokens_scale * tokens**-tokens_exponent
        u = (of_params + of_tokens) / (plateau - irreducible)
        return irreducible + (plateau - irreducible) * u / (1 + u)
