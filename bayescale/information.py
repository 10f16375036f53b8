"""What one segment of a context says of the next, from the loss by token position."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.errors import DataError
from bayescale.given import as_array, of_one_shape, short

#: Positions whose powers are held at once, for each draw.
_BLOCK = 256
#: The longest segment, the largest exponent and the largest loss that are summed over.
_LONGEST, _STEEPEST, _LARGEST = 10_000_000, 100, 1e100


def segment_information(length: int, exponent: Any, first: Any, converged: Any) -> Any:
    r"""Return the information that a segment of the context holds about the next of equal length.

    .. math:: I([1,T],[T+1,2T]) = (2 H_T - H_{2T}) (L_U - L(N)), \qquad
              H_T = \sum_{t=1}^{T} t^{-p}

    for a loss by position :math:`L(t) = L(N) + (L_U - L(N))\, t^{-p}`: it is the loss of the
    second segment read alone, less its loss after the first. The other arguments are the
    literature's constants of :class:`~bayescale.PositionLoss`, numbers or draws of any shape.

    Parameters
    ----------
    length
        :math:`T`, tokens in each segment.
    exponent
        :math:`p`, no unit.
    first
        :math:`L_U`, the loss of the first token, in nats per token.
    converged
        :math:`L(N)`, the loss far into the context, in nats per token.

    Returns
    -------
    float or numpy.ndarray
        In the units of the losses (nats for each segment); one value for each draw.

    Raises
    ------
    DataError
        If the length is not a whole number of at least 1.

    References
    ----------
    Henighan et al. (2020), appendix E, arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> round(bs.segment_information(128, exponent=0.5, first=6.0, converged=3.0), 6)
    35.554711
    """
    check_arguments(segment_information, locals())
    early, both = _sums(length, exponent)
    top, floor = _losses(early, first, converged)
    return _plain((2 * early - both) * (top - floor))


def infogain(length: int, exponent: Any, first: Any, converged: Any) -> Any:
    r"""Return which share of a segment's loss is information that the segment before it holds.

    .. math:: \frac{I([1,T],[T+1,2T])}{T L(N) + (H_{2T} - H_T)(L_U - L(N))}

    The denominator is the loss of the second segment after the first. Arguments are those of
    :func:`segment_information`.

    Parameters
    ----------
    length
        :math:`T`, tokens in each segment.
    exponent
        :math:`p`, no unit.
    first
        :math:`L_U`, the loss of the first token, in nats per token.
    converged
        :math:`L(N)`, the loss far into the context, in nats per token.

    Returns
    -------
    float or numpy.ndarray
        No unit; one value for each draw.

    Raises
    ------
    DataError
        If the length is not a whole number of at least 1.

    References
    ----------
    Henighan et al. (2020), appendix E, arXiv:2010.14701.

    Examples
    --------
    >>> import bayescale as bs
    >>> round(bs.infogain(128, exponent=0.5, first=6.0, converged=3.0), 6)
    0.086281
    """
    check_arguments(infogain, locals())
    early, both = _sums(length, exponent)
    top, floor = _losses(early, first, converged)
    gain = top - floor
    whole = length * floor + (both - early) * gain
    if not (whole > 0).all():
        raise DataError(
            "The loss of a segment, T L(N) + (H_2T - H_T)(L_U - L(N)), must be positive; give "
            f"losses first= and converged= of a law of positions, got {short(first)} and "
            f"{short(converged)}."
        )
    return _plain((2 * early - both) * gain / whole)


def _losses(early: np.ndarray, first: Any, converged: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of the first token and of the last as arrays of finite numbers."""
    found = [as_array(name, v) for name, v in (("first=", first), ("converged=", converged))]
    of_one_shape(exponent=early, first=found[0], converged=found[1])
    for name, values in zip(("first=", "converged="), found, strict=True):
        if not (np.abs(values) < _LARGEST).all():
            raise DataError(f"{name} must hold finite losses in nats; got {short(values)}.")
    return found[0], found[1]


def _sums(length: int, exponent: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return H_T and H_2T for each exponent."""
    if not 1 <= length <= _LONGEST:
        raise DataError(
            f"length= must be a whole number between 1 and {_LONGEST:,}; got {short(length)}."
        )
    power = as_array("exponent=", exponent)
    if not (np.abs(power) < _STEEPEST).all():
        raise DataError(
            f"exponent= must hold numbers between -{_STEEPEST} and {_STEEPEST}; got "
            f"{short(exponent)}."
        )
    logs = np.log(np.arange(1, 2 * int(length) + 1))

    def total(part: np.ndarray) -> np.ndarray:
        found = np.zeros(power.shape)
        for at in range(0, len(part), _BLOCK):
            found += np.exp(-power[..., None] * part[at : at + _BLOCK]).sum(-1)
        return found

    early = total(logs[: int(length)])
    return early, early + total(logs[int(length) :])


def _plain(value: np.ndarray) -> Any:
    return float(value) if np.ndim(value) == 0 else value
