"""Records as JSON with arrays beside it, and back; nothing that is read is executed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np

from bayescale.errors import FileError
from bayescale.groups import Groups
from bayescale.likelihoods import Likelihood, likelihoods
from bayescale.parameters import parameter_names
from bayescale.pooling import Varying
from bayescale.prior import Fixed, Prior


def encoded_spec(spec: Any) -> dict[str, Any]:
    """Return a law or a likelihood as its name and its fields."""
    return {"name": type(spec).__name__, "fields": encoded_fields(spec, None)}


def encoded_fields(record: Any, arrays: dict[str, np.ndarray] | None) -> dict[str, Any]:
    """Return the fields of a record as JSON; arrays go to ``arrays``."""
    return {
        field.name: encoded(
            getattr(record, field.name), arrays, f"{type(record).__name__}.{field.name}"
        )
        for field in fields(record)
    }


def encoded(value: Any, arrays: dict[str, np.ndarray] | None, where: str) -> Any:
    """Return a value as JSON; arrays go to ``arrays`` and leave their name behind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, Prior):
        arguments = {name: encoded(number, None, where) for name, number in value.arguments}
        described = {"prior": value.distribution, "arguments": arguments, "on": value.on}
        if value.by:
            described["by"] = list(value.by)
            described["spread"] = [encoded(one, None, where) for one in value.spread]
        return described
    if isinstance(value, Groups):
        return {"groups": encoded_fields(value, arrays)}
    if isinstance(value, Likelihood):
        return {"likelihood": encoded_spec(value)}
    if isinstance(value, Fixed):
        return {"fixed": encoded(value.value, None, where), "on": value.on}
    if isinstance(value, tuple):
        return {"tuple": [encoded(part, arrays, where) for part in value]}
    if isinstance(value, list):
        return [encoded(part, arrays, where) for part in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        parts = {key: encoded(part, arrays, f"{where}.{key}") for key, part in value.items()}
        return {"mapping": parts}
    if isinstance(value, np.ndarray) and arrays is not None and value.dtype.kind in "biuf":
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    raise FileError(
        f"{where} holds a {type(value).__name__}, which a file cannot keep. It may hold numbers, "
        "text, arrays of numbers, and lists and dicts of these; take it out, then save."
    )


def decoded(value: Any, arrays: Mapping[Any, Any]) -> Any:
    """Return what :func:`encoded` was given."""
    if isinstance(value, list):
        return [decoded(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return float(value["number"])
    if "prior" in value:
        arguments = {name: decoded(part, arrays) for name, part in value["arguments"].items()}
        made = Prior(value["prior"], on=value["on"], **arguments)
        if "by" not in value:
            return made
        spread = tuple(decoded(one, arrays) for one in value["spread"])
        return made.varying_as(Varying(tuple(value["by"]), spread))
    if "groups" in value:
        return Groups(**{name: decoded(part, arrays) for name, part in value["groups"].items()})
    if "likelihood" in value:
        inside = value["likelihood"]
        cls = likelihoods()[inside["name"]]
        return cls(**{name: decoded(part, arrays) for name, part in inside["fields"].items()})
    if "fixed" in value:
        return Fixed(decoded(value["fixed"], arrays), value["on"])
    if "tuple" in value:
        return tuple(decoded(part, arrays) for part in value["tuple"])
    if "array" in value:
        return np.array(arrays[value["array"]].to_numpy())
    return {key: decoded(part, arrays) for key, part in value["mapping"].items()}


def decoded_spec(place: Path, described: dict[str, Any], known: dict[str, Any], kind: str) -> Any:
    """Return a law or a likelihood from its name and its fields."""
    name = described["name"]
    if name not in known:
        raise FileError(
            f"{place} holds the {kind} {name!r}, which is not known here. Known: "
            f"{', '.join(sorted(known))}. Import the module that defines {name} and load the file "
            "again, or install the bayescale that has it: pip install --upgrade bayescale."
        )
    cls = known[name]
    return cls(**decoded_record(place, cls, described["fields"], {}, set(parameter_names(cls))))


def decoded_record(
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
    return {name: decoded(value, arrays) for name, value in described.items()}
