"""The headers of a tar: what it says of each member, and whether it is whole.

The layout is that of POSIX.1-2017 (pax, Extended Description: ustar and pax interchange formats)
with the long names and large numbers of GNU tar. tarfile is not used: it takes a damaged header
for the end. What programs read in different ways (a size of what has no bytes, two names for one
member) is refused, as nobody could say what somebody else unpacks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

BLOCK = 512
"""Bytes of a header; the bytes of each member are filled up to a multiple of it."""

Read = Callable[[int, int], bytes]
"""Returns so many bytes (the second number) of the archive from a place on, or fewer at its end."""

_ZEROS = bytes(BLOCK)
_LARGEST_EXTENSION = 1 << 20
"""Bytes of a long name or of pax records that are read; names are far shorter."""
_AT_ONCE = 1 << 20
_OCTAL = re.compile(rb"[0-7]+")
_DIGITS = re.compile(rb"[0-9]+")
_POSIX = b"ustar\0"

_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_SUN, _PAX_FOR_ALL = b"L", b"K", b"x", b"X", b"g"
_EXTENSIONS = (_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_SUN, _PAX_FOR_ALL)
_VOLUME_NAME, _VOLUME_PART = b"V", b"M"
_GNU_SPARSE = b"S"
_FILES = (b"0", b"\0", b"7")
_FOLDERS = (b"5", b"D")
HARD_LINK = b"1"
_WITHOUT_BYTES = {
    HARD_LINK: "a hard link",
    b"2": "a symbolic link, which is not followed",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    _VOLUME_NAME: "the name of the archive",
}


class BadTarError(Exception):
    """A tar that is cut, damaged, or can be read in more than one way."""


class TarMember(NamedTuple):
    """What the headers say of one member; bytes of names that are no UTF-8 are surrogates.

    Its bytes start at `start` of the file. `refused` is the kind of finding and the reason why they
    are not to be read, None for a file, a folder (whose name ends in a slash) and a hard link (to
    `link`).
    """

    name: str
    kind: bytes
    start: int
    size: int
    link: str
    refused: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class TarContents:
    """The members in the order of the archive.

    `between` counts bytes other than NUL that fill up blocks, `behind` the bytes from the first
    behind the archive's end that is not NUL; `another` tells whether a tar starts there.
    """

    members: tuple[TarMember, ...]
    between: int
    behind: int
    another: bool


@dataclass(slots=True)
class _Extension:
    """What stands in front of a header and is meant for it: names and pax records."""

    name: bytes | None = None
    link: bytes | None = None
    records: dict[str, bytes] | None = None


def looks_like_tar(head: bytes) -> bool:
    """Tell whether a file that begins with these bytes (2 blocks) is a tar, perhaps a damaged one.

    Two blocks of zeros are an archive without members.
    """
    block = head[:BLOCK]
    if len(block) < BLOCK:
        return False
    if block == _ZEROS:
        return head[BLOCK : 2 * BLOCK] == _ZEROS
    return block[257:262] == b"ustar" or _has_its_sum(block)


def read_contents(read: Read, size: int) -> TarContents:
    """Return what is in a tar of `size` bytes. Raises BadTarError unless that is all that was."""
    members: list[TarMember] = []
    extension = _Extension()
    place = between = 0
    while True:
        block = _header(place, read)
        if block == _ZEROS:
            break
        kind, start = block[156:157], place + BLOCK
        length = _length(block, extension, place)
        if kind == _GNU_SPARSE:
            start = _behind_sparse_map(block, start, read)
        stop = start + length
        if stop > size:
            raise BadTarError(f"it is cut: the member at byte {place} ends behind the file")
        place = stop + -length % BLOCK
        if place > size:
            raise BadTarError("it is cut: the blocks that end an archive are missing")
        if place > stop:
            between += len(read(stop, place - stop).replace(b"\0", b""))
        if kind in _EXTENSIONS:
            _extend(extension, kind, read(start, min(length, _LARGEST_EXTENSION + 1)), start)
            continue
        if kind == _VOLUME_PART:
            raise BadTarError("it is one part of several")
        if kind != _VOLUME_NAME:
            members.append(_member(block, extension, start, length))
        extension = _Extension()
    if extension != _Extension():
        raise BadTarError("it is cut: a name stands at its end, and no member")
    behind, another = _behind(place, size, read)
    return TarContents(tuple(members), between, behind, another)


def _header(place: int, read: Read) -> bytes:
    """Return a header, or the block of zeros that ends an archive."""
    block = read(place, BLOCK)
    if len(block) < BLOCK:
        raise BadTarError("it is cut: the blocks that end an archive are missing")
    if block != _ZEROS and not _has_its_sum(block):
        raise BadTarError(f"the header at byte {place} is damaged: its checksum is wrong")
    return block


def _has_its_sum(block: bytes) -> bool:
    """Tell whether a header adds up; some old programs added signed bytes."""
    try:
        wanted = _octal(block[148:156])
    except ValueError:
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(rest)
    return wanted == unsigned or wanted == unsigned - 256 * sum(byte > 127 for byte in rest)


def _octal(field: bytes) -> int:
    text = field.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if not _OCTAL.fullmatch(text):
        raise ValueError(text)
    return int(text, 8)


def _length(block: bytes, extension: _Extension, place: int) -> int:
    """Return how many bytes a member has: a pax record counts more than the header."""
    field = block[124:136]
    try:
        # GNU tar writes what is too large for octal digits as a number of base 256.
        length = int.from_bytes(field) - (1 << 95) if field[0] & 0x80 else _octal(field)
    except ValueError as error:
        raise BadTarError(f"the header at byte {place} has a size that is no number") from error
    if field[0] & 0xC0 == 0xC0:
        raise BadTarError(f"the header at byte {place} has a size below 0")
    kind = block[156:157]
    if kind not in _EXTENSIONS and extension.records:
        recorded = extension.records.get("size")
        if recorded is not None:
            if not _DIGITS.fullmatch(recorded) or len(recorded) > 20:
                raise BadTarError(f"the pax size before byte {place} is no number")
            length = int(recorded)
    if length and (what := _WITHOUT_BYTES.get(kind)):
        raise BadTarError(
            f"the header at byte {place} gives bytes to {what.partition(',')[0]}: "
            "programs differ in what they read next"
        )
    return length


def _behind_sparse_map(block: bytes, start: int, read: Read) -> int:
    """Return where the bytes start of a file that GNU tar stored without its holes."""
    more = block[482]
    while more:
        block = read(start, BLOCK)
        if len(block) < BLOCK:
            raise BadTarError("it is cut in the map of a sparse file")
        more = block[504]
        start += BLOCK
    return start


def _extend(extension: _Extension, kind: bytes, raw: bytes, place: int) -> None:
    if len(raw) > _LARGEST_EXTENSION:
        raise BadTarError(f"the name or the pax records at byte {place} are too long")
    if kind in (_LONG_NAME, _LONG_LINK):
        text = raw.partition(b"\0")[0]
        if kind == _LONG_NAME:
            extension.name = _the_same(extension.name, text, place)
        else:
            extension.link = _the_same(extension.link, text, place)
        return
    records = _pax_records(raw, place)
    if kind == _PAX_FOR_ALL:
        if any(key in ("path", "linkpath", "size") or _is_sparse(key) for key in records):
            raise BadTarError(f"the pax records at byte {place} give all members one name or size")
        return
    if extension.records is not None:
        raise BadTarError(f"the pax records at byte {place} are the second of one member")
    extension.records = records


def _the_same(before: bytes | None, now: bytes, place: int) -> bytes:
    if before is not None and before != now:
        raise BadTarError(f"the member behind byte {place} has two names")
    return now


def _pax_records(raw: bytes, place: int) -> dict[str, bytes]:
    """Return the records of a pax header, `LENGTH KEY=VALUE` and a line end; the last counts."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(raw) and raw[at]:
        digits = raw[at : at + 8].partition(b" ")[0]
        length = int(digits) if _DIGITS.fullmatch(digits) else 0
        record = raw[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if at + length > len(raw) or not (equals and value.endswith(b"\n")):
            raise BadTarError(f"the pax records at byte {place} are damaged")
        records[key.decode("utf-8", "surrogateescape")] = value[:-1]
        at += length
    return records


def _is_sparse(key: str) -> bool:
    return key.startswith(("GNU.sparse.", "SUN.holesdata", "SCHILY.realsize"))


def _member(block: bytes, extension: _Extension, start: int, size: int) -> TarMember:
    records = extension.records or {}
    kind = block[156:157]
    name = _name(_field(block, 0, 100), extension.name, records.get("path"), start)
    if extension.name is None and not records.get("path") and block[257:263] == _POSIX:
        prefix = _field(block, 345, 155)
        name = prefix + b"/" + name if prefix else name
    link = _name(_field(block, 157, 100), extension.link, records.get("linkpath"), start)
    refused = None
    if any(map(_is_sparse, records)) or kind == _GNU_SPARSE:
        name = records.get("GNU.sparse.name") or name
        refused = "bytes.unread", "it is a sparse file, stored without its holes: unpack the tar"
    elif kind in _FOLDERS:
        name = name.rstrip(b"/") + b"/"
    elif kind not in _FILES and kind != HARD_LINK:
        refused = "file.special", _WITHOUT_BYTES.get(kind, "a member of a kind that is not known")
    return TarMember(_text(name), kind, start, size, _text(link), refused)


def _name(short: bytes, long: bytes | None, recorded: bytes | None, place: int) -> bytes:
    """Return a name from the header, the GNU header before it, or its pax record."""
    if long is not None and recorded and long != recorded:
        raise BadTarError(f"the member before byte {place} has two names")
    return recorded or (short if long is None else long)


def _field(block: bytes, start: int, length: int) -> bytes:
    return block[start : start + length].partition(b"\0")[0]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _behind(place: int, size: int, read: Read) -> tuple[int, bool]:
    """Return how many bytes follow the end of the archive, NULs left out, and if a tar does."""
    while place < size:
        piece = read(place, _AT_ONCE)
        if not piece:
            raise BadTarError("it was cut while it was read")
        bare = piece.lstrip(b"\0")
        if bare:
            first = place + len(piece) - len(bare)
            block = read(first, BLOCK)
            return size - first, len(block) == BLOCK and _has_its_sum(block)
        place += len(piece)
    return 0, False
