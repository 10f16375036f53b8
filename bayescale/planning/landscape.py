"""The loss over two inputs that are free to choose, draw by draw, of whatever has a curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayescale import forecasting
from bayescale.curve_sources import curves_of
from bayescale.curves import Curves
from bayescale.errors import LawError, nearest

#: How far beyond the runs an optimum is looked for: below and above, in factors of an input.
BELOW, ABOVE = 1e6, 1e15


@dataclass(frozen=True, eq=False)
class Landscape:
    """The loss of one law's draws over two free inputs, the others held.

    Losses are smaller the better: of an outcome that rises it is what is missing to the ceiling,
    or, without one, the outcome with its sign turned.

    Parameters
    ----------
    curves
        The curve.
    fit
        Where the draws come from; None for a law of numbers, which does not drift.
    free
        The two roles, in the law's order: the size and what it is trained on.
    held
        Role to number of the others.
    """

    curves: Curves
    fit: Any
    free: tuple[str, str]
    held: Mapping[str, float]

    @property
    def law(self) -> Any:
        """The law."""
        return self.curves.parts[0].law

    def at(self, log_size: Any, log_data: Any) -> dict[str, np.ndarray]:
        """Return inputs by role, in the law's order, from the logs of the free ones."""
        with np.errstate(over="ignore", under="ignore"):
            free = dict(zip(self.free, (np.exp(log_size), np.exp(log_data)), strict=True))
        shape = np.shape(free[self.free[0]])
        full = {role: np.full(shape, value) for role, value in self.held.items()} | free
        return {role: full[role] for role in self.law.inputs}

    def loss(self, log_size: Any, log_data: Any) -> np.ndarray:
        """Return the loss at logs of size and data of shape (m,) or (chain, draw, m)."""
        return self.curves.sign * self.curves.loss(self.at(log_size, log_data))

    def drifted(self, log_size: Any, log_data: Any, drift: float) -> np.ndarray:
        """Return the loss with exponents that drift beyond the data, as :meth:`loss` has it."""
        if self.fit is None or drift == 0:
            return self.loss(log_size, log_data)
        at = self.at(log_size, log_data)
        with np.errstate(all="ignore"):
            return self.curves.sign * self.fit.drifted_draws(at, drift)

    def observed(self, losses: np.ndarray, log_size: Any, log_data: Any, salt: int) -> np.ndarray:
        """Return one new run for each draw of the loss."""
        if self.fit is None:
            return losses
        modelled = self.curves.sign * losses
        new = self.fit.new_run_draws(modelled, self.at(log_size, log_data), salt=salt)
        return self.curves.sign * new

    def taken(self, index: np.ndarray) -> Landscape:
        """Return some draws, by their positions among those of all chains, as one chain."""
        return replace(self, curves=self.curves.taken(index))

    def reported(self, losses: Any) -> Any:
        """Turn losses into outcomes in the user's units."""
        return self.curves.reported(self.curves.sign * losses)

    def target(self, outcome: Any) -> Any:
        """Turn outcomes in the user's units into losses, which are smaller the better."""
        return self.curves.sign * self.curves.reported(outcome)

    def reach(self, role: str) -> tuple[float, float]:
        """Return between which values of an input an optimum is looked for."""
        low, high = self.curves.range(role)
        return (low / BELOW, high * ABOVE) if self.curves.fitted else (low, high)

    def seen(self, role: str) -> float | None:
        """Return the largest value of an input among the runs, or None."""
        return self.curves.range(role)[1] if self.curves.fitted else None


@dataclass(frozen=True, eq=False)
class Terrain:
    """The landscapes of a source, one for each law, and how their draws are put together.

    Parameters
    ----------
    parts
        One for each law.
    mixed
        Puts draws of every part, shape (chain, draw, m), together.
    name
        Of the source, for messages.
    source
        What was asked.
    """

    parts: tuple[Landscape, ...]
    mixed: Callable[[list[np.ndarray]], np.ndarray]
    name: str
    source: Any

    @property
    def first(self) -> Landscape:
        """Of the first law: free roles, columns and units are those of all."""
        return self.parts[0]

    def each(self, function: Callable[[Landscape], np.ndarray]) -> np.ndarray:
        """Return what a function makes of every part, put together; shape (chain, draw, m)."""
        return self.mixed([function(part) for part in self.parts])


def members_of(source: Any) -> list[Any]:
    """Return the fits of an ensemble, or what was given, alone."""
    fits = getattr(source, "fits", None)
    return list(fits.values()) if isinstance(fits, dict) else [source]


def terrain_of(source: Any, held: Mapping[str, Any]) -> Terrain:
    """Return the landscape of a fit, an ensemble, or a law whose parameters are numbers.

    Parameters
    ----------
    source
        One of these three.
    held
        Inputs, by role or column name, at one number each: all but two.

    Raises
    ------
    LawError
        If it is none of these, has one input, or the inputs held are too many, too few or unknown.
    DataError
        If an input held is not positive and finite.
    """
    fits = members_of(source)
    made = []
    for fit in fits:
        curves = curves_of(fit)
        given = _held(curves, held)
        chosen = _free(curves, given)
        made.append(Landscape(curves, fit if curves.fitted else None, chosen, given))
    inputs = {tuple(sorted(part.law.inputs)) for part in made}
    if len(inputs) > 1:
        raise LawError("The ensemble's laws do not have the same inputs.")
    mixture = hasattr(source, "mixed")
    mixed = source.mixed if mixture else _only
    name = "The ensemble" if mixture else made[0].curves.name
    return Terrain(tuple(made), mixed, name, source)


def _only(draws: list[np.ndarray]) -> np.ndarray:
    return draws[0]


def _held(curves: Curves, held: Mapping[str, Any]) -> dict[str, float]:
    """Return the inputs that are held, by role."""
    by_column = {column: role for role, column in curves.columns.items()}
    found = {}
    for name, value in held.items():
        role = name if name in curves.columns else by_column.get(name)
        if role is None:
            names = [*curves.columns, *curves.columns.values()]
            raise LawError(
                f"{curves.name} has no input {name!r}: its inputs are "
                f"{', '.join(curves.columns)}.{nearest(name, names)}"
            )
        found[role] = value
    if not found:
        return {}
    columns = {role: curves.columns[role] for role in found}
    at = forecasting.checked_inputs(tuple(found), columns, found, curves.name)
    for role, values in at.items():
        if len(values) > 1:
            raise LawError(f"{role}= is held at one number; got {len(values)}.")
    return {role: float(values[0]) for role, values in at.items()}


def _free(curves: Curves, held: Mapping[str, float]) -> tuple[str, str]:
    """Return the two inputs that are not held."""
    inputs = list(curves.columns)
    if len(inputs) == 1:
        raise LawError(
            f"{curves.name} has one input, {inputs[0]}: there is nothing to divide a budget "
            "between. Fit a law of two, such as bs.Chinchilla(), to runs with params and tokens."
        )
    left = [role for role in curves.parts[0].law.inputs if role not in held]
    if len(left) != 2:
        extra = len(inputs) - 2
        many = f"Hold {extra} of them at a number" if extra else "Hold none of them"
        example = f": {inputs[-1]}=..." if extra else ""
        raise LawError(
            f"{curves.name} has the inputs {', '.join(inputs)}, and a budget is divided between "
            f"two. {many}{example}; got {', '.join(held) or 'none'}."
        )
    return left[0], left[1]
