"""Checks what others recorded of a dataset's files before its fingerprints are written.

A code over a file that was damaged before would vouch for the damage.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from crate_iscc.bag import Bag, with_bag
from crate_iscc.comparison import compare
from crate_iscc.crate.evidence import Evidence, Recording, algorithms, digests_to_check
from crate_iscc.crate.findings import findings_of
from crate_iscc.crate.other_digests import DigestReader
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.style import recorded_style
from crate_iscc.crate.view import Crate
from crate_iscc.errors import CrateIsccError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.finding_kinds import Severity
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest
from crate_iscc.paths import CratePath, printable
from crate_iscc.report import Finding


class DamagedPayloadError(CrateIsccError):
    """Some files are not what the metadata or a bag record of them, so nothing was written.

    `findings` says of each what is wrong.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = findings[0]
        super().__init__(
            f"{len(findings)} of the files are not as recorded, nothing was written",
            cause=f"{printable(first.path or '')}: {first.message}",
            hint="restore them; or --force takes them as they are, and says so in the metadata",
        )
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Carried:
    """What others recorded of files, to be checked in the read that computes their codes.

    `files` are those that are to be as recorded, `digests` what is to be computed of them.
    """

    record: Recorded
    files: FileTable
    digests: Recording
    book: DigestBook

    def problems(self, manifest: Manifest, left_out: Collection[str]) -> tuple[Finding, ...]:
        """Return what is not as recorded, once the files were read.

        `left_out` are files that are there and are no payload: no code will vouch for them. Nor
        will one for a file that is not there; if a digest of it is recorded, it is lost, though.
        """
        evidence = Evidence.of(self.digests, manifest.files, self.book.digests)
        # Of all others nothing is carried: a new crate may have a million of them.
        there = manifest.files.among({file.path for file in self.files})
        known = (
            file
            for file in self.files
            if file.path not in left_out
            and (file.path in there or file.path in self.digests or file.fingerprint.verifiable)
        )
        comparison = compare(
            Manifest(FileTable.of(known)),
            Manifest(FileTable.of(there.values())),
            told=evidence.told(),
        )
        findings = findings_of(
            comparison.differences,
            is_closed=lambda _path: False,
            judgements=evidence.judgements,
        )
        return tuple(finding for finding in findings if finding.severity is Severity.ERROR)

    def stale(self, manifest: Manifest) -> Iterator[Finding]:
        """Yield the files that changed, and of which others recorded digests that build leaves."""
        for path, digests in self.record.digests.items():
            known = self.record.manifest.files.get(path)
            now = manifest.files.get(path)
            left = sorted({one.convention for one in digests} - {"sha256"})
            if known and now and left and known.fingerprint.same_bytes(now.fingerprint) is False:
                message = f"the file changed; still recorded of its old content: {', '.join(left)}"
                yield Finding("build.stale-digest", message, path)


def carried(crate: Crate, bag: Bag | None) -> Carried | None:
    """Return what is to be checked of what a crate and a bag carry; None where that is nothing.

    Where a crate has fingerprints of ours already, a file that changed is one that was edited,
    and only files that have none are checked.
    """
    ours = recorded_style(crate) is not None
    if ours and bag is None and not _has_other_digests(crate):
        return None
    record = recorded(crate)
    if bag is not None:
        record = with_bag(record, bag)
    digests = {
        path: found
        for path, found in digests_to_check(record, full=not ours).items()
        if not (ours and _verifiable(record, path))
    }
    files = FileTable.of(
        file for file in record.manifest.files if _is_carried(file, digests, ours=ours)
    )
    wanted = {path: algorithms(found) for path, found in digests.items()}
    return Carried(record, files, digests, DigestBook(wanted))


def _has_other_digests(crate: Crate) -> bool:
    """Tell whether any file has digests by other conventions than a build's."""
    reader = DigestReader(crate)
    others = reader.keys.keys() - {"sha256"}
    datahash = frozenset(crate.term_keys("datahash"))
    for _, entity_id in crate.file_entities():
        for entity in crate.occurrences(entity_id):
            if not others.isdisjoint(entity):
                return True
            if not reader.keys.keys().isdisjoint(entity) and datahash.isdisjoint(entity):
                return True
    return False


def _verifiable(record: Recorded, path: CratePath) -> bool:
    file = record.manifest.files.get(path)
    return file is not None and file.fingerprint.verifiable


def _is_carried(file: FileFingerprint, digests: Recording, *, ours: bool) -> bool:
    """Tell whether something is recorded of a file that has to hold."""
    if file.path in digests:
        return True
    known = file.fingerprint
    return not ours and (known.verifiable or known.size is not None)
