"""Kaplan's law of parameters and optimizer steps."""

from dataclasses import InitVar
from typing import Any

import numpy as np

from bayescale.kaplan import KaplanFrontier
from bayescale.laws import (
    EXPONENT_PRIOR,
    LEVEL_PRIOR,
    SHARE_PRIOR,
    UNIT_REFERENCES,
    Law,
)
from bayescale.prior import Prior
from bayescale.registry import law


@law
class KaplanModelSteps(Law):
    r"""Loss falls as a power of the parameters plus a power of the optimizer steps.

    .. math:: L(N, S) = L_\infty + \left(\frac{N_c}{N}\right)^{\alpha_N}
              + \left(\frac{S_c}{S}\right)^{\alpha_S}

    As :math:`S \to \infty` a model of N parameters has converged; as :math:`N \to \infty` the loss
    is a law of the steps alone. S is the number of steps at a batch far above the critical one
    (:math:`S_{min}`): steps S at batch B count as :math:`S / (1 + B_{crit}(L)/B)`. Kaplan et al.
    have no floor.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y. 0 by
        default.
    params_scale
        :math:`(N_c/N_{ref})^{\alpha_N}`, the parameters' term at the reference size; scalar, units
        of y.
    params_exponent
        :math:`\alpha_N`, exponent of the parameters, positive = falling; scalar, no unit.
    steps_scale
        :math:`(S_c/S_{ref})^{\alpha_S}`, the steps' term at the reference steps; scalar, units of
        y.
    steps_exponent
        :math:`\alpha_S`, exponent of the steps, positive = falling; scalar, no unit.
    N_c
        The literature's constant in place of params_scale; parameters.
    S_c
        The literature's constant in place of steps_scale; steps.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, equation 1.6.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.KaplanModelSteps(
    ...     N_c=6.5e13, params_exponent=0.077, S_c=2.1e3, steps_exponent=0.76
    ... )
    >>> law.evaluate(params=1e9, steps=1e5).round(4).item()
    2.4005
    >>> round(law.frontier(B_star=2.1e8, alpha_B=0.21).compute_exponent, 4)
    0.0525
    """

    irreducible: Prior | float = 0.0
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    steps_scale: Prior | float = SHARE_PRIOR.placed_on("steps_share")
    steps_exponent: Prior | float = EXPONENT_PRIOR
    N_c: InitVar[Prior | float | None] = None
    S_c: InitVar[Prior | float | None] = None

    inputs = ("params", "steps")
    balanced = True
    terms = ("params_scale", "steps_scale")
    carriers = {
        **Law.carriers,
        "params_scale": ("level", "relative_scale", "relative_params_scale", "N_c"),
        "steps_scale": ("steps_share", "relative_steps_scale", "S_c"),
    }
    quantities = {
        "N_c": ("units of params", "where the parameters' term equals 1"),
        "S_c": ("units of steps", "where the steps' term equals 1"),
        "steps_share": ("no unit", "the steps' part of the reducible loss at the reference inputs"),
    }
    formula = (
        "L(N, S) = irreducible + params_scale · (N/N_ref)^(-params_exponent) "
        "+ steps_scale · (S/S_ref)^(-steps_exponent)"
    )
    example = {
        "irreducible": 1.2,
        "params_scale": 1.0,
        "params_exponent": 0.25,
        "steps_scale": 0.3,
        "steps_exponent": 0.7,
    }
    use = (
        "Learning curves of models of several sizes, after warm-up; with a critical batch size it "
        "gives Kaplan's compute-optimal frontier in closed form."
    )
    traps = (
        "Steps are those at a large batch: convert steps at a small batch first. Steps of warm-up "
        "do not follow the law, and the points of one learning curve are not independent runs."
    )

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from N_c or S_c."""
        role = term.removesuffix("_scale")
        return (value / references[f"{role}_ref"]) ** shape[f"{role}_exponent"]

    def constants(self, parameters, references):
        """Return N_c, S_c and the exponents."""
        of_params, of_steps = parameters["params_exponent"], parameters["steps_exponent"]
        with np.errstate(over="ignore"):
            n_c = references["params_ref"] * parameters["params_scale"] ** (1 / of_params)
            s_c = references["steps_ref"] * parameters["steps_scale"] ** (1 / of_steps)
        found = {"N_c": n_c, "alpha_N": of_params, "S_c": s_c, "alpha_S": of_steps}
        return {"irreducible": parameters["irreducible"], **found}

    def frontier(
        self, *, B_star: Any, alpha_B: Any, parameters: Any = None, references: Any = None
    ) -> KaplanFrontier:
        """Return the compute-optimal frontier that follows with a critical batch size.

        Parameters
        ----------
        B_star, alpha_B
            The critical batch size in tokens is B_star / L^(1/alpha_B).
        parameters
            Parameter to value or draws, such as ``fit.parameters``; the law's own numbers by
            default.
        references
            The references of these parameters, such as ``fit.runs.references``.

        Returns
        -------
        KaplanFrontier
            Of numbers, or of draws, with the law's floor if it has one.

        Raises
        ------
        LawError
            If no parameters are given and the law's own are not all numbers.
        """
        if parameters is None:
            self.evaluate(**dict.fromkeys(self.inputs, 1.0))  # a LawError if any is uncertain
        values = self.numbers if parameters is None else parameters
        found = self.constants(values, UNIT_REFERENCES if references is None else references)
        names = ("N_c", "alpha_N", "S_c", "alpha_S", "irreducible")
        return KaplanFrontier(
            **{name: found[name] for name in names}, B_star=B_star, alpha_B=alpha_B
        )

    @staticmethod
    def expr(
        params, steps, irreducible, params_scale, params_exponent, steps_scale, steps_exponent
    ):
        """Return the loss, in reference units."""
        return (
            irreducible
            + params_scale * params**-params_exponent
            + steps_scale * steps**-steps_exponent
        )
