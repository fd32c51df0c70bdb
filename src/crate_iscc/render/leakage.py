"""What the second of two sets has in common with the first, as text and as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from crate_iscc.paths import printable
from crate_iscc.render.levels import alike, level_lines, levels_json
from crate_iscc.render.members import (
    MOST_SHOWN,
    SIMILAR_VERSION,
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
from crate_iscc.render.units import files, number
from crate_iscc.similarity.leaks import Leak, Leakage, LeakKind
from crate_iscc.similarity.levels import levels_between

_KINDS = {
    LeakKind.EXACT: ("exact", "bad", "{} exactly"),
    LeakKind.PIXELS: ("pixels", "bad", "{} by equal pixels"),
    LeakKind.BYTES: ("near", "warn", "{} nearly"),
    LeakKind.APPEARANCE: ("looks", "warn", "{} by looks"),
}
"""How each kind of leak is called, painted, and counted."""


def leakage_text(leakage: Leakage, paint: Paint = plain, *, everything: bool = False) -> str:
    """Return for a person what the second of two sets has in common with the first."""
    lines = list(_leak_lines(leakage, paint, everything=everything))
    if lines:
        lines.append("")
    lines += source_lines((leakage.first, leakage.second), paint)
    if leakage.images:
        both = (leakage.images.first, leakage.images.second)
        lines += source_lines(both, paint, "image", looks=leakage.looks)
    lines.append(paint(_verdict(leakage), "bad" if leakage.leaks else "good"))
    lines += threshold_lines(leakage.thresholds)
    if leakage.images:
        lines += [
            f"threshold of looks: {limit.bits} of {limit.of} bits, {number(limit.pairs)} pairs"
            for limit in leakage.images.thresholds
            if limit.pairs
        ]
    lines.append(_remark(leakage))
    return "\n".join(lines) + "\n"


def leakage_json(leakage: Leakage) -> str:
    """Return the leaks as one JSON object, as `schemas/similar.schema.json` has it."""
    sources = (leakage.first, leakage.second)
    value: dict[str, Any] = {
        "report_version": SIMILAR_VERSION,
        "kind": "leakage",
        "sources": [source_json(source) for source in sources],
        "compared": sum(len(source.members) for source in sources),
        "complete": leakage.is_complete,
        "thresholds": [threshold_json(each) for each in leakage.thresholds],
        "levels": [kind.value for kind in leakage.kinds],
        "leaks": list(map(_leak_json, leakage.leaks)),
    }
    if leakage.images:
        of_images = (leakage.images.first, leakage.images.second)
        value["images"] = {
            "sources": [source_json(source) for source in of_images],
            "compared": sum(len(source.members) for source in of_images),
            "thresholds": [threshold_json(each) for each in leakage.images.thresholds],
        }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _leak_lines(leakage: Leakage, paint: Paint, *, everything: bool) -> Iterator[str]:
    shown = leakage.leaks if everything else leakage.leaks[:MOST_SHOWN]
    width = max((len(label(leak.member)) for leak in shown), default=0)
    how_width = max((len(_how(leak)) for leak in shown), default=0)
    kind_width = max((len(_KINDS[leak.kind][0]) for leak in shown), default=0)
    for leak in shown:
        name, style, _ = _KINDS[leak.kind]
        more = f" (and {number(leak.count - 1)} more)" if leak.count > 1 else ""
        yield (
            f"{paint(f'{name:<{kind_width}}', style)}  {label(leak.member):<{width}}"
            f"  {_how(leak):<{how_width}}  {label(leak.others[0])}{more}"
        )
        yield from level_lines(levels_between(leak.member, leak.others[0]))
    if len(leakage.leaks) > len(shown):
        yield f"… and {number(len(leakage.leaks) - len(shown))} more: --all shows them"


def _how(leak: Leak) -> str:
    if leak.kind is LeakKind.PIXELS:
        return "the same pixels"
    if leak.kind is LeakKind.APPEARANCE and leak.distance:
        return f"{leak.distance}: {alike(leak.distance)}"
    return how(leak.distance)


def _verdict(leakage: Leakage) -> str:
    """Return how many files of the second set are in the first; those that look alike apart."""
    first, second = (printable(each.source) for each in (leakage.first, leakage.second))
    counts = leakage.counts
    parts = [
        _KINDS[kind][2].format(number(counts[kind]))
        for kind in leakage.kinds
        if kind is not LeakKind.APPEARANCE
    ]
    verdict = (
        f"in {first} too: {number(leakage.leaking)} of {files(len(leakage.second.members))} "
        f"in {second} ({', '.join(parts)})"
    )
    if leakage.looks:
        looks = counts[LeakKind.APPEARANCE]
        verdict += f"; {number(looks)} more {'looks' if looks == 1 else 'look'} alike"
    return verdict


def _remark(leakage: Leakage) -> str:
    if leakage.images is None:
        return (
            "Bytes were compared. The same image in another encoding is not found by them: "
            "--pixels finds it."
        )
    if not leakage.looks:
        return (
            "Bytes and pixels were compared. An image that was stretched or made smaller is not "
            "found by them: --images compares looks."
        )
    return (
        "Bytes, pixels and looks were compared. Image-Codes are experimental: a coarse look, lost "
        "when an image is cropped or turned."
    )


def _leak_json(leak: Leak) -> dict[str, Any]:
    value: dict[str, Any] = {
        "level": leak.kind.value,
        "test": member_json(leak.member),
        "train": [member_json(other) for other in leak.others],
        "train_count": leak.count,
        "distance": distance_json(leak.distance),
    }
    levels = levels_between(leak.member, leak.others[0])
    return value | {"levels": levels_json(levels)} if levels else value
