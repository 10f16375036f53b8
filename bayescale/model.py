"""Description and data become PyMC models; nothing else creates PyMC variables.

``plain`` is the generative model that users see: every prior and the observed outcome by name.
``density`` is the same posterior in the sampler's coordinates, with every number as data, so that
one compilation serves other runs and other prior numbers. ``collapsed_density`` has floor and
level integrated out (collapse.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse
from bayescale.condense import Condensed
from bayescale.coordinates import Coordinates, fixed_values, split
from bayescale.data import Observations
from bayescale.logarithms import taken_once
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
        by_run = {
            name: pm.Data(name, column, dims="run")
            for name, column in runs.by_run(likelihood.by_run).items()
        }
        likelihood.observe(OUTCOME, curve, observed=runs.outcome, dims="run", **noise, **by_run)
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


@dataclass(frozen=True, eq=False)
class Density:
    """A posterior in the sampler's coordinates, with every number as data.

    Parameters
    ----------
    sizes
        The name and size of every coordinate, in order.
    numbers
        Every number, from :meth:`Coordinates.numbers`.
    columns
        The data by name, each of shape (run,).
    log_density
        From coordinates, numbers and columns by name to the log density, in tensors.
    """

    sizes: Mapping[str, int | None]
    numbers: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]
    log_density: Callable[[dict, dict, dict], Any]

    @property
    def dimension(self) -> int:
        """How many coordinates a point has."""
        return sum(size or 1 for size in self.sizes.values())

    @property
    def data(self) -> dict[str, np.ndarray]:
        """The numbers in one vector and the columns in one matrix, whose shapes may change.

        A compiled wrapper costs in proportion to how many arrays it shares. Below the columns
        stand their logarithms.
        """
        flat = [np.ravel(np.asarray(value, float)) for value in self.numbers.values()]
        rows = np.stack([np.asarray(column, float) for column in self.columns.values()])
        with np.errstate(all="ignore"):
            logs = np.log(rows)
        logs[np.isnan(logs)] = 0.0  # of what is negative nothing takes a logarithm
        return {"numbers": np.concatenate(flat), "columns": np.concatenate([rows, logs])}

    def tensor(self, point: Any, numbers: Any, columns: Any) -> Any:
        """Return the log density of a point as a tensor.

        Parameters
        ----------
        point
            Shape (dimension,).
        numbers, columns
            Tensors in the place of :attr:`data`.

        Returns
        -------
        tensor
            A scalar.
        """
        named: dict[str, Any] = {}
        at = 0
        for name, value in self.numbers.items():
            size = np.size(value)
            named[name] = numbers[at] if np.ndim(value) == 0 else numbers[at : at + size]
            at += size
        data = {name: columns[i] for i, name in enumerate(self.columns)}
        logs = {row: columns[len(data) + i] for i, row in enumerate(data.values())}
        return taken_once(self.log_density(split(point, self.sizes), named, data), logs)

    def model(self) -> pm.Model:
        """Return a PyMC model: a flat vector of coordinates and one potential."""
        import pymc as pm

        with pm.Model() as built:
            shared = {name: pm.Data(name, value) for name, value in self.data.items()}
            point: Any = pm.Flat("z", shape=self.dimension, initval=np.zeros(self.dimension))
            pm.Potential("log_density", self.tensor(point, **shared))
        return built


def density(law: Any, likelihood: Any, numbers: Mapping[str, Any], runs: Observations) -> Density:
    """Return the posterior in the sampler's coordinates.

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
    Density
        Priors, Jacobian and likelihood.
    """
    coordinates = Coordinates(law, likelihood)

    def log_density(z: dict, shared: dict, data: dict) -> Any:
        values, log_jacobian = coordinates.values(z, shared)
        natural, noise = coordinates.natural(values, shared)
        curve = law.curve({role: data[role] for role in law.inputs}, natural, shared)
        by_run = {name: data[name] for name in likelihood.by_run}
        rows = likelihood.tensor_log_density(data[OUTCOME], curve, **noise, **by_run)
        return _log_priors(coordinates, values, shared) + log_jacobian + rows.sum()

    columns = {**runs.inputs, OUTCOME: runs.outcome, **runs.by_run(likelihood.by_run)}
    return Density(coordinates.sizes, numbers, columns, log_density)


def condensed_density(
    law: Any, likelihood: Any, numbers: Mapping[str, Any], sums: Condensed
) -> Density:
    """Return the posterior in the sampler's coordinates, from sums over the runs of each bin.

    Parameters
    ----------
    law, likelihood
        The description; the likelihood is Gaussian in log y or in y.
    numbers
        Every number, from :meth:`Coordinates.numbers`.
    sums
        From :func:`bayescale.condense.condensed`.

    Returns
    -------
    Density
        Priors, Jacobian and likelihood.
    """
    whole = density(law, likelihood, numbers, sums.runs)
    coordinates = Coordinates(law, likelihood)

    def log_density(z: dict, shared: dict, data: dict) -> Any:
        values, log_jacobian = coordinates.values(z, shared)
        natural, noise = coordinates.natural(values, shared)
        curve = law.curve({role: data[role] for role in law.inputs}, natural, shared)
        by_bin = likelihood.tensor_log_density(data[OUTCOME], curve, **noise)
        sd = likelihood.gaussian_sd(**noise)
        log_likelihood = (data["count"] * by_bin).sum() - 0.5 * data["scatter"].sum() / sd**2
        return _log_priors(coordinates, values, shared) + log_jacobian + log_likelihood

    columns = {**whole.columns, "count": sums.count, "scatter": sums.scatter}
    return Density(whole.sizes, numbers, columns, log_density)


def collapsed_density(
    law: Any, likelihood: Any, numbers: Mapping[str, Any], statistics: Mapping[str, np.ndarray]
) -> Density:
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
    Density
        Priors, Jacobian and integrated likelihood.
    """
    coordinates = Coordinates(law, likelihood)
    sizes = collapse.remaining(coordinates)

    def log_density(z: dict, shared: dict, data: dict) -> Any:
        values, log_jacobian = coordinates.values(z, shared, pair=False)
        reducible = collapse.relative_reducible(law, values, data, shared)
        by_run = {name: data[name] for name in likelihood.by_run}
        noise = coordinates.noise(values, shared)

        def whitened(vector: Any) -> tuple[Any, Any]:
            return likelihood.whitened(vector, **noise, **by_run)

        log_likelihood = collapse.log_density(data, reducible, whitened)
        log_prior = _log_priors(coordinates, values, shared, sizes)
        return log_prior + log_jacobian + log_likelihood

    return Density(sizes, numbers, statistics, log_density)


def _log_priors(
    coordinates: Coordinates, values: Mapping[str, Any], numbers: Any, only: Any = None
) -> Any:
    """Return the log prior density of all free quantities, or of some."""
    free = [slot for slot in coordinates.free if only is None or slot.quantity in only]
    return sum(_log_prior(slot, values[slot.quantity], numbers) for slot in free)


def _log_prior(slot: Slot, value: Any, numbers: Mapping[str, Any]) -> Any:
    import pymc as pm

    assert slot.prior is not None
    arguments = {name: numbers[f"{slot.quantity}_{name}"] for name, _ in slot.prior.arguments}
    distribution = getattr(pm, slot.prior.distribution).dist(**arguments)
    parts = value if slot.size is not None else (value,)
    terms: list[Any] = [pm.logp(distribution, part) for part in parts]
    return sum(terms)
