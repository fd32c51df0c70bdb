"""The bytes of one member of a zip, piece by piece: never more of them in memory than asked for.

Stored and deflated members are read with positions of their own, so any number of threads can
read any members side by side. All others go through zipfile, one at a time.
"""

import errno
import lzma
import os
import struct
import threading
import zipfile
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import IO, BinaryIO, Protocol

from crate_iscc.entries import Entry, StatKey
from crate_iscc.errors import ReadError
from crate_iscc.paths import printable
from crate_iscc.sources.inflating import Inflater
from crate_iscc.sources.zip_directory import Member

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, and the lengths of the name and of the extra fields; the directory has the rest."""
_LOCAL_SIGNATURE = b"PK\x03\x04"
_LZMA_END_FLAG = 0x2
"""Tells of an LZMA member that its end is marked; else it ends with its size."""
_EXTRA_GUESS = 64
"""Bytes of extra fields that most local headers stay below: Info-ZIP writes 28, zip64 takes 20."""
_SMALL_SIZE = 1 << 14
"""Stored members up to here are read together with their header, larger ones into the buffer."""
_INPUT_SIZE = 1 << 16
"""Compressed bytes taken at a time."""
_OUTPUT_SIZE = 1 << 18
"""Bytes inflated at a time: they stay in the cache of a core until they are used."""


class ArchiveBytes(Protocol):
    """The bytes of a zip by their places, wherever it lies; any number of threads may ask."""

    size: int

    def pread(self, size: int, place: int) -> bytes:
        """Return bytes from a place on, fewer at the end. Raises OSError, OverflowError."""
        ...

    def preadv(self, window: memoryview, place: int) -> int:
        """Fill the start of `window` and return how many bytes. Raises OSError."""
        ...

    def check_unchanged(self) -> None:
        """Raise ReadError if the archive is not as it was when it was opened."""
        ...


class BytesOnDisk:
    """The bytes of a zip that is a file of the system, in the state when it was opened."""

    __slots__ = ("_state", "file", "size")

    def __init__(self, file: int) -> None:
        """Take a descriptor, which stays the caller's. Raises OSError."""
        self.file = file
        self._state = os.fstat(file)
        self.size = self._state.st_size

    @property
    def state(self) -> StatKey:
        """What changes when the archive does."""
        status = self._state
        return StatKey(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)

    def pread(self, size: int, place: int) -> bytes:
        """Return bytes from a place on. Raises OSError, OverflowError."""
        return os.pread(self.file, size, place)

    def preadv(self, window: memoryview, place: int) -> int:
        """Fill the start of `window` and return how many bytes. Raises OSError."""
        return os.preadv(self.file, [window], place)

    def check_unchanged(self) -> None:
        """Raise ReadError if the archive is not as it was when it was opened."""
        try:
            now = os.fstat(self.file)
        except OSError as error:
            raise ReadError(f"the archive cannot be examined: {error.strerror}") from error
        same = (now.st_size, now.st_mtime_ns) == (self._state.st_size, self._state.st_mtime_ns)
        # Whoever writes to it can put its mtime back, but not its ctime. That changes as well when
        # another archive takes its name: this one, which has none any more, is still read.
        if not same or (now.st_nlink and now.st_ctime_ns != self._state.st_ctime_ns):
            raise ReadError("the archive changed while it was read")


@dataclass(frozen=True, slots=True)
class Archive:
    """An open zip: its bytes, and where members may end.

    `borders` holds, sorted, where each member and the directory of the archive start.
    """

    held: ArchiveBytes
    borders: tuple[int, ...]

    def locate(self, info: Member, ahead: int, view: memoryview | None = None) -> tuple[int, bytes]:
        """Return where a member's bytes start, and up to `ahead` of them from the same read.

        With `view`, the mapped archive, its header is looked at there: a system call would let go
        of the interpreter for each of many members.

        Raises ReadError unless its local header has its name and its bytes end before the next
        member starts (APPNOTE 6.3.10, section 4.3.7).
        """
        name = info.raw_name
        name_end = _LOCAL_HEADER.size + len(name)
        size = name_end + (_EXTRA_GUESS + ahead if ahead else 0)
        try:
            if view is None:
                raw = self.held.pread(size, info.header_offset)
            else:
                raw = bytes(view[info.header_offset : info.header_offset + size])
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise damaged(info, error.strerror) from error
            # An offset that no file has.
            raise damaged(info, "the archive is damaged at this member") from error
        if info.header_offset < 0 or len(raw) < name_end:  # before the file, or behind it
            raise damaged(info, "the archive is damaged at this member")
        signature, name_length, extra_length = _LOCAL_HEADER.unpack_from(raw)
        if (
            signature != _LOCAL_SIGNATURE
            or name_length != len(name)
            or raw[_LOCAL_HEADER.size : name_end] != name
        ):
            raise damaged(info, "the archive is damaged at this member")
        begin = name_end + extra_length
        start = info.header_offset + begin
        following = bisect_right(self.borders, info.header_offset)
        if following == len(self.borders) or start + info.compress_size > self.borders[following]:
            raise damaged(info, "its bytes overlap others in the archive")
        return start, raw[begin : begin + ahead]


def _check_unchanged(archive: Archive, info: Member) -> None:
    try:
        archive.held.check_unchanged()
    except ReadError as error:
        raise damaged(info, error.message) from error


def damaged(info: Member, cause: str | None) -> ReadError:
    """Return the error for a member that cannot be read."""
    return ReadError(printable(info.orig_filename), cause=cause)


class StoredPlace:
    """A stored member as an open file whose bytes lie somewhere in another: to be mapped."""

    def __init__(self, archive: Archive, file: int, info: Member, entry: Entry) -> None:
        self._archive = archive
        self._file = file
        self._info = info
        self.entry = entry

    def fileno(self) -> int:
        """Return the descriptor of the archive."""
        return self._file

    def settle(self) -> None:
        """Raise ReadError if the archive changed."""
        _check_unchanged(self._archive, self._info)

    def close(self) -> None:
        """Do nothing: the archive stays open."""


class StoredStream:
    """The bytes of a member that stands uncompressed in the archive."""

    __slots__ = ("_ahead", "_archive", "_crc", "_crc32", "_info", "_left", "_position")

    def __init__(self, archive: Archive, info: Member, inflater: Inflater, *, crc: bool) -> None:
        self._archive = archive
        self._info = info
        self._crc32 = inflater.crc32
        self._crc = 0 if crc else None
        self._left = info.file_size
        if info.compress_size != info.file_size:
            raise damaged(info, "it is not compressed, but the archive gives it two sizes")
        ahead = info.file_size if info.file_size <= _SMALL_SIZE else 0
        self._position, self._ahead = archive.locate(info, ahead)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        info = self._info
        if not self._left:
            _check_unchanged(self._archive, info)
            if self._crc is not None and self._crc != info.CRC:
                raise damaged(info, "its CRC-32 is wrong: it is damaged")
            return 0
        window = buffer[: self._left]
        if self._ahead:
            piece = self._ahead[: len(window)]
            self._ahead = self._ahead[len(window) :]
            count = len(piece)
            window[:count] = piece
        else:
            try:
                count = self._archive.held.preadv(window, self._position)
            except OSError as error:
                raise damaged(info, error.strerror) from error
        if not count:
            raise damaged(info, "the archive was cut while it was read")
        if self._crc is not None:
            self._crc = self._crc32(window[:count], self._crc)
        self._position += count
        self._left -= count
        return count

    def close(self) -> None:
        """Do nothing: the archive stays open."""


class DeflatedStream:
    """The bytes of a deflated or otherwise packed member, inflated a piece at a time.

    The end is reached only if the deflate stream ends exactly with the member's bytes, after as
    many bytes as the archive gives, with its CRC-32. That is checked whoever asks: it costs
    little beside inflating, and damage is called damage.
    """

    __slots__ = (
        "_archive", "_crc", "_ended", "_inflater", "_inflating", "_info", "_input", "_left",
        "_position", "_says_its_end", "_stop",
    )  # fmt: skip

    def __init__(self, archive: Archive, info: Member, inflater: Inflater) -> None:
        self._archive = archive
        self._info = info
        self._inflater = inflater
        self._inflating = inflater.start()
        self._left = info.file_size
        self._crc = 0
        lzma_member = info.compress_type == zipfile.ZIP_LZMA
        self._says_its_end = not lzma_member or bool(info.flag_bits & _LZMA_END_FLAG)
        self._ended = not self._left and not self._says_its_end
        start, self._input = archive.locate(info, min(info.compress_size, _INPUT_SIZE))
        self._position = start + len(self._input)
        self._stop = start + info.compress_size

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        if self._ended or not buffer:
            _check_unchanged(self._archive, self._info)
            return 0
        # One byte more than is left shows a member that holds too much, before it is inflated.
        piece = self._inflate(min(len(buffer), _OUTPUT_SIZE, self._left + 1))
        count = len(piece)
        self._left -= count
        self._crc = self._inflater.crc32(piece, self._crc)
        if self._left < 0:
            raise damaged(self._info, "it holds more bytes than the archive gives it")
        if self._inflating.eof or (not self._left and not self._says_its_end):
            self._finish()
        buffer[:count] = piece
        if not count:
            _check_unchanged(self._archive, self._info)
        return count

    def _inflate(self, limit: int) -> bytes:
        """Return from 1 to `limit` bytes, or none at the end of the deflate stream."""
        while True:
            given = self._input or self._compressed()
            try:
                piece = self._inflating.decompress(given, limit)
            except self._inflater.error as error:
                raise damaged(self._info, "its compressed bytes are damaged") from error
            self._input = self._inflating.unconsumed_tail
            if piece or self._inflating.eof:
                return piece
            if not given:
                raise damaged(self._info, "its compressed bytes end too early")

    def _compressed(self) -> bytes:
        """Return the next bytes of the member as they stand in the archive, none at its end."""
        size = min(self._stop - self._position, _INPUT_SIZE)
        if not size:
            return b""
        try:
            given = self._archive.held.pread(size, self._position)
        except OSError as error:
            raise damaged(self._info, error.strerror) from error
        if not given:
            raise damaged(self._info, "the archive was cut while it was read")
        self._position += len(given)
        return given

    def _finish(self) -> None:
        """Check the member as a whole, where its deflate stream has ended."""
        if self._left:
            raise damaged(self._info, "it holds fewer bytes than the archive gives it")
        rest = self._inflating.unused_data or self._input or self._position != self._stop
        if rest and self._says_its_end:
            raise damaged(self._info, "other bytes follow its compressed bytes")
        if self._crc != self._info.CRC:
            raise damaged(self._info, "its CRC-32 is wrong: it is damaged")
        self._ended = True

    def close(self) -> None:
        """Do nothing: the archive stays open."""


class ByZipfile:
    """An archive as zipfile reads it, who reads its directory when the first member is asked for.

    zipfile moves one file position about, and some of its releases forget to lock it: whatever
    is done with it and with its streams needs the lock.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.lock = threading.Lock()
        self._file = file
        self._archive: zipfile.ZipFile | None = None
        self._infos: dict[tuple[int, str], zipfile.ZipInfo] = {}

    def open(self, member: Member) -> IO[bytes]:
        """Open a member. Raises BadZipFile, and what zipfile raises."""
        if self._archive is None:
            self._archive = zipfile.ZipFile(self._file)
            infos = self._archive.infolist()
            self._infos = {(info.header_offset, info.orig_filename): info for info in infos}
        info = self._infos.get((member.header_offset, member.orig_filename))
        if info is None:
            raise zipfile.BadZipFile("it is not where it was in the archive")
        return self._archive.open(info)

    def close(self) -> None:
        """Let go of what zipfile holds; the file stays open."""
        if self._archive is not None:
            self._archive.close()


class ZipfileStream:
    """The bytes of a member that zipfile unpacks, while it keeps a lock."""

    def __init__(self, by_zipfile: ByZipfile, info: Member, state: Archive) -> None:
        self._lock = by_zipfile.lock
        self._info = info
        self._state = state
        self._left = info.file_size
        try:
            with self._lock:
                self._stream: IO[bytes] = by_zipfile.open(info)
        except _ZIP_ERRORS as error:
            raise damaged(info, str(error) or "it is damaged") from error

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        try:
            with self._lock:
                count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        except _ZIP_ERRORS as error:
            raise damaged(self._info, str(error) or "it is damaged") from error
        self._left -= count
        if not count:
            _check_unchanged(self._state, self._info)
            if self._left:
                raise damaged(self._info, "its size is not the one the archive gives")
        return count

    def close(self) -> None:
        """Close the member."""
        with self._lock:
            self._stream.close()


_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
