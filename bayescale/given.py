"""Numbers as users give them: one, or an array of them, or an error that says what was got."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bayescale.errors import BayescaleError, DataError, LawError

if TYPE_CHECKING:
    import numpy as np


#: Smaller positive numbers lose their digits, and then logs and powers of them their sense.
SMALLEST = sys.float_info.min
#: Squares of larger numbers are infinite.
LARGEST = 1e150


def one_number(value: Any) -> float | None:
    """Return a single number as a float, or None for what is none: text, truth, array, missing.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    float or None
        Infinite for a whole number of too many digits.

    Examples
    --------
    >>> one_number(3), one_number("3"), one_number(True), one_number([3.0])
    (3.0, None, None, None)
    """
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if isinstance(value, bool | str | bytes | type) or kind not in ("i", "u", "f"):
        return None
    if getattr(value, "ndim", 0):
        return None
    if not hasattr(value, "__float__") or bool(getattr(value, "mask", False)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return None


def as_text(value: Any) -> str:
    """Return what a value is called; of a table or an array only its shape, which are no names."""
    return short(value) if getattr(value, "ndim", 0) else str(value)


def in_words(value: Any) -> str:
    """Return what was given, for a message: text and numbers as they are, of all else the kind.

    Parameters
    ----------
    value
        Anything.

    Examples
    --------
    >>> in_words("normal"), in_words(float), in_words([1, 2])
    ("'normal'", 'the class float', 'list')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    plain = value is None or isinstance(value, str | bytes | int | float)
    return short(value) if plain else type(value).__name__


def as_array(called: str, values: Any) -> np.ndarray:
    """Return one number or several as an array of floats, which may hold NaN and infinities.

    Parameters
    ----------
    called
        What they were given for, for the message: "x=".
    values
        A number, or a list, an array or a column of them, of any shape.

    Returns
    -------
    numpy.ndarray
        The same.

    Raises
    ------
    DataError
        If it holds anything but numbers.

    Examples
    --------
    >>> as_array("x=", [1, 10]).tolist()
    [1.0, 10.0]
    """
    import numpy as np

    def wrong() -> DataError:
        return DataError(f"{called} must hold numbers; got {short(values)}.")

    if np.ma.is_masked(values):
        raise wrong()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of masked numbers in a list
            array = np.asarray(values)
        if array.dtype.kind in "iufUS":
            return array.astype(float)
    except (TypeError, ValueError, OverflowError, UserWarning):
        raise wrong() from None
    if array.dtype.kind != "O":
        raise wrong()
    numbers = [one_number(value) for value in array.ravel()]
    if None in numbers:
        raise wrong()
    return np.array(numbers, float).reshape(array.shape)


def shares(called: str, values: Any) -> np.ndarray:
    """Return one number or several, each between 0 and 1, as an array; or raise a DataError."""
    array = as_array(called, values)
    if array.ndim > 1 or not ((array >= 0) & (array <= 1)).all():
        raise DataError(f"{called} must lie between 0 and 1, one or a list; got {short(values)}.")
    return array


def of_one_shape(**arrays: np.ndarray) -> None:
    """Raise a DataError for arrays that do not broadcast."""
    import numpy as np

    try:
        np.broadcast_shapes(*(np.shape(array) for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise DataError(
            f"Give one number for all, or as many of each; the shapes are {shapes}."
        ) from None


def called(name: str, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Return what a user's function returns, or an error that says whose function failed.

    Parameters
    ----------
    name
        The argument that it was given as.
    function
        Of the user.
    *args, **more
        What it is called with.

    Raises
    ------
    LawError
        If it raises an error, which is the cause of ours and keeps its traceback.
    """
    try:
        return function(*args, **more)
    except BayescaleError:
        raise
    except Exception as error:
        raise LawError(
            f"The function given as {name}= failed with {type(error).__name__}: {error}"
        ) from error


def has_length(value: Any) -> bool:
    """Return whether a value has a length, which an array of no dimensions lacks, for all its name.

    Parameters
    ----------
    value
        Anything.

    Examples
    --------
    >>> has_length([1, 2]), has_length(3.0)
    (True, False)
    """
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0


def short(value: Any) -> str:
    """Return what was got, for a message: itself where that is short, else of which kind it is."""
    plain = isinstance(value, str | int | float | complex | bytes | list | tuple | dict | set)
    kind = type(value).__name__
    if value is not None and not plain and getattr(value, "ndim", 0):
        return f"{kind} of shape {value.shape}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words = " ".join(repr(value).split())
    except Exception:  # whatever an object of somebody else's does when it is shown
        return kind
    return words if len(words) <= 80 else f"{words[:77]}..."
