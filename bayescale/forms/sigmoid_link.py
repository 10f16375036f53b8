"""The sigmoid link: downstream accuracy as a function of loss."""

import math

import numpy as np

from bayescale.errors import DataError
from bayescale.laws import Law
from bayescale.likelihoods import Normal
from bayescale.prior import Prior
from bayescale.registry import law


@law
class SigmoidLink(Law):
    r"""Accuracy climbs from chance to a top as the loss falls.

    .. math:: y(L) = c + \frac{t - c}{1 + e^{k (L - m)}}

    As the loss grows it is :math:`c`, as the loss falls :math:`t` (less what is left at zero
    loss). With :func:`~bayescale.two_stage` it becomes a forecast of accuracy from scale.

    Parameters
    ----------
    chance
        :math:`c`, accuracy of a model that knows nothing; scalar, in the units of y. Give the
        number where it is known: ``chance=0.25`` with four choices. By default its share in the
        accuracy at the largest loss is uniform.
    top
        :math:`t`, the most that the accuracy can be; scalar, in the units of y: ``top=1.0``, or 100
        for per cent. By default the best run lies somewhere between chance and top.
    midpoint
        :math:`m`, the loss halfway between; scalar, in the units of the loss.
    steepness
        :math:`k`, how abrupt the climb is; scalar, per unit of the loss. The steepest slope is
        :math:`k (t - c)/4`.

    Raises
    ------
    DataError
        If no run exceeds a chance that was given.
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Grattafiori et al. (2024), "The Llama 3 herd of models", arXiv:2407.21783; Bhagia et al.
    (2024), "Establishing task scaling laws via compute-efficient model ladders",
    arXiv:2412.04403.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.SigmoidLink(chance=0.25, top=1.0, midpoint=2.5, steepness=4.0)
    >>> law.evaluate(loss=[2.0, 2.5, 9.0]).round(3).tolist()
    [0.911, 0.625, 0.25]
    """

    chance: Prior | float = Prior("Uniform", lower=0.0, upper=1.0, on="chance_share")
    top: Prior | float = Prior("Beta", alpha=2.0, beta=1.0, on="best_share")
    midpoint: Prior | float = Prior("LogNormal", mu=0.0, sigma=0.5, on="relative_midpoint")
    steepness: Prior | float = Prior(
        "LogNormal", mu=math.log(6.0), sigma=1.0, on="relative_steepness"
    )

    inputs = ("loss",)
    terms = ()
    default_likelihood = Normal
    carriers = {
        "chance": ("chance_share",),
        "top": ("best_share",),
        "midpoint": ("relative_midpoint",),
        "steepness": ("relative_steepness",),
    }
    bounds = {"midpoint": (0.0, math.inf), "steepness": (0.0, math.inf)}
    input_units = {"midpoint": "loss"}
    quantities = {
        "chance": ("units of y", "outcome at infinite loss"),
        "chance_share": ("no unit", "chance over the outcome at the largest loss"),
        "top": ("units of y", "outcome far below the midpoint"),
        "best_share": ("no unit", "best outcome seen above chance, over top above chance"),
        "relative_midpoint": ("reference losses", "loss halfway between chance and top"),
        "steepness": ("per unit of loss", "how abrupt the climb is"),
        "relative_steepness": ("per reference loss", "how abrupt the climb is"),
    }
    formula = "y(L) = chance + (top - chance) / (1 + exp(steepness · (L - midpoint)))"
    use = (
        "Downstream accuracy of checkpoints or models against their loss, best the loss on the "
        "right answers of the same task; then two_stage() for accuracy from scale."
    )
    traps = (
        "Where no run is near the top or near chance the priors set them: give the numbers. Losses "
        "must come from one data set and tokenizer. Do not pass ceiling=: y itself is modelled."
    )
    example = {"chance": 0.25, "top": 0.95, "midpoint": 1.0, "steepness": 4.0}
    example_range = {"loss": (0.3, 3.0)}

    @property
    def bends(self) -> str:
        """Losses seldom span a decade; no warning of that."""
        return ""

    def check(self, runs):
        """Raise a DataError where the best run is no better than a chance that was given."""
        best = runs.outcome.max()
        if isinstance(self.chance, float) and best <= self.chance:
            raise DataError(
                f"No run has {runs.outcome_column!r} above chance={self.chance:g}; the largest is "
                f"{best:g}. Are they in one unit (0.25 or 25 per cent)?"
            )

    def shape(self, values, references):
        """Return chance and top from what was seen, midpoint and steepness from the losses."""
        found = super().shape(values, references)
        y_ref, loss = references["y_ref"], references["loss_ref"]
        if "chance_share" in values:
            found["chance"] = values["chance_share"] * references["y_drop"] * y_ref
        if "best_share" in values:
            seen = references["y_top"] * y_ref - found["chance"]
            found["top"] = found["chance"] + seen / values["best_share"]
        if "relative_steepness" in values:
            found["steepness"] = values["relative_steepness"] / loss
        return found

    def curve(self, inputs, parameters, references):
        """Return the outcome; steepness is per unit of loss, the inverse of an input's unit."""
        steepness = parameters["steepness"] * references["loss_ref"]
        return super().curve(inputs, {**parameters, "steepness": steepness}, references)

    @staticmethod
    def expr(loss, chance, top, midpoint, steepness):
        """Return the outcome at a loss, in reference units."""
        return chance + (top - chance) * (1 - np.tanh(steepness * (loss - midpoint) / 2)) / 2
