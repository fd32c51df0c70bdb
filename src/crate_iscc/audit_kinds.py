"""Kinds of findings about an audit log: the chain of its records, and its signatures."""

from crate_iscc.severity import FindingKind, Severity

AUDIT_KINDS = (
    FindingKind(
        "log.changed",
        Severity.ERROR,
        "A record of the log was changed",
        "Each record carries its own hash, and the hash of the record before it. This one is not "
        "what it was when it was written, or no record at all.",
        "Restore the log from a copy. Records before the one that is named are as they were.",
    ),
    FindingKind(
        "log.missing",
        Severity.ERROR,
        "Records of the log are missing",
        "Records are numbered, and a number was left out: what was written between two records was "
        "taken away.",
        "Restore the log from a copy.",
    ),
    FindingKind(
        "log.misplaced",
        Severity.ERROR,
        "A record of the log is not where it was written",
        "A record stands twice, before one that is older, or among those of another log.",
        "Restore the log from a copy.",
    ),
    FindingKind(
        "log.cut",
        Severity.ERROR,
        "The log ends in the middle of a record",
        "Its last line has no end: it was cut, or whoever wrote it was stopped.",
        "Look whether the last record can be restored. If a writer was stopped, remove the half "
        "line: what stands before it is whole.",
    ),
    FindingKind(
        "log.signature",
        Severity.ERROR,
        "A signature of the log does not hold",
        "The document beside the log is damaged, is not by the key or the issuer that it names, or "
        "is no signature of a log.",
        "Ask whoever signed the log for the signature.",
    ),
    FindingKind(
        "log.stale",
        Severity.ERROR,
        "The log does not begin with the records that were signed",
        "The signature holds, and the records that it covers are others, or fewer are there: they "
        "were cut off at the end of the log, or the log was written anew.",
        "Restore the log from a copy.",
    ),
)
