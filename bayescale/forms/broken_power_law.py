"""The broken power law: smooth changes of slope on log axes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import InitVar
from typing import Any

import numpy as np

from bayescale.errors import LawError
from bayescale.given import short
from bayescale.laws import FLOOR_PRIOR, LEVEL_PRIOR, Law, option
from bayescale.prior import Fixed, Prior
from bayescale.registry import law

#: More breaks than this no table of runs can bear.
MOST_BREAKS = 8
_PLACEMENTS = ("cells", "fixed", "free")


@law
class BrokenPowerLaw(Law):
    r"""The slope on log axes changes smoothly at one break or several, towards a floor.

    .. math:: L(x) = L_\infty + b\,x^{-c_0} \prod_{i=1}^{n}
              \left(1 + (x/d_i)^{1/f_i}\right)^{-c_i f_i}

    After break k the slope of the reducible loss is :math:`-(c_0 + \dots + c_k)`. It is evaluated
    as a sum of softplus terms in log x, and :math:`b` is held as ``scale``, the reducible loss at
    the reference input. A curve that rises and falls again (double descent) has exponents of both
    signs: ``monotone=False``.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        Reducible loss at the reference input; scalar, in the units of y.
    exponent
        :math:`c_0`, exponent of the first segment, positive = falling; scalar, no unit. By default
        the prior is on ``last_exponent``, that of the last segment, and the others follow by
        ``exponent_walk`` back in x.
    break_location
        :math:`d_i`, where the slope changes, in rising order; shape (breaks,), units of x.
    exponent_change
        :math:`c_i`, exponent after break i minus before; shape (breaks,), no unit.
    break_sharpness
        :math:`1/f_i`, how abruptly the slope changes, larger is sharper; shape (breaks,), no
        unit. The change takes :math:`1.91 f_i` decades from 10 % to 90 %.
    breaks
        How many breaks, from 1 to 8. Two or three do for a curve that falls; one that rises and
        falls again needs about six.
    placement
        ``"cells"`` (the default) estimates each break inside a cell of its own, log x divided
        evenly; ``"fixed"`` holds breaks and sharpness at the cells' nodes, which samples best and
        suits forecasts; ``"free"`` lets them lie anywhere between the smallest and the largest
        input, which samples worst (two places can explain a curve equally well).
    monotone
        Whether every exponent is positive. If not, ``exponent_change`` has either sign.
    x0
        :math:`x_0 = b^{1/c_0}`, another name of the scale; in the units of x.
    b
        The literature's offset, in place of scale: the first segment's coefficient, which is the
        reducible loss at x = 1 without the breaks; units of y · (units of x)^exponent.

    Raises
    ------
    LawError
        If breaks or placement are not one of those above, or a parameter is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Caballero et al. (2023), "Broken neural scaling laws", arXiv:2210.14891.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.BrokenPowerLaw(breaks=1, break_location=600.0).break_location
    (600.0,)
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float | None = None
    break_location: Prior | float | Sequence[float] | None = None
    exponent_change: Prior | float | Sequence[float] | None = None
    break_sharpness: Prior | float | Sequence[float] | None = None
    breaks: int = option(default=1)
    placement: str = option(default="cells")
    monotone: bool = option(default=True)
    x0: InitVar[Prior | float | None] = None
    b: InitVar[Prior | float | None] = None

    formula = (
        "L(x) = irreducible + b · x^(-exponent) · "
        "Π (1 + (x/break_location)^break_sharpness)^(-exponent_change/break_sharpness)"
    )
    example = {
        "irreducible": 0.1,
        "scale": 1.2,
        "exponent": 0.1,
        "break_location": (3.0,),
        "exponent_change": (0.5,),
        "break_sharpness": (2.0,),
    }
    carriers = {
        **Law.carriers,
        "scale": (*Law.carriers["scale"], "b"),
        "exponent": ("last_exponent",),
        "break_location": ("cell_position", "break_gap"),
        "exponent_change": ("exponent_walk",),
        "break_sharpness": ("relative_width",),
    }
    quantities = {
        "last_exponent": ("no unit", "exponent of the last segment"),
        "exponent_walk": (
            "per square root of an e-fold",
            "log ratio of the exponents before and after a break, over the square root of the "
            "cell's width in log x",
        ),
        "cell_position": ("cells of log x", "distance of a break from its node"),
        "break_gap": ("no unit", "log ratio of each gap between breaks to the first gap"),
        "relative_width": ("cells of log x", "width of a break, 1/break_sharpness"),
        "b": (
            "units of y · (units of x)^exponent",
            "the literature's offset: the first segment's coefficient",
        ),
    }
    use = (
        "Curves whose slope on log axes changes: a start-up plateau, a sudden drop, or double "
        "descent (`monotone=False`). Two or three breaks at fixed nodes (`placement='fixed'`) "
        "serve forecasts; one break in its cell says where a curve bends."
    )
    traps = (
        "A sharp break beyond the largest run leaves no trace in the runs, and no interval of this "
        "law knows of it. Until runs lie past the last break, floor, exponent change and location "
        "trade off: on 14 published points their correlations were 0.98 to 1.00."
    )
    input_units = {"break_location": "x"}
    collapsible = True
    target_accept = 0.97

    def __post_init__(self, x0=None, b=None) -> None:
        """Fill in the default priors that the options ask for, then check every field."""
        if self.breaks not in range(1, MOST_BREAKS + 1) or isinstance(self.breaks, bool):
            raise LawError(
                f"BrokenPowerLaw takes breaks= from 1 to {MOST_BREAKS}; got {short(self.breaks)}."
            )
        if self.placement not in _PLACEMENTS:
            raise LawError(
                f"BrokenPowerLaw takes placement={', '.join(map(repr, _PLACEMENTS))}; "
                f"got {short(self.placement)}."
            )
        for name, default in self._defaults().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        super().__post_init__(x0, b)

    def default_of(self, name: str) -> Any:
        """Return a field's default: of the breaks, what the options ask for."""
        return self._defaults().get(name, super().default_of(name))

    def _defaults(self) -> dict[str, Any]:
        walk = Prior("Normal", mu=0.0, sigma=0.8, on="exponent_walk")
        signed = Prior("Normal", mu=0.0, sigma=1.0)
        location: dict[str, Any] = {
            "cells": Prior("Normal", mu=0.0, sigma=0.2, on="cell_position"),
            "fixed": Fixed(0.0, "cell_position"),
            "free": Prior("Normal", mu=0.0, sigma=1.0, on="break_gap"),
        }
        spread = 0.3 if self.monotone else 0.5  # a peak can be much narrower than a cell
        width = Prior("LogNormal", mu=math.log(0.35), sigma=spread, on="relative_width")
        fixed = self.placement == "fixed"
        return {
            "exponent": Prior("LogNormal", mu=math.log(0.25), sigma=0.9, on="last_exponent"),
            "break_location": location[self.placement],
            "exponent_change": walk if self.monotone else signed,
            "break_sharpness": Fixed(0.35, "relative_width") if fixed else width,
        }

    # A property where the base has a constant: the bounds of exponents depend on `monotone`.
    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:  # type: ignore[override]
        """Bounds of parameters and quantities."""
        positive = (0.0, math.inf)
        mine = {"break_location": positive, "break_sharpness": positive, "last_exponent": positive}
        signed = {"exponent": (-math.inf, math.inf), "last_exponent": (-math.inf, math.inf)}
        return {**mine, **({} if self.monotone else signed)}

    @property
    def sizes(self) -> Mapping[str, int]:
        """One location, change and sharpness for each break."""
        return dict.fromkeys(("break_location", "exponent_change", "break_sharpness"), self.breaks)

    @property
    def only_falls(self) -> bool:
        """Whether the curve can do nothing but fall."""
        return self.monotone

    # A property where the base has a constant, as above.
    @property
    def places(self) -> tuple[str, ...]:  # type: ignore[override] (of the form elsewhere, of its option here)
        """The coordinates of breaks that lie anywhere: two places may explain one bend."""
        return ("break_gap", "break_location") if self.placement == "free" else ()

    @property
    def turns(self) -> bool:
        """Whether the curve may rise and fall again."""
        return not self.monotone

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes."""
        return "A floor or a break"

    @property
    def rows_needed(self) -> int:
        """Confined breaks lean on their cells; free ones need rows of their own."""
        return 4 + self.breaks * (3 if self.placement == "free" else 1)

    def shape(self, values, references):
        """Return exponent, locations, changes and sharpness from the quantities that carry them."""
        n = self.breaks
        log_start = np.log(references["x_start"])
        span = np.log(references["x_end"]) - log_start
        cell = span / (n + 1)
        exponents = self._exponents(values, cell)
        if "cell_position" in values:
            logs = [log_start + cell * (i + 1 + values["cell_position"][i]) for i in range(n)]
            location = _rising([np.exp(log) for log in logs])
        elif "break_gap" in values:
            gaps = [1.0, *(np.exp(gap) for gap in values["break_gap"])]
            total = sum(gaps)
            location = tuple(
                np.exp(log_start + span * sum(gaps[: i + 1]) / total) for i in range(n)
            )
        else:
            location = _rising(values["break_location"])
        if "relative_width" in values:
            sharpness = tuple(1 / (width * cell) for width in values["relative_width"])
        else:
            sharpness = values["break_sharpness"]
        return {
            "exponent": exponents[0],
            "break_location": location,
            "exponent_change": tuple(exponents[i + 1] - exponents[i] for i in range(n)),
            "break_sharpness": sharpness,
        }

    def _exponents(self, values: Mapping[str, Any], cell: Any) -> list[Any]:
        """Return the exponents of all segments, walked from the one that carries the prior."""
        backwards = "last_exponent" in values
        exponents = [values["last_exponent" if backwards else "exponent"]]
        for i in reversed(range(self.breaks)) if backwards else range(self.breaks):
            if "exponent_walk" in values:
                step = np.exp(values["exponent_walk"][i] * np.sqrt(cell))
                after = exponents[0] * step if backwards else exponents[-1] / step
            else:
                step = values["exponent_change"][i]
                after = exponents[0] - step if backwards else exponents[-1] + step
            exponents.insert(0 if backwards else len(exponents), after)
        return exponents

    def natural(self, values, references):
        """Return every parameter; the scale from b where that carries the prior."""
        if "b" in values:
            shape = self.shape(values, references)
            log_first = np.log(values["b"]) - shape["exponent"] * np.log(references["x_ref"])
            values = {**values, "scale": np.exp(log_first + self.log_bend(shape, references))}
        return super().natural(values, references)

    def log_bend(self, shape, references):
        """Return the log of the product over the breaks, at the reference input."""
        log_x = np.log(references["x_ref"])
        breaks = zip(
            shape["break_location"], shape["exponent_change"], shape["break_sharpness"], strict=True
        )
        return sum(-c / k * _softplus((log_x - np.log(d)) * k) for d, c, k in breaks)

    def constants(self, parameters, references):
        """Return the literature's constants: also the exponent of every segment, and b."""
        plain = super().constants(parameters, references)
        exponents = [parameters["exponent"]]
        for change in parameters["exponent_change"]:
            exponents.append(exponents[-1] + change)
        log_first = np.log(parameters["scale"]) - self.log_bend(parameters, references)
        with np.errstate(over="ignore", under="ignore"):
            b = np.exp(log_first + exponents[0] * np.log(references["x_ref"]))
        widths = tuple(1 / k for k in parameters["break_sharpness"])
        return {**plain, "b": b, "segment_exponent": tuple(exponents), "f": widths}

    @staticmethod
    def expr(x, irreducible, scale, exponent, break_location, exponent_change, break_sharpness):
        """Return the loss at x, in reference units; the breaks are sequences."""
        log_x = np.log(x)
        log_reducible = -exponent * log_x
        for d, c, k in zip(break_location, exponent_change, break_sharpness, strict=True):
            log_d = np.log(d)
            bend = _softplus((log_x - log_d) * k) - _softplus(-log_d * k)
            log_reducible = log_reducible - c / k * bend
        return irreducible + scale * np.exp(log_reducible)


def _softplus(z: Any) -> Any:
    """Return log(1 + exp(z)) without overflow, of arrays and tensors alike."""
    return (z + abs(z)) / 2 + np.log1p(np.exp(-abs(z)))


def _rising(parts: Sequence[Any]) -> tuple[Any, ...]:
    """Sort components elementwise: breaks of one prior have no other order."""
    ordered = list(parts)
    for end in range(len(ordered) - 1, 0, -1):
        for i in range(end):
            a, b = ordered[i], ordered[i + 1]
            ordered[i], ordered[i + 1] = (a + b - abs(a - b)) / 2, (a + b + abs(a - b)) / 2
    return tuple(ordered)
