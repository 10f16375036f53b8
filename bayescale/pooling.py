"""How a parameter varies with the columns of a table: not at all, by itself, or pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bayescale.arguments import check_arguments
from bayescale.errors import PriorError
from bayescale.given import has_length, short
from bayescale.prior import Prior, columns_of, elicited, one_or_all

#: How far levels lie apart unless the user says otherwise, on the scale of :func:`partial_pooling`.
SPREAD_PRIOR = Prior("HalfNormal", sigma=0.5)


@dataclass(frozen=True)
class Varying:
    """A parameter's own prior, varying with columns: what is given where no prior is written.

    Parameters
    ----------
    by
        The columns.
    spread
        As in :func:`partial_pooling`; empty for levels that share nothing.
    """

    by: tuple[str, ...]
    spread: tuple[Prior | float, ...] = ()


def unpooled(prior: Prior | None = None, *, by: str | Sequence[str]) -> Prior | Varying:
    """Give every level of a column a value of its own, that learns nothing from the others.

    Parameters
    ----------
    prior
        Of every level; by default the parameter's own prior, whatever the form says it is.
    by
        The column, or several: then every combination seen has a value.

    Returns
    -------
    Prior or Varying
        What a law or a likelihood takes for a parameter; with a prior it is
        ``Prior(..., by=)``.

    Raises
    ------
    PriorError
        If ``by`` names no column, or the prior varies already.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.PowerLaw(scale=bs.unpooled(by="family")).scale.by
    ('family',)
    """
    check_arguments(unpooled, locals(), but=("prior", "by"))
    return _varying(prior, Varying(columns_of(by, needed=True)))


def partial_pooling(
    prior: Prior | None = None,
    *,
    by: str | Sequence[str],
    spread: Prior | float | Sequence[Prior | float] = SPREAD_PRIOR,
) -> Prior | Varying:
    r"""Let a parameter vary with the levels of a column, which learn from each other.

    .. math:: g(\theta_j) = g(\mu) + \sum_c \tau_c\, z_{c, j}, \quad z \sim \mathrm{Normal}(0, 1)

    where g is the log for what is positive, the probit for what lies between two bounds, and
    nothing else. The prior is that of :math:`\mu`, the middle of the population. The spreads
    :math:`\tau_c`, one a column, are learned: near 0 the levels are alike (complete pooling), and
    when large each stands for itself (no pooling). On the log scale a spread of 0.1 means that
    levels differ by about 10 %.

    Parameters
    ----------
    prior
        Of the population's middle; by default the parameter's own prior.
    by
        The column, or several: their effects add, whether levels are crossed or nested.
    spread
        Prior of the spread on the scale of g, or a number to hold it at; for several columns one
        for all, or one for each.

    Returns
    -------
    Prior or Varying
        What a law or a likelihood takes for a parameter. A fit has ``<name>_population`` and
        ``<name>_spread`` (of several columns ``<name>_spread_<column>``) beside the levels.

    Raises
    ------
    PriorError
        If ``by`` names no column, a spread is not positive, or the prior varies already.

    References
    ----------
    Gelman and Hill (2007), "Data Analysis Using Regression and Multilevel/Hierarchical Models";
    Papaspiliopoulos, Roberts and Skold (2007), arXiv:0708.3797, on the two parametrizations.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.PowerLaw(exponent=bs.partial_pooling(by="family", spread=0.1))
    >>> law.exponent.pooled, law.exponent.spread
    (True, (0.1,))
    """
    check_arguments(partial_pooling, locals(), but=("prior", "by"))
    columns = columns_of(by, needed=True)
    several = has_length(spread)  # which the type checker does not follow
    given = tuple(spread) if several else (spread,) * len(columns)  # type: ignore[arg-type]
    if len(given) != len(columns):
        raise PriorError(
            f"spread= takes one prior or number for all of by={columns!r}, or one for each; got "
            f"{len(given)}."
        )
    return _varying(prior, Varying(columns, tuple(_checked_spread(one) for one in given)))


def _varying(prior: Prior | None, how: Varying) -> Prior | Varying:
    if prior is None:
        return how
    prior = Prior(prior) if elicited(prior) else prior
    if not isinstance(prior, Prior):
        raise PriorError(
            f"What varies by {one_or_all(how.by)!r} must be a bs.Prior, or nothing for the "
            f"parameter's own prior; got {short(prior)}."
        )
    if prior.by:
        raise PriorError(f"{prior!r} varies by {one_or_all(prior.by)!r} already; say by= once.")
    return prior.varying_as(how)


def _checked_spread(given: Any) -> Prior | float:
    if isinstance(given, Prior):
        if given.by or given.on or given.support[0] < 0:
            raise PriorError(
                "spread= must be a prior on positive numbers, such as bs.Prior('HalfNormal', "
                f"sigma=0.5), without by= and on=; got {short(given)}."
            )
        return given
    fine = isinstance(given, int | float) and not isinstance(given, bool)
    if not fine or not 0 < given < math.inf:
        raise PriorError(
            f"spread= must be a prior or a positive number; "
            f"got {short(given)}. For levels that are "
            "all alike leave the pooling out."
        )
    return float(given)
