"""How much the metadata of a Nikon ND2 become when they are read: nd2 unpacks all that they claim.

From version 3 on they are records of Nikon's Lite Variant: a type, the length of a name (uint8
each), the name in UTF-16, a value; numbers are little-endian. A record of the type 76 is zlib, of
which records come, and so on: 2 kB can be 1 GB. Before that they are XML, which declares nothing.
"""

import zlib
from struct import Struct

from crate_iscc.pixels import NoPixelsError

MOST = 1 << 25
"""Bytes of one part of the metadata, as they are stored and as they are unpacked."""
_LONGEST_STRING = 1 << 18
"""nd2 takes time with the square of it."""
_DEEPEST = 40
_SIZES = {1: 1, 2: 4, 3: 4, 4: 8, 5: 8, 6: 8, 7: 8}
_STRING, _BYTES, _LEVEL, _PACKED = 8, 9, 11, 76
_PACKED_HEAD = 12
_LEVEL_HEAD = Struct("<IQ")
_LENGTH = Struct("<Q")


def require_readable(content: bytes) -> None:
    """Raise NoPixelsError if nd2 would need more time or memory than metadata can be worth."""
    if content.startswith(b"<"):
        if b"<!doctype" in content.replace(b"\0", b"").lower():
            raise NoPixelsError("its metadata declare a document type")
        return
    _Walk().records(content, 0)


class _Walk:
    """Goes through records as nd2 does, and counts what it unpacks."""

    def __init__(self) -> None:
        self._left = MOST

    def records(self, data: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            raise NoPixelsError("its metadata lie too deep in each other")
        at = 0
        while at + 2 <= len(data):
            kind, start = data[at], at + 2 + 2 * data[at + 1]
            if kind == _PACKED:
                self.records(self._unpacked(data[at + _PACKED_HEAD :]), depth + 1)
                return
            if kind == _LEVEL and len(data) >= start + _LEVEL_HEAD.size:
                count, length = _LEVEL_HEAD.unpack_from(data, start)
                start += _LEVEL_HEAD.size
                end = at + length if at + length >= start else len(data)
                self.records(data[start:end], depth + 1)
                at = end + 8 * count
            elif kind == _BYTES and len(data) >= start + _LENGTH.size:
                start += _LENGTH.size
                at = start + _LENGTH.unpack_from(data, start - _LENGTH.size)[0]
                if data[start : start + 1] and data[start] in (*range(1, 12), _PACKED):
                    self.records(data[start:at], depth + 1)
            elif kind == _STRING:
                at = _end_of_string(data, start)
            else:
                at = start + _SIZES.get(kind, 0)

    def _unpacked(self, packed: bytes) -> bytes:
        try:
            raw = zlib.decompressobj().decompress(packed, self._left + 1)
        except zlib.error:  # which is for nd2 to tell
            return b""
        self._left -= len(raw)
        if self._left < 0:
            raise NoPixelsError(f"its metadata are more than {MOST} bytes when they are unpacked")
        return raw


def _end_of_string(data: bytes, start: int) -> int:
    end = data.find(b"\0\0", start)
    while end >= 0 and (end - start) % 2:
        end = data.find(b"\0\0", end + 1)
    end = len(data) if end < 0 else end + 2
    if end - start > _LONGEST_STRING:
        raise NoPixelsError(f"its metadata have a text of {end - start} bytes")
    return end
