"""Description and data become PyMC models; nothing else creates PyMC variables.

``plain`` is the generative model that users see: every prior and the observed outcome by name.
``density`` is the same posterior in the sampler's coordinates, with every number as data, so that
one compilation serves other runs and other prior numbers. ``collapsed_density`` has floor and
level integrated out (collapse.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse, input_errors
from bayescale.condense import Condensed
from bayescale.coordinates import Coordinates, fixed_values, split
from bayescale.groups import Groups, count, dimension
from bayescale.logarithms import taken_once
from bayescale.observed import Observations
from bayescale.parameters import Slot

if TYPE_CHECKING:
    import pymc as pm

OUTCOME = "y"
#: The column that says which combination of levels a row belongs to.
CELL = "cell"


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

    coordinates = Coordinates(law, likelihood, runs.groups)
    coords: dict[str, Any] = {"run": np.arange(len(runs)), **level_coords(runs.groups, coordinates)}
    widest = max((slot.size or 0 for slot in coordinates.slots), default=0)
    if widest:
        coords[law.component] = np.arange(1, widest + 1)
    with pm.Model(coords=coords) as built:
        declared = coordinates.declared_numbers(runs.references)
        numbers = {name: pm.Data(name, value) for name, value in declared.items()}
        values = fixed_values(coordinates.slots, numbers)
        for slot in coordinates.free:
            values[slot.quantity] = _variable(slot, numbers, law.component, runs.groups)
        values |= _levels(coordinates, values, numbers, law.component)
        natural, noise = coordinates.natural(values, numbers | coordinates.places())
        for name, value in (natural | noise).items():
            if name not in built.named_vars:
                _deterministic(name, value, law.component, runs.groups)
        inputs = {role: pm.Data(role, column, dims="run") for role, column in runs.inputs.items()}
        curve = pm.Deterministic(
            "curve", law.curve(inputs, at_rows(natural, runs), numbers), dims="run"
        )
        by_run = {
            name: pm.Data(name, column, dims="run")
            for name, column in runs.by_run(likelihood.by_run).items()
        }
        by_run = input_errors.told(
            likelihood, by_run, inputs, lambda at: law.curve(at, at_rows(natural, runs), numbers)
        )
        noise = at_rows(noise, runs)
        likelihood.observe(OUTCOME, curve, observed=runs.outcome, dims="run", **noise, **by_run)
    return built


def level_coords(groups: Groups | None, coordinates: Coordinates) -> dict[str, list]:
    """Return the labels of every dimension of what varies."""
    if groups is None:
        return {}
    return {dimension(by): groups.labels(by) for by in coordinates.dimensions}


def _variable(slot: Slot, numbers: Mapping[str, Any], component: str, groups: Groups | None) -> Any:
    import pymc as pm

    assert slot.prior is not None
    arguments = {name: numbers[f"{slot.quantity}_{name}"] for name, _ in slot.prior.arguments}
    dims = () if slot.size is None else (component,)
    if slot.by and groups is not None:
        dims = (*dims, dimension(groups.own(slot.by)))
    variable = getattr(pm, slot.prior.distribution)(slot.quantity, **arguments, dims=dims or None)
    return variable if slot.size is None else tuple(variable[i] for i in range(slot.size))


def _levels(
    coordinates: Coordinates, values: Mapping[str, Any], numbers: Mapping[str, Any], component: str
) -> dict[str, Any]:
    """Return pooled quantities from what they are made of, as deterministics."""
    import pymc as pm
    import pytensor.tensor as pt

    found = {}
    for slot in coordinates.declared:
        if not slot.pooled:
            continue
        levels = coordinates.levels_of(slot, values, {**numbers, **coordinates.places()})
        dims = (dimension(coordinates.own(slot.by)),)
        if slot.size is None:
            pm.Deterministic(slot.quantity, levels, dims=dims)
        else:
            pm.Deterministic(slot.quantity, pt.stack(list(levels)), dims=(component, *dims))
        found[slot.quantity] = levels
    return found


def _deterministic(name: str, value: Any, component: str, groups: Groups | None) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    many = isinstance(value, tuple)
    parts = [pt.as_tensor(part) for part in value] if many else [pt.as_tensor(value)]
    dims = (component,) if many else ()
    if groups is not None and any(part.ndim for part in parts):
        parts = [part if part.ndim else pt.repeat(part, len(groups)) for part in parts]
        dims = (*dims, groups.dim)
    pm.Deterministic(name, pt.stack(parts) if many else parts[0], dims=dims or None)


def at_rows(values: Mapping[str, Any], runs: Observations) -> dict[str, Any]:
    """Return parameters of the cells as those of the rows, in tensors; shared ones as they are."""
    if runs.groups is None:
        return dict(values)
    return by_row(values, runs.cells)


def by_row(values: Mapping[str, Any], cell: Any) -> dict[str, Any]:
    """Return what varies with the cell by row; ``cell`` is that of each row."""

    def wide(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(wide(part) for part in value)
        return value[cell] if getattr(value, "ndim", 0) else value

    return {name: wide(value) for name, value in values.items()}


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
    varying
        Coordinates that vary, and the number that says with how many levels.
    long
        Numbers that are one for each level of something, the last of all; and the number that says
        how many.
    apart
        Coordinates by which modes may lie apart from one another.
    """

    sizes: Mapping[str, int | None]
    numbers: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]
    log_density: Callable[[dict, dict, dict], Any]
    varying: Mapping[str, str] = field(default_factory=dict)
    long: Mapping[str, str] = field(default_factory=dict)
    apart: tuple[str, ...] = ()

    @property
    def lengths(self) -> dict[str, int]:
        """How many levels a coordinate has, for those that vary."""
        return {name: int(self.numbers[count]) for name, count in self.varying.items()}

    @property
    def dimension(self) -> int:
        """How many coordinates a point has."""
        lengths = self.lengths
        return sum((size or 1) * lengths.get(name, 1) for name, size in self.sizes.items())

    @property
    def places(self) -> tuple[int, ...]:
        """Where in a point the coordinates stand by which modes may lie apart."""
        names = [name for name, size in self.sizes.items() for _ in range(size or 1)]
        return tuple(i for i, name in enumerate(names) if name in self.apart)

    @property
    def elastic(self) -> bool:
        """Whether the number of coordinates may change without compiling."""
        return bool(self.varying)

    @property
    def blocks(self) -> list[np.ndarray]:
        """The coordinates of each level, and of what is shared: each of shape (block, coordinate).

        What varies with the same columns is of one family of blocks; what is shared is one block.
        """
        at, found = 0, {}
        for name, size in self.sizes.items():
            length = self.lengths.get(name, 1)
            for _ in range(size or 1):
                places = np.arange(at, at + length)
                found.setdefault(self.varying.get(name), []).append(places)
                at += length
        shared = found.pop(None, [])
        families = [np.stack(each, axis=1) for each in found.values()]
        return families + ([np.concatenate(shared)[None]] if shared else [])

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
            Shape (dimension,), which the tensor need not know.
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
            if name in self.long:
                length = named[self.long[name]].astype("int64")
                named[name], at = numbers[at : at + length], at + length
                continue
            size = np.size(value)
            named[name] = numbers[at] if np.ndim(value) == 0 else numbers[at : at + size]
            at += size
        lengths = {name: named[count].astype("int64") for name, count in self.varying.items()}
        data = {name: columns[i] for i, name in enumerate(self.columns)}
        logs = {row: columns[len(data) + i] for i, row in enumerate(data.values())}
        return taken_once(self.log_density(split(point, self.sizes, lengths), named, data), logs)

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
    coordinates = Coordinates(law, likelihood, runs.groups)

    def log_density(z: dict, shared: dict, data: dict) -> Any:
        values, log_jacobian = coordinates.values(z, shared)
        natural, noise = coordinates.natural(values, shared)
        if runs.groups is not None:
            cell = data[CELL].astype("int64")
            natural, noise = by_row(natural, cell), by_row(noise, cell)
        inputs = {role: data[role] for role in law.inputs}
        curve = law.curve(inputs, natural, shared)
        by_run = {name: data[name] for name in likelihood.by_run}
        by_run = input_errors.told(
            likelihood, by_run, inputs, lambda at: law.curve(at, natural, shared)
        )
        rows = likelihood.tensor_log_density(data[OUTCOME], curve, **noise, **by_run)
        return _log_priors(coordinates, values, shared) + log_jacobian + rows.sum()

    columns = {**runs.inputs, OUTCOME: runs.outcome, **runs.by_run(likelihood.by_run)}
    if runs.cell is not None:
        columns[CELL] = runs.cell
    varying = {name: count(coordinates.own(by)) for name, by in coordinates.varying.items()}
    long = {name: count(by) for name, by in coordinates.long.items()}
    sizes = coordinates.sizes
    return Density(sizes, numbers, columns, log_density, varying, long, law.places)


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
    return Density(whole.sizes, numbers, columns, log_density, apart=law.places)


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
        The data as :func:`bayescale.linearizing.linearized` gives them.

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

    return Density(sizes, numbers, statistics, log_density, apart=law.places)


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
    return sum(term.sum() if slot.by else term for term in terms)
