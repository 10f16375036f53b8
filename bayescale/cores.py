"""A few cores at once: threads for loops of numpy, which hold no lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

#: Cores that are used at once, at most.
_MOST = 4


def side_by_side(function: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """Return what a function makes of each part, in their order.

    Parameters
    ----------
    function
        Of one part; it must not change what others read.
    parts
        The parts.

    Returns
    -------
    list
        One result for each part.

    Examples
    --------
    >>> side_by_side(lambda part: part**2, [1, 2, 3])
    [1, 4, 9]
    """
    parts = list(parts)
    threads = min(len(parts), os.cpu_count() or 1, _MOST)
    if threads < 2:
        return [function(part) for part in parts]
    # What numpy says of overflow is a matter of the context, which threads do not inherit.
    contexts = [copy_context() for _ in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda context, part: context.run(function, part), contexts, parts))
