"""A file of a named data set: where it lies below `$MODELWRIGHT_DATA`, its checksum, and its address.

An address is given only where the bytes (or what they unpack to) are known to be these; other files are put into
`$MODELWRIGHT_DATA` by hand.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stored:
    """One file. `content`: sha256 of what it unpacks to, for files that mirrors pack differently."""

    path: str
    sha256: str
    bytes: int
    content: str = ""
    url: str = ""
