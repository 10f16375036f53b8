r"""Exponents that drift beyond the data, so that a forecast knows how far it reaches.

A law says how the slope goes on; nature has been seen to change it. Beyond the data the local
exponent k of every draw, the law's at that place, is replaced by

.. math:: k'(t) = \max\bigl(0,\ k(t)\,(1 - q/4) + q\,S\,U(t)\,(k(t) + 0.3)\bigr), \qquad
          \log y(t) = \log f(0) - \int_0^t k'(s)\, ds

where t is the distance from the data in e-folds of the input and U an Ornstein-Uhlenbeck process
from 0, that wanders like a Brownian motion at first and forgets within an e-fold. Most curves keep
their course and a few leave it, and a curve's data do not tell which it is: so S, one for each
draw, is log-normal with median 0.05 and a standard deviation of 2.5 of its logarithm, and at most
10. With q = 0.3 the exponent of the usual draw changes by a hundredth of itself, of one in ten by a
quarter, of one in twenty by two thirds, and it falls short of the law's by a thirteenth on average.
The 0.3 that is added is for curves that are nearly flat: of a slope of 0.02 that changes by half of
itself nobody would notice, and flat curves have been seen to fall again. A curve may so
come to a halt, or fall below what seemed its floor, and does not turn around. Of a law that
rises and falls, the exponent at the data's end says little of how far exponents go: there it gains
:math:`q\,U(t)` times the largest that the draw has within the data, of either sign.
Nothing of this is fitted: the data hold no trace of what comes after them, so prior and posterior
of the drift are one. How q, the quarter, the 0.3, the e-fold and S were found, on published
curves, is told on the page about extrapolation. Of several inputs, t is how far the farthest of
them lies beyond its range. A curve that rises along the path does the same upwards. Where outcomes
may be negative, the same is done to y itself instead of log y, without the 0.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayescale.cores import side_by_side
from bayescale.errors import LawError
from bayescale.given import short

#: The drift by default.
DRIFT = 0.3
#: Of the exponent beyond the data: what it falls short by on average, as a share of q, over how
#: many e-folds it forgets its wandering, and what is added to the exponent that wanders.
_SLOWER, _FORGETS, _LEAST = 1 / 4, 1.0, 0.3
#: Of S, by which draws differ: its median, the standard deviation of its logarithm, its largest.
_USUAL, _VARIES, _MOST = 0.05, 2.5, 10.0
#: The largest drift: beyond it nothing is left of a law.
_LARGEST = 100.0
#: Distances at which the walk is drawn: every tenth of an e-fold, and from three e-folds on 5 %
#: more each; the last lies beyond every number that a computer holds.
_KNOTS = np.concatenate([np.arange(0, 3, 0.1), 3 * 1.05 ** np.arange(0, 126)])
#: Logs of inputs beyond which a computer holds no number.
_FARTHEST = 700.0
#: Pieces of a path of several inputs, of which every point has its own.
_COARSE = 32
#: Where the exponents of a draw are looked at within the data.
_PLACES = 60

Curve = Callable[[dict[str, np.ndarray]], np.ndarray]


def checked_drift(drift: Any) -> float:
    """Return a drift as a number.

    Raises
    ------
    LawError
        If it is not a number of at least 0.
    """
    number = isinstance(drift, int | float | np.number) and not isinstance(drift, bool)
    if not number or not 0 <= drift <= _LARGEST:
        raise LawError(
            f"drift= must be a number of at least 0 and at most {_LARGEST:g} (0.3, the "
            "default: beyond the data the local exponent usually changes little, in one curve of "
            "ten by a quarter of itself and more, and falls short of the law's by a thirteenth on "
            f"average; 0: the law as it stands); got {short(drift)}."
        )
    return float(drift)


@dataclass(frozen=True, eq=False)
class Drift:
    """What drift does to a curve's draws beyond the data.

    Parameters
    ----------
    curve
        From inputs (role to values of shape (m,)) to draws of the curve, shape (..., m).
    edges
        Role to the smallest and the largest input of the data.
    shape
        Of the draws.
    strength
        q; no unit.
    seed
        Of the walks: equal seeds walk alike, whatever is asked.
    turns
        Whether the law may rise and fall.
    on_logs
        Whether the exponent is that of log y; else the slope of y drifts.
    slower
        By what share of q the exponent falls short of the law's on average; no unit.
    forgets
        Over how many e-folds its wandering is forgotten.
    usual, varies
        Median of S, and standard deviation of its logarithm; no unit. S is 1 for a law that turns.
    least
        What is added to an exponent before it wanders, so that flat curves do; no unit.
    """

    curve: Curve
    edges: Mapping[str, tuple[float, float]]
    shape: tuple[int, ...]
    strength: float
    seed: Any
    turns: bool = False
    on_logs: bool = True
    slower: float = _SLOWER
    forgets: float = _FORGETS
    usual: float = _USUAL
    varies: float = _VARIES
    least: float = _LEAST

    def distance(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return how far each input lies beyond the data, in e-folds, shape (m,); 0 inside."""
        beyond = []
        for role, (start, end) in self.edges.items():
            log_x = np.log(inputs[role])
            beyond.append(np.maximum(np.log(start) - log_x, log_x - np.log(end)))
        return np.maximum(np.max(beyond, axis=0), 0.0)

    def places(self, role: str) -> np.ndarray:
        """Return log inputs beyond the data between which the drift may be read off linearly."""
        knots = _KNOTS[1:]
        if len(self.edges) == 1:  # a draw that leaves its course bends within a piece
            knots = np.sort(np.concatenate([knots, (_KNOTS[1:] + _KNOTS[:-1]) / 2]))
        else:
            knots = knots[::2]
        start, end = np.log(self.edges[role])
        return np.concatenate([start - knots[::-1], end + knots])

    def applied(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the drifted curve's draws at inputs, shape (..., m).

        Of several inputs each may also have a value for each draw, shape (..., m).
        """
        plain = self.curve(inputs)
        if any(np.ndim(values) > 1 for values in inputs.values()):
            return self._applied_by_draw(inputs, plain)
        far = self.distance(inputs)
        if self.strength == 0 or not (far > 0).any():
            return plain
        return self.moved(plain, self._shift(inputs, far, self.scaled(plain)))

    def shift(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return by how much the curve's draws move at inputs: log y, or y; shape (..., m)."""
        far = self.distance(inputs)
        return self._shift(inputs, far, self.scaled(self.curve(inputs)))

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Return values on the scale that drifts."""
        with np.errstate(all="ignore"):
            return np.log(values) if self.on_logs else np.array(values, float)

    def moved(self, values: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return values that have moved by a shift."""
        with np.errstate(over="ignore", under="ignore"):
            return values * np.exp(shift) if self.on_logs else values + shift

    def _shift(
        self, inputs: Mapping[str, np.ndarray], far: np.ndarray, value: np.ndarray
    ) -> np.ndarray:
        shift = np.zeros_like(value)
        if self.strength == 0:
            return shift
        for path in self._paths(inputs, far):
            shift[..., path] = self._along(inputs, far, path, value[..., path])
        # A curve that has run out of numbers has nowhere to drift to.
        return np.where(np.isfinite(shift), shift, 0.0)

    def _paths(self, inputs: Mapping[str, np.ndarray], far: np.ndarray) -> list[np.ndarray]:
        """Return the points by the path that leads to them: of one input, up or down."""
        beyond = far > 0
        if len(self.edges) > 1:
            return [np.array([i]) for i in np.flatnonzero(beyond)]
        ((role, (_, end)),) = self.edges.items()
        above = inputs[role] > end
        sides = (np.flatnonzero(beyond & above), np.flatnonzero(beyond & ~above))
        return [side for side in sides if len(side)]

    def _along(
        self, inputs: Mapping[str, np.ndarray], far: np.ndarray, path: np.ndarray, value: np.ndarray
    ) -> np.ndarray:
        """Return by how much the points of one path move, shape (..., point)."""
        reach = float(far[path].max())
        used = self._knots_to(reach)
        farthest = path[np.argmax(far[path])]
        knots = self._ends(used)
        goal = {role: np.log(values[farthest]) for role, values in inputs.items()}
        curve = self.scaled(self.curve(self._outward(goal, knots)))
        if len(self.edges) > 1:
            knots[-1] = reach
        place = np.clip(np.searchsorted(knots, far[path]) - 1, 0, len(used) - 1)
        with np.errstate(all="ignore"):  # of what no computer holds: see _shift
            rise, length = np.diff(curve, axis=-1), np.diff(knots)
            moved = self._bent(rise, length, self._wander(used))
            before = np.cumsum(moved, axis=-1) - moved
            left = (far[path] - knots[place]) / length[place]
            share = self._share(value - curve[..., place], rise[..., place], left)
            return before[..., place] + moved[..., place] * share

    def _ends(self, used: np.ndarray) -> np.ndarray:
        """Return the knots between which the pieces of a path lie, one more than pieces."""
        return _KNOTS[np.append(used, used[-1] + 1)]

    def _outward(self, goal: Mapping[str, np.ndarray], knots: np.ndarray) -> dict[str, np.ndarray]:
        """Return inputs along the straight path from the data, shape (..., knot).

        Of several inputs each goes on until it is where the goal has it.
        """
        at = {}
        for role, (start, end) in self.edges.items():
            inside = np.clip(goal[role], np.log(start), np.log(end))
            reach = np.asarray(goal[role] - inside)[..., None]
            if len(self.edges) == 1:
                reach = np.where(reach == 0, 0.0, np.copysign(np.inf, reach))
            log_x = np.asarray(inside)[..., None] + np.clip(reach, -knots, knots)
            at[role] = np.exp(np.clip(log_x, -_FARTHEST, _FARTHEST))
        return at

    def _bent(self, rise: np.ndarray, length: np.ndarray, wander: np.ndarray) -> np.ndarray:
        """Return by how much pieces of a curve move, of a length over which it rises by so much."""
        drift = self.strength * wander
        if self.turns:
            return -self._steepest[..., None] * drift * length
        least = self.least * length if self.on_logs else 0.0
        steep = np.abs(rise)
        bent = np.maximum(steep * (1 - self.strength * self.slower + drift) + least * drift, 0.0)
        return np.where(rise > 0, bent, -bent) - rise

    def _share(self, last: np.ndarray, rise: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return how much of the last piece's move is made: as much as the law has of its rise.

        So the curve stays smooth within a piece, and falls where the law falls.
        """
        if self.turns:
            return np.broadcast_to(left, last.shape)
        return np.clip(np.divide(last, rise, out=left + np.zeros_like(last), where=rise != 0), 0, 1)

    def _applied_by_draw(self, inputs: Mapping[str, np.ndarray], plain: np.ndarray) -> np.ndarray:
        """Return the drifted curve where every draw asks of a place of its own."""
        if self.strength == 0:
            return plain
        wide = {role: np.broadcast_to(values, plain.shape) for role, values in inputs.items()}
        far, value, shift = self.distance(wide), self.scaled(plain), np.zeros_like(plain)
        # No draw may have a place to ask of: a law without an optimum.
        farthest = float(np.max(far, where=np.isfinite(far), initial=0.0))
        walk = self._walk(int(self._knots_to(farthest)[-1]) + 1)

        def moves(i: int) -> None:
            at = {role: values[..., i] for role, values in wide.items()}
            shift[..., i] = self._from_edge(at, far[..., i], value[..., i], walk)

        side_by_side(moves, np.flatnonzero((far > 0).any(axis=tuple(range(far.ndim - 1)))))
        return self.moved(plain, np.where(np.isfinite(shift), shift, 0.0))

    def _from_edge(
        self,
        at: Mapping[str, np.ndarray],
        far: np.ndarray,
        value: np.ndarray,
        walk: np.ndarray,
    ) -> np.ndarray:
        """Return by how much each draw's own point moves, along a straight path from the data."""
        used = self._knots_to(float(np.nanmax(far)))
        knots = self._ends(used)
        goal = {role: np.log(values) for role, values in at.items()}
        place = np.clip(np.searchsorted(knots, far) - 1, 0, len(used) - 1)[..., None]

        def there(values: np.ndarray) -> np.ndarray:
            return np.take_along_axis(values, place, axis=-1)

        with np.errstate(all="ignore"):  # of what no computer holds: see _shift
            curve = self.scaled(self.curve(self._outward(goal, knots)))
            ends = np.broadcast_to(knots, curve.shape)
            if len(self.edges) > 1:
                ends = np.minimum(ends, far[..., None])
            rise, length = np.diff(curve, axis=-1), np.diff(ends, axis=-1)
            moved = self._bent(rise, length, self._wander(used, walk))
            left = (far[..., None] - there(ends)) / there(length)
            share = self._share(value[..., None] - there(curve), there(rise), left)
            return (there(np.cumsum(moved, axis=-1) - moved) + there(moved) * share)[..., 0]

    def _knots_to(self, reach: float) -> np.ndarray:
        """Return which knots a path to some distance has; of several inputs not all of them."""
        last = min(int(np.searchsorted(_KNOTS, reach)), len(_KNOTS) - 1)  # a piece has two ends
        used = np.arange(max(last, 1))
        if len(self.edges) > 1 and len(used) > _COARSE:
            return np.unique(np.linspace(0, used[-1], _COARSE).round().astype(int))
        return used

    @cached_property
    def _steepest(self) -> np.ndarray:
        """The largest exponent that each draw has within the data; shape (...)."""
        ((role, (start, end)),) = self.edges.items()
        at = np.linspace(np.log(start), np.log(end), _PLACES)
        with np.errstate(all="ignore"):
            slope = np.diff(self.scaled(self.curve({role: np.exp(at)})), axis=-1) / np.diff(at)
        return np.nan_to_num(np.abs(slope)).max(axis=-1)

    def _wander(self, used: np.ndarray, walk: np.ndarray | None = None) -> np.ndarray:
        """Return U in the middle of the piece after each knot; shape (..., knot).

        ``walk`` is one to these knots or farther, where many paths are asked for.
        """
        count = int(used[-1]) + 1
        walk = self._walk(count) if walk is None else walk
        onward = np.append(used[1:], count)  # the knot at which each piece ends
        return np.moveaxis(0.5 * (walk[used] + walk[onward]), 0, -1)

    def _walk(self, count: int) -> np.ndarray:
        """Return S U at the first knots, shape (knot + 1, ...)."""
        rng = np.random.default_rng(self.seed)
        differ = self.usual * np.exp(self.varies * rng.standard_normal(self.shape))
        differ = np.minimum(differ, _MOST)
        kept = np.exp(-np.diff(_KNOTS[: count + 1]) / self.forgets)
        new = np.sqrt(self.forgets / 2 * (1 - kept**2))
        walk = np.zeros((count + 1, *self.shape))
        for k in range(count):  # a row a step, so that a longer path begins like a shorter one
            walk[k + 1] = kept[k] * walk[k] + new[k] * rng.standard_normal(self.shape)
        return walk if self.turns else differ * walk
