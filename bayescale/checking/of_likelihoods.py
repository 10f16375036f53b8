"""Checks of a likelihood: its density is PyMC's and a density, and its draws follow it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale import input_errors, posterior
from bayescale.checking import uncompiled
from bayescale.checking.invented import invented_fit
from bayescale.checking.running import Failed, Skipped
from bayescale.checking.subject import Subject
from bayescale.coordinates import split

#: Draws that are held to the density.
DRAWS = 4000
#: Below this p-value draws are not of the density: one in a million good likelihoods fails.
P_VALUE = 1e-6


def _known(subject: Subject) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Return the curve of one draw, the noise's parameters, and what it knows of each row."""
    middle = split(np.zeros(len(subject.point)), subject.coordinates.sizes)
    values, _ = subject.coordinates.values(middle, subject.numbers)
    natural, noise = subject.coordinates.natural(values, subject.numbers)
    runs = subject.runs

    def curve_at(at: Any) -> np.ndarray:
        return posterior.evaluate(subject.law, natural, at, runs.references)

    by_row = input_errors.told(
        subject.likelihood, runs.by_run(subject.likelihood.by_run), runs.inputs, curve_at
    )
    return curve_at(runs.inputs), noise, by_row


def _of_new_rows(subject: Subject) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Return the same of rows that are whole numbers of y: neither rounded nor capped."""
    curve, noise, by_row = _known(subject)
    exact = {n: v for n, v in by_row.items() if n not in ("lower", "upper")}
    return curve, noise, exact


def noise_is_pymcs(subject: Subject) -> None:
    """The density of every row is the one that PyMC has for the same distribution."""
    import pymc as pm
    import pytensor.tensor as pt

    curve, noise, by_row = _known(subject)
    likelihood, y = subject.likelihood, subject.runs.outcome
    with pm.Model() as built:
        given = pt.constant(np.asarray(curve))
        likelihood.observe("y", given, observed=y, **noise, **by_row)
    (by_pymc,) = built.compile_logp(sum=False, mode=uncompiled.mode())({})
    mine = likelihood.log_density(y, curve, **noise, **by_row)
    if not np.isfinite(mine).all():
        row = int(np.argmax(~np.isfinite(mine)))
        raise Failed(f"The log density of row {row} is {mine[row]} in the middle of the priors.")
    if np.shape(mine) != y.shape or not np.allclose(np.sum(mine), np.sum(by_pymc), rtol=1e-7):
        raise Failed(
            f"log_density() adds to {np.sum(mine):.8g}; PyMC's observed variable has "
            f"{np.sum(by_pymc):.8g}. Both must be of y in its own units: a density of log y lacks "
            "1 / y."
        )


def noise_draws_are_right(subject: Subject) -> None:
    """Draws are finite, of the curve's shape, the same with the same generator, and of support."""
    curve, noise, by_row = _of_new_rows(subject)
    likelihood = subject.likelihood
    wide = np.broadcast_to(curve, (3, len(curve)))
    each = {n: np.broadcast_to(v, 3)[:, None] for n, v in noise.items()}
    drawn = [likelihood.draw(np.random.default_rng(4), wide, **each, **by_row) for _ in "ab"]
    if np.shape(drawn[0]) != wide.shape:
        raise Failed(f"Draws about a curve of shape {wide.shape} have shape {np.shape(drawn[0])}.")
    if not np.array_equal(*drawn):
        raise Failed(
            "The same generator gives other draws. Use rng, and nothing else that is random."
        )
    if not np.isfinite(drawn[0]).all() or (likelihood.positive and not (drawn[0] > 0).all()):
        raise Failed("Draws are not finite, or not positive where outcomes must be.")
    density = likelihood.log_density(drawn[0], wide, **each, **by_row)
    if not np.isfinite(density).all():
        raise Failed("The log density of the likelihood's own draws is not finite.")
    apart = likelihood.standardised(drawn[0], wide, **each, **by_row)
    if np.shape(apart) != wide.shape or not np.isfinite(apart).all():
        raise Failed(
            "standardised() of the likelihood's own draws is not finite, or of another shape."
        )


def noise_adds_to_one(subject: Subject) -> None:
    """The density of a new row adds to one over all outcomes."""
    curve, noise, by_row = _first_row(subject)
    grid, weight = _outcomes(subject, curve, noise, by_row)
    total = (weight * _density(subject, grid, curve, noise, by_row)).sum()
    if not abs(total - 1) < 5e-3:
        raise Failed(
            f"The density of a row adds to {total:.4g} over all outcomes. It must be normalized, "
            "and of y in its own units."
        )


def noise_draws_follow_the_density(subject: Subject) -> None:
    """Draws have the distribution that the density describes."""
    from scipy import stats

    curve, noise, by_row = _first_row(subject)
    likelihood = subject.likelihood
    grid, weight = _outcomes(subject, curve, noise, by_row)
    density = weight * _density(subject, grid, curve, noise, by_row)
    at = np.full((DRAWS, 1), curve[0])
    rng = np.random.default_rng(0)
    drawn = likelihood.draw(rng, at, **noise, **by_row).ravel()
    if _counts(subject):
        place = np.searchsorted(grid, drawn - 1e-9)
        seen = np.bincount(np.clip(place, 0, len(grid) - 1), minlength=len(grid))
        often = density * DRAWS > 5
        expected, found = density[often] * DRAWS, seen[often]
        p = stats.chi2.sf(((found - expected) ** 2 / expected).sum(), max(often.sum() - 1, 1))
    else:
        below = np.interp(drawn, grid, np.cumsum(density) - density / 2)
        p = stats.kstest(below, "uniform").pvalue
    if p < P_VALUE:
        raise Failed(
            f"{DRAWS} draws do not follow log_density() (p = {p:.2g}). One of both is wrong."
        )


def _first_row(subject: Subject) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Return a row whose density is not conditional on others: the first of them."""
    if subject.likelihood.merges:
        raise Skipped("A row's density holds what the sums of many evaluations say.")
    curve, noise, by_row = _of_new_rows(subject)
    return curve[:1], noise, {name: value[:1] for name, value in by_row.items()}


def _density(
    subject: Subject,
    grid: np.ndarray,
    curve: np.ndarray,
    noise: dict[str, Any],
    by_row: dict[str, Any],
) -> np.ndarray:
    """Return the density of one row at many outcomes: each of them alone."""
    alone = grid[:, None]
    return np.exp(subject.likelihood.log_density(alone, curve, **noise, **by_row))[:, 0]


def _counts(subject: Subject) -> bool:
    """Return whether outcomes are shares of a number of trials."""
    return "trials" in subject.likelihood.by_run


def _outcomes(
    subject: Subject, curve: np.ndarray, noise: dict[str, Any], by_row: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes that cover all that a row may be, and the weight of each in an integral."""
    if _counts(subject):
        trials = int(by_row["trials"][0])
        return np.arange(trials + 1) / trials, np.full(trials + 1, 1 / trials)
    rng = np.random.default_rng(1)
    drawn = subject.likelihood.draw(rng, np.full((DRAWS, 1), curve[0]), **noise, **by_row)
    low, high = drawn.min(), drawn.max()
    if subject.likelihood.positive:
        logs = np.linspace(
            np.log(low) - 3 * np.log(high / low), np.log(high) + 3 * np.log(high / low), 200_001
        )
        grid = np.exp(logs)
        return grid, np.gradient(grid)
    grid = np.linspace(low - 3 * (high - low), high + 3 * (high - low), 200_001)
    return grid, np.gradient(grid)


def rows_are_what_the_whole_is(subject: Subject) -> None:
    """The density of some rows is that of the same rows among all."""
    fit = invented_fit(subject.law, subject.likelihood, subject.runs)
    runs = subject.runs
    cut = len(runs) // 3
    parts = [
        posterior.log_likelihood(fit.law, fit.likelihood, runs, fit.parameters, fit.noise, part)
        for part in (slice(0, cut), slice(cut, cut + 1), slice(cut + 1, None))
    ]
    whole = posterior.log_likelihood(fit.law, fit.likelihood, runs, fit.parameters, fit.noise)
    if not np.allclose(np.concatenate(parts, axis=-1), whole, rtol=1e-9, atol=1e-9):
        raise Failed(
            "Rows have another density by themselves than among all. log_density() may not "
            "mix rows, unless correlated or grouped says so."
        )


def says_its_priors(subject: Subject) -> None:
    """The likelihood prints its parameters with their priors, and what it reads of each row."""
    printed = str(subject.likelihood)
    if subject.likelihood.label not in printed:
        raise Failed("print(likelihood) does not name it.")
    for name in subject.likelihood.columns:
        if f"  {name}=" not in printed:
            raise Failed(f"print(likelihood) does not say what {name}= means.")
