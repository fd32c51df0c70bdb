"""Reads what is there of a payload, as much of it as a verification needs."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from crate_iscc.entries import EntryTable
from crate_iscc.file_table import Columns, FileFingerprint, FileTable, TableBuilder
from crate_iscc.fingerprinting.pieces import Results
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Unread
from crate_iscc.packed import FixedBytes
from crate_iscc.paths import CratePath, utf8_order
from crate_iscc.progress import Progress, ProgressSink
from crate_iscc.sources import Tree
from crate_iscc.sources.subtree import SubTree
from crate_iscc.verifying.how import How

_AT_ONCE = 1 << 17
"""Files that are read at once where a journal is kept, so that their table stays small."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """Files whose datahashes are known, and those that could not be read."""

    files: FileTable
    unread: tuple[Unread, ...] = ()


class Observer:
    """Reads files of one tree; other digests go into the book that asks for them."""

    def __init__(self, tree: Tree, how: How, book: DigestBook) -> None:
        self.book = book
        self._tree = tree
        self._how = how

    def datahashes(self, entries: EntryTable, progress: ProgressSink | None = None) -> Hashed:
        """Hash files with BLAKE3 alone, and by what else is wanted of each.

        With a journal, what it holds of files that are unchanged is not read again.
        """
        journal = self._how.journal
        # Paths of crates inside are others there; what they hold is read with what is around them.
        if journal is None or isinstance(self._tree, SubTree):
            return self._read(entries, progress)
        recalled = journal.recall(self._tree, entries, self.book)
        lacking = recalled.lacking()
        meter = _Whole(entries, lacking, progress or self._how.progress)
        unread: list[Unread] = []
        for first in range(0, len(lacking), _AT_ONCE):
            numbers = lacking[first : first + _AT_ONCE]
            hashed = self._read(
                entries.chosen(numbers), meter.part, journal.writing(recalled, numbers)
            )
            recalled.put(numbers, hashed.files)
            unread.extend(hashed.unread)
            meter.next()
        unknown = FixedBytes(len(entries), 0)
        files = FileTable(Columns(entries.path_column, entries.sizes, unknown, recalled.instances))
        if unread:
            files = files.chosen([n for n, moment in enumerate(recalled.moments) if moment])
        return Hashed(files, tuple(unread))

    def _read(
        self,
        entries: EntryTable,
        progress: ProgressSink | None = None,
        told: Callable[[Results], None] | None = None,
    ) -> Hashed:
        how = self._how
        files, unread = hash_files(
            self._tree,
            entries,
            datahashes(how.kernel),
            jobs=how.jobs,
            gentle=how.gentle,
            progress=progress or how.progress,
            step="verifying",
            digests=self.book,
            told=told,
        )
        return Hashed(files, tuple(unread))

    def completed(self, hashed: Hashed, entries: EntryTable) -> Hashed:
        """Return the hashes of all of the entries, of which some are known already.

        What is lacking is read: whole files, and those of which the book lacks a digest.
        """
        files = hashed.files
        unread = {item.path: item for item in hashed.unread if item.path in entries}
        lacking = {path for path in self.book.lacking() if path in entries and path not in unread}
        if len(files) + len(unread) != len(entries) or lacking:
            numbers = array(
                "Q",
                (
                    number
                    for number, path in enumerate(entries.paths())
                    if path in lacking or (path not in unread and files.find(path) is None)
                ),
            )
            more = self.datahashes(entries.chosen(numbers))
            files = replaced(files, {file.path: file for file in more.files})
            files = replaced(files, dict.fromkeys((item.path for item in more.unread), None))
            unread |= {item.path: item for item in more.unread}
        if len(files) + len(unread) != len(entries):  # others than the entries were known
            places = array("Q", (n for n, file in enumerate(files) if file.path in entries))
            files = files.chosen(places)
        return Hashed(files, tuple(unread.values()))

    def with_data_codes(self, entries: EntryTable, files: FileTable) -> Hashed:
        """Read files again for their Data-Codes; one that is not the same any more is unread."""
        how = self._how
        again, unread = hash_files(
            self._tree,
            entries,
            how.kernel,
            jobs=how.jobs,
            gentle=how.gentle,
            progress=how.progress,
            step="comparing",
            digests=self.book,
        )
        same: list[FileFingerprint] = []
        for file in again:
            before = files.get(file.path)
            if before and file.fingerprint.same_bytes(before.fingerprint):
                same.append(file)
            else:
                unread.append(Unread(file.path, "it changed while it was verified"))
        return Hashed(FileTable.of(same), tuple(unread))


class _Whole:
    """Tells of parts of a reading as of one whole, in which some files are done already."""

    def __init__(self, entries: EntryTable, lacking: "array[int]", sink: ProgressSink) -> None:
        self._total = (entries.size, len(entries))
        to_do = sum(entries.sizes[number] for number in lacking)
        self._done = (entries.size - to_do, len(entries) - len(lacking))
        self._sink = sink
        self._last = (0, 0)

    def part(self, state: Progress) -> None:
        """Take how far a part has come."""
        self._last = (state.total_bytes, state.total_files)
        done = (self._done[0] + state.done_bytes, self._done[1] + state.done_files)
        self._sink(Progress(state.step, done[0], self._total[0], done[1], self._total[1]))

    def next(self) -> None:
        """Count the last part as done."""
        self._done = (self._done[0] + self._last[0], self._done[1] + self._last[1])
        self._last = (0, 0)


def unhashed(entries: EntryTable) -> FileTable:
    """Return files of which the size is known, and nothing else."""
    unknown = FixedBytes(len(entries), 0)
    return FileTable(Columns(entries.path_column, entries.sizes, unknown, unknown))


def replaced(files: FileTable, fates: Mapping[CratePath, FileFingerprint | None]) -> FileTable:
    """Return files with some of them replaced or added, or taken out where there is nothing."""
    if not fates:
        return files
    result = TableBuilder()
    start = 0
    for path in sorted(fates, key=utf8_order):
        number = files.bisect(utf8_order(path))
        result.add_table(files[start:number])
        start = number
        if number < len(files) and files.path_at(number) == utf8_order(path):
            start += 1
        instead = fates[path]
        if instead:
            result.add(instead)
    result.add_table(files[start:])
    return result.table()


def chosen_entries(entries: EntryTable, paths: Iterable[str]) -> EntryTable:
    """Return those of the entries that have one of these paths."""
    numbers = {entries.find(path) for path in paths}
    return entries.chosen(array("Q", sorted(number for number in numbers if number is not None)))
