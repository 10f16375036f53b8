"""What all curves of a batch have in common, and what is peculiar to each: plan and jobs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.data import observations
from bayescale.observed import Observations
from bayescale.parameters import columns_by
from bayescale.sample import Sampling

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Plan:
    """What all curves of a batch have in common.

    Parameters
    ----------
    laws
        Label to law.
    likelihoods
        Label to how its runs scatter.
    settings
        Label to how it is sampled; the seed is each curve's own.
    y
        The name of the outcome's column.
    inputs
        Role to column.
    ceiling
        What a rising metric cannot exceed, or None.
    run
        The column that names the training runs, or None.
    prob
        Probability of the equal-tailed intervals.
    forecast
        Role to the inputs of a forecast, or None.
    keep_draws
        Whether the draws go into the record.
    """

    laws: dict[str, Any]
    likelihoods: dict[str, Any]
    settings: dict[str, Sampling]
    y: str
    inputs: dict[str, str]
    ceiling: float | None
    run: str | None
    prob: float
    forecast: dict[str, Any] | None
    keep_draws: bool

    @property
    def others(self) -> list[str]:
        """The columns that are used beside outcome and inputs: of runs, evaluations and levels."""
        known = [given for each in self.likelihoods.values() for given, _ in each.columns.values()]
        named = [name for name in (self.run, *known) if isinstance(name, str)]
        return [*dict.fromkeys([*named, *(c for label in self.laws for c in self.varies(label))])]

    def varies(self, label: str) -> tuple[str, ...]:
        """Return the columns with which a law or its noise varies."""
        return columns_by(self.laws[label], self.likelihoods[label])

    def asked_of(self, label: str) -> dict[str, Any]:
        """Return what is forecast of a law: without levels of columns that only others know."""
        every = {column for each in self.laws for column in self.varies(each)}
        unknown = every - set(self.varies(label))
        return {name: v for name, v in (self.forecast or {}).items() if name not in unknown}

    def checked(self, law: Any, likelihood: Any, runs: pd.DataFrame) -> Observations:
        """Return a group's rows, checked."""
        return observations(law, likelihood, runs, self.y, self.inputs, self.ceiling, self.run)


@dataclass(frozen=True, eq=False)
class Job:
    """One law to be fitted to one group of rows.

    Parameters
    ----------
    name
        A stable hash of group and law.
    label
        The law's.
    key
        The group's values.
    seed
        The curve's own.
    data
        A stable hash of its rows.
    runs
        Its rows.
    """

    name: str
    label: str
    key: tuple
    seed: int
    data: str
    runs: pd.DataFrame


def stable_hash(*parts: str) -> str:
    """Return a hash of texts that is the same in every process and on every machine."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def key_text(key: tuple) -> str:
    """Return a group's key as text; numpy's numbers read as Python's."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in key]
    return "; ".join(f"{type(value).__name__}:{value}" for value in plain)


def seed_of(seed: int, key: tuple) -> int:
    """Return a curve's seed from the batch's and the group's key, whatever the order."""
    return int(stable_hash("seed", str(seed), key_text(key))[:8], 16)
