"""Text that somebody else wrote, safe to print: nothing in it moves a cursor or hides."""

from __future__ import annotations

import unicodedata

#: Marks that turn the direction of what follows, so that text reads as what it is not.
_TURNS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}


def visible(text: str, keep: str = "") -> str:
    r"""Return text with control characters and marks of direction written out.

    Parameters
    ----------
    text
        Names of columns, labels and values from a user's table or file, and messages with them.
    keep
        Control characters that may stay, such as line breaks.

    Returns
    -------
    str
        An escape character, which could change a terminal, is shown as ``\x1b``.

    Examples
    --------
    >>> visible("loss" + chr(27) + "[31m")
    'loss\\x1b[31m'
    """
    return "".join(c if c in keep or not _acts(c) else ascii(c)[1:-1] for c in text)


def _acts(character: str) -> bool:
    return character in _TURNS or unicodedata.category(character) in ("Cc", "Cs")
