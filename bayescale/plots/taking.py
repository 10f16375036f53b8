"""What a plot draws: one kind of record, or of table; anything else is refused with its source."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bayescale.errors import LawError
from bayescale.given import in_words

_More = ParamSpec("_More")
_Drawn = TypeVar("_Drawn")
_Axes = TypeVar("_Axes")


def takes(
    made_by: str, *names: str
) -> Callable[
    [Callable[Concatenate[_Drawn, _More], _Axes]], Callable[Concatenate[_Drawn, _More], _Axes]
]:
    """Return a decorator for a plot whose first argument has these attributes or columns.

    Parameters
    ----------
    made_by
        The call whose result is drawn, for the message.
    *names
        What it has and other things lack: columns of a table, else attributes.
    """

    def of(
        plot: Callable[Concatenate[_Drawn, _More], _Axes],
    ) -> Callable[Concatenate[_Drawn, _More], _Axes]:
        @wraps(plot)
        def drawn(given: _Drawn, *args: _More.args, **more: _More.kwargs) -> _Axes:
            missing = _missing(given, names)
            if missing is not None:
                raise LawError(f"{plot.__name__}() draws what {made_by} returns; got {missing}.")
            return plot(given, *args, **more)

        return drawn

    return of


def _missing(given: Any, names: tuple[str, ...]) -> str | None:
    """Return what was given, in words, or None where it is what it should be."""
    if isinstance(given, type):  # a class has the attributes, too
        return in_words(given)
    if hasattr(given, "iloc"):  # a table has methods of such names
        lacks = [name for name in names if name not in given.columns]
        return f"a table without {', '.join(lacks)}" if lacks else None
    return None if all(hasattr(given, name) for name in names) else in_words(given)
