"""Lists everything below a directory, in the order of the UTF-8 bytes of the paths.

Folder by folder into columns, without an object for each file: with the C module in one call a
folder, else with what Python has.
"""

import os
import stat
from array import array
from collections.abc import Iterator
from pathlib import Path

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import ReadError
from crate_iscc.manifest import Unread
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import CratePath, path_problem, printable, utf8_order, valid_unicode
from crate_iscc.sources import Listing

try:
    from crate_iscc.sources import _reading
except ImportError:  # there was no compiler when this package was installed, or it is not POSIX
    HAS_READING = False
else:
    HAS_READING = True

_KINDS = (
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISFIFO, "a named pipe, not a regular file"),
    (stat.S_ISSOCK, "a socket, not a regular file"),
    (stat.S_ISCHR, "a device, not a regular file"),
    (stat.S_ISBLK, "a device, not a regular file"),
)


def list_directory(path: Path, subject: str, *, only_top: bool = False) -> Listing:
    """Return everything below a directory, or with `only_top` what lies in it and no deeper.

    Raises ReadError if it cannot be listed itself.
    """
    lister = _Lister(path)
    try:
        lister.list_all(only_top=only_top)
    except OSError as error:
        raise ReadError(f"cannot list {printable(subject)}", cause=error.strerror) from error
    return lister.listing()


class _Lister:
    """One walk through a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paths = PackedBytes()
        self._sizes = array("q")
        self._stats = array("Q")
        self._folders: list[str] = []
        self._refused: list[Unread] = []

    def listing(self) -> Listing:
        entries = EntryTable(self._paths, self._sizes, self._stats)
        return Listing(entries, tuple(self._folders), tuple(self._refused))

    def list_all(self, *, only_top: bool) -> None:
        """List folder after folder; raises OSError for the directory itself."""
        root = os.open(self._path, os.O_RDONLY) if HAS_READING else -1
        try:
            # Each folder as it comes: the files before a sub-folder, then that, then the rest.
            waiting = [iter(self._folder(root, ""))]
            while waiting:
                below = next(waiting[-1], None)
                if below is None:
                    waiting.pop()
                    continue
                self._folders.append(below)
                if only_top:
                    continue
                try:
                    waiting.append(iter(self._folder(root, below)))
                except OSError as error:
                    reason = f"cannot be listed: {error.strerror}"
                    self._refused.append(Unread(CratePath(below), reason))
        finally:
            if root >= 0:
                os.close(root)

    def _folder(self, root: int, folder: str) -> Iterator[str]:
        """List a folder and return its sub-folders; what is between them is taken on the way."""
        if HAS_READING:
            paths, kinds, sizes, states = _reading.list_folder(root, folder.encode("utf-8"))
            if _is_utf8(paths):
                return self._quickly(paths, kinds, sizes, states)
        return self._one_by_one(self._scan(folder))

    def _quickly(self, paths: bytes, kinds: bytes, sizes: bytes, states: bytes) -> Iterator[str]:
        if not any(kinds):
            self._take(paths, sizes, states)
            return
        names = paths.split(b"\0")
        start = 0
        for number, kind in enumerate(kinds):
            if kind == _reading.REGULAR:
                continue
            if number > start:
                blob = b"\0".join(names[start:number]) + b"\0"
                self._take(blob, sizes[8 * start : 8 * number], states[32 * start : 32 * number])
            start = number + 1
            path = names[number].decode("utf-8")
            if kind == _reading.FOLDER:
                yield path
            else:
                self._examine(path)
        blob = b"\0".join(names[start:])
        self._take(blob, sizes[8 * start :], states[32 * start :])

    def _take(self, paths: bytes, sizes: bytes, states: bytes) -> None:
        self._paths.extend_ended(paths)
        self._sizes.frombytes(sizes)
        self._stats.frombytes(states)

    def _examine(self, path: str) -> None:
        """Say why something is no file of the listing."""
        try:
            found = examined(path, os.lstat(self._path / path))
        except OSError as error:
            found = Unread(CratePath(path), error.strerror or "cannot be examined")
        if not isinstance(found, Unread):
            found = Unread(CratePath(path), "it changed while it was listed")
        self._refused.append(found)

    def _one_by_one(self, found: list[Entry | Unread | str]) -> Iterator[str]:
        for item in found:
            match item:
                case Entry(stat=StatKey() as state):
                    self._paths.append(utf8_order(item.path))
                    self._sizes.append(item.size)
                    self._stats.extend(state.words())
                case Unread():
                    self._refused.append(item)
                case str():
                    yield item

    def _scan(self, folder: str) -> list[Entry | Unread | str]:
        """Return what is in a folder, sub-folders as their paths. Raises OSError."""
        found: list[tuple[bytes, Entry | Unread | str]] = []
        with os.scandir(self._path / folder) as scan:
            for item in scan:
                path = folder + item.name
                if problem := path_problem(path):
                    refused = _unnameable(path, problem)
                    found.append((os.fsencode(path), refused))
                elif item.is_dir(follow_symlinks=False):
                    found.append((utf8_order(path + "/"), path + "/"))
                else:
                    try:
                        status = item.stat(follow_symlinks=False)
                    except OSError as error:
                        reason = error.strerror or "cannot be examined"
                        found.append((utf8_order(path), Unread(CratePath(path), reason)))
                    else:
                        found.append((utf8_order(path), examined(path, status)))
        found.sort(key=lambda pair: pair[0])
        return [item for _, item in found]


def _is_utf8(paths: bytes) -> bool:
    try:
        paths.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unnameable(path: str, problem: str) -> Unread:
    """Return something whose name no crate can write."""
    shown = CratePath(valid_unicode(path))
    return Unread(shown, problem, is_file=False, kind="path.portability")


def examined(path: str, status: os.stat_result) -> Entry | Unread:
    """Return a file by its status, or why it is none."""
    if stat.S_ISREG(status.st_mode):
        return Entry(CratePath(path), status.st_size, stat_key(status))
    kind = next((word for test, word in _KINDS if test(status.st_mode)), "no file")
    return Unread(CratePath(path), kind, is_file=False, kind="file.special")


def stat_key(status: os.stat_result) -> StatKey:
    """Return what of a file's status tells whether it changed."""
    return StatKey(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
