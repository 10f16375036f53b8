"""A log density and its gradient as C functions that nutpie calls.

nutpie's public route rebuilds its wrappers around PyTensor's function in every process, which is
most of what a first fit waits for. A density here has exactly one point, one vector of numbers and
one matrix of columns, so a wrapper of a few lines does; the inner function comes from the disk: its
rewritten graph by our name for the graph (graph_key.py), its machine code from PyTensor's cache.
(The process that compiled it runs the machine code that all others load: machine_code.py.) The
record that nutpie expects is private to it: where it looks different from the one known here, the
public route is taken, with the same draws up to their random numbers.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from bayescale import c_functions, compile_cache, graph_key, machine_code

compile_cache.prepare()  # before PyTensor is first imported, which is in functions below this room

#: The fields of nutpie's record of a compiled model that this module fills.
_FIELDS = {
    "_n_dim", "dims", "_coords", "_shapes", "compiled_logp_func", "compiled_expand_func",
    "initial_point_func", "shared_data", "shared_var_keys", "user_data", "n_expanded",
    "shape_info", "logp_func", "expand_func", "reparameterized_names", "_transform_adapt_args",
}  # fmt: skip


class Density(Protocol):
    """What is compiled (see model.py)."""

    @property
    def dimension(self) -> int:
        """How many coordinates a point has."""
        ...

    @property
    def elastic(self) -> bool:
        """Whether the number of coordinates follows from the numbers."""
        ...

    @property
    def places(self) -> tuple[int, ...]:
        """Where in a point the coordinates stand by which modes may lie apart."""
        ...

    @property
    def data(self) -> dict[str, np.ndarray]:
        """The numbers, a vector, and the columns, a matrix."""
        ...

    def tensor(self, point: Any, numbers: Any, columns: Any) -> Any:
        """Return the log density as a tensor."""
        ...

    def model(self) -> Any:
        """Return it as a PyMC model."""
        ...


@dataclass(frozen=True)
class _Shared:
    name: str
    ndim: int


def compiled(density: Density) -> Any:
    """Return a density as nutpie samples it, by our wrapper or by nutpie's public route.

    Warns, once in a process, where what is compiled cannot be kept on disk.
    """
    compile_cache.tell()
    route = _by_wrapper if wrapper_fits() else by_public_route
    with _no_garbage_sought():
        try:
            return route(density)
        except OSError as error:
            compile_cache.do_without(error)
        except Exception:  # numba reads what lies in the folder as it is
            if not compile_cache.healed():
                raise
        return route(density)


@contextmanager
def _no_garbage_sought() -> Iterator[None]:
    """Leave Python's search for cycles out: a compiler makes millions of objects that it keeps."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()  # what was made is old now: it need not be searched once more as young
            gc.unfreeze()
            gc.enable()


def wrapper_fits() -> bool:
    """Return whether nutpie's record is the one known here."""
    from dataclasses import fields

    try:
        from nutpie.compile_pymc import CompiledPyMCModel, make_user_data
    except ImportError:
        return False
    if {f.name for f in fields(CompiledPyMCModel)} != _FIELDS:
        return False
    arrays = {"a": np.zeros(2), "b": np.zeros((3, 4))}
    record = np.atleast_1d(make_user_data(_keys(arrays), arrays)).view(np.uint64)
    seen = [arrays["a"].ctypes.data, arrays["b"].ctypes.data, 2, 12, 2, 3, 4]
    return record.tolist() == seen


def by_public_route(density: Density) -> Any:
    """Return a density compiled by nutpie itself."""
    import nutpie

    return nutpie.compile_pymc_model(density.model(), var_names=[])


def gradient_function(density: Density) -> Any:
    """Return PyTensor's compiled function from (point, numbers, columns) to value and gradient."""
    import pytensor as typed

    pytensor: Any = typed  # the type checker knows few of its names
    pt = pytensor.tensor
    with pytensor.config.change_flags(traceback__limit=0):  # of where each variable was made
        size = None if density.elastic else density.dimension
        point = pt.TensorType("float64", shape=(size,))("point")
        inputs = [point, pt.dvector("numbers"), pt.dmatrix("columns")]
        value: Any = density.tensor(*inputs)
        try:
            key = graph_key.graph_key(inputs, value)
        except graph_key.NoKeyError:
            return _differentiated(inputs, value)
        kept = compile_cache.kept(key)
        if kept is None:
            kept = _differentiated(inputs, value)
            compile_cache.keep(key, kept)
        return kept


def _differentiated(inputs: list[Any], value: Any) -> Any:
    """Return the compiled function of a value and its gradient by the first input."""
    import pytensor as typed
    from pytensor.graph.rewriting.utils import rewrite_graph

    pytensor: Any = typed  # the type checker knows few of its names
    # As nutpie and PyMC do: stable before it is differentiated, and no checks of prior arguments,
    # which were checked when the priors were made.
    stable = ["canonicalize", "stabilize", "local_remove_check_parameter"]
    value = rewrite_graph(value, include=stable)
    gradient = pytensor.tensor.grad(value, inputs[0])
    # Fused operations that overwrite their inputs are no faster here (speed_limit.py), and the
    # search for which of them may is a third of the rewriting.
    mode = pytensor.compile.mode.get_mode("NUMBA").excluding("inplace_elemwise")
    return pytensor.function(inputs, [value, gradient], mode=mode)


def caller(
    compiled: Any, density: Density
) -> Callable[[np.ndarray], tuple[float, np.ndarray]] | None:
    """Return a density's value and gradient as a function of the point.

    Parameters
    ----------
    compiled
        What :func:`compiled` returned for a density of this kind.
    density
        With the data.

    Returns
    -------
    callable or None
        None where nutpie compiled by its public route.
    """
    if _by_pytensor(compiled) is None:
        return None
    size = density.dimension
    # The C function that nutpie calls: PyTensor's own would be compiled once more for Python.
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *4 * [ctypes.c_void_p])
    function = kind(compiled.compiled_logp_func.address)
    arrays, record = _arrays_and_record(density)

    def value_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
        at, gradient, value = np.array(point, float), np.empty(size), np.empty(1)
        assert arrays  # the record holds their addresses
        function(size, at.ctypes.data, gradient.ctypes.data, value.ctypes.data, record.ctypes.data)
        return float(value[0]), gradient

    return value_and_gradient


def rewrapped(compiled: Any, c_function: Callable[..., Any], *sizes: int) -> Any | None:
    """Return a compiled density behind another C function.

    Parameters
    ----------
    compiled
        What :func:`compiled` returned.
    c_function
        One of ``c_functions``: it is given the density as PyTensor compiled it, and the sizes.
        The numbers that it takes lie behind the density's own.
    *sizes
        Of a point, where it must be known.

    Returns
    -------
    object or None
        None where nutpie compiled by its public route.
    """
    function = _by_pytensor(compiled)
    if function is None:
        return None
    return replace(compiled, compiled_logp_func=c_function(function, *sizes))


def _by_pytensor(compiled: Any) -> Any | None:
    """Return a density as PyTensor compiled it, or None where nutpie did."""
    return getattr(getattr(compiled.logp_func, "vm", None), "jit_fn", None)


def _by_wrapper(density: Density) -> Any:
    from nutpie.compile_pymc import CompiledPyMCModel

    size = density.dimension
    function = gradient_function(density)
    function.vm.jit_fn = machine_code.by_itself(function.vm.jit_fn)
    arrays, record = _arrays_and_record(density)

    fixed = None if density.elastic else size
    made = CompiledPyMCModel(
        _n_dim=size,
        dims={},
        _coords={},
        _shapes={},
        compiled_logp_func=c_functions.c_density(function.vm.jit_fn, fixed),
        compiled_expand_func=c_functions.c_copy(fixed),
        initial_point_func=_uniform(size),
        shared_data=arrays,
        shared_var_keys=_keys(arrays),
        user_data=record,
        n_expanded=size,
        shape_info=([], [], []),
        logp_func=function,
        expand_func=None,
        reparameterized_names=[],
    )
    return sized(made, size)


def _arrays_and_record(density: Density) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return a density's data by name, and the record of their addresses, sizes and shapes."""
    from nutpie.compile_pymc import make_user_data

    arrays = {name: np.array(value, order="C") for name, value in density.data.items()}
    return arrays, make_user_data(_keys(arrays), arrays)


def _keys(arrays: dict[str, np.ndarray]) -> dict[_Shared, str]:
    return {_Shared(name, value.ndim): name for name, value in arrays.items()}


def sized(compiled: Any, size: int) -> Any:
    """Return a compiled density of which a point has so many coordinates.

    Parameters
    ----------
    compiled
        What :func:`compiled` returned for an elastic density, whatever its size was then.
    size
        Of a point.
    """

    return replace(
        compiled,
        _n_dim=size,
        _coords={"unconstrained_parameter": [f"z_{i}" for i in range(size)]},
        _shapes={"z": (size,)},
        initial_point_func=_uniform(size),
        n_expanded=size,
        shape_info=(["z"], [slice(0, size)], [(size,)]),
    )


def _uniform(size: int) -> Callable[[Any], np.ndarray]:
    """Return nutpie's own start: the origin, moved by up to 1 in every coordinate."""

    def start(seed: Any = None) -> np.ndarray:
        return np.random.default_rng(seed).uniform(-1.0, 1.0, size)

    return start
