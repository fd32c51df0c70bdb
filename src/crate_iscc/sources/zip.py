"""A tree of files in a zip, read in place: nothing is ever extracted.

Stored members are read straight from the archive at full speed, compressed ones through zipfile.
One folder that wraps everything else is left out of the paths (RO-Crate 1.3, Appendix on
packaging; `.eln` files are written so).
"""

import lzma
import os
import stat
import threading
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import InputError, ReadError
from crate_iscc.manifest import Unread
from crate_iscc.paths import METADATA_FILE, CratePath, path_problem, printable, valid_unicode
from crate_iscc.sources import Closing, Listing

_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_LOCAL_HEADER = b"PK\x03\x04"
_LOCAL_HEADER_SIZE = 30
_LARGEST = (1 << 63) - 1


class ZipTree(Closing):
    """The members of a zip archive.

    With `crc=False` the CRC-32 of stored members is not computed: right where a stronger digest
    decides anyway. Raises InputError if the file is no readable zip.
    """

    def __init__(self, path: Path, *, crc: bool = True) -> None:
        self.path = path
        self.subject = str(path)
        self.name = path.name.removesuffix(path.suffix) or path.name
        self._crc = crc
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(
                f"not a readable zip archive: {printable(str(path))}",
                cause=cause,
                hint="the file may be cut or damaged; fetch it again",
            ) from error
        if self._zip.fp is None:
            raise InputError(f"not a readable zip archive: {printable(str(path))}")
        self._state = os.fstat(self._zip.fp.fileno())
        # zipfile moves one file position about, and some of its releases forget to lock it.
        self._lock = threading.Lock()
        self._members: dict[CratePath, zipfile.ZipInfo] = {}

    def listing(self) -> Listing:
        """Return the members, less one wrapping folder; folder entries are no files."""
        infos = [(info, _member_name(info)) for info in self._zip.infolist()]
        wrapper = _wrapping_folder([name for info, name in infos])
        if wrapper:
            self.name = wrapper.rstrip("/")
        times = Counter(name for _, name in infos)
        entries: list[Entry] = []
        folders: set[str] = set()
        refused: list[Unread] = []
        for info, name in infos:
            path = name.removeprefix(wrapper)
            if not path:
                continue
            if path.endswith("/") and not path_problem(path[:-1]):
                folders.add(path)
                continue
            if problem := _problem(info, path, times[name]):
                refused.append(Unread(CratePath(valid_unicode(path)), problem, is_file=False))
                continue
            self._members[CratePath(path)] = info
            entries.append(Entry(CratePath(path), info.file_size))
        unique = {item.path: item for item in refused}
        return Listing(EntryTable.of(entries), tuple(sorted(folders)), tuple(unique.values()))

    def open(self, entry: Entry) -> "StoredStream | CompressedStream":
        """Open a member of the listing. Raises ReadError."""
        info = self._members.get(entry.path)
        if info is None or self._zip.fp is None:
            raise ReadError(printable(entry.path), cause="it is no member of the archive")
        if info.compress_type == zipfile.ZIP_STORED and hasattr(os, "preadv"):
            return StoredStream(self._zip.fp.fileno(), info, self._state, crc=self._crc)
        return CompressedStream(self._zip, info, self._state, self._lock)

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()


def _member_name(info: zipfile.ZipInfo) -> str:
    """Return the member's name; without the UTF-8 flag, bytes that are UTF-8 are read as such."""
    if info.flag_bits & _UTF8_FLAG or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _problem(info: zipfile.ZipInfo, path: str, times: int) -> str | None:
    """Say why a member cannot be used, or None."""
    mode = info.external_attr >> 16
    if problem := path_problem(path):
        return problem
    if times > 1:
        return "the name stands in the archive more than once"
    if info.flag_bits & _ENCRYPTED_FLAG:
        return "the member is encrypted"
    if info.file_size > _LARGEST:
        return "the archive gives it a size that no file has"
    if stat.S_ISLNK(mode):
        return "a symbolic link, which is not followed"
    # Archives from systems without modes have 0 here.
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "not a regular file"
    return None


def _wrapping_folder(names: list[str]) -> str:
    """Return the one top folder (with a slash) that holds every member, or an empty string.

    An archive with RO-Crate metadata at its top has no wrapping folder, whatever else it holds.
    """
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1 or METADATA_FILE in names:
        return ""
    top = tops.pop() + "/"
    return top if all(name.startswith(top) for name in names) and not path_problem(top[:-1]) else ""


def _check_state(file: int, state: os.stat_result, path: str) -> None:
    now = os.fstat(file)
    if (now.st_size, now.st_mtime_ns) != (state.st_size, state.st_mtime_ns):
        raise ReadError(printable(path), cause="the archive changed while it was read")


class StoredStream:
    """The bytes of a member that stands uncompressed in the archive.

    Reads with positions of its own, so any number of them can be read side by side.
    """

    def __init__(
        self, file: int, info: zipfile.ZipInfo, state: os.stat_result, *, crc: bool
    ) -> None:
        self._file = file
        self._info = info
        self._state = state
        self._crc = 0 if crc else None
        self._left = info.file_size
        self._position = self._data_start()

    def _data_start(self) -> int:
        """Return where the member's bytes start (APPNOTE 6.3.10, section 4.3.7)."""
        info = self._info
        try:
            header = os.pread(self._file, _LOCAL_HEADER_SIZE, info.header_offset)
            name_size = int.from_bytes(header[26:28], "little")
            extra_size = int.from_bytes(header[28:30], "little")
            start = info.header_offset + _LOCAL_HEADER_SIZE + name_size + extra_size
            name = os.pread(self._file, name_size, info.header_offset + _LOCAL_HEADER_SIZE)
        except (OSError, OverflowError) as error:  # an offset that no file has
            raise ReadError(
                printable(info.orig_filename), cause="the archive is damaged at this member"
            ) from error
        encoding = "utf-8" if info.flag_bits & _UTF8_FLAG else "cp437"
        if (
            header[:4] != _LOCAL_HEADER
            or name != info.orig_filename.encode(encoding)
            or info.compress_size != info.file_size
            or start + info.file_size > self._state.st_size
        ):
            raise ReadError(
                printable(info.orig_filename), cause="the archive is damaged at this member"
            )
        return start

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        name = self._info.orig_filename
        if not self._left:
            _check_state(self._file, self._state, name)
            if self._crc is not None and self._crc != self._info.CRC:
                raise ReadError(printable(name), cause="its CRC-32 is wrong: it is damaged")
            return 0
        window = buffer[: self._left]
        try:
            count = os.preadv(self._file, [window], self._position)
        except OSError as error:
            raise ReadError(printable(name), cause=error.strerror) from error
        if not count:
            raise ReadError(printable(name), cause="the archive was cut while it was read")
        if self._crc is not None:
            self._crc = zlib.crc32(window[:count], self._crc)
        self._position += count
        self._left -= count
        return count

    def close(self) -> None:
        """Do nothing: the archive stays open."""


class CompressedStream:
    """The bytes of a member that zipfile unpacks, piece by piece, in memory."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        info: zipfile.ZipInfo,
        state: os.stat_result,
        lock: threading.Lock,
    ) -> None:
        self._lock = lock
        self._info = info
        self._state = state
        self._left = info.file_size
        try:
            with lock:
                self._stream: IO[bytes] = archive.open(info)
        except _ZIP_ERRORS as error:
            raise self._error(error) from error
        self._file = archive.fp.fileno() if archive.fp else -1

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        try:
            with self._lock:
                count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        except _ZIP_ERRORS as error:
            raise self._error(error) from error
        self._left -= count
        if not count:
            _check_state(self._file, self._state, self._info.orig_filename)
            if self._left:
                raise self._error(ValueError("its size is not the one the archive gives"))
        return count

    def _error(self, error: Exception) -> ReadError:
        return ReadError(printable(self._info.orig_filename), cause=str(error) or "it is damaged")

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
