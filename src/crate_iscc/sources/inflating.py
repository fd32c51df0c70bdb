"""What inflates the compressed members of a zip: zlib, or a faster library if it is installed.

All libraries have the interface of Python's zlib, and release the GIL while they work.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Inflating(Protocol):
    """One raw deflate stream (RFC 1951) while it is inflated, as `zlib.decompressobj` gives it."""

    @property
    def eof(self) -> bool:
        """Whether the last block of the stream has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given behind the end of the stream."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """What was given and is still to be inflated."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes (0: any number). Raises the Inflater's error."""
        ...


@dataclass(frozen=True, slots=True)
class Inflater:
    """A library that inflates, under its name."""

    name: str
    start: Callable[[], Inflating]
    crc32: Callable[[bytes | memoryview, int], int]
    error: type[Exception]


def _installed() -> tuple[Inflater, ...]:
    plain = Inflater("zlib", lambda: zlib.decompressobj(-zlib.MAX_WBITS), zlib.crc32, zlib.error)
    try:
        from isal import isal_zlib
    except ImportError:
        return (plain,)
    fast = Inflater(
        "isal",
        lambda: isal_zlib.decompressobj(-zlib.MAX_WBITS),
        isal_zlib.crc32,
        isal_zlib.error,
    )
    return (fast, plain)


INFLATERS = _installed()
"""The libraries that are installed, the fastest first."""
