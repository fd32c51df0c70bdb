"""What is the same and what is near, as text and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.paths import printable
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.units import file_size, files, number
from crate_iscc.similarity.groups import Content, Group, Grouping
from crate_iscc.similarity.leaks import Leakage
from crate_iscc.similarity.members import Gathered, Member
from crate_iscc.similarity.thresholds import Threshold

SIMILAR_VERSION = "0.1"
"""The version of `schemas/similar.schema.json` that the JSON follows."""
_MOST_GROUPS = 50
_MOST_MEMBERS = 20
_MOST_NAMED = 5
_NO_LOOKS = "Distances count the byte runs that files share. They say nothing of how things look.\n"


_LOOKS = "Image-Codes are experimental: a coarse look, lost when an image is cropped or turned.\n"


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of the things that are compared."""

    noun: str
    exact: str
    near: str
    same: str
    levels: tuple[str, str]


_FILES = _Words("file", "exact", "near ", "the same bytes", ("exact", "bytes"))
_IMAGES = _Words("image", "pixels", "looks ", "the same pixels", ("pixels", "appearance"))


def similar_text(
    grouping: Grouping, paint: Paint = plain, *, everything: bool = False, images: bool = False
) -> str:
    """Return the groups for a person: the largest part of them, or with `everything` all.

    `images` says that Image-Codes were compared, and pixels.
    """
    words = _IMAGES if images else _FILES
    several = len(grouping.sources) > 1
    most = len(grouping.groups) if everything else _MOST_GROUPS
    lines: list[str] = []
    for group in grouping.groups[:most]:
        lines += _group_lines(group, paint, words, several=several, everything=everything)
    if len(grouping.groups) > most:
        left = number(len(grouping.groups) - most)
        lines += [f"… and {left} more groups: --all shows them", ""]
    lines += _source_lines(grouping.sources, paint, words)
    exact = sum(group.is_exact for group in grouping.groups)
    near = len(grouping.groups) - exact
    many = f"{_count(grouping.members, words.noun)} with {_count(grouping.contents, 'content')}"
    if images:
        lines.append(
            f"{_count(exact, 'group')} with the same pixels, {_count(near, 'group')} that look "
            f"alike, among {many}"
        )
        lines += [
            f"threshold: {limit.bits} of {limit.of} bits, {number(limit.pairs)} pairs"
            for limit in grouping.thresholds
            if limit.pairs
        ]
        return "\n".join(lines) + "\n" + _LOOKS
    lines.append(
        f"{_count(exact, 'group')} of exact duplicates, {_count(near, 'group')} of near ones, "
        f"among {many}"
    )
    lines += _threshold_lines(grouping.thresholds)
    return "\n".join(lines) + "\n" + _NO_LOOKS


def leakage_text(leakage: Leakage, paint: Paint = plain, *, everything: bool = False) -> str:
    """Return for a person what the second of two sets has in common with the first."""
    most = len(leakage.leaks) if everything else _MOST_GROUPS
    lines: list[str] = []
    width = max((len(_label(leak.member)) for leak in leakage.leaks[:most]), default=0)
    how_width = max((len(_how(leak.distance)) for leak in leakage.leaks[:most]), default=0)
    for leak in leakage.leaks[:most]:
        how = _how(leak.distance)
        kind = paint("exact", "bad") if leak.is_exact else paint("near ", "warn")
        more = f" (and {number(leak.count - 1)} more)" if leak.count > 1 else ""
        label = _label(leak.member)
        lines.append(
            f"{kind}  {label:<{width}}  {how:<{how_width}}  {_label(leak.others[0])}{more}"
        )
    if len(leakage.leaks) > most:
        lines.append(f"… and {number(len(leakage.leaks) - most)} more: --all shows them")
    if lines:
        lines.append("")
    lines += _source_lines((leakage.first, leakage.second), paint)
    exact = sum(leak.is_exact for leak in leakage.leaks)
    near = len(leakage.leaks) - exact
    first, second = (printable(each.source) for each in (leakage.first, leakage.second))
    verdict = (
        f"in {first} too: {number(exact + near)} of {files(len(leakage.second.members))} "
        f"in {second} ({number(exact)} exactly, {number(near)} nearly)"
    )
    lines.append(paint(verdict, "bad" if leakage.leaks else "good"))
    lines += _threshold_lines(leakage.thresholds)
    lines.append("Bytes were compared. The same image in another encoding is not found by them.")
    return "\n".join(lines) + "\n"


def similar_json(grouping: Grouping, *, images: bool = False) -> str:
    """Return the groups as one JSON object, as `schemas/similar.schema.json` has it."""
    words = _IMAGES if images else _FILES
    value = {
        "report_version": SIMILAR_VERSION,
        "kind": "groups",
        "sources": [_source_json(source) for source in grouping.sources],
        "compared": grouping.members,
        "contents": grouping.contents,
        "near_pairs": grouping.near_pairs,
        "complete": grouping.is_complete,
        "thresholds": [threshold_json(each) for each in grouping.thresholds],
        "groups": [_group_json(group, words, images=images) for group in grouping.groups],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def leakage_json(leakage: Leakage) -> str:
    """Return the leaks as one JSON object, as `schemas/similar.schema.json` has it."""
    sources = (leakage.first, leakage.second)
    value = {
        "report_version": SIMILAR_VERSION,
        "kind": "leakage",
        "sources": [_source_json(source) for source in sources],
        "compared": sum(len(source.members) for source in sources),
        "complete": leakage.is_complete,
        "thresholds": [threshold_json(each) for each in leakage.thresholds],
        "levels": ["exact", "bytes"],
        "leaks": [
            {
                "level": "exact" if leak.is_exact else "bytes",
                "test": member_json(leak.member),
                "train": [member_json(other) for other in leak.others],
                "train_count": leak.count,
                "distance": distance_json(leak.distance),
            }
            for leak in leakage.leaks
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def member_json(member: Member, *, images: bool = False) -> dict[str, Any]:
    """Return where a member lies, and its codes as far as they are known.

    Of an image, the digest is of its pixels, and no datahash.
    """
    whole = len(member.identity) == 32 and not images
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


def _group_lines(
    group: Group, paint: Paint, words: _Words, *, several: bool, everything: bool
) -> list[str]:
    first = group.contents[0].members[0]
    if group.is_exact:
        size = "" if first.size is None else f" of {file_size(first.size)}"
        lines = [f"{paint(words.exact, 'warn')}  {_count(group.count, 'copy', 'copies')}{size}"]
    else:
        count = len(group.contents)
        many = _count(group.count, words.noun)
        lines = [f"{paint(words.near, 'warn')}  {_count(count, 'content')}, {many}"]
    rows = [row for content in group.contents for row in _rows(content, words, several=several)]
    shown = rows if everything else rows[:_MOST_MEMBERS]
    width = max(len(label) for label, _ in shown)
    lines += [f"  {label:<{width}}  {said}".rstrip() for label, said in shown]
    if len(rows) > len(shown):
        lines.append(f"  … and {number(len(rows) - len(shown))} more")
    return [*lines, ""]


def _rows(content: Content, words: _Words, *, several: bool) -> list[tuple[str, str]]:
    said = ""
    if content.to_first is not None:
        said = str(content.to_first) if words is _IMAGES else _how(content.to_first)
        nearest = content.nearest
        if nearest and content.distance and content.distance.bits < content.to_first.bits:
            label = _label(nearest) if several else printable(nearest.path)
            said += f"; {content.distance} from {label}"
    first, *copies = content.members
    label = _label(first) if several else printable(first.path)
    return [
        (label, said),
        *((_label(m) if several else printable(m.path), words.same) for m in copies),
    ]


def _how(distance: Distance | None) -> str:
    return "the same" if distance is None else f"{distance}: {distance.word}"


def _label(member: Member) -> str:
    if not member.source:
        return printable(member.path)
    return printable(f"{member.source.rstrip('/')}/{member.path}")


def _source_lines(sources: Iterable[Gathered], paint: Paint, words: _Words = _FILES) -> list[str]:
    lines = []
    for source in sources:
        how = "as the crate records it, not checked" if source.recorded else "computed"
        many = _count(len(source.members), words.noun)
        lines.append(f"{printable(source.source)}: {many}, {how}")
        if source.empty:
            lines.append(f"  left aside: {files(source.empty)} without a byte")
        if source.without_code:
            lines.append(
                f"  {paint('not compared', 'warn')}: {files(len(source.without_code))} of which "
                f"no code is recorded (--compute reads them): {_named(source.without_code)}"
            )
        lines += [
            f"  {paint('unread', 'bad')}: {printable(item.path)}: {item.reason}"
            for item in source.unread[:_MOST_NAMED]
        ]
        if len(source.unread) > _MOST_NAMED:
            lines.append(f"  … and {number(len(source.unread) - _MOST_NAMED)} more")
    return lines


def _named(paths: Sequence[str]) -> str:
    more = ", …" if len(paths) > _MOST_NAMED else ""
    return ", ".join(map(printable, paths[:_MOST_NAMED])) + more


def _threshold_lines(thresholds: Iterable[Threshold]) -> list[str]:
    return [threshold_text(each) for each in thresholds if each.pairs]


def _count(count: int, one: str, more: str | None = None) -> str:
    return f"{number(count)} {one if count == 1 else more or one + 's'}"


def _source_json(source: Gathered) -> dict[str, Any]:
    return {
        "source": source.source,
        "codes": "recorded" if source.recorded else "computed",
        "members": len(source.members),
        "empty": source.empty,
        "without_code": list(source.without_code),
        "unread": [{"path": item.path, "reason": item.reason} for item in source.unread],
    }


def _group_json(group: Group, words: _Words, *, images: bool) -> dict[str, Any]:
    return {
        "level": words.levels[0 if group.is_exact else 1],
        "contents": [
            {
                "members": [member_json(member, images=images) for member in content.members],
                "to_first": distance_json(content.to_first),
                "nearest": (
                    member_json(content.nearest, images=images) if content.nearest else None
                ),
                "distance": distance_json(content.distance),
            }
            for content in group.contents
        ],
    }
