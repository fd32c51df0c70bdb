"""Where the bytes of a zip belong: which members share some, and how many belong to none.

Counted as belonging somewhere are local headers with their extra fields, the members' bytes, data
descriptors, the directory with its Zip64 records, and the comment (APPNOTE 6.3.10, section 4.3).
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crate_iscc.report import Finding

Read = Callable[[int, int], bytes]
"""Returns so many bytes (the second number) of the archive from a place on, or fewer at its end."""

UTF8_FLAG = 0x800
_DESCRIPTOR_FLAG = 0x8
_LOCAL_HEADER = b"PK\x03\x04"
_LOCAL_HEADER_SIZE = 30
_CENTRAL_HEADER_SIZE = 46
_ZIP64_END, _ZIP64_END_SIZE = b"PK\x06\x06", 56
_ZIP64_LOCATOR, _ZIP64_LOCATOR_SIZE = b"PK\x06\x07", 20
_END, _END_SIZE = b"PK\x05\x06", 22
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"


@dataclass(frozen=True, slots=True)
class Layout:
    """What lies in an archive where.

    `overlapping` holds the places (header offsets) of members whose bytes reach into those of
    others; the numbers count bytes that belong to no member.
    """

    overlapping: frozenset[int] = frozenset()
    before: int = 0
    between: int = 0
    behind: int = 0

    def remarks(self) -> tuple[Finding, ...]:
        """Return what is to be said about the archive as a whole."""
        counts = {
            "before the members": self.before,
            "between the members": self.between,
            "behind the members": self.behind,
        }
        parts = [f"{count} {where}" for where, count in counts.items() if count]
        if not parts:
            return ()
        return (Finding("zip.uncovered", f"bytes that belong to no member: {', '.join(parts)}"),)


def layout_of(infos: Sequence[zipfile.ZipInfo], directory: int, size: int, read: Read) -> Layout:
    """Return the layout of an archive of `size` bytes whose directory starts at `directory`."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    offsets = [info.header_offset for info in ordered]
    overlapping: set[int] = set()
    between = 0
    for info, start, following in zip(ordered, offsets, [*offsets, directory][1:], strict=True):
        if start >= size or start < 0:
            continue  # the directory is damaged there, and reading the member will say so
        border = min(following, directory) if start < directory else start
        if following == start:
            overlapping.add(start)
        least = start + _LOCAL_HEADER_SIZE + _name_size(info) + info.compress_size
        # Most archives have no more than this between two members, and nothing has to be read.
        rest = border - least
        if rest > 0:
            rest = _rest(info, border - start, read)
        if rest < 0:
            overlapping.add(start)
        else:
            between += rest
    return Layout(
        frozenset(overlapping),
        before=min([directory, *offsets[:1]]),
        between=between,
        behind=_behind(infos, directory, size, read),
    )


def _name_size(info: zipfile.ZipInfo) -> int:
    """Return how many bytes a name takes: each character of code page 437 is one."""
    text = info.orig_filename
    if text.isascii() or not info.flag_bits & UTF8_FLAG:
        return len(text)
    return len(text.encode("utf-8"))


def _rest(info: zipfile.ZipInfo, room: int, read: Read) -> int:
    """Return how many bytes follow a member in its room; below 0 where it needs more."""
    head = read(info.header_offset, _LOCAL_HEADER_SIZE)
    if not head.startswith(_LOCAL_HEADER):
        return 0  # damaged; reading the member will say so
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    used = _LOCAL_HEADER_SIZE + names + info.compress_size
    if used < room and info.flag_bits & _DESCRIPTOR_FLAG:
        used += _descriptor_size(info, read(info.header_offset + used, min(24, room - used)))
    return room - used


def _descriptor_size(info: zipfile.ZipInfo, raw: bytes) -> int:
    """Return how many of the bytes behind a member are its data descriptor (section 4.3.9)."""
    for signature in (_DESCRIPTOR_SIGNATURE, b""):
        for width in (8, 4):  # of an empty member the narrow one is a part of the wide one
            if max(info.compress_size, info.file_size) >> (8 * width):
                continue
            wanted = signature + b"".join(
                number.to_bytes(length, "little")
                for number, length in (
                    (info.CRC, 4), (info.compress_size, width), (info.file_size, width),
                )
            )  # fmt: skip
            if raw.startswith(wanted):
                return len(wanted)
    return 0


def _behind(infos: Sequence[zipfile.ZipInfo], directory: int, size: int, read: Read) -> int:
    """Return how many bytes belong neither to the directory nor to what ends it."""
    at = directory + sum(
        _CENTRAL_HEADER_SIZE + _name_size(info) + len(info.extra) + len(info.comment)
        for info in infos
    )
    count = 0
    record = read(at, _ZIP64_END_SIZE)
    if record.startswith(_ZIP64_END):
        length = 12 + int.from_bytes(record[4:12], "little")
        at += length
        count += max(0, length - _ZIP64_END_SIZE)
        if read(at, _ZIP64_LOCATOR_SIZE).startswith(_ZIP64_LOCATOR):
            at += _ZIP64_LOCATOR_SIZE
    end = read(at, _END_SIZE)
    at += _END_SIZE
    if end.startswith(_END):
        at += int.from_bytes(end[20:22], "little")
    return count + max(0, size - at)
