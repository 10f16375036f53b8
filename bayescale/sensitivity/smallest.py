"""What a forecast leans on: the smallest runs, left out step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting, forecasts, members
from bayescale.arguments import check_arguments
from bayescale.data import observations
from bayescale.errors import DataError, LawError
from bayescale.given import as_array, short
from bayescale.groups import check_named
from bayescale.observed import Observations
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.sensitivity.asking import check_of
from bayescale.sensitivity.refits import Plan, Refit, forecasts_from, from_input
from bayescale.suitability import check_enough, check_levels
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.likelihoods import Likelihood

#: Cuts that are tried where none are given.
CUTS = 6
#: Runs below which nothing is forecast: two lie on any line.
FEWEST = 3


def sensitivity_to_smallest(
    law: Any,
    runs: pd.DataFrame,
    *,
    y: str,
    at: Any,
    group: Mapping[str, Any] | None = None,
    cuts: Sequence[float] | None = None,
    of: str = "curve",
    prob: float = 0.9,
    likelihood: Likelihood | None = None,
    ceiling: float | None = None,
    draws: int = 1000,
    tune: int = 1000,
    seed: int = 0,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
    **inputs: str,
) -> pd.DataFrame:
    r"""Return the forecast at a target by the smallest input that is kept.

    Small runs may follow another regime (warm-up, a plateau, a different bottleneck), and which
    of them to leave out is a choice that reports rarely show. The law is fitted again without
    the runs below each cut, everything else being equal; the shift is that of the median in
    standard deviations of the posterior of all runs,

    .. math:: \frac{m_{x \ge c} - m}{s}.

    A law that describes all runs gives wider intervals with fewer runs, but about the same
    median. A median that moves on and on with the cut says that the law misses a bend.

    Parameters
    ----------
    law
        A law of one input.
    runs
        The table, one run a row.
    y
        The name of the outcome's column.
    at
        Where to forecast, in the units of the input; shape (m,) or a number.
    group
        Of a law that varies, the group to forecast: ``{"family": "A"}``. All groups are cut.
    cuts
        The smallest inputs to keep; by default up to six of the runs' own inputs, from the
        smallest to the middle one, as long as the law can be fitted. All runs are always among
        them.
    of
        ``"curve"`` for the law's value, ``"observation"`` for one new run.
    prob
        Probability of the equal-tailed interval.
    likelihood, ceiling, draws, tune, seed
        As for ``law.fit``.
    workers, executor
        Who fits, as for :func:`bayescale.fit_many`; this process by default.
    progress
        Whether to show what is under way.
    **inputs
        The column of the input: ``x="params"``.

    Returns
    -------
    pandas.DataFrame
        A row for each cut and target: ``smallest`` (the smallest input kept), ``runs`` (how many
        are), ``at``, ``median``, ``lower``, ``upper`` (in the units of y), ``shift`` (no unit),
        ``extrapolation``, ``good`` and ``problem`` (of the fit's diagnostics). ``.attrs`` holds
        the law, the columns, the probability and what the interval is of.

    Raises
    ------
    LawError
        If the law has several inputs, or an option is out of range.
    DataError
        If a cut leaves too few runs, or a target is not positive and finite.

    References
    ----------
    Porian et al. (2024), arXiv:2406.19146, and Besiroglu et al. (2024), arXiv:2404.10102, on what
    small or odd runs do to a scaling law.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> law = bs.PowerLaw(irreducible=0.0)
    >>> found = bs.sensitivity_to_smallest(
    ...     law, runs, y="loss", x="x", at=1e4, cuts=[1, 10], progress=False
    ... )
    >>> found["runs"].tolist(), bool(found["shift"][0] == 0)
    ([8, 6], True)
    """
    check_arguments(sensitivity_to_smallest, locals(), but=("cuts",))
    import cloudpickle

    if not hasattr(law, "expr") or isinstance(law, type):
        raise LawError(f"Give a law such as bs.PowerLaw() (with brackets); got {short(law)}.")
    if len(law.inputs) != 1:
        raise LawError(
            f"Runs are cut off along one input; {law.signature_name()} has {len(law.inputs)}: "
            f"{', '.join(law.inputs)}."
        )
    forecasts.check_probability(prob)
    check_of(of)
    check(executor, workers)
    noise = likelihood or law.default_likelihood()
    every = observations(law, noise, runs, y, inputs, ceiling)
    (role,) = every.columns
    targets = forecasting.checked_inputs(law.inputs, every.columns, {role: at}, "The forecast")
    asked = {} if group is None else group
    check_named(every.seen, asked, "The forecast")
    if every.seen:
        targets, levels = forecasting.with_levels(targets, asked)
        targets = {**targets, **levels}
    starts = cuts_tried(law, noise, every, cuts, group)
    settings = Sampling(draws=draws, tune=tune, target_accept=law.target_accept, seed=seed)
    packed = cloudpickle.dumps(Plan(law, noise, settings, every, targets, of))
    with task("Sensitivity to the smallest runs", total=len(starts), progress=progress) as bar:
        found = ordered(
            forecasts_from, packed, starts, workers=workers, executor=executor,
            done=lambda count: bar.update(advance=count),
        )  # fmt: skip
    return by_cut(law, every, targets, starts, found, of, prob)


def by_cut(
    law: Any,
    every: Observations,
    targets: Mapping[str, Any],
    starts: Sequence[float],
    found: Sequence[Refit],
    of: str,
    prob: float,
) -> pd.DataFrame:
    """Return the table of :func:`sensitivity_to_smallest` from the forecasts by cut.

    Parameters
    ----------
    law, every
        What was fitted to which runs.
    targets
        Where it was forecast.
    starts, found
        The smallest input kept, and what the fit said; all runs first.
    of, prob
        As for :func:`sensitivity_to_smallest`.
    """
    import pandas as pd

    ((role, column),) = every.columns.items()
    levels = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
    with np.errstate(over="ignore"):  # far below the data curves rise beyond all numbers
        middle, spread = np.median(found[0].draws, axis=0), found[0].draws.std(axis=0)
    rows = []
    for start, got in zip(starts, found, strict=True):
        low, median, high = np.quantile(got.draws, levels, axis=0)
        rows.append(
            pd.DataFrame(
                {
                    "smallest": start,
                    "runs": got.runs,
                    "at": targets[role],
                    "median": median,
                    "lower": low,
                    "upper": high,
                    "shift": (median - middle) / spread,
                    "extrapolation": targets[role] / every.references[f"{role}_end"],
                    "good": not got.problem,
                    "problem": got.problem,
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    table.attrs = {
        "law": law.signature_name(),
        "input": column,
        "outcome": every.outcome_column,
        "probability": prob,
        "kind": "equal-tailed",
        "of": of,
    }
    return table


def cuts_tried(
    law: Any,
    noise: Any,
    every: Observations,
    cuts: Sequence[float] | None,
    group: Mapping[str, Any] | None,
) -> list[float]:
    """Return the smallest input kept of every fit, all runs first.

    Parameters
    ----------
    law, noise, every
        What is fitted to which runs.
    cuts, group
        As for :func:`sensitivity_to_smallest`.

    Raises
    ------
    DataError
        If a cut that was given leaves too few runs.
    """
    ((role, x),) = every.inputs.items()
    distinct, column = np.unique(x), every.columns[role]
    if cuts is None:
        usable = [
            start
            for start in distinct[: len(distinct) // 2 + 1]
            if _enough(law, noise, every, start, group)
        ]
        picked = np.linspace(0, len(usable) - 1, min(CUTS, len(usable))).round().astype(int)
        return [float(usable[i]) for i in picked]
    given = np.atleast_1d(as_array("cuts=", cuts))
    if given.ndim > 1 or given.size == 0 or not np.isfinite(given).all():
        raise DataError(f"cuts= must hold finite values of {column!r}; got {short(cuts)}.")
    for cut in given:
        if cut > distinct[-1]:
            raise DataError(
                f"A cut must leave runs: {column!r} goes from {distinct[0]:g} to "
                f"{distinct[-1]:g}; got {cut:g}."
            )
        kept = from_input(every, cut)
        if len(kept) < FEWEST:
            raise DataError(
                f"From {column} = {cut:g} on there are {len(kept)} runs; {FEWEST} or more are "
                "needed, whatever the law. Give smaller cuts."
            )
        try:
            _check_kept(law, noise, kept, group)
        except DataError as error:
            raise DataError(f"From {column} = {cut:g} on: {error}") from None
    found = {float(distinct[0]), *(float(distinct[distinct >= cut][0]) for cut in given)}
    return sorted(found)


def _enough(
    law: Any, noise: Any, every: Observations, start: float, group: Mapping[str, Any] | None
) -> bool:
    kept = from_input(every, start)
    try:
        _check_kept(law, noise, kept, group)
    except (DataError, LawError):
        return False
    return len(kept) >= FEWEST


def _check_kept(law: Any, noise: Any, kept: Observations, group: Mapping[str, Any] | None) -> None:
    """Raise an error where a law cannot be fitted to what a cut leaves, or forecast the group."""
    check_enough(law, kept)
    check_levels(law, noise, kept)
    if kept.groups is not None:
        members.check_known(law, noise, kept.groups, group or {})
