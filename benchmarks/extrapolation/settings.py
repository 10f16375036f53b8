"""The choices that ``bs.forecast`` makes for its user, and what a curve says of every one of them.

A setting is a set of laws, how they are weighed, and the constants of the drift. Fits do not
depend on it; forecasts do. Draws, drift, noise and densities are the package's own; here is only
that its constants can be given, and that a mixture's scores are read off its distribution function,
of which that of any mixture of laws is a weighted mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import outlook
from bayescale.drift import Drift
from bayescale.fitting import Fit
from benchmarks.extrapolation.scores import LEAST, LEVELS

#: Laws that only fall, of which a forecast may be mixed; and laws that rise and fall.
FALLING = {**outlook.FALLING, "power law": bs.PowerLaw()}
RISING = dict(outlook.RISING)
#: Of which the forecast to ten times the data is mixed: each takes a second to fit.
TEN_TIMES = ("two breaks", "shifted power law")
#: What stands in where a curve has too few different inputs for any law of a set.
SIMPLEST = "power law"
SETS = {
    "falling": (
        *((name,) for name in FALLING),
        ("two breaks", "two breaks in cells"),
        ("two breaks", "shifted power law"),
        tuple(outlook.FALLING),
        tuple(FALLING),
    ),
    "rising": (*((name,) for name in RISING), tuple(RISING)),
    "ten times": (*((name,) for name in TEN_TIMES), TEN_TIMES),
}
_DEFAULTS = {"falling": outlook.FALLING, "rising": outlook.RISING}
STRENGTHS = (0.0, 0.15, 0.3, 0.5)
SLOWING = (0.0, Drift.slower)
#: Of laws that turn; the others forget within an e-fold.
FORGETTING = (0.5, 1.0)
#: Standard deviation of the logarithm of S to its median: from tails of middling weight to heavy
#: ones.
VARYING = {1.0: 1 / 2, 2.0: 0.12, 2.5: Drift.usual}
ADDED = (0.0, 0.15, Drift.least)
#: The share of a law's weight that is equal.
WEIGHTS = {
    "equal": 1.0,
    "half equal": 0.5,
    "quarter equal": 0.25,
    "tenth equal": 0.1,
    "pseudo-BMA": 0.0,
}
COVERAGES = tuple(f"coverage_{100 * level:g}" for level in LEVELS)
SCORES = ("rmsle", "log_score", "crps", *COVERAGES)
#: Draws that are used of each fit, and of each of these at how many levels the grid has a point.
DRAWS, GRID = 1000, 100


@dataclass(frozen=True, order=True)
class Pull:
    """The constants of the drift.

    q, what it slows by as a share of q, e-folds of forgetting, S, and what is added to an exponent.
    """

    strength: float
    slowing: float
    forgetting: float
    varying: float
    least: float


DEFAULT = Pull(bs.drift.DRIFT, Drift.slower, Drift.forgets, Drift.varies, Drift.least)


def pulls(kind: str) -> list[Pull]:
    """Return the grid of the drift's constants; no drift is one point.

    Laws that turn neither slow nor vary, and drift whatever their exponent is.
    """
    if kind == "rising":
        rest = (DEFAULT.slowing,), FORGETTING, (DEFAULT.varying,), (DEFAULT.least,)
    else:
        rest = SLOWING, (DEFAULT.forgetting,), tuple(VARYING), ADDED
    grid = itertools.product(STRENGTHS[1:], *rest)
    return [replace(DEFAULT, strength=0.0), *(Pull(*point) for point in grid)]


def mixtures(kind: str) -> list[tuple[tuple[str, ...], str]]:
    """Return every set of laws with every way to weigh it."""
    return [
        (laws, how) for laws in SETS[kind] for how in (WEIGHTS if len(laws) > 1 else ("equal",))
    ]


def default_mixture(kind: str) -> tuple[tuple[str, ...], str]:
    """Return the laws and the weights of ``bs.forecast``; at ten times the data, two laws."""
    return SETS[kind][-1] if kind == "ten times" else tuple(_DEFAULTS[kind]), "tenth equal"


@dataclass(frozen=True, eq=False)
class Pulled(Fit):
    """A fit whose drift has the constants in ``pull``; they may be changed."""

    pull: dict[str, float] = field(default_factory=dict)
    evaluated: dict[bytes, np.ndarray] = field(default_factory=dict)

    def _drift(self, strength: float) -> Drift:
        return replace(super()._drift(strength), curve=self._remembered, **self.pull)

    def _remembered(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        key = b"".join(np.asarray(value, float).tobytes() for value in inputs.values())
        if key not in self.evaluated:
            self.evaluated[key] = self.curve_draws(inputs)
        return self.evaluated[key]


def pulled(fit: Fit, draws: int = DRAWS) -> Pulled:
    """Return a fit's forecasts with the drift's constants as arguments, of some of its draws."""
    import xarray as xr

    every = max(fit.settings.chains * fit.settings.draws // draws, 1)
    kept = fit.tree["posterior"].to_dataset().isel(draw=slice(None, None, every))
    settings = replace(fit.settings, draws=kept.sizes["draw"])
    tree = xr.DataTree.from_dict({"posterior": kept})
    return Pulled(fit.law, fit.likelihood, fit.runs, settings, tree)


class Member:
    """One law's forecast of the held-out runs of a curve, under any constants of the drift."""

    def __init__(self, fit: Fit, test: pd.DataFrame, draws: int = DRAWS) -> None:
        self.fit = pulled(fit, draws)
        self.elpd = fit.loo().elpd
        self.x, self.y = (test[name].to_numpy(float) for name in ("x", "y"))
        shape = (self.fit.settings.chains, self.fit.settings.draws, len(self.x))
        self.noise = np.log(self.fit.new_run_draws(np.ones(shape), {"x": self.x}))

    def said(self, pull: Pull) -> tuple[np.ndarray, np.ndarray]:
        """Return draws of the log of a new run, shape (draw, m), and log density of y, (m,)."""
        self.fit.pull.update(
            slower=pull.slowing,
            forgets=pull.forgetting,
            usual=VARYING[pull.varying],
            varies=pull.varying,
            least=pull.least,
        )
        curve = self.fit.drifted_draws({"x": self.x}, pull.strength)
        logs = (np.log(curve) + self.noise).reshape(-1, len(self.x))
        return logs, self.fit.log_density(self.y, x=self.x, drift=pull.strength)


def shares(elpd: Sequence[float], how: str) -> np.ndarray:
    """Return the weights of a mixture; as :func:`bayescale.ensemble` has them."""
    weights, equal = np.exp(np.asarray(elpd) - max(elpd)), WEIGHTS[how]
    return (1 - equal) * weights / weights.sum() + equal / len(weights)


def scored(members: Mapping[str, Member], kind: str) -> list[dict[str, Any]]:
    """Return a row for every setting: the scores of its forecast of one curve.

    Parameters
    ----------
    members
        Law's name to its forecast, of the laws that the curve can bear.
    kind
        ``"falling"`` or ``"rising"``: which settings.
    """
    first = next(iter(members.values()))
    log_y = np.log(first.y)
    grid = _grid(list(members.values()), log_y)
    mixed = mixtures(kind)
    weights = np.zeros((len(mixed), len(members)))
    for row, (laws, how) in zip(weights, mixed, strict=True):
        borne = [name for name in laws if name in members] or [SIMPLEST]
        places = [list(members).index(name) for name in borne]
        row[places] = shares([members[name].elpd for name in borne], how)
    rows = []
    for pull in pulls(kind):
        said = [member.said(pull) for member in members.values()]
        below = np.stack([_distribution(logs, grid) for logs, _ in said])
        found = _scores(
            np.tensordot(weights, below, 1),
            _mixed_density(weights, np.stack([density for _, density in said])),
            grid,
            log_y,
        )
        for i, (laws, how) in enumerate(mixed):
            row = {"laws": " + ".join(laws), "weights": how, **pull.__dict__}
            rows.append(row | {name: float(value[i]) for name, value in found.items()})
    return rows


def _mixed_density(weights: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return the log density of mixtures, shape (mixture, m)."""
    with np.errstate(divide="ignore"):
        parts = np.log(weights)[:, :, None] + density
    return np.logaddexp.reduce(parts, axis=1)


def _grid(members: Sequence[Member], log_y: np.ndarray) -> np.ndarray:
    """Return values of log y that resolve every member without drift and with most; (grid, m)."""
    most = Pull(STRENGTHS[-1], SLOWING[0], FORGETTING[-1], max(VARYING), ADDED[-1])
    ends = (replace(most, strength=0.0), most)
    levels = np.linspace(0, 1, GRID)
    parts = [np.quantile(m.said(pull)[0], levels, axis=0) for m in members for pull in ends]
    return np.sort(np.concatenate([*parts, log_y[None]]), axis=0)


def _distribution(logs: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the share of draws at or below each value of a grid; shape (grid, m)."""
    count = np.zeros((len(grid) + 1, grid.shape[1]))
    for k in range(grid.shape[1]):
        at = np.searchsorted(grid[:, k], logs[:, k])
        count[:, k] = np.bincount(at, minlength=len(grid) + 1)
    return np.cumsum(count, axis=0)[:-1] / len(logs)


def _scores(
    below: np.ndarray, density: np.ndarray, grid: np.ndarray, log_y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the scores of distribution functions on a grid, shape (..., grid, m)."""
    step = grid >= log_y
    at = step.argmax(axis=0)
    points = np.arange(len(log_y))
    chance = below[..., at, points]
    after = below - step
    left, right = after[..., :-1, :], below[..., 1:, :] - step[:-1]
    crps = (np.diff(grid, axis=0) * (left**2 + left * right + right**2) / 3).sum(axis=-2)
    top = np.maximum((below >= 0.5).argmax(axis=-2), 1)
    high = np.take_along_axis(below, top[..., None, :], -2)[..., 0, :]
    low = np.take_along_axis(below, top[..., None, :] - 1, -2)[..., 0, :]
    z_low, z_high = grid[top - 1, points], grid[top, points]
    share = np.divide(0.5 - low, high - low, out=np.ones_like(low), where=high > low)
    median = z_low + np.clip(share, 0, 1) * (z_high - z_low)
    found = {
        "rmsle": np.sqrt(((median - log_y) ** 2).mean(axis=-1)),
        "log_score": np.maximum(density, LEAST).mean(axis=-1),
        "crps": crps.mean(axis=-1),
    }
    for level, name in zip(LEVELS, COVERAGES, strict=True):
        found[name] = (np.abs(chance - 0.5) <= level / 2).mean(axis=-1)
    return found


def log_density(members: Mapping[str, Member], how: str, pull: Pull) -> np.ndarray:
    """Return the log density of y under one setting, shape (m,)."""
    weights = shares([member.elpd for member in members.values()], how)
    return _mixed_density(weights[None], np.stack([m.said(pull)[1] for m in members.values()]))[0]
