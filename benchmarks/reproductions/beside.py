"""A published figure and ours beside it: the rows that every paper's module makes."""

import math
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bayescale as bs
from bayescale.evaluating import UNIT_REFERENCES

#: A row of a paper's table.
Row = dict[str, Any]
COLUMNS = (
    "case", "rows", "quantity", "unit", "published", "published_lower", "published_upper",
    "where", "median", "lower", "upper", "inside", "rhat", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a run of the reproductions is given.

    Parameters
    ----------
    data
        The folder of published data.
    draws
        Kept draws and tuning steps of each chain.
    few
        Whether to stop after the first few cases of a paper: for a test.
    """

    data: Path
    draws: int = 1000
    few: bool = False

    def some(self, cases: Iterable, first: int = 2) -> list:
        """Return all the cases, or the first of them."""
        return list(cases)[:first] if self.few else list(cases)

    def fitted(self, law: bs.Law, runs: Any, y: str = "loss", **options: Any) -> bs.Fit:
        """Return a fit; what it warns of stands in its diagnostics."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayescaleWarning)
            return law.fit(
                runs, y=y, draws=self.draws, tune=self.draws, retry=not self.few, progress=False,
                **options,
            )  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """What a paper prints: a number, its interval if it has one, and where it stands."""

    value: float
    where: str
    unit: str = ""
    lower: float = math.nan
    upper: float = math.nan


def row(
    case: str, quantity: str, figure: Figure, draws: Any, fit: bs.Fit | None = None, note: str = ""
) -> Row:
    """Return a figure beside the median and the central 90 % interval of draws."""
    low, middle, high = np.nanquantile(draws, [0.05, 0.5, 0.95], method="inverted_cdf")
    return {
        "case": case,
        "rows": len(fit.runs) if fit is not None else math.nan,
        "quantity": quantity,
        "unit": figure.unit,
        "published": figure.value,
        "published_lower": figure.lower,
        "published_upper": figure.upper,
        "where": figure.where,
        "median": middle,
        "lower": low,
        "upper": high,
        "inside": bool(low <= figure.value <= high),
        "rhat": fit.diagnostics.rhat if fit is not None else math.nan,
        "note": note,
    }


def printed(law: bs.Law, units: dict[str, str]) -> dict[str, Figure]:
    """Return the constants that a paper prints of a law, by name; units of those that have one."""
    found = law.constants(law.numbers, UNIT_REFERENCES)
    return {
        name: Figure(float(value), law.source.where, units.get(name, ""))
        for name, value in found.items()
        if np.ndim(value) == 0
    }


def constants(fit: bs.Fit) -> dict[str, np.ndarray]:
    """Return the draws of the literature's constants, in the user's units."""
    return fit.law.constants(fit.parameters, fit.runs.references)


def simulated(law: bs.Law, noise: float, y: str = "loss", **inputs: Any) -> Any:
    """Return runs on a full grid of the inputs that scatter about a published law.

    Every law has noise of its own, and the same each time.
    """
    seed = zlib.crc32(f"{law.source.paper} {law.source.name}".encode())
    grids = np.meshgrid(*inputs.values(), indexing="ij")
    flat = {name: grid.ravel() for name, grid in zip(inputs, grids, strict=True)}
    return law.simulate(y=y, noise=noise, seed=seed, **flat)
