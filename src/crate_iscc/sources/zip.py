"""A tree of files in a zip, read in place: nothing is ever extracted.

Stored and deflated members are read straight from the archive by any number of threads, those in
rarer compressions through zipfile. One folder that wraps everything else is left out of the
paths (RO-Crate 1.3, Appendix on packaging; `.eln` files are written so).
"""

import os
import stat
import zipfile
from array import array
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import InputError, ReadError
from crate_iscc.manifest import Unread
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import (
    CratePath,
    is_plain_id,
    printable,
    repaired,
    utf8_order,
    valid_unicode,
)
from crate_iscc.sources import ByteStream, Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.archive_names import name_problem, repairs, wrapping_folder
from crate_iscc.sources.archive_names import repeated as repeated_names
from crate_iscc.sources.inflating import INFLATERS, UNPACKERS, Inflater
from crate_iscc.sources.listing import HAS_READING
from crate_iscc.sources.quick import MappedArchive, mapped
from crate_iscc.sources.zip_directory import UTF8_FLAG, Member, ZipDirectory, read_directory
from crate_iscc.sources.zip_layout import layout_of
from crate_iscc.sources.zip_streams import (
    Archive,
    ByZipfile,
    DeflatedStream,
    StoredPlace,
    StoredStream,
    ZipfileStream,
)
from crate_iscc.stretch import Stretch

_ENCRYPTED_FLAG = 0x1
_LARGEST = (1 << 63) - 1


class ZipTree(Closing):
    """The members of a zip archive.

    `wrapper` is the folder (with a slash) that wraps all members, once they are listed. With
    `crc=False` the CRC-32 of stored members is not computed: right where a stronger digest
    decides anyway. Raises InputError if the file is no readable zip.
    """

    def __init__(self, path: Path, *, crc: bool = True, inflater: Inflater = INFLATERS[0]) -> None:
        self.path = path
        self.subject = str(path)
        self.name = path.name.removesuffix(path.suffix) or path.name
        self.wrapper = ""
        self._crc = crc
        self._inflater = inflater
        try:
            self._file = path.open("rb")
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        try:
            self._directory = read_directory(self._file)
            self._archive = _examined(self._file, self._directory)
        except (OSError, zipfile.BadZipFile) as error:
            self._file.close()
            raise _unreadable(path, error) from error
        self._by_zipfile = ByZipfile(self._file)
        self._members: dict[bytes, Member] = {}
        self._listing: Listing | None = None
        self._mapping: MappedArchive | None = None
        if HAS_READING and not crc:
            size = self._archive.state.st_size
            self._mapping = MappedArchive(self._archive.file, size, self._archive.check_unchanged)

    @property
    def state(self) -> StatKey:
        """The state of the archive, which is that of each of its members."""
        status = self._archive.state
        return StatKey(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the members, less one wrapping folder; folder entries are no files."""
        if self._listing is None:
            self._listing = self._listed()
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def top(self) -> Listing:
        """Return all members: the directory of a zip is read as one."""
        return self.listing()

    @property
    def directory(self) -> ZipDirectory:
        """The directory of the archive, as it is written."""
        return self._directory

    def _listed(self) -> Listing:
        infos = self._directory.members
        written = [_member_name(info) for info in infos]
        # Where all names are plain, as in most archives, one look at all of them is enough.
        plain = is_plain_id("/".join([name.removesuffix("/") for name in written]))
        names = written if plain else list(map(repaired, written))
        wrapper = self.wrapper = wrapping_folder(names)
        if wrapper:
            self.name = wrapper.rstrip("/")
        repeated = repeated_names(names)
        size = self._archive.state.st_size
        layout = layout_of(self._directory, size, self._read_at)
        folders: set[str] = set()
        refused: dict[str, Unread] = {}
        for info, name in zip(infos, names, strict=True):
            path = name.removeprefix(wrapper)
            if not path and info.orig_filename.endswith("/"):
                continue
            bad_name = None
            if not plain and name_problem(path.removesuffix("/")):
                bad_name = name_problem(path)
            if path.endswith("/") and not bad_name:
                folders.add(path)
            elif problem := _problem(
                info,
                bad_name,
                repeated=name in repeated,
                overlaps=info.header_offset in layout.overlapping,
            ):
                shown = valid_unicode(path or info.orig_filename)
                refused[shown] = Unread(CratePath(shown), problem[1], False, problem[0])
            else:
                self._members[utf8_order(path)] = info
        paths = sorted(self._members)
        sizes = array("q", (self._members[path].file_size for path in paths))
        return Listing(
            EntryTable(PackedBytes(paths), sizes, None),
            tuple(sorted(folders)),
            tuple(refused.values()),
            (*repairs(written, names), *layout.remarks()),
        )

    def _read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the archive, before any thread reads members."""
        try:
            if hasattr(os, "pread"):
                return os.pread(self._archive.file, size, place)
            self._file.seek(place)
            return self._file.read(size)
        except (OSError, OverflowError):
            return b""

    def open(self, entry: Entry) -> ByteStream:
        """Open a member of the listing. Raises ReadError."""
        info = self._members.get(utf8_order(entry.path))
        if info is None or self._file.closed:
            raise ReadError(printable(entry.path), cause="it is no member of the archive")
        if hasattr(os, "preadv"):
            if info.compress_type == zipfile.ZIP_STORED:
                return StoredStream(self._archive, info, self._inflater, crc=self._crc)
            if info.compress_type == zipfile.ZIP_DEFLATED:
                return DeflatedStream(self._archive, info, self._inflater)
            if info.compress_type in UNPACKERS:
                return DeflatedStream(self._archive, info, UNPACKERS[info.compress_type])
        return ZipfileStream(self._by_zipfile, info, self._archive)

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a stored member, unless its CRC-32 is wanted. Raises ReadError."""
        info = self._members.get(utf8_order(entry.path))
        if self._mapping is None or info is None or not _is_stored(info):
            return None
        start, _ = self._archive.locate(info, 0)
        return mapped(StoredPlace(self._archive, info, entry), start)

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", _buffer: memoryview
    ) -> SmallFiles | None:
        """Return stored members as they lie in the archive, unless their CRC-32 is wanted."""
        infos = [self._members.get(path) for path in entries.chosen(numbers).path_column]
        view = self._mapping.view() if self._mapping else None
        if self._mapping is None or view is None:
            return None
        if not all(info and _is_stored(info) for info in infos):
            return None
        starts, sizes = array("q"), array("q")
        failed: dict[int, str] = {}
        for place, info in enumerate(infos):
            start = size = 0
            try:
                if info is not None:
                    start, size = self._archive.locate(info, 0, view)[0], info.file_size
            except ReadError as error:
                failed[place] = error.cause or error.message
            starts.append(start)
            sizes.append(size)
        return SmallFiles(Stretch(view, starts, sizes), failed, self._mapping.settle)

    def close(self) -> None:
        """Close the archive."""
        self._by_zipfile.close()
        self._file.close()


def _examined(file: BinaryIO, directory: ZipDirectory) -> Archive:
    """Return the state of an open archive, and where its members start. Raises OSError."""
    borders = sorted({directory.start, *(info.header_offset for info in directory.members)})
    # No member lies behind the directory, though one may be said to.
    borders = borders[: bisect_right(borders, directory.start)]
    return Archive(file.fileno(), os.fstat(file.fileno()), tuple(borders))


def _unreadable(path: Path, error: Exception) -> InputError:
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(
        f"not a readable zip archive: {printable(str(path))}",
        cause=cause,
        hint="the file may be cut or damaged; fetch it again",
    )


def _is_stored(info: Member) -> bool:
    return info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size


def _member_name(info: Member) -> str:
    """Return the member's name; without the UTF-8 flag, bytes that are UTF-8 are read as such."""
    if info.flag_bits & UTF8_FLAG or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _problem(
    info: Member, bad_name: str | None, *, repeated: bool, overlaps: bool
) -> tuple[str, str] | None:
    """Return the kind of finding and the reason why a member cannot be used, or None."""
    mode = info.external_attr >> 16
    if bad_name:
        return "path.unsafe", bad_name
    if repeated:
        return "zip.duplicate", "the name stands in the archive more than once"
    if overlaps:
        return "zip.overlap", "its bytes overlap others in the archive"
    if info.flag_bits & _ENCRYPTED_FLAG:
        return "zip.encrypted", "the member is encrypted"
    if info.file_size > _LARGEST:
        return "bytes.unread", "the archive gives it a size that no file has"
    if stat.S_ISLNK(mode):
        return "file.special", "a symbolic link, which is not followed"
    # Archives from systems without modes have 0 here.
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "file.special", "not a regular file"
    return None
