r"""What follows from a curve at given inputs: slopes, gains, floors, overfitting, entropies.

Every function takes a fit, an ensemble of fits, or a law whose parameters are all numbers, and
inputs by role or column name, and returns posterior draws with intervals
(:class:`~bayescale.curves.Derived`). Throughout, y is the loss: the outcome, or for a metric that
rises what is missing to its ceiling.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.curve_sources import curves_of
from bayescale.curves import Curves
from bayescale.derived_record import Derived
from bayescale.errors import DataError, LawError
from bayescale.given import short

#: Step of the central differences in log x: the error is of fourth order in it.
STEP = 5e-4
#: Stands for infinity where a formula has no value at infinity.
HUGE = 1e290


def elasticity(
    source: Any, of: str | None = None, *, reducible: bool = False, **inputs: Any
) -> Derived:
    r"""Return by how many percent the loss falls when an input grows by one percent.

    .. math:: -\frac{\partial \log y}{\partial \log x}

    For a power law without a floor it is the exponent; a floor makes it smaller as x grows. With
    ``reducible=True`` it is the slope of :math:`y - L_\infty`, the local exponent.

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    of
        Which input, by role or column name; for a law of several.
    reducible
        Whether the slope is that of the reducible loss.
    **inputs
        Values of each input, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        No unit, positive = falling; by central differences in log x.

    Raises
    ------
    LawError
        If an input is missing or unknown, the law has no floor to subtract, or the loss is not
        positive, so that it has no logarithm.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, section 1.2; Caballero et al. (2023),
    arXiv:2210.14891, section 2.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=1.0, scale=1.0, exponent=0.3)
    >>> bs.elasticity(law, x=1.0).interval()["median"].round(6).tolist()
    [0.15]
    >>> bs.elasticity(law, x=1.0, reducible=True).interval()["median"].round(6).tolist()
    [0.3]
    """
    check_arguments(elasticity, locals())
    curves = curves_of(source)
    role, at = curves.role(of), curves.checked(inputs)
    value = curves.reducible if reducible else curves.loss

    def log_loss(steps: int) -> np.ndarray:
        loss = value({**at, role: at[role] * math.exp(steps * STEP)})
        _check_positive(curves, loss, "its elasticity is not defined")
        return np.log(loss)

    near, far = log_loss(-1) - log_loss(1), log_loss(-2) - log_loss(2)
    of_what = "reducible loss" if reducible else curves.outcome
    name = f"elasticity of {of_what} in {curves.columns[role]}"
    return _made(curves, at, (8 * near - far) / (12 * STEP), name, "no unit")


def reducible_loss(source: Any, **inputs: Any) -> Derived:
    r"""Return what more scale can still take off the loss.

    .. math:: y(x) - L_\infty

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    **inputs
        Values of each input, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        In the units of y.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the law has no irreducible loss.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Henighan et al. (2020), arXiv:2010.14701, section 1.1.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=2.21, x0=3.6e-9, exponent=0.1)
    >>> bs.reducible_loss(law, x=1.0).interval()["median"].round(4).tolist()
    [0.1431]
    """
    curves = curves_of(source)
    at = curves.checked(inputs)
    return _made(curves, at, curves.reducible(at), "reducible loss", f"units of {curves.outcome}")


def floor_share(source: Any, **inputs: Any) -> Derived:
    r"""Return which share of the loss no scale takes away.

    .. math:: L_\infty \,/\, y(x)

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    **inputs
        Values of each input, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        No unit.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the law has no irreducible loss.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Henighan et al. (2020), arXiv:2010.14701, section 1.1.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=1.0, scale=1.0, exponent=0.3)
    >>> bs.floor_share(law, x=1.0).interval()["median"].tolist()
    [0.5]
    """
    curves = curves_of(source)
    at = curves.checked(inputs)
    floor, loss = curves.floor(), curves.loss(at)
    _check_positive(curves, loss, "a share of it means nothing")
    return _made(curves, at, floor / loss, "share of the floor", "no unit")


def doubling_gain(
    source: Any, of: str | None = None, *, factor: float = 2.0, **inputs: Any
) -> Derived:
    r"""Return which share of the loss goes away when one input is doubled.

    .. math:: 1 - \frac{y(2x)}{y(x)}

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    of
        Which input grows, by role or column name; for a law of several.
    factor
        By what the input is multiplied.
    **inputs
        Values of each input before it grows, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        No unit.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the factor is not a positive finite number.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, section 1.2.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
    >>> bs.doubling_gain(law, x=[1e6, 1e9]).interval()["median"].round(6).tolist()
    [0.051316, 0.051316]
    """
    check_arguments(doubling_gain, locals())
    factor = float(factor)
    if not (0 < factor < math.inf):
        raise LawError(f"factor= must be a positive finite number; got {short(factor)}.")
    curves = curves_of(source)
    role, at = curves.role(of), curves.checked(inputs)
    if (at[role] > sys.float_info.max / max(factor, 1.0)).any():
        raise DataError(f"{factor:g} times {at[role].max():.3g} is more than a number holds.")
    now = curves.loss(at)
    _check_positive(curves, now, "a share of it means nothing")
    gain = 1 - curves.loss({**at, role: at[role] * factor}) / now
    name = f"gain from {factor:g} times {curves.columns[role]}"
    return _made(curves, at, gain, name, "no unit")


def overfitting(source: Any, of: str = "tokens", **inputs: Any) -> Derived:
    r"""Return by which share the loss is above that of unlimited data.

    .. math:: \delta L(N, D) = \frac{L(N, D)}{L(N, \infty)} - 1

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    of
        Which input is thought unlimited, by role or column name.
    **inputs
        Values of each input, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        No unit.

    Raises
    ------
    LawError
        If an input is missing or unknown, or the law has no limit as that input grows.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, equations 4.2 and 4.3.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.Chinchilla(
    ...     irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ... )
    >>> bs.overfitting(law, params=1e9, tokens=2e10).interval()["median"].round(3).tolist()
    [0.262]
    """
    check_arguments(overfitting, locals())
    curves = curves_of(source)
    role, at = curves.role(of), curves.checked(inputs)
    excess = curves.loss(at) / limit(curves, role, at) - 1
    return _made(curves, at, excess, f"overfitting for want of {curves.columns[role]}", "no unit")


def limit(curves: Curves, role: str, at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the loss as one input grows without bound, shape (chain, draw, m).

    Parameters
    ----------
    curves
        The curve.
    role
        The input that grows.
    at
        Role to values of the others, shape (m,).

    Returns
    -------
    numpy.ndarray
        In the units of y.

    Raises
    ------
    LawError
        If it is not positive and finite.
    """
    found = curves.loss({**at, role: np.array([np.inf])})
    if np.isnan(found).any():  # 0 times infinity, say: look whether the curve has settled far out
        far, further = (curves.loss({**at, role: np.array([x])}) for x in (HUGE**0.5, HUGE))
        settled = np.where(np.isclose(far, further, rtol=1e-3, atol=0.0), further, np.nan)
        found = np.where(np.isnan(found), settled, found)
    words = f"with unlimited {curves.columns[role]} there is nothing to compare with"
    _check_positive(curves, found, words)
    return found


def entropy_split(source: Any, unit: str = "nats", *, items: float = 1.0, **inputs: Any) -> Derived:
    r"""Split a cross-entropy into the data's entropy and what the model has not learnt.

    .. math:: L(x) = L_\infty + (L(x) - L_\infty) \approx H(P) + D_{KL}(P \,\|\, Q_x)

    The loss must be a mean cross-entropy in nats per token. The split is as good as the floor:
    look at its interval.

    Parameters
    ----------
    source
        A fit, an ensemble, or a law whose parameters are all numbers.
    unit
        ``"nats"`` or ``"bits"``.
    items
        Tokens in one item (an image, a video), for values per item; 1 gives values per token.
    **inputs
        Values of each input, in the user's units; shape (m,) or a number.

    Returns
    -------
    Derived
        For each input two rows, whose column ``part`` says ``"entropy"`` (irreducible) or
        ``"divergence"`` (reducible).

    Raises
    ------
    LawError
        If an input is missing or unknown, the law has no irreducible loss, or unit or items are
        not as above.
    DataError
        If an input is not positive and finite.

    References
    ----------
    Henighan et al. (2020), arXiv:2010.14701, section 1.1 and table 3.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(irreducible=2.21, x0=3.6e-9, exponent=0.1)
    >>> bs.entropy_split(law, items=3072, x=1.0).interval()[["part", "median"]].round(1)
             part  median
    0     entropy  6789.1
    1  divergence   439.6
    """
    check_arguments(entropy_split, locals())
    import pandas as pd

    if unit not in ("nats", "bits"):
        raise LawError(f"unit= must be 'nats' or 'bits'; got {short(unit)}.")
    if not (0 < items < math.inf):
        raise LawError(
            f"items= must be the positive number of tokens in an item; got {short(items)}."
        )
    curves = curves_of(source)
    at = curves.checked(inputs)
    reducible = curves.reducible(at)
    floor = np.broadcast_to(curves.floor(), reducible.shape)
    size = items / (math.log(2) if unit == "bits" else 1.0)
    table = curves.table(at)
    rows = pd.concat([table.assign(part=part) for part in ("entropy", "divergence")])
    seen = curves.extrapolation(at)
    return Derived(
        size * np.concatenate([floor, reducible], axis=-1),
        rows.reset_index(drop=True),
        "entropy and divergence",
        f"{unit} per {'token' if items == 1 else 'item'}",
        None if seen is None else np.tile(seen, 2),
    )


def _made(
    curves: Curves, at: Mapping[str, np.ndarray], draws: np.ndarray, name: str, unit: str
) -> Derived:
    return Derived(draws, curves.table(at), name, unit, curves.extrapolation(at))


def _check_positive(curves: Curves, loss: np.ndarray, consequence: str) -> None:
    wrong = ~(np.isfinite(loss) & (loss > 0))
    if wrong.any():
        raise LawError(
            f"{curves.name}: the loss is not a positive finite number in "
            f"{100 * wrong.mean():.3g} % of the draws at these inputs; {consequence}."
        )
