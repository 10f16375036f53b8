"""Inputs at which something happens: curves cross, targets are reached, arms are level."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import derived, forecasting
from bayescale.arguments import check_arguments
from bayescale.curve_sources import curves_of, paired
from bayescale.curves import Curves
from bayescale.derived_record import Derived
from bayescale.errors import DataError, LawError
from bayescale.given import as_text, called, one_number, short
from bayescale.groups import two_levels

if TYPE_CHECKING:
    import pandas as pd

#: Points in log x among which a crossing is looked for before bisection.
GRID = 400
#: Halvings of a cell of that grid: below rounding in log x.
HALVINGS = 60

#: The largest share of overfitting that tokens are looked for.
_OVERFITTING = 1e6
#: The parameters of a power law, whose exponent is its slope everywhere if it has no floor.
_POWER_LAW = ("irreducible", "scale", "exponent")


def crossing(first: Any, second: Any, start: float, end: float, *, seed: int = 0) -> Derived:
    r"""Return the posterior of the input at which two curves cross.

    .. math:: y_1(x^*) = y_2(x^*), \quad x_{start} \le x^* \le x_{end}

    Two slopes that differ little make it very uncertain: its distance in log x is the gap of the
    logs over the difference of the slopes. Kaplan et al. give their contradiction point as one
    number that is uncertain by an order of magnitude.

    Parameters
    ----------
    first, second
        Each a fit, an ensemble, or a law whose parameters are all numbers, of one input; or a
        function of log x (a number, or an array of shape (chain, draw)) that returns the curve's
        draws, shape (chain, draw), or a number. Two fits are paired at random; a function is
        paired with the other draw by draw.
    start, end
        Where to look, in the units of x.
    seed
        Of the pairing.

    Returns
    -------
    Derived
        In the units of x: the smallest crossing, by bisection; infinite where the curves do not
        cross between start and end, with ``p_never`` the share of such draws.

    Raises
    ------
    LawError
        If a source is none of the above, has several inputs, or the numbers of draws differ.
    DataError
        If start and end are not positive, finite and rising.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, section 6.3.

    Examples
    --------
    >>> import bayescale as bs, numpy as np
    >>> by_compute = bs.PowerLaw(irreducible=0.0, x0=3.1e8, exponent=0.05)
    >>> by_data = bs.PowerLaw(irreducible=0.0, x0=5.4e13, exponent=0.095)
    >>> data = lambda log_c: by_data.evaluate(x=2e10 * np.exp(0.27 * log_c))
    >>> bs.crossing(by_compute, data, 1.0, 1e12).interval()["median"].round(1).tolist()
    [11189.5]
    """
    check_arguments(crossing, locals())
    import pandas as pd

    start, end = float(start), float(end)
    if not (0 < start < end < math.inf):
        raise DataError(
            f"start= and end= must be positive, finite and rising; got {short(start)} and {end!r}."
        )
    if not callable(first) and not callable(second):
        first, second = paired(first, second, seed)
    one, two = _function(first), _function(second)

    def gap(log_x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            values = np.asarray(one(log_x), float), np.asarray(two(log_x), float)
        try:
            found = values[0] - values[1]
        except ValueError:
            raise LawError(
                "The two curves have different numbers of draws; give as many of each, in arrays "
                "of one shape (chain, draw)."
            ) from None
        return found.reshape((1,) * (2 - found.ndim) + found.shape)

    grid = np.linspace(math.log(start), math.log(end), GRID)
    above = np.stack([gap(np.asarray(u)) for u in grid]) > 0
    turns = above[1:] != above[:-1]
    never, cell = ~turns.any(axis=0), turns.argmax(axis=0)
    left, right = grid[cell], grid[cell + 1]
    before = np.take_along_axis(above, cell[None], axis=0)[0]
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        same = (gap(middle) > 0) == before
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    draws = np.where(never, np.inf, np.exp((left + right) / 2))[..., None]
    table = pd.DataFrame({"start": [start], "end": [end]})
    name = "input at which the curves cross"
    return Derived(draws, table, name, "units of x", never=never[..., None])


def tokens_needed(
    source: Any, overfitting: float = 0.02, *, of: str = "tokens", **inputs: Any
) -> Derived:
    r"""Return how much data keeps the loss within a share of that of unlimited data.

    .. math:: \min\left\{D : \frac{L(N, D)}{L(N, \infty)} - 1 \le t\right\}

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    overfitting
        The share t, such as 0.02 for 2 %.
    of
        Which input to solve for, by role or column name; any that a law has.
    **inputs
        Values of the other inputs, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        In the units of that input; beyond it the excess stays below t. Infinite where it never
        does, 0 where it always does.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the share is not positive and finite.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, equation 4.4.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> needed = bs.tokens_needed(law, 0.02, params=1e9).interval()["median"][0]
    >>> bs.overfitting(law, params=1e9, tokens=needed).interval()["median"].round(9).tolist()
    [0.02]
    """
    check_arguments(tokens_needed, locals())
    overfitting = float(overfitting)
    if not (0 < overfitting <= _OVERFITTING):
        raise LawError(
            f"overfitting= must be a positive share up to {_OVERFITTING:g}, such as 0.02 for 2 %; "
            f"got {short(overfitting)}."
        )
    curves = curves_of(source)
    role = curves.role(of)
    at = curves.checked(inputs, but=role)
    goal = (1 + overfitting) * derived.limit(curves, role, at)
    span = curves.range(role)
    draws = _reached(curves, role, at, goal, span)
    column, seen = curves.columns[role], None
    if curves.fitted:
        seen = np.quantile(draws, 0.5, axis=(0, 1), method="inverted_cdf") / span[1]
    name = f"{column} at which overfitting is {overfitting:g}"
    unit = f"units of {column}"
    return Derived(draws, curves.table(at), name, unit, seen, np.isinf(draws))


def speedup(
    first: Any,
    group: Any = None,
    *,
    over: Any = None,
    at: Any = None,
    y: Any = None,
    of: str | None = None,
    seed: int = 0,
    **others: Any,
) -> Derived:
    r"""Return how many times less of an input one arm needs than another for the same loss.

    .. math:: \frac{x_{over}}{x_{first}}, \quad y_{first}(x_{first}) = y_{over}(x_{over}),
              \quad x_{over} = \text{at}

    The effective-compute multiplier of ``first`` over ``over``: above 1, the first arm is ahead.
    The loss to reach is that of ``over`` at the inputs ``at``, or ``y``.

    Parameters
    ----------
    first
        The arm that is asked about: a fit, an ensemble, or a law whose parameters are numbers. Or
        a fit with groups, of which two are the arms.
    group
        Of a fit with groups the arm that is asked about: a level, or a dict of column to level
        where there are several columns. Else the arm that ``first`` is held against.
    over
        The arm it is held against; of a fit with groups another level. Draws of two fits are
        independent and are paired at random; those of two groups of a fit belong together.
    at
        The input of ``over``, in the user's units; shape (m,) or a number. By default (of fits,
        without ``y``) five over the range of its runs.
    y
        Instead of ``at``, the outcome to reach, in the user's units; shape (m,) or a number.
    of
        Which input, by role or column name; for laws of several.
    seed
        Of the pairing.
    **others
        The other inputs, the same for both arms; shape (m,) or a number.

    Returns
    -------
    Derived
        No unit. 0 where ``first`` never reaches that loss (``p_never`` is the share of such
        draws), infinite where it is below it at any input, or where ``over`` alone never reaches
        it.

    Raises
    ------
    LawError
        If an input is missing or unknown, both ``at`` and ``y`` are given, or neither to laws
        without runs.
    DataError
        If an input is not positive and finite, or an outcome not finite.

    References
    ----------
    Hestness et al. (2017), arXiv:1712.00409, section 5, on what a shift of the curve is worth.

    Examples
    --------
    >>> import bayescale as bs
    >>> old = bs.PowerLaw(irreducible=1.0, x0=100.0, exponent=0.3)
    >>> new = bs.PowerLaw(irreducible=1.0, x0=50.0, exponent=0.3)
    >>> bs.speedup(new, over=old, at=[1e4, 1e6]).interval()["median"].round(6).tolist()
    [2.0, 2.0]
    >>> bs.speedup(new, over=old, y=1.1).interval()["median"].round(6).tolist()
    [2.0]
    """
    check_arguments(speedup, locals())
    of_groups = group is not None and over is not None
    called = (_called(group), _called(over)) if of_groups else None
    first, over = _arms(first, group, over)
    arm, base = paired(first, over, seed)
    held, role = base.role(of), arm.role(of)
    table, rest, x, goal = _to_reach(base, held, at, y, others)
    if set(rest) != set(arm.columns) - {role}:
        raise LawError(
            f"The two arms must take the same inputs; {arm.name} takes {', '.join(arm.columns)} "
            f"and {base.name} takes {', '.join(base.columns)}."
        )
    near = x[np.isfinite(x) & (x > 0)]
    span = arm.range(role) if arm.fitted or not len(near) else (near.min(), near.max())
    needed = _reached(arm, role, rest, arm.reported(goal), span)
    never = np.isinf(needed)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = np.where(never, 0.0, x / needed)
    one, other = called or (arm.name, base.name)
    name = f"speed-up of {one} over {other} in {base.columns[held]}"
    seen = base.extrapolation({**rest, held: x}) if y is None else None
    return Derived(draws, table, name, "no unit", seen, never)


def _to_reach(
    base: Curves, held: str, at: Any, y: Any, others: Mapping[str, Any]
) -> tuple[pd.DataFrame, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return what is asked about as a table, the other inputs, the input of an arm, its outcome."""
    import pandas as pd

    if y is not None:
        if at is not None:
            raise LawError("Give at=, inputs, or y=, outcomes to reach; got both.")
        targets = forecasting.checked_targets(y)
        rest = base.checked(others, but=held)
        try:
            targets, *wide = np.broadcast_arrays(targets, *rest.values())
        except ValueError:
            raise DataError("y= and the other inputs must have one length, or be one.") from None
        rest = dict(zip(rest, wide, strict=True))
        table = pd.DataFrame({base.columns[role]: values for role, values in rest.items()})
        x = _reached(base, held, rest, base.reported(targets), base.range(held))
        return table.assign(**{base.outcome: targets}), rest, x, targets
    if at is None and not base.fitted:
        raise LawError(
            f"speedup() takes at=, inputs of {base.name}, or y=, outcomes to reach; got neither."
        )
    at = np.geomspace(*base.range(held), 5) if at is None else at
    inputs = base.checked({held: at, **others})
    rest = {name: values for name, values in inputs.items() if name != held}
    return base.table(inputs), rest, inputs[held], base.reported(base.loss(inputs))


def _called(level: Any) -> str:
    return ":".join(map(as_text, level.values())) if isinstance(level, Mapping) else as_text(level)


def _arms(first: Any, group: Any, over: Any) -> tuple[Any, Any]:
    """Return the two arms of a comparison: two sources, or two groups of one fit."""
    if group is None or over is None:
        other = group if over is None else over
        if other is None:
            raise LawError("Say what it is held against: speedup(new, over=old, at=...).")
        return first, other
    return tuple(first.at(**level) for level in two_levels(first, group, over))


def projection(
    source: Any, target: Any, current: float, growth: Any = None, *, seed: int = 0
) -> Derived:
    r"""Return by what factor data, and with them the model, must grow to reach a target.

    .. math:: \frac{m_{target}}{m_{current}} =
              \left(\frac{y_{target} - \gamma}{y_{current} - \gamma}\right)^{1/\beta_g},
              \quad \frac{p_{target}}{p_{current}} =
              \left(\frac{m_{target}}{m_{current}}\right)^{\beta_p}

    with the learning curve :math:`y = \alpha m^{\beta_g} + \gamma`. On other curves the factor
    is that between the inputs that reach the two outcomes. Its right tail is heavy, since
    :math:`1/\beta_g` multiplies a log: read quantiles. A mean means nothing and may be infinite.

    Parameters
    ----------
    source
        The learning curve: a fit, an ensemble, or a law whose parameters are all numbers, of one
        input.
    target
        Outcomes to reach; shape (m,) or a number, in the units of y.
    current
        The outcome now, on the curve.
    growth
        How the best model grows with the data: :math:`\beta_p`, or a fit or law of
        :math:`p(m) = \sigma m^{\beta_p}`, whose ``exponent`` is :math:`-\beta_p`. By default
        only the data's factor is returned.
    seed
        Of the pairing of the draws of source and growth, which are independent.

    Returns
    -------
    Derived
        A row for each target; with growth two, whose column ``factor`` says ``"data"`` or
        ``"model"``. Infinite where the target is at or below the floor; ``p_never`` is the share
        of such draws.

    Raises
    ------
    LawError
        If the curve has several inputs, or growth is neither a number nor a power law.
    DataError
        If a target is no better than the current outcome, or the curve lies below both.

    References
    ----------
    Hestness et al. (2017), arXiv:1712.00409; Hestness, Ardalani, Diamos (2019),
    arXiv:1909.01736, table 1.

    Examples
    --------
    >>> import bayescale as bs
    >>> words = bs.PowerLaw(irreducible=0.0, x0=7.5e16, exponent=0.066)
    >>> bs.projection(words, target=2.48, current=3.37, growth=0.68).interval()["median"].round(1)
    0    104.2
    1     23.6
    Name: median, dtype: float64
    """
    check_arguments(projection, locals(), but=("current",))
    import pandas as pd

    power, curves = _growth(source, growth, seed)
    role = _one_role(curves, "projection")
    targets = forecasting.checked_targets(target)
    now = forecasting.checked_targets(current)
    losses = curves.reported(targets)
    if now.size != 1 or (curves.sign * (losses - curves.reported(now)) >= 0).any():
        raise DataError(
            "target= must be better than current=, which is one number; got "
            f"target={target!r} and current={current!r}."
        )
    outcomes = np.concatenate([curves.reported(now), losses])
    reached = _reached(curves, role, {}, outcomes, curves.range(role))
    here, there = reached[..., :1], reached[..., 1:]
    if not here.any():
        raise DataError(f"{curves.name} lies below current={current!r} at every input.")
    with np.errstate(over="ignore", invalid="ignore"):
        data = np.where(np.isinf(there), np.inf, there / np.maximum(here, 1e-299))
        factors = [data] if power is None else [data, data**power]
    names = ("data", "model")[: len(factors)]
    table = pd.DataFrame({"current": now[0], "target": targets})
    rows = pd.concat([table.assign(factor=name) for name in names], ignore_index=True)
    draws, never = np.concatenate(factors, axis=-1), np.concatenate([there] * len(factors), axis=-1)
    name = f"growth of {' and '.join(names)} to reach the target"
    return Derived(draws, rows, name, "times", never=np.isinf(never))


def _growth(source: Any, growth: Any, seed: int) -> tuple[Any, Curves]:
    """Return the exponent of p(m), as a number or as draws, and the curve to go with it."""
    if growth is None:
        return None, curves_of(source)
    number = one_number(growth)
    if number is not None and math.isfinite(number):
        return float(growth), curves_of(source)
    curves, grown = paired(source, growth, seed)
    first, *others = grown.parts
    if others or set(first.parameters) != set(_POWER_LAW) or first.parameters["irreducible"].any():
        raise LawError(
            "growth= must be a number or a power law without a floor, "
            f"bs.PowerLaw(irreducible=0.0); got {grown.name}."
        )
    return -first.parameters["exponent"][..., None], curves


def _one_role(curves: Curves, what: str) -> str:
    if len(curves.columns) != 1:
        raise LawError(
            f"{what}() takes a curve of one input; {curves.name} has the inputs "
            f"{', '.join(curves.columns)}."
        )
    return next(iter(curves.columns))


def _function(source: Any) -> Callable[[np.ndarray], Any]:
    """Return a curve's outcome as a function of log x, of shape (chain, draw)."""
    if callable(source) and not isinstance(source, type):
        return partial(called, "first= or second", source)
    curves = curves_of(source)
    role = _one_role(curves, "crossing")
    return lambda log_x: curves.reported(curves.loss({role: np.exp(log_x)[..., None]}))[..., 0]


def _reached(
    curves: Curves,
    role: str,
    others: dict[str, np.ndarray],
    goal: np.ndarray,
    span: tuple[float, float],
) -> np.ndarray:
    """Return the smallest input beyond which the loss stays at a goal or better, for each draw.

    Parameters
    ----------
    curves
        The curve.
    role
        The input to solve for.
    others
        Role to values of the others, shape (m,).
    goal
        Broadcastable to (chain, draw, m).
    span
        Inputs near which breaks lie.

    Returns
    -------
    numpy.ndarray
        Shape (chain, draw, m); infinite where the goal is not reached, 0 where it always is.
    """

    def above(log_x: np.ndarray) -> np.ndarray:
        x = np.exp(log_x)
        return curves.sign * (curves.loss({**others, role: x if x.ndim else x[None]}) - goal)

    return forecasting.required_inputs(above, np.zeros(1), *span)[..., 0]
