"""Anything that has a curve, draw by draw, and the record of what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayescale import forecasting, forecasts, posterior
from bayescale.errors import LawError
from bayescale.groups import ORIGIN, check_single
from bayescale.laws import UNIT_REFERENCES
from bayescale.levels import mark_of

if TYPE_CHECKING:
    import pandas as pd

#: Where breaks of a law without data may lie; runs say it themselves.
ANYWHERE = (1.0, 1e26)


@dataclass(frozen=True, eq=False)
class Derived:
    """Posterior draws of a quantity that follows from a curve.

    Parameters
    ----------
    draws
        Shape (chain, draw, m); a law fixed at numbers has one draw.
    inputs
        What each of the m entries stands for, with the user's column names: a row each.
    name
        What it is.
    unit
        Its unit, in words.
    extrapolation
        Each input over the largest one seen, shape (m,); None where nothing was seen.
    never
        Draws for which the quantity does not exist, same shape as draws: a target out of reach,
        curves that do not cross. None where it always exists.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
    >>> bs.doubling_gain(law, x=1e9).interval(0.9).round(4)["median"].tolist()
    [0.0513]
    """

    draws: np.ndarray
    inputs: pd.DataFrame
    name: str
    unit: str
    extrapolation: np.ndarray | None = None
    never: np.ndarray | None = None

    def quantile(self, levels: Any) -> np.ndarray:
        """Return posterior quantiles; infinite where so many draws are.

        Parameters
        ----------
        levels
            Between 0 and 1; shape (level,) or a scalar.

        Returns
        -------
        numpy.ndarray
            Shape (level, m) or (m,).
        """
        method = "linear" if np.isfinite(self.draws).all() else "inverted_cdf"
        return np.quantile(self.draws, levels, axis=(0, 1), method=method)

    def interval(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the equal-tailed credible interval.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            The inputs, ``median``, ``lower``, ``upper``; ``p_never`` where the quantity need not
            exist (its draws count in the interval, at the end that they stand for), and
            ``extrapolation`` (input over the largest input seen) where the source was fitted.
            ``.attrs`` holds the probability, the kind, the name and the unit.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        forecasts.check_probability(prob)
        low, middle, high = self.quantile([(1 - prob) / 2, 0.5, (1 + prob) / 2])
        table = self.inputs.assign(median=middle, lower=low, upper=high)
        if self.never is not None:
            table["p_never"] = np.broadcast_to(self.never, self.draws.shape).mean(axis=(0, 1))
        if self.extrapolation is not None:
            table["extrapolation"] = self.extrapolation
        table.attrs = {
            "probability": prob,
            "kind": "equal-tailed",
            "of": self.name,
            "unit": self.unit,
        }
        return table

    def __repr__(self) -> str:
        """Return the 90 % interval as a table."""
        table = self.interval(0.9).to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return f"{self._title()}\n{table}"

    def _repr_html_(self) -> str:
        table = self.interval(0.9).to_html(index=False, float_format=lambda v: f"{v:.4g}")
        return f"<p>{self._title()}</p>{table}"

    def _title(self) -> str:
        return f"{self.name} [{self.unit}] (90 % equal-tailed interval)"


class Part(NamedTuple):
    """Draws of one law.

    Parameters
    ----------
    law
        The law.
    parameters
        Parameter to draws of shape (chain, draw); components as a tuple.
    references
        The references that the parameters belong to.
    where
        Which draws of the whole these are, shape (draw,).
    """

    law: Any
    parameters: dict[str, Any]
    references: Mapping[str, float]
    where: np.ndarray


@dataclass(frozen=True, eq=False)
class Curves:
    """A curve with its draws, whatever it came from.

    The *loss* is the outcome, or ``ceiling`` minus it for a metric that rises: what the law
    describes and what has a floor.

    Parameters
    ----------
    name
        Of the law or laws, for messages.
    columns
        Role to the user's column name.
    outcome
        The name of the outcome.
    parts
        Draws of one law, or of an ensemble's members, which share one chain.
    ceiling
        What a rising outcome cannot exceed, or None.
    fitted
        Whether there were runs.
    origin
        Of one group of a fit, the mark of that fit: the draws of its groups belong together.
    """

    name: str
    columns: Mapping[str, str]
    outcome: str
    parts: tuple[Part, ...]
    ceiling: float | None = None
    fitted: bool = True
    origin: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws."""
        chains = _draws_shape(self.parts[0].parameters)[0]
        return chains, sum(len(part.where) for part in self.parts)

    @property
    def sign(self) -> float:
        """1 where a smaller loss is better, -1 for a law of something that grows."""
        return -1.0 if self.parts[0].law.rises else 1.0

    def role(self, of: str | None) -> str:
        """Return the role of one input, named by role or column, or the only one there is."""
        if of is None and len(self.columns) == 1:
            return next(iter(self.columns))
        for role, column in self.columns.items():
            if of in (role, column):
                return role
        raise LawError(
            f"{self.name} has the inputs {', '.join(self.columns)}: say which one is meant, as "
            f"of={next(iter(self.columns))!r}; got of={of!r}."
        )

    def checked(self, given: Mapping[str, Any], but: str | None = None) -> dict[str, np.ndarray]:
        """Return inputs as arrays of one length, all of them or all but one role."""
        columns = {role: column for role, column in self.columns.items() if role != but}
        if not columns and not given:
            return {}
        return forecasting.checked_inputs(tuple(columns), columns, given, self.name)

    def table(self, at: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Return inputs with the user's column names."""
        import pandas as pd

        named = {self.columns[role]: values for role, values in at.items()}
        return pd.DataFrame(named, index=None if at else [0])

    def extrapolation(self, at: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Return each input over the largest one seen, or None where nothing was seen."""
        if not self.fitted:
            return None
        seen = self.parts[0].references
        return np.max([values / seen[f"{role}_end"] for role, values in at.items()], axis=0)

    def range(self, role: str) -> tuple[float, float]:
        """Return the smallest and largest input seen, between or near which breaks lie."""
        if not self.fitted:
            return ANYWHERE
        seen = self.parts[0].references
        return seen[f"{role}_start"], seen[f"{role}_end"]

    def reported(self, loss: Any) -> Any:
        """Turn losses into outcomes, and outcomes into losses."""
        return loss if self.ceiling is None else self.ceiling - loss

    def loss(self, at: Mapping[str, Any]) -> np.ndarray:
        """Return the loss at inputs of shape (m,) or, one for each draw, (chain, draw, m).

        Parameters
        ----------
        at
            Role to values, in the user's units.

        Returns
        -------
        numpy.ndarray
            Shape (chain, draw, m).
        """
        return self._joined(_value, at)

    def reducible(self, at: Mapping[str, Any]) -> np.ndarray:
        """Return the loss minus its floor, without cancellation where the floor is a summand."""
        self._check_floor()
        return self._joined(_reducible, at)

    def floor(self) -> np.ndarray:
        """Return the irreducible loss, shape (chain, draw, 1)."""
        self._check_floor()
        return self._joined(_floor, {})

    def parameter(self, name: str) -> Any:
        """Return draws of one parameter, shape (chain, draw); components as a tuple."""
        first, *others = self.parts
        if others or name not in first.parameters:
            raise LawError(f"{self.name} has no parameter {name!r} of one law.")
        return first.parameters[name]

    def taken(self, index: np.ndarray) -> Curves:
        """Return some draws, by their positions among those of all chains, as one chain."""
        count = self.shape[0] * self.shape[1]
        parts = []
        for part in self.parts:
            chains, draws = _draws_shape(part.parameters)
            held = np.arange(chains * draws) if chains > 1 else part.where
            local = np.full(count, -1)
            local[held] = np.arange(len(held))
            where = np.flatnonzero(local[index] >= 0)
            chosen = _chosen(part.parameters, local[index][where])
            parts.append(part._replace(parameters=chosen, where=where))
        return replace(self, parts=tuple(parts))

    def _check_floor(self) -> None:
        for part in self.parts:
            floor = part.parameters.get("irreducible")
            if floor is None or isinstance(floor, tuple):
                raise LawError(
                    f"{part.law.signature_name()} has no irreducible loss of its own, so nothing "
                    "is reducible or a floor. Use a law with one parameter 'irreducible'."
                )

    def _joined(
        self, evaluate: Callable[[Part, Mapping[str, Any]], np.ndarray], at: Mapping[str, Any]
    ) -> np.ndarray:
        with np.errstate(all="ignore"):
            if len(self.parts) == 1:
                return evaluate(self.parts[0], at)
            many = {role: np.ndim(v) == 3 and np.shape(v)[1] > 1 for role, v in at.items()}
            found = []
            for part in self.parts:
                mine = {role: v[:, part.where] if many[role] else v for role, v in at.items()}
                found.append(evaluate(part, mine))
        joined = np.concatenate(found, axis=1)
        return joined[:, np.argsort(np.concatenate([part.where for part in self.parts]))]


def curves_of(source: Any) -> Curves:
    """Return the curve of a fit, an ensemble of fits, or a law whose parameters are numbers.

    Parameters
    ----------
    source
        One of these three.

    Returns
    -------
    Curves
        With one draw for a law.

    Raises
    ------
    LawError
        If it is none of these, or a law with a prior left.
    """
    if isinstance(source, Curves):
        return source
    if hasattr(source, "fits") and hasattr(source, "mixed"):
        return _of_ensemble(source)
    if hasattr(source, "parameters") and hasattr(source, "runs"):
        runs = source.runs
        check_single(runs.groups, "this")
        part = _part(source.law, source.parameters, runs.references)
        columns, outcome, origin = runs.columns, runs.outcome_column, _origin(source)
        return Curves(source.name, columns, outcome, (part,), runs.ceiling, origin=origin)
    if hasattr(source, "evaluate") and not isinstance(source, type):
        columns = {role: role for role in source.inputs}
        part = _part(source, _wide(source.numbers), UNIT_REFERENCES)
        return Curves(source.signature_name(), columns, "y", (part,), fitted=False)
    raise LawError(
        "Derived quantities are those of a fit, an ensemble, or a law whose parameters are all "
        f"numbers; got {getattr(source, '__name__', type(source).__name__)}."
    )


def paired(first: Any, second: Any, seed: int) -> tuple[Curves, Curves]:
    """Return two curves with as many draws each, paired at random: the two are independent.

    Parameters
    ----------
    first, second
        Sources; the same one twice, or two groups of one fit, keep each draw with itself.
    seed
        Of the pairing. Index by index would not do: fits with one seed share random numbers.

    Returns
    -------
    tuple of Curves
        A curve of one draw stays as it is.
    """
    one, two = curves_of(first), curves_of(second)
    many = [curve.shape[0] * curve.shape[1] for curve in (one, two)]
    together = first is second or (one.origin and one.origin == two.origin)
    if together or 1 in many:
        return one, two
    rng = np.random.default_rng([seed, 29])
    left, right = (rng.permutation(count)[: min(many)] for count in many)
    return one.taken(left), two.taken(right)


def _of_ensemble(source: Any) -> Curves:
    """Take the draws of every member that the ensemble's forecasts take."""
    check_single(source.runs.groups, "this")
    members = list(source.fits.values())
    numbered = []
    for i, fit in enumerate(members):
        count = int(np.prod(_draws_shape(fit.parameters)))
        numbered.append(np.stack([np.full(count, i), np.arange(count)], axis=-1)[None])
    chosen = source.mixed(numbered)[0]
    parts = []
    for i, fit in enumerate(members):
        where = np.flatnonzero(chosen[:, 0] == i)
        if len(where):
            parameters = _chosen(fit.parameters, chosen[where, 1])
            parts.append(Part(fit.law, parameters, fit.runs.references, where))
    runs, marks = source.runs, [_origin(fit) for fit in members]
    if any(marks):  # one group of each: what has no groups is the same fit in every one of them
        marks = [
            known or mark_of(fit.parameters) for known, fit in zip(marks, members, strict=True)
        ]
    origin = " ".join(marks).strip()
    columns, outcome = runs.columns, runs.outcome_column
    return Curves(source.name, columns, outcome, tuple(parts), runs.ceiling, origin=origin)


def _origin(fit: Any) -> str:
    """Return the mark of the fit that this is one group of, or nothing."""
    return fit.tree.attrs.get(ORIGIN, "") if hasattr(fit, "tree") else ""


def _part(law: Any, parameters: dict[str, Any], references: Mapping[str, float]) -> Part:
    return Part(law, parameters, references, np.arange(_draws_shape(parameters)[1]))


def _draws_shape(parameters: Mapping[str, Any]) -> tuple[int, int]:
    first = next(iter(parameters.values()))
    chains, draws = np.asarray(first[0] if isinstance(first, tuple) else first).shape
    return chains, draws


def _wide(value: Any) -> Any:
    """Return numbers as draws of shape (1, 1)."""
    if isinstance(value, dict):
        return {name: _wide(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_wide(part) for part in value)
    return np.full((1, 1), float(value))


def _chosen(value: Any, index: np.ndarray) -> Any:
    """Return some draws of all chains as one chain."""
    if isinstance(value, dict):
        return {name: _chosen(part, index) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_chosen(part, index) for part in value)
    return np.asarray(value).reshape(-1)[index][None]


def _value(part: Part, at: Mapping[str, Any]) -> np.ndarray:
    return posterior.evaluate(part.law, part.parameters, at, part.references)


def _floor(part: Part, at: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(part.parameters["irreducible"])[..., None]


def _reducible(part: Part, at: Mapping[str, Any]) -> np.ndarray:
    """Return what the law's terms add to the floor (see :mod:`bayescale.anchoring`)."""
    if not part.law.terms or part.law.floor_joins:
        return _value(part, at) - _floor(part, at)
    floorless = {**part.parameters, "irreducible": 0 * part.parameters["irreducible"]}
    return _value(part._replace(parameters=floorless), at)
