"""A tree of files in a directory. Links are never followed, and only regular files are opened."""

import io
import os
import stat
from array import array
from pathlib import Path

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import printable
from crate_iscc.sources import Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.listing import list_directory
from crate_iscc.sources.quick import mapped, read_together

# O_NONBLOCK: opening a pipe must not wait for a writer. Windows has neither flag.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class DirectoryTree(Closing):
    """The files below one directory. Raises InputError if it is none."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InputError(f"not a directory: {printable(str(path))}")
        self.path = path.resolve()
        self.subject = str(path)
        self.name = self.path.name or "dataset"

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return everything below the directory, less the files that are to be left out."""
        listing = list_directory(self.path, self.subject)
        if left_out:
            listing.entries.leave_out(left_out(listing.entries))
        return listing

    def top(self) -> Listing:
        """Return what lies in the directory itself."""
        return list_directory(self.path, self.subject, only_top=True)

    def open(self, entry: Entry) -> "FileStream":
        """Open a file of the listing. Raises ReadError."""
        return FileStream(self.path / entry.path, entry)

    def examine(self, entry: Entry) -> None:
        """Raise ReadError unless there still is a file as it was listed; it is not opened."""
        try:
            _check(os.lstat(self.path / entry.path), entry)
        except OSError as error:
            raise ReadError(printable(entry.path), cause=error.strerror) from error

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a file of the listing, where that can be done. Raises ReadError."""
        return mapped(self.open(entry))

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", buffer: memoryview
    ) -> SmallFiles | None:
        """Read whole files in one call, where the C module is there to do it."""
        chosen = entries.chosen(numbers)
        return read_together(self.path, chosen.path_column, chosen, buffer)


class FileStream:
    """The bytes of a regular file, checked to stay in the state in which it was listed."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self._path = path
        self._entry = entry
        self._left = entry.size
        try:
            handle = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise ReadError(printable(entry.path), cause=error.strerror) from error
        try:
            status = os.fstat(handle)
            self._check(status)
            self._opened_ns = status.st_ctime_ns
            self._file = io.FileIO(handle)  # refuses a folder, and then leaves it open
        except OSError as error:
            os.close(handle)
            raise ReadError(printable(entry.path), cause=error.strerror) from error
        except BaseException:
            os.close(handle)
            raise

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        try:
            if not self._left:
                self.settle()
                return 0
            count = self._file.readinto(buffer[: self._left])
        except OSError as error:
            raise ReadError(printable(self._entry.path), cause=error.strerror) from error
        if not count:
            raise ReadError(printable(self._entry.path), cause="it was cut while it was read")
        self._left -= count
        return count

    def settle(self) -> None:
        """Raise ReadError unless the file, and what its path names, are still as listed."""
        try:
            status = os.fstat(self._file.fileno())
            self._check(status)
            self._check(os.lstat(self._path))
        except OSError as error:
            raise ReadError(printable(self._entry.path), cause=error.strerror) from error
        # Whoever writes to a file can put its mtime back, but not its ctime.
        if status.st_ctime_ns != self._opened_ns:
            raise ReadError(printable(self._entry.path), cause="it changed while it was read")

    @property
    def entry(self) -> Entry:
        """The file as it was listed."""
        return self._entry

    def fileno(self) -> int:
        """Return the system's number of the open file."""
        return self._file.fileno()

    def _check(self, status: os.stat_result) -> None:
        _check(status, self._entry)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _check(status: os.stat_result, entry: Entry) -> None:
    """Raise ReadError unless a file is as it was listed."""
    if not stat.S_ISREG(status.st_mode):
        raise ReadError(printable(entry.path), cause="it is no regular file any more")
    if status.st_size != entry.size or _changed(status, entry.stat):
        raise ReadError(printable(entry.path), cause="it changed while it was read")


def _changed(status: os.stat_result, listed: StatKey | None) -> bool:
    """Compare content time and identity; a change of permissions (ctime) before it is none."""
    return listed is not None and (status.st_mtime_ns, status.st_ino, status.st_dev) != (
        listed.mtime_ns,
        listed.inode,
        listed.device,
    )
