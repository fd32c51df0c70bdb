"""Reads what is there of a payload, as much of it as a verification needs."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crate_iscc.entries import EntryTable
from crate_iscc.file_table import Columns, FileFingerprint, FileTable, TableBuilder
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Unread
from crate_iscc.packed import FixedBytes
from crate_iscc.paths import CratePath, utf8_order
from crate_iscc.progress import ProgressSink
from crate_iscc.sources import Tree
from crate_iscc.verifying.how import How


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
        """Hash files with BLAKE3 alone, and by what else is wanted of each."""
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
