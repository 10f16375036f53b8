"""A seal at the end of a file: whether its bytes are those that were written.

HDF5 is C, and a damaged file can take the process down in it. So it is given none: what it would
read is compared with the seal first. HDF5 itself does not look at what stands behind its own end.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

#: What a seal begins with; the digest of all before it follows.
_MARK = b"\nbayescale seal "
_LENGTH = len(_MARK) + hashlib.sha256().digest_size
#: Bytes that are read at once.
_PART = 2**20


def sealed(content: bytes) -> bytes:
    """Return a content with its seal behind it.

    Examples
    --------
    >>> len(sealed(b"abc")) - len(b"abc")
    48
    """
    return content + _MARK + hashlib.sha256(content).digest()


def has_seal(place: Path) -> bool:
    """Return whether a file ends in a seal, whole or broken."""
    return _seal(place) is not None


def is_broken(place: Path) -> bool:
    """Return whether a file has a seal, of other bytes than stand before it."""
    seal = _seal(place)
    if seal is None:
        return False
    digest, left = hashlib.sha256(), place.stat().st_size - _LENGTH
    with place.open("rb") as file:
        while part := file.read(min(_PART, left)):
            digest.update(part)
            left -= len(part)
    return digest.digest() != seal


def _seal(place: Path) -> bytes | None:
    with place.open("rb") as file:
        size = file.seek(0, 2)
        if size < _LENGTH:
            return None
        file.seek(size - _LENGTH)
        end = file.read()
    return end[len(_MARK) :] if end.startswith(_MARK) else None
