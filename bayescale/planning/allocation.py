"""How a budget is best divided: the frontier of whatever has a curve over two inputs."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from bayescale import forecasting
from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import LawError
from bayescale.given import short
from bayescale.planning import critical_frontier, equal_cost, identification, optimum, spending
from bayescale.planning.frontiers import UNITS, Frontier
from bayescale.planning.landscape import Terrain, terrain_of


def frontier(
    source: Any,
    compute: Any,
    *,
    cost: Any = None,
    batch: float | None = None,
    critical_batch: Any = None,
    inference_tokens: float = 0.0,
    price: float | None = None,
    unit: str = "FLOP",
    drift: float = DRIFT,
    **held: float,
) -> Frontier:
    r"""Return the best use of each budget: the size, the data and the loss they reach.

    .. math:: (N^*, D^*)(C) = \arg\min_{N, D} L(N, D) \quad \text{at} \quad cost(N, D) = C

    For every posterior draw: in closed form where the law has one at :math:`C = 6 N D`, by a safe
    search along the line of equal cost elsewhere. With it come the powers a and b of
    :math:`N^* \sim C^a`, :math:`D^* \sim C^b`, as slopes at each budget.

    Beyond the data the loss drifts as forecasts do. Drift changes how fast the loss falls, not how
    a budget is best divided: sizes and data are the law's own.

    Parameters
    ----------
    source
        A fit, an ensemble of fits, or a law whose parameters are all numbers, of two inputs (or of
        more, all but two of which are held). Of a fit with groups take one: ``fit.at(...)``.
    compute
        Budgets, in the unit of the cost: FLOP by default. Shape (m,) or a number.
    cost
        What a run costs: None for :math:`6 N D` (:math:`N_e + N_d` of encoder and decoder),
        :class:`~bayescale.TransformerFlops`, :class:`~bayescale.WallClock`, or a function of the
        inputs that rises in each.
    batch
        Tokens in a batch, for a law of steps.
    critical_batch
        Of a law of parameters and steps: the critical batch size as a fit or a law of
        :class:`~bayescale.CriticalBatchSize`. Then the frontier is Kaplan's: params, steps (the
        fewest), batch (the critical one) and tokens, with compute :math:`6 N B_{crit} S_{min}`.
    inference_tokens
        Tokens that the model will serve: the budget is then for training and serving together,
        and the optimum moves to smaller models.
    price
        What a unit of the budget costs (a FLOP, a second), for a column ``price``.
    unit
        What budgets in compute are in: ``"FLOP"`` or ``"PF-days"``.
    drift
        How far the local exponent may drift from the law's beyond the data (see
        :mod:`bayescale.drift`).
    **held
        The inputs that are not free, at one number each: ``unique_tokens=25e9``.

    Returns
    -------
    Frontier
        Draws and tables; the near-optimal set, plans, and what the runs do not tell.

    Raises
    ------
    LawError
        If the law has one input, inputs held are too many or too few, or an option does not fit.
    DataError
        If a budget is not positive and finite or buys nothing, or the cost does not rise.

    References
    ----------
    Hoffmann et al. (2022), arXiv:2203.15556, approach 3; Kaplan et al. (2020), arXiv:2001.08361,
    appendix B; Henighan et al. (2020), arXiv:2010.14701; Muennighoff et al. (2023),
    arXiv:2305.16264; Sardana et al. (2024), arXiv:2401.00448, for inference.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.frontier(law, compute=1e21).table()[["params", "tokens"]].map("{:.3g}".format)
         params    tokens
    0  1.82e+09  9.14e+10
    """
    check_arguments(frontier, locals())
    drift = checked_drift(drift)
    budgets = checked_budgets(compute)
    terrain = terrain_of(source, held)
    first = terrain.first
    if critical_batch is None:
        own = spending.checked_cost(
            cost, first.law.inputs, batch=batch, inference_tokens=inference_tokens
        )
    else:
        own = critical_frontier.cost(terrain, cost, batch, inference_tokens, critical_batch)
    name = spending.unit_of(own)
    unit = _checked_unit(unit, name)
    spent = budgets * UNITS.get(unit, 1.0)
    if price is not None:
        _check_price(price, spent)
    draws = (
        solved(terrain, own, spent, drift)
        if critical_batch is None
        else critical_frontier.solved(terrain, critical_batch, spent, drift)
    )
    doubts = identification.doubts(terrain, own, spent) if critical_batch is None else []
    doubts += identification.without_optimum(first, draws, budgets)
    return Frontier(
        budgets, draws, name, unit, price, drift, tuple(doubts), terrain, own, first.held
    )


def solved(terrain: Terrain, cost: Any, spent: np.ndarray, drift: float) -> dict[str, np.ndarray]:
    """Return the optimum of every draw at budgets, by the names of :attr:`Frontier.draws`.

    Parameters
    ----------
    terrain
        The loss.
    cost
        What runs cost, checked.
    spent
        Budgets in the unit of the cost, shape (m,).
    drift
        Of the loss beyond the data.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for land in terrain.parts:
        line = equal_cost.lines_of(land, cost, spent)
        near = None
        if line.by_budget:
            near = equal_cost.lines_of(land, cost, equal_cost.nudged(spent))
        best = optimum.optimal(land, line, near)
        loss = best.loss
        if drift and land.fit is not None:
            moved = land.drifted(best.log_size, best.log_data, drift)
            loss = np.where(np.isnan(best.log_size), best.loss, moved)
        parts.append((best.log_size, best.log_data, best.power, best.data_power, loss))
    u, v, power, data_power, loss = (terrain.mixed(list(a)) for a in zip(*parts, strict=True))
    size, data = terrain.first.free
    with np.errstate(over="ignore"):
        found = {size: np.exp(u), data: np.exp(v), f"{data}_per_{size.rstrip('s')}": np.exp(v - u)}
    found |= {f"{size}_power": power, f"{data}_power": data_power}
    return found | {terrain.first.curves.outcome: terrain.first.reported(loss)}


def checked_budgets(compute: Any) -> np.ndarray:
    """Return budgets as an array of shape (m,)."""
    return forecasting.checked_inputs(("compute",), {}, {"compute": compute}, "frontier()")[
        "compute"
    ]


def _checked_unit(unit: str, name: str) -> str:
    if unit not in UNITS:
        raise LawError(f"unit= must be {' or '.join(map(repr, UNITS))}; got {short(unit)}.")
    if name == "compute":
        return unit
    if unit != "FLOP":
        raise LawError(f"unit={unit!r} is for budgets in compute; this cost is in {name}.")
    return "units of the cost" if name == "cost" else name


def _check_price(price: Any, spent: np.ndarray) -> None:
    number = isinstance(price, int | float | np.number) and not isinstance(price, bool)
    if not number or not 0 < price < np.inf:
        raise LawError(
            f"price= must be what a unit of the budget costs, above 0; got {short(price)}."
        )
    if not price < sys.float_info.max / spent.max():
        raise LawError(
            f"price= must be what a unit of the budget costs; at {price:g} a budget of "
            f"{spent.max():.3g} costs more than a number holds."
        )
