"""Which results of a compiled density overwrite what they are made from.

PyTensor tries every output of a fused operation against every input, and checks the whole graph
each time. For a broken law that was a quarter of the rewriting of a first fit and bought nothing:
numbers become plain scalars afterwards, and an operation of thirty outputs is refused pair by pair.
"""

from __future__ import annotations

from typing import Any

from pytensor.compile.mode import get_mode
from pytensor.tensor.rewriting import elemwise

#: PyTensor's own name and place for the rewrite that is replaced here.
_NAME, _POSITION = "inplace_elemwise", 50.5
#: Pairs of an output and an input above which each output is tried with one input only.
_MANY = 100


class InPlaceRows(elemwise.InplaceElemwiseOptimizer):
    """PyTensor's rewrite, for arrays alone and without the long search."""

    def filter_candidate_pairs(self, fgraph: Any, node: Any, protected_inputs: Any) -> Any:
        """Return the pairs of an output and an input it may overwrite that are worth a try."""
        if all(output.type.ndim == 0 for output in node.outputs):
            return []
        pairs = super().filter_candidate_pairs(fgraph, node, protected_inputs)
        if len(pairs) <= _MANY:
            return pairs
        kept, outputs, inputs = [], set(), set()
        for pair in pairs:
            (to, _), (origin, _) = pair
            if to not in outputs and origin not in inputs:
                kept.append(pair)
                outputs.add(to)
                inputs.add(origin)
        return kept


def mode() -> Any:
    """Return PyTensor's mode for Numba with this rewrite in the place of its own."""
    return get_mode("NUMBA").excluding(_NAME).register((InPlaceRows(), _POSITION))
