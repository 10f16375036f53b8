"""Forecasts: the curve and a new run at any input, and the input that reaches a target."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import DataError, LawError, nearest
from bayescale.forecasts import Forecast, Required, check_probability
from bayescale.given import SMALLEST, as_array, has_length, short
from bayescale.groups import asked_for, check_level

if TYPE_CHECKING:
    import pandas as pd


#: Draws times inputs that a forecast may hold, 1.6 GB with curve and observation.
MOST = 100_000_000
#: Inputs whose intervals are made together.
_TOGETHER = 1000


class Forecaster(ABC):
    """What a fit and an ensemble of fits can be asked alike.

    A subclass has ``runs``, ``forecast`` and ``required_draws``; one with groups ``at`` too, which
    answers of one of them.
    """

    runs: Any

    @property
    def seen(self) -> dict[str, tuple[Any, ...]]:
        """The columns with whose levels something varies, and the levels that were seen."""
        return self.runs.seen

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns with whose levels something varies; empty where nothing does."""
        return tuple(self.seen)

    @abstractmethod
    def at(self, **levels: Any) -> Forecaster:
        """Return what answers of one group."""

    @property
    def rises(self) -> bool:
        """Whether the outcome grows with the inputs, as a metric with a ceiling does."""
        return self.runs.ceiling is not None

    @abstractmethod
    def forecast(self, *, drift: float = DRIFT, **inputs: Any) -> Forecast:
        """Return the posterior predictive at any inputs."""

    def intervals(
        self, prob: float = 0.9, of: str = "observation", *, drift: float = DRIFT, **inputs: Any
    ) -> pd.DataFrame:
        """Return the equal-tailed credible intervals at any number of inputs.

        Parameters
        ----------
        prob
            Its probability, between 0 and 1.
        of
            ``"observation"`` for one new run, ``"curve"`` for the law's value.
        drift
            How far the local exponent may drift from the law's beyond the data; 0 for the law as it
            stands (see :mod:`bayescale.drift`).
        **inputs
            Values for each input: ``x=np.geomspace(1, 1e12, 1_000_000)``.

        Returns
        -------
        pandas.DataFrame
            As :meth:`Forecast.interval`; no more draws are held than :meth:`forecast` may hold.

        Raises
        ------
        LawError
            If an input is missing or unknown, prob is not between 0 and 1, or ``of`` is neither.
        DataError
            If an input is not positive and finite.
        """
        check_arguments(Forecaster.intervals, locals())
        import pandas as pd

        check_probability(prob)
        asked, inputs = self._asked(inputs)
        if asked is not self:
            return asked.intervals(prob, of, drift=drift, **inputs)
        columns: Mapping[str, str] = self.runs.columns
        at = checked_inputs(tuple(columns), columns, inputs, "intervals()")
        count = len(next(iter(at.values())))
        tables = []
        for start in range(0, count, _TOGETHER):
            part = {role: values[start : start + _TOGETHER] for role, values in at.items()}
            tables.append(self.forecast(drift=drift, **part).interval(prob, of))
        return pd.concat(tables, ignore_index=True)

    def _asked(self, given: Mapping[str, Any]) -> tuple[Forecaster, dict[str, Any]]:
        """Return who answers, and the question without what chose them: of groups, one group."""
        levels, rest = asked_for(self.seen, given)
        return (self.at(**levels) if self.groups else self), rest

    @abstractmethod
    def log_density(self, y: Any, *, drift: float = DRIFT, **inputs: Any) -> np.ndarray:
        """Return the log predictive density of one new run at each input, in units of y."""

    @abstractmethod
    def required_draws(
        self, targets: np.ndarray, solve: str, given: dict[str, float], drift: float = DRIFT
    ) -> np.ndarray:
        """Return the input that reaches each target, shape (chain, draw, target)."""

    def required(
        self, y: Any, solve: str | None = None, *, drift: float = DRIFT, **given: float
    ) -> Required:
        """Return the posterior of the input at which the curve reaches a target, and stays there.

        Parameters
        ----------
        y
            One target or several, in the units of the outcome.
        solve
            Which input to solve for, by role or column name; for a law of several inputs.
        drift
            How far the local exponent may drift from the law's beyond the data; 0 for the law as it
            stands (see :mod:`bayescale.drift`).
        **given
            The other inputs, one number each: ``params=7e9``.

        Returns
        -------
        Required
            Quantiles, P(never), and draws. On a curve that is not monotone it is the smallest
            input after which the target holds.

        Raises
        ------
        LawError
            If the input to solve for is not named, or another is missing or unknown.
        DataError
            If a target or an input is not a usable number.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        >>> bool(fit.required(y=2.0).quantile(0.5)[0] > 10)
        True
        """
        check_arguments(Forecaster.required, locals())
        asked, given = self._asked(given)
        if asked is not self:
            return asked.required(y, solve, drift=drift, **given)
        targets = checked_targets(y)
        columns: Mapping[str, str] = self.runs.columns
        role = _role_to_solve(columns, solve, given)
        others = {r: c for r, c in columns.items() if r != role}
        held: dict[str, float] = {}
        if others or given:
            at = checked_inputs(tuple(others), others, given, f"required(solve={role!r})")
            many = [r for r, values in at.items() if len(values) != 1]
            if many:
                raise LawError(
                    f"required() takes one number for {many[0]}=; got {len(at[many[0]])}."
                )
            held = {r: float(values[0]) for r, values in at.items()}
        largest = self.runs.references[f"{role}_end"]
        draws = self.required_draws(targets, role, held, checked_drift(drift))
        return Required(targets, draws, columns[role], self.runs.outcome_column, largest)

    def probability(
        self, y: float, of: str = "observation", *, drift: float = DRIFT, **inputs: Any
    ) -> np.ndarray | float:
        """Return the probability that the outcome at some inputs beats a target.

        Parameters
        ----------
        y
            The target: the outcome must be below it (above it where the outcome rises).
        of
            ``"observation"`` for one new run, ``"curve"`` for the law's value.
        drift
            How far the local exponent may drift from the law's beyond the data; 0 for the law as it
            stands (see :mod:`bayescale.drift`).
        **inputs
            Values for each input: ``x=1e10``.

        Returns
        -------
        float or numpy.ndarray
            One probability for each input.

        Raises
        ------
        LawError
            If an input is missing or unknown, or ``of`` is neither.
        DataError
            If the target or an input is not a usable number.
        """
        check_arguments(Forecaster.probability, locals(), but=("y",))
        return chance(self.forecast(drift=drift, **inputs), y, of, self.rises)


def check_held(at: Mapping[str, np.ndarray], draws: int) -> None:
    """Raise an error where a forecast would hold more draws than fit into memory."""
    count = len(next(iter(at.values())))
    if count * draws > MOST:
        raise DataError(
            f"A forecast holds every draw: {draws} of them at {count} inputs are "
            f"{count * draws * 16 / 1e9:.0f} GB. Ask for fewer inputs, or for the intervals alone: "
            "intervals(prob=0.9, x=...)."
        )


def check_many(count: int, draws: int, of: str) -> None:
    """Raise an error where an answer would hold more draws than fit into memory."""
    if count * draws > MOST:
        raise DataError(
            f"An answer for {count} {of} holds every draw of each: {draws} of them are "
            f"{count * draws * 8 / 1e9:.0f} GB. Ask for at most {MOST // draws} at once."
        )


def _role_to_solve(columns: Mapping[str, str], solve: str | None, given: Mapping[str, Any]) -> str:
    """Return the role of the input to solve for."""
    if solve is None:
        if len(columns) == 1:
            return next(iter(columns))
        left = [
            role for role, column in columns.items() if role not in given and column not in given
        ]
        guess = left[0] if left else next(iter(columns))
        others = ", ".join(f"{role}=..." for role in columns if role != guess)
        raise LawError(
            f"The law has {len(columns)} inputs ({', '.join(columns)}): say which one to solve for "
            f"and give the others, as in required(y=..., solve={guess!r}, {others})."
        )
    for role, column in columns.items():
        if solve in (role, column):
            return role
    raise LawError(f"solve= must be one of {', '.join(columns)}; got {short(solve)}.")


def _hint(odd: str, known: set[str]) -> str:
    """Say what was meant by a keyword that is none of the known ones."""
    return nearest(odd, sorted(known)) or f" There is no {odd!r} in what was fitted."


def checked_inputs(
    inputs: tuple[str, ...],
    columns: Mapping[str, str],
    given: Mapping[str, Any],
    name: str,
    groups: Iterable[str] = (),
) -> dict[str, np.ndarray]:
    """Return forecast inputs as arrays of one length.

    Parameters
    ----------
    inputs
        The law's roles.
    columns
        Role to the user's column name; either may be used as the keyword.
    given
        Keyword to values.
    name
        The law's name, for messages.
    groups
        Columns that could have been named too.

    Returns
    -------
    dict
        Role to values, shape (forecast,).

    Raises
    ------
    LawError
        If an input is missing or unknown.
    DataError
        If a value is not a positive finite number.
    """
    by_column = {column: role for role, column in columns.items()}
    roles = {by_column.get(key, key) if key not in inputs else key: v for key, v in given.items()}
    if set(roles) != set(inputs):
        wanted = ", ".join(f"{role}=" for role in inputs)
        got = ", ".join(f"{role}=" for role in given) or "none"
        hint = "".join(_hint(o, {*inputs, *by_column, *groups}) for o in roles if o not in inputs)
        raise LawError(f"{name} needs {wanted}; got {got}.{hint}")
    arrays = {}
    for role, values in roles.items():
        array = np.atleast_1d(as_array(f"{role}=", values))
        bad = ~(np.isfinite(array) & (array >= SMALLEST))
        if array.size == 0 or bad.any():
            shown = ", ".join(f"{value:g}" for value in array[bad][:3]) or "nothing"
            raise DataError(
                f"{role}= must hold positive finite numbers, since a scaling law lives on log "
                f"axes; got {shown}."
            )
        arrays[role] = array.ravel()
    length = max(len(array) for array in arrays.values())
    try:
        return {role: np.broadcast_to(array, length) for role, array in arrays.items()}
    except ValueError:
        lengths = ", ".join(f"{role}: {len(array)}" for role, array in arrays.items())
        raise DataError(f"Forecast inputs must have one length; got {lengths}.") from None


def with_levels(
    at: dict[str, np.ndarray], levels: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, list]]:
    """Return inputs, and a level of each column of groups for each of them.

    Parameters
    ----------
    at
        Role to inputs, shape (m,) or (1,).
    levels
        Column to one level, or to as many as there are inputs.

    Raises
    ------
    DataError
        If lengths differ.
    """
    lists = {
        column: list(given) if has_length(given) and not isinstance(given, str) else [given]
        for column, given in levels.items()
    }
    for column, asked in lists.items():
        for level in asked:
            check_level(column, level)
    lengths = {len(values) for values in (*at.values(), *lists.values())} - {1}
    if len(lengths) > 1 or 0 in lengths:
        said = ", ".join(f"{name}: {len(v)}" for name, v in {**at, **lists}.items())
        raise DataError(f"Inputs and levels of groups must have one length, or be one; got {said}.")
    most = max(lengths, default=1)
    wide = {role: np.broadcast_to(values, most) for role, values in at.items()}
    return wide, {c: v * most if len(v) == 1 else v for c, v in lists.items()}


def checked_targets(y: Any) -> np.ndarray:
    """Return targets as a finite array of shape (target,)."""
    targets = np.atleast_1d(as_array("y=", y)).ravel()
    if targets.size == 0 or not np.isfinite(targets).all():
        raise DataError(f"y= must hold finite numbers; got {short(y)}.")
    return targets


def checked_outcomes(y: Any, count: int) -> np.ndarray:
    """Return measured outcomes as finite numbers of shape (count,)."""
    outcome = checked_targets(y)
    if outcome.size not in (1, count):
        raise DataError(f"y= must hold a number for each of {count} inputs; got {outcome.size}.")
    return np.broadcast_to(outcome, count)


def read_off(values: np.ndarray, grid: np.ndarray, at: Any) -> np.ndarray:
    """Return values between the points of a grid, draw by draw.

    Parameters
    ----------
    values
        Shape (chain, draw, point).
    grid
        In rising order, shape (point,).
    at
        Where to, a scalar or of shape (chain, draw).

    Returns
    -------
    numpy.ndarray
        Shape (chain, draw).
    """
    at = np.broadcast_to(at, values.shape[:-1])
    left = np.clip(np.searchsorted(grid, at) - 1, 0, len(grid) - 2)
    share = np.clip((at - grid[left]) / (grid[left + 1] - grid[left]), 0.0, 1.0)
    low = np.take_along_axis(values, left[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(values, left[..., None] + 1, axis=-1)[..., 0]
    return low + share * (high - low)


def chance(made: Forecast, y: Any, of: str, rises: bool) -> np.ndarray | float:
    """Return the share of draws that beat a target: below it, or above it where outcomes rise."""
    targets = checked_targets(y)
    if targets.size != 1:
        raise DataError(f"y= must be one target; got {targets.size}.")
    draws = made.draws(of)
    share = (draws > targets if rises else draws < targets).mean(axis=(0, 1))
    return float(share[0]) if share.size == 1 else share


def search_grid(start: float, end: float) -> np.ndarray:
    """Return log inputs among which a target is looked for: all numbers, densely near the data."""
    low, high = math.log(start), math.log(end)
    span = max(high - low, 1.0)
    return np.concatenate(
        [
            np.linspace(-690, low - span, 40),
            np.linspace(low - span, high + span, 240)[1:],
            np.linspace(high + span, 690, 60)[1:],
        ]
    )


def required_inputs(
    curve: Callable[[np.ndarray], np.ndarray], targets: np.ndarray, start: float, end: float
) -> np.ndarray:
    """Return the smallest input beyond which a falling outcome stays at or below each target.

    Parameters
    ----------
    curve
        Maps log inputs, broadcastable against draws of shape (chain, draw), to outcomes.
    targets
        Shape (target,).
    start, end
        Smallest and largest input of the data: breaks lie between or near them.

    Returns
    -------
    numpy.ndarray
        Shape (chain, draw, target); infinite where the target is never reached for good, 0 where
        the curve is nowhere above it.
    """
    grid = search_grid(start, end)
    values = np.stack([curve(np.asarray(u)) for u in grid])
    found = []
    for target in targets:
        above = values > target
        last = len(grid) - 1 - np.argmax(above[::-1], axis=0)
        left = grid[last]
        right = grid[np.minimum(last + 1, len(grid) - 1)]
        for _ in range(80):
            middle = (left + right) / 2
            over = curve(middle) > target
            left, right = np.where(over, middle, left), np.where(over, right, middle)
        answer = np.exp(right)
        answer[last == len(grid) - 1] = np.inf
        answer[~above.any(axis=0)] = 0.0
        found.append(answer)
    return np.stack(found, axis=-1)
