"""Reads all that is recorded of a tree: by the metadata, the manifest file, and a bag around it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from crate_iscc.bag import Bag, with_bag
from crate_iscc.codes import Fingerprint
from crate_iscc.comparison import Difference, Status
from crate_iscc.crate.findings import changed, findings_of
from crate_iscc.crate.listed import with_manifest_file, with_same_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.view import Crate, check_recipe
from crate_iscc.entries import Entry
from crate_iscc.errors import ReadError
from crate_iscc.file_table import FileTable
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import TREEHASH_OF_NOTHING, Manifest, TreeFingerprint
from crate_iscc.paths import MANIFEST_FILE
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, chunks
from crate_iscc.verifying.lists import less_left_out

_MANIFEST_MISSING = ("bytes.missing", "not there")


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to check, and what is wrong with the record itself.

    `list_is_lost` tells that the manifest file is not there as it was recorded.
    """

    record: Recorded
    list_is_lost: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The recorded manifest."""
        return self.record.manifest

    @property
    def covers_contents(self) -> bool:
        """Whether anything is recorded that says what any file holds."""
        manifest = self.record.manifest
        return (
            bool(self.record.digests)
            or any(
                tree.treehash and (tree.files or tree.treehash != TREEHASH_OF_NOTHING)
                for tree in (manifest.root, *manifest.containers)
            )
            or any(file.fingerprint.verifiable for file in manifest.files)
        )

    @property
    def covers_sizes(self) -> bool:
        """Whether the size of any file is recorded."""
        return any(file.fingerprint.size is not None for file in self.record.manifest.files)


def known_of(
    crate: Crate | None, bag: Bag | None, tree: Tree, top: Listing, kernel: Kernel
) -> Known:
    """Return what metadata record, with the lines of the manifest file, and what a bag adds.

    Raises InputError for codes that were made by a later recipe.
    """
    if crate is None:
        known = Known(Recorded(Manifest(FileTable.of(()), (), TreeFingerprint(""))))
    else:
        check_recipe(crate)
        known = _RecordReader(tree, top, kernel).read(recorded(crate))
    record = less_left_out(with_bag(known.record, bag) if bag else known.record)
    return Known(record, known.list_is_lost, (*known.findings, *(bag.findings if bag else ())))


@dataclass(slots=True)
class _RecordReader:
    """Reads the manifest file of one crate, if it records one."""

    tree: Tree
    top: Listing
    kernel: Kernel
    findings: list[Finding] = field(default_factory=list)

    def read(self, record: Recorded) -> Known:
        """Return the record, with the lines of the manifest file if it is there and read.

        A manifest file that is missing, unread or not the recorded one is a finding of its own;
        its lines are then believed only where no treehash says otherwise.
        """
        self.findings.extend(record.findings)
        entry = self.top.entries.get(MANIFEST_FILE)
        if record.manifest_file is None:
            if entry is not None and record.manifest.root.treehash:
                self.findings.append(
                    Finding("bytes.extra", "the crate does not list this file", MANIFEST_FILE)
                )
            return Known(record, findings=tuple(self.findings))
        if entry is None:
            refused = [r.reason for r in self.top.refused if r.path == MANIFEST_FILE]
            kind, message = ("bytes.unread", refused[0]) if refused else _MANIFEST_MISSING
            self.findings.append(Finding(kind, message, MANIFEST_FILE))
            return self._lost(record)
        wanted = record.manifest_file.fingerprint
        try:
            complete, now = self._completed(record, wanted, entry)
        except ReadError as error:
            reason = error.cause or error.message
            self.findings.append(Finding("bytes.unread", reason, MANIFEST_FILE))
            return self._lost(record)
        if wanted.same_bytes(now) is False:
            difference = Difference(
                Status.CHANGED, MANIFEST_FILE, wanted, now, distance=wanted.distance(now)
            )
            self.findings.append(changed(difference))
            return self._lost(complete)
        same = Difference(Status.MATCH, MANIFEST_FILE, wanted, now)
        self.findings.extend(findings_of([same], is_closed=lambda _path: False))
        self.findings.extend(complete.findings[len(record.findings) :])
        return Known(complete, findings=tuple(self.findings))

    def _completed(
        self, record: Recorded, wanted: Fingerprint, entry: Entry
    ) -> tuple[Recorded, Fingerprint]:
        """Return a record with what the manifest file adds, and the fingerprint of that file."""
        hasher = self.kernel.hasher()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks(self.tree.open(entry)):
                hasher.update(chunk)
                yield chunk

        # Where it is known to say what the metadata say, it need not be taken apart.
        if record.listing and record.listing == wanted.instance:
            deque(hashed(), maxlen=0)
            now = hasher.finish()
            if now.instance == record.listing:
                return with_same_manifest_file(record), now
            hasher = self.kernel.hasher()
        return with_manifest_file(record, hashed()), hasher.finish()

    def _lost(self, record: Recorded) -> Known:
        return Known(record, list_is_lost=True, findings=tuple(self.findings))
