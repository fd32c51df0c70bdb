"""Trees of files, wherever they are: list and open, nothing more."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import InputError, ReadError
from crate_iscc.manifest import Unread
from crate_iscc.paths import printable
from crate_iscc.report import Finding
from crate_iscc.stretch import Stretch

CHUNK_SIZE = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that is in a tree.

    `folders` (with a trailing slash) holds those that are known by themselves, also empty ones;
    `refused` what is no regular file, cannot be listed, or has a name that cannot be used;
    `remarks` what is to be said about the tree or the archive as a whole. `complete` is False
    where nobody can say what else is there: then only what is recorded was looked for.
    """

    entries: EntryTable = field(default_factory=lambda: EntryTable.of(()))
    folders: tuple[str, ...] = ()
    refused: tuple[Unread, ...] = ()
    remarks: tuple[Finding, ...] = ()
    complete: bool = True


LeftOut = Callable[[EntryTable], Iterable[int]]
"""Says which files of a table are to be left out of it, by their numbers."""


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


@dataclass(frozen=True, slots=True)
class SmallFiles:
    """Files that were read together; `failed` says why a file (by its number there) was not read.

    The bytes of a failed file may be anything. Where the bytes are no copy, `settle` has to be
    called when they have been used: it raises ReadError if they are not to be believed.
    """

    files: Stretch
    failed: dict[int, str]
    settle: Callable[[], None] | None = None


class Mapped(Protocol):
    """All bytes of one file, as they lie in the system's memory."""

    @property
    def view(self) -> memoryview:
        """The bytes; they are only to be believed once settle has said nothing."""
        ...

    def settle(self) -> None:
        """Raise ReadError unless all bytes that were used are those of the file as listed.

        To be called when they have been used for the last time.
        """
        ...

    def let_go(self, start: int, size: int, /) -> None:
        """Give up bytes of the view that were used for the last time."""
        ...

    def close(self) -> None:
        """Let go of the file; the view keeps what it needs."""
        ...


@runtime_checkable
class QuickTree(Protocol):
    """A tree that gives the bytes of its files in faster ways than one by one, copied."""

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", buffer: memoryview
    ) -> SmallFiles | None:
        """Read whole files of a table, perhaps to `buffer`, which has room for all of them.

        None where they have to be opened one by one.
        """
        ...

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a file that is not empty, or return None where that cannot be.

        Raises ReadError as open does.
        """
        ...


@runtime_checkable
class OneFileTree(Protocol):
    """A tree whose files lie in one file, an archive, and have no states of their own."""

    @property
    def state(self) -> StatKey:
        """The state of the archive when it was opened: that of each of its members."""
        ...


@runtime_checkable
class ExaminedTree(Protocol):
    """A tree that tells of each file by itself whether it is as it was listed."""

    def examine(self, entry: Entry) -> object:
        """Raise ReadError unless a file is still in the state in which it was listed."""
        ...


@runtime_checkable
class PatientTree(Protocol):
    """A tree whose bytes may be waited for."""

    def give_up(self) -> None:
        """Have all who wait for bytes fail at once, in whatever thread."""
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

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return everything in the tree, less the files that `left_out` names if it is given.

        Raises ReadError if there is nothing to list.
        """
        ...

    def top(self) -> Listing:
        """Return at least what lies at the root of the tree, as `listing` does, but sooner."""
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


def require_complete(tree: Tree, listing: Listing) -> None:
    """Raise InputError where other files may be there than those that are listed.

    A code of a whole must not be the code of a part of it.
    """
    if not listing.complete:
        raise InputError(
            f"no code can be given for {printable(tree.subject)}",
            cause="a folder on the web cannot be listed: only what its crate records is known",
            hint="check it against what it records with: crate-iscc verify",
        )


def read_all(tree: Tree, entry: Entry, *, limit: int = 1 << 30) -> bytes:
    """Return all bytes of a small file. Raises ReadError, also if it is larger than `limit`."""
    if entry.size > limit:
        raise ReadError(
            f"{printable(entry.path)} is too large to be read at once",
            cause=f"it has {entry.size} bytes, the limit is {limit}",
        )
    return b"".join(chunks(tree.open(entry)))
