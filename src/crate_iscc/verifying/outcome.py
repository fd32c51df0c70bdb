"""Puts what a verification came to into a report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crate_iscc.bag import Bag
from crate_iscc.bagit import BAG_DECLARATION, BAG_INFO, PAYLOAD_FOLDER
from crate_iscc.comparison import Comparison, Difference, Status
from crate_iscc.crate.evidence import (
    Evidence,
    Recording,
    conventions_of,
    counted_bases,
)
from crate_iscc.crate.findings import findings_of
from crate_iscc.crate.record import DATAHASH
from crate_iscc.file_table import FileTable, PathsOf
from crate_iscc.finding_kinds import Severity
from crate_iscc.manifest import Manifest
from crate_iscc.metadata import folder_on_disk
from crate_iscc.paths import MANIFEST_FILE, CratePath, valid_unicode
from crate_iscc.report import (
    Counts,
    Earlier,
    FileVerdict,
    Finding,
    ProofKind,
    Report,
    Sample,
    Standing,
)
from crate_iscc.sources import Tree
from crate_iscc.verifying.how import How, Thoroughness
from crate_iscc.verifying.proofs import Proofs
from crate_iscc.verifying.recording import Known
from crate_iscc.verifying.trees import check_trees
from crate_iscc.version import __version__

if TYPE_CHECKING:
    from crate_iscc.fingerprinting.journal import Reused
    from crate_iscc.verifying.elsewhere import Elsewhere
    from crate_iscc.verifying.sampling import Drawn

_COUNTED = frozenset({"bytes.changed", "bytes.missing", "bytes.extra", "bytes.unread"})
_SIZE_ONLY = "contentSize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was recorded, what was observed, and how the two compare.

    `inside` are the folders of crates that are verified in their own right, `nested` the reports
    on them; `to_check` the digests by other conventions that were computed. `complete` tells
    whether all files that are there could be listed, `elsewhere` how data entities on the web came
    out, where those were fetched. `read` are the files of the sample that was `drawn`,
    `not_sampled` counts others of the recorded size. `pixels` tells whether images were
    decoded.
    """

    subject: str
    tree: Tree
    how: How
    metadata: str | None
    known: Known
    bag: Bag | None
    observed: Manifest
    comparison: Comparison
    to_check: Recording
    evidence: Evidence
    findings: list[Finding]
    nested: tuple[Report, ...]
    inside: tuple[str, ...]
    complete: bool
    elsewhere: "Elsewhere | None"
    proofs: Proofs
    pixels: bool = False
    drawn: "Drawn | None" = None
    read: FileTable = field(default_factory=lambda: FileTable.of(()))
    not_sampled: int = 0

    @property
    def sampled(self) -> bool:
        """Whether contents of a sample were read, and not of all files."""
        return self.drawn is not None and not self.drawn.complete

    @property
    def quick(self) -> bool:
        """Whether no content was read."""
        return self.how.thoroughness is Thoroughness.QUICK

    def is_closed(self, path: CratePath) -> bool:
        """Tell whether a file at a path has to be recorded."""
        return (
            self.how.closed
            or self.known.manifest.root.treehash is not None
            or (self.bag is not None and path.startswith(PAYLOAD_FOLDER))
        )


def make_report(outcome: Outcome, treehashes: Mapping[str, str | None]) -> Report | None:
    """Return the report; None where nothing is wrong, and nothing was recorded to be checked."""
    known, quick = outcome.known, outcome.quick
    differences = tuple(_told_here(outcome))
    findings = outcome.findings
    findings.extend(
        findings_of(
            differences, is_closed=outcome.is_closed, judgements=outcome.evidence.judgements
        )
    )
    files = known.manifest.files
    findings.extend(outcome.evidence.conflicts(files, outcome.observed.files))
    findings.extend(_oxum_findings(outcome))
    tally = check_trees(
        known.manifest,
        outcome.observed,
        treehashes,
        findings,
        full=outcome.how.thoroughness is Thoroughness.FULL,
    )
    elsewhere = outcome.elsewhere
    contents = known.covers_contents or bool(elsewhere and elsewhere.contents)
    enough = known.covers_sizes if quick else contents
    if not enough and not any(finding.severity is Severity.ERROR for finding in findings):
        return None
    names = conventions_of(known.record, outcome.to_check)
    comparison = Comparison(outcome.comparison.matches, differences)
    if elsewhere:
        comparison = comparison.with_others(elsewhere.comparison)
        names |= elsewhere.names
    content = not quick and known.covers_contents
    return Report(
        subject=valid_unicode(outcome.subject),
        folder=folder_on_disk(outcome.tree),
        metadata=outcome.metadata or BAG_DECLARATION,
        checked=(
            "presence",
            "size",
            *(_kinds_of_content(outcome) if content else ()),
            *tally.checked,
            *(("pixels",) if outcome.pixels else ()),
            *(("remote",) if elsewhere and elsewhere.asked else ()),
            *dict.fromkeys(proof.kind.value for proof in outcome.proofs.proofs),
        ),
        not_checked=(
            *(() if content else ("datahash",)),
            *(("unsampled",) if outcome.sampled else ()),
            *tally.not_checked,
            *(() if outcome.complete else ("extra",)),
            *(_not_vouched_for(outcome)),
        ),
        findings=tuple(sorted(findings, key=lambda f: (f.path or "").encode("utf-8"))),
        counts=replace(_counts(comparison, findings), not_sampled=outcome.not_sampled),
        size=outcome.observed.size,
        files=len(outcome.observed.files) + len(outcome.observed.unread),
        tool=f"crate-iscc {__version__}",
        kernel=outcome.how.kernel.name,
        excluded=known.manifest.recipe.excluded,
        rests_on=() if quick else counted_bases(names, comparison),
        each=tuple(_each(outcome, names, comparison.differences)) if outcome.how.each else (),
        nested=outcome.nested,
        proofs=outcome.proofs.proofs,
        treehash=known.manifest.root.treehash,
        treehash_matches=_treehash_matches(known.manifest, treehashes),
        sample=_sample(outcome),
    )


def with_earlier(report: Report, reused: "Reused") -> Report:
    """Return a report that says what it rests on beside what was read now."""
    if not reused.files:
        return report
    earlier = Earlier(
        files=reused.files,
        size=reused.size,
        oldest=_moment(reused.oldest),
        newest=_moment(reused.newest),
        same_run=reused.same_run,
    )
    aspects = report.not_checked if reused.same_run else (*report.not_checked, "unchanged")
    return replace(report, earlier=earlier, not_checked=aspects)


def _moment(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sample(outcome: Outcome) -> Sample | None:
    drawn = outcome.drawn
    if drawn is None:
        return None
    everything = drawn.complete
    there = outcome.observed
    return Sample(
        asked=drawn.sampling.asked,
        seed=drawn.sampling.seed,
        files=drawn.of_files if everything else len(outcome.read),
        of_files=drawn.of_files,
        size=there.size if everything else outcome.read.size,
        of_size=there.size,
        strata=drawn.strata,
    )


def _treehash_matches(known: Manifest, observed: Mapping[str, str | None]) -> bool | None:
    found = observed.get("")
    return None if found is None or known.root.treehash is None else found == known.root.treehash


def _not_vouched_for(outcome: Outcome) -> Iterator[str]:
    """Yield what nobody who is trusted vouches for: the metadata, or who signed them."""
    signatures = [p for p in outcome.proofs.proofs if p.kind is ProofKind.SIGNATURE]
    if signatures and all(proof.standing is not Standing.TRUSTED for proof in signatures):
        yield "signer"
    elif outcome.metadata and not signatures:
        yield "metadata"
    if outcome.proofs.unchecked:
        yield "proofs"


def _told_here(outcome: Outcome) -> Iterator[Difference]:
    """Yield the differences that are not told elsewhere.

    A bag's own files need no record, and of the files of a crate inside that one's report speaks,
    unless what is around it claims to record everything.
    """
    bag_files = outcome.bag.tag_files if outcome.bag else frozenset()
    for difference in outcome.comparison.differences:
        path, status = difference.path, difference.status
        unrecorded = status is Status.EXTRA or status is Status.UNCHECKED
        if unrecorded and path in bag_files:
            continue
        if unrecorded and path.startswith(outcome.inside) and not outcome.is_closed(path):
            continue
        yield difference


def _kinds_of_content(outcome: Outcome) -> tuple[str, ...]:
    """Return the words for what of contents was checked."""
    if outcome.sampled:
        return ("sample",)
    known = outcome.known.manifest
    own = known.root.treehash is not None or any(f.fingerprint.verifiable for f in known.files)
    return (*(("datahash",) if own else ()), *(("digests",) if outcome.to_check else ()))


def _oxum_findings(outcome: Outcome) -> Iterator[Finding]:
    bag = outcome.bag
    if bag is None or bag.oxum is None:
        return
    if any(d.status is Status.NOT_FETCHED for d in outcome.comparison.differences):
        return
    payload = outcome.observed.files.below(PAYLOAD_FOLDER)
    there = (payload.size, len(payload))
    if there != bag.oxum and not outcome.observed.unread:
        yield Finding(
            "fixity.size",
            "the payload has not as many bytes and files as the bag says",
            CratePath(BAG_INFO),
            recorded=f"{bag.oxum[0]} bytes in {bag.oxum[1]} files",
            observed=f"{there[0]} bytes in {there[1]} files",
        )


def _counts(comparison: Comparison, findings: list[Finding]) -> Counts:
    number = dict.fromkeys(Status, 0) | {Status.MATCH: comparison.matches}
    for difference in comparison.differences:
        number[difference.status] += 1
    for finding in findings:
        if finding.path == MANIFEST_FILE and finding.id in _COUNTED:
            number[Status(finding.id.removeprefix("bytes."))] += 1
    remote = sum(finding.id == "bytes.remote" for finding in findings)
    return Counts(**{status.value: count for status, count in number.items()}, remote=remote)


def _each(
    outcome: Outcome, names: Mapping[CratePath, str], differences: tuple[Difference, ...]
) -> Iterator[FileVerdict]:
    """Yield how each file came out, in the order of the paths."""
    other = {difference.path: difference for difference in differences}
    paths = {*outcome.known.manifest.files.paths(), *outcome.known.record.apart.paths(), *other}
    paths |= outcome.elsewhere.asked if outcome.elsewhere else set()
    read, apart = PathsOf(outcome.read), PathsOf(outcome.known.record.apart)
    for path in sorted(paths, key=lambda path: path.encode("utf-8")):
        difference = other.get(path)
        if difference is None and outcome.sampled and path not in read and path not in apart:
            yield FileVerdict(path, "not_sampled", _SIZE_ONLY)
            continue
        status = difference.status if difference else Status.MATCH
        yield FileVerdict(path, status.value, _rests_on(outcome, status, names.get(path)))


def _rests_on(outcome: Outcome, status: Status, name: str | None) -> str | None:
    if status in (Status.MATCH, Status.CHANGED, Status.MOVED):
        return _SIZE_ONLY if outcome.quick else name or DATAHASH
    return None
