"""The ways of reading files that need the C module: many small ones in one call, large ones mapped.

Everything works without it, and on systems that are not POSIX: then files are opened one by one.
"""

import os
import threading
from array import array
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.paths import printable
from crate_iscc.sources import SmallFiles
from crate_iscc.sources.listing import HAS_READING
from crate_iscc.stretch import Stretch

if HAS_READING:
    from crate_iscc.sources import _reading


def read_together(
    folder: Path, paths: Iterable[bytes], listed: EntryTable, buffer: memoryview
) -> SmallFiles | None:
    """Read the files of a table whole, one behind the other, to the start of `buffer`.

    `paths` are where they lie, relative to `folder`, or absolute. A file is failed if it is not as
    it was listed, before or after it was read.
    """
    if not HAS_READING or listed.stats is None:
        return None
    blob = b"\0".join(paths) + b"\0"
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ReadError(printable(str(folder)), cause=error.strerror) from error
    try:
        outcome = array("i")
        outcome.frombytes(_reading.read_files(handle, blob, listed.sizes, listed.stats, buffer))
    finally:
        os.close(handle)
    failed = {}
    if any(outcome):
        failed = {number: _reason(code) for number, code in enumerate(outcome) if code}
    starts = array("q", accumulate(listed.sizes[:-1], initial=0))
    return SmallFiles(Stretch(buffer, starts, listed.sizes), failed)


def _reason(code: int) -> str:
    if code > 0:
        return os.strerror(code)
    return {
        _reading.CHANGED: "it changed while it was read",
        _reading.CUT: "it was cut while it was read",
        _reading.NOT_REGULAR: "it is no regular file any more",
    }[code]


class OpenFile(Protocol):
    """An open file whose bytes begin somewhere in a file of the system."""

    @property
    def entry(self) -> Entry:
        """The file as it was listed."""
        ...

    def fileno(self) -> int:
        """Return the system's number of the file that holds the bytes."""
        ...

    def settle(self) -> None:
        """Raise ReadError unless the file is still as it was listed."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def mapped(stream: OpenFile, offset: int = 0) -> "MappedStream | None":
    """Return the bytes of an open file from `offset` on, mapped; None where that cannot be.

    The stream is closed with the mapping, or at once.
    """
    if HAS_READING and stream.entry.size:
        try:
            return MappedStream(stream, offset)
        except OSError:  # a file system that maps nothing, or too many mappings
            pass
    stream.close()
    return None


class MappedArchive:
    """All bytes of an open file in which others lie: mapped once, when it is wanted first."""

    def __init__(self, file: int, size: int, check: Callable[[], None]) -> None:
        """`check` raises ReadError where the file is not as it was."""
        self._file = file
        self._size = size
        self._check = check
        self._lock = threading.Lock()
        self._mapping: _reading.MappedFile | None = None

    def view(self) -> memoryview | None:
        """Return all bytes; None where the file cannot be mapped."""
        with self._lock:
            try:
                self._mapping = self._mapping or _reading.MappedFile(self._file, 0, self._size)
            except OSError:
                return None
            return memoryview(self._mapping)

    def bring(self, start: int, stop: int) -> None:
        """Have the bytes of a view brought into memory; no other thread waits for that."""
        stop = min(stop, self._size)
        if self._mapping is not None and 0 <= start < stop:
            self._mapping.bring(start, stop - start)

    def settle(self) -> None:
        """Raise ReadError unless all bytes that were used are those of the file."""
        if self._mapping is not None and not self._mapping.is_whole():
            raise ReadError("the archive was cut or could not be read while it was in use")
        self._check()


class MappedStream:
    """The bytes of one open file, mapped. A file that is cut meanwhile is told by settle."""

    def __init__(self, stream: OpenFile, offset: int) -> None:
        self._stream = stream
        self._mapping = _reading.MappedFile(stream.fileno(), offset, stream.entry.size)
        self.view = memoryview(self._mapping)

    def settle(self) -> None:
        """Raise ReadError unless all bytes used are those of the file as it was listed."""
        if not self._mapping.is_whole():
            path = printable(self._stream.entry.path)
            raise ReadError(path, cause="it was cut or could not be read while it was in use")
        self._stream.settle()

    def let_go(self, start: int, size: int) -> None:
        """Have bytes of the view unmapped that were used for the last time.

        The system takes its time for each page: done now, the work is shared by all processors.
        """
        self._mapping.let_go(start, size)

    def close(self) -> None:
        """Close the file; the mapping stays for as long as somebody holds its view."""
        self._stream.close()
