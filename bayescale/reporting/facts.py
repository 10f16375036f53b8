"""What a fit knows of the questions on the checklist, in words."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import starts
from bayescale.parameters import column_names, parameter_names, slots
from bayescale.tables import number

if TYPE_CHECKING:
    from bayescale.fitting import Fit
    from bayescale.reporting.asked import Asked
    from bayescale.reporting.findings import Findings


def known(asked: Asked, found: Findings) -> dict[str, str]:
    """Return answers that the fit gives in full, by question."""
    fit = asked.fit
    answers = {
        "form": f"{fit.name}: {fit.law.formula}",
        "variables": f"{fit.runs.outcome_column} as a function of {inputs_in_words(fit)}.",
        "parameters": parameters_in_words(fit),
        "assumptions": assumptions_in_words(fit, asked.drift),
        "sizes": ", ".join(range_of(fit, role) for role in fit.law.inputs) + ".",
        "objective": (
            "The posterior density: the priors of this report times the likelihood "
            f"{fit.likelihood.label}"
            + (" (noise on the log scale)." if fit.likelihood.on_logs else ".")
        ),
        "algorithm": f"{sampler_in_words(fit)}; {fit.engine}.",
        "settings": settings_in_words(fit),
        "initialisation": initialisation_in_words(fit),
        "uncertainty": (
            f"Posterior draws of everything: intervals of {asked.prob * 100:g} %, equal-tailed, "
            "of parameters, curve and new runs. Diagnostics of the draws: "
            f"{fit.diagnostics.line()}."
        ),
        "fitting_code": f"bayescale {version('bayescale')}, {versions_in_words()}.",
    }
    tested = _validation(asked, found)
    return answers | ({"validation": tested} if tested else {})


def partly(asked: Asked) -> dict[str, str]:
    """Return what the fit knows of questions that only the authors can answer in full."""
    fit = asked.fit
    runs = fit.runs
    count = "all of one training run" if runs.run is None else f"of {_named_runs(fit)} runs"
    answers = {
        "runs": f"{len(runs)} rows{'' if runs.run is None else f' {count}'}.",
        "metric": f"The column {runs.outcome_column!r}"
        + ("." if runs.ceiling is None else f", with a ceiling of {runs.ceiling:g}."),
        "rows_used": f"All {len(runs)} rows of the fit's table are used.",
    }
    if runs.run is not None and not np.array_equal(runs.run, runs.cells):
        each = np.unique(runs.run, return_counts=True)[1]
        answers["checkpoints"] = (
            f"{_named_runs(fit)} runs are named, with {each.min()} to {each.max()} rows each."
        )
    given = [
        f"{name} = {getattr(fit.likelihood, name)!r}"
        for name in column_names(fit.likelihood)
        if getattr(fit.likelihood, name) is not None
    ]
    if given:
        answers["transformation"] = f"The noise was told: {', '.join(given)}."
    return answers


def _named_runs(fit: Fit) -> int:
    return 1 if fit.runs.run is None else len(np.unique(fit.runs.run))


def _validation(asked: Asked, found: Findings) -> str:
    """Say how the law was tested; empty where it was not."""
    words = []
    if hasattr(found.backtest, "points"):
        table, points = found.backtest.table, found.backtest.points
        held = len(points[points["law"] == points["law"].iloc[0]])
        inside = ", ".join(
            f"{name} {100 * share:.0f} %" for name, share in table["coverage_90"].items()
        )
        words.append(
            f"The largest scales held out and forecast ({held} points): inside the 90 % interval "
            f"were {inside}."
        )
    if hasattr(found.comparison, "columns"):
        words.append("Leave-one-out against other laws (interpolation).")
    return " ".join(words)


def inputs_in_words(fit: Fit) -> str:
    """Return the inputs' columns."""
    said = [
        column if role in ("x", column) else f"{column} ({role})"
        for role, column in fit.runs.columns.items()
    ]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def range_of(fit: Fit, role: str) -> str:
    """Return an input's range: ``examples from 10 to 1347``."""
    values = fit.runs.inputs[role]
    return f"{fit.runs.columns[role]} from {number(values.min())} to {number(values.max())}"


def parameters_in_words(fit: Fit) -> str:
    """Return what is fitted and what is fixed."""
    every = [*slots(fit.law), *slots(fit.likelihood)]
    free = [slot.field for slot in every if slot.prior is not None]
    fixed = [f"{slot.field} = {slot.value}" for slot in every if slot.prior is None]
    return f"Fitted: {', '.join(free) or 'none'}. Fixed: {', '.join(fixed) or 'none'}."


def assumptions_in_words(fit: Fit, drift: float) -> str:
    """Return what law and noise assume."""
    words = ["The curve can only fall." if fit.law.only_falls else "The curve may rise and fall."]
    if "irreducible" in parameter_names(fit.law):
        floor = next(slot for slot in slots(fit.law) if slot.field == "irreducible")
        words.append(
            f"The irreducible loss is fixed at {floor.value}."
            if floor.prior is None
            else "There is an irreducible loss, which is fitted."
        )
    noise = fit.likelihood
    words.append(
        f"Noise: {noise.label}"
        + (", in proportion to the loss" if noise.on_logs else "")
        + (", correlated along each run." if noise.correlated else ", independent between rows.")
    )
    if fit.groups:
        words.append(f"Groups by {', '.join(map(repr, fit.groups))}.")
    words.append(
        f"Beyond the data exponents may drift (scale {drift:g})."
        if drift
        else "Beyond the data the law holds as it stands."
    )
    return " ".join(words)


def sampler_in_words(fit: Fit) -> str:
    """Return who sampled."""
    return f"The No-U-Turn sampler of {sampler(fit)}, {fit.settings.chains} chains"


def sampler(fit: Fit) -> str:
    """Return the name of the package that sampled."""
    return "nutpie" if fit.settings.sampler == "nutpie" else "PyMC"


def settings_in_words(fit: Fit) -> str:
    """Return how it was sampled."""
    how = fit.settings
    return (
        f"{how.tune} tuning steps and {how.draws} kept draws a chain, target acceptance "
        f"{how.target_accept:g}, seed {how.seed}."
        + (f" {' '.join(note + '.' for note in fit.notes)}" if fit.notes else "")
    )


def initialisation_in_words(fit: Fit) -> str:
    """Return where chains start."""
    if fit.settings.sampler != "nutpie" or fit.groups:
        return "At random places about the prior; chains that disagree show in R-hat."
    return (
        f"In the modes that climbs from up to {starts.CLIMBS} points about the prior find, each "
        f"that holds {starts.LEAST * 100:g} % or more of the mass by Laplace's approximation. The "
        "posterior does not depend on it, if chains agree (R-hat)."
    )


def versions_in_words() -> str:
    """Return the versions of what did the work."""
    names = {"pymc": "PyMC", "nutpie": "nutpie", "arviz": "ArviZ"}
    return ", ".join(f"{shown} {version(name)}" for name, shown in names.items())


def prior_rows(fit: Fit) -> list[dict[str, Any]]:
    """Return the noise's priors as the law's table has them."""
    rows = []
    for slot in slots(fit.likelihood):
        low, high = (
            (slot.value, slot.value)
            if slot.prior is None
            else tuple(float(q) for q in slot.prior.frozen().ppf([0.025, 0.975]))
        )
        rows.append(
            {
                "parameter": f"{slot.field} (noise)",
                "on": slot.quantity,
                "prior": f"fixed at {slot.value}" if slot.prior is None else slot.prior.describe(),
                "low": low,
                "high": high,
            }
        )
    return rows
