"""Fingerprints of files: one of them, and a table of any number that holds no object for each."""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, repeat
from typing import overload

from crate_iscc.codes import Fingerprint
from crate_iscc.packed import Column, PackedBytes
from crate_iscc.paths import CratePath, utf8_order

_UNKNOWN = -1
_WHOLE = 32
"""Bytes of a whole code."""
_WORTH_A_WALK = 20
"""Where one file in so many is looked for, a walk through all of them is faster than bisecting."""
_AT_ONCE = 1024
"""Files that are compared with one look where they are the same."""


@dataclass(frozen=True, slots=True)
class FileFingerprint:
    """What is known of the file at `path`; `sha256` is hex, where it was asked for."""

    path: CratePath
    fingerprint: Fingerprint
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a FileTable, all of one length.

    `paths` are UTF-8 in ascending order; a size of -1 and an empty code mean that it is not
    known; `sha256` holds texts, or the column is missing.
    """

    paths: Column
    sizes: "array[int]"
    data: Column
    instance: Column
    sha256: Column | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.paths), len(self.sizes), len(self.data), len(self.instance)}
        if len(lengths | ({len(self.sha256)} if self.sha256 is not None else set())) != 1:
            raise ValueError("the columns of a table differ in length")


Row = tuple[bytes, int, bytes, bytes]
"""Path, size, Data-Code and Instance-Code of a file as they stand in the columns."""

Rows = tuple[list[bytes], list[int], list[bytes], list[bytes]]
"""The same of some files, as lists of one length."""


class FileTable(Sequence[FileFingerprint]):
    """Files in the order of the manifest: by the UTF-8 bytes of their paths, each path once.

    Objects are made when they are asked for. A slice shares the columns of its table.
    """

    __slots__ = ("_columns", "_start", "_stop")

    def __init__(self, columns: Columns, start: int = 0, stop: int | None = None) -> None:
        self._columns = columns
        self._start = start
        self._stop = len(columns.sizes) if stop is None else stop

    @classmethod
    def of(cls, files: Iterable[FileFingerprint]) -> "FileTable":
        """Return a table of files that come in any order; a table comes back as it is."""
        if isinstance(files, FileTable):
            return files
        builder = TableBuilder()
        for file in files:
            builder.add(file)
        return builder.table()

    @classmethod
    def of_rows(cls, rows: Rows) -> "FileTable":
        """Return a table of files whose paths are in ascending order."""
        paths, sizes, data, instance = rows
        return cls(
            Columns(PackedBytes(paths), array("q", sizes), PackedBytes(data), PackedBytes(instance))
        )

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, number: int) -> FileFingerprint: ...

    @overload
    def __getitem__(self, number: slice) -> "FileTable": ...

    def __getitem__(self, number: int | slice) -> "FileFingerprint | FileTable":
        if isinstance(number, slice):
            start, stop, step = number.indices(len(self))
            if step != 1:
                raise ValueError("a table has no slices with steps")
            return FileTable(self._columns, self._start + start, self._start + max(start, stop))
        place = range(self._start, self._stop)[number]
        c = self._columns
        row = c.paths[place], c.sizes[place], c.data[place], c.instance[place]
        return file_of(row, c.sha256[place] if c.sha256 is not None else b"")

    def __iter__(self) -> Iterator[FileFingerprint]:
        column = self._columns.sha256
        if column is None:
            return map(file_of, self.rows())
        return map(file_of, self.rows(), column.between(self._start, self._stop))

    @property
    def columns(self) -> Columns:
        """The columns, of the whole table if this is a slice of it."""
        return self._columns

    def rows(self) -> Iterator[Row]:
        """Yield the files as they stand in the columns: several times as fast as objects."""
        c, start, stop = self._columns, self._start, self._stop
        return zip(
            c.paths.between(start, stop),
            memoryview(c.sizes)[start:stop],
            c.data.between(start, stop),
            c.instance.between(start, stop),
            strict=True,
        )

    def paths(self) -> Iterator[CratePath]:
        """Yield the paths."""
        for path in self.raw_paths():
            yield CratePath(path.decode("utf-8"))

    def raw_paths(self) -> Iterator[bytes]:
        """Yield the paths as they stand in their column."""
        return self._columns.paths.between(self._start, self._stop)

    @property
    def sizes(self) -> "array[int]":
        """The sizes as they stand in their column."""
        return self._columns.sizes[self._start : self._stop]

    def joined_instances(self) -> bytes:
        """Return the Instance-Codes, one behind the other."""
        return self._columns.instance.joined(self._start, self._stop)

    @property
    def size(self) -> int:
        """The bytes of all files whose size is known."""
        sizes = memoryview(self._columns.sizes)[self._start : self._stop]
        return sum(size for size in sizes if size != _UNKNOWN)

    def find(self, path: str) -> int | None:
        """Return the number of the file at `path`, or None."""
        wanted = utf8_order(path)
        number = self.bisect(wanted)
        if number < len(self) and self._columns.paths[self._start + number] == wanted:
            return number
        return None

    def get(self, path: str) -> FileFingerprint | None:
        """Return the file at `path`, or None."""
        number = self.find(path)
        return None if number is None else self[number]

    def among(self, paths: Collection[CratePath]) -> dict[CratePath, FileFingerprint]:
        """Return those of the files that have one of these paths, by their paths."""
        if len(paths) * _WORTH_A_WALK > len(self):
            wanted = {utf8_order(path) for path in paths}
            numbers = [n for n, path in enumerate(self.raw_paths()) if path in wanted]
        else:
            found = (self.find(path) for path in paths)
            numbers = [number for number in found if number is not None]
        files = map(self.__getitem__, numbers)
        return {file.path: file for file in files}

    def below(self, folder: str) -> "FileTable":
        """Return the files below `folder`, which ends in a slash; all of them for `""`.

        They stand side by side: in the order of UTF-8 bytes nothing comes between two paths with
        one prefix.
        """
        members = self.range_below(folder)
        return self[members.start : members.stop] if folder else self

    def range_below(self, folder: str) -> range:
        """Return the numbers of the files below `folder`."""
        if not folder:
            return range(len(self))
        prefix = utf8_order(folder)
        # The byte behind the slash that ends a folder is "0": no path below it is greater.
        return range(self.bisect(prefix), self.bisect(prefix[:-1] + b"0"))

    def bisect(self, path: bytes) -> int:
        """Return how many files have a path (UTF-8) that is less than `path`."""
        return bisect_left(self._columns.paths, path, self._start, self._stop) - self._start

    def chosen(self, numbers: Sequence[int]) -> "FileTable":
        """Return the files of those numbers, in ascending order, as a table of their own."""
        if len(numbers) == len(self):
            return self
        places = array("Q", (self._start + number for number in numbers))
        return FileTable(chosen(self._columns, places))

    def path_at(self, number: int) -> bytes:
        """Return the path of a file as it stands in its column."""
        return self._columns.paths[self._start + number]

    @property
    def has_sha256(self) -> bool:
        """Tell whether the SHA-256 of any file is known."""
        column = self._columns.sha256
        return column is not None and any(column.between(self._start, self._stop))

    def same_paths(self, other: "FileTable") -> bool:
        """Tell whether two tables name the same files."""
        return self._same(other, self._columns.paths, other._columns.paths)

    def same_rows(self, other: "FileTable") -> bool:
        """Tell whether all that rows() yields is the same in two tables."""
        mine, theirs = self._columns, other._columns
        return (
            self.same_paths(other)
            and self.sizes == other.sizes
            and self._same(other, mine.data, theirs.data)
            and self._same(other, mine.instance, theirs.instance)
        )

    def same_sizes(self, other: "FileTable") -> bool:
        """Tell whether the files of two tables have the same sizes, all of them known."""
        sizes = self.sizes
        return sizes == other.sizes and min(sizes, default=0) > _UNKNOWN

    def same_codes(self, other: "FileTable") -> bool:
        """Tell whether two tables hold the same whole Instance-Codes, and like Data-Codes.

        Data-Codes are alike if they are the same or one side knows none. False says nothing:
        codes that are cut are to be compared one by one.
        """
        mine, theirs = self._columns, other._columns
        whole = range(_WHOLE, _WHOLE * len(self) + 1, _WHOLE)
        return (
            mine.instance.ends(self._start, self._stop) == list(whole)
            and self._same(other, mine.instance, theirs.instance)
            and (
                not mine.data.joined(self._start, self._stop)
                or not theirs.data.joined(other._start, other._stop)
                or self._same(other, mine.data, theirs.data)
            )
        )

    def _same(self, other: "FileTable", mine: Column, theirs: Column) -> bool:
        """Compare a column without an object for each of its strings."""
        here, there = (self._start, self._stop), (other._start, other._stop)
        return mine.joined(*here) == theirs.joined(*there) and mine.ends(*here) == theirs.ends(
            *there
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(file) for file in islice(self, 3))
        return f"<FileTable of {len(self)}: {shown}{', …' if len(self) > 3 else ''}>"


class PathsOf:
    """The paths of a table as a set that only answers whether a path is in it."""

    def __init__(self, files: FileTable) -> None:
        self._files = files

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._files.find(path) is not None


def fingerprint_of(row: Row) -> Fingerprint:
    """Return what a row says of its file."""
    _, size, data, instance = row
    return Fingerprint(None if size == _UNKNOWN else size, data or None, instance or None)


def file_of(row: Row, sha256: bytes = b"") -> FileFingerprint:
    """Return a file from its row and its SHA-256."""
    digest = sha256.decode("utf-8", "surrogatepass") if sha256 else None
    return FileFingerprint(CratePath(row[0].decode("utf-8")), fingerprint_of(row), digest)


class TableBuilder:
    """Collects files in any order and ends in one FileTable."""

    def __init__(self) -> None:
        self._paths, self._data, self._instance = PackedBytes(), PackedBytes(), PackedBytes()
        self._sizes = array("q")
        # Shorter than the other columns where the last files have none.
        self._sha256 = PackedBytes()

    def add(self, file: FileFingerprint) -> None:
        """Take a file."""
        known = file.fingerprint
        self.add_row(
            utf8_order(file.path),
            _UNKNOWN if known.size is None else known.size,
            known.data or b"",
            known.instance or b"",
            (file.sha256 or "").encode("utf-8", "surrogatepass"),
        )

    def add_row(
        self, path: bytes, size: int, data: bytes, instance: bytes, sha256: bytes = b""
    ) -> None:
        """Take a file as it stands in the columns (see Columns)."""
        self._paths.append(path)
        self._sizes.append(size)
        self._data.append(data)
        self._instance.append(instance)
        if sha256:
            self._pad_sha256(len(self._sizes) - 1)
            self._sha256.append(sha256)

    def add_columns(
        self,
        paths: Iterable[bytes],
        sizes: Iterable[int],
        data: Iterable[bytes],
        instance: Iterable[bytes],
        sha256: Iterable[bytes] | None = None,
    ) -> None:
        """Take files as they stand in columns of one length."""
        before = len(self._sizes)
        self._paths.extend(paths)
        self._sizes.extend(sizes)
        self._data.extend(data)
        self._instance.extend(instance)
        if sha256 is not None:
            self._pad_sha256(before)
            self._sha256.extend(sha256)

    def add_table(self, files: FileTable) -> None:
        """Take all files of a table."""
        c, start, stop = files._columns, files._start, files._stop
        self.add_columns(
            c.paths.between(start, stop),
            c.sizes[start:stop],
            c.data.between(start, stop),
            c.instance.between(start, stop),
            None if c.sha256 is None else c.sha256.between(start, stop),
        )

    def _pad_sha256(self, count: int) -> None:
        self._sha256.extend(repeat(b"", count - len(self._sha256)))

    def table(self) -> FileTable:
        """Return the table. Raises ValueError if a path was given twice."""
        if self._paths.is_sorted():
            return FileTable(self._columns())
        files = self.lines()
        if any(one == two for one, two in pairwise(files._columns.paths)):
            raise ValueError("a path stands in a table twice")
        return files

    def lines(self) -> FileTable:
        """Return what was taken in the order of the paths, each as often as it was taken.

        What was taken of one path stays in its order. It is a table only if each came once.
        """
        order = sorted(range(len(self._sizes)), key=self._paths.__getitem__)
        return FileTable(chosen(self._columns(), order))

    def _columns(self) -> Columns:
        if len(self._sha256):
            self._pad_sha256(len(self._sizes))
        # Where all are of one length, as is usual, a column needs no edges.
        data, instance = self._data.shrunk(), self._instance.shrunk()
        self._data, self._instance = PackedBytes(), PackedBytes()
        return Columns(
            self._paths,
            self._sizes,
            data,
            instance,
            self._sha256 if len(self._sha256) else None,
        )


def side_by_side(one: FileTable, two: FileTable) -> Iterator[tuple[FileTable, FileTable]]:
    """Yield all of two tables in slices: of the same paths, or with nothing on one of the sides.

    The slices come in the order of the paths. Long stretches of the same paths are found
    without an object for each.
    """
    here = there = 0
    count = _AT_ONCE
    while here < len(one) and there < len(two):
        mine, theirs = one.path_at(here), two.path_at(there)
        if mine < theirs:
            stop = one.bisect(theirs)
            yield one[here:stop], two[there:there]
            here = stop
        elif theirs < mine:
            stop = two.bisect(mine)
            yield one[here:here], two[there:stop]
            there = stop
        else:
            left, right = one[here : here + count], two[there : there + count]
            # One path at a time is the same: that is how this loop came here.
            if count == 1 or left.same_paths(right):
                yield left, right
                here += len(left)
                there += len(right)
                count = min(_AT_ONCE, count * 4)
            else:
                count //= 4
    if here < len(one) or there < len(two):
        yield one[here:], two[there:]


def numbers_among(wanted: Iterable[bytes], paths: Iterable[bytes]) -> "array[int]":
    """Return the numbers of those of `paths` that are wanted; both are in ascending order."""
    numbers = array("Q")
    waiting = iter(wanted)
    next_path = next(waiting, None)
    for number, path in enumerate(paths):
        while next_path is not None and next_path < path:
            next_path = next(waiting, None)
        if next_path is None:
            break
        if next_path == path:
            numbers.append(number)
    return numbers


def together(one: FileTable, two: FileTable) -> FileTable:
    """Return the files of two tables; of a file that both name, what the first says of it."""
    if not two:
        return one
    files = TableBuilder()
    for mine, others in side_by_side(one, two):
        files.add_table(mine or others)
    return files.table()


def chosen(columns: Columns, numbers: Sequence[int]) -> Columns:
    """Return the rows of those numbers, in that order, as columns of their own."""
    return Columns(
        chosen_strings(columns.paths, numbers),
        array("q", (columns.sizes[number] for number in numbers)),
        chosen_strings(columns.data, numbers),
        chosen_strings(columns.instance, numbers),
        chosen_strings(columns.sha256, numbers) if columns.sha256 is not None else None,
    )


def chosen_strings(column: Column, numbers: Iterable[int]) -> PackedBytes:
    """Return the strings of those numbers, in that order, as a column of their own."""
    return PackedBytes(column[number] for number in numbers)
