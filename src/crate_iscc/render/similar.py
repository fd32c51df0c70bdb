"""What is the same and what is near, in groups, as text and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from crate_iscc.paths import printable
from crate_iscc.render.levels import (
    LEVEL_INDENT,
    crates_json,
    crates_lines,
    level_lines,
    levels_json,
)
from crate_iscc.render.members import (
    MOST_SHOWN,
    SIMILAR_VERSION,
    counted,
    distance_json,
    how,
    label,
    member_json,
    source_json,
    source_lines,
    threshold_json,
    threshold_lines,
)
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.units import file_size, number
from crate_iscc.similarity.groups import Content, Group, Grouping
from crate_iscc.similarity.levels import Nearness, levels_between, levels_of_wholes
from crate_iscc.similarity.members import Member

_MOST_MEMBERS = 20
_MOST_PAIRS_OF_CRATES = 10
_NO_LOOKS = "Distances count the byte runs that files share. They say nothing of how things look."
_LEVELS = "Each level says one thing: bytes is the byte runs in common, appearance a coarse look."
_LOOKS = "Image-Codes are experimental: a coarse look, lost when an image is cropped or turned."
_PIXELS = "Pixels were compared. An image that was stretched or made smaller has others: --images."


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
    grouping: Grouping,
    paint: Paint = plain,
    *,
    everything: bool = False,
    images: bool = False,
    looks: bool = True,
) -> str:
    """Return the groups for a person: the largest part of them, or with `everything` all.

    `images` says that pixels were compared, and Image-Codes unless `looks` is False.
    """
    words = _IMAGES if images else _FILES
    several = len(grouping.sources) > 1
    most = len(grouping.groups) if everything else MOST_SHOWN
    lines: list[str] = []
    for group in grouping.groups[:most]:
        lines += _group_lines(group, paint, words, several=several, everything=everything)
    if len(grouping.groups) > most:
        left = number(len(grouping.groups) - most)
        lines += [f"… and {left} more groups: --all shows them", ""]
    crates = levels_of_wholes(grouping.sources)
    lines += crates_lines(crates, len(crates) if everything else _MOST_PAIRS_OF_CRATES)
    leveled = bool(crates) or any(line.startswith(LEVEL_INDENT) for line in lines)
    lines += source_lines(grouping.sources, paint, words.noun, looks=images and looks)
    lines.append(_verdict(grouping, words, looks=looks))
    if images:
        lines += [
            f"threshold: {limit.bits} of {limit.of} bits, {number(limit.pairs)} pairs"
            for limit in grouping.thresholds
            if limit.pairs
        ]
        lines.append(_LOOKS if looks else _PIXELS)
    else:
        lines += [*threshold_lines(grouping.thresholds), _LEVELS if leveled else _NO_LOOKS]
    return "\n".join(lines) + "\n"


def similar_json(grouping: Grouping, *, images: bool = False) -> str:
    """Return the groups as one JSON object, as `schemas/similar.schema.json` has it."""
    words = _IMAGES if images else _FILES
    value: dict[str, Any] = {
        "report_version": SIMILAR_VERSION,
        "kind": "groups",
        "sources": [source_json(source) for source in grouping.sources],
        "compared": grouping.members,
        "contents": grouping.contents,
        "near_pairs": grouping.near_pairs,
        "complete": grouping.is_complete,
        "thresholds": [threshold_json(each) for each in grouping.thresholds],
        "groups": [_group_json(group, words) for group in grouping.groups],
    }
    if crates := levels_of_wholes(grouping.sources):
        value["crates"] = crates_json(crates)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _verdict(grouping: Grouping, words: _Words, *, looks: bool) -> str:
    """Return how many groups there are among how much."""
    exact = sum(group.is_exact for group in grouping.groups)
    near = len(grouping.groups) - exact
    many = f"{counted(grouping.members, words.noun)} with {counted(grouping.contents, 'content')}"
    if words is _FILES:
        found = f"{counted(exact, 'group')} of exact duplicates"
        found += f", {counted(near, 'group')} of near ones"
    else:
        found = f"{counted(exact, 'group')} with the same pixels"
        found += f", {counted(near, 'group that looks', 'groups that look')} alike" if looks else ""
    return f"{found}, among {many}"


def _group_lines(
    group: Group, paint: Paint, words: _Words, *, several: bool, everything: bool
) -> list[str]:
    first = group.contents[0].members[0]
    if group.is_exact:
        size = "" if first.size is None else f" of {file_size(first.size)}"
        lines = [f"{paint(words.exact, 'warn')}  {counted(group.count, 'copy', 'copies')}{size}"]
    else:
        many = counted(group.count, words.noun)
        lines = [f"{paint(words.near, 'warn')}  {counted(len(group.contents), 'content')}, {many}"]
    rows = (row for content in group.contents for row in _rows(content, first, words, several))
    shown = list(islice(rows, None if everything else _MOST_MEMBERS))
    width = max(len(row.name) for row in shown)
    for row in shown:
        lines.append(f"  {row.name:<{width}}  {row.said}".rstrip())
        lines += level_lines(row.levels)
    if group.count > len(shown):
        lines.append(f"  … and {number(group.count - len(shown))} more")
    return [*lines, ""]


class _Row(NamedTuple):
    """How a member of a group is named, what is said of it, and how near it is at each level."""

    name: str
    said: str
    levels: tuple[Nearness, ...]


def _rows(content: Content, first: Member, words: _Words, several: bool) -> Iterator[_Row]:
    """Yield the members of a content: the first of it beside that of the group, and its copies.

    Where the levels say how far it is, the row does not say it, too.
    """

    def name(member: Member) -> str:
        return label(member) if several else printable(member.path)

    one, *copies = content.members
    levels = levels_between(first, one) if content.to_first else ()
    said = ""
    if content.to_first:
        far = str(content.to_first) if words is _IMAGES else how(content.to_first)
        said = "" if levels else far
        nearest = content.nearest
        if nearest and content.distance and content.distance.bits < content.to_first.bits:
            said += f"{'; ' if said else ''}{content.distance} from {name(nearest)}"
    yield _Row(name(one), said, levels)
    for copy in copies:
        yield _Row(name(copy), words.same, levels_between(one, copy))


def _group_json(group: Group, words: _Words) -> dict[str, Any]:
    first = group.contents[0].members[0]
    return {
        "level": words.levels[0 if group.is_exact else 1],
        "contents": [
            {
                "members": list(_members_json(content, first)),
                "to_first": distance_json(content.to_first),
                "nearest": member_json(content.nearest) if content.nearest else None,
                "distance": distance_json(content.distance),
            }
            for content in group.contents
        ],
    }


def _members_json(content: Content, first: Member) -> Iterator[dict[str, Any]]:
    one, *copies = content.members
    for member, other in ((one, first), *((copy, one) for copy in copies)):
        levels = () if member is other else levels_between(other, member)
        value = member_json(member)
        yield value | {"levels": levels_json(levels)} if levels else value
