"""Checks of the sampled density: the declared model in other coordinates, with its gradient."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from bayescale import input_errors, model, posterior
from bayescale.checking import uncompiled
from bayescale.checking.running import Failed
from bayescale.checking.subject import Subject
from bayescale.coordinates import split


def coordinates_invert(subject: Subject) -> None:
    """From coordinates to quantities and back is where it started."""
    coordinates, numbers = subject.coordinates, subject.numbers
    values, _ = coordinates.values(split(subject.point, coordinates.sizes), numbers)
    back = coordinates.invert(values, numbers)
    there = np.concatenate([np.ravel(back[name]) for name in coordinates.sizes])
    if not np.allclose(there, subject.point, atol=1e-9):
        raise Failed(
            f"From coordinates to quantities and back {subject.point.round(3).tolist()} become "
            f"{there.round(3).tolist()}. Is shape() the same for numbers and arrays?"
        )


def jacobian_is_right(subject: Subject) -> None:
    """The Jacobian from coordinates to quantities is the one that differences show."""
    coordinates, numbers = subject.coordinates, subject.numbers
    _, log_jacobian = coordinates.values(split(subject.point, coordinates.sizes), numbers)

    def flat(vector: np.ndarray) -> np.ndarray:
        values, _ = coordinates.values(split(vector, coordinates.sizes), numbers)
        return np.concatenate([np.ravel(values[slot.quantity]) for slot in coordinates.free])

    numeric = log_determinant(flat, subject.point)
    if not abs(float(log_jacobian) - numeric) < 1e-5:
        raise Failed(
            f"The log Jacobian is {float(log_jacobian):.8g}; differences show {numeric:.8g}."
        )


def log_determinant(
    function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, step: float = 1e-6
) -> float:
    """Return the log determinant of a function's slopes, from differences.

    Parameters
    ----------
    function
        From a vector to another of the same length.
    at
        Where.
    step
        To either side.

    Returns
    -------
    float
        Of the absolute determinant.
    """
    moves = step * np.eye(len(at))
    columns = [(function(at + move) - function(at - move)) / (2 * step) for move in moves]
    return float(np.linalg.slogdet(np.array(columns))[1])


def density_is_the_plain_model(subject: Subject) -> None:
    """The sampled density is PyMC's of the plain model, times the Jacobian."""
    sampled, declared, log_jacobian, _ = densities(subject)
    if not np.isclose(sampled, declared + log_jacobian, rtol=1e-9, atol=1e-6):
        raise Failed(
            f"The sampled log density is {sampled:.8g}; that of the plain model and the Jacobian "
            f"is {declared + log_jacobian:.8g}. A law whose formula or shape() differs between "
            "arrays and tensors, or a likelihood whose distribution() and log_density() differ, "
            "does this."
        )


def density_in_numpy_is_the_same(subject: Subject) -> None:
    """The density of draws, in numpy, is the one that is sampled."""
    sampled, _, _, in_numpy = densities(subject)
    if not np.isclose(sampled, in_numpy, rtol=1e-9, atol=1e-7):
        raise Failed(
            f"The sampled log density is {sampled:.8g}; numpy's of the same draw is "
            f"{in_numpy:.8g}. log_density() must be the density of what distribution() names."
        )


@lru_cache(maxsize=1)  # two checks ask for it, one after the other
def densities(subject: Subject) -> tuple[float, float, float, float]:
    """Return the log density four ways, at the subject's point.

    Parameters
    ----------
    subject
        What is checked.

    Returns
    -------
    sampled
        As it is compiled for the sampler.
    declared
        PyMC's of the plain model.
    log_jacobian
        From coordinates to quantities.
    in_numpy
        The sampled one from priors and likelihood by numpy.
    """
    law, likelihood, runs = subject.law, subject.likelihood, subject.runs
    coordinates, numbers = subject.coordinates, subject.numbers
    built = model.density(law, likelihood, numbers, runs).model()
    sampled = float(built.compile_logp(mode=uncompiled.mode())({"z": subject.point}))
    values, log_jacobian = coordinates.values(split(subject.point, coordinates.sizes), numbers)
    plain = model.plain(law, likelihood, runs)
    declared = float(
        plain.compile_logp(jacobian=False, mode=uncompiled.mode())(_point_of(plain, values))
    )
    natural, noise = coordinates.natural(values, numbers)
    curve = posterior.evaluate(law, natural, runs.inputs, runs.references)
    noise |= input_errors.told(
        likelihood, runs.by_run(likelihood.by_run), runs.inputs,
        lambda at: posterior.evaluate(law, natural, at, runs.references),
    )  # fmt: skip
    rows = likelihood.log_density(runs.outcome, curve, **noise)
    in_numpy = float(coordinates.log_prior(values, log_jacobian) + rows.sum())
    return sampled, declared, float(log_jacobian), in_numpy


def _point_of(plain: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return quantities as the plain model's value variables have them."""
    point = {}
    for variable in plain.free_RVs:
        value = np.asarray(values[variable.name])
        transform = plain.rvs_to_transforms[variable]
        name = plain.rvs_to_values[variable].name
        if transform is not None:
            value = transform.forward(value, *variable.owner.inputs).eval(mode=uncompiled.mode())
        point[name] = value
    return point


def gradient_is_the_slope(subject: Subject) -> None:
    """The gradient that NUTS follows is the slope of the density, in every coordinate."""
    density, gradient = _with_gradient(subject, subject.runs)
    found, step = gradient(subject.point), 1e-5
    for i, name in enumerate(_names(subject)):
        move = step * np.eye(len(subject.point))[i]
        slope = (density(subject.point + move) - density(subject.point - move)) / (2 * step)
        if not abs(found[i] - slope) < 1e-4 * (1 + abs(slope)):
            raise Failed(
                f"In the coordinate {name} the gradient is {found[i]:.6g}; differences show "
                f"{slope:.6g}. Steps and rounding have no gradient that NUTS could follow."
            )


def gradient_is_finite_at_the_start(subject: Subject) -> None:
    """Where sampling starts the gradient is finite and not zero, at usual and extreme inputs."""
    form, runs = subject.form, subject.runs
    extreme = {
        role: x if role in form.example_range else 1e13 * x**6.5
        for role, x in form.example_inputs(len(runs)).items()
    }
    known = {"group"} & set(runs.known or {})
    reaches = {"usual": runs}
    if not known and runs.run is None:  # groups and runs belong to their inputs
        reaches["extreme"] = dataclasses.replace(runs, inputs=extreme)
    for reach, at in reaches.items():
        _, gradient = _with_gradient(subject, at)
        found = gradient(np.zeros(len(subject.point)))
        bad = ~np.isfinite(found)
        if bad.any() or not np.abs(found).max() > 0:
            raise Failed(
                f"With {reach} inputs the gradient in {_names(subject)[int(np.argmax(bad))]} is "
                f"{found[np.argmax(bad)]} in the middle of the priors, where chains start. Powers "
                "of zero, logarithms of zero and overflow do this."
            )


def _names(subject: Subject) -> list[str]:
    """Return the coordinate that each number of a point is."""
    return [name for name, n in subject.coordinates.sizes.items() for _ in range(n or 1)]


def _with_gradient(subject: Subject, runs: Any) -> tuple[Callable, Callable]:
    """Return the sampled density and its gradient as functions of a point."""
    numbers = subject.coordinates.numbers(runs.references)
    built = model.density(subject.law, subject.likelihood, numbers, runs).model()
    (point,) = built.value_vars
    # Not compile_dlogp: its rewrites join sums of more operands than the Python mode can bear.
    gradient = uncompiled.function([point], uncompiled.gradient(built.logp(), point))
    density = built.compile_logp(mode=uncompiled.mode())
    return (lambda at: float(density({"z": at}))), gradient
