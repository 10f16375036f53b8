"""What of a fit is checked: parameters, populations, and the curve at the data's end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import input_errors, labelling, posterior, prior_draws
from bayescale.coordinates import Coordinates
from bayescale.diagnostics import (
    DIVERGENT,
    Diagnostics,
    contraction,
    diagnose,
    neighbour_correlation,
)
from bayescale.observed import Observations
from bayescale.parameters import parameter_names, primitives

if TYPE_CHECKING:
    import xarray as xr

#: Where it is looked whether a law is a number: draws from its priors, and rows.
_PRIOR_DRAWS, _FEW_ROWS = 400, 50


def diagnosed(law: Any, likelihood: Any, runs: Observations, draws: posterior.Draws) -> Diagnostics:
    """Return the diagnostics of draws."""
    return diagnosed_parts(
        law,
        likelihood,
        runs,
        draws.parameters | draws.noise,
        draws.quantities,
        draws.stats,
        draws.pareto_k,
    )


def diagnosed_parts(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: dict[str, Any],
    quantities: Any,
    stats: xr.Dataset,
    pareto_k: float | None,
) -> Diagnostics:
    """Diagnose parameters, and the forecast at the largest input and at ten times it."""
    only = {name: parameters[name] for name in parameter_names(law)}
    coordinates = Coordinates(law, likelihood, runs.groups)
    checked = {
        **labelling.named_by_level(runs, parameters),
        **labelling.named({name: quantities[name] for name in populations(coordinates)}),
        **{
            f"the {name}": curve
            for name, curve in labelling.named_by_level(runs, at_the_ends(law, runs, only)).items()
        },
    }
    shares = {}
    for slot in coordinates.declared:
        if slot.prior is None or slot.field not in ("irreducible", "break_location"):
            continue
        watched = primitives(slot)[0]
        value = {watched.quantity: quantities[watched.quantity]}
        labels = {}
        if watched.by and runs.groups is not None:
            labels[watched.quantity] = runs.groups.labels(watched.by)
        every = labelling.named(value, labels)
        shares |= {label: contraction(watched, part) for label, part in every.items()}
    free_breaks = getattr(law, "placement", None) == "free"
    noise = {name: parameters[name] for name in parameter_names(likelihood)}
    misfit = _misfit(law, likelihood, runs, only, noise)
    diverged = float(stats["diverging"].mean()) > DIVERGENT
    undefined = _undefined(law, runs) if diverged else 0.0
    return diagnose(checked, stats, shares, pareto_k, free_breaks, misfit, undefined)


def _undefined(law: Any, runs: Observations) -> float:
    """Return at which share of what the priors allow a law is no number at these runs."""
    drawn = prior_draws.prior_draws(law, runs.references, _PRIOR_DRAWS, seed=0)
    inputs = {role: values[:_FEW_ROWS] for role, values in runs.inputs.items()}
    with np.errstate(all="ignore"):
        curve = posterior.evaluate(law, drawn, inputs, runs.references)
    return float(np.isnan(curve).any(-1).mean())


def at_the_ends(law: Any, runs: Observations, parameters: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the curve at the largest inputs and at ten times them, in modelled units."""
    ends = {role: runs.references[f"{role}_end"] * np.array([1.0, 10.0]) for role in law.inputs}
    curve = posterior.evaluate(law, parameters, ends, runs.references)
    places = "curve at the largest input", "curve at ten times the largest input"
    return {name: curve[..., i] for i, name in enumerate(places)}


def _misfit(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: dict[str, Any],
    noise: dict[str, Any],
) -> float:
    """Return how alike the residuals of neighbouring runs are, about the median curve.

    Of correlated noise, those residuals that it does not expect.
    """
    if len(runs.inputs) != 1:
        return float("nan")
    curve = posterior.median_curve(law, parameters, runs)
    with np.errstate(all="ignore"):
        middle = {
            name: np.median(value, axis=(-1, -2))
            if runs.cell is None
            else np.median(value, axis=(-1, -2))[runs.cells]
            for name, value in noise.items()
        }
        by_run = input_errors.told(
            likelihood,
            runs.by_run(likelihood.by_run),
            runs.inputs,
            lambda at: posterior.median_curve(law, parameters, replace(runs, inputs=at)),
        )
        known = middle | by_run
        if likelihood.correlated:
            if not likelihood.whitens:
                return float("nan")
            logs = np.log(runs.outcome) - np.log(curve)
            residuals, _ = likelihood.whitened(logs, **known)
        else:
            residuals = likelihood.residual(runs.outcome, curve, **known)
    (x,) = runs.inputs.values()
    found = [
        neighbour_correlation(x[c == runs.cells], residuals[c == runs.cells])
        for c in set(runs.cells.tolist())
    ]
    known = [one for one in found if not np.isnan(one)]
    return float(np.mean(known)) if known else float("nan")


def populations(coordinates: Coordinates) -> list[str]:
    """Return the populations and spreads of what is pooled, where they have priors."""
    found = []
    for slot in coordinates.declared:
        if slot.pooled:
            found += [
                part.quantity for part in primitives(slot) if part.prior is not None and not part.by
            ]
    return found
