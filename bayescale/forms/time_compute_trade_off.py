"""Time against compute: steps to a target loss, by batch size."""

import math

from bayescale.laws import Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class TimeComputeTradeOff(Law):
    r"""Steps to a target loss fall with the batch size, towards the fewest steps.

    .. math:: S(B) = S_{min} \left(1 + \frac{B_{crit}}{B}\right)
              \quad\Leftrightarrow\quad
              \left(\frac{S}{S_{min}} - 1\right)\left(\frac{E}{E_{min}} - 1\right) = 1

    The input is the batch size, the outcome the number of steps. Training sees :math:`E = BS`
    examples and at least :math:`E_{min} = S_{min} B_{crit}`. Small batches waste time
    (:math:`S \to E_{min}/B`), large ones compute (:math:`S \to S_{min}`); at :math:`B_{crit}` both
    are twice their least. It is the power law in B with exponent 1 and the floor
    :math:`S_{min}`; with an exponent of its own, :math:`S = a + b/B^\alpha` (Zhang et al. 2024),
    use :class:`~bayescale.PowerLaw`.

    Parameters
    ----------
    min_steps
        :math:`S_{min}`, the fewest steps, at an infinite batch; scalar, in the units of y. By
        default the prior is on ``level``, the steps at the reference batch.
    critical_batch
        :math:`B_{crit}`, the batch size at which training takes twice as many; scalar, units of
        batch.

    Raises
    ------
    LawError
        If a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    McCandlish et al. (2018), arXiv:1812.06162; Kaplan et al. (2020), arXiv:2001.08361; Zhang et al.
    (2024), arXiv:2410.21676.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.TimeComputeTradeOff(min_steps=1500.0, critical_batch=2000.0)
    >>> law.evaluate(batch=[500.0, 2000.0]).tolist()
    [7500.0, 3000.0]
    """

    min_steps: Prior | float = Prior("LogNormal", mu=0.0, sigma=0.5, on="level")
    critical_batch: Prior | float = Prior(
        "LogNormal", mu=0.0, sigma=1.5, on="relative_critical_batch"
    )

    inputs = ("batch",)
    terms = ()
    input_units = {"critical_batch": "batch"}
    carriers = {
        "min_steps": ("level", "relative_min_steps"),
        "critical_batch": ("relative_critical_batch",),
    }
    bounds = dict.fromkeys(("min_steps", "critical_batch"), (0.0, math.inf))
    quantities = {
        "level": ("reference outcomes", "steps at the reference batch over the reference outcome"),
        "min_steps": ("units of y", "steps at an infinite batch"),
        "S_min": ("units of y", "the fewest steps"),
        "B_crit": ("units of batch", "where steps and examples are twice their least"),
        "E_min": ("units of y · batch", "the fewest examples"),
    }
    formula = "S(B) = min_steps · (1 + critical_batch/B)"
    use = "Steps to one target loss at several batch sizes, each with its own best learning rate."
    traps = (
        "Only runs to the same loss belong together. Steps that were read at evaluations come in "
        "coarse grains at large batches, where they decide the fewest steps."
    )
    example = {"min_steps": 1.2, "critical_batch": 0.8}
    example_range = {"batch": (0.05, 20.0)}

    def shape(self, values, references):
        """Return the fewest steps and the critical batch."""
        found = super().shape(values, references)
        if "level" in values:
            rest = 1 + found["critical_batch"] / references["batch_ref"]
            found["min_steps"] = values["level"] * references["y_ref"] / rest
        return found

    @property
    def bends(self):
        """What makes the curve bend on log axes."""
        return "The fewest steps"

    def constants(self, parameters, references):
        """Return S_min, B_crit and E_min."""
        steps, batch = parameters["min_steps"], parameters["critical_batch"]
        return {"S_min": steps, "B_crit": batch, "E_min": steps * batch}

    @staticmethod
    def expr(batch, min_steps, critical_batch):
        """Return the steps, in reference units."""
        return min_steps * (1 + critical_batch / batch)
