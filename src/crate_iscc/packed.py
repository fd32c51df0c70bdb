"""Columns of byte strings without an object for each: what keeps a million files in memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise, repeat
from typing import Protocol


class Column(Protocol):
    """Byte strings by their number, from 0 on."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the strings from number `start` on, up to `stop`."""
        ...


class PackedBytes:
    """Byte strings of any length, one behind the other: 8 bytes each beside their own."""

    __slots__ = ("_blob", "_edges")

    def __init__(self, strings: Iterable[bytes] = ()) -> None:
        self._blob: bytes | bytearray = bytearray()
        self._edges = array("Q", (0,))
        self.extend(strings)

    def append(self, string: bytes) -> None:
        """Add a string at the end."""
        if isinstance(self._blob, bytes):
            self._blob = bytearray(self._blob)
        self._blob += string
        self._edges.append(len(self._blob))

    def extend(self, strings: Iterable[bytes]) -> None:
        """Add strings at the end."""
        for string in strings:
            self.append(string)

    def extend_ended(self, strings: bytes) -> None:
        """Add strings that lie one behind the other, each ended by a NUL, and hold none."""
        if isinstance(self._blob, bytes):
            self._blob = bytearray(self._blob)
        lengths = map(len, strings.split(b"\0")[:-1])
        self._edges.extend(accumulate(lengths, initial=self._edges.pop()))
        self._blob += strings.replace(b"\0", b"")

    def freeze(self) -> "PackedBytes":
        """Make reading cheaper, once all strings are there, and return this column."""
        self._blob = bytes(self._blob)
        return self

    def __len__(self) -> int:
        return len(self._edges) - 1

    def __getitem__(self, number: int, /) -> bytes:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return bytes(self._blob[self._edges[number] : self._edges[number + 1]])

    def __iter__(self) -> Iterator[bytes]:
        return self.between(0, len(self))

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the strings from number `start` on, up to `stop`."""
        blob = self.freeze()._blob
        edges = memoryview(self._edges)[start : stop + 1]
        return (bytes(blob[begin:end]) for begin, end in pairwise(edges))

    def part(self, start: int, stop: int) -> "PackedBytes":
        """Return the strings from number `start` on, up to `stop`, as a column of their own."""
        part = PackedBytes()
        first = self._edges[start]
        part._blob = self._blob[first : self._edges[stop]]
        part._edges = array("Q", (edge - first for edge in self._edges[start : stop + 1]))
        return part

    def find(self, string: bytes) -> int | None:
        """Return the number of a string in a column that is sorted, or None."""
        number = bisect_left(self, string)
        return number if number < len(self) and self[number] == string else None

    def is_sorted(self) -> bool:
        """Tell whether each string is greater than the one before it."""
        before = None
        for string in self:
            if before is not None and string <= before:
                return False
            before = string
        return True


class FixedBytes:
    """Byte strings of one length, to be set in any order; zero bytes until then."""

    __slots__ = ("_blob", "_count", "width")

    def __init__(self, count: int, width: int, blob: bytes | memoryview | None = None) -> None:
        """`blob` holds the strings one behind the other, if they are known already."""
        self.width = width
        self._count = count
        self._blob = bytearray(count * width if blob is None else blob)
        if len(self._blob) != count * width:
            raise ValueError("the strings of a column are not of its width")

    def __len__(self) -> int:
        return self._count

    def __setitem__(self, number: int, string: bytes) -> None:
        if not 0 <= number < self._count or len(string) != self.width:
            raise ValueError("no such place in the column, or not a string of its width")
        start = number * self.width
        self._blob[start : start + self.width] = string

    def set_run(self, number: int, strings: bytes) -> None:
        """Set strings that lie one behind the other, from that number on."""
        start = number * self.width
        if number < 0 or start + len(strings) > len(self._blob) or len(strings) % self.width:
            raise ValueError("no such places in the column, or not strings of its width")
        self._blob[start : start + len(strings)] = strings

    def __getitem__(self, number: int, /) -> bytes:
        if not 0 <= number < self._count:
            raise IndexError(number)
        start = number * self.width
        return bytes(self._blob[start : start + self.width])

    def __iter__(self) -> Iterator[bytes]:
        return self.between(0, self._count)

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the strings from number `start` on, up to `stop`."""
        width, blob = self.width, self._blob
        if not width:
            return repeat(b"", stop - start)
        return (bytes(blob[at : at + width]) for at in range(start * width, stop * width, width))
