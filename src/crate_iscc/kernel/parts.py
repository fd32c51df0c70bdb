"""What is known of a part of a byte stream, so that parts join to the code of the whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from crate_iscc.codes import Fingerprint
from crate_iscc.stretch import Bytes, Stretch


@dataclass(frozen=True, slots=True)
class Segment:
    """Some bytes of a part: how many, and what the Data-Code keeps of them.

    A segment begins where a chunk begins if the part is chunked by itself.
    """

    size: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Subtree:
    """The chaining value of 2^level chunks of BLAKE3, of 1024 bytes each."""

    level: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """A part of a stream: `size` bytes from `start` on.

    For the Data-Code: `head` are its first bytes, in which its chunks and those of the whole stream
    meet, unless the bytes repeat; `segments` are the bytes behind. For BLAKE3: `before` are the
    bytes up to the first chunk that begins in the part, `after` those of the last one that does not
    end in it, `subtrees` what is between.
    """

    start: int
    size: int
    head: bytes
    segments: tuple[Segment, ...]
    before: bytes
    subtrees: tuple[Subtree, ...]
    after: bytes


ReadAgain = Callable[[int, int], Iterator[bytes]]
"""Gives some bytes of a stream once more: where they start, and how many there are."""


class PartHasher(Protocol):
    """Takes the bytes of a part of a stream in order and ends in a PartState."""

    def update_ahead(self, data: Bytes, ahead: bytes, /) -> None:
        """Take the next bytes, of which SharingKernel.ahead has returned `ahead`."""
        ...

    def update_files(self, files: Stretch, chunks: bytes, /) -> None:
        """Take files, one after another; `chunks` are those of SharingKernel.files."""
        ...

    def finish(self) -> PartState:
        """Return the state of all bytes taken; the hasher must not be used again."""
        ...


class PartJoiner(Protocol):
    """Takes the parts of one stream in order and ends in the fingerprint of the whole."""

    def add(self, part: PartState, read_again: ReadAgain, /) -> None:
        """Take the next part; bytes are read again where its chunks do not meet those before.

        Raises ValueError if it does not begin where the part before ended, or contradicts itself.
        """
        ...

    def finish(self) -> Fingerprint:
        """Return the fingerprint. Raises ValueError unless all bytes of the stream were covered."""
        ...


class PartingKernel(Protocol):
    """A kernel that computes codes of parts of a stream; streams have `total` bytes."""

    def part_hasher(self, start: int, total: int) -> PartHasher:
        """Return a fresh hasher of the part that begins at byte `start`."""
        ...

    def part_joiner(self, total: int) -> PartJoiner:
        """Return what takes all parts of a stream."""
        ...
