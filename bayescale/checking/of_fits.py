"""Checks of what a law is used for: simulate, refuse wrong runs, forecast, save, recover."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bayescale.checking.invented import invented_fit
from bayescale.checking.made_up import OUTCOME, table_for
from bayescale.checking.running import Failed, Skipped
from bayescale.checking.subject import Subject
from bayescale.data import observations
from bayescale.errors import BayescaleError
from bayescale.files import load
from bayescale.parameters import slots
from bayescale.registry import LAWS


def simulated_runs_follow_it(subject: Subject) -> None:
    """Runs that are simulated without noise lie on the curve."""
    found = subject.form().simulate(noise=0.0, y=OUTCOME, **subject.grid)[OUTCOME].to_numpy()
    if not np.allclose(found, subject.truth, rtol=1e-12):
        raise Failed("Simulated without noise, runs do not lie on the curve of the example.")


def wrong_runs_are_refused(subject: Subject) -> None:
    """Missing, infinite and non-positive inputs, text, and missing columns get our own errors."""
    law, likelihood = subject.law, subject.likelihood
    if subject.given is not None or likelihood.merges:
        raise Skipped("The runs were given, or are merged from several rows.")
    role = law.inputs[-1]
    table = table_for(law, likelihood)
    rows = table.columns.get_loc(role)
    for bad in (np.nan, np.inf, 0.0, -1.0):
        wrong = table.copy()
        wrong.iloc[3, rows] = bad
        _refused(lambda wrong=wrong: _checked(law, likelihood, wrong), f"{role} = {bad}", role)
    for bad in (np.nan, np.inf):
        wrong = table.copy()
        wrong.iloc[3, table.columns.get_loc(OUTCOME)] = bad
        _refused(lambda wrong=wrong: _checked(law, likelihood, wrong), f"y = {bad}", OUTCOME)
    words = table.astype({role: object})
    words.iloc[3, rows] = "many"
    _refused(lambda: _checked(law, likelihood, words), f"text in {role}", role)
    _refused(lambda: _checked(law, likelihood, table.drop(columns=role)), "a lost column", role)


def _checked(law: Any, likelihood: Any, table: Any) -> Any:
    roles = {role: role for role in law.inputs}
    run = None
    if likelihood.correlated and len(roles) > 1:
        run, table = "own run", table.assign(**{"own run": np.arange(len(table))})
    return observations(law, likelihood, table, OUTCOME, roles, run=run)


def _refused(call: Callable[[], Any], what: str, culprit: str) -> None:
    try:
        call()
    except BayescaleError as error:
        if culprit not in str(error):
            raise Failed(f"For {what} the message does not name {culprit!r}: {error}") from None
        return
    except Exception as error:
        raise Failed(f"For {what} it raises {type(error).__name__}: {error}") from None
    raise Failed(f"{what} is taken as if it were right. Is check() or prepared() overridden?")


def fits_forecast(subject: Subject) -> None:
    """A fit's forecast beyond its data has finite intervals in order, at every probability."""
    fit = invented_fit(subject.law, subject.likelihood, subject.runs)
    ends = {role: values.max() for role, values in subject.runs.inputs.items()}
    ahead: dict[str, Any] = {
        role: [end if role in subject.form.example_range else 10 * end]
        for role, end in ends.items()
    }
    made = fit.forecast(**ahead)
    if not np.isfinite(made.draws()).all():
        raise Failed("Forecasts at ten times the largest inputs have draws that are not finite.")
    row = made.interval(0.9).iloc[0]
    if not row["lower"] <= row["median"] <= row["upper"]:
        raise Failed(f"The interval is {row['lower']}, {row['median']}, {row['upper']}.")
    if not len(fit.summary()):
        raise Failed("The fit has an empty summary.")


def fits_survive_the_disk(subject: Subject) -> None:
    """A fit that is saved and loaded has the same law, draws and forecasts."""
    if LAWS.get(subject.name) is not subject.form:
        raise Failed(
            f"No law of the name {subject.name!r} is registered, or another one is, so that a "
            "saved fit could not be opened. Write @bs.law above the class, under a name of its own."
        )
    fit = invented_fit(subject.law, subject.likelihood, subject.runs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.nc"
        fit.save(path)
        back = load(path)
    if back.law != fit.law or back.likelihood != fit.likelihood:
        raise Failed(
            f"Saved as {fit.law!r} with {fit.likelihood!r}, it comes back as {back.law!r} with "
            f"{back.likelihood!r}. Fields may hold priors, numbers, text and tuples of these."
        )
    for name, value in fit.parameters.items():
        if not np.array_equal(np.asarray(value), np.asarray(back.parameters[name])):
            raise Failed(f"The draws of {name} are others after saving and loading.")


def recovers_what_made_the_runs(subject: Subject) -> None:
    """NUTS finds the parameters that made the runs, without divergences and with good R-hat."""
    if not subject.sample:
        raise Skipped("Samples with NUTS; ask for it by sample=True.")
    law, truth, runs = exact_runs(subject)
    fit = law.fit(
        runs, y="y", likelihood=subject.likelihood, retry=False, progress=False,
        **{role: role for role in law.inputs},
    )  # fmt: skip
    found = fit.diagnostics
    if not (found.rhat < 1.01 and found.divergences == 0 and found.ess_bulk > 400):
        raise Failed(
            f"On runs of its own the diagnostics are: {found.line()}. Parameters that runs cannot "
            "tell apart, or priors far from the data's scale, do this."
        )
    for name, value in truth.items():
        drawn = fit.parameters[name]
        parts = zip(drawn, value, strict=True) if isinstance(value, tuple) else [(drawn, value)]
        for draws, true in parts:
            low, high = np.quantile(draws, [0.025, 0.975])
            if not low <= true <= high:
                raise Failed(f"{name} is {true}; the fit's 95 % are {low:.4g} to {high:.4g}.")


def exact_runs(subject: Subject) -> tuple[Any, dict[str, Any], Any]:
    """Return a law, its true parameters, and runs of which these are the best estimate.

    Every input is seen twice, with opposite residuals, so the estimate itself has no noise. The
    inputs' geometric mean is 1, so that the fit's parameters are in the example's units.
    """
    import pandas as pd

    law = subject.law
    fixed = {s.field: s.value for s in slots(law) if s.prior is None and s.field == s.quantity}
    truth = {**subject.form.example, **fixed}
    inputs = {r: x / np.exp(np.log(x).mean()) for r, x in subject.form.example_inputs(100).items()}
    exact = subject.form.expr(**inputs, **truth)
    size = 0.003 * (np.abs(exact) if subject.likelihood.positive else np.abs(exact).mean())
    residual = size * np.random.default_rng(5).standard_normal(100)
    twice = {role: np.tile(x, 2) for role, x in inputs.items()}
    return (
        law,
        truth,
        pd.DataFrame({**twice, "y": np.concatenate([exact + residual, exact - residual])}),
    )
