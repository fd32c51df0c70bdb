"""Reads the files of two sides once, and what differs once more for its Data-Code."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from blake3 import blake3

from crate_iscc.comparing.opening import THE_FILE, Opened
from crate_iscc.containers import find_containers
from crate_iscc.entries import EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.file_table import FileFingerprint, FileTable, side_by_side, together
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import dandi_of, describing
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.digest import DatahashKernel, DigestBook
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, is_payload, utf8_order
from crate_iscc.progress import Progress, ProgressSink
from crate_iscc.sources import read_all
from crate_iscc.verifying.observing import chosen_entries, replaced, unhashed


@dataclass(frozen=True, slots=True)
class Way:
    """How to read: what changes the speed and no result."""

    kernel: Kernel
    jobs: int | None
    gentle: bool
    progress: ProgressSink


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of one side: its payload, and the files that describe it."""

    payload: Manifest
    description: Manifest
    dandi: tuple[tuple[str, str | None], ...] = ()


class Reader:
    """Reads the files of one side."""

    def __init__(self, opened: Opened, way: Way) -> None:
        entries = opened.listing.entries
        # A single file is compared whatever it is called.
        numbers = array("Q", [] if opened.file_name else describing(entries))
        self.opened = opened
        self.payload = entries.without(numbers)
        self._description = entries.chosen(array("Q", sorted(numbers)))
        self._way = way

    @property
    def size(self) -> int:
        """Bytes that there are to read."""
        return self.opened.listing.entries.size

    @property
    def count(self) -> int:
        """Files that there are to read."""
        return len(self.opened.listing.entries)

    def read(
        self, differing: Iterable[CratePath], progress: ProgressSink, *, dandi: bool
    ) -> Contents:
        """Read every file once; those that are known to differ for their Data-Codes as well."""
        payload, listing = self.payload, self.opened.listing
        folders = self._containers() if dandi else ()
        book = self._md5s_below(folders)
        surely = chosen_entries(payload, differing)
        others = payload.without(n for p in surely.paths() if (n := payload.find(p)) is not None)
        kernel = datahashes(self._way.kernel)
        steps = _Steps(progress)
        tables = [
            self._hash(self._description, kernel, steps, book),
            self._hash(others, kernel, steps, book),
            self._hash(surely, self._way.kernel, steps, book),
        ]
        described, unread_description = tables[0]
        files = together(tables[1][0], tables[2][0])
        unread = [*tables[1][1], *tables[2][1], *filter(_of_payload, listing.refused)]
        refused = [item for item in listing.refused if not is_payload(item.path)]
        contents = Contents(
            Manifest(files, unread=_sorted(unread)),
            Manifest(described, unread=_sorted([*unread_description, *refused])),
        )
        return replace(contents, dandi=tuple((f, _dandi(contents, book, f)) for f in folders))

    def extent_of(self, paths: Iterable[CratePath]) -> tuple[int, int]:
        """Return the bytes and the number of some files of the payload."""
        entries = chosen_entries(self.payload, paths)
        return entries.size, len(entries)

    def text(self, file: FileFingerprint, *, most: int) -> bytes | None:
        """Return the bytes of a small file once more, or None if they are not those of before."""
        opened = self.opened
        entry = opened.listing.entries.get(THE_FILE if opened.file_name else file.path)
        if entry is None or entry.size > most:
            return None
        try:
            text = read_all(opened.tree, entry, limit=most)
        except ReadError:
            return None
        return text if blake3(text).digest() == file.fingerprint.instance else None

    def _containers(self) -> tuple[str, ...]:
        """Return the folders of which a DANDI checksum is given: without any Zarr, the whole."""
        if self.opened.file_name:
            return ()
        return find_containers(self.payload.paths()) or ("",)

    def _md5s_below(self, folders: tuple[str, ...]) -> DigestBook:
        paths = self.opened.listing.entries.paths() if folders else ()
        return DigestBook({path: ("md5",) for path in paths if path.startswith(folders)})

    def _hash(
        self,
        entries: EntryTable,
        kernel: Kernel | DatahashKernel,
        progress: "_Steps",
        book: DigestBook | None = None,
    ) -> tuple[FileTable, Sequence[Unread]]:
        if not entries:
            return FileTable.of(()), ()
        way = self._way
        result = hash_files(
            self.opened.tree,
            entries,
            kernel,
            jobs=way.jobs,
            gentle=way.gentle,
            progress=progress,
            step="comparing",
            digests=book,
        )
        progress.next(entries)
        return result

    def with_data_codes(
        self, known: Manifest, paths: Iterable[CratePath], progress: ProgressSink
    ) -> Manifest:
        """Read files again for their Data-Codes; one that is not the same any more is unread."""
        entries = chosen_entries(self.payload, paths)
        again, failed = self._hash(entries, self._way.kernel, _Steps(progress))
        fates: dict[CratePath, FileFingerprint | None] = {}
        unread = list(failed)
        for file in again:
            before = known.files.get(file.path)
            if before and file.fingerprint.same_bytes(before.fingerprint):
                fates[file.path] = file
            else:
                unread.append(Unread(file.path, "it changed while it was compared"))
        fates |= dict.fromkeys((item.path for item in unread), None)
        return replace(
            known,
            files=replaced(known.files, fates),
            unread=_sorted([*known.unread, *unread]),
        )


def _of_payload(item: Unread) -> bool:
    return is_payload(item.path)


def _sorted(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    return tuple(sorted(unread, key=lambda item: utf8_order(item.path)))


def _dandi(contents: Contents, book: DigestBook, folder: str) -> str | None:
    """Return the DANDI checksum of a folder, or None where not every file of it was read."""
    unread = (*contents.payload.unread, *contents.description.unread)
    if any(f"{item.path}/".startswith(folder) for item in unread):
        return None
    return dandi_of(together(contents.payload.files, contents.description.files), book, folder)


def of_other_sizes(a: EntryTable, b: EntryTable) -> set[CratePath]:
    """Return the paths at which two sides have files of different sizes."""
    return {
        CratePath(one[0].decode("utf-8"))
        for mine, theirs in side_by_side(unhashed(a), unhashed(b))
        if mine and theirs and not mine.same_sizes(theirs)
        for one, two in zip(mine.rows(), theirs.rows(), strict=True)
        if one[1] != two[1]
    }


class _Steps:
    """Hands on how far a step is, together with those that were before it."""

    def __init__(self, progress: ProgressSink) -> None:
        self._progress = progress
        self._bytes = self._files = 0

    def __call__(self, state: Progress) -> None:
        self._progress(
            replace(
                state,
                done_bytes=self._bytes + state.done_bytes,
                done_files=self._files + state.done_files,
            )
        )

    def next(self, entries: EntryTable) -> None:
        """Take what has been read as done."""
        self._bytes += entries.size
        self._files += len(entries)


def of_both(
    progress: ProgressSink, step: str, before: tuple[int, int], total: tuple[int, int]
) -> ProgressSink:
    """Return a sink for one side: bytes and files of the other one are `before` it."""

    def sink(state: Progress) -> None:
        progress(
            Progress(
                step,
                before[0] + state.done_bytes,
                total[0],
                before[1] + state.done_files,
                total[1],
            )
        )

    return sink
