"""Fingerprints of files: one of them, and a table of any number that holds no object for each."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import overload

from crate_iscc.codes import Fingerprint
from crate_iscc.packed import Column, PackedBytes
from crate_iscc.paths import CratePath, utf8_order

_UNKNOWN = -1


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
        return _file(row, c.sha256[place] if c.sha256 is not None else b"")

    def __iter__(self) -> Iterator[FileFingerprint]:
        column = self._columns.sha256
        if column is None:
            return map(_file, self.rows())
        return map(_file, self.rows(), column.between(self._start, self._stop))

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
        for path in self._columns.paths.between(self._start, self._stop):
            yield CratePath(path.decode("utf-8"))

    @property
    def size(self) -> int:
        """The bytes of all files whose size is known."""
        sizes = memoryview(self._columns.sizes)[self._start : self._stop]
        return sum(size for size in sizes if size != _UNKNOWN)

    def find(self, path: str) -> int | None:
        """Return the number of the file at `path`, or None."""
        wanted = utf8_order(path)
        number = self._bisect(wanted)
        if number < len(self) and self._columns.paths[self._start + number] == wanted:
            return number
        return None

    def get(self, path: str) -> FileFingerprint | None:
        """Return the file at `path`, or None."""
        number = self.find(path)
        return None if number is None else self[number]

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
        return range(self._bisect(prefix), self._bisect(prefix[:-1] + b"0"))

    def _bisect(self, path: bytes) -> int:
        return bisect_left(self._columns.paths, path, self._start, self._stop) - self._start

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


def _file(row: Row, sha256: bytes = b"") -> FileFingerprint:
    path, size, data, instance = row
    known = Fingerprint(None if size == _UNKNOWN else size, data or None, instance or None)
    digest = sha256.decode("utf-8", "surrogatepass") if sha256 else None
    return FileFingerprint(CratePath(path.decode("utf-8")), known, digest)


class TableBuilder:
    """Collects files in any order and ends in one FileTable."""

    def __init__(self) -> None:
        self._paths, self._data, self._instance = PackedBytes(), PackedBytes(), PackedBytes()
        self._sizes = array("q")
        self._sha256: PackedBytes | None = None

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
        if sha256 and self._sha256 is None:
            self._sha256 = PackedBytes([b""] * len(self._sizes))
        self._paths.append(path)
        self._sizes.append(size)
        self._data.append(data)
        self._instance.append(instance)
        if self._sha256 is not None:
            self._sha256.append(sha256)

    def table(self) -> FileTable:
        """Return the table. Raises ValueError if a path was given twice."""
        columns = Columns(
            self._paths.freeze(),
            self._sizes,
            self._data.freeze(),
            self._instance.freeze(),
            self._sha256.freeze() if self._sha256 is not None else None,
        )
        if not self._paths.is_sorted():
            order = sorted(range(len(self._sizes)), key=self._paths.__getitem__)
            columns = chosen(columns, order)
            if any(one == two for one, two in pairwise(columns.paths)):
                raise ValueError("a path stands in a table twice")
        return FileTable(columns)


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
    return PackedBytes(column[number] for number in numbers).freeze()
