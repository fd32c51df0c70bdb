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
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
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
    ArchiveBytes,
    BytesOnDisk,
    ByZipfile,
    DeflatedStream,
    StoredPlace,
    StoredStream,
    ZipfileStream,
)
from crate_iscc.stretch import Stretch

_ENCRYPTED_FLAG = 0x1
_LARGEST = (1 << 63) - 1


class ZipArchive(Closing):
    """The members of a zip archive, wherever its bytes lie.

    `wrapper` is the folder (with a slash) that wraps all members, once they are listed. With
    `crc=False` the CRC-32 of stored members is not computed: right where a stronger digest
    decides anyway. `by_place` tells whether bytes can be asked for by their places, `gap` is that
    of layout_of.
    """

    def __init__(
        self,
        subject: str,
        file: BinaryIO,
        held: ArchiveBytes,
        *,
        crc: bool,
        inflater: Inflater = INFLATERS[0],
        by_place: bool = True,
        gap: int = 0,
    ) -> None:
        """Take the same bytes twice: as a file with one position, and by places.

        Raises BadZipFile if they are no readable zip, and OSError.
        """
        name = PurePath(subject)
        self.subject = subject
        self.name = name.name.removesuffix(name.suffix) or name.name
        self.wrapper = ""
        self._crc = crc
        self._inflater = inflater
        self._by_place = by_place
        self._gap = gap
        self._file = file
        self._directory = read_directory(file)
        self._archive = _examined(held, self._directory)
        self._by_zipfile = ByZipfile(file)
        self._members: dict[bytes, Member] = {}
        self._listing: Listing | None = None

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
        layout = layout_of(self._directory, self._archive.held.size, self._read_at, gap=self._gap)
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
            if self._by_place:
                return self._archive.held.pread(size, place)
            self._file.seek(place)
            return self._file.read(size)
        except (OSError, OverflowError):
            return b""

    def open(self, entry: Entry) -> ByteStream:
        """Open a member of the listing. Raises ReadError."""
        info = self._members.get(utf8_order(entry.path))
        if info is None or self._file.closed:
            raise ReadError(printable(entry.path), cause="it is no member of the archive")
        if self._by_place:
            if info.compress_type == zipfile.ZIP_STORED:
                return StoredStream(self._archive, info, self._inflater, crc=self._crc)
            if info.compress_type == zipfile.ZIP_DEFLATED:
                return DeflatedStream(self._archive, info, self._inflater)
            if info.compress_type in UNPACKERS:
                return DeflatedStream(self._archive, info, UNPACKERS[info.compress_type])
        return ZipfileStream(self._by_zipfile, info, self._archive)

    def close(self) -> None:
        """Close the archive."""
        self._by_zipfile.close()
        self._file.close()


class ZipTree(ZipArchive):
    """The members of a zip archive on disk; the parameters are those of ZipArchive.

    Raises InputError if the file is no readable zip.
    """

    def __init__(self, path: Path, *, crc: bool = True, inflater: Inflater = INFLATERS[0]) -> None:
        self.path = path
        try:
            file = path.open("rb")
        except (OSError, ValueError) as error:
            raise unreadable(str(path), error) from error
        try:
            held = BytesOnDisk(file.fileno())
            super().__init__(
                str(path),
                file,
                held,
                crc=crc,
                inflater=inflater,
                by_place=hasattr(os, "preadv"),
            )
        except (OSError, zipfile.BadZipFile) as error:
            file.close()
            raise unreadable(str(path), error) from error
        self._held = held
        self._mapping: MappedArchive | None = None
        if HAS_READING and not crc:
            self._mapping = MappedArchive(held.file, held.size, held.check_unchanged)

    @property
    def state(self) -> StatKey:
        """The state of the archive, which is that of each of its members."""
        return self._held.state

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a stored member, unless its CRC-32 is wanted. Raises ReadError."""
        info = self._members.get(utf8_order(entry.path))
        if self._mapping is None or info is None or not _is_stored(info):
            return None
        start, _ = self._archive.locate(info, 0)
        return mapped(StoredPlace(self._archive, self._file.fileno(), info, entry), start)

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", _buffer: memoryview
    ) -> SmallFiles | None:
        """Return stored members as they lie in the archive, unless their CRC-32 is wanted."""
        infos = [self._members.get(path) for path in entries.chosen(numbers).path_column]
        members = [info for info in infos if info and _is_stored(info)]
        view = self._mapping.view() if self._mapping else None
        if self._mapping is None or view is None or len(members) < len(infos):
            return None
        _bring_neighbours(members, self._mapping)
        starts, sizes = array("q"), array("q")
        failed: dict[int, str] = {}
        for place, info in enumerate(members):
            start = size = 0
            try:
                start, size = self._archive.locate(info, 0, view)[0], info.file_size
            except ReadError as error:
                failed[place] = error.cause or error.message
            starts.append(start)
            sizes.append(size)
        return SmallFiles(Stretch(view, starts, sizes), failed, self._mapping.settle)


def _bring_neighbours(members: Sequence[Member], archive: MappedArchive) -> None:
    """Have members brought into memory together, if there is little between them.

    Else each look at a header would do that for some of its bytes, and all threads would wait.
    """
    first = min(info.header_offset for info in members)
    stop = max(info.header_offset + info.file_size for info in members)
    if stop - first <= 2 * sum(info.file_size for info in members):
        archive.bring(first, stop)


def _examined(held: ArchiveBytes, directory: ZipDirectory) -> Archive:
    """Return an open archive with the places where its members start."""
    borders = sorted({directory.start, *(info.header_offset for info in directory.members)})
    # No member lies behind the directory, though one may be said to.
    borders = borders[: bisect_right(borders, directory.start)]
    return Archive(held, tuple(borders))


def unreadable(subject: str, error: Exception) -> InputError:
    """Return the error for what is no zip that can be read."""
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(
        f"not a readable zip archive: {printable(subject)}",
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
