"""Four-digit addition against training-set size, from the script that fits it, Caballero et al."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the numbers that stand in the script, which is read and not run."""
    import pandas as pd

    script = ast.parse(files["four_digit_addition.py"])
    sizes, losses = _assigned(script, "x"), _assigned(script, "y")
    train = _assigned(script, "split_point")
    split = ["train"] * train + ["extrapolation"] * (len(sizes) - train)
    table = {"task": "4_digit_addition", "split": split, "examples": sizes, "loss": losses}
    return pd.DataFrame(table)


def _assigned(script: ast.Module, name: str) -> Any:
    """Return the number, or the list inside `np.array(...)`, that a script gives a name first."""
    for node in ast.walk(script):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            return ast.literal_eval(value)
    raise KeyError(name)
