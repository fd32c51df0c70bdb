"""Lists everything below a directory, in the order of the UTF-8 bytes of the paths.

Folder by folder into columns, without an object for each file: with the C module in one call a
folder, else with what Python has.
"""

import contextlib
import errno
import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
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
            waiting = [iter(self._folder(root, _Folder("", b"")))]
            while waiting:
                below = next(waiting[-1], None)
                if below is None:
                    waiting.pop()
                    continue
                self._folders.append(below.path)
                if only_top:
                    continue
                try:
                    waiting.append(iter(self._folder(root, below)))
                except OSError as error:
                    swapped = error.errno == errno.ESTALE
                    reason = "it changed while it was listed" if swapped else error.strerror
                    refused = Unread(CratePath(below.path), f"cannot be listed: {reason}")
                    self._refused.append(refused)
        finally:
            if root >= 0:
                os.close(root)

    def _folder(self, root: int, folder: "_Folder") -> Iterator["_Folder"]:
        """List a folder and return its sub-folders; what is between them is taken on the way."""
        if HAS_READING:
            paths, kinds, sizes, states = _reading.list_folder(
                root, folder.path.encode("utf-8"), folder.state
            )
            if _is_utf8(paths):
                return self._quickly(paths, kinds, sizes, states)
        return self._one_by_one(self._scan(folder))

    def _quickly(
        self, paths: bytes, kinds: bytes, sizes: bytes, states: bytes
    ) -> Iterator["_Folder"]:
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
                yield _Folder(path, states[32 * number : 32 * (number + 1)])
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
            status = os.lstat(self._path / path)
        except OSError as error:
            self._refused.append(Unread(CratePath(path), _cannot_be_examined(error)))
            return
        found = examined(path, status)
        if stat.S_ISDIR(status.st_mode):  # it was none, or nothing was known of it
            found = Unread(CratePath(path + "/"), "cannot be listed: it could not be examined")
        elif not isinstance(found, Unread):
            found = Unread(CratePath(path), "it changed, or could not be examined, when listed")
        self._refused.append(found)

    def _one_by_one(self, found: list["Entry | Unread | _Folder"]) -> Iterator["_Folder"]:
        for item in found:
            match item:
                case Entry(stat=StatKey() as state):
                    self._paths.append(utf8_order(item.path))
                    self._sizes.append(item.size)
                    self._stats.extend(state.words())
                case Unread():
                    self._refused.append(item)
                case _Folder():
                    yield item

    def _scan(self, folder: "_Folder") -> list["Entry | Unread | _Folder"]:
        """Return what is in a folder. Raises OSError."""
        found: list[tuple[bytes, Entry | Unread | _Folder]] = []
        with _opened(self._path / folder.path, folder.state) as handle, os.scandir(handle) as scan:
            for item in scan:
                path = folder.path + item.name
                if problem := path_problem(path):
                    refused = _unnameable(path, problem)
                    found.append((os.fsencode(path), refused))
                    continue
                try:
                    status = item.stat(follow_symlinks=False)
                except OSError as error:
                    unread = Unread(CratePath(path), _cannot_be_examined(error))
                    found.append((utf8_order(path), unread))
                    continue
                if stat.S_ISDIR(status.st_mode):
                    below = _Folder(path + "/", array("Q", stat_key(status).words()).tobytes())
                    found.append((utf8_order(below.path), below))
                else:
                    found.append((utf8_order(path), examined(path, status)))
        found.sort(key=lambda pair: pair[0])
        return [item for _, item in found]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A sub-folder: its path, and its state (StatKey.words) as the folder above it gave it."""

    path: str
    state: bytes


@contextlib.contextmanager
def _opened(place: Path, state: bytes) -> Iterator[int | Path]:
    """Open a folder to be listed; raises OSError (ESTALE) if it is not the one with that state."""
    if os.scandir not in os.supports_fd:  # not POSIX
        yield place
        return
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        now = stat_key(os.fstat(handle)).words()
        if state and array("Q", state)[2:] != array("Q", now)[2:]:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        yield handle
    finally:
        os.close(handle)


def _cannot_be_examined(error: OSError) -> str:
    return f"cannot be examined: {error.strerror}"


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
