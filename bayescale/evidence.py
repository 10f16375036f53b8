"""The numbers that a verdict stands on: interpolation, extrapolation, and what breaks there are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import backtesting, breaks, comparison, forecasts, labelling
from bayescale.errors import LawError
from bayescale.free_scale import frozen
from bayescale.given import short
from bayescale.groups import refuse
from bayescale.parameters import slots
from bayescale.sensitivity.priors import sensitivity_to_prior

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit

#: A Savage-Dickey ratio is rough where less of the posterior lies on the far side of zero.
ROUGH = 0.01
#: Draws of the prior for the density at zero, and for what is practically zero beforehand.
PRIOR_DRAWS = 8000


@dataclass(frozen=True, eq=False)
class Evidence:
    """All the numbers, before any word.

    Parameters
    ----------
    fits
        Name to fit.
    comparison
        The table of :func:`bayescale.compare`.
    backtest
        What was held out, or None.
    held_out, breaks
        As :class:`bayescale.Verdict` has them.
    none
        Broken law to the probability that none of its breaks counts.
    rope, prob
        What is practically zero, and the probability of intervals.
    """

    fits: dict[str, Fit]
    comparison: pd.DataFrame
    backtest: Backtest | None
    held_out: Any
    breaks: Any
    none: dict[str, float]
    rope: float
    prob: float

    @property
    def conditional(self) -> bool:
        """Whether a row's density is given those before it, and single rows were left out."""
        whole_runs = self.comparison.attrs.get("by") == "run"
        return not whole_runs and any(comparison.conditional(fit) for fit in self.fits.values())

    @property
    def sides(self) -> dict[str, str]:
        """The side that each law is on: broken or not; its own where all are alike."""
        kinds = {name: _is_broken(fit) for name, fit in self.fits.items()}
        if len(set(kinds.values())) == 1:
            return {name: name for name in kinds}
        labels = {}
        for kind, word in ((True, "broken"), (False, "unbroken")):
            names = [name for name, found in kinds.items() if found == kind]
            labels[kind] = names[0] if len(names) == 1 else f"the {word} laws ({listed(names)})"
        return {name: labels[kind] for name, kind in kinds.items()}


def evidence_on(
    fits: Any,
    backtest: Backtest | None,
    table: pd.DataFrame | None,
    held: tuple[Any, Any],
    rope: float,
    prob: float,
    who: dict[str, Any],
) -> Evidence:
    """Check what a verdict was given, and gather all its numbers.

    Parameters
    ----------
    fits, backtest, rope, prob
        As for :func:`bayescale.verdict`.
    table
        The comparison, if it is there already.
    held
        How much to hold out, and from how many cut-offs.
    who
        Who fits, and whether progress is shown: arguments of :func:`bayescale.compare`.

    Returns
    -------
    Evidence
        Numbers, no words.
    """
    import pandas as pd

    holdout, cutoffs = held
    comparison.check_same_rows(fits)
    forecasts.check_probability(prob)
    if isinstance(rope, bool) or not isinstance(rope, int | float) or not 0 < rope < 1:
        raise LawError(
            f"rope= must be a share of the exponent between 0 and 1, such as 0.1; "
            f"got {short(rope)}."
        )
    if backtest is not None:
        if holdout is not None:
            raise LawError("Give backtest= or holdout=, not both: a backtest has held out already.")
        refuse(backtest.groups, "verdict()", "Take one group of the backtest: backtest.at(...).")
        comparison.check_backtest(fits, backtest)
    if table is None:
        table = comparison.compare(fits, **who)
    elif not hasattr(table, "columns") or not hasattr(table, "iloc"):
        raise LawError(f"comparison= takes what bs.compare(fits) returned; got {short(table)}.")
    elif set(table.index) != set(fits):
        raise LawError(
            f"The comparison is of {listed(list(table.index))}, the fits are "
            f"{listed(list(fits))}: give bs.compare(fits) of these fits."
        )
    if holdout is not None:
        backtest = backtesting.backtest_of_fits(fits, holdout=holdout, cutoffs=cutoffs, **who)
    found, none = [], {}
    for name, fit in fits.items():
        if _is_broken(fit):
            rows, none[name] = _breaks_of(fit, rope, prob)
            found.append(pd.concat({name: rows}, names=["law"]))
    return Evidence(
        dict(fits), table, backtest,
        None if backtest is None else _held_out(backtest, list(table.index)),
        pd.concat(found) if found else None, none, rope, prob,
    )  # fmt: skip


def _is_broken(fit: Fit) -> bool:
    return "exponent_change" in fit.parameters


def _held_out(backtest: Backtest, names: list[str]) -> pd.DataFrame:
    """Return scores by law and cut-off, and paired differences to the best law."""
    import pandas as pd

    points = backtest.points
    by_law: dict[str, Any] = {name: points[points["law"] == name] for name in names}
    means = {n: rows.groupby("cutoff")["log_score"].mean().mean() for n, rows in by_law.items()}
    best = by_law[max(means, key=lambda name: means[name])]
    found = {}
    for name, rows in by_law.items():
        each = []
        for cutoff in backtest.cutoffs:
            here, there = (part[part["cutoff"] == cutoff] for part in (rows, best))
            row: dict[str, float] = {"points": len(here)}
            for score in ("log_score", "crps"):
                values = here[score].to_numpy(float)
                row |= {score: values.mean()}
                row |= _difference(score, values - there[score].to_numpy(float))
            found[name, cutoff] = row
            each.append(row)
        total: dict[str, float] = {"points": sum(int(row["points"]) for row in each)}
        for score in ("log_score", "crps"):
            total[score] = float(np.mean([row[score] for row in each]))
            total |= _difference(score, np.array([row[f"{score}_diff"] for row in each]))
        found[name, "mean"] = total
    index = pd.MultiIndex.from_tuples(list(found), names=["law", "cutoff"])
    table = pd.DataFrame(list(found.values()), index=index)
    table["points"] = table["points"].astype(int)
    return table


def _difference(score: str, values: np.ndarray) -> dict[str, float]:
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {f"{score}_diff": float(values.mean()), f"{score}_se": float(error)}


def _breaks_of(fit: Fit, rope: float, prob: float) -> tuple[pd.DataFrame, float]:
    """Return what is known of each break, and the probability that there is none."""
    import pandas as pd

    changes, sizes = _changes(fit.parameters)
    prior = fit.law.prior_draws(fit.runs.references, PRIOR_DRAWS, seed=fit.settings.seed)
    prior_changes, prior_sizes = _changes(prior)
    leans = _leans(fit)
    bends = _bends(fit)
    levels = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    before = fit.parameters["exponent"]
    rows, zero = [], []
    for i, (change, size) in enumerate(zip(changes, sizes, strict=True)):
        zero.append(np.abs(change) < rope * size)
        middle, low, high = np.quantile(change, levels)
        bend = np.quantile(bends[i], levels) if bends else np.full(3, math.nan)
        with np.errstate(all="ignore"):
            smallest = bends[i] * rope * size / np.abs(change) if bends else np.array(math.nan)
        bf10, note = _bayes_factor(fit, i)
        rows.append(
            {
                "change": middle,
                "lower": low,
                "upper": high,
                "before": float(np.median(before)),
                "p_zero": float(zero[-1].mean()),
                "p_zero_prior": float((np.abs(prior_changes[i]) < rope * prior_sizes[i]).mean()),
                "bf10": bf10,
                "bf_note": note,
                "prior_sensitivity": leans[i][0],
                "likelihood_sensitivity": leans[i][1],
                "bend": bend[0],
                "bend_lower": bend[1],
                "bend_upper": bend[2],
                "bend_at_rope": float(np.nanmedian(smallest)) if bends else math.nan,
            }
        )
        before = before + change
    index = pd.RangeIndex(1, len(rows) + 1, name="break")
    return pd.DataFrame(rows, index=index), float(np.all(zero, axis=0).mean())


def _changes(parameters: Mapping[str, Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return each change of exponent, and the larger of the exponents beside it."""
    changes = [np.asarray(change) for change in parameters["exponent_change"]]
    before, sizes = np.asarray(parameters["exponent"]), []
    for change in changes:
        sizes.append(np.maximum(np.abs(before), np.abs(before + change)))
        before = before + change
    return changes, sizes


def _leans(fit: Fit) -> list[tuple[float, float]]:
    """Return how far each change of exponent leans on the prior and on the runs."""
    count = len(fit.parameters["exponent_change"])
    if "log_likelihood" not in fit.tree:
        return [(math.nan, math.nan)] * count
    table = sensitivity_to_prior(fit)
    names = [f"exponent_change[{i + 1}]" for i in range(count)]
    known = table.reindex(names)[["prior", "likelihood"]]
    return [(float(a), float(b)) for a, b in known.to_numpy()]


def _bends(fit: Fit) -> list[np.ndarray]:
    """Return the bend by each break at the largest input, over the noise there, draw by draw.

    The noise is half the central 68 % of log new run less log curve, whatever the likelihood.
    """
    (role,) = fit.law.inputs
    at = {role: np.array([fit.runs.references[f"{role}_end"]])}
    curve = fit.curve_draws(at)
    new = fit.new_run_draws(curve)[..., 0]
    curve, floor = curve[..., 0], np.asarray(fit.parameters["irreducible"])
    with np.errstate(all="ignore"):
        low, high = np.nanquantile(np.log(new / curve), [0.1587, 0.8413])
        noise = 0.5 * (high - low) * curve / (curve - floor)
        if not np.isfinite(noise).all() or (noise <= 0).any():
            return []
        drawn = breaks.break_detectability(fit, at[role], sigma=1.0).draws
        return [drawn[..., i] / noise for i in range(drawn.shape[-1])]


def _bayes_factor(fit: Fit, number: int) -> tuple[float, str]:
    """Return the Savage-Dickey ratio of a change against none, and what limits it, in words.

    It is taken on the quantity that carries the prior, which is zero where the change is: there
    the priors of all else stay what they are, as the ratio demands.
    """
    import arviz as az
    import xarray as xr

    slot = next(slot for slot in slots(fit.law) if slot.field == "exponent_change")
    if slot.prior is None:
        return math.nan, "the change is held at a number"
    low, high = slot.prior.support
    if not low < 0 < high:
        return math.nan, f"the prior on {slot.quantity} leaves no room about zero"
    drawn = labelling.unlabelled(fit.tree["posterior"].to_dataset(), [slot.quantity])
    value = drawn[slot.quantity]
    change = value[number] if isinstance(value, tuple) else value
    beyond = float(min((change > 0).mean(), (change < 0).mean()))
    if beyond == 0:
        return (
            math.nan,
            f"no draw of {change.size} lies beyond zero, so the density there is unknown",
        )
    rng = np.random.default_rng([fit.settings.seed, 31])
    before = frozen(slot).rvs(size=(1, PRIOR_DRAWS), random_state=rng)
    dims = ("chain", "draw")
    groups = {"posterior": xr.Dataset({"change": (dims, change)})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the ranges were looked at above
        try:
            found: Any = az.bayes_factor(
                xr.DataTree.from_dict(groups), "change", ref_vals=0,
                prior=xr.Dataset({"change": (dims, before)}),
            )  # fmt: skip
        except ValueError:
            return math.nan, "the density at zero could not be estimated from draws"
    note = "zero lies in the posterior's tail: an order of magnitude" if beyond < ROUGH else ""
    return float(found["change"].sel(bf_type="BF10")), note


def table(found: Evidence) -> pd.DataFrame:
    """Return a row for each law, as :class:`bayescale.Verdict` has it."""
    columns = ["elpd_diff", "dse", "p_worse", "diag_diff", "diag_elpd"]
    table = found.comparison.reindex(columns=columns)
    names = list(table.index)
    scores = ["log_score", "log_score_diff", "log_score_se", "crps", "crps_diff", "crps_se"]
    for score in scores:
        table[score] = math.nan
        if found.held_out is not None:
            table[score] = [found.held_out.loc[(name, "mean"), score] for name in names]
    table["coverage_90"] = math.nan
    if found.backtest is not None:
        table["coverage_90"] = found.backtest.table.loc[names, "coverage_90"].to_numpy(float)
    table["p_no_break"] = [found.none.get(name, math.nan) for name in names]
    for column in ("bf10", "prior_sensitivity", "bend"):
        table[column] = [
            math.nan if name not in found.none else _foremost(found, name)[column] for name in names
        ]
    return table.rename_axis("law")


def _foremost(found: Evidence, name: str) -> Any:
    """Return the row of the break that bends the curve most."""
    assert found.breaks is not None
    rows = found.breaks.loc[name]
    return rows.iloc[int(np.argmax(rows["bend"].fillna(0.0).to_numpy(float)))]


def listed(names: Sequence[str]) -> str:
    """Return names as one would say them: a, b and c."""
    *most, last = map(str, names or ["nothing"])
    return f"{', '.join(most)} and {last}" if most else last
