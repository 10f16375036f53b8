"""Fits and ensembles on disk: one netCDF file that holds everything, and runs nothing when read.

The groups of a fit's file are those of ``fit.tree``, so any tool that reads ArviZ's netCDF reads
these too. Beside them stand the attribute ``bayescale`` (JSON: law, priors, likelihood, settings,
versions) and the group ``bayescale`` (the arrays of the checked runs). An ensemble's file has all
this for each of its fits, in the groups ``fit0``, ``fit1`` and so on. Law and likelihood are looked
up by name among those that are imported; nothing in the file is executed.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.ensembles import Ensemble
from bayescale.errors import FileError, nearest
from bayescale.fitting import Fit
from bayescale.groups import Groups
from bayescale.likelihoods import Likelihood, likelihoods
from bayescale.observed import Observations
from bayescale.parameters import parameter_names
from bayescale.pooling import Varying
from bayescale.prior import Fixed, Prior
from bayescale.registry import LAWS
from bayescale.sample import Sampling

if TYPE_CHECKING:
    import xarray as xr

#: Version of the layout; a reader refuses a higher one. Files of single fits are of the first.
FORMAT, _OF_FIT = 2, 1
#: The root attribute and the group that are ours.
MARK = "bayescale"
_PACKAGES = ("bayescale", "pymc", "nutpie", "arviz", "numpy")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def save(fit: Fit | Ensemble, path: str | os.PathLike[str]) -> None:
    """Save a fit or an ensemble as one netCDF file; a crash leaves the old file.

    The file is written under another name in the same folder, flushed to the disk, and only then
    takes the place of the old one.

    Parameters
    ----------
    fit
        What to save.
    path
        Where to; by custom it ends in ``.nc``.

    Raises
    ------
    FileError
        If the folder does not exist, the path is a folder, or the file cannot be written.
    """
    target = Path(os.path.realpath(writable(path)))
    tree = _together(fit) if isinstance(fit, Ensemble) else _marked(fit)
    with _replacing(target) as part:
        tree.to_netcdf(part, engine="h5netcdf", encoding=_checksums(tree))


def load(path: str | os.PathLike[str]) -> Any:
    """Load a fit or an ensemble that its ``save`` wrote; no code in the file is run.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Fit or Ensemble
        The same one: same draws, and the same forecasts. It is all in memory, and the file is
        closed.

    Raises
    ------
    FileError
        If the file is missing, damaged, not one of ours, written by a later bayescale, or of a law
        that is not imported here.

    Examples
    --------
    >>> import bayescale as bs, tempfile, pathlib
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.nc"
    >>> fit.save(path)
    >>> bs.load(path).name
    'PowerLaw'
    """
    place = _readable(path)
    _check_signature(place)
    groups = _read(place)
    described = _description(place, dict(groups["/"].attrs))
    if "ensemble" in described:
        return _ensemble(place, described["ensemble"], groups)
    arrays = groups.pop(f"/{MARK}", None)
    try:
        return _rebuilt(place, described, {} if arrays is None else arrays, groups)
    except FileError:
        raise
    except Exception as error:
        raise _damaged(place, error) from error


def _ensemble(place: Path, described: dict[str, Any], groups: dict[str, xr.Dataset]) -> Ensemble:
    """Return an ensemble from the groups of its fits."""
    fits = {}
    try:
        shares = np.array([float(share) for share in described["shares"]])
        for number, name in enumerate(described["names"]):
            own = f"/fit{number}"
            mine = {
                path[len(own) :] or "/": group
                for path, group in groups.items()
                if path == own or path.startswith(f"{own}/")
            }
            of_fit = _description(place, dict(mine["/"].attrs))
            arrays = mine.pop(f"/{MARK}", None)
            fits[name] = _rebuilt(place, of_fit, {} if arrays is None else arrays, mine)
        return Ensemble(fits, shares, str(described["rule"]))
    except FileError:
        raise
    except Exception as error:
        raise _damaged(place, error) from error


def is_fit(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is one that :func:`save` wrote, by its mark alone."""
    try:
        place = _readable(path)
        _check_signature(place)
        return MARK in _root_attributes(place)
    except FileError:
        return False


def writable(path: str | os.PathLike[str]) -> Path:
    """Return a path that a file can be written to.

    Parameters
    ----------
    path
        Where a file is to be written.

    Returns
    -------
    pathlib.Path
        The same, with ``~`` expanded.

    Raises
    ------
    FileError
        If it is a folder, or its folder does not exist or cannot be written to.
    """
    place = _place(path)
    if place.is_dir():
        raise FileError(
            f"{place} is a folder. Give the name of a file, such as {place / 'fit.nc'}."
        )
    if not place.parent.is_dir():
        raise FileError(
            f"There is no folder {place.parent} to write {place.name} to. Create it first, or "
            "choose another path."
        )
    if not os.access(place.parent, os.W_OK):
        raise FileError(
            f"The folder {place.parent} cannot be written to. Choose another path, or ask for "
            "permission to write there."
        )
    return place


# Paths --------------------------------------------------------------------------------------------


def _place(path: Any) -> Path:
    try:
        given = os.fspath(path)
    except TypeError:
        given = None
    if not isinstance(given, str) or not given:
        raise FileError(f"The path must be text or a pathlib.Path, such as 'fit.nc'; got {path!r}.")
    return Path(given).expanduser()


def _readable(path: Any) -> Path:
    place = _place(path)
    if place.is_dir():
        raise FileError(f"{place} is a folder. Give the path of the file that Fit.save wrote.")
    if not place.exists():
        near = ""
        with suppress(OSError):
            near = nearest(place.name, [entry.name for entry in place.parent.iterdir()])
        raise FileError(f"There is no file {place}.{near}")
    return place


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the target's place when the body has succeeded."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except Exception as error:
        raise FileError(
            f"The fit could not be written to {target}: {_reason(error)}. An older file of that "
            "name is unchanged. Choose another path, or free space there."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """Make the new name last through a loss of power, where the system allows it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# Reading ------------------------------------------------------------------------------------------


def _check_signature(place: Path) -> None:
    try:
        with place.open("rb") as file:
            head = file.read(len(_HDF5))
    except OSError as error:
        raise FileError(f"{place} cannot be read: {_reason(error)}.") from error
    if head == _HDF5:
        return
    if not head:
        raise FileError(f"{place} is empty. {_AGAIN}")
    if head.startswith(b"CDF"):
        raise _foreign(place)
    raise FileError(
        f"{place} is not a netCDF file. bs.load reads what Fit.save wrote; read a table of runs "
        "with pandas and pass it to fit."
    )


_AGAIN = (
    "Save the fit again with fit.save(path), or take a copy of the file from where it was made."
)


def _damaged(place: Path, error: Exception) -> FileError:
    return FileError(f"{place} is damaged or cut short ({_reason(error)}). {_AGAIN}")


def _foreign(place: Path) -> FileError:
    return FileError(
        f"{place} is a netCDF file, but not one that bayescale wrote. Open it with "
        "arviz.from_netcdf or xarray.open_datatree instead."
    )


def _reason(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    words = str(strerror or error).strip() or type(error).__name__
    return " ".join(words.split()).rstrip(".")


def _root_attributes(place: Path) -> dict[str, Any]:
    import h5netcdf

    try:
        with h5netcdf.File(place, "r") as file:
            return dict(file.attrs)
    except Exception as error:
        raise _damaged(place, error) from error


def _read(place: Path) -> dict[str, xr.Dataset]:
    """Return every group by its path, in memory, with the file closed."""
    import xarray as xr

    if MARK not in _root_attributes(place):
        raise _foreign(place)
    try:
        with xr.open_datatree(place, engine="h5netcdf") as tree:
            return {
                node.path: _plain(node.to_dataset(inherit=False).load()) for node in tree.subtree
            }
    except Exception as error:
        raise _damaged(place, error) from error


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset without what a file once said of its storage."""
    return dataset.drop_encoding()


def _description(place: Path, attributes: dict[str, Any]) -> dict[str, Any]:
    try:
        number = int(attributes[f"{MARK}_format"])
        described = json.loads(attributes[MARK])
        writer = str(described["versions"]["bayescale"])
    except Exception as error:
        raise _damaged(place, error) from error
    if number > FORMAT:
        raise FileError(
            f"{place} was written by bayescale {writer} in format {number}; bayescale "
            f"{version('bayescale')}, which is installed here, reads formats up to {FORMAT}. "
            "Install the newer one: pip install --upgrade bayescale."
        )
    return described


def _rebuilt(
    place: Path,
    described: dict[str, Any],
    arrays: Mapping[Any, Any],
    groups: dict[str, xr.Dataset],
) -> Fit:
    import xarray as xr

    law = _specification(place, described["law"], _laws(), "law")
    likelihood = _specification(place, described["likelihood"], likelihoods(), "likelihood")
    runs = Observations(**_record(place, Observations, described["runs"], arrays))
    settings = Sampling(**_record(place, Sampling, described["settings"], arrays))
    groups["/"].attrs = _decoded(described["attributes"], arrays)
    tree = xr.DataTree.from_dict(groups)
    return Fit(law, likelihood, runs, settings, tree)


def _laws() -> dict[str, Any]:
    import bayescale.forms  # noqa: F401 (fills the registry)

    return dict(LAWS)


def _specification(place: Path, described: dict[str, Any], known: dict[str, Any], kind: str) -> Any:
    """Return a law or a likelihood from its name and its fields."""
    name = described["name"]
    if name not in known:
        raise FileError(
            f"{place} holds the {kind} {name!r}, which is not known here. Known: "
            f"{', '.join(sorted(known))}. Import the module that defines {name} and load the file "
            "again, or install the bayescale that has it: pip install --upgrade bayescale."
        )
    cls = known[name]
    return cls(**_record(place, cls, described["fields"], {}, set(parameter_names(cls))))


def _record(
    place: Path,
    cls: Any,
    described: Mapping[str, Any],
    arrays: Mapping[Any, Any],
    needed: set[str] | None = None,
) -> dict[str, Any]:
    """Return a record's fields; an optional one that the file does not have keeps its default."""
    names = {field.name for field in fields(cls)}
    if needed is None:
        defaults = (MISSING, MISSING)
        needed = {f.name for f in fields(cls) if (f.default, f.default_factory) == defaults}
    odd = sorted((set(described) - names) | (needed - set(described)))
    if odd:
        raise FileError(
            f"{place} was written by a bayescale whose {cls.__name__} differs from this one's in "
            f"{', '.join(odd)}. Install the version that wrote it, or fit again."
        )
    return {name: _decoded(value, arrays) for name, value in described.items()}


# Writing ------------------------------------------------------------------------------------------


def _marked(fit: Fit) -> xr.DataTree:
    """Return the fit's tree with our attribute and our group."""
    import xarray as xr

    arrays: dict[str, np.ndarray] = {}
    described = {
        "law": _described(fit.law),
        "likelihood": _described(fit.likelihood),
        "runs": _fields(fit.runs, arrays),
        "settings": _fields(fit.settings, arrays),
        "attributes": _encoded(dict(fit.tree.attrs), arrays, "tree.attrs"),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    groups = {node.path: _plain(node.to_dataset(inherit=False)) for node in fit.tree.subtree}
    groups["/"].attrs = {f"{MARK}_format": _OF_FIT, MARK: json.dumps(described, allow_nan=False)}
    groups[f"/{MARK}"] = xr.Dataset(
        {
            name: ([f"{name}_{axis}" for axis in range(array.ndim)], array)
            for name, array in arrays.items()
        }
    )
    return xr.DataTree.from_dict(groups)


def _together(mixture: Ensemble) -> xr.DataTree:
    """Return an ensemble as one tree: that of each fit in a group of its own."""
    import xarray as xr

    described = {
        "ensemble": {
            "names": list(mixture.fits),
            "shares": mixture.shares.tolist(),
            "rule": mixture.rule,
        },
        "versions": {name: version(name) for name in _PACKAGES},
    }
    root = xr.Dataset(attrs={f"{MARK}_format": FORMAT, MARK: json.dumps(described)})
    groups = {"/": root}
    for number, fit in enumerate(mixture.fits.values()):
        for node in _marked(fit).subtree:
            groups[f"/fit{number}{node.path.rstrip('/')}"] = node.to_dataset(inherit=False)
    return xr.DataTree.from_dict(groups)


def _checksums(tree: xr.DataTree) -> dict[str, Any]:
    """Ask for a checksum of every array of numbers, so that a damaged one cannot be read."""
    return {
        node.path: {
            name: {"fletcher32": True}
            for name, variable in node.to_dataset(inherit=False).variables.items()
            if variable.dtype.kind in "biufc" and variable.ndim and variable.size
        }
        for node in tree.subtree
    }


def _described(spec: Any) -> dict[str, Any]:
    return {"name": type(spec).__name__, "fields": _fields(spec, None)}


def _fields(record: Any, arrays: dict[str, np.ndarray] | None) -> dict[str, Any]:
    return {
        field.name: _encoded(
            getattr(record, field.name), arrays, f"{type(record).__name__}.{field.name}"
        )
        for field in fields(record)
    }


def _encoded(value: Any, arrays: dict[str, np.ndarray] | None, where: str) -> Any:
    """Return a value as JSON; arrays go to ``arrays`` and leave their name behind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, Prior):
        arguments = {name: _encoded(number, None, where) for name, number in value.arguments}
        described = {"prior": value.distribution, "arguments": arguments, "on": value.on}
        if value.by:
            described["by"] = list(value.by)
            described["spread"] = [_encoded(one, None, where) for one in value.spread]
        return described
    if isinstance(value, Groups):
        return {"groups": _fields(value, arrays)}
    if isinstance(value, Likelihood):
        return {"likelihood": _described(value)}
    if isinstance(value, Fixed):
        return {"fixed": _encoded(value.value, None, where), "on": value.on}
    if isinstance(value, tuple):
        return {"tuple": [_encoded(part, arrays, where) for part in value]}
    if isinstance(value, list):
        return [_encoded(part, arrays, where) for part in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        parts = {key: _encoded(part, arrays, f"{where}.{key}") for key, part in value.items()}
        return {"mapping": parts}
    if isinstance(value, np.ndarray) and arrays is not None and value.dtype.kind in "biuf":
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    raise FileError(
        f"{where} holds a {type(value).__name__}, which a file cannot keep. It may hold numbers, "
        "text, arrays of numbers, and lists and dicts of these; take it out, then save."
    )


def _decoded(value: Any, arrays: Mapping[Any, Any]) -> Any:
    """Return what :func:`_encoded` was given."""
    if isinstance(value, list):
        return [_decoded(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return float(value["number"])
    if "prior" in value:
        arguments = {name: _decoded(part, arrays) for name, part in value["arguments"].items()}
        made = Prior(value["prior"], on=value["on"], **arguments)
        if "by" not in value:
            return made
        spread = tuple(_decoded(one, arrays) for one in value["spread"])
        return made.varying_as(Varying(tuple(value["by"]), spread))
    if "groups" in value:
        return Groups(**{name: _decoded(part, arrays) for name, part in value["groups"].items()})
    if "likelihood" in value:
        inside = value["likelihood"]
        cls = likelihoods()[inside["name"]]
        return cls(**{name: _decoded(part, arrays) for name, part in inside["fields"].items()})
    if "fixed" in value:
        return Fixed(_decoded(value["fixed"], arrays), value["on"])
    if "tuple" in value:
        return tuple(_decoded(part, arrays) for part in value["tuple"])
    if "array" in value:
        return np.array(arrays[value["array"]].to_numpy())
    return {key: _decoded(part, arrays) for key, part in value["mapping"].items()}
