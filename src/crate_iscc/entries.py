"""Files as a source lists them: one of them, and a table of any number without an object each."""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from crate_iscc.packed import PackedBytes, keep_numbers
from crate_iscc.paths import CratePath, utf8_order


@dataclass(frozen=True, slots=True)
class StatKey:
    """What changes when a file does: times in nanoseconds, and which file it is."""

    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    def words(self) -> tuple[int, int, int, int]:
        """Return the numbers as unsigned 64-bit words, as tables keep them."""
        numbers = (self.mtime_ns, self.ctime_ns, self.inode, self.device)
        mtime, ctime, inode, device = (number & _WORD for number in numbers)
        return mtime, ctime, inode, device


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file of a tree: its path, its size in bytes, and its state if that is known."""

    path: CratePath
    size: int
    stat: StatKey | None = None


_WORTH_A_WALK = 20
"""Where one file in so many is looked for, a walk through all of them is faster than bisecting."""
_STAT = 4
"""Numbers in a StatKey."""
_WORD = (1 << 64) - 1
_BEFORE_1970 = 16 * 10**18
"""Nanoseconds that are nearer to the end of a word than to its begin."""


class EntryTable:
    """Files in the order of the UTF-8 bytes of their paths, each path once.

    All of them have a state, or none has. Objects are made when they are asked for.
    """

    __slots__ = ("_paths", "_sizes", "_stats")

    def __init__(self, paths: PackedBytes, sizes: "array[int]", stats: "array[int] | None") -> None:
        """Take columns of one length: UTF-8 paths, bytes, and four 64-bit words of state each."""
        self._paths = paths
        self._sizes = sizes
        self._stats = stats
        if len(paths) != len(sizes) or (stats is not None and len(stats) != _STAT * len(sizes)):
            raise ValueError("the columns of a table differ in length")

    @classmethod
    def of(cls, entries: "Iterable[Entry] | EntryTable") -> "EntryTable":
        """Return a table of entries in any order; a table comes back as it is.

        Raises ValueError if a path comes twice.
        """
        if isinstance(entries, EntryTable):
            return entries
        ordered = sorted(entries, key=lambda entry: utf8_order(entry.path))
        stats: array[int] | None = None
        if ordered and ordered[0].stat is not None:
            stats = array("Q")
        for entry in ordered:
            if (entry.stat is None) is not (stats is None):
                raise ValueError("some entries of a table have a state and others have none")
            if stats is not None and entry.stat is not None:
                stats.extend(entry.stat.words())
        paths = PackedBytes(utf8_order(entry.path) for entry in ordered)
        if not paths.is_sorted():
            raise ValueError("a path stands in a table twice")
        return cls(paths, array("q", (entry.size for entry in ordered)), stats)

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, number: int) -> Entry:
        number = range(len(self))[number]
        path = CratePath(self._paths[number].decode("utf-8"))
        return Entry(path, self._sizes[number], self._stat(number))

    def __iter__(self) -> Iterator[Entry]:
        return map(self.__getitem__, range(len(self)))

    def _stat(self, number: int) -> StatKey | None:
        if self._stats is None:
            return None
        mtime, ctime, inode, device = self._stats[_STAT * number : _STAT * (number + 1)]
        return StatKey(_signed(mtime), _signed(ctime), inode, device)

    @property
    def path_column(self) -> PackedBytes:
        """The paths as they are kept: UTF-8, sorted."""
        return self._paths

    @property
    def sizes(self) -> "array[int]":
        """The sizes in bytes."""
        return self._sizes

    @property
    def stats(self) -> "array[int] | None":
        """The states, four unsigned 64-bit words each, in the order of StatKey."""
        return self._stats

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(self._sizes)

    def path(self, number: int) -> CratePath:
        """Return the path of the file of that number."""
        return CratePath(self._paths[number].decode("utf-8"))

    def paths(self) -> Iterator[CratePath]:
        """Yield the paths."""
        return (CratePath(path.decode("utf-8")) for path in self._paths)

    def find(self, path: str) -> int | None:
        """Return the number of the file at `path`, or None."""
        wanted = utf8_order(path)
        number = bisect_left(self._paths, wanted)
        return number if number < len(self) and self._paths[number] == wanted else None

    def numbers(self, paths: Collection[str]) -> dict[str, int]:
        """Return the numbers of those files that have one of these paths, by their paths."""
        if len(paths) * _WORTH_A_WALK > len(self):
            return {path: number for number, path in enumerate(self.paths()) if path in paths}
        found = ((path, self.find(path)) for path in paths)
        return {path: number for path, number in found if number is not None}

    def get(self, path: str) -> Entry | None:
        """Return the file at `path`, or None."""
        number = self.find(path)
        return None if number is None else self[number]

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.find(path) is not None

    def below(self, folder: str) -> range:
        """Return the numbers of the files below `folder`, which ends in a slash.

        They stand side by side: in the order of UTF-8 bytes nothing comes between two paths with
        one prefix.
        """
        return self.starting_with(folder)

    def starting_with(self, beginning: str) -> range:
        """Return the numbers of the files whose paths start so; they stand side by side."""
        prefix = utf8_order(beginning)
        ends = (prefix, prefix + b"\xff")  # a byte that UTF-8 has not, and greater than any
        return range(*(bisect_left(self._paths, end) for end in ends))

    def paths_below(self, folder: str) -> Iterator[CratePath]:
        """Yield the paths of the files below `folder`, which ends in a slash."""
        return map(self.path, self.below(folder))

    def chosen(self, numbers: "array[int]") -> "EntryTable":
        """Return the files of those numbers, in the order of the numbers, as a table of their own.

        Unless the numbers ascend, what needs the order of paths cannot be asked of it.
        """
        start, stop = (numbers[0], numbers[0] + len(numbers)) if numbers else (0, 0)
        if numbers == array("Q", range(start, stop)):
            return self if len(numbers) == len(self) else self._part(start, stop)
        stats: array[int] | None = None
        if self._stats is not None:
            stats = array("Q")
            for number in numbers:
                stats.extend(self._stats[_STAT * number : _STAT * (number + 1)])
        return EntryTable(
            PackedBytes(self._paths[number] for number in numbers),
            array("q", (self._sizes[number] for number in numbers)),
            stats,
        )

    def without(self, numbers: Iterable[int]) -> "EntryTable":
        """Return the files but for a few of them, as a table of their own."""
        left_out = sorted(set(numbers))
        if not left_out:
            return self
        stats = None if self._stats is None else self._stats[:]
        table = EntryTable(self._paths.copy(), self._sizes[:], stats)
        table.leave_out(left_out)
        return table

    def leave_out(self, numbers: Iterable[int]) -> None:
        """Take files out of this table itself: for who has made it, before others see it.

        So a few of a million files are left out without a second table of all others.
        """
        edges = [-1, *sorted(set(numbers)), len(self)]
        runs = [range(one + 1, two) for one, two in pairwise(edges)]
        self._paths.keep(runs)
        keep_numbers(self._sizes, runs)
        if self._stats is not None:
            keep_numbers(self._stats, runs, _STAT)

    def _part(self, start: int, stop: int) -> "EntryTable":
        paths = PackedBytes()
        paths.extend_from(self._paths, start, stop)
        stats = None if self._stats is None else self._stats[_STAT * start : _STAT * stop]
        return EntryTable(paths, self._sizes[start:stop], stats)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EntryTable):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<EntryTable of {len(self)}>"


def _signed(word: int) -> int:
    """Return a time that was kept as an unsigned word: before 1970 it is negative.

    Times of file systems end in 1901 and in 2486; these words tell 1892 from 2477.
    """
    return word - (_WORD + 1) if word >= _BEFORE_1970 else word
