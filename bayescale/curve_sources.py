"""The curve of a fit, an ensemble or a law of numbers; two of them, paired draw by draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayescale.curves import Curves, Part, draws_shape, taken_from
from bayescale.errors import LawError
from bayescale.evaluating import UNIT_REFERENCES
from bayescale.groups import ORIGIN, check_single
from bayescale.levels import mark_of


def curves_of(source: Any) -> Curves:
    """Return the curve of a fit, an ensemble of fits, or a law whose parameters are numbers.

    Parameters
    ----------
    source
        One of these three.

    Returns
    -------
    Curves
        With one draw for a law.

    Raises
    ------
    LawError
        If it is none of these, or a law with a prior left.
    """
    if isinstance(source, Curves):
        return source
    if hasattr(source, "fits") and hasattr(source, "mixed"):
        return _of_ensemble(source)
    if hasattr(source, "parameters") and hasattr(source, "runs"):
        runs = source.runs
        check_single(runs.groups, "this")
        part = _part(source.law, source.parameters, runs.references)
        columns, outcome, origin = runs.columns, runs.outcome_column, _origin(source)
        return Curves(source.name, columns, outcome, (part,), runs.ceiling, origin=origin)
    if hasattr(source, "evaluate") and not isinstance(source, type):
        columns = {role: role for role in source.inputs}
        part = _part(source, _wide(source.numbers), UNIT_REFERENCES)
        return Curves(source.signature_name(), columns, "y", (part,), fitted=False)
    raise LawError(
        "Expected a fit, an ensemble of fits, or a law whose parameters are all numbers: what has "
        f"a curve; got {getattr(source, '__name__', type(source).__name__)}."
    )


def paired(first: Any, second: Any, seed: int) -> tuple[Curves, Curves]:
    """Return two curves with as many draws each, paired at random: the two are independent.

    Parameters
    ----------
    first, second
        Sources; the same one twice, or two groups of one fit, keep each draw with itself.
    seed
        Of the pairing. Index by index would not do: fits with one seed share random numbers.

    Returns
    -------
    tuple of Curves
        A curve of one draw stays as it is.
    """
    one, two = curves_of(first), curves_of(second)
    many = [curve.shape[0] * curve.shape[1] for curve in (one, two)]
    together = first is second or (one.origin and one.origin == two.origin)
    if together or 1 in many:
        return one, two
    rng = np.random.default_rng([seed, 29])
    left, right = (rng.permutation(count)[: min(many)] for count in many)
    return one.taken(left), two.taken(right)


def _of_ensemble(source: Any) -> Curves:
    """Take the draws of every member that the ensemble's forecasts take."""
    check_single(source.runs.groups, "this")
    members = list(source.fits.values())
    numbered = []
    for i, fit in enumerate(members):
        count = int(np.prod(draws_shape(fit.parameters)))
        numbered.append(np.stack([np.full(count, i), np.arange(count)], axis=-1)[None])
    chosen = source.mixed(numbered)[0]
    parts = []
    for i, fit in enumerate(members):
        where = np.flatnonzero(chosen[:, 0] == i)
        if len(where):
            parameters = taken_from(fit.parameters, chosen[where, 1])
            parts.append(Part(fit.law, parameters, fit.runs.references, where))
    runs, marks = source.runs, [_origin(fit) for fit in members]
    if any(marks):  # one group of each: what has no groups is the same fit in every one of them
        marks = [
            known or mark_of(fit.parameters) for known, fit in zip(marks, members, strict=True)
        ]
    origin = " ".join(marks).strip()
    columns, outcome = runs.columns, runs.outcome_column
    return Curves(source.name, columns, outcome, tuple(parts), runs.ceiling, origin=origin)


def _origin(fit: Any) -> str:
    """Return the mark of the fit that this is one group of, or nothing."""
    return fit.tree.attrs.get(ORIGIN, "") if hasattr(fit, "tree") else ""


def _part(law: Any, parameters: dict[str, Any], references: Mapping[str, float]) -> Part:
    return Part(law, parameters, references, np.arange(draws_shape(parameters)[1]))


def _wide(value: Any) -> Any:
    """Return numbers as draws of shape (1, 1)."""
    if isinstance(value, dict):
        return {name: _wide(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_wide(part) for part in value)
    return np.full((1, 1), float(value))
