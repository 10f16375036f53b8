"""Description and data become PyMC models; nothing else creates PyMC variables.

``plain`` is the generative model that users see: every prior and the observed outcome by name.
``density`` is the same posterior in the sampler's coordinates, with every number as data, so that
one compilation serves other runs and other prior numbers. ``collapsed_density`` has floor and
level integrated out (collapse.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse
from bayescale.coordinates import Coordinates, fixed_values, split
from bayescale.data import Observations
from bayescale.parameters import Slot

if TYPE_CHECKING:
    import pymc as pm

OUTCOME = "y"


def plain(law: Any, likelihood: Any, runs: Observations) -> pm.Model:
    """Return the generative model of the runs.

    Parameters
    ----------
    law, likelihood
        The description.
    runs
        The checked data.

    Returns
    -------
    pymc.Model
        Free variables are the quantities that carry priors; the law's other parameters and
        the curve are deterministics; the observed outcome is ``y``.
    """
    import pymc as pm

    coordinates = Coordinates(law, likelihood)
    coords: dict[str, Any] = {"run": np.arange(len(runs))}
    widest = max((slot.size or 0 for slot in coordinates.slots), default=0)
    if widest:
        coords[law.component] = np.arange(1, widest + 1)
    with pm.Model(coords=coords) as built:
        declared = coordinates.declared_numbers(runs.references)
        numbers = {name: pm.Data(name, value) for name, value in declared.items()}
        values = fixed_values(coordinates.slots, numbers)
        for slot in coordinates.free:
            values[slot.quantity] = _variable(slot, numbers, law.component)
        natural, noise = coordinates.natural(values, numbers)
        for name, value in (natural | noise).items():
            if name not in built.named_vars:
                _deterministic(name, value, law.component)
        inputs = {role: pm.Data(role, column, dims="run") for role, column in runs.inputs.items()}
        curve = pm.Deterministic("curve", law.curve(inputs, natural, numbers), dims="run")
        likelihood.observe(OUTCOME, curve, observed=runs.outcome, dims="run", **noise)
    return built


def _variable(slot: Slot, numbers: Mapping[str, Any], component: str) -> Any:
    import pymc as pm

    assert slot.prior is not None
    arguments = {name: numbers[f"{slot.quantity}_{name}"] for name, _ in slot.prior.arguments}
    dims = None if slot.size is None else component
    variable = getattr(pm, slot.prior.distribution)(slot.quantity, **arguments, dims=dims)
    return variable if slot.size is None else tuple(variable[i] for i in range(slot.size))


def _deterministic(name: str, value: Any, component: str) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    if isinstance(value, tuple):
        pm.Deterministic(name, pt.stack([pt.as_tensor(part) for part in value]), dims=component)
    else:
        pm.Deterministic(name, pt.as_tensor(value))


def density(law: Any, likelihood: Any, numbers: Mapping[str, Any], runs: Observations) -> pm.Model:
    """Return the posterior in the sampler's coordinates, with every number as data.

    Parameters
    ----------
    law, likelihood
        The description.
    numbers
        Every number, from :meth:`Coordinates.numbers`.
    runs
        The data.

    Returns
    -------
    pymc.Model
        A flat vector of coordinates and one potential, the log density.
    """
    import pymc as pm

    coordinates = Coordinates(law, likelihood)
    columns = {**runs.inputs, OUTCOME: runs.outcome}
    with pm.Model() as built:
        shared, data = _shared(numbers, columns)
        z = _flat(coordinates.sizes)
        values, log_jacobian = coordinates.values(z, shared)
        natural, noise = coordinates.natural(values, shared)
        curve = law.curve(data, natural, shared)
        log_likelihood = likelihood.tensor_log_density(data[OUTCOME], curve, **noise).sum()
        log_prior = sum(
            _log_prior(slot, values[slot.quantity], shared) for slot in coordinates.free
        )
        pm.Potential("log_density", log_prior + log_jacobian + log_likelihood)
    return built


def collapsed_density(
    law: Any, likelihood: Any, numbers: Mapping[str, Any], statistics: Mapping[str, np.ndarray]
) -> pm.Model:
    """Return the posterior of everything but floor and level, which are integrated out.

    Parameters
    ----------
    law, likelihood
        The description; the likelihood is log-normal.
    numbers
        Every number, from :meth:`Coordinates.numbers`.
    statistics
        The data as :func:`bayescale.collapse.linearized` gives them.

    Returns
    -------
    pymc.Model
        A flat vector of coordinates and one potential, the log density.
    """
    import pymc as pm

    coordinates = Coordinates(law, likelihood)
    sizes = collapse.remaining(coordinates)
    with pm.Model() as built:
        shared, data = _shared(numbers, statistics)
        values, log_jacobian = coordinates.values(_flat(sizes), shared, pair=False)
        reducible = collapse.relative_reducible(law, values, data, shared)
        sd = likelihood.log_sd(**coordinates.noise(values, shared))
        log_likelihood = collapse.log_density(data, reducible, sd)
        log_prior = sum(
            _log_prior(slot, values[slot.quantity], shared)
            for slot in coordinates.free
            if slot.quantity in sizes
        )
        pm.Potential("log_density", log_prior + log_jacobian + log_likelihood)
    return built


def packed(numbers: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the data of a density as its two shared arrays.

    The compiled wrapper of a density costs in proportion to how many arrays it shares, so all
    numbers go in one vector and all columns in one matrix.
    """
    flat = [np.ravel(np.asarray(value, float)) for value in numbers.values()]
    return {"numbers": np.concatenate(flat), "columns": np.stack(list(columns.values()))}


def _shared(
    numbers: Mapping[str, Any], columns: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the packed numbers and columns by name, as tensors."""
    import pymc as pm

    arrays = packed(numbers, columns)
    vector: Any = pm.Data("numbers", arrays["numbers"])
    matrix: Any = pm.Data("columns", arrays["columns"])
    named: dict[str, Any] = {}
    at = 0
    for name, value in numbers.items():
        size = np.size(value)
        named[name] = vector[at] if np.ndim(value) == 0 else vector[at : at + size]
        at += size
    return named, {name: matrix[i] for i, name in enumerate(columns)}


def _flat(sizes: Mapping[str, int | None]) -> dict[str, Any]:
    import pymc as pm

    length = sum(size or 1 for size in sizes.values())
    vector: Any = pm.Flat("z", shape=length, initval=np.zeros(length))
    return split(vector, sizes)


def _log_prior(slot: Slot, value: Any, numbers: Mapping[str, Any]) -> Any:
    import pymc as pm

    assert slot.prior is not None
    arguments = {name: numbers[f"{slot.quantity}_{name}"] for name, _ in slot.prior.arguments}
    distribution = getattr(pm, slot.prior.distribution).dist(**arguments)
    parts = value if slot.size is not None else (value,)
    terms: list[Any] = [pm.logp(distribution, part) for part in parts]
    return sum(terms)
