"""What a plot draws: one kind of record, or of table; anything else is refused with its source."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from bayescale.errors import LawError
from bayescale.given import in_words

_Asked = ParamSpec("_Asked")
_Axes = TypeVar("_Axes")


def takes(
    made_by: str, *names: str
) -> Callable[[Callable[_Asked, _Axes]], Callable[_Asked, _Axes]]:
    """Return a decorator for a plot whose first argument has these attributes or columns.

    Parameters
    ----------
    made_by
        The call whose result is drawn, for the message.
    *names
        What it has and other things lack: columns of a table, else attributes.
    """

    def of(plot: Callable[_Asked, _Axes]) -> Callable[_Asked, _Axes]:
        first = next(iter(signature(plot).parameters))

        @wraps(plot)
        def drawn(*args: _Asked.args, **more: _Asked.kwargs) -> _Axes:
            if args or first in more:  # else Python says what is missing
                missing = _missing(args[0] if args else more[first], names)
                if missing is not None:
                    name = plot.__name__
                    raise LawError(f"{name}() draws what {made_by} returns; got {missing}.")
            return plot(*args, **more)

        return drawn

    return of


def _missing(given: Any, names: tuple[str, ...]) -> str | None:
    """Return what was given, in words, or None where it is what it should be."""
    if isinstance(given, type):  # a class has the attributes, too
        return in_words(given)
    if hasattr(given, "columns") and hasattr(given, "iloc"):  # a table has methods of such names
        lacks = [name for name in names if name not in given.columns]
        return f"a table without {', '.join(lacks)}" if lacks else None
    return None if all(hasattr(given, name) for name in names) else in_words(given)
