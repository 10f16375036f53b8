"""The power law with a floor."""

import math
from collections.abc import Mapping
from dataclasses import InitVar

from bayescale.laws import FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class PowerLaw(Law):
    r"""Loss falls as a power of one input, towards a floor.

    .. math:: L(x) = L_\infty + S \left(\frac{x}{x_{ref}}\right)^{-\alpha}
              = L_\infty + \left(\frac{x_0}{x}\right)^{\alpha}

    As :math:`x \to \infty` the loss reaches :math:`L_\infty`; with ``irreducible=0.0`` it is the
    pure power law, a straight line on log axes. Without a floor the exponent may be negative: then
    it is a law of something that grows, such as the best model's size with the amount of data,
    :math:`p(m) = \sigma m^{\beta}`.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y.
        By default its share in the loss at the largest input is uniform.
    scale
        :math:`S`, the reducible loss at the reference input :math:`x_{ref}` (the geometric mean
        of the inputs); scalar, in the units of y.
    exponent
        :math:`\alpha`, slope of the reducible loss on log axes, positive = falling; scalar, no
        unit. Negative numbers, and priors that reach below zero, need ``irreducible=0.0``.
    x0
        :math:`x_0`, the literature's constant, in the units of x: another name of the scale,
        :math:`S = (x_0/x_{ref})^\alpha`. Give one of the two.

    Raises
    ------
    LawError
        If both scale and x0 are given, or a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Hestness et al. (2017), arXiv:1712.00409; Kaplan et al. (2020), arXiv:2001.08361; Henighan et
    al. (2020), arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Beta", alpha=2, beta=5)).irreducible
    0.0

    Something that grows, with a negative exponent:

    >>> size = bs.PowerLaw(irreducible=0.0, scale=9.4e-4, exponent=-0.68)
    >>> size.evaluate(x=768e6).round(1).item()
    1035.6
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = Prior("LogNormal", mu=math.log(0.25), sigma=0.94)
    x0: InitVar[Prior | float | None] = None

    use = (
        "Runs over one input (parameters, tokens, compute, examples) whose reducible loss is "
        "straight on log axes. The first law to fit: every other has to beat it in a backtest."
    )
    traps = (
        "Floor and exponent trade off unless the largest runs come near the floor: within the runs "
        "a bend can be a floor or a break. The literature's x0 is an extrapolation that depends on "
        "tokenizer and units; compare levels, floors and exponents instead."
    )
    formula = "L(x) = irreducible + scale · (x/x_ref)^(-exponent)"
    example = {"irreducible": 1.7, "scale": 1.2, "exponent": 0.3}

    # A property where the base has a constant (hence the override that the type checker is told
    # of): what has a floor can only fall towards it.
    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:  # type: ignore[override]
        """Bounds of parameters and quantities."""
        return {"exponent": (-math.inf, math.inf)} if self.irreducible == 0.0 else {}

    @property
    def only_falls(self) -> bool:
        """Whether the exponent cannot be negative."""
        given = self.exponent
        return (given.support[0] if isinstance(given, Prior) else given) >= 0.0

    @property
    def rises(self) -> bool:
        """Whether the exponent is negative, or as likely negative as not."""
        given = self.exponent
        middle = given.frozen().median() if isinstance(given, Prior) else given
        return float(middle) < 0.0

    @staticmethod
    def expr(x, irreducible, scale, exponent):
        """Return the loss at x, in reference units."""
        return irreducible + scale * x**-exponent
