"""The directory of a zip: what it says of each member, read without zipfile and its objects.

The layout is that of APPNOTE 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3. What is read is what
zipfile reads, in a quarter of its time; what contradicts itself is refused, also where zipfile
chooses one of two readings.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple
from zipfile import BadZipFile

UTF8_FLAG = 0x800
_NEWEST_VERSION = 63
"""Tenths of the newest version of the format (6.3)."""
_LONGEST_COMMENT = 1 << 16
_UNKNOWN_32 = 0xFFFF_FFFF
"""Stands in a field of 32 bits for a number that is given elsewhere, in 64."""

_MEMBER = struct.Struct("<4s2xBxHH4xLLLHHH4xLL")
"""Signature, version needed, flags, method, CRC-32, both sizes, three lengths, attributes, offset.

Left out are the version and system that wrote it, time, date, disk and internal attributes.
"""
_MEMBER_SIGNATURE = b"PK\x01\x02"
_END = struct.Struct("<4sHHHHLLH")
"""Signature, two numbers of disks, two of members, the directory's size and offset, a length."""
_END_SIGNATURE = b"PK\x05\x06"
_END64 = struct.Struct("<4sQ4xLLQQQQ")
"""Signature, bytes that follow, two numbers of disks, two of members, size, offset."""
_END64_SIGNATURE = b"PK\x06\x06"
_END64_FOLLOWING = _END64.size - 12
_LOCATOR = struct.Struct("<4sLQL")
"""Signature, disk and offset of the 64-bit end record, number of disks."""
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_EXTRA = struct.Struct("<HH")
"""Kind and length of an extra field."""
_ZIP64 = 0x0001
_Q = struct.Struct("<Q")


class Member(NamedTuple):
    """What the directory says of one member; the fields have their names in zipfile.ZipInfo.

    A tuple, as of many thousands each has to be made quickly. `raw_name` is the name as it is
    stored, `orig_filename` the same as text: UTF-8 where a flag says so, else code page 437.
    `header_offset` counts from the start of the file.
    """

    raw_name: bytes
    orig_filename: str
    flag_bits: int
    compress_type: int
    CRC: int
    compress_size: int
    file_size: int
    external_attr: int
    header_offset: int


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """The members in the order of the directory, and where that and the archive lie in the file.

    In bytes of the file: `start` of the directory, `stop` behind what ends the archive, its comment
    included. `prefix` is what another file takes to whose end the archive was put, such as a
    program that unpacks it. `comment` is that of the whole archive.
    """

    members: tuple[Member, ...]
    start: int
    prefix: int
    stop: int
    comment: bytes = b""


@dataclass(frozen=True, slots=True)
class _End:
    """Where a directory ends, and what the record behind it says of it; the count may be cut.

    `stop` is behind all of that, and behind the `comment`, which has so many bytes.
    """

    place: int
    size: int
    offset: int
    count: int
    bits_of_count: int
    stop: int
    comment: int


def read_directory(file: BinaryIO) -> ZipDirectory:
    """Return the directory of a zip. Raises BadZipFile if there is none, or a damaged one."""
    end = _end(file)
    start = end.place - end.size
    prefix = start - end.offset
    if start < 0:
        raise BadZipFile("its directory would start before the file does")
    members = _members(_read(file, start, end.size), prefix)
    if len(members) % (1 << end.bits_of_count) != end.count:
        raise BadZipFile(f"its directory has {len(members)} members, its end says {end.count}")
    comment = _read(file, end.stop - end.comment, end.comment)
    return ZipDirectory(members, start, prefix, end.stop, comment)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _end(file: BinaryIO) -> _End:
    """Return what the end of the archive says; the archive may have a comment behind it."""
    size = file.seek(0, os.SEEK_END)
    before = max(0, size - _LONGEST_COMMENT - _END.size)
    tail = _read(file, before, size - before)
    at = max(0, len(tail) - _END.size)
    # Without a comment it is the last thing of all; else a comment might hold its signature.
    if not (tail.startswith(_END_SIGNATURE, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END_SIGNATURE)
    if at < 0 or at + _END.size > len(tail):
        raise BadZipFile("it has no end of an archive")
    _, *disks, count_here, count, directory_size, offset, length = _END.unpack_from(tail, at)
    stop = min(before + at + _END.size + length, size)
    comment = stop - (before + at + _END.size)
    end = _end64(file, before + at, stop, comment)
    if end is None:
        _check_whole(disks, count_here, count)
        end = _End(before + at, directory_size, offset, count, 16, stop, comment)
    return end


def _end64(file: BinaryIO, end: int, stop: int, comment: int) -> _End | None:
    """Return what the 64-bit end record says, None where there is none before the other one."""
    place = end - _LOCATOR.size - _END64.size
    raw = _read(file, max(0, place), end - max(0, place))
    locator = raw[-_LOCATOR.size :]
    if not (len(locator) == _LOCATOR.size and locator.startswith(_LOCATOR_SIGNATURE)):
        return None
    _, disk, record_offset, disks = _LOCATOR.unpack(locator)
    if disk != 0 or disks > 1:
        raise BadZipFile("it is one part of several")
    if place < 0 or not raw.startswith(_END64_SIGNATURE):
        raise BadZipFile("its 64-bit end record is not where it should be")
    _, following, *numbers, count_here, count, size, offset = _END64.unpack_from(raw)
    if following != _END64_FOLLOWING or offset + size != record_offset:
        raise BadZipFile("its 64-bit end record contradicts itself")
    _check_whole(numbers, count_here, count)
    return _End(place, size, offset, count, 64, stop, comment)


def _check_whole(disks: list[int], count_here: int, count: int) -> None:
    if any(disks) or count_here != count:
        raise BadZipFile("it is one part of several")


def _members(raw: bytes, prefix: int) -> tuple[Member, ...]:
    members: list[Member] = []
    at, stop = 0, len(raw)
    fields, size_of_fields = _MEMBER.unpack_from, _MEMBER.size
    while at < stop:
        if at + size_of_fields > stop:
            raise BadZipFile("its directory is cut")
        (
            signature, version, flags, method, crc, packed, size,
            name_length, extra_length, comment_length, attributes, offset,
        ) = fields(raw, at)  # fmt: skip
        if signature != _MEMBER_SIGNATURE:
            raise BadZipFile("its directory is damaged")
        if version > _NEWEST_VERSION:
            raise BadZipFile(f"it needs version {version / 10:.1f} of the format")
        name_end = at + size_of_fields + name_length
        extra_end = name_end + extra_length
        name = raw[at + size_of_fields : name_end]
        if extra_length:
            packed, size, offset = _widened(raw[name_end:extra_end], packed, size, offset)
        members.append(
            Member(
                name,
                _text(name, flags),
                flags,
                method,
                crc,
                packed,
                size,
                attributes,
                offset + prefix,
            )
        )
        at = extra_end + comment_length
    if at != stop:
        raise BadZipFile("its directory is cut")
    return tuple(members)


def _text(name: bytes, flags: int) -> str:
    if name.isascii():
        return name.decode("ascii")
    if not flags & UTF8_FLAG:
        return name.decode("cp437")
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadZipFile("a name in its directory is not the UTF-8 that it should be") from error


def _widened(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """Return both sizes and the offset; those that say so stand with 64 bits in an extra field.

    They stand there in one order: size, compressed size, offset (section 4.5.3).
    """
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if at + length > len(extra):
            raise BadZipFile(f"an extra field of kind {kind:#06x} is cut")
        if kind == _ZIP64:
            numbers = extra[at : at + length]
            # zipfile takes the first of these for a size too that 64 bits do not hold.
            if size in (_UNKNOWN_32, (1 << 64) - 1):
                size, numbers = _first(numbers)
            if packed == _UNKNOWN_32:
                packed, numbers = _first(numbers)
            if offset == _UNKNOWN_32:
                offset, numbers = _first(numbers)
        at += length
    return packed, size, offset


def _first(numbers: bytes) -> tuple[int, bytes]:
    if len(numbers) < _Q.size:
        raise BadZipFile("a 64-bit number is missing in its directory")
    return _Q.unpack_from(numbers)[0], numbers[_Q.size :]
