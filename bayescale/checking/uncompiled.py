"""Tensors calculated without compiling them: slow for a sampler, quick for a single point."""

from __future__ import annotations

from typing import Any


def mode() -> Any:
    """Return PyTensor's mode that calculates a graph as it is written."""
    return _pytensor().compile.mode.Mode(linker="py", optimizer=None)


def function(variables: list[Any], result: Any) -> Any:
    """Return a function of variables, some of which the result may not depend on."""
    return _pytensor().function(variables, result, mode=mode(), on_unused_input="ignore")


def gradient(of: Any, variables: Any) -> Any:
    """Return the symbolic gradient of a scalar, zero where it does not depend on a variable."""
    return _pytensor().gradient.grad(of, variables, disconnected_inputs="ignore")


def _pytensor() -> Any:
    import pytensor

    return pytensor  # to the type checker its parts are private
