"""Approach 2: the best size at each budget from its own runs, and the power law through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting
from bayescale.arguments import check_arguments
from bayescale.errors import DataError, LawError
from bayescale.given import short
from bayescale.planning import sweeps
from bayescale.planning.minima import USED, IsoFlop
from bayescale.planning.parabolas import Valleys, valleys
from bayescale.planning.power_lines import power_through

if TYPE_CHECKING:
    import pandas as pd

#: A budget's minimum is bracketed where it lies between its sizes with this probability.
BRACKETED = 0.9
#: Scale of the prior of how minima scatter about the power law, in log size.
_SCATTER = 0.2
#: Different sizes that a budget must have, and budgets that a power law must have.
_LEAST_SIZES, _LEAST_BUDGETS = 3, 2


def isoflop(
    runs: Any,
    *,
    y: str,
    params: str,
    compute: str | None = None,
    tokens: str | None = None,
    budgets: Any = None,
    run: str | None = None,
    asymmetric: bool = True,
    draws: int = 4000,
    seed: int = 0,
) -> IsoFlop:
    """Return the best size at each budget from the runs of that budget alone (approach 2).

    Every budget has a valley of its own, a quartic in log size; their bends and their asymmetry
    have something in common, which is learned (see :mod:`bayescale.planning.parabolas` for the
    model and its priors). Noise is Gaussian, but one run in a hundred may have gone wrong and may
    then lie a hundred times as far off (:mod:`bayescale.planning.outlying`): such runs are named,
    and hardly move a minimum. The minimum of each is a posterior, and the power law goes through
    the minima *with their uncertainty*. A budget whose minimum is probably not between its sizes is
    said so and left out.

    Parameters
    ----------
    runs
        A table, one run a row.
    y
        Column of the loss, positive.
    params
        Column of the sizes.
    compute, tokens
        Columns of FLOP and tokens; one of them may be left out (C = 6ND). Rows whose compute
        differs by less than a tenth are one budget.
    budgets
        For runs that are not in budgets: FLOP at which each size's losses are read, between its
        rows, on log axes (shape (k,); a number is how many, evenly spaced). Checkpoints of one run
        are not separate trainings: their errors are alike, and intervals then too narrow.
    run
        With ``budgets``, the column that tells training curves apart; the size by default.
    asymmetric
        Whether valleys may be steeper on one side; False for parabolas, which place the minimum too
        high where sizes reach far.
    draws, seed
        How many draws, and of what seed; they are drawn directly and no sampler is run.

    Returns
    -------
    IsoFlop
        Draws and tables.

    Raises
    ------
    LawError
        If neither compute nor tokens is given.
    DataError
        If columns are missing or not positive, or fewer than two budgets have three sizes.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556, section 3.2.

    Examples
    --------
    >>> import bayescale as bs, numpy as np, pandas as pd
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> c, n = (a.ravel() for a in np.meshgrid([1e19, 1e20, 1e21], np.geomspace(1e8, 4e9, 12)))
    >>> runs = pd.DataFrame({"flops": c, "size": n, "loss": law.evaluate(params=n, tokens=c/6/n)})
    >>> found = bs.isoflop(runs, y="loss", params="size", compute="flops")
    >>> found.power_law()["median"][0].round(2).item()
    0.45
    """
    check_arguments(isoflop, locals())
    sweep = sweeps.checked_sweep(runs, y, params, tokens, compute, run)
    if budgets is None:
        groups = sweeps.by_budget(sweep)
    else:
        groups = sweeps.at_budgets(sweep, _asked(sweep, budgets))
    kept, doubts = _enough(groups)
    chosen = np.array(sorted(kept))
    tables = [kept[budget] for budget in chosen]
    logs = np.log(chosen)
    sizes = [np.log(table[sweeps.SIZE].to_numpy()) for table in tables]
    losses = [np.log(table[sweeps.LOSS].to_numpy()) for table in tables]
    if all(np.ptp(each) == 0 for each in losses):
        raise DataError(
            f"At each of the {len(chosen)} budgets all sizes have one and the same loss: there is "
            f"no valley, and no size is the best. Is {y!r} the column of the loss?"
        )
    curves = valleys(logs - logs.mean(), sizes, losses, draws, seed, asymmetric)
    log_size, log_loss = curves.minimum()
    inside = [
        np.mean((u > s.min()) & (u < s.max())) for u, s in zip(log_size.T, sizes, strict=True)
    ]
    p_bracketed = np.array(inside)
    used = p_bracketed >= USED
    doubts += _not_bracketed(chosen, tables, p_bracketed) + _wrong(chosen, tables, curves)
    if used.sum() < _LEAST_BUDGETS:
        raise DataError(
            f"{int(used.sum())} of {len(chosen)} budgets have their minimum between their sizes, "
            f"and a power law needs {_LEAST_BUDGETS}. {' '.join(doubts)}"
        )
    power, constant, scatter = _power(logs, log_size, used, draws, seed)
    if used.sum() == _LEAST_BUDGETS:
        doubts.append("Two budgets: nothing tells how minima scatter but the prior.")
    log_data = np.column_stack([_data_at(t, u) for t, u in zip(tables, log_size.T, strict=True)])
    with np.errstate(over="ignore"):  # a valley that is nearly level has its minimum anywhere
        found = {"params": np.exp(log_size), "tokens": np.exp(log_data), "loss": np.exp(log_loss)}
    approach = "Approach 2 (a valley for each budget; Gaussian noise, runs may have gone wrong)"
    seen = _joined(chosen, tables).assign(p_wrong=curves.p_wrong)
    return IsoFlop(
        chosen, found, p_bracketed, power, constant, scatter, seen, curves,
        approach, tuple(doubts),
    )  # fmt: skip


def _asked(sweep: pd.DataFrame, budgets: Any) -> np.ndarray:
    if isinstance(budgets, int) and not isinstance(budgets, bool):
        if budgets < _LEAST_BUDGETS:
            raise LawError(f"budgets= must be {_LEAST_BUDGETS} or more; got {short(budgets)}.")
        return sweeps.default_budgets(sweep, budgets)
    given = {"budgets": budgets}
    return np.sort(forecasting.checked_inputs(("budgets",), {}, given, "isoflop()")["budgets"])


def _enough(groups: dict[float, pd.DataFrame]) -> tuple[dict[float, pd.DataFrame], list[str]]:
    """Return the budgets with sizes enough, and what is said of the others."""
    kept, few = {}, []
    for budget, table in groups.items():
        sizes = np.unique(np.round(np.log(table[sweeps.SIZE].to_numpy()), 2))
        if len(sizes) >= _LEAST_SIZES:
            kept[budget] = table
        else:
            few.append(budget)
    words = []
    if few:
        shown = ", ".join(f"{budget:.3g}" for budget in few[:5])
        words.append(
            f"{len(few)} budgets have fewer than {_LEAST_SIZES} sizes and are left out: {shown}."
        )
    if len(kept) < _LEAST_BUDGETS:
        raise DataError(
            f"{len(kept)} of {len(groups)} budgets have {_LEAST_SIZES} sizes or more; a power law "
            f"needs {_LEAST_BUDGETS} such budgets. For runs that are not in budgets give "
            "budgets=, at which each size's curve is read."
        )
    return kept, words


def _not_bracketed(
    budgets: np.ndarray, tables: list[pd.DataFrame], p_bracketed: np.ndarray
) -> list[str]:
    """Return a sentence for budgets whose minimum is not known to lie between their sizes."""
    alike: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for budget, table, share in zip(budgets, tables, p_bracketed, strict=True):
        if share >= BRACKETED:
            continue
        best = table.loc[table[sweeps.LOSS].idxmin(), sweeps.SIZE]
        ends = table[sweeps.SIZE].min(), table[sweeps.SIZE].max()
        side = "largest" if best >= 0.97 * ends[1] else "smallest" if best <= 1.03 * ends[0] else ""
        at = f": the {side} size is the best one" if side else ""
        fate = "it counts for little" if share >= USED else "the power law leaves it out"
        alike.setdefault((at, fate), []).append((budget, share))
    words = []
    for (at, fate), found in alike.items():
        shown = ", ".join(f"{budget:.3g}" for budget, _ in found)
        least, most = (f"{pick(share for _, share in found):.2f}" for pick in (min, max))
        share = least if least == most else f"{least} to {most}"
        words.append(
            f"At {shown} FLOP the minimum is not bracketed{at} (it lies between the sizes with "
            f"probability {share}); {fate}. Add sizes there."
        )
    return words


def _wrong(budgets: np.ndarray, tables: list[pd.DataFrame], curves: Valleys) -> list[str]:
    """Return a sentence where runs lie further from their valley than Gaussian noise explains."""
    sigma, found, first = float(np.median(curves.sigma)), [], 0
    for k, (budget, table) in enumerate(zip(budgets, tables, strict=True)):
        log_size, log_loss = (np.log(table[c].to_numpy()) for c in (sweeps.SIZE, sweeps.LOSS))
        far = (log_loss - np.median(curves.curve(k, log_size), axis=0)) / sigma
        wrong = curves.p_wrong[first : first + len(table)]
        first += len(table)
        for i in np.flatnonzero(wrong > 0.5):
            found.append(f"{np.exp(log_size[i]):.3g} at {budget:.3g} FLOP ({far[i]:+.1f})")
    if not found:
        return []
    shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    return [
        "Runs that count as gone wrong, since they lie further from their valley than Gaussian "
        f"noise explains (in standard deviations): {shown}. They have little part in the minima; "
        "the column p_wrong of .runs has all. Look at them, and at the law if they are many."
    ]


def _power(
    logs: np.ndarray, log_size: np.ndarray, used: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return draws of a, C_0 and the scatter."""
    minima, centre = log_size[:, used], logs[used].mean()
    level, power, scatter = power_through(logs[used] - centre, minima, draws, seed, _SCATTER)
    with np.errstate(over="ignore", divide="ignore"):
        return power, np.exp(centre - level / power), scatter


def _data_at(table: pd.DataFrame, log_size: np.ndarray) -> np.ndarray:
    """Return log tokens at log sizes: about -1 in log size, by the runs of the budget."""
    u, v = np.log(table[sweeps.SIZE].to_numpy()), np.log(table[sweeps.DATA].to_numpy())
    slope, level = np.polyfit(u - u.mean(), v, 1)
    return level + slope * (log_size - u.mean())


def _joined(budgets: np.ndarray, tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    names = [sweeps.SIZE, sweeps.DATA, sweeps.LOSS]
    parts = [t[names].assign(compute=b) for b, t in zip(budgets, tables, strict=True)]
    return pd.concat(parts, ignore_index=True)
