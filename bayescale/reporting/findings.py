"""The numbers of a report, computed before anything is written: what fails costs only itself."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import backtesting, comparison, verdicts
from bayescale.reporting import page
from bayescale.reporting.asked import Asked, cells
from bayescale.sensitivity import priors, refits, single_runs, smallest

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit
    from bayescale.progress import Task


@dataclass(frozen=True)
class Absent:
    """What a report does not hold, and why.

    Parameters
    ----------
    why
        In words.
    error
        What went wrong, where something did.
    """

    why: str
    error: Exception | None = None


@dataclass(frozen=True, eq=False)
class Findings:
    """What the sections tell; each part may be :class:`Absent`.

    Parameters
    ----------
    forecast
        At the inputs asked for.
    comparison, verdict
        By leave-one-out, and in words.
    backtest
        Of the largest scales.
    priors
        :func:`bayescale.sensitivity_to_prior` of parameters and the furthest forecast.
    smallest, single
        The furthest forecast without the smallest runs, and without single ones.
    """

    forecast: Any
    comparison: Any
    verdict: Any
    backtest: Any
    priors: Any
    smallest: Any
    single: Any


#: Computing step to its words while it is under way, and the sections that need it.
STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "forecast": ("forecasting", ("summary", "forecast", "methods", "checklist")),
    "comparison": ("comparing laws", ("comparison", "checklist", "methods", "summary")),
    "backtest": ("backtest", ("backtest", "comparison", "checklist", "methods")),
    "verdict": ("putting the verdict in words", ("comparison",)),
    "priors": ("sensitivity to the priors", ("priors", "summary")),
    "smallest": ("without the smallest runs", ("rows",)),
    "single": ("without single runs", ("rows",)),
}


def found_for(asked: Asked, bar: Task) -> Findings:
    """Compute what the sections need, one after another.

    Parameters
    ----------
    asked
        What the report is to hold.
    bar
        Says what is under way; a step for each of :data:`STEPS`.
    """
    found: dict[str, Any] = {}
    for name, (words, needed_by) in STEPS.items():
        bar.update(f"Report: {words}")
        if set(needed_by) & set(asked.sections):
            found[name] = _tried(lambda name=name: _DO[name](asked, found))
        else:
            found[name] = Absent("it was not asked for")
        bar.update(advance=1)
    return Findings(**found)


def _tried(do: Callable[[], Any]) -> Any:
    """Return what a step finds, or what went wrong."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # numbers that overflow are shown
        warnings.simplefilter("ignore", UserWarning)  # ours and ArviZ's; the tables tell them
        try:
            return do()
        except Exception as error:  # whatever it is, the rest of the report is written
            return Absent("", error)


def _forecast(asked: Asked, found: dict[str, Any]) -> Any:
    return _copy(asked.fit).forecast(drift=asked.drift, **asked.where)


def _copy(fit: Fit) -> Fit:
    """Return the same fit with a tree of its own: a report changes nothing of the fit."""
    return replace(fit, tree=fit.tree.copy())


def _comparison(asked: Asked, found: dict[str, Any]) -> pd.DataFrame | Absent:
    if asked.table is not None:
        return asked.table
    if not asked.fits:
        return Absent(
            "No other law was given. A reader will ask for one: fit it to the same rows and pass "
            "compare={'name': other_fit}."
        )
    if not asked.quick and asked.left <= 0:
        return comparison.compare(asked.fits, repair=False, progress=False)
    return comparison.compare(asked.fits, repair=not asked.quick, progress=False)


def _backtest(asked: Asked, found: dict[str, Any]) -> Any:
    if asked.backtest is None:
        return Absent(
            "Nothing was held out. Leave-one-out tests interpolation alone: pass backtest=0.25, or "
            "what bs.backtest(...) returned."
        )
    if hasattr(asked.backtest, "points"):
        return asked.backtest
    if asked.quick:
        return Absent("It takes fits, which a quick report leaves out.")
    if asked.left <= 0:
        return Absent(_late(asked))
    fits: dict[str, Fit] = asked.fits or {asked.fit.name: asked.fit}
    share: Any = asked.backtest
    return backtesting.backtest_of_fits(fits, holdout=share, drift=asked.drift, progress=False)


def _verdict(asked: Asked, found: dict[str, Any]) -> Any:
    if not asked.fits or asked.fit.groups:
        return Absent("It is about several fits without groups.")
    if isinstance(found["comparison"], Absent):
        return found["comparison"]
    tested = found["backtest"]
    same = hasattr(tested, "points") and set(asked.fits) <= set(tested.points["law"])
    return verdicts.verdict(
        asked.fits,
        comparison=found["comparison"],
        backtest=tested if same else None,
        prob=asked.prob,
        progress=False,
    )


def _priors(asked: Asked, found: dict[str, Any]) -> pd.DataFrame:
    return priors.sensitivity_to_prior(asked.fit, **asked.furthest)


def _smallest(asked: Asked, found: dict[str, Any]) -> pd.DataFrame | Absent:
    """Refit without the smallest runs, the deepest cut first, for as long as there is time."""
    fit = asked.fit
    if len(fit.law.inputs) != 1:
        return Absent("Runs are cut off along one input, and this law has several.")
    if asked.quick:
        return Absent("It takes fits, which a quick report leaves out.")
    target, group = _target(asked)
    starts = smallest.cuts_tried(fit.law, fit.likelihood, fit.runs, None, group)
    if len(starts) < 2:
        return Absent("There are too few runs to leave any out.")
    plan, packed = _plan(asked, target)
    own = _own_draws(asked, plan)
    made = {starts[0]: refits.Refit(own, len(fit.runs), _problem(fit))}
    for start in _spread(starts[1:]):
        if asked.left <= 0:
            break
        (made[start],) = refits.forecasts_from(packed, [start])
    if len(made) < 2:
        return Absent(_late(asked))
    kept = sorted(made)
    table = smallest.by_cut(
        fit.law, fit.runs, plan.targets, kept, [made[s] for s in kept], "curve", asked.prob
    )
    table.attrs["left_out"] = len(starts) - len(kept)
    return table


def _single(asked: Asked, found: dict[str, Any]) -> pd.DataFrame:
    """Leave out single runs by weights; fit again without those that need it, if there is time."""
    fit, (target, _) = asked.fit, _target(asked)
    table = single_runs.sensitivity_to_rows(fit, repair=False, progress=False, **target)
    weak = table.loc[table["warning"].ne(""), "row"].tolist()
    if not weak or asked.quick or asked.left <= 0:
        return table
    began = time.monotonic()
    _, packed = _plan(asked, target)
    refits.forecasts_without(packed, weak[:1])
    if (time.monotonic() - began) * len(weak) > asked.left:
        return table
    return single_runs.sensitivity_to_rows(fit, progress=False, **target)


_DO: dict[str, Callable[[Asked, dict[str, Any]], Any]] = {
    "forecast": _forecast,
    "comparison": _comparison,
    "backtest": _backtest,
    "verdict": _verdict,
    "priors": _priors,
    "smallest": _smallest,
    "single": _single,
}


def _target(asked: Asked) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the furthest forecast, and of which group it is."""
    target = asked.furthest
    group = {column: target[column] for column in asked.fit.groups}
    return target, group or None


def _plan(asked: Asked, target: dict[str, Any]) -> tuple[refits.Plan, bytes]:
    import cloudpickle

    fit = asked.fit
    at: dict[str, Any] = {
        name: [value] if name in fit.groups else np.array([float(value)])
        for name, value in target.items()
    }
    plan = refits.Plan(fit.law, fit.likelihood, fit.settings, fit.runs, at, "curve")
    return plan, cloudpickle.dumps(plan)


def _spread(starts: list[float]) -> list[float]:
    """Return cuts so that few of them already span all: the last, then the middle, and so on."""
    order, parts = [starts[-1]], [starts[:-1]]
    while parts:
        part = parts.pop(0)
        if part:
            middle = len(part) // 2
            order.append(part[middle])
            parts += [part[:middle], part[middle + 1 :]]
    return order


def _own_draws(asked: Asked, plan: refits.Plan) -> np.ndarray:
    """Return draws of the same forecast by the fit itself, shape (draw, target)."""
    targets: dict[str, Any] = plan.targets
    made = _copy(asked.fit).forecast(drift=0.0, **targets)
    return made.draws(plan.of).reshape(-1, made.curve.shape[-1])


def _problem(fit: Any) -> str:
    return "" if fit.diagnostics.good else fit.diagnostics.line()


def _late(asked: Asked) -> str:
    return (
        f"The {asked.seconds:g} seconds for this report were over before it. Pass a larger "
        "seconds=."
    )


def first_group(asked: Asked) -> str:
    """Say of which group sensitivities are told, where there are several."""
    if not asked.fit.groups or len(cells(asked.fit)) < 2:
        return ""
    target = asked.furthest
    told = ", ".join(f"{column} {target[column]}" for column in asked.fit.groups)
    return f"Of {told}, the last group that is forecast here."


def absent(what: Any, name: str) -> str:
    """Return why something is not there, as a part of the page; nothing where it is there."""
    if not isinstance(what, Absent):
        return ""
    if what.error is not None:
        return page.failed(what.error, name)
    return page.paragraph(what.why, kind="missing")
