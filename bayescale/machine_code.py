"""Where machine code lies: each density by itself, as every later process loads it.

A compiled density holds copies of the small functions that it is made of, compiled once more
together with it. Functions in one engine of numba share their parts: the process that compiled a
density still has the parts as they were first, and would call those, where a process that loads
the density from disk has the copies alone. The two differ in the last digit of the density, and
so in every draw. So a density is compiled, kept on disk, and then loaded from there into an engine
of its own, in the first process too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def by_itself(function: Any) -> Any:
    """Return a function of numba as other processes load it, in an engine of its own.

    Parameters
    ----------
    function
        PyTensor's compiled function from (point, numbers, columns).

    Returns
    -------
    object
        The same function, compiled; as it was given where it is not kept on disk.
    """
    import numba as typed

    numba: Any = typed  # the type checker knows none of its names
    doubles = numba.types.float64
    arguments = doubles[::1], doubles[::1], doubles[:, ::1]
    options = {name: value for name, value in function.targetoptions.items() if name != "nopython"}
    for _ in range(2):  # the first time it may be compiled, the second it is loaded
        if function.stats.cache_path is None:
            return function
        twin = numba.njit(function.py_func, cache=True, **options)
        with engine(None):
            twin.get_call_template(arguments, {})
        if not twin.stats.cache_misses:
            break
    return twin


@contextmanager
def engine(function: Any) -> Iterator[None]:
    """Compile into the engine of a compiled function while the body runs; of None, a new one."""
    from numba.core import codegen, compiler_lock, registry

    context: Any = registry.cpu_target.target_context
    compiled = list(getattr(function, "overloads", {}).values())
    if not hasattr(context, "_internal_codegen") or not (function is None or compiled):
        yield  # another numba: parts are shared, as they always were
        return
    with compiler_lock.global_compiler_lock:
        before = context._internal_codegen
        own = compiled[0].library.codegen if compiled else codegen.JITCPUCodegen("numba.exec")
        context._internal_codegen = own
        try:
            yield
        finally:
            context._internal_codegen = before
