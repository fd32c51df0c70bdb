"""Where the bytes of a zip belong: which members share some, and how many belong to none.

Counted as belonging somewhere are local headers with their extra fields, the members' bytes, data
descriptors, the directory with its Zip64 records, and the comment (APPNOTE 6.3.10, section 4.3).
"""

from collections.abc import Callable
from dataclasses import dataclass

from crate_iscc.report import Finding
from crate_iscc.sources.zip_directory import Member, ZipDirectory

Read = Callable[[int, int], bytes]
"""Returns so many bytes (the second number) of the archive from a place on, or fewer at its end."""

_DESCRIPTOR_FLAG = 0x8
_LOCAL_HEADER = b"PK\x03\x04"
_LOCAL_HEADER_SIZE = 30
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


def layout_of(archive: ZipDirectory, size: int, read: Read, *, gap: int = 0) -> Layout:
    """Return the layout of an archive in a file of `size` bytes.

    Up to `gap` bytes behind a member are taken for its own without a look: they may be extra
    fields and a data descriptor. Where a look costs a request, there may be too many of them.
    """
    ordered = sorted(archive.members, key=lambda info: info.header_offset)
    offsets = [info.header_offset for info in ordered]
    directory = archive.start
    overlapping: set[int] = set()
    between = 0
    for info, start, following in zip(ordered, offsets, [*offsets, directory][1:], strict=True):
        if start >= size or start < 0:
            continue  # the directory is damaged there, and reading the member will say so
        border = min(following, directory) if start < directory else start
        if following == start:
            overlapping.add(start)
        least = start + _LOCAL_HEADER_SIZE + len(info.raw_name) + info.compress_size
        # Most archives have no more than this between two members, and nothing has to be read.
        rest = border - least
        if 0 < rest <= gap:
            rest = 0
        elif rest > 0:
            rest = _rest(info, border - start, read)
        if rest < 0:
            overlapping.add(start)
        else:
            between += rest
    return Layout(
        frozenset(overlapping),
        before=min([directory, *offsets[:1]]),
        between=between,
        behind=size - archive.stop,
    )


def _rest(info: Member, room: int, read: Read) -> int:
    """Return how many bytes follow a member in its room; below 0 where it needs more."""
    head = read(info.header_offset, _LOCAL_HEADER_SIZE)
    if not head.startswith(_LOCAL_HEADER):
        return 0  # damaged; reading the member will say so
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    used = _LOCAL_HEADER_SIZE + names + info.compress_size
    if used < room and info.flag_bits & _DESCRIPTOR_FLAG:
        used += _descriptor_size(info, read(info.header_offset + used, min(24, room - used)))
    return room - used


def _descriptor_size(info: Member, raw: bytes) -> int:
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
