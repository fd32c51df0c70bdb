"""Reads a file of any tree here and there, as decoders do, and never a byte outside of the tree."""

import io
import os
import tempfile
import threading
from typing import Any, Protocol

from crate_iscc.entries import Entry
from crate_iscc.errors import ReadError
from crate_iscc.paths import CratePath, printable
from crate_iscc.pixels import NoPixelsError
from crate_iscc.sources import Listing, Mapped, QuickTree, Tree, chunks
from crate_iscc.sources.directory import FileStream

_IN_MEMORY = 1 << 26
"""A copy of a packed file of more bytes lies on disk, without a name."""


class RandomAccess(Protocol):
    """The bytes of one file, from any place; safe to use from several threads."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes there, fewer only at the end of the file. Raises ReadError."""
        ...

    def settle(self) -> None:
        """Raise ReadError unless the file is still as it was listed."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def random_access(tree: Tree, entry: Entry) -> RandomAccess:
    """Open a file of a tree for reading here and there. Raises ReadError.

    A file of a directory is read in place and a stored member of an archive mapped; of one that is
    packed a copy is made, which has no name and goes with the object.
    """
    stream = tree.open(entry)
    if isinstance(stream, FileStream) and hasattr(os, "pread"):
        return _Placed(stream)
    stream.close()
    if isinstance(tree, QuickTree) and (held := tree.mapped(entry)) is not None:
        return _Held(held, entry)
    return _Copied(tree, entry)


class _Placed:
    def __init__(self, stream: FileStream) -> None:
        self._stream = stream
        self.size = stream.entry.size

    def read(self, offset: int, length: int) -> bytes:
        wanted = max(0, min(length, self.size - offset))
        pieces = []
        try:
            while wanted and (piece := os.pread(self._stream.fileno(), wanted, offset)):
                pieces.append(piece)
                offset += len(piece)
                wanted -= len(piece)
        except OSError as error:
            raise ReadError(printable(self._stream.entry.path), cause=error.strerror) from error
        if wanted:
            raise ReadError(
                printable(self._stream.entry.path), cause="it was cut while it was read"
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def settle(self) -> None:
        self._stream.settle()

    def close(self) -> None:
        self._stream.close()


class _Held:
    def __init__(self, held: Mapped, entry: Entry) -> None:
        self._held = held
        self.size = entry.size

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._held.view[offset : offset + max(0, length)])

    def settle(self) -> None:
        self._held.settle()

    def close(self) -> None:
        self._held.close()


class _Copied:
    def __init__(self, tree: Tree, entry: Entry) -> None:
        self.size = entry.size
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        try:
            for piece in chunks(tree.open(entry)):
                self._file.write(piece)
        except OSError as error:
            self._file.close()
            raise ReadError(printable(entry.path), cause=error.strerror) from error
        except BaseException:
            self._file.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(max(0, length))

    def settle(self) -> None:
        """Do nothing: all of it was read, once."""

    def close(self) -> None:
        self._file.close()


class OneFile:
    """A file of a listed tree that is opened when its images are asked for: what readers share."""

    def __init__(self, tree: Tree, listing: Listing, path: CratePath) -> None:
        self._tree = tree
        self._entry = listing.entries.get(path)
        self._path = path
        self._source: RandomAccess | None = None

    def settle(self) -> None:
        """Raise ReadError unless the file is as it was listed."""
        if self._source:
            self._source.settle()

    def close(self) -> None:
        """Let go of the file."""
        if self._source:
            self._source.close()
            self._source = None

    def _opened(self) -> RandomAccess:
        if self._entry is None:
            raise NoPixelsError("it is not there")
        self._source = random_access(self._tree, self._entry)
        return self._source


class AsFile(io.RawIOBase):
    """RandomAccess as an open binary file, for packages that want one; not for several threads."""

    def __init__(self, source: RandomAccess, name: str) -> None:
        super().__init__()
        self.source = source
        self.name = name
        self._place = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted from the start, from here, or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.source.size}[whence]
        if base + offset < 0:
            raise OSError("a place before the start of the file")
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes, fewer at the end of the file; `size` may be a lie, and costs nothing."""
        wanted = self.source.size if size is None or size < 0 else size
        piece = self.source.read(self._place, min(wanted, self.source.size))
        self._place += len(piece)
        return piece

    def readinto(self, buffer: Any) -> int:
        """Fill the start of a buffer."""
        view = memoryview(buffer).cast("B")
        piece = self.source.read(self._place, len(view))
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
