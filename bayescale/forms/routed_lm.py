"""Routed language models: parameters and experts, bilinear in their logarithms."""

import math
from dataclasses import InitVar

import numpy as np

from bayescale.laws import Law
from bayescale.prior import Prior
from bayescale.registry import law

_REAL = (-math.inf, math.inf)


@law
class RoutedLM(Law):
    r"""Loss of a mixture of experts falls in its dense size and, up to a limit, in its experts.

    .. math:: \log_{10} L = a \log_{10} N + b \log_{10} \hat E
              + c \log_{10} N \log_{10} \hat E + d, \qquad
              \frac{1}{\hat E} = \frac{1}{E - 1 + (1/E_{start} - 1/E_{max})^{-1}}
              + \frac{1}{E_{max}}

    N is the size of the dense model (the parameters that one token meets) and E the number of
    experts, 1 for a dense model. As :math:`E \to \infty` the saturated count :math:`\hat E` reaches
    :math:`E_{max}`; at E = 1 it is :math:`E_{start}`. A positive c means that experts help the less
    the larger the model is; they stop helping at :math:`N = 10^{-b/c}`. There is no floor.
    The fields are the same law about the reference inputs, in natural logarithms: only c and d of
    the constants depend on the base, and they are in base 10, as published.

    Parameters
    ----------
    scale
        Loss at the reference inputs; scalar, in the units of y.
    params_exponent
        :math:`-(a + c \log_{10} \hat E_{ref})`, exponent of the parameters at the reference
        number of experts, positive = falling; scalar, no unit.
    experts_exponent
        :math:`-(b + c \log_{10} N_{ref})`, exponent of the saturated count at the reference
        size, positive = falling; scalar, no unit. By default the prior is on
        ``mean_experts_exponent``, the mean slope over the runs' expert counts.
    interaction
        :math:`c / \ln 10`, how much experts lose of their exponent for each e-fold of the
        parameters; scalar, no unit, either sign.
    experts_shift
        :math:`(1/E_{start} - 1/E_{max})^{-1} - 1`, added to the experts: how many it takes before
        they act as a power law; scalar, units of experts.
    experts_max
        :math:`E_{max}`, where more experts help no more; scalar, units of experts.
    a
        The literature's constant in place of params_exponent; no unit.
    b
        The literature's constant in place of experts_exponent; no unit.
    c
        The literature's constant, base 10, in place of interaction; no unit.
    d
        The literature's constant, base 10, in place of scale; log10 of y.
    E_start
        The saturated count of a dense model, in place of experts_shift; experts.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Clark et al. (2022), "Unified scaling laws for routed language models", arXiv:2202.01169.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.RoutedLM(a=-0.08, b=-0.1, c=0.01, d=1.1, E_start=2.0, experts_max=300.0)
    >>> law.evaluate(params=1e9, experts=[1, 64]).round(3).tolist()
    [2.382, 2.305]
    """

    scale: Prior | float = Prior("LogNormal", mu=0.0, sigma=0.5, on="relative_scale")
    params_exponent: Prior | float = Prior("LogNormal", mu=math.log(0.1), sigma=0.9)
    experts_exponent: Prior | float = Prior(
        "LogNormal", mu=math.log(0.03), sigma=0.9, on="mean_experts_exponent"
    )
    interaction: Prior | float = Prior("Normal", mu=0.0, sigma=0.01)
    experts_shift: Prior | float = Prior(
        "LogNormal", mu=math.log(0.1), sigma=1.5, on="relative_experts_shift"
    )
    experts_max: Prior | float = Prior(
        "LogNormal", mu=math.log(20.0), sigma=1.5, on="relative_experts_max"
    )
    a: InitVar[Prior | float | None] = None
    b: InitVar[Prior | float | None] = None
    c: InitVar[Prior | float | None] = None
    d: InitVar[Prior | float | None] = None
    E_start: InitVar[Prior | float | None] = None

    inputs = ("params", "experts")
    terms = ()
    input_units = {"experts_shift": "experts", "experts_max": "experts"}
    carriers = {
        "scale": ("relative_scale", "d"),
        "params_exponent": ("a",),
        "experts_exponent": ("mean_experts_exponent", "b"),
        "interaction": ("c",),
        "experts_shift": ("relative_experts_shift", "E_start"),
        "experts_max": ("relative_experts_max",),
    }
    bounds = {
        **dict.fromkeys(("a", "b", "c", "d"), _REAL),
        "E_start": (0.0, math.inf),
        "experts_shift": (0.0, math.inf),
        "experts_max": (0.0, math.inf),
    }
    quantities = {
        "relative_scale": ("reference outcomes", "loss at the reference inputs"),
        "mean_experts_exponent": (
            "no unit",
            "mean exponent of the experts themselves, from the fewest to the most, at the "
            "reference size",
        ),
        "d": ("log10 of y", "the literature's constant, base 10"),
        "c": ("no unit", "the literature's constant, base 10"),
        "E_start": ("units of experts", "saturated count of a dense model"),
        "E_max": ("units of experts", "saturated count of infinitely many experts"),
    }
    formula = (
        "L(N, E) = scale · n^(-params_exponent) · e^(-experts_exponent + interaction · ln n), "
        "n = N/N_ref, e = Ê/Ê_ref, 1/Ê = 1/(E + experts_shift) + 1/experts_max"
    )
    use = (
        "Mixtures of experts of several sizes and expert counts, dense models among them as E = 1."
    )
    traps = (
        "N is the dense count and not all parameters; c and d depend on the base of the "
        "logarithm (base 10 here, as published). Without runs at many experts E_max is the prior's."
    )
    example = {
        "scale": 2.6,
        "params_exponent": 0.08,
        "experts_exponent": 0.04,
        "interaction": 0.004,
        "experts_shift": 0.1,
        "experts_max": 30.0,
    }
    example_range = {"experts": (0.05, 40.0)}

    def shape(self, values, references):
        """Return every parameter, from those of the literature's constants that carry priors."""
        found = super().shape(values, references)
        log_size, size = np.log(references["params_ref"]), references["experts_ref"]
        if "E_start" in values:
            shift = 1 / (1 / values["E_start"] - 1 / found["experts_max"]) - 1
            found["experts_shift"] = shift
        log_count = np.log(_saturated(size, found["experts_shift"], found["experts_max"]))
        if "c" in values:
            found["interaction"] = values["c"] / math.log(10)
        bend = found["interaction"]
        if "mean_experts_exponent" in values:
            ends = [references["experts_start"], references["experts_end"]]
            first, last = (
                _saturated(end, found["experts_shift"], found["experts_max"]) for end in ends
            )
            fall = values["mean_experts_exponent"] * np.log(ends[1] / ends[0])
            found["experts_exponent"] = fall / np.log(last / first)
        if "a" in values:
            found["params_exponent"] = -values["a"] - bend * log_count
        if "b" in values:
            found["experts_exponent"] = -values["b"] - bend * log_size
        if "d" in values:
            a = -found["params_exponent"] - bend * log_count
            b = -found["experts_exponent"] - bend * log_size
            power = a * log_size + b * log_count + bend * log_size * log_count
            found["scale"] = np.exp(values["d"] * math.log(10) + power)
        return found

    def constants(self, parameters, references):
        """Return a, b, c and d in base 10, and the saturated count's E_start and E_max."""
        shift, most = parameters["experts_shift"], parameters["experts_max"]
        bend, log_size = parameters["interaction"], np.log(references["params_ref"])
        log_count = np.log(_saturated(references["experts_ref"], shift, most))
        a = -parameters["params_exponent"] - bend * log_count
        b = -parameters["experts_exponent"] - bend * log_size
        power = a * log_size + b * log_count + bend * log_size * log_count
        d = (np.log(parameters["scale"]) - power) / math.log(10)
        found = {"a": a, "b": b, "c": bend * math.log(10), "d": d}
        return {**found, "E_start": _saturated(1.0, shift, most), "E_max": most}

    @staticmethod
    def expr(
        params,
        experts,
        scale,
        params_exponent,
        experts_exponent,
        interaction,
        experts_shift,
        experts_max,
    ):
        """Return the loss, in reference units."""
        log_size = np.log(params)
        count = _saturated(experts, experts_shift, experts_max)
        log_count = np.log(count) - np.log(_saturated(1.0, experts_shift, experts_max))
        slopes = -params_exponent * log_size - experts_exponent * log_count
        return scale * np.exp(slopes + interaction * log_size * log_count)


def _saturated(experts, shift, most):
    """Return the saturated count of experts; all three in one unit."""
    return 1 / (1 / (experts + shift) + 1 / most)
