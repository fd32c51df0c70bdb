"""Trees of files, wherever they are: list and open, nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.manifest import Unread
from crate_iscc.paths import printable

CHUNK_SIZE = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that is in a tree.

    `folders` (with a trailing slash) holds those that are known by themselves, also empty ones;
    `refused` what is no regular file, cannot be listed, or has a name that cannot be used.
    """

    entries: EntryTable = field(default_factory=lambda: EntryTable.of(()))
    folders: tuple[str, ...] = ()
    refused: tuple[Unread, ...] = ()


class ByteStream(Protocol):
    """The bytes of one file, in one state, once.

    A stream that reaches its end has given all bytes of the file as it was listed.
    """

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer` and return how many bytes; 0 means the end.

        Raises ReadError if bytes cannot be read, are fewer or more than listed, or if the file
        has changed since it was listed.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Closing:
    """What a Tree does as a context manager: close itself at the end."""

    def close(self) -> None:
        """Let go of the tree; a tree that holds nothing open does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Tree(Protocol):
    """A tree of files that can be listed and opened; safe to use from several threads."""

    @property
    def subject(self) -> str:
        """What the tree is called in reports: the path that was given."""
        ...

    @property
    def name(self) -> str:
        """The name of the tree's root folder, or of the file that holds it."""
        ...

    def listing(self) -> Listing:
        """Return everything in the tree. Raises ReadError if there is nothing to list."""
        ...

    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the listing. Raises ReadError."""
        ...

    def close(self) -> None:
        """Let go of the tree."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def chunks(stream: ByteStream, size: int = CHUNK_SIZE) -> Iterator[bytes]:
    """Yield the bytes of a stream in pieces of at most `size`, and close it. Raises ReadError."""
    buffer = memoryview(bytearray(size))
    try:
        while count := stream.readinto(buffer):
            yield bytes(buffer[:count])
    finally:
        stream.close()


def read_all(tree: Tree, entry: Entry, *, limit: int = 1 << 30) -> bytes:
    """Return all bytes of a small file. Raises ReadError, also if it is larger than `limit`."""
    if entry.size > limit:
        raise ReadError(
            f"{printable(entry.path)} is too large to be read at once",
            cause=f"it has {entry.size} bytes, the limit is {limit}",
        )
    return b"".join(chunks(tree.open(entry)))
