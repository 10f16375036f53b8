"""The errors and warnings that users see, and the nearest match for a name that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches


class BayescaleError(Exception):
    """Something bayescale was given cannot be used; the message says what to do."""


class DataError(BayescaleError, ValueError):
    """The table of runs cannot be used with this law or likelihood."""


class PriorError(BayescaleError, ValueError):
    """A prior is not a distribution that its parameter can have."""


class LawError(BayescaleError, TypeError):
    """A law was described or used in a way that its form does not allow."""


class FileError(BayescaleError, OSError):
    """A file is missing, damaged, or not one of ours."""


class CheckError(BayescaleError, AssertionError):
    """A law or a likelihood fails a check that every one of them must pass."""


class UnknownNameError(BayescaleError, KeyError):
    """A name that is not in the list of names."""

    def __str__(self) -> str:
        """Return the message without the quotes that KeyError puts around it."""
        return str(self.args[0]) if self.args else ""


class BayescaleWarning(UserWarning):
    """Something a careful user wants to know before believing the numbers."""


class DataWarning(BayescaleWarning):
    """The runs can be fitted, but they say little about a part of the law, or say it twice."""


class SamplingWarning(BayescaleWarning):
    """The draws should not be trusted yet; the message says what to change."""


def nearest(name: str, options: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the option nearest to a name, or an empty string.

    Parameters
    ----------
    name
        What was written.
    options
        What could have been written.

    Returns
    -------
    str
        A sentence that starts with a space, or nothing when no option is near.

    Examples
    --------
    >>> nearest("losss", ["loss", "params"])
    " Did you mean 'loss'?"
    """
    lowered = {option.lower(): option for option in options}
    match = get_close_matches(str(name).lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean {lowered[match[0]]!r}?" if match else ""


def listed(names: Iterable[str]) -> str:
    """Return names with commas between them; one that holds a comma stands in quotes.

    Examples
    --------
    >>> listed(["loss", "size, millions"])
    "loss, 'size, millions'"
    """
    return ", ".join(repr(name) if "," in name else name for name in names)


def unknown(kind: str, name: str, options: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not in a list.

    Parameters
    ----------
    kind
        What the name is of: "data set", "law".
    name
        What was written.
    options
        What could have been written.

    Returns
    -------
    UnknownNameError
        To be raised by the caller.
    """
    known = sorted(options)
    return UnknownNameError(
        f"There is no {kind} {name!r}. Available: {listed(known)}.{nearest(name, known)}"
    )
