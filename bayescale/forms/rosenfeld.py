"""Rosenfeld's law of model and data size, bounded by the error of guessing."""

import numpy as np

from bayescale.anchoring import FLOOR
from bayescale.forms.bounded_rational import WITHOUT_PLATEAU, without_plateau
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.parameters import parameter_names
from bayescale.prior import Prior
from bayescale.registry import law


@law
class Rosenfeld(Law):
    r"""Error falls with model and data size from that of guessing, smoothly at both ends.

    .. math:: \varepsilon(m, n) = \varepsilon_0 \left|
              \frac{\tilde\varepsilon}{\tilde\varepsilon - i\eta}\right|
              = \frac{\varepsilon_0 \tilde\varepsilon}{\sqrt{\tilde\varepsilon^2 + \eta^2}},
              \qquad \tilde\varepsilon(m, n) = a n^{-\alpha} + b m^{-\beta} + c_\infty

    Only the ratios of a, b and :math:`c_\infty` to :math:`\eta` matter: all four times any number
    give the same error. So :math:`\eta = \varepsilon_0` is no restriction, and then

    .. math:: \varepsilon = \left(\tilde\varepsilon^{-2} + \varepsilon_0^{-2}\right)^{-1/2}

    is :math:`\tilde\varepsilon`, Chinchilla's form, where that is small, and :math:`\varepsilon_0`
    where it is large. The published a, b, c are the ones here times
    :math:`\eta/\varepsilon_0`. As both sizes grow the error reaches
    :math:`(c_\infty^{-2} + \varepsilon_0^{-2})^{-1/2}`, a little below :math:`c_\infty`.

    Parameters
    ----------
    irreducible
        :math:`c_\infty`, what :math:`\tilde\varepsilon` is at infinite scale; scalar, in the units
        of y.
    params_scale
        :math:`b m_{ref}^{-\beta}`, the parameters' term of :math:`\tilde\varepsilon` at the
        reference size; scalar, units of y.
    params_exponent
        :math:`\beta` of the paper, exponent of the parameters far below the plateau, positive =
        falling; scalar, no unit.
    tokens_scale
        :math:`a n_{ref}^{-\alpha}`, the data's term of :math:`\tilde\varepsilon` at the reference
        data size; scalar, units of y.
    tokens_exponent
        :math:`\alpha` of the paper, exponent of the data size far below the plateau, positive =
        falling; scalar, no unit.
    plateau
        :math:`\varepsilon_0`, the error at the smallest scale, that of guessing; scalar, in the
        units of y. The default prior is on its ratio to the largest outcome.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Rosenfeld et al. (2020), arXiv:1909.12673.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Rosenfeld(
    ...     irreducible=0.1,
    ...     params_scale=20.0,
    ...     params_exponent=0.3,
    ...     tokens_scale=30.0,
    ...     tokens_exponent=0.3,
    ...     plateau=0.9,
    ... )
    >>> law.evaluate(params=[1.0, 1e8], tokens=[1.0, 1e9]).round(3).tolist()
    [0.9, 0.231]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    plateau: Prior | float = Prior("LogNormal", mu=0.4, sigma=1.0, on="relative_plateau")

    inputs = ("params", "tokens")
    balanced = True
    terms = ()
    bounds = {"plateau": (0.0, np.inf)}
    carriers = {
        "irreducible": FLOOR,
        "params_scale": ("level", "relative_scale", "relative_params_scale"),
        "tokens_scale": ("tokens_share", "relative_tokens_scale"),
        "plateau": ("relative_plateau",),
    }
    quantities = {
        **WITHOUT_PLATEAU,
        "relative_plateau": ("largest outcomes", "plateau over the largest outcome"),
    }
    formula = (
        "L(N, D) = (e^(-2) + plateau^(-2))^(-1/2),  e = irreducible + params_scale · "
        "(N/N_ref)^(-params_exponent) + tokens_scale · (D/D_ref)^(-tokens_exponent)"
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
        "Error rates over model and data size, from guessing down; where the error of guessing is "
        "known fix it: plateau=0.9 for ten classes."
    )
    traps = (
        "irreducible is a parameter of the error without a plateau: the limit of the curve is a "
        "little lower. Without runs near the plateau it follows its prior."
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
        return {**found, "plateau": values["relative_plateau"] * largest}

    def constants(self, parameters, references):
        """Return the paper's constants with eta = eps_0: a of the data, b of the parameters."""
        found = without_plateau(self).constants(parameters, references)
        data = {"a": found["B"], "alpha": found["beta"]}
        model = {"b": found["A"], "beta": found["alpha"]}
        return {**data, **model, "c": found["E"], "eps_0": parameters["plateau"]}

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
        """Return the error, in reference units."""
        of_params = params_scale * params**-params_exponent
        of_tokens = tokens_scale * tokens**-tokens_exponent
        free = irreducible + of_params + of_tokens
        return plateau / np.sqrt(1 + (plateau / free) ** 2)
