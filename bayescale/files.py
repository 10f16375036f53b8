"""Fits and ensembles on disk: one netCDF file that holds everything, and runs nothing when read.

The groups of a fit's file are those of ``fit.tree``, so any tool that reads ArviZ's netCDF reads
these too. Beside them stand the attribute ``bayescale`` (JSON: law, priors, likelihood, settings,
versions) and the group ``bayescale`` (the arrays of the checked runs). An ensemble's file has all
this for each of its fits, in the groups ``fit0``, ``fit1`` and so on. Law and likelihood are looked
up by name among those that are imported; nothing in the file is executed. Behind the netCDF file
stands a seal, which is compared before anything else is read, and without which nothing is
(:mod:`bayescale.seal`).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import seal
from bayescale.arguments import check_arguments
from bayescale.encoding import (
    decoded,
    decoded_record,
    decoded_spec,
    encoded,
    encoded_fields,
    encoded_spec,
)
from bayescale.ensembles import Ensemble
from bayescale.errors import FileError
from bayescale.fitting import Fit
from bayescale.likelihoods import likelihoods
from bayescale.observed import Observations
from bayescale.paths import readable, reason, replacing, writable
from bayescale.registry import LAWS
from bayescale.sample import Sampling

if TYPE_CHECKING:
    import xarray as xr

#: Version of the layout; a reader refuses a higher one. Files of single fits are of the first.
FORMAT, OF_FIT = 2, 1
#: The root attribute and the group that are ours.
MARK = "bayescale"
_PACKAGES = ("bayescale", "pymc", "nutpie", "arviz", "numpy")
#: Groups in groups; and bytes of arrays that a file may always have, or for each of its own bytes.
_DEEPEST, _ROOM, _SHRUNK = 8, 2**28, 1000
_HDF5 = b"\x89HDF\r\n\x1a\n"
_AGAIN = (
    "Save the fit again with fit.save(path), or take a copy of the file from where it was made."
)
_OTHERS = "What others wrote is opened with arviz.from_netcdf or xarray.open_datatree."


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
    with replacing(target) as part:
        # Where a disk is full, HDF5 takes the whole process down (a segmentation fault); Python's
        # own files do not.
        content = io.BytesIO()
        tree.to_netcdf(content, engine="h5netcdf", encoding=_checksums(tree))
        part.write_bytes(seal.sealed(content.getvalue()))


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
    check_arguments(load, locals(), but=("path",))
    place = readable(path)
    try:
        _check_signature(place)
        groups = _read(place)
    except MemoryError:
        raise FileError(
            f"{place} ({place.stat().st_size:,} bytes) needs more memory than there is. Close what "
            "else is open, or fit with fewer draws= and save that."
        ) from None
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
        return seal.has_seal(readable(path))
    except (FileError, OSError):
        return False


def _check_signature(place: Path) -> None:
    try:
        with place.open("rb") as file:
            head = file.read(len(_HDF5))
    except OSError as error:
        raise FileError(f"{place} cannot be read: {reason(error)}.") from error
    if head == _HDF5:
        if not seal.has_seal(place):
            raise FileError(
                f"{place} is cut short, or a netCDF file that bayescale did not write, or one that "
                f"another program has written again. {_AGAIN} {_OTHERS}"
            )
        if seal.is_broken(place):
            raise _damaged(place, ValueError("its bytes are not those that were written"))
        return
    if not head:
        raise FileError(f"{place} is empty. {_AGAIN}")
    if head.startswith(b"CDF"):
        raise FileError(f"{place} is a netCDF file, but not one that bayescale wrote. {_OTHERS}")
    raise FileError(
        f"{place} is not a saved fit: that is a netCDF file, which fit.save(...) or 'bayescale fit "
        "-o' has written. A table of runs is to be fitted first."
    )


def _damaged(place: Path, error: Exception) -> FileError:
    return FileError(f"{place} is damaged or cut short ({reason(error)}). {_AGAIN}")


def _read(place: Path) -> dict[str, xr.Dataset]:
    """Return every group by its path, in memory, with the file closed."""
    import xarray as xr

    _check_whole(place)
    try:
        with xr.open_datatree(place, engine="h5netcdf") as tree:
            _check_size(place, sum(node.to_dataset(inherit=False).nbytes for node in tree.subtree))
            return {
                node.path: _plain(node.to_dataset(inherit=False).load()) for node in tree.subtree
            }
    except (FileError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(place, error) from error


def _check_whole(place: Path) -> None:
    """Raise a FileError for a file that would have others read, as HDF5 can."""
    import h5py  # h5netcdf's own file, where it cannot be opened, complains when it is collected

    waiting: list[tuple[Any, int]] = []
    try:
        with h5py.File(place, "r") as file:
            waiting.append((file, 0))
            while waiting:
                group, depth = waiting.pop()
                for name in group:
                    link = group.get(name, getlink=True)
                    if not isinstance(link, h5py.HardLink) or depth > _DEEPEST:
                        raise _elsewhere(place, f"{group.name.rstrip('/')}/{name}")
                    found = group[name]
                    if isinstance(found, h5py.Group):
                        waiting.append((found, depth + 1))
                    elif isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
                        raise _elsewhere(place, str(found.name))
    except (FileError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(place, error) from error


def _elsewhere(place: Path, name: str) -> FileError:
    return FileError(
        f"{place} is not opened: {name!r} in it stands for something elsewhere, perhaps for "
        "another file, which no file that bayescale wrote has. Ask who gave it to you."
    )


def _check_size(place: Path, size: int) -> None:
    """Raise a FileError where arrays are out of all proportion to the file."""
    held = place.stat().st_size
    if size > max(_ROOM, _SHRUNK * held):
        raise FileError(
            f"{place} has {held:,} bytes but says that it holds {size:,}. It is damaged, or made "
            f"to fill the memory. {_AGAIN}"
        )


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

    law = decoded_spec(place, described["law"], _laws(), "law")
    likelihood = decoded_spec(place, described["likelihood"], likelihoods(), "likelihood")
    runs = Observations(**decoded_record(place, Observations, described["runs"], arrays))
    settings = Sampling(**decoded_record(place, Sampling, described["settings"], arrays))
    groups["/"].attrs = decoded(described["attributes"], arrays)
    tree = xr.DataTree.from_dict(groups)
    return Fit(law, likelihood, runs, settings, tree)


def _laws() -> dict[str, Any]:
    import bayescale.forms  # noqa: F401 (fills the registry)

    return dict(LAWS)


def _marked(fit: Fit) -> xr.DataTree:
    """Return the fit's tree with our attribute and our group."""
    import xarray as xr

    arrays: dict[str, np.ndarray] = {}
    described = {
        "law": encoded_spec(fit.law),
        "likelihood": encoded_spec(fit.likelihood),
        "runs": encoded_fields(fit.runs, arrays),
        "settings": encoded_fields(fit.settings, arrays),
        "attributes": encoded(dict(fit.tree.attrs), arrays, "tree.attrs"),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    groups = {node.path: _plain(node.to_dataset(inherit=False)) for node in fit.tree.subtree}
    groups["/"].attrs = {f"{MARK}_format": OF_FIT, MARK: json.dumps(described, allow_nan=False)}
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
