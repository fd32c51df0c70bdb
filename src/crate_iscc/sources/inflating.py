"""What unpacks the compressed members of a zip: zlib, or a faster library if it is installed.

All libraries have the interface of Python's zlib, and release the GIL while they work. So have
the rarer compressions here: no more bytes are unpacked at a time than are asked for, and zipfile
asks for all that a piece of input holds, which of bzip2 may be a million times as much.
"""

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Inflating(Protocol):
    """One raw deflate stream (RFC 1951) while it is inflated, as `zlib.decompressobj` gives it."""

    @property
    def eof(self) -> bool:
        """Whether the last block of the stream has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given behind the end of the stream."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """What was given and is still to be inflated."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes (0: any number). Raises the Inflater's error."""
        ...


@dataclass(frozen=True, slots=True)
class Inflater:
    """A library that inflates, under its name; `error` is all that it raises of damaged bytes."""

    name: str
    start: Callable[[], Inflating]
    crc32: Callable[[bytes | memoryview, int], int]
    error: type[Exception] | tuple[type[Exception], ...]


def _installed() -> tuple[Inflater, ...]:
    plain = Inflater("zlib", lambda: zlib.decompressobj(-zlib.MAX_WBITS), zlib.crc32, zlib.error)
    try:
        from isal import isal_zlib
    except ImportError:
        return (plain,)
    fast = Inflater(
        "isal",
        lambda: isal_zlib.decompressobj(-zlib.MAX_WBITS),
        isal_zlib.crc32,
        isal_zlib.error,
    )
    return (fast, plain)


INFLATERS = _installed()
"""The libraries that are installed, the fastest first."""


class _Unpacking:
    """A decompressor of bz2 or lzma as one of zlib: what it did not take yet is handed back."""

    def __init__(self, decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._decompressor = decompressor
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        # It keeps what it was given until that is used up, and would keep any amount.
        wants_more = self._decompressor.needs_input
        self.unconsumed_tail = b"" if wants_more else data
        return self._decompressor.decompress(data if wants_more else b"", max_length)


class _UnpackingLzma:
    """A stream of LZMA as a zip holds it: behind its properties (APPNOTE 6.3.10, section 5.8)."""

    _HEADER = 9

    def __init__(self) -> None:
        self._head = b""
        self._unpacking: _Unpacking | None = None
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._unpacking is not None and self._unpacking.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpacking.unused_data if self._unpacking else b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._unpacking is None:
            missing = self._HEADER - len(self._head)
            self._head += data[:missing]
            data = data[missing:]
            if len(self._head) < self._HEADER:
                return b""
            self._unpacking = _Unpacking(
                lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_lzma_filter(self._head)])
            )
        piece = self._unpacking.decompress(data, max_length)
        self.unconsumed_tail = self._unpacking.unconsumed_tail
        return piece


def _lzma_filter(head: bytes) -> dict[str, int]:
    """Return what the properties in front of an LZMA stream say. Raises LZMAError."""
    if head[2:4] != b"\x05\x00" or head[4] >= 9 * 5 * 5:
        raise lzma.LZMAError("these are no properties of LZMA")
    rest, literal_context = divmod(head[4], 9)
    position, literal_position = divmod(rest, 5)
    return {
        "id": lzma.FILTER_LZMA1,
        "dict_size": int.from_bytes(head[5:9], "little"),
        "lc": literal_context,
        "lp": literal_position,
        "pb": position,
    }


# A dictionary of up to 4 GiB may be asked for, and so many bytes may not be there.
UNPACKERS = {
    zipfile.ZIP_BZIP2: Inflater(
        "bzip2", lambda: _Unpacking(bz2.BZ2Decompressor()), zlib.crc32, (OSError, ValueError)
    ),
    zipfile.ZIP_LZMA: Inflater(
        "lzma", _UnpackingLzma, zlib.crc32, (lzma.LZMAError, ValueError, MemoryError)
    ),
}
"""What unpacks the rarer compressions, by their numbers in a zip."""
