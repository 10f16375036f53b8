"""Kaplan's frontier of parameters, batch and steps, from a law of steps and a critical batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale.curve_sources import curves_of
from bayescale.curves import Curves
from bayescale.errors import LawError
from bayescale.planning.landscape import Landscape, Terrain


@dataclass(frozen=True, kw_only=True)
class CriticalFlops:
    r"""The least compute, :math:`C_{min} = 6 N B_{crit}(L) S_{min}`.

    Parameters
    ----------
    critical
        The curve of the critical batch size over the loss.
    """

    critical: Curves

    unit = "compute"


def cost(
    terrain: Terrain, given: Any, batch: Any, inference_tokens: Any, critical_batch: Any
) -> CriticalFlops:
    """Return the cost with a critical batch size, or say why there is none.

    Parameters
    ----------
    terrain
        Of a law of params and steps.
    given, batch, inference_tokens
        Other options of the cost, none of which go with it.
    critical_batch
        A fit or a law of the critical batch size over the loss.

    Raises
    ------
    LawError
        If one of these does not fit.
    """
    critical = curves_of(critical_batch)
    if set(critical.columns) != {"loss"} or not hasattr(critical.parts[0].law, "constants"):
        raise LawError(
            "critical_batch= must be a fit or a law of bs.CriticalBatchSize, such as "
            f"bs.CriticalBatchSize(B_star=2.1e8, exponent=1 / 0.21); got {critical.name}."
        )
    wrong = [part.law.signature_name() for part in terrain.parts if not _knows(part.law)]
    if wrong:
        raise LawError(
            "critical_batch= is for a law of params and steps, bs.KaplanModelSteps; got "
            f"{wrong[0]}, of {', '.join(terrain.first.law.inputs)}. For wall-clock time by tokens "
            "use cost=bs.WallClock(...)."
        )
    if given is not None or batch is not None or inference_tokens:
        raise LawError(
            "With critical_batch= compute is 6 N B_crit S: leave out cost=, batch= and "
            "inference_tokens=."
        )
    return CriticalFlops(critical=critical)


def _knows(law: Any) -> bool:
    return set(law.inputs) == {"params", "steps"} and hasattr(law, "frontier")


def solved(
    terrain: Terrain, critical_batch: Any, spent: np.ndarray, drift: float, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return params, steps, batch, tokens and the least loss at budgets in FLOP.

    Parameters
    ----------
    terrain
        Of a law of params and steps.
    critical_batch
        A fit or a law of the critical batch size; its draws are paired at random with the law's.
    spent
        Shape (m,).
    drift
        Of the loss beyond the data.
    seed
        Of the pairing.
    """
    columns: list[list[np.ndarray]] = []
    for land in terrain.parts:
        columns.append(list(_one(land, curves_of(critical_batch), spent, drift, seed)))
    mixed = [terrain.mixed(list(arrays)) for arrays in zip(*columns, strict=True)]
    outcome = terrain.first.curves.outcome
    names = ("params", "steps", "batch", "tokens", "params_power", "steps_power", "batch_power")
    found = dict(zip(names, mixed[:-1], strict=True))
    return found | {outcome: terrain.first.reported(mixed[-1])}


def _one(
    land: Landscape, critical: Curves, spent: np.ndarray, drift: float, seed: int
) -> tuple[np.ndarray, ...]:
    chains, draws = land.curves.shape
    many = critical.shape[0] * critical.shape[1]
    if many > 1:
        rng = np.random.default_rng([seed, 31])
        critical = critical.taken(np.resize(rng.permutation(many), chains * draws))
    part = critical.parts[0]
    constants = part.law.constants(part.parameters, part.references)
    shape = (1, 1) if many == 1 else (chains, draws)
    b_star, alpha_b = (
        np.reshape(constants[name], shape)[..., None] for name in ("B_star", "alpha_B")
    )
    own = land.curves.parts[0]
    wide = {name: np.asarray(value)[..., None] for name, value in own.parameters.items()}
    known = own.law.frontier(
        B_star=b_star, alpha_B=alpha_b, parameters=wide, references=own.references
    )
    with np.errstate(all="ignore"):
        params, steps, loss = known.params(spent), known.steps(spent), known.loss(spent)
        batch, powers = known.critical_batch(loss), known.powers(spent)
        if drift:
            loss = land.drifted(np.log(params), np.log(steps), drift)
        # At the critical batch twice the fewest tokens are seen: D = 2 C_min / 6N.
        tokens = spent / (3 * params)
    power = [np.broadcast_to(powers[name], params.shape) for name in ("params", "steps", "batch")]
    return params, steps, batch, tokens, *power, loss
