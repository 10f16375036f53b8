"""What is meant by a cost, whether it rises as a cost must, and what runs cost by it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayescale.errors import DataError, LawError, nearest
from bayescale.given import called, one_number, short
from bayescale.planning.costs import TotalSize, TrainingFlops, WithInference

#: Tokens to serve are fewer.
_SERVED = 1e100
#: Inputs at which a cost is looked at, for each of the two that are free.
_LOOKED_AT = 25


def of(cost: Any, inputs: Mapping[str, Any]) -> Any:
    """Return what runs cost.

    Parameters
    ----------
    cost
        One of this room, or the user's function: its arguments are inputs by name, or, if they
        have other names, the inputs in the law's order.
    inputs
        Role to values, in the law's order.
    """
    takes = _arguments(cost)
    if takes is None:
        return called("cost", cost, **inputs)
    if set(takes) <= set(inputs) or hasattr(cost, "unit"):
        return called("cost", cost, **{name: inputs[name] for name in takes if name in inputs})
    if len(takes) > len(inputs) or not takes:
        raise LawError(
            f"cost= must be a function of the law's inputs ({', '.join(inputs)}); got one of "
            f"{', '.join(takes) or 'nothing'}."
        )
    return called("cost", cost, *list(inputs.values())[: len(takes)])


def _arguments(cost: Any) -> list[str] | None:
    """Return the arguments that a cost must be given; None where it takes any by name."""
    kinds = inspect.Parameter
    try:
        taken = list(inspect.signature(cost).parameters.values())
    except (TypeError, ValueError):  # a compiled function that does not say
        return ["?", "?"]
    if any(p.kind is kinds.VAR_KEYWORD for p in taken):
        return None
    if hasattr(cost, "unit"):
        return [p.name for p in taken]
    plain = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in taken if p.kind in plain and p.default is kinds.empty]
    return needed or [p.name for p in taken if p.kind in plain]


def default_cost(inputs: Sequence[str], batch: float | None = None) -> Any:
    """Return the cost of a law's inputs where the user names none.

    Raises
    ------
    LawError
        If it is not known what inputs of this kind cost, or a batch is given for no steps.
    """
    if {"encoder", "decoder"} <= set(inputs):
        return TotalSize()
    if batch is not None and "steps" not in inputs:
        raise LawError(
            f"batch= turns steps into tokens; a run of {', '.join(inputs)} has no steps. Leave it "
            "away."
        )
    if "params" in inputs and ({"tokens", "steps"} & set(inputs)):
        return TrainingFlops(batch=batch)
    raise LawError(
        f"What a run of {', '.join(inputs)} costs is not known: give cost=, a function of "
        "these inputs that rises in each."
    )


def checked_cost(
    cost: Any,
    inputs: Sequence[str],
    *,
    batch: float | None = None,
    inference_tokens: float = 0.0,
) -> Any:
    """Return the cost that is meant.

    Parameters
    ----------
    cost
        None, a cost of this room, or the user's function.
    inputs
        The law's roles.
    batch
        Tokens in a batch, for laws of steps.
    inference_tokens
        Tokens that the model will serve.

    Raises
    ------
    LawError
        If it is neither, or what it is combined with does not fit.
    """
    if cost is not None and (not callable(cost) or isinstance(cost, type)):
        named = {"TransformerFlops", "WallClock"}
        near = nearest(cost, named) if isinstance(cost, str) else ""
        raise LawError(
            "cost= must be None (6 N D), bs.TransformerFlops(...), bs.WallClock(...), or a "
            f"function of {', '.join(inputs)}; got {short(cost)}.{near}"
        )
    if batch is not None and cost is not None:
        raise LawError("batch= belongs to the cost by default; a cost= of your own has its own.")
    found = default_cost(inputs, batch) if cost is None else cost
    served = one_number(inference_tokens)
    if served is None or not 0 <= served < _SERVED:
        raise LawError(
            f"inference_tokens= must be 0 or more, and below {_SERVED:g}; "
            f"got {short(inference_tokens)}."
        )
    if not served:
        return found
    if "params" not in inputs or unit_of(found) not in ("compute", "cost"):
        raise LawError(
            "inference_tokens= adds FLOP of serving to a cost in FLOP of a law of params; here "
            f"the cost is in {unit_of(found)} and the inputs are {', '.join(inputs)}."
        )
    training = partial(_by_name, found, tuple(inputs))
    return WithInference(training=training, tokens=served)


def _by_name(cost: Any, order: tuple[str, ...], **inputs: Any) -> Any:
    return of(cost, {role: inputs[role] for role in order if role in inputs})


def unit_of(cost: Any) -> str:
    """Return what a cost's budgets are called."""
    return getattr(cost, "unit", "cost")


def check_rising(
    cost: Any,
    free: Sequence[str],
    held: Mapping[str, float],
    order: Sequence[str],
    ranges: Mapping[str, tuple[float, float]],
) -> None:
    """Raise an error where a cost is not a positive number, or does not rise in both free inputs.

    Parameters
    ----------
    cost
        What is looked at.
    free
        The two roles.
    held
        The others, at their values.
    order
        All roles, in the law's order.
    ranges
        Role to smallest and largest value that matter.
    """
    grids = [np.geomspace(*ranges[role], _LOOKED_AT) for role in free]
    first, second = np.meshgrid(*grids, indexing="ij")
    at = {free[0]: first, free[1]: second}
    values = evaluated(cost, at, held, order)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        raise DataError(
            f"cost= must be positive and finite; it is {values[place]:g} at {_place(at, place)}."
        )
    for axis, role in enumerate(free):
        # One summand may be lost in the rounding of another: a step may be level, not all of them.
        before = np.take(values, np.arange(_LOOKED_AT - 1), axis=axis)
        falls = np.diff(values, axis=axis) < -1e-9 * before
        ends = np.take(values, [0], axis=axis), np.take(values, [-1], axis=axis)
        level = ends[1] <= ends[0]
        if falls.any() or level.any():
            place = tuple(np.argwhere(falls if falls.any() else level)[0])
            step = 1 if falls.any() else _LOOKED_AT - 1
            after = tuple(p + step * (i == axis) for i, p in enumerate(place))
            raise DataError(
                f"cost= must rise in {role}, or a budget bounds nothing; it is "
                f"{values[place]:.4g} at {_place(at, place)} and {values[after]:.4g} at "
                f"{_place(at, after)}."
            )


def _place(at: Mapping[str, np.ndarray], place: tuple[int, ...]) -> str:
    return ", ".join(f"{role}={values[place]:.3g}" for role, values in at.items())


def evaluated(
    cost: Any, at: Mapping[str, Any], held: Mapping[str, float], order: Sequence[str]
) -> np.ndarray:
    """Return a cost at free inputs with the others held, as an array of the inputs' shape."""
    given = {**at, **held}
    shape = np.broadcast_shapes(*[np.shape(values) for values in at.values()])
    with np.errstate(all="ignore"):
        found = of(cost, {role: given[role] for role in order if role in given})
    try:
        return np.broadcast_to(np.asarray(found, float), shape)
    except (TypeError, ValueError):
        raise LawError(
            "cost= must return a number for each run: an array of the shape of its inputs "
            f"{shape}; got {type(found).__name__} of shape {np.shape(found)}."
        ) from None
