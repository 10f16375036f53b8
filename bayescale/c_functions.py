"""The C functions that nutpie calls: a density, and the same density bent straight or held.

Each is given a length, the addresses of a point, a gradient and a value, and a record of where the
numbers and the columns lie (see kernels.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescale import machine_code
from bayescale.straighten import WIDEST

#: What nutpie hands to a function beside the point: addresses, sizes and shapes of two arrays.
_RECORD = 7


def _numba(inner: Any) -> tuple[Any, Any, Any]:
    """Return what reads an array at a pointer, the pointer to an address, and what makes C."""
    import numba as typed
    from nutpie.compile_pymc import address_as_void_pointer

    numba: Any = typed  # the type checker knows none of its names
    types = numba.types
    doubles = types.CPointer(types.double)
    signature = types.int64(types.uint64, doubles, doubles, doubles, types.CPointer(types.uint64))

    def as_c(function: Any) -> Any:
        with machine_code.engine(inner):  # where the functions that it calls lie
            return numba.cfunc(signature)(function)

    return numba.carray, address_as_void_pointer, as_c


def c_density(inner: Any, fixed: int | None) -> Any:
    """Return the C function of a density; loops, because slices take seconds to compile.

    Parameters
    ----------
    inner
        PyTensor's compiled function.
    fixed
        How many coordinates a point must have; None for any number.
    """
    carray, pointer, as_c = _numba(inner)

    least = 0 if fixed is None else fixed
    most = 2**31 if fixed is None else fixed

    def density(length, point_at, gradient_at, value_at, record_at):
        size = np.int64(length)
        if size < least or size > most:
            return -1
        record = carray(record_at, (_RECORD,))
        numbers = carray(pointer(record[0]), (record[2],), np.float64)
        columns = carray(pointer(record[1]), (record[5], record[6]), np.float64)
        value, gradient = inner(carray(point_at, (size,)), numbers, columns)
        finite = np.isfinite(value[()])
        carray(value_at, (1,))[0] = value[()]
        out = carray(gradient_at, (size,))
        for i in range(size):
            out[i] = gradient[i]
            finite = finite and np.isfinite(gradient[i])
        return 0 if finite else 3

    return as_c(density)


def c_straightened(inner: Any, size: int) -> Any:
    """Return the C function of a density in straight coordinates (see straighten.py)."""
    carray, pointer, as_c = _numba(inner)
    pairs = size * (size - 1) // 2
    more = size + size * size + size * pairs + size * size

    def density(length, point_at, gradient_at, value_at, record_at):
        if length != size:
            return -1
        record = carray(record_at, (_RECORD,))
        whole = carray(pointer(record[0]), (record[2],), np.float64)
        own = record[2] - more
        columns = carray(pointer(record[1]), (record[5], record[6]), np.float64)
        u, out = carray(point_at, (size,)), carray(gradient_at, (size,))
        axes = own + size
        bends = axes + size * size
        widths = bends + size * pairs
        v, width, slope = np.empty(size), np.empty(size), np.empty(size)
        log_jacobian = 0.0
        for i in range(size):
            shift, log_width, k = 0.0, 0.0, bends + i * pairs
            for a in range(i):
                log_width += whole[widths + i * size + a] * v[a]
                for b in range(a + 1):
                    shift += whole[k] * (v[a] * v[b] - (1.0 if a == b else 0.0))
                    k += 1
            bounded = np.tanh(log_width / WIDEST)
            log_jacobian += WIDEST * bounded
            width[i], slope[i] = np.exp(WIDEST * bounded), 1.0 - bounded * bounded
            v[i] = u[i] * width[i] + shift
        z = np.empty(size)
        for j in range(size):
            z[j] = whole[own + j]
            for i in range(size):
                z[j] += whole[axes + j * size + i] * v[i]
        numbers = carray(pointer(record[0]), (own,), np.float64)
        value, gradient = inner(z, numbers, columns)
        total = value[()] + log_jacobian
        finite = np.isfinite(total)
        along = np.zeros(size)
        for j in range(size):
            for i in range(size):
                along[i] += whole[axes + j * size + i] * gradient[j]
        for back in range(size):
            i = size - 1 - back
            out[i] = along[i] * width[i]
            finite = finite and np.isfinite(out[i])
            wider, k = (along[i] * u[i] * width[i] + 1.0) * slope[i], bends + i * pairs
            for a in range(i):
                along[a] += wider * whole[widths + i * size + a]
                for b in range(a + 1):
                    along[a] += along[i] * whole[k] * v[b]
                    along[b] += along[i] * whole[k] * v[a]
                    k += 1
        carray(value_at, (1,))[0] = total
        return 0 if finite else 3

    return as_c(density)


def c_windowed(inner: Any, size: int) -> Any:
    """Return the C function of a density times a window (see windows.py)."""
    carray, pointer, as_c = _numba(inner)

    def density(length, point_at, gradient_at, value_at, record_at):
        if length != size:
            return -1
        record = carray(record_at, (_RECORD,))
        whole = carray(pointer(record[0]), (record[2],), np.float64)
        middle = record[2] - 2 * size
        precision = middle + size
        numbers = carray(pointer(record[0]), (middle,), np.float64)
        columns = carray(pointer(record[1]), (record[5], record[6]), np.float64)
        z, out = carray(point_at, (size,)), carray(gradient_at, (size,))
        value, gradient = inner(z, numbers, columns)
        total = value[()]
        for i in range(size):
            away = z[i] - whole[middle + i]
            total -= 0.5 * whole[precision + i] * away * away
            out[i] = gradient[i] - whole[precision + i] * away
        finite = np.isfinite(total)
        for i in range(size):
            finite = finite and np.isfinite(out[i])
        carray(value_at, (1,))[0] = total
        return 0 if finite else 3

    return as_c(density)


def c_untangled(inner: Any) -> Any:
    """Return the C function of a density in untangled coordinates (see untangle.py)."""
    carray, pointer, as_c = _numba(inner)

    def density(length, point_at, gradient_at, value_at, record_at):
        size = np.int64(length)
        record = carray(record_at, (_RECORD,))
        count = np.int64(record[2])
        whole = carray(pointer(record[0]), (count,), np.float64)
        middle = count - 1 - np.int64(whole[count - 1])
        begins = middle + size
        columns_at = begins + size + 1
        if middle < 0 or columns_at >= count:
            return -1
        entries = np.int64(whole[begins + size])
        values_at = columns_at + entries
        if values_at + entries != count - 1:
            return -1
        u, out = carray(point_at, (size,)), carray(gradient_at, (size,))
        z = np.empty(size)
        for i in range(size):
            z[i] = whole[middle + i]
            for k in range(np.int64(whole[begins + i]), np.int64(whole[begins + i + 1])):
                z[i] += whole[values_at + k] * u[np.int64(whole[columns_at + k])]
        numbers = carray(pointer(record[0]), (middle,), np.float64)
        columns = carray(pointer(record[1]), (record[5], record[6]), np.float64)
        value, gradient = inner(z, numbers, columns)
        finite = np.isfinite(value[()])
        for i in range(size):
            out[i] = 0.0
        for i in range(size):
            finite = finite and np.isfinite(gradient[i])
            for k in range(np.int64(whole[begins + i]), np.int64(whole[begins + i + 1])):
                out[np.int64(whole[columns_at + k])] += whole[values_at + k] * gradient[i]
        carray(value_at, (1,))[0] = value[()]
        return 0 if finite else 3

    return as_c(density)


def c_copy(fixed: int | None) -> Any:
    """Return the C function that hands on the point as it is."""
    import numba as typed

    numba: Any = typed  # the type checker knows none of its names
    carray, cfunc, types = numba.carray, numba.cfunc, numba.types
    doubles = types.CPointer(types.double)
    signature = types.int64(types.uint64, types.uint64, doubles, doubles, types.voidptr)

    wanted = 0 if fixed is None else fixed

    def copy(length, expanded, point_at, out_at, record_at):
        size = np.int64(length)
        if length != expanded or (wanted > 0 and size != wanted):
            return -1
        point, out = carray(point_at, (size,)), carray(out_at, (size,))
        for i in range(size):
            out[i] = point[i]
        return 0

    return cfunc(signature)(copy)
