"""What a check found: findings with stable ids, counts, and the verdict that follows from them."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum

from crate_iscc.codes import Distance
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import CratePath

REPORT_VERSION = "1"
"""Changes when a consumer of the JSON report has to change (schemas/report.schema.json)."""


class Command(StrEnum):
    """What made a report: VERIFY compares files with their record, VALIDATE judges the record."""

    VERIFY = "verify"
    VALIDATE = "validate"


class Verdict(StrEnum):
    """What a report comes to.

    VALID: all that was asked for was checked and is as recorded. INVALID: a problem was found.
    INCOMPLETE: no problem was found, but something was not read.
    """

    VALID = "valid"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found about one place; it carries ids and paths, nothing that acts.

    `path` names a file of the payload. `entity` is the `@id` of what the metadata say wrongly,
    `pointer` (RFC 6901) and `line` (from 1) where in the metadata file they do.
    """

    id: str
    message: str
    path: CratePath | None = None
    distance: Distance | None = field(default=None, kw_only=True)
    moved_to: CratePath | None = field(default=None, kw_only=True)
    recorded: str | None = field(default=None, kw_only=True)
    observed: str | None = field(default=None, kw_only=True)
    entity: str | None = field(default=None, kw_only=True)
    pointer: str | None = field(default=None, kw_only=True)
    line: int | None = field(default=None, kw_only=True)

    @property
    def hint(self) -> str:
        """What to do about a finding of this kind."""
        return FINDING_KINDS[self.id].advice

    @property
    def severity(self) -> Severity:
        """How much a finding of this kind weighs."""
        return FINDING_KINDS[self.id].severity

    @property
    def weight(self) -> tuple[int, str, str, bytes, str]:
        """Sort key: the worst first, requirements by their numbers, one kind beside the other."""
        return (
            self.severity.rank,
            FINDING_KINDS[self.id].requirement or "",
            self.id,
            (self.path or "").encode("utf-8"),
            self.entity or "",
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files came out how; every recorded file is counted once.

    `unchecked` counts listed files of which nothing is recorded to check their content against,
    `not_fetched` those that are still to be fetched, `not_sampled` those that a sample left out.
    `remote` counts data entities that lie elsewhere; they are no files of the crate.
    """

    match: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    extra: int = 0
    unread: int = 0
    unchecked: int = 0
    not_fetched: int = 0
    not_sampled: int = 0
    remote: int = 0


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of a crate that has its share in a sample: a container, or all outside (`""`)."""

    folder: str
    files: int
    of_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much of a crate was read, of how much that could be checked: files, and bytes.

    `asked` and `seed` choose the same files again, anywhere.
    """

    asked: str
    seed: str
    files: int
    of_files: int
    size: int
    of_size: int
    strata: tuple[Stratum, ...]

    @property
    def complete(self) -> bool:
        """Whether the sample was everything."""
        return self.files == self.of_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """How many files, and bytes, were not read now: unchanged since they were read before.

    They were read between `oldest` and `newest` (ISO 8601). Where `same_run`, that was in this
    verification, before it was interrupted.
    """

    files: int
    size: int
    oldest: str
    newest: str
    same_run: bool


class ProofKind(StrEnum):
    """What a proof is about: who stands for the crate, by when it existed, who declared it."""

    SIGNATURE = "signature"
    TIME = "time"
    RECEIPT = "receipt"


class Standing(StrEnum):
    """What the maker of a proof is to whoever verifies.

    TRUSTED: a key, DID document or root of the trust set says so. KNOWN: the crate keeps a DID
    document that has the key. UNKNOWN: the proof holds, and nobody here knows by whom.
    """

    TRUSTED = "trusted"
    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof that holds: `who` made it, as it is called here, and its `moment` (ISO 8601).

    Of a signature the moment is what the signer claims; of a time it is what an authority says. A
    receipt is by a hub, and has the `iscc_id` that it gave, the `declarer` that it gave it to, and
    a `remark` on what it is worth.
    """

    kind: ProofKind
    path: CratePath
    standing: Standing
    who: str
    moment: str
    iscc_id: str | None = None
    declarer: str | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """How one recorded file came out, in the words of Counts, and what that rests on, if anything.

    `rests_on` names a convention: `datahash`, `ISCC-SUM`, `sha256`, `BagIt manifest-md5.txt`, …
    """

    path: CratePath
    status: str
    rests_on: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one check: what was checked, what was not, and what was found.

    `subject` is the crate as the caller named it, `folder` the directory that findings' paths
    start from (None for an archive, whose members have no place on disk), `metadata` the name of
    the metadata file. Findings from `level` upwards make the crate invalid. `ignored` counts, by
    id, what the caller asked not to be told. `size` (bytes), `counts` and `kernel` belong to a
    verification, `profile` (its IRI) to a validation.

    `rests_on` counts the matches by the convention that each rests on. `each` holds every file's
    verdict, where it was asked for. `nested` are the reports on crates and bags inside, `proofs`
    the signatures and timestamps of the metadata that hold. `treehash` is the recorded one of the
    whole, and `treehash_matches` tells whether the observed one is the same, None where it was not
    computed or there is none. `sample` tells how much was read where that was not everything,
    `earlier` what was read before.
    """

    command: Command = Command.VERIFY
    subject: str
    folder: str | None = None
    metadata: str = "ro-crate-metadata.json"
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    files: int
    tool: str
    counts: Counts = field(default=Counts())
    size: int = 0
    kernel: str = ""
    excluded: tuple[str, ...] = ()
    profile: str | None = None
    level: Severity = Severity.ERROR
    ignored: tuple[tuple[str, int], ...] = ()
    rests_on: tuple[tuple[str, int], ...] = ()
    each: tuple[FileVerdict, ...] = ()
    nested: tuple["Report", ...] = ()
    proofs: tuple[Proof, ...] = ()
    treehash: str | None = None
    treehash_matches: bool | None = None
    sample: Sample | None = None
    earlier: Earlier | None = None
    report_version: str = REPORT_VERSION

    @property
    def verdict(self) -> Verdict:
        """INVALID if a finding reaches the level, else INCOMPLETE if something was unread.

        That goes for the crates inside, too. What a sample left out was unread.
        """
        inside = {report.verdict for report in self.nested}
        if Verdict.INVALID in inside or any(
            finding.severity.rank <= self.level.rank for finding in self.findings
        ):
            return Verdict.INVALID
        sampled = self.sample is not None and not self.sample.complete
        unread = any(finding.id == "pixels.unread" for finding in self.findings)
        unread = unread or bool(self.counts.unread or self.counts.not_fetched)
        if Verdict.INCOMPLETE in inside or unread or sampled:
            return Verdict.INCOMPLETE
        return Verdict.VALID


def check_ignorable(ids: Iterable[str]) -> None:
    """Raise InputError for an id that does not exist, and for what says that something is unread.

    What was not read is not well because nobody wants to hear of it.
    """
    for finding_id in ids:
        if finding_id not in FINDING_KINDS:
            near = get_close_matches(finding_id, FINDING_KINDS, n=1)
            raise InputError(
                f"there is no finding called {finding_id!r:.80}",
                hint=f"did you mean {near[0]}?" if near else "crate-iscc explain lists them",
            )
        if finding_id in ("bytes.unread", "pixels.unread"):
            raise InputError(
                f"{finding_id} cannot be ignored",
                cause="nothing is known of what was not read",
                hint="to leave files out of a crate, use build --exclude",
            )


def without(report: Report, ids: Collection[str]) -> Report:
    """Return the report less the findings of some kinds, which it counts as ignored.

    Raises InputError for what cannot be ignored.
    """
    check_ignorable(ids)
    kept = tuple(finding for finding in report.findings if finding.id not in ids)
    number = Counter(dict(report.ignored))
    number.update(finding.id for finding in report.findings if finding.id in ids)
    return replace(
        report,
        findings=kept,
        ignored=tuple(sorted(number.items())),
        nested=tuple(without(inner, ids) for inner in report.nested),
    )


def folder_inside(report: Report, inner: Report) -> str:
    """Return where a crate lies that is verified in its own right, with a slash at the end."""
    return inner.subject.removeprefix(report.subject.rstrip("/")).strip("/") + "/"


def flattened(report: Report) -> Report:
    """Return a report with the findings of nested ones too, under the paths from its root.

    What is found of one file both here and there is told once.
    """
    if not report.nested:
        return report
    findings = {(finding.id, finding.path): finding for finding in reversed(report.findings)}
    for inner in map(flattened, report.nested):
        folder = folder_inside(report, inner)
        for finding in inner.findings:
            moved = finding.moved_to
            placed = replace(
                finding,
                path=CratePath(folder + (finding.path or "")),
                moved_to=CratePath(folder + moved) if moved else None,
            )
            findings.setdefault((placed.id, placed.path), placed)
    ordered = sorted(findings.values(), key=lambda one: (one.path or "").encode("utf-8"))
    return replace(report, findings=tuple(ordered))
