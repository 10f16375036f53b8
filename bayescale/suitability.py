"""Whether runs suit a law: errors where they are too few, warnings where they say too little."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from bayescale.errors import DataError, DataWarning
from bayescale.groups import dimension
from bayescale.observed import Observations
from bayescale.parameters import slots
from bayescale.prior import one_or_all


def check_enough(law: Any, runs: Observations) -> None:
    """Raise a DataError when there are fewer distinct inputs than the law can bear."""
    several = len(runs.inputs) > 1
    for role, values in runs.inputs.items():
        distinct = len(np.unique(values))
        column = runs.columns[role]
        needed = law.sizes_needed(role)
        if distinct == 1 and needed > 1:
            raise DataError(
                f"All {len(values)} runs have the same {column!r} ({values[0]:g}). "
                "A scaling law needs runs at different scales."
            )
        if distinct < needed:
            cure = (
                "Add runs, or fix the parameters of that input"
                if several
                else ("Add runs, or fit a law with fewer parameters")
            )
            raise DataError(
                f"{type(law).__name__} needs runs at {needed} or more different values "
                f"of {column!r}; got {distinct}. {cure}."
            )
    if several and len(runs) < law.rows_needed:
        raise DataError(
            f"{type(law).__name__} needs {law.rows_needed} or more runs; got {len(runs)}. "
            "Add runs, or fit a law with fewer parameters."
        )


def check_levels(law: Any, likelihood: Any, runs: Observations) -> None:
    """Raise a DataError where a level that shares nothing has too few runs of its own."""
    if runs.groups is None:
        return
    alone: dict[tuple[str, ...], list[str]] = {}
    for spec in (law, likelihood):
        for slot in slots(spec):
            if slot.by and not slot.pooled:
                alone.setdefault(runs.groups.own(slot.by), []).append(slot.field)
    inputs = np.stack(list(runs.inputs.values()), axis=1)
    for by, names in alone.items():
        level = runs.groups.index(by)[runs.cells]
        needed = max(2, len(names))
        short = []
        for i, label in enumerate(runs.groups.labels(by)):
            got = len(np.unique(inputs[level == i], axis=0))
            if got < needed:
                short.append(f"{label} ({got})")
        if short:
            more = f" and {len(short) - 5} more" if len(short) > 5 else ""
            stands = "stands" if len(names) == 1 else "stand"
            raise DataError(
                f"{', '.join(names)} of each {dimension(by)!r} {stands} alone (unpooled), which "
                f"needs runs at {needed} or more different inputs in every level; too few in "
                f"{', '.join(short[:5])}{more}. Use bs.partial_pooling(by="
                f"{one_or_all(by)!r}), by which such levels lean on the others, or drop them."
            )


def thin_levels(runs: Observations) -> str:
    """Say which levels have a single run and so lean on their population; empty if none."""
    if runs.groups is None:
        return ""
    words = []
    for column in runs.groups.columns:
        counts = np.bincount(runs.groups.index((column,))[runs.cells])
        names = runs.groups.labels((column,))
        single = [str(names[i]) for i in np.flatnonzero(counts == 1)]
        if single:
            shown = ", ".join(single[:5]) + (
                f" and {len(single) - 5} more" if len(single) > 5 else ""
            )
            words.append(
                f"a single run of {column!r} {shown}: the curve there is mostly the others'"
            )
    return "; ".join(words)


def check_direction(law: Any, runs: Observations) -> None:
    """Raise a DataError, or warn, where the outcome rises though it should fall, or falls."""
    from scipy.stats import spearmanr

    if law.rises:
        return
    logs = [_within(runs, np.log(values)) for values in runs.inputs.values()]
    x = np.sum([(log - log.mean()) / (log.std() or 1.0) for log in logs], axis=0)
    outcome = _within(runs, runs.outcome)
    if np.ptp(x) == 0 or np.ptp(outcome) == 0:  # as where each group has a single run
        return
    correlation: Any = spearmanr(x, outcome)
    rises = float(correlation.statistic)
    order = np.argsort(x)
    third = max(1, len(x) // 3)
    ends = outcome[order[-third:]].mean() > outcome[order[:third]].mean()
    if rises < 0.7 or not ends:
        return
    name, column = runs.outcome_column, " and ".join(map(repr, runs.columns.values()))
    if runs.ceiling is None:
        message = (
            f"{name!r} rises with {column} (rank correlation {rises:.2f}), but a loss falls. If "
            f"it is an accuracy or another metric that rises, pass ceiling=1.0 (or its largest "
            f"possible value): ceiling - {name} is modelled and {name} is reported."
        )
    else:
        message = (
            f"{name!r} falls with {column}, but a ceiling was given, which is for a metric that "
            "rises. Leave out ceiling=."
        )
    if law.only_falls:
        raise DataError(message)
    warnings.warn(message, DataWarning, stacklevel=4)


def _within(runs: Observations, values: np.ndarray) -> np.ndarray:
    """Return values less the mean of their group: groups may lie apart for their own reasons."""
    if runs.cell is None:
        return values
    sums, counts = np.bincount(runs.cells, weights=values), np.bincount(runs.cells)
    return values - (sums / np.maximum(counts, 1))[runs.cells]


def warn_single(runs: Observations) -> None:
    """Warn of runs that have a row each: there is nothing for run= to say."""
    if runs.run is not None and len(runs) > 1 and len(np.unique(runs.run)) == len(runs):
        warnings.warn(
            "Each run (run=) has a single row, so no rows share a run: noise is that of "
            "independent rows. Leave out run=, or give the rows of each run.",
            DataWarning,
            stacklevel=4,
        )


def warn_independent(likelihood: Any, runs: Observations) -> None:
    """Warn of runs that are named, and a likelihood that makes nothing of it."""
    known = likelihood.correlated or likelihood.grouped or likelihood.merges
    if known or runs.run is None or len(np.unique(runs.run)) == len(runs):
        return
    warnings.warn(
        f"run= names the run of each row, but {likelihood.label} takes rows of a run as "
        "independent: where they are alike, intervals are too narrow. Noise that goes on along a "
        "run is bs.Correlated(bs.LogNormal()) or bs.Correlated(bs.StudentT()), the former by "
        "leaving likelihood= out.",
        DataWarning,
        stacklevel=4,
    )


def warn_narrow(law: Any, runs: Observations) -> None:
    """Warn of runs within a decade: what bends the curve hardly shows there."""
    if len(runs.inputs) != 1 or not law.bends:
        return
    (role, values), *_ = runs.inputs.items()
    decades = float(np.log10(values.max()) - np.log10(values.min()))
    if decades < 1:
        warnings.warn(
            f"The runs span {decades:.2f} decades of {runs.columns[role]!r}. {law.bends} can "
            "hardly be told from a pure power law on less than one decade: expect the posterior to "
            "follow the prior there, and add smaller or larger runs.",
            DataWarning,
            stacklevel=4,
        )


def warn_swapped(runs: Observations) -> None:
    """Warn of far fewer tokens than parameters: the two columns may be swapped."""
    if not {"params", "tokens"} <= set(runs.inputs):
        return
    logs = {role: np.log(runs.inputs[role]) for role in ("params", "tokens")}
    ratio = float(np.exp(min(np.median(logs["tokens"] - logs["params"]), 0.0)))
    if ratio < 1e-3:
        warnings.warn(
            f"The runs have {ratio:.2g} tokens for each parameter (median): are params="
            f"{runs.columns['params']!r} and tokens={runs.columns['tokens']!r} swapped, or in "
            "different units (billions)?",
            DataWarning,
            stacklevel=4,
        )


def warn_one_ray(law: Any, runs: Observations) -> None:
    """Warn of two inputs that rise together: their terms cannot be told apart."""
    roles = [role for role in runs.inputs if law.sizes_needed(role) > 1]
    for i, first in enumerate(roles):
        for second in roles[i + 1 :]:
            x, y = (np.log(runs.inputs[role]) for role in (first, second))
            slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
            off = (y - y.mean() - slope * (x - x.mean())).std()
            if off < 0.05 * max(y.std(), x.std()):
                names = runs.columns[first], runs.columns[second]
                known = law.along_ray.format(first=first, second=second, slope=slope)
                warnings.warn(
                    f"{names[1]!r} is about {names[0]!r}^{slope:.2f} in all runs: on one ray the "
                    f"loss is a function of either alone, so the runs determine the curve along "
                    f"the ray ({known}), and not how much is due "
                    f"to {first} and how much to {second}: there the priors speak. Add runs off "
                    "the ray (another ratio).",
                    DataWarning,
                    stacklevel=4,
                )
