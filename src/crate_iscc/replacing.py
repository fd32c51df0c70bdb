"""Writes a file so that it appears whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def replacing(path: Path, *, suffix: str = ".partial") -> Iterator[IO[bytes]]:
    """Give a file to write that takes the place of `path` if all goes well.

    It is written beside its place, flushed to the disk and renamed; then the folder is flushed.
    If anything goes wrong, what was there before still is. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=suffix)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


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


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
