"""Puts differences into findings: what a person or a pipeline is told about each path."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.comparison import Difference, Status
from crate_iscc.crate.evidence import named
from crate_iscc.file_table import FileTable
from crate_iscc.fixity import Judgement
from crate_iscc.manifest import TreeFingerprint
from crate_iscc.paths import CratePath, printable
from crate_iscc.report import Finding

_SMALL = 8192
"""Bytes below which a file has so few chunks that a small edit changes most of its Data-Code."""

_ODD_THINGS = ("file.special", "path.portability")
"""What is there and is no file: worth a word by itself only where nothing else is to be said."""


_NOBODY: Mapping[CratePath, Judgement] = MappingProxyType({})


def findings_of(
    differences: Iterable[Difference],
    *,
    is_closed: Callable[[CratePath], bool],
    judgements: Mapping[CratePath, Judgement] = _NOBODY,
) -> Iterator[Finding]:
    """Yield what is to be said about each difference.

    `is_closed` tells of a path whether whoever recorded the rest claims to record every file
    there, so that one more is an error. `judgements` are what other digests said.
    """
    for difference in differences:
        path = difference.path
        match difference.status:
            case Status.MATCH:
                yield from _same_bytes(difference)
            case Status.CHANGED:
                yield changed(difference, judgements.get(path))
            case Status.MOVED:
                yield _moved(difference)
            case Status.MISSING:
                recorded = shown(difference.recorded)
                yield Finding("bytes.missing", "not there", path, recorded=recorded)
            case Status.EXTRA:
                kind = _kind_of_extra(difference, closed=is_closed(path))
                message = difference.reason or "the crate does not record this file"
                yield Finding(kind, message, path, observed=shown(difference.observed))
            case Status.UNREAD:
                kind = "bytes.unread" if difference.kind in _ODD_THINGS else difference.kind
                yield Finding(kind, difference.reason or "unreadable", path)
            case Status.UNCHECKED:
                yield Finding("bytes.unchecked", _why_unchecked(difference), path)
            case Status.NOT_FETCHED:
                message = difference.reason or "fetch.txt names it: it is still to be fetched"
                yield Finding("bytes.not-fetched", message, path)


def _why_unchecked(difference: Difference) -> str:
    wanted = difference.recorded
    if wanted and wanted.size is not None:
        return "no digest is recorded; the size is the recorded one"
    return "no digest is recorded"


def _kind_of_extra(difference: Difference, *, closed: bool) -> str:
    """Return what to call something that no record names."""
    if difference.kind == "bytes.unread":
        return "bytes.extra" if closed else "bytes.unlisted"
    return "bytes.extra" if closed and difference.kind in _ODD_THINGS else difference.kind


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


def _same_bytes(difference: Difference) -> Iterator[Finding]:
    """Compare the sizes and Data-Codes, where both are known, of files of the same bytes."""
    wanted, found = difference.recorded, difference.observed
    if wanted and found and wanted.same_size(found) is False:
        yield Finding(
            "fixity.size",
            "the bytes are those of the recorded digest, the recorded size is not theirs",
            difference.path,
            recorded=f"{wanted.size} bytes",
            observed=f"{found.size} bytes",
        )
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


def changed(difference: Difference, judgement: Judgement | None = None) -> Finding:
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
        parts.append(how_far(difference.distance, wanted, found))
    recorded, observed = shown(wanted), shown(found)
    if judgement and not judgement.same and not (wanted and wanted.verifiable):
        deciding = judgement.deciding
        recorded, observed = str(deciding), f"{deciding.algorithm}:{judgement.observed}"
        parts.append(f"the {named(deciding)} differs")
    return Finding(
        "bytes.changed",
        "; ".join(parts) or "the datahash differs",
        difference.path,
        distance=difference.distance,
        moved_to=difference.moved_to,
        recorded=recorded,
        observed=observed,
    )


def how_far(distance: Distance, one: Fingerprint, two: Fingerprint) -> str:
    """Return how far the contents of two files are apart, in bits and a plain word."""
    small = min(one.size or 0, two.size or 0) < _SMALL
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
