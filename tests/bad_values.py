"""A fixed pool of what somebody might give for an argument, and what is wrong with an answer."""

import datetime
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bad_calls import EMPTY, Call, silent_nans
from bad_frames import ODD_VALUES
from ready import many, ready, table

import bayescale as bs

WORDS = [
    "x", "y", "z", "g", "params", "tokens", "curve", "observation", "scale", "power", "nothing",
    "", "X", "all", "stacking", "a\nb", "/", "../x", "nowhere/x",
]  # fmt: skip
PACKAGE = str(Path(bs.__file__).parent)


def made() -> dict[str, Any]:
    """What is right somewhere, and wrong elsewhere."""
    return {
        **ready(), "PowerLaw": bs.PowerLaw, "a law": bs.PowerLaw(), "Chinchilla": bs.Chinchilla(),
        "noise": bs.LogNormal(), "prior": bs.Prior("Normal", mu=0.0, sigma=1.0), "call": len,
        "module": np,
    }  # fmt: skip


def pool() -> list[tuple[str, Any]]:
    """Every kind of value, by what it is called."""
    numbers = [2, 500, -1, -3, 0.5, 1e-5, 1e7, 1e12, 1e18, 1e150, 2**63, 10**400]
    single = [*ODD_VALUES, *WORDS, *numbers]
    fit, law = made()["fit"], bs.PowerLaw()
    return [
        *((repr(value)[:40], value) for value in single),
        *made().items(),
        *_tables().items(),
        *_arrays().items(),
        ("an empty list", []), ("a list in a list", [[]]), ("inputs", [1e9, 1e10]),
        ("a list of nan", [np.nan]), ("a list of a name", ["x"]), ("a list of None", [None]),
        ("a list of a fit", [fit]), ("a number and a fit", [1.0, fit]), ("ragged", [[1, 2], [3]]),
        ("a list of a table", [table()]), ("inputs by name", {"x": 1e9}),
        ("several inputs by name", {"x": [1e9, 2e9]}), ("a fit by an input's name", {"x": fit}),
        ("a table by name", {"a": table()}), ("a law by name", {"a": law}),
        ("a fit by name", {"a": fit}), ("by None", {None: 1.0}), ("by a number", {3: "x"}),
        ("a column by a measure's name", {"power": "x"}), ("nan by name", {"x": np.nan, "a": 2}),
        ("a set", {1e9}), ("a pair", (1, 2)), ("a range", range(3)), ("a slice", slice(1, 2)),
        ("...", ...), ("a function", lambda *args, **more: 1.0),
        ("a day", datetime.date(2026, 1, 1)),
    ]  # fmt: skip


def _tables() -> dict[str, Any]:
    runs = table()
    with np.errstate(all="ignore"):
        return {
            "a table": runs, "one row": runs.iloc[:1], "no rows": runs.iloc[:0],
            "groups": many(), "a column": runs["x"], "inputs of nan": runs.assign(x=np.nan),
            "objects": runs.astype(object), "halves": runs.drop(columns="g").astype("float16"),
            "huge": runs.assign(x=runs["x"] * 1e300, y=runs["y"] * 1e300),
            "tiny": runs.assign(x=runs["x"] * 1e-316), "text": runs.assign(y="a", x="b"),
            "a column twice": pd.concat([runs, runs[["x"]]], axis=1),
            "negative": runs.assign(y=-runs["y"], x=-runs["x"]), "constant": runs.assign(y=1.0),
        }  # fmt: skip


def _arrays() -> dict[str, Any]:
    return {
        "a matrix": np.eye(2), "an empty array": np.array([]), "of no dimension": np.array(3.0),
        "an array of objects": np.array([None, "a"], object), "an array of text": np.array(["1"]),
        "an array of truths": np.array([True, False]), "complex numbers": np.array([1j]),
        "whole numbers": np.array([1, 2, 3]), "below zero": np.array([-1.0]),
        "infinite": np.array([np.inf]), "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
        "days": np.array(["2024-01-01"], "datetime64[D]"), "an index": pd.Index(["x", "y"]),
        "a series by name": pd.Series([1e9, 2e9], index=["a", "b"]),
    }  # fmt: skip


def cases(call: Call) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield a call's arguments with one of them made wrong: its name, the value's, and all."""
    for name in call.always or (*call.right, *call.also):
        for label, value in pool():
            yield name, label, call.right | {name: value}


def wrong_with(call: Call, arguments: dict[str, Any]) -> str:
    """Return what is wrong with what came of a call: nothing for an answer or an error of ours."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        warnings.simplefilter("always", bs.BayescaleWarning)
        warnings.filterwarnings("ignore", "Estimated shape parameter")  # ArviZ's, of repair=False
        try:
            found = call.call(**arguments)
            empty = set(silent_nans(found)) - set(EMPTY)
        except bs.BayescaleError as error:
            words = str(error)
            return "" if len(words) > 12 else f"an error that says no more than {words!r}"
        except Exception as error:
            ours = [f for f in traceback.extract_tb(error.__traceback__) if PACKAGE in f.filename]
            at = f" in {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
            return f"{type(error).__name__}{at}: {' '.join(str(error).split())[:200]}"
        finally:
            plt.close("all")
    return f"NaN in {sorted(map(str, empty))}, and nothing said" if empty and not seen else ""
