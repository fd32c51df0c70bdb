"""Compares what was observed of a payload with its record, and reads again what differs.

What differs is read a second time for its Data-Code, which says how far it is apart, and for the
digests by which a file that is lost may be found under another name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crate_iscc.comparison import Comparison, Difference, Status, compare
from crate_iscc.crate.evidence import Evidence, Recording, algorithms
from crate_iscc.entries import EntryTable
from crate_iscc.file_table import FileTable, PathsOf, numbers_among
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest
from crate_iscc.paths import CratePath, utf8_order
from crate_iscc.sources import Tree
from crate_iscc.verifying.how import How, Thoroughness
from crate_iscc.verifying.lists import observed_treehashes, settle_lists, settle_names
from crate_iscc.verifying.observing import Observer, chosen_entries, replaced
from crate_iscc.verifying.recording import Known
from crate_iscc.verifying.spelling import Spellings

if TYPE_CHECKING:
    from crate_iscc.verifying.sampling import Drawn


@dataclass(frozen=True, slots=True)
class Compared:
    """How a payload came out: `observed` is what is there, less what could not be read again.

    `treehashes` are those of what was observed, by the folders that record one. Of a sample,
    `read` holds the files whose contents were read, and `not_sampled` counts the others that are
    there with their recorded sizes.
    """

    comparison: Comparison
    observed: Manifest
    evidence: Evidence = field(default_factory=Evidence)
    treehashes: Mapping[str, str | None] = field(default_factory=dict)
    read: FileTable = field(default_factory=lambda: FileTable.of(()))
    not_sampled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares the payload of one tree with its record.

    `to_check` are the digests by other conventions whose values `book` knows.
    """

    tree: Tree
    how: How
    known: Known
    entries: EntryTable
    spellings: Spellings
    to_check: Recording
    book: DigestBook

    def compare(self, observed: Manifest) -> Compared:
        """Compare what was observed, which is given under the paths by which it is recorded."""
        known, thoroughness = self.known, self.how.thoroughness
        if thoroughness is Thoroughness.QUICK:
            sides = settle_names(known.record, observed, list_is_lost=known.list_is_lost)
            return Compared(compare(sides.recorded, sides.observed, content=False), observed)
        evidence = self.evidence(observed.files)
        first = self._contents(observed, evidence, {})
        if thoroughness is Thoroughness.FULL or not known.covers_contents:
            return first
        differing = _Differing.of(first.comparison, self.to_check)
        return self._read_again(first, differing) if differing.again else first

    def compare_sample(self, drawn: "Drawn", there: Manifest, read: Manifest) -> Compared:
        """Compare names and sizes of all that is there, and contents of a sample.

        What was observed is given under the paths by which it is recorded: all without contents,
        and what was read of the chosen files.
        """
        known = self.known
        sides = settle_names(known.record, there, list_is_lost=known.list_is_lost)
        names = compare(sides.recorded, sides.observed, content=False)
        wanted = drawn.files.chosen(numbers_among(there.files.raw_paths(), drawn.files.raw_paths()))
        only = Manifest(wanted)
        record = replace(known.record, manifest=only, in_metadata=wanted)
        part = replace(self, known=replace(known, record=record, list_is_lost=False))
        contents = part.compare(read)
        in_sample, checkable = PathsOf(wanted), PathsOf(drawn.checkable)
        outside = [d for d in names.differences if d.path not in in_sample]
        # Without a recorded size nothing is known of a file now, but that it was left out.
        elsewhere = [
            d for d in outside if d.status is not Status.UNCHECKED or d.path not in checkable
        ]
        told = len(names.differences) - len(outside)
        not_sampled = names.matches - (len(wanted) - told) + len(outside) - len(elsewhere)
        by_path = sorted(
            (*contents.comparison.differences, *elsewhere), key=lambda d: utf8_order(d.path)
        )
        return Compared(
            Comparison(contents.comparison.matches, tuple(by_path)),
            replace(there, unread=(*there.unread, *contents.observed.unread)),
            contents.evidence,
            read=contents.observed.files,
            not_sampled=not_sampled,
        )

    def evidence(self, files: FileTable) -> Evidence:
        """Judge files by the digests of other conventions."""
        book, spellings = self.book, self.spellings
        return Evidence.of(self.to_check, files, lambda path: book.digests(spellings.real(path)))

    def _contents(
        self, observed: Manifest, evidence: Evidence, moved: Mapping[CratePath, CratePath]
    ) -> Compared:
        known = self.known
        treehashes = observed_treehashes(known.manifest, observed, hashed=known.covers_contents)
        sides = settle_lists(known.record, observed, treehashes, list_is_lost=known.list_is_lost)
        found = compare(sides.recorded, sides.observed, told=evidence.told(), moved=moved)
        comparison = replace(found, differences=(*found.differences, *sides.opaque))
        return Compared(comparison, observed, evidence, treehashes)

    def _read_again(self, first: Compared, differing: "_Differing") -> Compared:
        observed, spellings = first.observed, self.spellings
        entries = chosen_entries(self.entries, map(spellings.real, differing.again))
        names = algorithms(digest for path in differing.lost for digest in self.to_check[path])
        book = DigestBook(dict.fromkeys(entries.paths(), names))
        seen = Observer(self.tree, self.how, book).with_data_codes(
            entries, spellings.as_there(observed.files)
        )
        unread = spellings.unread_as_recorded(seen.unread)
        fates = {file.path: file for file in spellings.as_recorded(seen.files)}
        observed = replace(
            observed,
            files=replaced(observed.files, fates | dict.fromkeys(item.path for item in unread)),
            unread=(*observed.unread, *unread),
        )
        return self._contents(observed, first.evidence, self._moved(differing.lost, book))

    def _moved(self, lost: Sequence[CratePath], book: DigestBook) -> dict[CratePath, CratePath]:
        """Return where lost files are now, by their strongest digest."""
        places: dict[tuple[str, str], list[CratePath]] = {}
        for path in book.paths():
            for name, value in book.digests(path).items():
                places.setdefault((name, value), []).append(self.spellings.recorded(path))
        moved: dict[CratePath, CratePath] = {}
        for path in lost:
            strongest = min(self.to_check[path], key=lambda one: one.weakness)
            candidates = places.get((strongest.algorithm, strongest.hex))
            if candidates:
                moved[path] = candidates.pop(0)
        return moved


@dataclass(frozen=True, slots=True)
class _Differing:
    """The files of which more is to be known (`again`), and what they may hold.

    That are files that are lost with nothing but digests of other conventions recorded.
    """

    again: frozenset[CratePath]
    lost: tuple[CratePath, ...]

    @classmethod
    def of(cls, comparison: Comparison, to_check: Recording) -> "_Differing":
        by_status: dict[Status, list[Difference]] = {status: [] for status in Status}
        for difference in comparison.differences:
            by_status[difference.status].append(difference)
        missing = by_status[Status.MISSING]
        again = {
            d.path
            for d in by_status[Status.CHANGED]
            if d.observed and d.recorded and d.recorded.data
        }
        lost = [
            d for d in missing if d.path in to_check and not (d.recorded and d.recorded.verifiable)
        ]
        sizes = {d.recorded.size if d.recorded else None for d in lost}
        near = any(d.recorded and d.recorded.data for d in missing)
        for difference in by_status[Status.EXTRA]:
            found = difference.observed
            if found and (near or (lost and not sizes.isdisjoint((None, found.size)))):
                again.add(difference.path)
        return cls(frozenset(again), tuple(d.path for d in lost))
