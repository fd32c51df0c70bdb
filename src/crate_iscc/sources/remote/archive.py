"""A zip that lies elsewhere, read by ranges: its directory first, then its members as they lie.

Bytes are asked for in blocks, some of which are kept: many small members that lie side by side
come with one request, and what is read in order comes in ever larger pieces.
"""

import io
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, cast

from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import printable
from crate_iscc.sources.remote.client import Client, WebError
from crate_iscc.sources.remote.resource import ChangedError, NoRangesError, State, part
from crate_iscc.sources.remote.url import Url
from crate_iscc.sources.zip import ZipArchive, unreadable

BLOCK = 1 << 20
"""Bytes of a block."""
_MOST_AHEAD = 8
"""Blocks that one request asks for at the most."""
_KEPT = 64
"""Blocks that are kept: those of some threads that read ahead, or a small archive whole."""
_GAP = 128
"""Bytes behind a member of a large archive that are not worth a request: see layout_of."""


Fetch = Callable[[int, int], bytes]
"""Returns the bytes from one place up to another one. Raises ChangedError, and other WebErrors."""


class BytesByRange:
    """The bytes of something elsewhere by their places; all of one state, or none."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        """Take what fetches parts of so many bytes."""
        self.size = size
        self._fetch_part = fetch
        self._lock = threading.Lock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._coming: dict[int, threading.Event] = {}
        self._ahead: dict[int, int] = {}
        self._changed = False

    def pread(self, size: int, place: int) -> bytes:
        """Return bytes from a place on, fewer at the end. Raises OSError."""
        stop = min(place + size, self.size)
        if place < 0 or place >= stop:
            return b""
        first, last = place // BLOCK, (stop - 1) // BLOCK
        if first == last:
            begin = place - first * BLOCK
            return self._block(first)[begin : begin + stop - place]
        pieces = b"".join(self._block(number) for number in range(first, last + 1))
        begin = place - first * BLOCK
        return pieces[begin : begin + stop - place]

    def preadv(self, window: memoryview, place: int) -> int:
        """Fill the start of `window` and return how many bytes. Raises OSError."""
        piece = self.pread(min(len(window), BLOCK - place % BLOCK), place)
        window[: len(piece)] = piece
        return len(piece)

    def check_unchanged(self) -> None:
        """Raise ReadError if it was seen to be in another state: that is asked with every part."""
        if self._changed:
            raise ReadError("the archive changed while it was read")

    def _block(self, number: int) -> bytes:
        while True:
            with self._lock:
                if number in self._blocks:
                    self._blocks.move_to_end(number)
                    return self._blocks[number]
                waiting = self._coming.get(number)
                if waiting is None:
                    run = self._run(number)
                    done = threading.Event()
                    self._coming |= dict.fromkeys(run, done)
            if waiting is not None:
                waiting.wait()
                continue
            try:
                return self._fetch(run)
            finally:
                with self._lock:
                    for one in run:
                        del self._coming[one]
                done.set()

    def _run(self, number: int) -> range:
        """Return the blocks to ask for: twice as many as last time where this one was next."""
        count = min(2 * self._ahead.pop(number, 0), _MOST_AHEAD) or 1
        end = -(-self.size // BLOCK)
        stop = number + 1
        while stop < min(number + count, end) and not (
            stop in self._blocks or stop in self._coming
        ):
            stop += 1
        if len(self._ahead) > _KEPT:
            self._ahead.clear()
        self._ahead[stop] = stop - number
        return range(number, stop)

    def _fetch(self, run: range) -> bytes:
        """Ask for blocks, keep them, and return the first."""
        start, stop = run.start * BLOCK, min(run.stop * BLOCK, self.size)
        if self._changed:
            raise ChangedError
        try:
            found = self._fetch_part(start, stop)
        except ChangedError:
            self._changed = True
            raise
        with self._lock:
            for place, number in enumerate(run):
                self._blocks[number] = found[place * BLOCK : (place + 1) * BLOCK]
            while len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return found[:BLOCK]


class _File(io.RawIOBase):
    """The same bytes as a file with one position."""

    def __init__(self, held: BytesByRange) -> None:
        self._held = held
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._held.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        count = self._held.preadv(view, self._position) if len(view) else 0
        self._position += count
        return count

    def read(self, size: int = -1) -> bytes:
        wanted = self._held.size - self._position if size < 0 else size
        found = self._held.pread(wanted, self._position)
        self._position += len(found)
        return found


class ZipByRange(ZipArchive):
    """The members of a zip that is fetched in parts.

    Raises InputError where it is no zip that can be read so, ReadError where it is not given.
    """

    def __init__(self, subject: str, fetch: Fetch, size: int, *, crc: bool) -> None:
        held = BytesByRange(fetch, size)
        small = held.size <= _KEPT * BLOCK
        try:
            super().__init__(
                subject,
                cast("BinaryIO", _File(held)),
                held,
                crc=crc,
                gap=0 if small else _GAP,
            )
        except NoRangesError as error:
            raise no_ranges(subject) from error
        except WebError as error:
            raise ReadError(f"cannot be read: {printable(subject)}", cause=error.reason) from error
        except (OSError, zipfile.BadZipFile) as error:
            raise unreadable(subject, error) from error


class RemoteZip(ZipByRange):
    """The members of a zip on the web; the server has to give parts of files.

    The client is closed with it. Raises as ZipByRange does; the size of the state is known.
    """

    def __init__(self, client: Client, subject: str, url: Url, state: State, *, crc: bool) -> None:
        self._client = client
        super().__init__(subject, partial(part, client, url, state), state.size or 0, crc=crc)

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._client.close()

    def give_up(self) -> None:
        """Have all who wait for bytes fail at once."""
        self._client.close()


def no_ranges(subject: str) -> InputError:
    """Return the error for a zip on a server that gives whole files only."""
    return InputError(
        f"cannot be read in place: {printable(subject)}",
        cause="the server does not give parts of files (HTTP ranges)",
        hint="download the zip, and verify the file",
    )
