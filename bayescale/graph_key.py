"""A name for what a graph of PyTensor computes, the same in every process.

Rewriting a graph and its gradient is most of what a first fit waits for once compiled code lies on
disk. Two graphs of one name compute the same, so the rewritten function of one serves the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class NoKeyError(Exception):
    """A graph holds an operation that does not say all that it depends on."""


def graph_key(inputs: Sequence[Any], output: Any) -> str:
    """Return a name of a graph: of its operations, their order, and its constants.

    Parameters
    ----------
    inputs
        Variables without owner, in the order of the function's arguments.
    output
        What is computed from them.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    NoKeyError
        If an operation cannot be told from others of its class by what it shows, or the graph
        depends on something that is neither an input nor a constant.
    """
    from pytensor.graph.traversal import io_toposort

    names = {variable: f"input {i} {variable.type}" for i, variable in enumerate(inputs)}
    digest = hashlib.sha256("; ".join(names.values()).encode())

    def name(variable: Any) -> str:
        if variable not in names:
            names[variable] = _constant(variable)
        return names[variable]

    for number, node in enumerate(io_toposort(inputs, [output])):
        line = f"{_operation(node.op)} ({', '.join(map(name, node.inputs))})"
        digest.update(line.encode())
        for place, variable in enumerate(node.outputs):
            names[variable] = f"{number}.{place} {variable.type}"
    digest.update(name(output).encode())
    return digest.hexdigest()


def _constant(variable: Any) -> str:
    if not hasattr(variable, "data"):
        raise NoKeyError(f"{variable} is neither an input nor a constant.")
    data = np.asarray(variable.data) if variable.data is not None else None
    if data is None or data.dtype == object:
        return f"constant {variable.type} {variable.data!r}"
    return f"constant {data.dtype} {data.shape} {data.tobytes().hex()}"


def _operation(op: Any) -> str:
    """Return what an operation depends on: its class, and the properties it is compared by."""
    from pytensor.scalar.basic import ScalarOp

    kind = f"{type(op).__module__}.{type(op).__qualname__}"
    if getattr(op, "fgraph", None) is not None:
        raise NoKeyError(f"{kind} holds a graph of its own.")
    properties = getattr(op, "__props__", None)
    if isinstance(op, ScalarOp):  # compared by class and by the type that it gives
        chosen = getattr(op, "output_types_preference", None)
        chosen = getattr(chosen, "__name__", None) or type(chosen).__name__
        properties = properties or ()
        kind = f"{kind} {chosen}"
    elif properties is None:
        raise NoKeyError(f"{kind} does not say what it depends on.")
    return f"{kind}[{', '.join(_property(getattr(op, name)) for name in properties)}]"


def _property(value: Any) -> str:
    from pytensor.graph.op import Op
    from pytensor.graph.type import Type

    if isinstance(value, Op):
        return _operation(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_property, value))})"
    if isinstance(value, Mapping):
        return _property(sorted(value.items()))
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if value is None or isinstance(value, bool | int | float | str | slice | Type):
        return repr(value)
    raise NoKeyError(f"{value!r} is not a plain property.")
