"""The composite learning curve: the lower envelope of the curves of several model sizes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayescale.errors import LawError
from bayescale.given import short
from bayescale.laws import EXPONENT_PRIOR, Law, option
from bayescale.parameters import slots
from bayescale.prior import Prior
from bayescale.registry import law

#: Standard deviations of the default prior: of the log loss at the first crossing, and of a
#: crossing's place in cells of log x.
_LEVEL_SPREAD, _PLACE_SPREAD = 0.5, 0.35


@law
class CompositeCurve(Law):
    r"""The best of several model sizes at each amount of data: the envelope of their curves.

    .. math:: \log L(x) = -\frac{1}{k} \log \sum_{j=1}^{n} y_j(x)^{-k}, \qquad
              y_j(x) = E_j + S_j \left(\frac{x}{x_{ref}}\right)^{-\alpha_j}

    Each size has a power law of its own; larger sizes have lower floors and take over where they
    cross the size before. As :math:`k \to \infty` it is the smallest of the curves; where two of
    them meet it lies below both by :math:`\log(2)/k` in log y.

    By default the sizes are ordered: curve j is below the one before it right of where they cross,
    and its floor is lower. The priors are then on the crossings (one in each cell of log x,
    ``curve_offset``), on how much steeper the next curve is there (``slope_step``) and on the
    ratios of the floors (``floor_step``).

    Parameters
    ----------
    irreducible
        :math:`E_j`, the floor of each size, in falling order; shape (curves,), in the units of y.
    scale
        :math:`S_j`, reducible loss of each size at the reference input; shape (curves,), in the
        units of y. A prior or numbers here need the same of irreducible and exponent.
    exponent
        :math:`\alpha_j`, exponent of each size, positive = falling; shape (curves,), no unit.
    sharpness
        :math:`k`, how sharply one curve takes over from the next; scalar, no unit. Runs that are
        each the best of a grid of sizes say little of it, so it is fixed by default.
    curves
        How many sizes: 2, 3 or 4.

    Raises
    ------
    LawError
        If curves is not 2, 3 or 4, scale is given and the others are not, or a parameter is
        unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Hestness et al. (2017), "Deep learning scaling is predictable, empirically", arXiv:1712.00409:
    the composite curve; the soft minimum is this package's.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.CompositeCurve(irreducible=(0.4, 0.2), scale=(2.0, 4.0), exponent=(0.3, 0.3))
    >>> law.evaluate(x=[10.0, 1e6]).round(3).tolist()
    [1.402, 0.263]
    """

    irreducible: Prior | float | Sequence[float] = Prior(
        "Uniform", lower=0.0, upper=1.0, on="floor_step"
    )
    scale: Prior | float | Sequence[float] = Prior("Normal", mu=0.0, sigma=1.0, on="curve_offset")
    exponent: Prior | float | Sequence[float] = EXPONENT_PRIOR.placed_on("slope_step")
    sharpness: Prior | float = 20.0
    curves: int = option(default=2)

    terms = ()
    component = "size"
    target_accept = 0.97
    carriers = {
        "irreducible": ("floor_step",),
        "scale": ("curve_offset",),
        "exponent": ("slope_step",),
    }
    bounds = {
        "floor_step": (0.0, 1.0),
        "slope_step": (0.0, np.inf),
        "sharpness": (0.0, np.inf),
    }
    quantities = {
        "floor_step": (
            "no unit",
            "floor of the first size over its loss at the first crossing; of others, over the "
            "floor of the size before",
        ),
        "slope_step": (
            "no unit",
            "exponent of the first size; of others, by how much they are steeper on log axes than "
            "the size before, where they cross it",
        ),
        "curve_offset": (
            "no unit",
            "log of the loss at the first crossing over the reference outcome, in units of "
            f"{_LEVEL_SPREAD}; then, for each next size, where it crosses the size before: "
            f"distance from its node in log x, in units of {_PLACE_SPREAD} cells",
        ),
        "E": ("units of y", "floor of each size"),
        "S": ("units of y · x^alpha", "the literature's coefficient of each size"),
    }
    formula = "log L(x) = -1/k · log Σ_j (irreducible_j + scale_j · (x/x_ref)^(-exponent_j))^(-k)"
    use = (
        "Best loss over a grid of model sizes at each amount of data, where sizes saturate one "
        "after another and the slope changes where one takes over."
    )
    traps = (
        "Where no size visibly takes over, floors and crossings follow the priors. With curves=3 "
        "and a crossing far from its node in log x, chains can settle in different places: look "
        "at R-hat. With the curve of each size at hand, fit them one by one instead."
    )
    example = {
        "irreducible": (1.0, 0.3),
        "scale": (0.25, 0.95),
        "exponent": (0.5, 0.35),
        "sharpness": 20.0,
    }

    def __post_init__(self) -> None:
        """Check the option, and that a scale of one's own stands on floors of one's own."""
        if self.curves not in (2, 3, 4):
            raise LawError(f"CompositeCurve takes curves=2, 3 or 4; got {short(self.curves)}.")
        super().__post_init__()
        carried = {slot.field: slot.quantity for slot in slots(self)}
        if carried["scale"] == "scale" and {"floor_step", "slope_step"} & set(carried.values()):
            raise LawError(
                "CompositeCurve(scale=) needs irreducible= and exponent= too: by default floors "
                "and exponents follow from where the curves cross, and then scale does too."
            )

    @property
    def sizes(self) -> Mapping[str, int]:
        """One floor, scale and exponent for each size."""
        return dict.fromkeys(("irreducible", "scale", "exponent"), self.curves)

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes."""
        return "A floor or another size"

    @property
    def rows_needed(self) -> int:
        """Three parameters for each size, and one run more."""
        return 3 * self.curves + 1

    def shape(self, values, references):
        """Return floors, scales and exponents, walked from crossing to crossing."""
        if "scale" in values:
            return {name: values[name] for name in (*self.sizes, "sharpness")}
        start = np.log(references["x_start"])
        cell = (np.log(references["x_end"]) - start) / self.curves
        offset = values["curve_offset"]
        nodes = [
            start - np.log(references["x_ref"]) + cell * (j + _PLACE_SPREAD * offset[j])
            for j in range(1, self.curves)
        ]
        given = _falling(values["irreducible"]) if "irreducible" in values else None
        loss = references["y_ref"] * np.exp(_LEVEL_SPREAD * offset[0])
        if given is not None:
            loss = loss + given[0]
        floors, scales, exponents = [], [], []
        for j, at in enumerate([nodes[0], *nodes]):
            slope: Any = 0.0
            if j:  # where this size crosses the one before
                reducible = scales[-1] * np.exp(-exponents[-1] * at)
                loss = floors[-1] + reducible
                slope = exponents[-1] * reducible / loss
            last = floors[-1] if j else loss
            floor = values["floor_step"][j] * last if given is None else given[j]
            if "exponent" in values:
                exponent = values["exponent"][j]
            else:
                step = values["slope_step"][j]
                exponent = (slope + step) * loss / (loss - floor) if j else step
            floors.append(floor)
            exponents.append(exponent)
            scales.append((loss - floor) * np.exp(exponent * at))
        return {
            "irreducible": tuple(floors),
            "scale": tuple(scales),
            "exponent": tuple(exponents),
            "sharpness": values["sharpness"],
        }

    def constants(self, parameters, references):
        """Return E, S and alpha of each size, with S at x = 1."""
        scales, exponents = parameters["scale"], parameters["exponent"]
        with np.errstate(over="ignore"):
            found = tuple(
                scale * references["x_ref"] ** alpha
                for scale, alpha in zip(scales, exponents, strict=True)
            )
        return {"E": parameters["irreducible"], "S": found, "alpha": exponents}

    @staticmethod
    def expr(x, irreducible, scale, exponent, sharpness):
        """Return the loss at x, in reference units; floors, scales, exponents are sequences."""
        log_x = np.log(x)
        lowest: Any = None
        for floor, reducible, alpha in zip(irreducible, scale, exponent, strict=True):
            log_y = np.log(floor + np.exp(np.log(reducible) - alpha * log_x))
            if lowest is None:
                lowest = log_y
            else:
                gap = abs(lowest - log_y)
                soft = np.log1p(np.exp(-sharpness * gap)) / sharpness
                lowest = (lowest + log_y - gap) / 2 - soft
        return np.exp(lowest)


def _falling(parts: Sequence[Any]) -> list[Any]:
    """Sort components elementwise: floors of one prior have no other order."""
    ordered = list(parts)
    for end in range(len(ordered) - 1, 0, -1):
        for i in range(end):
            a, b = ordered[i], ordered[i + 1]
            ordered[i], ordered[i + 1] = (a + b + abs(a - b)) / 2, (a + b - abs(a - b)) / 2
    return ordered
