"""The one seam to compiled code: hashers that turn a byte stream into a Fingerprint."""

from collections.abc import Callable
from typing import Protocol

from crate_iscc.codes import Fingerprint


class Hasher(Protocol):
    """Takes the bytes of one stream in order and ends in one Fingerprint."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes; any number of them at a time gives the same result."""
        ...

    def finish(self) -> Fingerprint:
        """Return the fingerprint of all bytes taken; the hasher must not be used again."""
        ...


class Kernel(Protocol):
    """An implementation of the ISCC-SUM that knows its own name, such as `iscc-lib 0.7.0`."""

    @property
    def name(self) -> str:
        """The implementation and its version, as it is written into crates and reports."""
        ...

    def hasher(self) -> Hasher:
        """Return a fresh ISCC-SUM hasher: its fingerprints are complete."""
        ...


MakeHasher = Callable[[], Hasher]
"""A function that returns a fresh hasher."""
