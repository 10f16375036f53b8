"""Pickles of tables and arrays, read without running anything that stands in them.

A pickle is a program: reading one from the internet may do anything. Here it can build what numpy
and pandas keep their numbers in, and any other name in it is refused.
"""

from __future__ import annotations

import io
import pickle
from importlib import import_module
from typing import Any

#: What a pickle may name, by the place where it is today. Neither runs code that a pickle brings.
_ALLOWED = {
    "builtins": ["slice", "complex", "set", "frozenset", "bytes", "bytearray"],
    "collections": ["OrderedDict"],
    "numpy": ["dtype", "ndarray"],
    "numpy._core.multiarray": ["_reconstruct", "scalar"],
    "numpy._core.numeric": ["_frombuffer"],
    "pandas": ["DataFrame", "Index", "RangeIndex", "Series"],
    "pandas._libs.internals": ["_unpickle_block"],
    "pandas.core.indexes.base": ["_new_Index"],
    "pandas.core.internals.managers": ["BlockManager", "SingleBlockManager"],
}

#: Where the same things were when older versions wrote the pickle.
_MOVED = {
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"): ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"): ("numpy._core.numeric", "_frombuffer"),
    ("pandas.core.frame", "DataFrame"): ("pandas", "DataFrame"),
    ("pandas.core.series", "Series"): ("pandas", "Series"),
    ("pandas.core.indexes.base", "Index"): ("pandas", "Index"),
    ("pandas.core.indexes.range", "RangeIndex"): ("pandas", "RangeIndex"),
    ("pandas.core.indexes.numeric", "Int64Index"): ("pandas", "Index"),
    ("pandas.core.indexes.numeric", "Float64Index"): ("pandas", "Index"),
    ("pandas.core.internals.blocks", "new_block"): ("pandas._libs.internals", "_unpickle_block"),
    ("__builtin__", "slice"): ("builtins", "slice"),
    ("__builtin__", "set"): ("builtins", "set"),
    ("__builtin__", "bytes"): ("builtins", "bytes"),
}


def plain(content: bytes) -> Any:
    """Return what a pickle holds, if that is tables, arrays, numbers, texts and lists of them.

    Parameters
    ----------
    content
        The pickle.

    Returns
    -------
    object
        What it holds.

    Raises
    ------
    pickle.UnpicklingError
        If it names anything else; nothing of it has been run.

    Examples
    --------
    >>> import pickle
    >>> plain(pickle.dumps([("task", [1, 2], [0.5, 0.25])]))
    [('task', [1, 2], [0.5, 0.25])]
    >>> plain(pickle.dumps(print))
    Traceback (most recent call last):
    _pickle.UnpicklingError: the pickle names builtins.print, which is no table, array or number
    """
    return _Plain(io.BytesIO(content)).load()


def _bytes(text: str, encoding: str) -> bytes:
    """Return bytes as pickles of before Python 3 write them: as Latin-1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the pickle has bytes written as {encoding}")
    return text.encode("latin1")


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return a container, or refuse the name."""
        if (module, name) == ("_codecs", "encode"):
            return _bytes
        place, known = _MOVED.get((module, name), (module, name))
        if known not in _ALLOWED.get(place, ()):
            raise pickle.UnpicklingError(
                f"the pickle names {module}.{name}, which is no table, array or number"
            )
        return getattr(import_module(place), known)
