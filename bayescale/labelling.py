"""Draws under names and labels: a name for each component and level, or dimensions with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.groups import Groups, dimension, subsets
from bayescale.levels import reduced, widened
from bayescale.observed import Observations

if TYPE_CHECKING:
    import xarray as xr


def named(
    values: Mapping[str, Any], labels: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, np.ndarray]:
    """Return every component and level under a name of its own: ``break_location[1]``.

    Parameters
    ----------
    values
        Name to draws of shape (...); components as a tuple.
    labels
        For names that vary, whose draws have the shape (level, ...), the labels of their levels.
    """
    found = {}
    for name, value in values.items():
        many, levels = isinstance(value, tuple), (labels or {}).get(name)
        for i, part in enumerate(value if many else (value,)):
            inside = [str(i + 1)] if many else []
            if levels is None:
                found[f"{name}[{inside[0]}]" if many else name] = np.asarray(part)
                continue
            for level, draws in zip(levels, part, strict=True):
                found[f"{name}[{', '.join([*inside, str(level)])}]"] = np.asarray(draws)
    return found


def named_by_level(runs: Observations, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return every component and level of parameters under a name of its own.

    Parameters
    ----------
    runs
        With or without groups.
    values
        Parameter to draws of shape (chain, draw), or with groups (cell, chain, draw).
    """
    if runs.groups is None:
        return named(values)
    plain, labels = {}, {}
    for name, value in values.items():
        by, plain[name] = reduced(runs.groups, value)
        if by:
            labels[name] = runs.groups.labels(by)
    return named(plain, labels)


def labelled(
    values: Mapping[str, Any],
    component: str = "break",
    groups: Groups | None = None,
    by: Mapping[str, tuple[str, ...]] | None = None,
) -> xr.Dataset:
    """Return draws as a dataset with dimensions chain, draw and, for components and levels, more.

    Parameters
    ----------
    values
        Name to draws of shape (chain, draw), or (level, chain, draw) of what varies; components
        as a tuple.
    component
        The dimension of components.
    groups, by
        Of what varies: the levels, and the columns by name.
    """
    import xarray as xr

    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for name, value in values.items():
        many, columns = isinstance(value, tuple), (by or {}).get(name, ())
        array = np.stack(value, axis=-1) if many else np.array(value)
        dims = ("chain", "draw", component)[: 3 if many else 2]
        if columns and groups is not None:
            dims, array = (*dims, dimension(columns)), np.moveaxis(array, 0, -1)
            coords[dims[-1]] = groups.labels(columns)
        variables[name] = (dims, array)
        coords |= {dim: np.arange(array.shape[i]) for i, dim in enumerate(dims[:2])}
        if many and len(value) > len(coords.get(component, ())):
            coords[component] = np.arange(1, len(value) + 1)
    return xr.Dataset(variables, coords)


def unlabelled(
    posterior: xr.Dataset, names: list[str], groups: Groups | None = None
) -> dict[str, Any]:
    """Return draws of some variables as plain arrays; components as a tuple, levels first."""
    dims = {} if groups is None else {dimension(by): by for by in subsets(groups)}
    values: dict[str, Any] = {}
    for name in names:
        variable = posterior[name]
        levels = [dim for dim in variable.dims if dim in dims]
        array = variable.transpose(*levels, "chain", "draw", ...).to_numpy()
        plain = 2 + len(levels)
        many = array.ndim > plain
        values[name] = tuple(array[..., i] for i in range(array.shape[-1])) if many else array
    return values


def parameters_of(posterior: xr.Dataset, names: list[str], groups: Groups | None) -> dict[str, Any]:
    """Return draws of parameters, for every cell where there are groups."""
    values = unlabelled(posterior, names, groups)
    if groups is None:
        return values
    dims = {dimension(by): by for by in subsets(groups)}
    found = {}
    for name, value in values.items():
        by = next((dims[str(dim)] for dim in posterior[name].dims if dim in dims), ())
        found[name] = widened(groups, by, value)
    return found
