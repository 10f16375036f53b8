"""Which rows a backtest trains on and which it scores: the largest scales, or whole groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale.errors import DataError, LawError, nearest
from bayescale.given import has_length, short
from bayescale.observed import Observations


@dataclass(frozen=True, eq=False)
class Fold:
    """What is trained on, and what is scored.

    Parameters
    ----------
    name
        In words, for messages: ``the cut-off at 1e+09``.
    train, test
        Masks of the rows, shape (run,).
    end
        The largest input of the training rows, of each row's own group; shape (run,), NaN where
        nothing of a group is trained on.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    end: np.ndarray

    @property
    def largest(self) -> float:
        """The largest input trained on where anything of the group is scored."""
        known = self.end[self.test & np.isfinite(self.end)]
        return float(known.max()) if len(known) else float("nan")


def largest_inputs(
    runs: Observations, holdout: float, cutoffs: int | Sequence[float]
) -> list[Fold]:
    """Return folds that hold out the largest inputs, of each group its own.

    Parameters
    ----------
    runs
        All runs, of one input.
    holdout
        How many different inputs of a group are held out: a share below 1, or a number.
    cutoffs
        How many cut-offs, each half a hold-out below the one before; or the largest training
        inputs, the same for all groups.

    Returns
    -------
    list of Fold
        In falling order of the training rows.
    """
    (x,) = runs.inputs.values()
    if not isinstance(cutoffs, int | np.integer):
        return [_at(runs, x, end) for end in _given(np.unique(x), cutoffs)]
    _check_holdout(holdout, cutoffs)
    if runs.groups is None:
        return [_between(x, *pair) for pair in _of_curve(np.unique(x), holdout, cutoffs)]
    return [_of_groups(runs, x, holdout, i) for i in range(cutoffs)]


def _given(distinct: np.ndarray, cutoffs: Sequence[float]) -> list[float]:
    if not has_length(cutoffs):
        raise LawError(f"cutoffs= takes a whole number, or a list; got {short(cutoffs)}.")
    ends = sorted({float(c) for c in cutoffs}, reverse=True)
    if not ends:
        raise DataError("cutoffs= holds no cut-off: give the largest training inputs.")
    for end in ends:
        if not distinct[0] <= end < distinct[-1]:
            raise DataError(
                f"A cut-off must leave runs on both sides: between {distinct[0]:g} and "
                f"{distinct[-1]:g}; got {end:g}."
            )
    return [float(distinct[distinct <= end][-1]) for end in ends]


def _check_holdout(holdout: float, cutoffs: int) -> None:
    if isinstance(cutoffs, bool) or cutoffs < 1:
        raise LawError(f"cutoffs= must be 1 or more; got {short(cutoffs)}.")
    if not 0 < holdout < math.inf or (holdout >= 1 and holdout != int(holdout)):
        raise LawError(
            "holdout= must be a share between 0 and 1 or a whole number of inputs; "
            f"got {short(holdout)}."
        )


def _held(holdout: float, distinct: int) -> int:
    return int(holdout) if holdout >= 1 else max(1, round(holdout * distinct))


def _of_curve(distinct: np.ndarray, holdout: float, cutoffs: int) -> list[tuple[float, float]]:
    """Return (largest training input, largest scored input) of every cut-off of one curve."""
    if holdout >= len(distinct):
        raise LawError(
            "holdout= must be a share between 0 and 1 or a whole number of inputs below "
            f"{len(distinct)}; got {short(holdout)}."
        )
    held = _held(holdout, len(distinct))
    ends = []
    for i in range(cutoffs):
        last = len(distinct) - 1 - i * max(1, held // 2)
        if last - held < 0:
            raise DataError(
                f"{cutoffs} cut-offs of {held} held-out inputs need more than {len(distinct)} "
                "different inputs. Ask for fewer cut-offs or a smaller holdout."
            )
        ends.append((float(distinct[last - held]), float(distinct[last])))
    return ends


def _between(x: np.ndarray, end: float, last: float) -> Fold:
    test = (x > end) & (x <= last)
    return Fold(f"the cut-off at {end:g}", x <= end, test, np.full(len(x), end))


def _at(runs: Observations, x: np.ndarray, end: float) -> Fold:
    """Return the fold with one and the same cut-off in every group."""
    train, own = x <= end, np.full(len(x), np.nan)
    for cell in np.unique(runs.cells):
        here = runs.cells == cell
        if (train & here).any():
            own[here] = x[train & here].max()
    return Fold(f"the cut-off at {end:g}", train, ~train, own)


def _of_groups(runs: Observations, x: np.ndarray, holdout: float, number: int) -> Fold:
    """Return a fold with a cut-off for each group; one of too few inputs is trained on alone."""
    train, test = np.zeros(len(x), bool), np.zeros(len(x), bool)
    end = np.full(len(x), np.nan)
    for cell in np.unique(runs.cells):
        here = runs.cells == cell
        distinct = np.unique(x[here])
        held = _held(holdout, len(distinct))
        last = len(distinct) - 1 - number * max(1, held // 2)
        if last - held < 0:
            train |= here
            end[here] = distinct[-1]
            continue
        end[here] = distinct[last - held]
        train |= here & (x <= end)
        test |= here & (x > end) & (x <= distinct[last])
    name = "the largest inputs held out" if number == 0 else f"cut-off {number + 1}"
    if not test.any():
        raise DataError(
            f"With {name}: no group has more than {holdout:g} different inputs to hold out and "
            "to train on. Ask for fewer cut-offs or a smaller holdout."
            if holdout >= 1
            else f"With {name}: no group has two different inputs or more, one to train on and one "
            "to hold out. Ask for fewer cut-offs, or hold out whole groups: new_groups=5."
        )
    return Fold(name, train, test, end)


def whole_groups(runs: Observations, new_groups: Any, keep: int, seed: int) -> list[Fold]:
    """Return folds that hold out whole groups, but for the smallest inputs that are kept.

    Parameters
    ----------
    runs
        All runs, with groups.
    new_groups
        In how many parts all groups are held out, or which are.
    keep
        How many of the smallest inputs of each group held out are trained on.
    seed
        Of which group is in which part.
    """
    (x,) = runs.inputs.values()
    groups = runs.groups
    if groups is None:
        raise LawError(
            "new_groups= holds whole groups out, and no law varies with a column: name the column, "
            "by='family'."
        )
    if isinstance(keep, bool) or int(keep) != keep or keep < 0:
        raise LawError(f"keep= must be a whole number of inputs, 0 or more; got {short(keep)}.")
    names = [groups.label(cell) for cell in range(len(groups))]
    folds = []
    for cells in _parts(names, new_groups, seed):
        train, end = np.ones(len(x), bool), np.full(len(x), np.nan)
        for cell in cells:
            here = runs.cells == cell
            kept = np.unique(x[here])[: int(keep)]
            train &= ~here | np.isin(x, kept)
            if len(kept):
                end[here] = kept[-1]
        shown = ", ".join(names[cell] for cell in cells[:3]) + (", ..." if len(cells) > 3 else "")
        if train.all():
            raise DataError(
                f"keep={keep} leaves nothing of {shown} to score: they have no more inputs."
            )
        folds.append(Fold(f"{shown} held out", train, ~train, end))
    return folds


def _parts(names: Sequence[str], asked: Any, seed: int) -> Iterable[list[int]]:
    """Return the cells that are held out together, for each part."""
    if isinstance(asked, int | np.integer) and not isinstance(asked, bool):
        if not 2 <= asked <= len(names):
            raise LawError(
                f"new_groups= as a number says in how many parts the {len(names)} groups are held "
                f"out, from 2 to {len(names)}; got {asked}. Name groups to hold out those: "
                f"new_groups=[{names[0]!r}]."
            )
        order = np.random.default_rng([seed, 37]).permutation(len(names))
        return [sorted(part.tolist()) for part in np.array_split(order, int(asked))]
    given: Any = asked
    listed: list[Any] = [given] if np.ndim(given) == 0 else list(given)
    cells = []
    for one in listed:
        label = ":".join(map(str, one)) if isinstance(one, tuple | list) else str(one)
        if label not in names:
            raise LawError(
                f"new_groups= must name groups of the runs: {', '.join(names[:8])}"
                f"{', ...' if len(names) > 8 else ''}; got {short(one)}.{nearest(label, names)}"
            )
        cells.append(names.index(label))
    if not cells or len(set(cells)) == len(names):
        raise LawError(
            "new_groups= must leave groups on both sides: some held out, the others to train on."
        )
    return [sorted(set(cells))]
