"""Files, images and what they are compared by, as text and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.paths import printable
from crate_iscc.render.report import Paint
from crate_iscc.render.units import files, number
from crate_iscc.similarity.members import Gathered, Member
from crate_iscc.similarity.thresholds import Threshold

SIMILAR_VERSION = "0.1"
"""The version of `schemas/similar.schema.json` that the JSON follows."""
MOST_SHOWN = 50
"""Groups or leaks that are shown, unless all are asked for."""
MOST_NAMED = 5
"""Of what could not be compared, so many are named."""


def member_json(member: Member) -> dict[str, Any]:
    """Return where a member lies, and its codes as far as they are known.

    Of an image, the digest is of its pixels, and no datahash.
    """
    whole = len(member.identity) == 32 and member.image_of is None
    digest = Fingerprint(instance=member.identity).datahash if whole else None
    return {
        "source": member.source,
        "path": member.path,
        "size": member.size,
        "datahash": None if member.is_folder else digest,
        "treehash": digest if member.is_folder else None,
    }


def distance_json(distance: Distance | None) -> dict[str, Any] | None:
    """Return a distance with the word for it."""
    if distance is None:
        return None
    return {"bits": distance.bits, "of": distance.of, "word": distance.word}


def threshold_json(threshold: Threshold) -> dict[str, Any]:
    """Return a threshold, and how many false pairs are expected within it."""
    return {
        "bits": threshold.bits if threshold.bits >= 0 else None,
        "of": threshold.of,
        "pairs": threshold.pairs,
        "expected_false_pairs": float(f"{threshold.expected:.3g}"),
    }


def threshold_text(threshold: Threshold, noun: str = "pairs") -> str:
    """Return a threshold as a sentence."""
    among = f"among {number(threshold.pairs)} {noun}"
    if threshold.bits < 0:
        return f"threshold: codes of {threshold.of} bits tell nothing {among}"
    return (
        f"threshold: {threshold.bits} of {threshold.of} bits; {among}, "
        f"{threshold.expected:.2g} are expected there by chance"
    )


def threshold_lines(thresholds: Iterable[Threshold]) -> list[str]:
    """Return the thresholds by which anything was compared."""
    return [threshold_text(each) for each in thresholds if each.pairs]


def how(distance: Distance | None) -> str:
    """Return how far two files are apart, by their Data-Codes."""
    return "the same" if distance is None else f"{distance}: {distance.word}"


def label(member: Member) -> str:
    """Return where a member lies, with what the user named."""
    if not member.source:
        return printable(member.path)
    return printable(f"{member.source.rstrip('/')}/{member.path}")


def counted(count: int, one: str, more: str | None = None) -> str:
    """Return a number of things with the right noun."""
    return f"{number(count)} {one if count == 1 else more or one + 's'}"


def source_lines(
    sources: Iterable[Gathered], paint: Paint, noun: str = "file", *, looks: bool = False
) -> list[str]:
    """Return a line for each source, and what of it was left aside or could not be compared.

    `looks` says that Image-Codes were compared: what has none is counted.
    """
    lines = []
    for source in sources:
        many = counted(len(source.members), noun)
        lines.append(f"{printable(source.source)}: {many}, {_origin(source, noun)}")
        if source.empty:
            lines.append(f"  left aside: {files(source.empty)} without a byte")
        blank = sum(not member.data for member in source.members) if looks else 0
        if blank:
            lines.append(
                f"  by pixels alone: {counted(blank, noun)} without an Image-Code (all of it looks "
                "the same, or a plane is too large)"
            )
        if source.without_code:
            lines.append(
                f"  {paint('not compared', 'warn')}: {files(len(source.without_code))} of which "
                f"no code is recorded (--compute reads them): {_named(source.without_code)}"
            )
        lines += [
            f"  {paint('unread', 'bad')}: {printable(item.path)}: {item.reason}"
            for item in source.unread[:MOST_NAMED]
        ]
        if len(source.unread) > MOST_NAMED:
            lines.append(f"  … and {number(len(source.unread) - MOST_NAMED)} more")
    return lines


def _origin(source: Gathered, noun: str) -> str:
    """Return where the codes of a source are from."""
    if source.recorded:
        return "as the crate records it, not checked"
    computed = "decoded" if noun == "image" else "computed"
    if source.from_record:
        taken, left = source.from_record, len(source.members) - source.from_record
        return f"{taken} as the crate records it, not checked, {left} {computed}"
    return computed


def _named(paths: Sequence[str]) -> str:
    more = ", …" if len(paths) > MOST_NAMED else ""
    return ", ".join(map(printable, paths[:MOST_NAMED])) + more


def source_json(source: Gathered) -> dict[str, Any]:
    """Return what was found in a source, and what could not be compared."""
    return {
        "source": source.source,
        "codes": _codes(source),
        "members": len(source.members),
        "empty": source.empty,
        "without_code": list(source.without_code),
        "unread": [{"path": item.path, "reason": item.reason} for item in source.unread],
    }


def _codes(source: Gathered) -> str:
    if source.recorded:
        return "recorded"
    return "both" if source.from_record else "computed"
