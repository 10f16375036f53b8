"""Logarithms of the data, taken once and not at every step of the sampler.

A law is written with plain inputs and powers: ``scale * x**-exponent``. A power costs several times
an exponential, and its gradient a logarithm besides; of data both can be had from one column of
logarithms. The density is rewritten before it is differentiated:

.. math:: \\log x \\to \\ell, \\quad (x/s)^p \\to \\exp(p\\,(\\ell - \\log s))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def taken_once(value: Any, logs: Mapping[Any, Any]) -> Any:
    """Return a graph that reads logarithms instead of taking them.

    Parameters
    ----------
    value
        A tensor.
    logs
        Tensor of positive data to the tensor of its logarithm.

    Returns
    -------
    tensor
        The same value, up to rounding.
    """
    import pytensor.tensor as typed
    from pytensor.graph.basic import Constant
    from pytensor.graph.fg import FunctionGraph
    from pytensor.graph.rewriting.basic import WalkingGraphRewriter, node_rewriter
    from pytensor.graph.traversal import graph_inputs
    from pytensor.scalar import Log, Pow, TrueDiv
    from pytensor.tensor.elemwise import Elemwise

    pt: Any = typed  # the type checker takes elementwise operators for None

    def is_a(variable: Any, kind: type) -> bool:
        op = variable.owner and variable.owner.op
        return isinstance(op, Elemwise) and isinstance(op.scalar_op, kind)

    def log_of(variable: Any) -> Any:
        """Return the logarithm of data, or of data over a reference; else None."""
        if variable in logs:
            return logs[variable]
        if is_a(variable, TrueDiv):
            top, bottom = variable.owner.inputs
            if (found := log_of(top)) is not None:
                return found - pt.log(bottom)
            if (found := log_of(bottom)) is not None:
                return pt.log(top) - found
        return None

    @node_rewriter([Elemwise])
    def rewrite(fgraph: Any, node: Any) -> Any:
        kind = node.op.scalar_op
        found = log_of(node.inputs[0]) if isinstance(kind, Log | Pow) else None
        if found is None:
            return None
        if isinstance(kind, Log):
            return [found]
        return [pt.exp(node.inputs[1] * found)]

    inputs = [v for v in graph_inputs([value, *logs.values()]) if not isinstance(v, Constant)]
    graph = FunctionGraph(inputs, [value], clone=False)
    WalkingGraphRewriter(rewrite).rewrite(graph)
    return graph.outputs[0]
