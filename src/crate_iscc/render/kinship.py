"""What two trees or files are to each other, as text for a person and as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from crate_iscc.crate.findings import how_far
from crate_iscc.file_table import FileFingerprint
from crate_iscc.images import Image, ImagePair, ImageUnread, PixelStatus
from crate_iscc.kinship import Kinship, Likeness, Pair, Part, Relation, Side
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.render.levels import alike, level_line
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.report_json import finding_json
from crate_iscc.render.units import file_size, files, number
from crate_iscc.version import __version__
from crate_iscc.zarr_changes import Area, MetadataChange, is_consolidated

_SHOWN_OF_EACH = 12
_NAMED_IN_A_SENTENCE = 3
_POINTERS_SHOWN = 4
_STYLES = {
    Likeness.IDENTICAL: "good",
    Likeness.SAME_PAYLOAD: "good",
    Likeness.RE_ENCODED: "good",
    Likeness.UNDECIDED: "warn",
}
_LEVELS = {
    Likeness.SAME_PAYLOAD: "identical payload",
    Likeness.SAME_MEMBERS: "same members",
    Likeness.METADATA_ONLY: "metadata only",
}
_WORDS = {Relation.ONLY_A: "only in A", Relation.ONLY_B: "only in B"}


def kinship_text(kinship: Kinship, paint: Paint = plain) -> str:
    """Return a sentence first, then both sides, what differs, and how many of each."""
    level, _, words = summary(kinship).partition(":")
    lines = [paint(level, _STYLES.get(kinship.likeness, "bad")) + ":" + words]
    lines.extend(_side_lines("A", kinship.a, paint))
    lines.extend(_side_lines("B", kinship.b, paint))
    lines.extend(_level_lines(kinship, paint))
    for relation in Relation:
        lines.extend(_relation_lines(kinship, relation, paint))
    lines.extend(paint(f"note: {note}", "warn") for note in _notes(kinship))
    if not (kinship.of_files or kinship.is_mixed):
        lines.append(_counts_line(kinship))
    return "\n".join(lines) + "\n"


def kinship_json(kinship: Kinship) -> str:
    """Return all of it as one JSON object (schemas/comparison.schema.json)."""
    value: dict[str, Any] = {
        "comparison_version": "1",
        "command": "compare",
        "likeness": kinship.likeness.value,
        "summary": valid_unicode(summary(kinship)),
        "of": _of(kinship),
        "a": _side_json(kinship.a),
        "b": _side_json(kinship.b),
        "same": kinship.same,
        "same_described": kinship.same_described,
        "counts": {relation.value: count for relation, count in kinship.counts.items()},
        "pairs": [_pair_json(pair) for pair in kinship.pairs],
        "notes": [valid_unicode(note) for note in _notes(kinship)],
        "tool": f"crate-iscc {__version__}",
    }
    for name, distance in (("metadata", kinship.described_as), ("meaning", kinship.meaning)):
        if distance:
            value[name] = {"bits": distance.bits, "of": distance.of}
    if kinship.images is not None and kinship.pixels:
        value["pixels"] = kinship.pixels.value
        value["images"] = [_image_json(pair) for pair in kinship.images]
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def summary(kinship: Kinship) -> str:
    """Return the level, a colon, and what it rests on, in one sentence."""
    level = _LEVELS.get(kinship.likeness, kinship.likeness.value)
    return f"{level}: {_words(kinship)}"


def _words(kinship: Kinship) -> str:
    of_pixels = _of_pixels(kinship)
    if kinship.is_mixed or (of_pixels and kinship.of_files and kinship.likeness in _BY_PIXELS):
        return of_pixels or "not everything could be read"
    of_bytes = _of_files(kinship) if kinship.of_files else _of_trees(kinship)
    told = (of_pixels, of_bytes) if kinship.likeness in _BY_PIXELS else (of_bytes, of_pixels)
    return "; ".join(filter(None, told))


_BY_PIXELS = (Likeness.RE_ENCODED, Likeness.DIFFERENT, Likeness.UNDECIDED)


def verdict(kinship: Kinship) -> str:
    """Return what came out of comparing the pixels, as it is recorded of a conversion."""
    words = _of_pixels(kinship)
    equal = kinship.pixels is PixelStatus.EQUAL
    return f"re-encoded: {words}" if equal else words


def _of_pixels(kinship: Kinship) -> str:
    """Return in words how the pixels of all images compare, and nothing if nobody asked."""
    pairs = kinship.images
    if pairs is None:
        return ""
    others = [pair for pair in pairs if pair.comparison.status is not PixelStatus.EQUAL]
    if len(pairs) == 1:
        return str(pairs[0].comparison)
    if not others:
        return f"the pixels of all {number(len(pairs))} images are equal"
    first = others[0]
    words = f"{_image_name(first)}: {first.comparison}"
    return f"{number(len(others))} of {number(len(pairs))} images are not equal ({words})"


def _of_files(kinship: Kinship) -> str:
    match kinship.likeness:
        case Likeness.IDENTICAL:
            return f"the same bytes ({file_size(kinship.a.size)})"
        case Likeness.UNDECIDED:
            return "not everything could be read"
        case _:
            (pair,) = kinship.pairs
            words = _how_far(pair, "by the Data-Codes ")
            if not _sizes_differ(pair):
                words = f"not the same bytes; {words}"
            return "; ".join(filter(None, (words, _about(pair))))


def _of_trees(kinship: Kinship) -> str:
    counts = kinship.counts
    total = kinship.same + sum(counts.values())
    match kinship.likeness:
        case Likeness.IDENTICAL:
            words = f"the same {files(total + kinship.same_described)} with the same bytes"
            return f"{words} ({file_size(kinship.a.size)})"
        case Likeness.SAME_PAYLOAD:
            words = f"{'the one file is' if total == 1 else f'all {files(total)} are'} the same"
        case Likeness.SAME_MEMBERS:
            moved = counts[Relation.MOVED]
            be = "is" if moved == 1 else "are"
            words = f"{number(moved)} of {files(total)} {be} at another path, with the same bytes"
        case Likeness.METADATA_ONLY:
            words = _metadata_words(kinship, total)
        case Likeness.UNDECIDED:
            unread = [pair for pair in kinship.pairs if pair.relation is Relation.UNREAD]
            every = total + kinship.same_described + len(kinship.described)
            return (
                "what could be read is identical, "
                f"{number(len(unread))} of {files(every)} could not be read"
            )
        case _:
            words = _different_words(kinship, total)
    if kinship.described:
        words += f"; what describes them differs ({_named(kinship.described)})"
    return words


def _metadata_words(kinship: Kinship, total: int) -> str:
    pairs = [pair for pair in kinship.pairs if pair.part is Part.ZARR_METADATA]
    abouts = dict.fromkeys(filter(None, map(_about, pairs)))
    what = "; ".join(filter(None, (_named(pairs), ", ".join(abouts))))
    verb = "differs" if len(pairs) == 1 else "differ"
    rest = "every chunk is identical" if kinship.same else "there is nothing else"
    return f"{number(len(pairs))} of {files(total)} {verb} ({what}); {rest}"


def _different_words(kinship: Kinship, total: int) -> str:
    if not total:
        return "there is no payload in either"
    parts = [
        f"{number(count)} {_word(relation)}" for relation, count in kinship.counts.items() if count
    ]
    common = kinship.same
    rest = f"{number(common) if common else 'none'} of {files(total)}"
    return f"{', '.join(parts)}; {rest} {'are' if common > 1 else 'is'} identical"


def _named(pairs: Sequence[Pair]) -> str:
    """Return the paths of some files, the first of them by name."""
    named = ", ".join(printable(pair.path) for pair in pairs[:_NAMED_IN_A_SENTENCE])
    more = len(pairs) - _NAMED_IN_A_SENTENCE
    return f"{named} and {number(more)} more" if more > 0 else named


def _word(relation: Relation) -> str:
    return _WORDS.get(relation, relation.value)


def _about(pair: Pair) -> str:
    """Return what the differences of metadata are about, where that is known."""
    if pair.change:
        return ", ".join(pair.change.areas)
    alone = pair.relation in (Relation.ONLY_A, Relation.ONLY_B)
    return Area.CONSOLIDATED.value if alone and is_consolidated(pair.path) else ""


def _sizes_differ(pair: Pair) -> bool:
    sizes = {one.fingerprint.size for one in (pair.a, pair.b) if one}
    return len(sizes) > 1


def _how_far(pair: Pair, by: str = "") -> str:
    """Return how far two files are apart, by their sizes and Data-Codes."""
    if not (pair.a and pair.b):
        return ""
    one, two = pair.a.fingerprint, pair.b.fingerprint
    parts = []
    if one.size is not None and two.size is not None and one.size != two.size:
        parts.append(f"{number(one.size)} bytes and {number(two.size)}")
    if pair.distance:
        parts.append(by + how_far(pair.distance, one, two))
    return "; ".join(parts) or "the datahash differs"


def _level_lines(kinship: Kinship, paint: Paint) -> Iterator[str]:
    """Yield a line for each level that is known, from descriptions to bytes as a whole."""
    if kinship.described_as:
        words = f"Meta-Codes: {kinship.described_as} differ (name and description of the whole)"
        yield level_line("metadata", words)
    if kinship.meaning:
        words = f"Semantic-Codes that both record: {kinship.meaning} differ (of no standard)"
        yield level_line("meaning", words)
    if kinship.images is None:
        return
    (pair,) = kinship.pairs if kinship.of_files and kinship.pairs else (None,)
    if kinship.of_files:
        same = kinship.likeness is Likeness.IDENTICAL
        yield level_line("identity", "the same bytes" if same else "not the same bytes")
        if pair and pair.distance:
            yield level_line("bytes", f"Data-Codes: {_how_far(pair)}")
    elif kinship.is_mixed:
        yield level_line("identity", "not the same bytes: one is a file, the other a tree of files")
    shown = kinship.images[:_SHOWN_OF_EACH]
    for images in shown:
        name = f"{_image_name(images)}: " if len(kinship.images) > 1 else ""
        comparison = images.comparison
        style = {PixelStatus.EQUAL: "good", PixelStatus.UNREAD: "warn"}.get(
            comparison.status, "bad"
        )
        yield level_line("pixels", paint(f"{name}{comparison}", style))
        told = name and comparison.status is PixelStatus.EQUAL  # of many, that says enough
        if images.appearance and not told:
            look = f"Image-Codes: {images.appearance} differ, {alike(images.appearance)}"
            yield level_line("appearance", f"{name}{look} (experimental)")
    more = len(kinship.images) - len(shown)
    if more > 0:
        yield level_line("pixels", f"… and {number(more)} more images (--format json has all)")


def _image_name(pair: ImagePair) -> str:
    names = dict.fromkeys(printable(image.name) for image in (pair.a, pair.b) if image)
    return " -> ".join(names)


def _of(kinship: Kinship) -> str:
    if kinship.is_mixed:
        return "file-and-tree"
    return "files" if kinship.of_files else "trees"


def _side_lines(letter: str, side: Side, paint: Paint) -> Iterator[str]:
    extent = file_size(side.size)
    if not side.is_file:
        extent = f"{files(side.files)}   {extent}"
    yield f"{letter}  {printable(side.subject)}   {extent}"
    kind = "datahash" if side.is_file else "treehash"
    yield paint(f"   {kind} {side.code or 'none: not everything was read'}", "dim")
    for folder, checksum in side.dandi:
        where = f"   {printable(folder)}" if folder else ""
        yield f"   DANDI    {checksum or 'none: not everything was read'}{where}"
    for finding in side.findings:
        where = f"{printable(finding.path)}: " if finding.path else ""
        yield paint(f"   {finding.id}  {where}{printable(finding.message)}", "warn")


def _relation_lines(kinship: Kinship, relation: Relation, paint: Paint) -> Iterator[str]:
    pairs = [pair for pair in kinship.pairs if pair.relation is relation]
    if not pairs or (kinship.of_files and relation is Relation.CHANGED and not pairs[0].change):
        return
    rows = list(_moved_rows(pairs)) if relation is Relation.MOVED else list(map(_row, pairs))
    style = {Relation.MOVED: "warn", Relation.UNREAD: "warn"}.get(relation, "bad")
    for first, *others in rows[:_SHOWN_OF_EACH]:
        yield f"  {paint(f'{_word(relation):<9}', style)}  {first}"
        yield from (f"             {line}" for line in others)
    more = len(rows) - _SHOWN_OF_EACH
    if more > 0:
        yield f"             … and {number(more)} more {_word(relation)} (--format json has all)"


def _row(pair: Pair) -> list[str]:
    first = printable(pair.path)
    if pair.a and pair.b and pair.a.path != pair.b.path:
        first += f" -> {printable(pair.b.path)}"
    if pair.part is Part.DESCRIPTION:
        first += "   (no payload)"
    one = pair.a or pair.b
    if pair.relation in (Relation.ONLY_A, Relation.ONLY_B) and one:
        size = one.fingerprint.size
        first += f"   {file_size(size)}" if size is not None else ""
    lines = [first]
    if pair.relation is Relation.CHANGED:
        lines.append(_how_far(pair))
    if pair.change:
        lines.append(_pointer_words(pair, pair.change))
    if pair.unread_a:
        lines.append(f"A: {printable(pair.unread_a)}")
    if pair.unread_b:
        lines.append(f"B: {printable(pair.unread_b)}")
    return lines


def _pointer_words(pair: Pair, change: MetadataChange) -> str:
    shown = change.pointers[:_POINTERS_SHOWN]
    more = len(change.pointers) - len(shown) + change.more
    text = ", ".join(printable(pointer) or "the whole" for pointer in shown)
    if more:
        text += f" and {number(more)} more"
    return f"{text}   ({_about(pair)})" if text else _about(pair)


def _moved_rows(pairs: Iterable[Pair]) -> Iterator[list[str]]:
    """Yield what moved; the files of a folder that moved as one stand in one row."""
    by_heads: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        if pair.a and pair.b:
            by_heads.setdefault(_heads(pair.a.path, pair.b.path), []).append(pair)
    for (from_head, to_head), moved in by_heads.items():
        if len(moved) == 1:
            yield _row(moved[0])
        else:
            old, new = (f"{printable(head)}/" if head else "./" for head in (from_head, to_head))
            yield [f"{old} -> {new}   {files(len(moved))}"]


def _heads(one: str, two: str) -> tuple[str, str]:
    """Return two paths without the segments in which both end alike."""
    mine, theirs = one.split("/"), two.split("/")
    alike = takewhile(
        lambda pair: pair[0] == pair[1], zip(reversed(mine), reversed(theirs), strict=False)
    )
    cut = sum(1 for _ in alike)
    return "/".join(mine[: len(mine) - cut]), "/".join(theirs[: len(theirs) - cut])


def _notes(kinship: Kinship) -> Iterator[str]:
    """Yield what must not be overlooked: metadata by which equal chunks are other pixels."""
    metadata = [pair for pair in kinship.pairs if pair.part is Part.ZARR_METADATA]
    layout = [pair for pair in metadata if pair.change and pair.change.of_layout]
    if layout:
        yield f"equal chunks may be other pixels by {_named(layout)} (array layout)"
    untold = [
        pair for pair in metadata if pair.relation is Relation.CHANGED and pair.change is None
    ]
    if untold:
        yield f"what differs in {_named(untold)} cannot be told: no plain JSON, or too much of it"


def _counts_line(kinship: Kinship) -> str:
    parts = [f"{number(kinship.same)} identical"]
    parts.extend(
        f"{number(count)} {_word(relation)}" for relation, count in kinship.counts.items() if count
    )
    described = len(kinship.described) + kinship.same_described
    if described:
        parts.append(f"{files(described)} beside the payload")
    return " · ".join(parts)


def _side_json(side: Side) -> dict[str, Any]:
    value: dict[str, Any] = {
        "subject": valid_unicode(side.subject),
        "files": side.files,
        "size": side.size,
        "datahash" if side.is_file else "treehash": side.code,
        "findings": [finding_json(item) for item in side.findings],
    }
    if side.dandi:
        value["dandi"] = [{"path": path, "checksum": checksum} for path, checksum in side.dandi]
    return value


def _image_json(pair: ImagePair) -> dict[str, Any]:
    comparison, appearance = pair.comparison, pair.appearance
    value: dict[str, Any] = {
        "status": comparison.status.value,
        "a": _side_of_image(pair.a),
        "b": _side_of_image(pair.b),
        "planes": [{"z": plane.z, "c": plane.c, "t": plane.t} for plane in comparison.planes],
        "remark": valid_unicode(comparison.remark),
    }
    if appearance:
        value["appearance"] = {"bits": appearance.bits, "of": appearance.of}
    return value


def _side_of_image(image: Image | None) -> dict[str, Any] | None:
    if image is None:
        return None
    value: dict[str, Any] = {"path": valid_unicode(image.path), "scene": valid_unicode(image.scene)}
    if isinstance(image, ImageUnread):
        return value | {"unread": valid_unicode(image.reason)}
    extent = image.extent
    return value | {
        "iscc": image.iscc,
        "axes": extent.axes,
        "shape": extent.shape,
        "dtype": image.dtype,
        "reader": image.reader,
    }


def _pair_json(pair: Pair) -> dict[str, Any]:
    value: dict[str, Any] = {
        "relation": pair.relation.value,
        "part": pair.part.value,
        "a": _file_json(pair.a),
        "b": _file_json(pair.b),
    }
    if pair.distance:
        far = pair.distance
        value["distance"] = {"bits": far.bits, "of": far.of, "word": far.word}
    for name, reason in (("unread_a", pair.unread_a), ("unread_b", pair.unread_b)):
        if reason:
            value[name] = valid_unicode(reason)
    if pair.change:
        value["change"] = {
            "pointers": list(map(valid_unicode, pair.change.pointers)),
            "areas": [area.value for area in pair.change.areas],
            "more": pair.change.more,
        }
    return value


def _file_json(file: FileFingerprint | None) -> dict[str, Any] | None:
    if file is None:
        return None
    known = file.fingerprint
    return {"path": file.path, "size": known.size, "datahash": known.datahash}
