r"""What training costs: compute, parameters, tokens, steps and batch size, each from the others.

Every function takes numbers or arrays that broadcast, all positive, and returns the same.

Three traps make most of the wrong numbers in this field:

* **Embedding or non-embedding parameters.** Kaplan et al. (2020) count N without embeddings,
  Hoffmann et al. (2022) with them. A model of 12 blocks and width 768 has 8.5e7 without and, with
  a vocabulary of 50,000, 1.2e8 with them; in large models the difference vanishes, so that an
  exponent fitted to one count is not that of the other. :func:`transformer_params` counts without.
* **C against C_min.** Compute as it was spent, at some batch size B, exceeds the least compute
  that reaches the same loss, :math:`C = C_{min} (1 + B/B_{crit})`, and steps exceed the fewest,
  :math:`S = S_{min} (1 + B_{crit}/B)`. A law of one is no law of the other: see
  :func:`min_compute` and :func:`min_steps`.
* **FLOP against PF-day.** A PF-day is :math:`10^{15}` FLOP/s for a day, 8.64e19 FLOP. A law whose
  constants are in PF-days is given FLOP over :data:`PF_DAY`; see :func:`pf_days`.

References
----------
Kaplan et al. (2020), "Scaling laws for neural language models", arXiv:2001.08361; McCandlish et
al. (2018), "An empirical model of large-batch training", arXiv:1812.06162.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from bayescale.errors import DataError
from bayescale.given import SMALLEST, as_array, of_one_shape

#: FLOP in a PF-day.
PF_DAY = 8.64e19

Numbers = Any  # numbers, sequences or arrays of them


def _finite[F: Callable[..., Any]](function: F) -> F:
    """Raise a DataError where a result is too large for a number."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            found = function(*args, **kwargs)
        if not np.isfinite(found).all():
            raise DataError(
                f"{function.__name__}() of these numbers is larger than a computer can hold. Are "
                "they in the units that it expects?"
            )
        return found

    return checked  # type: ignore[return-value] (wraps keeps the signature)


@_finite
def flops(params: Numbers, tokens: Numbers) -> Any:
    r"""Return the compute of training, :math:`C = 6 N D`.

    Two thirds of it go to the backward pass. It leaves out attention over the context, which is
    small while the context is shorter than 12 times the width (:func:`forward_flops` has it).

    Parameters
    ----------
    params
        :math:`N`, parameters.
    tokens
        :math:`D`, tokens seen in training, repeated ones included.

    Returns
    -------
    float or numpy.ndarray
        FLOP.

    Raises
    ------
    DataError
        If a number is not positive and finite; so do all functions of this room.

    Examples
    --------
    >>> flops(params=70e9, tokens=1.4e12)
    5.88e+23
    """
    n, d = _positive(params=params, tokens=tokens)
    return _plain(6 * n * d)


@_finite
def tokens_of(compute: Numbers, params: Numbers) -> Any:
    """Return the tokens that a budget trains a model of this size on, D = C / 6N.

    Parameters
    ----------
    compute
        FLOP.
    params
        Parameters.

    Returns
    -------
    float or numpy.ndarray
        Tokens.

    Examples
    --------
    >>> tokens_of(compute=5.88e23, params=70e9)
    1400000000000.0
    """
    c, n = _positive(compute=compute, params=params)
    return _plain(c / (6 * n))


@_finite
def params_of(compute: Numbers, tokens: Numbers) -> Any:
    """Return the size of the model that a budget trains on so many tokens, N = C / 6D.

    Parameters
    ----------
    compute
        FLOP.
    tokens
        Tokens.

    Returns
    -------
    float or numpy.ndarray
        Parameters.

    Examples
    --------
    >>> params_of(compute=6e20, tokens=1e11)
    1000000000.0
    """
    c, d = _positive(compute=compute, tokens=tokens)
    return _plain(c / (6 * d))


@_finite
def pf_days(compute: Numbers) -> Any:
    """Return compute in PF-days.

    Parameters
    ----------
    compute
        FLOP.

    Returns
    -------
    float or numpy.ndarray
        PF-days, of 8.64e19 FLOP each.

    Examples
    --------
    >>> pf_days(8.64e22)
    1000.0
    """
    (c,) = _positive(compute=compute)
    return _plain(c / PF_DAY)


@_finite
def transformer_params(layers: Numbers, width: Numbers) -> Any:
    r"""Return a transformer's parameters without embeddings, :math:`12\, n_{layer}\, d_{model}^2`.

    It takes a feed-forward layer four times as wide as the model, and attention as wide as it.

    Parameters
    ----------
    layers
        :math:`n_{layer}`, blocks.
    width
        :math:`d_{model}`, width of the residual stream.

    Returns
    -------
    float or numpy.ndarray
        Non-embedding parameters.

    Examples
    --------
    >>> transformer_params(layers=48, width=1600)
    1474560000.0
    """
    depth, d = _positive(layers=layers, width=width)
    return _plain(12 * depth * d**2)


@_finite
def forward_flops(params: Numbers, layers: Numbers, width: Numbers, context: Numbers) -> Any:
    r"""Return the forward pass's compute for one token, :math:`2N + 2 n_{layer} n_{ctx} d_{model}`.

    The second term, attention over the context, is what :func:`flops` leaves out.

    Parameters
    ----------
    params
        :math:`N`, non-embedding parameters.
    layers
        :math:`n_{layer}`, blocks.
    width
        :math:`d_{model}`, width of the residual stream.
    context
        :math:`n_{ctx}`, tokens in the context.

    Returns
    -------
    float or numpy.ndarray
        FLOP for each token; training takes three times as many.

    Examples
    --------
    >>> forward_flops(params=1474560000, layers=48, width=1600, context=1024)
    3106406400.0
    """
    n, depth, d, span = _positive(params=params, layers=layers, width=width, context=context)
    return _plain(2 * n + 2 * depth * span * d)


@_finite
def critical_batch(loss: Numbers, b_star: Numbers, alpha_b: Numbers) -> Any:
    r"""Return the critical batch size at a loss, :math:`B_* / L^{1/\alpha_B}`.

    Parameters
    ----------
    loss
        :math:`L`, nats for each token.
    b_star
        :math:`B_*`, the critical batch size at a loss of 1 (2.1e8 tokens in Kaplan et al. 2020).
    alpha_b
        :math:`\alpha_B`, no unit (0.21 there).

    Returns
    -------
    float or numpy.ndarray
        In the units of ``b_star``.

    Examples
    --------
    >>> round(critical_batch(loss=3.0, b_star=2e8, alpha_b=0.21))
    1069114
    """
    level, start, alpha = _positive(loss=loss, b_star=b_star, alpha_b=alpha_b)
    return _plain(start * level ** (-1 / alpha))


@_finite
def min_steps(steps: Numbers, batch: Numbers, critical: Numbers) -> Any:
    r"""Return the fewest steps to the same loss, :math:`S_{min} = S / (1 + B_{crit}/B)`.

    Parameters
    ----------
    steps
        :math:`S`, steps that were taken.
    batch
        :math:`B`, batch size that was used.
    critical
        :math:`B_{crit}` at the loss that was reached, in the same unit.

    Returns
    -------
    float or numpy.ndarray
        Steps that an infinite batch would take.

    Examples
    --------
    >>> min_steps(steps=1e5, batch=5e5, critical=5e5)
    50000.0
    """
    s, b, crit = _positive(steps=steps, batch=batch, critical=critical)
    return _plain(s / (1 + crit / b))


@_finite
def min_compute(compute: Numbers, batch: Numbers, critical: Numbers) -> Any:
    r"""Return the least compute to the same loss, :math:`C_{min} = C / (1 + B/B_{crit})`.

    Parameters
    ----------
    compute
        :math:`C`, compute that was spent, in any unit.
    batch
        :math:`B`, batch size that was used.
    critical
        :math:`B_{crit}` at the loss that was reached, in the same unit.

    Returns
    -------
    float or numpy.ndarray
        In the unit of ``compute``: what the smallest batch would have spent.

    Examples
    --------
    >>> min_compute(compute=2.0, batch=5e5, critical=5e5)
    1.0
    """
    c, b, crit = _positive(compute=compute, batch=batch, critical=critical)
    return _plain(c / (1 + b / crit))


@_finite
def examples_ratio(steps_ratio: Numbers) -> Any:
    r"""Return examples (or compute) over the least, from steps over the fewest.

    :math:`(S/S_{min} - 1)(E/E_{min} - 1) = 1`: twice the fewest steps take twice the fewest
    examples; nearly as few as possible take many times as many examples.

    Parameters
    ----------
    steps_ratio
        :math:`S/S_{min}`, above 1; no unit.

    Returns
    -------
    float or numpy.ndarray
        :math:`E/E_{min}`, no unit.

    Raises
    ------
    DataError
        If a ratio is 1 or less: no batch size takes the fewest steps.

    Examples
    --------
    >>> examples_ratio([1.1, 2.0, 3.0]).round(2).tolist()
    [11.0, 2.0, 1.5]
    """
    (ratio,) = _positive(steps_ratio=steps_ratio)
    low = ratio <= 1
    if low.any():
        got = _shown(low, ratio)
        raise DataError(f"steps_ratio must be above 1 (steps over the fewest steps); got {got}.")
    return _plain(1 + 1 / (ratio - 1))


def _positive(**given: Numbers) -> list[np.ndarray]:
    """Return the numbers as arrays, or say which are not positive and finite."""
    arrays = []
    for name, value in given.items():
        array = as_array(name, value)
        bad = ~(np.isfinite(array) & (array >= SMALLEST))
        if bad.any():
            raise DataError(f"{name} must be positive and finite; got {_shown(bad, array)}.")
        arrays.append(array)
    of_one_shape(**dict(zip(given, arrays, strict=True)))
    return arrays


def _shown(bad: np.ndarray, array: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in array[bad].ravel()[:5])


def _plain(value: np.ndarray) -> Any:
    """Return a number for numbers, an array for arrays."""
    return value.item() if np.ndim(value) == 0 else value
