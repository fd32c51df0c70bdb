"""The audit log: a line for each verification, which holds the hash of the line before it.

A record is one JSON object in one line. It carries the SHA-256 of the whole line before it, so that
`sed -n 1p LOG | sha256sum` says what the second record has to say, and of itself less that member.
So the first record that is not as it was written can be named. What no chain can tell is whether
records were cut off at its end, or all of it was written anew by somebody who can compute hashes:
that is for signatures and timestamps of the log to say.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from crate_iscc.paths import valid_unicode
from crate_iscc.report import Finding, Proof, Report, Standing, Verdict

LONGEST_RECORD = 1 << 20
"""Bytes of a line; real ones have about a thousand."""
_OWN_HASH = re.compile(rb'(.*),"sha256":"([0-9a-f]{64})"\}\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Extent:
    """The beginning of a log: so many records and bytes, their SHA-256, and that of the last."""

    records: int
    size: int
    sha256: str
    head: str | None


@dataclass(frozen=True, slots=True)
class LogProof:
    """A signature or timestamp of a log that holds, and how many of its records it covers."""

    proof: Proof
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What a log came to: how far it goes, what it records, and what is wrong with it.

    `first` and `last` are the times of its first and last record (ISO 8601), `verdicts` counts the
    records by theirs; all three end where the chain does. `unchecked` tells that there are proofs,
    and that what checks them is not installed.
    """

    log: str
    extent: Extent
    first: str | None = None
    last: str | None = None
    verdicts: tuple[tuple[str, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    proofs: tuple[LogProof, ...] = ()
    unchecked: bool = False

    @property
    def verdict(self) -> Verdict:
        """VALID where every record follows the one before it, and each proof is of this log."""
        return Verdict.INVALID if self.findings else Verdict.VALID

    @property
    def vouched(self) -> int:
        """How many records are covered by a proof of somebody who is trusted."""
        trusted = (p.records for p in self.proofs if p.proof.standing is Standing.TRUSTED)
        return max(trusted, default=0)


def record_line(report: Report, *, moment: str, number: int, previous: str | None) -> bytes:
    """Return the record of a verification, as the line that goes into the log.

    `previous` is the SHA-256 of the line before it, None for the first.
    """
    counts = report.counts
    record: dict[str, Any] = {
        "sequence": number,
        "time": moment,
        "crate": valid_unicode(report.subject),
        "treehash": report.treehash,
        "treehash_matches": report.treehash_matches,
        "verdict": report.verdict.value,
        "checked": list(report.checked),
        "counts": {name: getattr(counts, name) for name in counts.__dataclass_fields__},
        "findings": dict(sorted(Counter(item.id for item in report.findings).items())),
        "ignored": dict(report.ignored),
        "proofs": [
            {
                "kind": proof.kind.value,
                "standing": proof.standing.value,
                "who": valid_unicode(proof.who),
                "moment": valid_unicode(proof.moment),
            }
            for proof in report.proofs
        ],
        "tool": report.tool,
        "kernel": report.kernel,
        "previous": previous,
    }
    if report.sample or report.earlier:  # what nobody has read now is on record too
        record["not_checked"] = list(report.not_checked)
    text = _canonical(record).encode("utf-8")
    return text[:-1] + b',"sha256":"' + _sha256(text).encode("ascii") + b'"}\n'


class Chain:
    """Follows a log line by line, and keeps the first thing that is wrong with it.

    `marks` are numbers of records at which its extent is noted.
    """

    def __init__(self, marks: Collection[int] = ()) -> None:
        self.noted: dict[int, Extent] = {}
        self.problem: Finding | None = None
        self.first: str | None = None
        self.last: str | None = None
        self.verdicts: Counter[str] = Counter()
        self._marks = frozenset(marks)
        self._lines = 0
        self._size = 0
        self._hash = hashlib.sha256()
        self._head: str | None = None
        self._seen: list[bytes] = []
        self._wanted: int | None = None

    @property
    def extent(self) -> Extent:
        """The extent of what was added so far."""
        return Extent(self._lines, self._size, self._hash.hexdigest(), self._head)

    def add(self, line: bytes) -> None:
        """Add the next line, with its end; what is longer than any record may come in pieces."""
        self._lines += 1
        if self.problem is None:
            self.problem = self._follow(line)
        elif self._wanted is not None:
            self._look_for_the_missing(line)
        self._size += len(line)
        self._hash.update(line)
        self._head = _sha256(line)
        self._seen.append(bytes.fromhex(self._head))
        if self._lines in self._marks:
            self.noted[self._lines] = self.extent

    def _follow(self, line: bytes) -> Finding | None:
        """Return what is wrong with a line, and take it as a record where that is nothing."""
        here = self._lines
        if not line.endswith(b"\n") and len(line) <= LONGEST_RECORD:
            return _finding("log.cut", here, "it has no end of a line")
        record, why = _parsed(line)
        if record is None:
            return _finding("log.changed", here, why)
        number, previous = record["sequence"], record.get("previous")
        if number > here:
            self._wanted = here
            return _finding("log.missing", here, _missing_words(here, number))
        if number < here:
            again = number > 0 and self._seen[number - 1] == bytes.fromhex(_sha256(line))
            same = "stands here again" if again else "stands here, and was there before"
            return _finding("log.misplaced", here, f"record {number} {same}")
        if previous != self._head:
            if here == 1:
                message = "the first record follows another one: what came before it is not here"
                return _finding("log.missing", here, message)
            message = f"record {here}, which is whole, was written after another one than this"
            return _finding("log.changed", here - 1, message)
        self.first = self.first or record["time"]
        self.last = record["time"]
        self.verdicts[record["verdict"]] += 1
        return None

    def _look_for_the_missing(self, line: bytes) -> None:
        """Say that records are out of order where the one that is missing comes later."""
        record, _ = _parsed(line)
        if record is not None and record["sequence"] == self._wanted and self.problem is not None:
            message = f"record {self._wanted} comes later, in line {self._lines}"
            self.problem = _finding("log.misplaced", self.problem.line or 0, message)
            self._wanted = None


def untold(audit: Audit) -> Iterator[str]:
    """Yield what the log cannot tell, as far as nobody who is trusted vouches for it."""
    there, vouched = audit.extent.records, audit.vouched
    if not vouched:
        yield "whether records were cut off at its end, or all of it was written anew"
    elif vouched < there:
        yield f"whether records after {vouched} were cut off at its end, or written anew"
    else:
        yield f"whether records after {vouched} were cut off at its end"


def _finding(kind: str, line: int, message: str) -> Finding:
    return Finding(kind, f"record {line}: {message}", line=line)


def _missing_words(wanted: int, there: int) -> str:
    if there - wanted == 1:
        return f"it is not there, record {there} stands in its place"
    return f"records {wanted} to {there - 1} are not there, record {there} stands in their place"


def _parsed(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return the record that a line holds, or None and why it is none as it was written."""
    if len(line) > LONGEST_RECORD:
        return None, "it is longer than any record"
    if line.endswith(b"\r\n"):
        return None, "it ends in CR LF, as no record does: the file was converted"
    found = _OWN_HASH.fullmatch(line)
    if found is None:
        return None, "it is no record"
    text = found[1] + b"}"
    if _sha256(text) != found[2].decode("ascii"):
        return None, "it is not what its hash was made of"
    try:
        record = json.loads(text)
        is_record = isinstance(record, dict) and _canonical(record).encode("utf-8") == text
    except (ValueError, RecursionError):
        is_record = False
    if not is_record or not _has_all(record):
        return None, "it is no record"
    return record, ""


def _has_all(record: dict[str, Any]) -> bool:
    number = record.get("sequence")
    return (
        isinstance(number, int)
        and not isinstance(number, bool)
        and isinstance(record.get("time"), str)
        and isinstance(record.get("verdict"), str)
    )


def _canonical(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
