"""Writes a file so that it appears whole or not at all, and clears up after those who were killed.

What is not finished yet lies beside its place, under a name of its own, and is locked for as long
as its writer lives: so what a killed process left behind can be told from what is being written.
"""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: there, nobody can remove a file that another process holds open
    fcntl = None  # type: ignore[assignment]

_ENDING = ".partial"
_RANDOM = "[a-z0-9_]{8}"
"""What tempfile puts into a name."""
_ATTEMPTS = 100


@contextlib.contextmanager
def replacing(path: Path, *, with_folder: bool = True) -> Iterator[IO[bytes]]:
    """Give a file to write that takes the place of `path` if all goes well.

    It is written beside its place, flushed to the disk and renamed; then the folder is flushed,
    unless that is left to the caller. If anything goes wrong, what was there before still is.
    Raises OSError.
    """
    with unfinished(path) as temporary:
        with temporary.open("r+b") as file:
            yield file
            flush(file)
        temporary.chmod(_mode_for(path))
        temporary.replace(path)
    if with_folder:
        flush_folder(path.parent)


@contextlib.contextmanager
def unfinished(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Give the place of a new empty file, or folder, that is to be renamed to `path`.

    It is removed if anything goes wrong before.
    """
    place, lock = _locked_place(path, folder=folder)
    try:
        yield place
    except BaseException:
        _remove(place)
        raise
    finally:
        os.close(lock)


def _locked_place(path: Path, *, folder: bool) -> tuple[Path, int]:
    """Make a file or a folder and lock it, before anybody takes it for a leftover."""
    for _ in range(_ATTEMPTS):
        prefix = f".{path.name}."
        if folder:
            place = Path(tempfile.mkdtemp(_ENDING, prefix, path.parent))
        else:
            made, name = tempfile.mkstemp(_ENDING, prefix, path.parent)
            os.close(made)
            place = Path(name)
        try:
            lock = _try_to_lock(place)
        except FileNotFoundError:
            _remove(place)
            continue
        except BaseException:
            _remove(place)
            raise
        if lock is not None:
            return place, lock
    raise OSError(f"no place for {path.name} could be kept")


def _try_to_lock(place: Path) -> int | None:
    """Return an open descriptor that holds the lock of what lies at a place.

    None where another process has it. Raises OSError, FileNotFoundError also if it goes meanwhile.
    """
    if fcntl is None:
        return os.open(os.devnull, os.O_RDONLY)
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        is_ours = _lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB) and _is_at(handle, place)
    except BaseException:
        os.close(handle)
        raise
    if not is_ours:
        os.close(handle)
        return None
    return handle


def lock_at(handle: int, place: Path) -> bool:
    """Lock an open file for this process alone, until it is closed. Raises OSError.

    False where another process has its lock, or where it does not lie at its place any more.
    """
    if fcntl is None:
        return True
    return _lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB) and _is_at(handle, place)


def _lock(handle: int, how: int) -> bool:
    """Lock a file, and return False where another process has its lock."""
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _is_at(handle: int, place: Path) -> bool:
    """Tell whether an open file is the one at a place still. Raises OSError."""
    here, there = os.fstat(handle), os.lstat(place)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def clear_leftovers(path: Path) -> None:
    """Remove what killed processes left behind that were to write `path`."""
    pattern = re.compile(re.escape(f".{path.name}.") + _RANDOM + re.escape(_ENDING))
    with contextlib.suppress(OSError), os.scandir(path.parent) as scan:
        found = [item.path for item in scan if pattern.fullmatch(item.name)]
        for place in found:
            remove_leftover(Path(place))


def remove_leftover(place: Path) -> None:
    """Remove a leftover, unless somebody is still writing it or it belongs to somebody else."""
    with contextlib.suppress(OSError):
        lock = _try_to_lock(place)
        if lock is not None:
            try:
                _remove(place)
            finally:
                os.close(lock)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            place.unlink()


def _mode_for(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of any new file."""
    with contextlib.suppress(OSError):
        return path.lstat().st_mode & 0o777
    return 0o666 & ~umask()


def umask() -> int:
    """Return the permissions that this process takes off new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def flush(file: IO[bytes]) -> None:
    """Flush what was written to a file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can.

    Raises an OSError that says that what was written is there all the same.
    """
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        told = f"it is there, but its folder was not flushed to the disk: {error.strerror}"
        raise OSError(error.errno, told) from error


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same folder, where the system can tell."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def wait_for_writers(folder: Path, seconds: float = 10) -> None:
    """Wait until no process is `alone` with a folder any more, but no longer than that."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            deadline = time.monotonic() + seconds
            while not _lock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)
        finally:
            os.close(handle)
