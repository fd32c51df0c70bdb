"""Writes zips of any structure, also such as no program would write (APPNOTE 6.3.10)."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

STORED, DEFLATED = 0, 8
UTF8, ENCRYPTED, STREAMED = 0x800, 0x1, 0x8
LINK, FIFO, DEVICE = 0o120777, 0o010644, 0o020644
_UNIX = 3 << 8 | 20
_FULL = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member: what is true of it, and what the archive says instead where that is given.

    `offset` is where the directory says that it lies; with `only_listed` it lies nowhere itself.
    `descriptor` is the width of the sizes behind its bytes (4 or 8; 0 for none), `signed` whether
    they begin with a signature.
    """

    name: bytes
    content: bytes = b""
    method: int = STORED
    mode: int = 0
    flags: int = UTF8
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    local_name: bytes | None = None
    local_extra: bytes = b""
    offset: int | None = None
    only_listed: bool = False
    descriptor: int = 0
    signed: bool = True
    zip64: bool = False
    gap: bytes = b""
    packed_as: bytes | None = None

    @property
    def packed(self) -> bytes:
        """The bytes in the archive."""
        if self.packed_as is not None:
            return self.packed_as
        return deflated(self.content) if self.method == DEFLATED else self.content

    def holding(self, packed: bytes) -> "Member":
        """Return this member with these bytes in the archive, whatever its content is."""
        return replace(self, packed_as=packed)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """CRC-32, packed size and size, as the archive gives them."""
        return (
            zlib.crc32(self.content) if self.crc is None else self.crc,
            len(self.packed) if self.packed_size is None else self.packed_size,
            len(self.content) if self.size is None else self.size,
        )


def deflated(content: bytes) -> bytes:
    """Return bytes as a raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@cache
def deflated_zeros(count: int) -> tuple[bytes, int]:
    """Return so many zero bytes as a raw deflate stream, and their CRC-32, without holding them."""
    chunk, crc = bytes(1 << 20), 0
    whole, rest = divmod(count, len(chunk))
    # After a full flush nothing before it counts, so each piece is packed to the same bytes.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(whole):
        crc = zlib.crc32(chunk, crc)
    return piece * whole + deflated(bytes(rest)), zlib.crc32(bytes(rest), crc)


def local_part(member: Member) -> bytes:
    """Return a member's header, bytes and data descriptor."""
    name = member.name if member.local_name is None else member.local_name
    crc, packed_size, size = member.numbers
    flags = member.flags | (STREAMED if member.descriptor else 0)
    extra = member.local_extra
    if member.zip64:
        extra += struct.pack("<HHQQ", 1, 16, size, packed_size)
    in_header = (0, 0, 0) if member.descriptor else (crc, packed_size, size)
    if member.zip64:
        in_header = (in_header[0], _FULL, _FULL)
    head = struct.pack(
        "<4sHHHHHLLLHH", b"PK\x03\x04", 20, flags, member.method, 0, 0x21,
        in_header[0], in_header[1] & _FULL, in_header[2] & _FULL, len(name), len(extra),
    )  # fmt: skip
    tail = b""
    if member.descriptor:
        kind = "<LQQ" if member.descriptor == 8 else "<LLL"
        tail = (b"PK\x07\x08" if member.signed else b"") + struct.pack(kind, crc, packed_size, size)
    return head + name + extra + member.packed + tail


def central_part(member: Member, offset: int) -> bytes:
    """Return a member's entry in the directory."""
    crc, packed_size, size = member.numbers
    flags = member.flags | (STREAMED if member.descriptor else 0)
    place = offset if member.offset is None else member.offset
    extra = b""
    if member.zip64:
        extra = struct.pack("<HHQQQ", 1, 24, size, packed_size, place)
        packed_size = size = place = _FULL
    head = struct.pack(
        "<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", _UNIX, 20, flags, member.method, 0, 0x21,
        crc, packed_size, size, len(member.name), len(extra), 0, 0, 0, member.mode << 16, place,
    )  # fmt: skip
    return head + member.name + extra


def archive(
    members: Iterable[Member],
    *,
    prefix: bytes = b"",
    suffix: bytes = b"",
    comment: bytes = b"",
    zip64: bool = False,
    relative: bool = False,
) -> bytes:
    """Return an archive of these members.

    With `relative` the offsets do not count the prefix, as where one file is put behind another.
    `zip64` writes the records of an archive that needs them.
    """
    members = list(members)
    raw = bytearray(prefix)
    base = len(prefix) if relative else 0
    entries = []
    for member in members:
        entries.append(central_part(member, len(raw) - base))
        if not member.only_listed:
            raw += local_part(member) + member.gap
    start = len(raw) - base
    directory = b"".join(entries)
    raw += directory
    counts = (len(members), len(members), len(directory), start)
    if zip64:
        record = len(raw) - base
        raw += struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, *counts)
        raw += struct.pack("<4sLQL", b"PK\x06\x07", 0, record, 1)
        counts = (0xFFFF, 0xFFFF, _FULL, _FULL)
    raw += struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, *counts, len(comment))
    return bytes(raw + comment + suffix)


def members_of(files: Mapping[str, bytes], *, method: int = STORED) -> list[Member]:
    """Return plain members with these names and contents."""
    return [
        Member(name=name.encode(), content=content, method=method)
        for name, content in files.items()
    ]
