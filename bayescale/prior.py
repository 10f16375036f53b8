"""Priors: what is believed of one parameter, as data, before any model exists."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bayescale.errors import PriorError, nearest
from bayescale.given import as_text, one_number, short

type Support = tuple[float, float]

_REAL = (-math.inf, math.inf)
_POSITIVE = (0.0, math.inf)
_UNIT = (0.0, 1.0)


#: Priors that PyMC has and no posterior should, and what to write instead.
_IMPROPER = {
    "Flat": "Prior('Normal', mu=0, sigma=10)",
    "HalfFlat": "Prior('HalfNormal', sigma=10) or Prior('LogNormal', mu=0, sigma=3)",
}


@dataclass(frozen=True)
class Family:
    """A distribution of PyMC that a prior may have.

    Parameters
    ----------
    arguments
        The sets of argument names that define it, as PyMC spells them.
    support
        Where it lives, when that does not depend on its arguments.
    frozen
        The same distribution in :mod:`scipy.stats`, from the stats module and the arguments.
    """

    arguments: tuple[tuple[str, ...], ...]
    support: Support
    frozen: Callable[[Any, dict[str, float]], Any]


def _gamma(st, a):
    if "mu" in a:
        a = {"alpha": (a["mu"] / a["sigma"]) ** 2, "beta": a["mu"] / a["sigma"] ** 2}
    return st.gamma(a["alpha"], scale=1 / a["beta"])


def _beta(st, a):
    if "mu" in a:
        size = a["mu"] * (1 - a["mu"]) / a["sigma"] ** 2 - 1
        a = {"alpha": a["mu"] * size, "beta": (1 - a["mu"]) * size}
    return st.beta(a["alpha"], a["beta"])


def _truncated(st, a):
    low, high = ((a[k] - a["mu"]) / a["sigma"] for k in ("lower", "upper"))
    return st.truncnorm(low, high, loc=a["mu"], scale=a["sigma"])


#: Every distribution a prior may have; the tests hold each row to PyMC's own.
FAMILIES: dict[str, Family] = {
    "Normal": Family((("mu", "sigma"),), _REAL, lambda st, a: st.norm(a["mu"], a["sigma"])),
    "StudentT": Family(
        (("nu", "mu", "sigma"),), _REAL, lambda st, a: st.t(a["nu"], a["mu"], a["sigma"])
    ),
    "Laplace": Family((("mu", "b"),), _REAL, lambda st, a: st.laplace(a["mu"], a["b"])),
    "Logistic": Family((("mu", "s"),), _REAL, lambda st, a: st.logistic(a["mu"], a["s"])),
    "LogNormal": Family(
        (("mu", "sigma"),),
        _POSITIVE,
        lambda st, a: st.lognorm(a["sigma"], scale=math.exp(a["mu"])),
    ),
    "HalfNormal": Family((("sigma",),), _POSITIVE, lambda st, a: st.halfnorm(0, a["sigma"])),
    "HalfCauchy": Family((("beta",),), _POSITIVE, lambda st, a: st.halfcauchy(0, a["beta"])),
    "Exponential": Family(
        (("lam",), ("scale",)),
        _POSITIVE,
        lambda st, a: st.expon(scale=a["scale"] if "scale" in a else 1 / a["lam"]),
    ),
    "Gamma": Family((("alpha", "beta"), ("mu", "sigma")), _POSITIVE, _gamma),
    "InverseGamma": Family(
        (("alpha", "beta"),), _POSITIVE, lambda st, a: st.invgamma(a["alpha"], scale=a["beta"])
    ),
    "Weibull": Family(
        (("alpha", "beta"),), _POSITIVE, lambda st, a: st.weibull_min(a["alpha"], scale=a["beta"])
    ),
    "Beta": Family((("alpha", "beta"), ("mu", "sigma")), _UNIT, _beta),
    "Uniform": Family(
        (("lower", "upper"),),
        _REAL,
        lambda st, a: st.uniform(a["lower"], a["upper"] - a["lower"]),
    ),
    "TruncatedNormal": Family((("mu", "sigma", "lower", "upper"),), _REAL, _truncated),
}

_ANY_SIGN = {"mu", "lower", "upper"}


@dataclass(frozen=True, init=False)
class Prior:
    """What is believed of one parameter: a named distribution with its arguments.

    Parameters
    ----------
    distribution
        The name of a PyMC distribution; :data:`FAMILIES` lists those that can be used. Or a
        distribution of PreliZ with its numbers, as its elicitation leaves it.
    on
        The quantity that has this distribution, where that is not the parameter itself: the
        literature's constant instead of the scale (``on="x0"``), or the share of the floor
        in the loss at the largest input instead of the floor (``on="floor_share"``).
    by
        A column of the table, or several, with whose levels the quantity varies: every level (of
        several columns every combination seen) has a value of its own with this prior, and learns
        nothing from the others. For levels that learn from each other see
        :func:`partial_pooling`.
    **arguments
        The distribution's arguments, as PyMC spells them, in the units of the parameter.

    Raises
    ------
    PriorError
        If the distribution or an argument is not known, one is missing or is not a finite
        number, a spread is not positive, or ``by`` names no column.

    Examples
    --------
    >>> Prior("HalfNormal", sigma=2)
    Prior('HalfNormal', sigma=2.0)
    >>> Prior("Beta", alpha=2, beta=5, on="floor_share").support
    (0.0, 1.0)
    >>> Prior("HalfNormal", sigma=2, by="family").by
    ('family',)
    """

    distribution: str
    arguments: tuple[tuple[str, float], ...]
    on: str | None
    by: tuple[str, ...]
    spread: tuple[Prior | float, ...]

    def __init__(
        self,
        distribution: Any,
        *,
        on: str | None = None,
        by: str | Sequence[str] = (),
        **arguments: float,
    ):
        if elicited(distribution):
            if arguments:
                raise PriorError(f"{distribution!r} has its own arguments; leave out the others.")
            distribution, arguments = _numbers_of(distribution)
        if isinstance(distribution, str) and distribution in _IMPROPER:
            raise PriorError(
                f"{distribution!r} is no probability distribution: its density has no finite "
                "integral, so the posterior need not be one either, and nothing can be drawn from "
                f"it. Say how wide is wide enough: {_IMPROPER[distribution]}."
            )
        if not isinstance(distribution, str) or distribution not in FAMILIES:
            raise PriorError(
                f"There is no prior distribution {short(distribution)}. Available: "
                f"{', '.join(FAMILIES)}.{nearest(as_text(distribution), FAMILIES)}"
            )
        if distribution == "TruncatedNormal":
            arguments = {"lower": -math.inf, "upper": math.inf} | arguments
        object.__setattr__(self, "distribution", distribution)
        object.__setattr__(self, "arguments", _checked(distribution, arguments))
        object.__setattr__(self, "on", on)
        object.__setattr__(self, "by", columns_of(by))
        object.__setattr__(self, "spread", ())

    @property
    def pooled(self) -> bool:
        """Whether the levels of ``by`` learn from each other."""
        return bool(self.spread)

    @property
    def shared(self) -> Prior:
        """The same prior of a quantity that varies with no column."""
        arguments: dict[str, Any] = dict(self.arguments)
        return Prior(self.distribution, on=self.on, **arguments)

    @property
    def support(self) -> Support:
        """The interval in which the distribution lives."""
        given = dict(self.arguments)
        if "lower" in given:
            return given["lower"], given["upper"]
        return FAMILIES[self.distribution].support

    def frozen(self) -> Any:
        """Return the same distribution as a frozen one of :mod:`scipy.stats`."""
        return _frozen(self.distribution, self.arguments)

    def __repr__(self) -> str:
        """Return the call that makes this prior."""
        on = f", on={self.on!r}" if self.on else ""
        inside = "".join(f", {name}={value!r}" for name, value in self.arguments)
        by = f", by={one_or_all(self.by)!r}" if self.by else ""
        if self.pooled:
            spread = f", spread={one_or_all(self.spread)!r}"
            return f"partial_pooling(Prior({self.distribution!r}{inside}{on}){by}{spread})"
        return f"Prior({self.distribution!r}{inside}{on}{by})"

    def describe(self) -> str:
        """Return the distribution as it is written in a paper: ``Normal(mu=0, sigma=1)``."""
        inside = ", ".join(f"{name}={value:.4g}" for name, value in self.arguments)
        return f"{self.distribution}({inside}){self._grouping()}"

    def _grouping(self) -> str:
        """Say with which columns it varies, and how its levels are pooled."""
        if not self.by:
            return ""
        columns = " and ".join(map(repr, self.by))
        if not self.pooled:
            return f" for each {columns}"
        words = [f"{s:g}" if isinstance(s, int | float) else s.describe() for s in self.spread]
        spreads = words[0] if len(words) == 1 else f"({', '.join(words)})"
        return f" of the population of {columns}, spread {spreads}"

    def placed_on(self, quantity: str) -> Prior:
        """Return the same distribution on another quantity."""
        if self.on not in (None, quantity):
            raise PriorError(
                f"A prior was given as {quantity}={self!r}, but it is on {self.on!r}. "
                f"Leave out on=, or pass it where {self.on!r} belongs."
            )
        arguments: dict[str, Any] = dict(self.arguments)
        return Prior(self.distribution, on=quantity, **arguments).varying_as(self)

    def varying_as(self, how: Any) -> Prior:
        """Return the same prior, varying by the ``by`` of another and pooled by its ``spread``."""
        made = Prior(self.distribution, on=self.on, by=how.by, **dict(self.arguments))
        object.__setattr__(made, "spread", how.spread)
        return made


def elicited(value: Any) -> bool:
    """Return whether this is a distribution of PreliZ, which need not be installed."""
    return all(hasattr(value, name) for name in ("param_names", "is_frozen"))


def _numbers_of(distribution: Any) -> tuple[str, dict[str, float]]:
    """Return the name and the arguments of a distribution of PreliZ, as PyMC spells them."""
    name = type(distribution).__name__
    if name not in FAMILIES:
        raise PriorError(
            f"A prior cannot have PreliZ's distribution {name}. Available: {', '.join(FAMILIES)}."
            f"{nearest(name, FAMILIES)}"
        )
    if not distribution.is_frozen:
        raise PriorError(
            f"{name}() of PreliZ has no numbers yet. Give them, or elicit them first: "
            "pz.maxent(dist, lower, upper, 0.9)."
        )
    arguments = FAMILIES[name].arguments[0]
    return name, {argument: float(getattr(distribution, argument)) for argument in arguments}


@dataclass(frozen=True)
class Fixed:
    """A number that a quantity other than the parameter itself is held at.

    Parameters
    ----------
    value
        The number, in the units of the quantity.
    on
        The quantity, such as the literature's constant ``"x0"``.
    """

    value: float
    on: str


@lru_cache(maxsize=256)
def _frozen(distribution: str, arguments: tuple[tuple[str, float], ...]) -> Any:
    """Return a distribution of SciPy; making one takes longer than asking it."""
    from scipy import stats

    return FAMILIES[distribution].frozen(stats, dict(arguments))


def _checked(distribution: str, arguments: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    accepted = FAMILIES[distribution].arguments
    match = next((names for names in accepted if set(names) == set(arguments)), None)
    if match is None:
        ways = " or ".join(f"({', '.join(names)})" for names in accepted)
        wrong = [name for name in arguments if not any(name in names for names in accepted)]
        hint = "".join(nearest(name, {n for names in accepted for n in names}) for name in wrong)
        got = ", ".join(arguments) or "nothing"
        raise PriorError(f"{distribution} takes {ways}; got ({got}).{hint}")
    values = {}
    for name in match:
        value = arguments[name]
        number = one_number(value)
        if number is None:
            raise PriorError(f"{distribution}({name}=) must be a number; got {short(value)}.")
        values[name] = number
        bound = distribution == "TruncatedNormal" and name in ("lower", "upper")
        if math.isnan(values[name]) or (math.isinf(values[name]) and not bound):
            raise PriorError(f"{distribution}({name}=) must be finite; got {short(value)}.")
        if name not in _ANY_SIGN and values[name] <= 0:
            raise PriorError(f"{distribution}({name}=) must be positive; got {short(value)}.")
    if "lower" in values and not values["lower"] < values["upper"]:
        raise PriorError(
            f"{distribution} needs lower < upper; got lower={values['lower']:g}, "
            f"upper={values['upper']:g}."
        )
    if distribution == "Beta" and "mu" in values:
        mu, sigma = values["mu"], values["sigma"]
        if not (0 < mu < 1 and sigma**2 < mu * (1 - mu)):
            raise PriorError(
                "Beta(mu=, sigma=) needs 0 < mu < 1 and sigma**2 < mu * (1 - mu); "
                f"got mu={mu:g}, sigma={sigma:g}."
            )
    if distribution == "Gamma" and "mu" in values and values["mu"] <= 0:
        raise PriorError(f"Gamma(mu=) must be positive; got {values['mu']:g}.")
    return tuple(values.items())


def columns_of(by: Any, needed: bool = False) -> tuple[str, ...]:
    """Return the columns that were named by ``by=``.

    Raises
    ------
    PriorError
        If it is no name or several different ones.
    """
    found = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, Sequence) else (by,)
    wrong = not all(isinstance(name, str) and name for name in found)
    if wrong or (needed and not found) or len(set(found)) < len(found):
        raise PriorError(
            "by= takes the name of a column, or several different names: by='family' or "
            f"by=('domain', 'architecture'); got {short(by)}."
        )
    return found


def one_or_all(names: tuple) -> Any:
    """Return the only one, or all."""
    return names[0] if len(names) == 1 else names
