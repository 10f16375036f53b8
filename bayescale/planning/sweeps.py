"""Sweeps over sizes: runs grouped by budget, or read off training curves at budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.columns import codes_of, numbers_of, reject_rows
from bayescale.errors import DataError, LawError
from bayescale.frames import frame
from bayescale.given import SMALLEST

if TYPE_CHECKING:
    import pandas as pd

#: Budgets that differ by less than this in logs are one.
SAME_BUDGET = 0.1
#: Names of the columns of a checked sweep.
SIZE, DATA, COMPUTE, LOSS, CURVE = "params", "tokens", "compute", "loss", "curve"


def checked_sweep(
    runs: Any, y: str, params: str, tokens: str | None, compute: str | None, run: str | None = None
) -> pd.DataFrame:
    """Return a table of runs with logs to be taken: params, tokens, compute, loss, curve.

    Parameters
    ----------
    runs
        The user's table.
    y, params, tokens, compute, run
        Its columns. Of tokens and compute one may be None: C = 6ND.

    Returns
    -------
    pandas.DataFrame
        The columns of this room's names; ``curve`` numbers training runs (or sizes, without run).

    Raises
    ------
    LawError
        If neither tokens nor compute is given.
    DataError
        If a column is missing or holds what is not positive and finite.
    """
    import pandas as pd

    if tokens is None and compute is None:
        raise LawError(
            "Say what the runs cost: compute= names the column of FLOP, or tokens= that of tokens "
            "(then compute is 6 N D)."
        )
    table = frame(runs)
    if table.empty:
        raise DataError("The table of runs is empty. It needs one row for each training run.")
    named = {LOSS: y, SIZE: params, DATA: tokens, COMPUTE: compute}
    columns = {
        name: _positive(table, column) for name, column in named.items() if column is not None
    }
    made = pd.DataFrame(columns)
    with np.errstate(over="ignore", under="ignore"):
        if tokens is None:
            made[DATA] = made[COMPUTE] / (6 * made[SIZE])
        if compute is None:
            made[COMPUTE] = 6 * made[SIZE] * made[DATA]
    for name in (DATA, COMPUTE):
        values = made[name].to_numpy()
        rule = f"the {name} by C = 6ND must be positive and finite"
        bad = ~(np.isfinite(values) & (values > 0))
        reject_rows(table, bad, values, rule, "Give sizes, tokens and FLOP as plain numbers")
    if run is not None:
        made[CURVE] = codes_of(table, run, "run=").astype(int)
    else:
        made[CURVE] = pd.factorize(made[SIZE])[0]
    return made


def _positive(table: pd.DataFrame, column: str) -> np.ndarray:
    values = numbers_of(table, column)
    rule = f"Column {column!r} must be positive, since minima are looked for on log axes"
    reject_rows(table, values < SMALLEST, values, rule, "Drop or mend them")
    return values


def by_budget(sweep: pd.DataFrame) -> dict[float, pd.DataFrame]:
    """Return the runs of each budget: budgets closer than a tenth in logs are one."""
    logs = np.log(sweep[COMPUTE].to_numpy())
    order = np.argsort(logs, kind="stable")
    breaks = np.flatnonzero(np.diff(logs[order]) > SAME_BUDGET) + 1
    groups = np.split(order, breaks)
    spread = max(float(np.ptp(logs[g])) for g in groups)
    if spread > 5 * SAME_BUDGET:
        raise DataError(
            f"The runs do not fall into budgets: compute goes on for a factor of "
            f"{np.exp(spread):.2g} without a gap. Name the column of nominal budgets in "
            "compute=, or give budgets= at which each size's curve is read."
        )
    return {float(np.exp(logs[g].mean())): sweep.iloc[np.sort(g)] for g in groups}


def at_budgets(sweep: pd.DataFrame, budgets: np.ndarray) -> dict[float, pd.DataFrame]:
    """Return each curve's loss where it crosses each budget, by interpolation on log axes.

    Parameters
    ----------
    sweep
        Checked runs, several for each curve.
    budgets
        In rising order, shape (m,).

    Returns
    -------
    dict
        Budget to a table with a row for each curve that crosses it.
    """
    import pandas as pd

    found: dict[float, list[Mapping[str, float]]] = {float(b): [] for b in budgets}
    for code, rows in sweep.groupby(CURVE, sort=True):
        logs = np.log(rows[[COMPUTE, LOSS, SIZE]].to_numpy())
        logs = logs[np.argsort(logs[:, 0], kind="stable")]
        cost, first = np.unique(logs[:, 0], return_index=True)
        # Of runs that cost the same the best: seeds and learning rates of one configuration.
        loss = np.minimum.reduceat(logs[:, 1], first)
        if len(cost) < 2:
            continue
        for budget in budgets:
            at = np.log(budget)
            if cost[0] - 1e-9 <= at <= cost[-1] + 1e-9:
                size = float(np.exp(logs[:, 2].mean()))
                found[float(budget)].append(
                    {
                        SIZE: size,
                        DATA: budget / (6 * size),
                        COMPUTE: float(budget),
                        LOSS: float(np.exp(np.interp(at, cost, loss))),
                        CURVE: float(code) if isinstance(code, int | float) else 0.0,
                    }
                )
    return {budget: pd.DataFrame(rows) for budget, rows in found.items() if rows}


def default_budgets(sweep: pd.DataFrame, count: int, least: int = 3) -> np.ndarray:
    """Return budgets, evenly spaced in logs, that several curves cross.

    Parameters
    ----------
    sweep
        Checked runs.
    count
        How many.
    least
        Curves that must cross each of them.

    Raises
    ------
    DataError
        If no budget is crossed by so many.
    """
    ends = sweep.groupby(CURVE)[COMPUTE].agg(["min", "max"]).to_numpy()
    ends = ends[ends[:, 1] > ends[:, 0]]
    grid = np.geomspace(sweep[COMPUTE].min(), sweep[COMPUTE].max(), 400)
    crossing = ((ends[:, :1] <= grid) & (grid <= ends[:, 1:])).sum(axis=0)
    good = grid[crossing >= least]
    if not len(good):
        raise DataError(
            f"No budget is crossed by the curves of {least} sizes: every size needs several rows "
            "(checkpoints, or runs of several lengths) that overlap with others' in compute."
        )
    return np.geomspace(good[0], good[-1], count)
