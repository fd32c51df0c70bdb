"""What the digests that others recorded say of the bytes that are there."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from crate_iscc.comparison import Comparison, Status
from crate_iscc.crate.record import DATAHASH, Recorded
from crate_iscc.file_table import FileTable
from crate_iscc.fixity import Judgement, RecordedDigest, judged
from crate_iscc.paths import CratePath
from crate_iscc.report import Finding

BAGIT = "BagIt"
SIZE_ONLY = "contentSize"
_BLAKE3 = "blake3"  # is computed of every file, as its Instance-Code

Recording = Mapping[CratePath, tuple[RecordedDigest, ...]]


def digests_to_check(
    record: Recorded, *, full: bool
) -> dict[CratePath, tuple[RecordedDigest, ...]]:
    """Return the digests that a verification computes anew.

    Where a file has a datahash or an ISCC-SUM, its verdict rests on that, and other digests are
    checked with `full` only; those of a bag always are.
    """
    files = record.manifest.files
    chosen: dict[CratePath, tuple[RecordedDigest, ...]] = {}
    verifiable = frozenset() if full else _verifiable(record, record.digests)
    for path, digests in record.digests.items():
        if path in verifiable:
            digests = tuple(one for one in digests if one.convention.startswith(BAGIT))
        if digests:
            chosen[path] = digests
    if full and files.has_sha256:
        for file in files:
            if file.sha256:
                chosen[file.path] = (RecordedDigest("sha256", file.sha256.lower(), "sha256"),)
    return chosen


def _verifiable(record: Recorded, paths: Collection[CratePath]) -> frozenset[CratePath]:
    """Return those of the paths of which a datahash or ISCC-SUM is recorded."""
    known = record.manifest.files.among(paths) | record.apart.among(paths)
    return frozenset(path for path, file in known.items() if file.fingerprint.verifiable)


def algorithms(digests: Iterable[RecordedDigest]) -> tuple[str, ...]:
    """Return the algorithms that have to be computed for these digests, beside BLAKE3."""
    return tuple(sorted({one.algorithm for one in digests} - {_BLAKE3}))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The judgement on each file of which digests were checked."""

    judgements: Mapping[CratePath, Judgement] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        recorded: Recording,
        observed: FileTable,
        digests_of: Callable[[CratePath], Mapping[str, str]],
    ) -> "Evidence":
        """Judge the files that were read; `digests_of` tells what was computed of each."""
        judgements = {}
        for path, file in observed.among(recorded).items():
            known = dict(digests_of(path))
            if file.fingerprint.instance:
                known[_BLAKE3] = file.fingerprint.instance.hex()
            judgement = judged(recorded[path], known)
            if judgement:
                judgements[path] = judgement
        return cls(judgements)

    def with_others(self, other: "Evidence") -> "Evidence":
        """Return this evidence together with that on other files."""
        return Evidence({**self.judgements, **other.judgements})

    def told(self) -> dict[CratePath, bool]:
        """Return whether the bytes of each file are the recorded ones."""
        return {path: judgement.same for path, judgement in self.judgements.items()}

    def conflicts(self, recorded: FileTable, observed: FileTable) -> list[Finding]:
        """Return the contradictions: recorded values of one file that cannot all be right."""
        findings = []
        mine_by_path = recorded.among(self.judgements)
        there_by_path = observed.among(self.judgements)
        for path, judgement in self.judgements.items():
            mine, there = mine_by_path.get(path), there_by_path.get(path)
            same = None
            if mine and there:
                same = mine.fingerprint.same_content(there.fingerprint)
            if same is not None and same is not judgement.same:
                findings.append(_contradiction(path, judgement, same=same))
            for digest, seen in judgement.others if judgement.same else ():
                if digest.algorithm == judgement.deciding.algorithm:
                    continue  # that two values differ needs no bytes: the record told it
                findings.append(
                    Finding(
                        "fixity.conflict",
                        f"the recorded {named(judgement.deciding)} is that of the bytes, "
                        f"the {named(digest)} is not",
                        path,
                        recorded=str(digest),
                        observed=f"{digest.algorithm}:{seen}",
                    )
                )
        return findings


def _contradiction(path: CratePath, judgement: Judgement, *, same: bool) -> Finding:
    """Return that a code says one thing of a file (`same`) and a digest the other."""
    deciding = judgement.deciding
    code = "datahash or ISCC-SUM"
    right, wrong = (code, named(deciding)) if same else (named(deciding), code)
    return Finding(
        "fixity.conflict",
        f"the recorded {right} is that of the bytes, the {wrong} is not",
        path,
        recorded=str(deciding),
        observed=f"{deciding.algorithm}:{judgement.observed}",
    )


def named(digest: RecordedDigest) -> str:
    """Return a digest's algorithm, and by what convention it stands where that does not say it."""
    if digest.convention == digest.algorithm:
        return digest.algorithm
    return f"{digest.algorithm} ({digest.convention})"


def conventions_of(record: Recorded, checked: Recording) -> dict[CratePath, str]:
    """Return by path what a verdict rests on, where that is no datahash."""
    names = dict(record.conventions)
    verifiable = _verifiable(record, checked)
    for path, digests in checked.items():
        if path not in verifiable:
            names[path] = min(digests, key=lambda one: one.weakness).convention
    return names


def counted_bases(
    names: Mapping[CratePath, str], comparison: Comparison
) -> tuple[tuple[str, int], ...]:
    """Return how many matches rest on which convention, most first."""
    other = {
        difference.path
        for difference in comparison.differences
        if difference.status is not Status.MATCH
    }
    matches = comparison.matches + sum(
        difference.status is Status.MATCH for difference in comparison.differences
    )
    counted = Counter(name for path, name in names.items() if path not in other)
    counted[DATAHASH] += matches - counted.total()
    return tuple(
        sorted(
            ((name, count) for name, count in counted.items() if count > 0),
            key=lambda pair: (-pair[1], pair[0]),
        )
    )
