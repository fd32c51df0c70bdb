"""Puts differences into findings: what a person or a pipeline is told about each path."""

from collections.abc import Iterable, Iterator

from crate_iscc.codes import Fingerprint
from crate_iscc.comparison import Difference, Status
from crate_iscc.file_table import FileTable
from crate_iscc.manifest import TreeFingerprint
from crate_iscc.paths import CratePath, printable
from crate_iscc.report import Finding

_SMALL = 8192
"""Bytes below which a file has so few chunks that a small edit changes most of its Data-Code."""


def findings_of(differences: Iterable[Difference], *, closed: bool) -> Iterator[Finding]:
    """Yield what is to be said about each difference.

    `closed` tells that the crate claims to record every payload file, so one more is an error.
    """
    for difference in differences:
        path = difference.path
        match difference.status:
            case Status.MATCH:
                yield from _other_codes(difference)
            case Status.CHANGED:
                yield changed(difference)
            case Status.MOVED:
                yield _moved(difference)
            case Status.MISSING:
                recorded = shown(difference.recorded)
                yield Finding("bytes.missing", "not there", path, recorded=recorded)
            case Status.EXTRA:
                kind = "bytes.extra" if closed else "bytes.unlisted"
                message = difference.reason or "the crate does not record this file"
                yield Finding(kind, message, path, observed=shown(difference.observed))
            case Status.UNREAD:
                yield Finding("bytes.unread", difference.reason or "unreadable", path)
            case Status.UNCHECKED:
                yield Finding("bytes.unchecked", "no fingerprint is recorded", path)


def extent_conflicts(tree: TreeFingerprint, members: FileTable) -> Iterator[Finding]:
    """Hold the number of files and bytes that a folder records against those of its treehash."""
    path = CratePath(tree.path) if tree.path else None
    for what, recorded, observed in (
        ("files", tree.files, len(members)),
        ("bytes", tree.size, members.size),
    ):
        if recorded not in (None, observed):
            message = f"its treehash is that of {observed} {what}, the crate says {recorded}"
            yield Finding("fixity.conflict", message, path)


def _other_codes(difference: Difference) -> Iterator[Finding]:
    """Compare the Data-Codes, where both are known, of two fingerprints of the same bytes."""
    wanted, found = difference.recorded, difference.observed
    if wanted and found and wanted.same_data_code(found) is False:
        yield Finding(
            "code.mismatch",
            "the bytes are the recorded ones, the ISCC-SUM is not theirs",
            difference.path,
            recorded=wanted.iscc() if wanted.instance and len(wanted.instance) >= 16 else None,
            observed=found.iscc(),
        )


def shown(known: Fingerprint | None) -> str | None:
    """Return the most telling code of a fingerprint: the datahash, else what there is."""
    if known is None:
        return None
    if known.datahash:
        return known.datahash
    if known.instance:
        return f"BLAKE3 {known.instance.hex()}…"
    return f"{known.size} bytes" if known.size is not None else None


def changed(difference: Difference) -> Finding:
    """Return the finding for a file whose content is not the recorded one, and how far it is."""
    wanted, found = difference.recorded, difference.observed
    parts = [difference.reason] if difference.reason else []
    if difference.moved_to:
        parts.append(f"renamed to {printable(difference.moved_to)} and edited")
    if difference.holds:
        parts.append(f"now holds what is recorded as {printable(difference.holds)}")
    if wanted and found and wanted.same_size(found) is False:
        parts.append(f"{wanted.size} bytes are now {found.size}")
    if difference.distance and wanted and found:
        parts.append(_how_far(difference, wanted, found))
    return Finding(
        "bytes.changed",
        "; ".join(parts) or "the datahash differs",
        difference.path,
        distance=difference.distance,
        moved_to=difference.moved_to,
        recorded=shown(wanted),
        observed=shown(found),
    )


def _how_far(difference: Difference, wanted: Fingerprint, found: Fingerprint) -> str:
    distance = difference.distance
    if distance is None:
        return ""
    small = min(wanted.size or 0, found.size or 0) < _SMALL
    if small and distance.word == "unrelated":
        return f"{distance} differ: too small a file to say how far"
    return f"{distance} differ: {distance.word}"


def _moved(difference: Difference) -> Finding:
    target = difference.moved_to or CratePath("")
    return Finding(
        "bytes.moved",
        f"the same bytes are now at {printable(target)}",
        difference.path,
        moved_to=target,
        recorded=shown(difference.recorded),
    )
