"""The saturating power law: a plateau, a power law, a floor; Hill and MMF curves."""

import math

import numpy as np

from bayescale import anchoring
from bayescale.errors import DataError
from bayescale.implicit import saturating_logit, softplus
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law

#: The plateau's prior: most runs lie below it, and those at small inputs not far.
PLATEAU_PRIOR = Prior("LogNormal", mu=math.log(1.2), sigma=0.3, on="relative_plateau")
PLATEAU_QUANTITIES = {
    "plateau": ("units of y", "outcome as the input goes to zero: that of the best guess"),
    "relative_plateau": ("largest outcomes", "plateau over the largest outcome"),
}


@law
class SaturatingPowerLaw(Law):
    r"""From a plateau of best guesses the loss bends into a power law towards a floor (M4).

    .. math:: \frac{L(x) - E}{(L_0 - L(x))^{a}} = \beta\,x^{-c}

    As :math:`x \to 0` the loss reaches :math:`L_0`, as :math:`x \to \infty` the floor :math:`E`
    with slope :math:`c`. The limit :math:`a \to 0` is the power law with a floor
    (:class:`PowerLaw`). ``saturation=1.0`` is a logistic in log x, the Hill and the
    Morgan-Mercer-Flodin (MMF) curve: :math:`L = E + (L_0 - E) / (1 + (x/x_h)^c)`,
    :math:`x_h = \beta^{1/c}`. The plateau is often known (``plateau=0.9`` for the error rate among
    ten even classes): then say so.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    plateau
        :math:`L_0`, the loss before anything is learned; scalar, in the units of y. By default
        the prior is on ``relative_plateau``, the plateau over the largest outcome.
    scale
        Reducible loss at the reference input; scalar, in the units of y.
    exponent
        :math:`c`, slope of the reducible loss at large inputs, positive = falling; scalar, no
        unit.
    saturation
        :math:`a`, how slowly the curve leaves its plateau: near 0 at a corner, 1 as a logistic,
        above 1 slower still; scalar, no unit.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.
    DataError
        If most runs lie above a plateau that is given as a number.

    References
    ----------
    Alabdulmohsin, Neyshabur and Zhai (2022), "Revisiting neural scaling laws in language and
    vision", arXiv:2209.06640; Viering and Loog (2023), "The shape of learning curves: a review",
    arXiv:2103.10948.

    Examples
    --------
    >>> import bayescale as bs
    >>> hill = bs.SaturatingPowerLaw(
    ...     irreducible=0.1, plateau=0.9, scale=0.4, exponent=0.5, saturation=1.0
    ... )
    >>> hill.evaluate(x=[1e-12, 1.0, 16.0]).round(3).tolist()
    [0.9, 0.5, 0.26]
    """

    irreducible: Prior | float = FLOOR_PRIOR
    plateau: Prior | float = PLATEAU_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = EXPONENT_PRIOR
    saturation: Prior | float = Prior("LogNormal", mu=math.log(0.7), sigma=0.8)

    formula = "(L(x) - irreducible) / (plateau - L(x))^saturation = beta · x^(-exponent)"
    use = "Error rates from few examples on: the small runs guess, the large ones follow a power."
    traps = (
        "Without runs near the plateau, plateau, saturation and exponent trade off: fix the "
        "plateau at the loss of the best guess."
    )
    example = {
        "irreducible": 0.1,
        "plateau": 1.0,
        "scale": 0.4,
        "exponent": 0.6,
        "saturation": 0.7,
    }
    carriers = {
        "irreducible": anchoring.FLOOR,
        "plateau": ("relative_plateau",),
        "scale": ("level", "relative_scale"),
    }
    bounds = {"plateau": (0.0, math.inf), "saturation": (0.0, math.inf)}
    quantities = PLATEAU_QUANTITIES
    # With a join of 1 this adds as usual; floor and scale of priors of their own stay unpaired,
    # because the fall of the reducible loss depends on both.
    floor_joins = True
    target_accept = 0.97

    @property
    def bends(self):
        """What makes the curve bend on log axes."""
        return "A plateau or a floor"

    def check(self, runs):
        """Raise where the reference outcome is above a plateau that is a number."""
        check_plateau(self, runs)

    def shape(self, values, references):
        """Return plateau, exponent and saturation."""
        return super().shape(values, references) | plateau_of(values, references)

    def natural(self, values, references):
        """Return every parameter; the floor's share is in the curve that falls as without one."""
        if "level" not in values:
            return super().natural(values, references)
        shape = self.shape(values, references)
        level = values["level"] * references["y_ref"]
        ratio = anchoring.drop(self, shape, references, {"scale": level}) / level
        floor, scale = anchoring.from_level(level, values["floor_share"], ratio)
        found = shape | {"irreducible": floor, "scale": scale}
        return {name: found[name] for name in self.example}

    def constants(self, parameters, references):
        """Return the literature's constants: beta in the user's units, c with the paper's sign."""
        floor, plateau, scale, c, a = (parameters[name] for name in self.example)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            beta = scale * references["x_ref"] ** c / (plateau - floor - scale) ** a
        return {"irreducible": floor, "plateau": plateau, "beta": beta, "c": -c, "alpha": a}

    @staticmethod
    def expr(x, irreducible, plateau, scale, exponent, saturation):
        """Return the loss at x, in reference units."""
        whole = plateau - irreducible
        room = whole - scale
        room = (room + abs(room)) / 2 + 1e-12 * abs(whole)
        z = np.log(scale) - np.log(room)
        h = saturation * softplus(z) - softplus(-z) - exponent * np.log(x)
        return irreducible + whole * np.exp(-softplus(-saturating_logit(h, saturation)))


def plateau_of(values, references):
    """Return the plateau from the largest outcome, where its prior is relative to that."""
    if "relative_plateau" not in values:
        return {}
    top = references["y_top"] * references["y_ref"]
    return {"plateau": values["relative_plateau"] * top}


def check_plateau(law, runs):
    """Raise a DataError where a plateau that is a number is below the reference outcome."""
    reference = runs.references["y_ref"]
    if not isinstance(law.plateau, Prior) and reference >= law.plateau:
        raise DataError(
            f"{type(law).__name__} has plateau={law.plateau:g}, the largest loss it can have, but "
            f"the runs' geometric mean is {reference:g}. Give the plateau in the units of "
            f"{runs.outcome_column!r}, or leave it out."
        )
