"""Runs with repeated data on C4, from the notebook that fits them, Muennighoff et al."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: A count of tokens as run names have it: 100m, 84b, 1b5 (1.5 billion), 1b25. Only counts below ten
#: billion have a fraction, and millions have three digits at most: 55b28b is 55b and 28b, 7b5100m
#: is 7b5 and 100m.
_TOKENS = re.compile(r"([1-9]\d{0,2})(m|b)(?:(?<=\db)(?<!\d\db)(25|\d))?")
_SUFFIX = re.compile(r"(?:c4)?(dedup)?(v2)?(opt\d?)?(?:seed(\d))?")
_VARIANTS = {"v2": "v2", "opt": "opt_shape"}


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the finished runs; the notebook is read and not run."""
    import pandas as pd

    values = _dictionaries(files["parametric_fit.ipynb"])
    sizes = values["PARAMS_MAP"]
    losses = values["NAMES_TO_VAL_LOSSES"]
    rows = [run(name, sizes) | {"loss": loss} for name, loss in losses.items() if loss]
    columns = ["run_name", "params", "tokens", "unique_tokens", "epochs", "loss", "seed"]
    table = pd.DataFrame(rows, columns=[*columns, "deduplicated", "variant"])
    in_order = ["params", "tokens", "unique_tokens", "run_name"]
    return table.sort_values(in_order, kind="stable", ignore_index=True)


def run(name: str, sizes: Mapping[str, float]) -> dict[str, Any]:
    """Return what a run's name says: parameters, tokens, unique tokens, and what is special."""
    readings = []
    for size in (size for size in sizes if name.startswith(size)):
        for cut in range(len(size) + 2, len(name)):
            tokens = _TOKENS.fullmatch(name[len(size) : cut])
            unique = _TOKENS.match(name[cut:])
            rest = unique and _SUFFIX.fullmatch(name[cut:][unique.end() :])
            if tokens and unique and rest and _count(tokens) >= _count(unique):
                readings.append((sizes[size], _count(tokens), _count(unique), rest))
    if len(readings) != 1:
        raise ValueError(f"the run's name {name!r} can be read in {len(readings)} ways")
    params, tokens, unique, rest = readings[0]
    dedup, v2, opt, seed = rest.groups()
    return {
        "run_name": name,
        "params": params,
        "tokens": tokens,
        "unique_tokens": unique,
        "epochs": tokens / unique,
        "seed": int(seed) if seed else None,
        "deduplicated": int(bool(dedup)),
        "variant": _VARIANTS["v2"] if v2 else _VARIANTS["opt"] if opt else None,
    }


def _count(found: re.Match[str]) -> float:
    whole, unit, fraction = found.groups()
    return float(f"{whole}.{fraction or 0}") * (1e6 if unit == "m" else 1e9)


def _dictionaries(notebook: bytes) -> dict[str, Any]:
    """Return the dictionaries of the cell that names the losses."""
    for cell in json.loads(notebook)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "NAMES_TO_VAL_LOSSES = {" in source:
            assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
            return {
                ast.unparse(node.targets[0]): ast.literal_eval(node.value)
                for node in assigned
                if isinstance(node.value, ast.Dict)
            }
    raise KeyError("NAMES_TO_VAL_LOSSES")
