"""Anything that has a curve, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayescale import forecasting, posterior
from bayescale.errors import LawError

if TYPE_CHECKING:
    import pandas as pd

#: Where breaks of a law without data may lie; runs say it themselves.
ANYWHERE = (1.0, 1e26)


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
        chains = draws_shape(self.parts[0].parameters)[0]
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
            chains, draws = draws_shape(part.parameters)
            held = np.arange(chains * draws) if chains > 1 else part.where
            local = np.full(count, -1)
            local[held] = np.arange(len(held))
            where = np.flatnonzero(local[index] >= 0)
            chosen = taken_from(part.parameters, local[index][where])
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


def draws_shape(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Return chains and draws of parameters."""
    first = next(iter(parameters.values()))
    chains, draws = np.asarray(first[0] if isinstance(first, tuple) else first).shape
    return chains, draws


def taken_from(value: Any, index: np.ndarray) -> Any:
    """Return some draws of all chains as one chain."""
    if isinstance(value, dict):
        return {name: taken_from(part, index) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(taken_from(part, index) for part in value)
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
