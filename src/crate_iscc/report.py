"""What a check found: findings with stable ids, counts, and the verdict that follows from them."""

from dataclasses import dataclass, field
from enum import StrEnum

from crate_iscc.codes import Distance
from crate_iscc.paths import CratePath

REPORT_VERSION = "1"
"""Changes when a consumer of the JSON report has to change (schemas/report.schema.json)."""


class Severity(StrEnum):
    """How much a finding weighs: only an ERROR makes a crate invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(StrEnum):
    """What a report comes to.

    VALID: all that was asked for was checked and is as recorded. INVALID: a problem was found.
    INCOMPLETE: no problem was found, but something could not be read.
    """

    VALID = "valid"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding: its stable id, how much it weighs, what it means, what to do."""

    id: str
    severity: Severity
    title: str
    meaning: str
    advice: str


FINDING_KINDS = {
    kind.id: kind
    for kind in (
        FindingKind(
            "bytes.changed",
            Severity.ERROR,
            "The content of a file is not the recorded one",
            "The file is there under its recorded path, or was renamed and edited, and its "
            "BLAKE3 datahash differs from the recorded one. The Data-Code distance says how many "
            "byte runs the old and the new content share: near-identical, similar or unrelated. "
            "It is no measure of how alike two images look: compression spreads the change of "
            "one pixel over many bytes.",
            "Restore the file from a copy. If the change is intended, run build again: it "
            "records the new content.",
        ),
        FindingKind(
            "bytes.moved",
            Severity.ERROR,
            "The content of a file is at another path",
            "The recorded path is gone, or holds something else, and the very same bytes (equal "
            "datahash) were found at a path that is not recorded with them.",
            "Move the file back. If the new name is intended, run build again.",
        ),
        FindingKind(
            "bytes.missing",
            Severity.ERROR,
            "A recorded file is not there",
            "The crate records a file, and neither the file nor its bytes under another name "
            "were found.",
            "Restore the file from a copy. If it was removed on purpose, run build again.",
        ),
        FindingKind(
            "bytes.extra",
            Severity.ERROR,
            "A file is there that the crate does not record",
            "The crate records a treehash, which covers every payload file. This file is not "
            "among them, so the payload is not the one that was fingerprinted.",
            "Remove the file, or run build again to record it; build --exclude leaves files "
            "out, and writes into the crate that it does.",
        ),
        FindingKind(
            "bytes.unlisted",
            Severity.INFO,
            "A file is there that the crate does not list",
            "The crate records no treehash, so it does not claim to list everything. The file "
            "was not checked.",
            "Run build to record it.",
        ),
        FindingKind(
            "bytes.unread",
            Severity.WARNING,
            "A file could not be read, or not be read whole",
            "Permission was denied, the medium or the archive is damaged, the file changed "
            "while it was read, or it is no regular file (symbolic links, pipes and devices are "
            "named and never followed). Nothing is said about its content.",
            "Remove the cause that the message names, then verify again.",
        ),
        FindingKind(
            "bytes.unchecked",
            Severity.INFO,
            "A file has no recorded fingerprint that could be checked",
            "The crate lists the file without an ISCC-SUM or datahash, so nothing can be said "
            "about its content.",
            "Run build to fingerprint it.",
        ),
        FindingKind(
            "code.mismatch",
            Severity.ERROR,
            "A recorded ISCC-SUM is not the code of these bytes",
            "The bytes agree with the recorded datahash, but the recorded ISCC-SUM differs from "
            "the one computed from them: the metadata were edited, or written by a faulty tool.",
            "Restore the metadata from a copy, or run build again.",
        ),
        FindingKind(
            "fixity.conflict",
            Severity.ERROR,
            "The crate records two values for one file that contradict each other",
            "The ISCC-SUM, the datahash, the size or the line in the manifest file do not "
            "belong to the same bytes, so at least one of them is wrong.",
            "Restore the metadata from a copy, or run build again.",
        ),
        FindingKind(
            "fixity.malformed",
            Severity.ERROR,
            "A recorded fingerprint is damaged",
            "A value in the place of a fingerprint is no ISCC or no datahash, or a line of the "
            "manifest file is none: it is cut, or has been edited.",
            "Restore the metadata from a copy, or run build again.",
        ),
        FindingKind(
            "tree.changed",
            Severity.ERROR,
            "The treehash is not the recorded one",
            "Every recorded file is as recorded, and yet the files together are not: the "
            "recorded list of files, or the recorded treehash, was changed after the crate was "
            "built.",
            "Restore the metadata from a copy, or run build again.",
        ),
        FindingKind(
            "root.defaulted",
            Severity.INFO,
            "A value that RO-Crate requires was filled in",
            "The root of a crate must have a name, a description, a licence and a publication "
            "date. Build found none and wrote a default.",
            "Give it with the option of the same name (--name, --description, --license), or "
            "edit the metadata and run build again.",
        ),
        FindingKind(
            "build.not-on-disk",
            Severity.WARNING,
            "The metadata describe a file that is not there",
            "The crate's metadata list a file that is not among the payload. Build keeps what "
            "others wrote, so the description stays; verify will call the file missing if it "
            "carries a fingerprint.",
            "Restore the file, or remove its description from the metadata.",
        ),
        FindingKind(
            "build.sha256-skipped",
            Severity.WARNING,
            "sha256 was not written",
            "This crate follows an RO-Crate version (1.1 or older) whose context does not "
            "define sha256, so the property would make it invalid.",
            "Use a crate of RO-Crate 1.2 or later.",
        ),
    )
}
"""Every kind of finding there is, by its id."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found about one place; it carries ids and paths, nothing that acts."""

    id: str
    message: str
    path: CratePath | None = None
    distance: Distance | None = field(default=None, kw_only=True)
    moved_to: CratePath | None = field(default=None, kw_only=True)
    recorded: str | None = field(default=None, kw_only=True)
    observed: str | None = field(default=None, kw_only=True)

    @property
    def hint(self) -> str:
        """What to do about a finding of this kind."""
        return FINDING_KINDS[self.id].advice

    @property
    def severity(self) -> Severity:
        """How much a finding of this kind weighs."""
        return FINDING_KINDS[self.id].severity


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files came out how; every recorded file is counted once.

    `unchecked` counts listed files that record nothing to check against.
    """

    match: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    extra: int = 0
    unread: int = 0
    unchecked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one verification: what was checked, what was not, and what was found."""

    subject: str
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    counts: Counts
    size: int
    files: int
    tool: str
    kernel: str
    excluded: tuple[str, ...] = ()
    report_version: str = REPORT_VERSION

    @property
    def verdict(self) -> Verdict:
        """INVALID if there is an error, else INCOMPLETE if something was unread, else VALID."""
        if any(f.severity is Severity.ERROR for f in self.findings):
            return Verdict.INVALID
        return Verdict.INCOMPLETE if self.counts.unread else Verdict.VALID
