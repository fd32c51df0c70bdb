"""Keeps planes on disk until it is their turn, in a file that nobody has to clear up."""

import io
import tempfile
from contextlib import suppress
from pathlib import Path

from crate_iscc.errors import InputError, ReadError, WriteError
from crate_iscc.paths import printable
from crate_iscc.stretch import Bytes

Place = tuple[int, int, int]
"""Z, C and T of a plane: a Plane is that too, but takes longer to be looked up."""


class Spool:
    """Planes of one size that wait in a file of a folder; what was taken makes room.

    The file has no name, so it goes with the process, however that ends. `size` is how many bytes
    it has. Raises InputError for what is no folder. Not for several threads at once.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = Path(tempfile.gettempdir() if folder is None else folder)
        if not self._folder.is_dir():
            raise InputError(
                f"frames cannot be kept in {printable(str(self._folder))}", cause="it is no folder"
            )
        self._file: io.FileIO | None = None
        self._waiting: dict[Place, int] = {}
        self._free: list[int] = []
        self._plane_size = 0
        self.size = 0

    def __contains__(self, place: Place) -> bool:
        return place in self._waiting

    def put(self, place: Place, data: Bytes) -> None:
        """Write a plane. Raises WriteError."""
        self._plane_size = len(data)
        start = self._free.pop() if self._free else self.size
        try:
            if self._file is None:
                self._file = _nameless(self._folder)
            self._file.seek(start)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise WriteError(
                f"cannot keep a frame in {printable(str(self._folder))}",
                cause=error.strerror,
                hint="name a folder with more room: Recorder(spool=…)",
            ) from error
        self.size = max(self.size, start + len(data))
        self._waiting[place] = start

    def take(self, place: Place) -> bytearray:
        """Return a plane, which waits no more. Raises ReadError."""
        start = self._waiting.pop(place, None)
        if self._file is None or start is None:
            raise ReadError("a frame that was kept is gone", cause="the recorder was closed")
        data = bytearray(self._plane_size)
        left = memoryview(data)
        try:
            self._file.seek(start)
            while left and (read := self._file.readinto(left)):
                left = left[read:]
            self._free.append(start)
            if not self._waiting:
                self._file.truncate(0)
                self._free, self.size = [], 0
        except OSError as error:
            raise ReadError("cannot read a frame that was kept", cause=error.strerror) from error
        if left:
            raise ReadError("cannot read a frame that was kept", cause="the spool was cut")
        return data

    def close(self) -> None:
        """Let the file go, and with it what it holds."""
        self._waiting.clear()
        self._free, self.size = [], 0
        if self._file is not None:
            with suppress(OSError):  # of what is thrown away
                self._file.close()


def _nameless(folder: Path) -> io.FileIO:
    return tempfile.TemporaryFile(dir=folder, buffering=0)
