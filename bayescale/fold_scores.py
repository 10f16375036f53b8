"""What laws that were fitted to some rows say of rows held out, scored; the jobs of a backtest."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import by_group, fitting
from bayescale.backtest_record import LEVELS
from bayescale.errors import SamplingWarning
from bayescale.holding_out import Fold
from bayescale.observed import Observations
from bayescale.sample import Sampling
from bayescale.scoring import crps, log_mean_exp

if TYPE_CHECKING:
    import pandas as pd

#: The name of the row that mixes all laws in equal parts.
MIXTURE = "equal mixture"


@dataclass(frozen=True, eq=False)
class Plan:
    """What all cut-offs have in common."""

    laws: dict[str, Any]
    noise: dict[str, Any]
    varies: dict[str, tuple[str, ...]]
    settings: dict[str, Sampling]
    every: Observations
    drift: float


def scored_folds(
    packed: bytes, folds: Sequence[tuple[int, Fold]]
) -> list[tuple[pd.DataFrame, tuple[str, ...]]]:
    """Fit all laws to what some folds train on, one after another, and score what they hold out.

    Parameters
    ----------
    packed
        A plan, pickled.
    folds
        With their numbers.

    Returns
    -------
    list of (DataFrame, tuple of str)
        Scored points, and fits whose diagnostics fell short, for each fold.
    """
    import cloudpickle

    plan: Plan = cloudpickle.loads(packed)
    found = []
    for number, fold in folds:
        data, test = plan.every.rows(fold.train), plan.every.rows(fold.test)
        fits, notes = {}, []
        for name, law in plan.laws.items():
            train = data.grouped_by(plan.varies[name])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SamplingWarning)
                settings = plan.settings[name]
                fits[name] = fitting.fit(law, plan.noise[name], train, settings, progress=False)
            if not fits[name].diagnostics.good:
                where = f"up to {fold.largest:g}" if plan.every.groups is None else fold.name
                notes.append(f"{name} {where}: {fits[name].diagnostics.line()}")
        points = _points(fits, test, fold.end[fold.test], plan.drift)
        found.append((points.assign(fold=number), tuple(notes)))
    return found


def _points(
    fits: Mapping[str, Any], test: Observations, cutoff: np.ndarray, drift: float
) -> pd.DataFrame:
    """Return the scored forecasts of every law, and of their equal mixture, at held-out rows."""
    import pandas as pd

    tables, news, densities = [], [], []
    for name, fit in fits.items():
        levels = {column: test.levels(column) for column in fit.groups}
        outcome = test.reported(test.outcome)
        density = fit.log_density_draws(outcome, drift=drift, **test.inputs, **levels)
        if levels:
            _, new = by_group.predicted(fit, test.inputs, levels, drift)
        else:
            new = fit.new_run_draws(fit.drifted_draws(test.inputs, drift), test.inputs)
        news.append(new.reshape(-1, len(test)))
        densities.append(density.reshape(-1, len(test)))
        tables.append(_scored(name, news[-1], densities[-1], test, cutoff))
    if len(fits) > 1:
        same = min(len(draws) for draws in news)
        mixed = [np.concatenate([draws[:same] for draws in part]) for part in (news, densities)]
        tables.append(_scored(MIXTURE, mixed[0], mixed[1], test, cutoff))
    return pd.concat(tables, ignore_index=True)


def _scored(
    name: str, new: np.ndarray, density: np.ndarray, test: Observations, cutoff: np.ndarray
) -> pd.DataFrame:
    import pandas as pd

    role, column = next(iter(test.columns.items()))
    reported = np.asarray(test.reported(new))
    truth = np.asarray(test.reported(test.outcome))
    positive = bool((new > 0).all() and (test.outcome > 0).all())
    middle = np.median(new, axis=0)
    table = pd.DataFrame(
        {
            "law": name,
            "cutoff": cutoff,
            **{group: test.levels(group) for group in test.seen},
            column: test.inputs[role],
            test.outcome_column: truth,
            "median": test.reported(middle),
        }
    )
    for level in LEVELS:
        low, high = np.quantile(reported, [(1 - level) / 2, (1 + level) / 2], axis=0)
        table[f"lower_{level * 100:g}"], table[f"upper_{level * 100:g}"] = low, high
    table["log_score"] = log_mean_exp(density)
    table["crps"] = crps(np.log(new), np.log(test.outcome)) if positive else crps(new, test.outcome)
    with np.errstate(invalid="ignore", divide="ignore"):
        table["log_error"] = np.log(middle) - np.log(test.outcome)
    return table
