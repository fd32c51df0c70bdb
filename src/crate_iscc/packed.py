"""Columns of byte strings without an object for each: what keeps a million files in memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice, repeat
from operator import lt
from typing import Protocol

_AT_ONCE = 4096
"""Strings that are held as objects while they are added."""


class Column(Protocol):
    """Byte strings by their number, from 0 on."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the strings from number `start` on, up to `stop`."""
        ...

    def joined(self, start: int, stop: int) -> bytes:
        """Return the strings from number `start` on, up to `stop`, one behind the other."""
        ...

    def ends(self, start: int, stop: int) -> list[int]:
        """Return where each of these strings ends in what `joined` returns."""
        ...


class PackedBytes:
    """Byte strings of any length, one behind the other: 8 bytes each beside their own."""

    __slots__ = ("_blob", "_edges")

    def __init__(self, strings: Iterable[bytes] = ()) -> None:
        self._blob = bytearray()
        self._edges = array("Q", (0,))
        self.extend(strings)

    def append(self, string: bytes) -> None:
        """Add a string at the end."""
        self._blob += string
        self._edges.append(len(self._blob))

    def extend(self, strings: Iterable[bytes]) -> None:
        """Add strings at the end."""
        waiting = iter(strings)
        while some := list(islice(waiting, _AT_ONCE)):
            self._blob += b"".join(some)
            self._edges.extend(accumulate(map(len, some), initial=self._edges.pop()))

    def extend_ended(self, strings: bytes) -> None:
        """Add strings that lie one behind the other, each ended by a NUL, and hold none."""
        lengths = map(len, strings.split(b"\0")[:-1])
        self._edges.extend(accumulate(lengths, initial=self._edges.pop()))
        self._blob += strings.replace(b"\0", b"")

    def shrunk(self) -> "PackedBytes | FixedBytes":
        """Return these strings in less memory if all are of one length; nothing can follow then.

        This column is not to be used any more.
        """
        count = len(self)
        width = len(self._blob) // count if count else 0
        places = range(0, width * count + 1, width) if width else repeat(0, count + 1)
        if self._edges != array("Q", places):
            return self
        return FixedBytes(count, width, self._blob)

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
        for first in range(start, stop, _AT_ONCE):
            last = min(first + _AT_ONCE, stop)
            some, at = self.joined(first, last), 0
            for end in self.ends(first, last):
                yield some[at:end]
                at = end

    def joined(self, start: int, stop: int) -> bytes:
        """Return the strings from number `start` on, up to `stop`, one behind the other."""
        with memoryview(self._blob) as blob:
            return bytes(blob[self._edges[start] : self._edges[stop]])

    def ends(self, start: int, stop: int) -> list[int]:
        """Return where each of these strings ends in what `joined` returns."""
        begin = self._edges[start]
        return [end - begin for end in self._edges[start + 1 : stop + 1]]

    def extend_from(self, other: "PackedBytes", start: int, stop: int) -> None:
        """Add the strings of another column from number `start` on, up to `stop`."""
        for first in range(start, stop, _AT_ONCE):
            last = min(first + _AT_ONCE, stop)
            shift = len(self._blob)
            self._blob += other.joined(first, last)
            self._edges.extend([shift + end for end in other.ends(first, last)])

    def keep(self, runs: Sequence[range]) -> None:
        """Drop all strings but those of these ranges of numbers, which ascend, where they lie."""
        count = end = 0
        for run in runs:
            start, stop = self._edges[run.start], self._edges[run.stop]
            _move(self._blob, start, stop, end)
            for first in range(run.start + 1, run.stop + 1, _AT_ONCE):
                some = self._edges[first : min(first + _AT_ONCE, run.stop + 1)]
                if start != end:
                    some = array("Q", [edge - start + end for edge in some])
                self._edges[count + 1 : count + 1 + len(some)] = some
                count += len(some)
            end += stop - start
        del self._edges[count + 1 :]
        del self._blob[end:]

    def copy(self) -> "PackedBytes":
        """Return a column of the same strings."""
        column = PackedBytes()
        column._blob, column._edges = self._blob[:], self._edges[:]
        return column

    def find(self, string: bytes) -> int | None:
        """Return the number of a string in a column that is sorted, or None."""
        number = bisect_left(self, string)
        return number if number < len(self) and self[number] == string else None

    def ending_in(self, ending: bytes) -> list[int]:
        """Return the numbers of the strings that end in `ending`, which is not empty."""
        found = []
        at = self._blob.find(ending)
        while at >= 0:
            end = at + len(ending)
            number = bisect_left(self._edges, end) - 1
            if self._edges[number + 1] == end and self._edges[number] <= at:
                found.append(number)
            at = self._blob.find(ending, at + 1)
        return found

    def is_sorted(self) -> bool:
        """Tell whether each string is greater than the one before it."""
        return all(map(lt, self, self.between(1, len(self))))


def keep_numbers(column: "array[int]", runs: Iterable[range], each: int = 1) -> None:
    """Drop all of a column but these ranges, which ascend, of `each` numbers at a time."""
    end = 0
    for run in runs:
        _move(column, each * run.start, each * run.stop, end)
        end += each * len(run)
    del column[end:]


def _move(column: "bytearray | array[int]", start: int, stop: int, to: int) -> None:
    """Move a part of a column towards its begin; no second copy of it is made on the way."""
    if start != to:
        with memoryview(column) as view:
            view[to : to + stop - start] = view[start:stop]


class FixedBytes:
    """Byte strings of one length, to be set in any order; zero bytes until then."""

    __slots__ = ("_blob", "_count", "width")

    def __init__(
        self, count: int, width: int, blob: bytes | memoryview | bytearray | None = None
    ) -> None:
        """`blob` holds the strings one behind the other, if they are known already.

        A bytearray or a view is taken over, bytes are copied. Through a view of bytes nothing can
        be set.
        """
        self.width = width
        self._count = count
        self._blob: bytearray | memoryview
        if isinstance(blob, bytearray | memoryview):
            self._blob = blob
        else:
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
        width = self.width
        if not width:
            yield from repeat(b"", stop - start)
            return
        for first in range(start, stop, _AT_ONCE):
            some = self.joined(first, min(first + _AT_ONCE, stop))
            yield from [some[at : at + width] for at in range(0, len(some), width)]

    def joined(self, start: int, stop: int) -> bytes:
        """Return the strings from number `start` on, up to `stop`, one behind the other."""
        with memoryview(self._blob) as blob:
            return bytes(blob[start * self.width : stop * self.width])

    def ends(self, start: int, stop: int) -> list[int]:
        """Return where each of these strings ends in what `joined` returns."""
        return [self.width * count for count in range(1, stop - start + 1)]
