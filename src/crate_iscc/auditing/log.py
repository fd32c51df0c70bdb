"""Appends to a log and reads it, alone with it for as long as that takes."""

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from crate_iscc.audit import LONGEST_RECORD, Chain, record_line
from crate_iscc.errors import InputError, ReadError, WriteError
from crate_iscc.paths import printable
from crate_iscc.replacing import flush_folder
from crate_iscc.report import Report

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def append(place: Path, report: Report, now: datetime) -> None:
    """Append the record of a verification to a log, which is made if it is not there.

    The log is read whole before: a damaged one is not appended to. Then the record is written at
    once, and flushed to the disk; where that fails, nothing of it stays. Processes that append to
    one log do so one after the other, where the system has locks.

    Raises InputError for what is no log or a damaged one, WriteError where it cannot be written.
    """
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        is_new = not place.exists()
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o666)
        with contextlib.closing(_File(handle, place, shared=False)) as file:
            chain = file.whole_chain()
            extent = chain.extent
            line = record_line(
                report, moment=moment, number=extent.records + 1, previous=extent.head
            )
            file.write(line, after=extent.size)
        if is_new:
            flush_folder(place.parent)
    except OSError as error:
        raise WriteError(
            f"cannot append to {printable(str(place))}", cause=error.strerror
        ) from error


def require_appendable(place: Path) -> None:
    """Raise InputError, ReadError or WriteError unless a log can be added to, or made."""
    there = place.exists()
    if there:
        with _opened(place) as file:
            file.whole_chain()
    elif not place.parent.is_dir():
        raise InputError(f"there is no folder {printable(str(place.parent))} to keep a log in")
    if not os.access(place if there else place.parent, os.W_OK):
        raise WriteError(f"cannot append to {printable(str(place))}", cause="permission denied")


def read_chain(place: Path, marks: Collection[int] = ()) -> Chain:
    """Return the chain of a log, with its extents at the `marks`. Raises InputError, ReadError."""
    with _opened(place) as file:
        chain = Chain(marks)
        for line in file.lines():
            chain.add(line)
        return chain


@contextlib.contextmanager
def _opened(place: Path) -> Iterator["_File"]:
    try:
        handle = os.open(place, os.O_RDONLY | _FLAGS)
        with contextlib.closing(_File(handle, place, shared=True)) as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"there is no log {printable(str(place))}") from error
    except OSError as error:
        raise ReadError(f"cannot read {printable(str(place))}", cause=error.strerror) from error


class _File:
    """A log that is open, and locked until it is closed."""

    def __init__(self, handle: int, place: Path, *, shared: bool) -> None:
        self._handle = handle
        self._place = place
        try:
            self._require_file()
            self._lock(shared=shared)
        except BaseException:
            os.close(handle)
            raise

    def _require_file(self) -> None:
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise InputError(f"no log can be kept in {printable(str(self._place))}: it is no file")

    def _lock(self, *, shared: bool) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
                raise  # only a file system without locks goes on without one

    def close(self) -> None:
        """Close the log, and let others have it."""
        os.close(self._handle)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines; of one that is longer than any record, pieces."""
        with open(self._handle, "rb", closefd=False) as reader:
            while line := reader.readline(LONGEST_RECORD + 1):
                yield line

    def whole_chain(self) -> Chain:
        """Return the chain. Raises InputError for one that is damaged."""
        chain = Chain()
        for line in self.lines():
            chain.add(line)
            if chain.problem:
                raise InputError(
                    f"{printable(str(self._place))} is damaged, or no log: nothing is added to it",
                    cause=chain.problem.message,
                    hint=f"see what is wrong: crate-iscc audit {printable(str(self._place))}",
                )
        return chain

    def write(self, line: bytes, *, after: int) -> None:
        """Write a line behind so many bytes, whole or not at all. Raises OSError."""
        try:
            self._write_at_once(line)
            os.fsync(self._handle)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, after)
            raise

    def _write_at_once(self, line: bytes) -> None:
        if os.write(self._handle, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
