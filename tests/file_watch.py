"""Sees what the kernel sees: which files are opened, read, written or changed (inotify)."""

import ctypes
import errno
import os
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

ACCESSED = "read"
MODIFIED = "modified"
ATTRIBUTES = "attributes changed"
CLOSED_AFTER_WRITING = "closed after writing"
CLOSED = "closed"
OPENED = "opened"
DELETED = "deleted"
MOVED = "moved"

WRITES = frozenset({MODIFIED, ATTRIBUTES, CLOSED_AFTER_WRITING, DELETED, MOVED})
"""What happens to a file that is opened for writing, even if nothing is written."""

# <sys/inotify.h>
_KINDS = {
    0x001: ACCESSED,
    0x002: MODIFIED,
    0x004: ATTRIBUTES,
    0x008: CLOSED_AFTER_WRITING,
    0x010: CLOSED,
    0x020: OPENED,
    0x400: DELETED,
    0x800: MOVED,
}
_OVERFLOW = 0x4000
_HEAD = struct.Struct("iIII")

only_where_files_can_be_watched = pytest.mark.skipif(
    sys.platform != "linux", reason="inotify is a part of Linux"
)


class Watch:
    """Watches files while it is entered; `seen` then says what happened to each.

    `openings` counts how often each was opened.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)
        self._names: dict[int, Path] = {}
        self._handle = -1
        self.seen: dict[Path, set[str]] = {}
        self.openings: Counter[Path] = Counter()

    def __enter__(self) -> Self:
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._must(self._handle)
        for file in self._files:
            number = libc.inotify_add_watch(self._handle, os.fsencode(file), sum(_KINDS))
            self._must(number)
            self._names[number] = file
        return self

    def _must(self, result: int) -> None:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while True:
                self._take(os.read(self._handle, 1 << 16))
        except OSError as error_:
            if error_.errno != errno.EAGAIN:
                raise
        finally:
            os.close(self._handle)

    def _take(self, data: bytes) -> None:
        while data:
            number, mask, _, size = _HEAD.unpack_from(data)
            data = data[_HEAD.size + size :]
            assert not mask & _OVERFLOW, "more happened than the kernel could tell"
            kinds = {name for bit, name in _KINDS.items() if mask & bit}
            self.openings[self._names[number]] += OPENED in kinds
            if kinds:
                self.seen.setdefault(self._names[number], set()).update(kinds)
