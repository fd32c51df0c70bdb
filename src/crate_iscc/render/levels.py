"""How near two things are at each level, as lines of text and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crate_iscc.codes import Distance
from crate_iscc.paths import printable
from crate_iscc.similarity.levels import Level, Nearness
from crate_iscc.similarity.members import Gathered
from crate_iscc.similarity.thresholds import IMAGE_THRESHOLD

LEVEL_INDENT = " " * 4
"""How far the levels of a file stand under it, which stands under the group by half of that."""


def level_line(name: str, words: str, indent: str = "  ") -> str:
    """Return the name of a level and what is said of it, in columns."""
    return f"{indent}{name:<10}  {words}"


def level_lines(levels: Iterable[Nearness], indent: str = LEVEL_INDENT) -> Iterator[str]:
    """Yield a line for each level."""
    for each in levels:
        yield level_line(each.level.value, _words(each), indent)


def levels_json(levels: Iterable[Nearness]) -> list[dict[str, Any]]:
    """Return how near two things are at each level."""
    return [
        {
            "level": each.level.value,
            "distance": _distance_json(each.distance),
            "equal": each.equal,
            "reason": each.reason or None,
        }
        for each in levels
    ]


def crates_lines(
    pairs: Sequence[tuple[Gathered, Gathered, tuple[Nearness, ...]]], most: int
) -> Iterator[str]:
    """Yield how near crates are as wholes, and an empty line behind each pair."""
    for one, two, levels in pairs[:most]:
        yield f"crates  {printable(one.source)} and {printable(two.source)}"
        yield from level_lines(levels, indent="  ")
        yield ""
    if len(pairs) > most:
        yield f"… and {len(pairs) - most} more pairs of crates: --all shows them"
        yield ""


def crates_json(
    pairs: Iterable[tuple[Gathered, Gathered, tuple[Nearness, ...]]],
) -> list[dict[str, Any]]:
    """Return how near crates are as wholes."""
    return [
        {"sources": [one.source, two.source], "levels": levels_json(levels)}
        for one, two, levels in pairs
    ]


def alike(distance: Distance) -> str:
    """Return in words what an Image-Code says of two images."""
    near = distance.bits * 256 <= IMAGE_THRESHOLD * distance.of
    return "alike" if near else "not alike"


def _words(nearness: Nearness) -> str:
    if nearness.equal is not None:
        return "the same" if nearness.equal else "differs"
    distance = nearness.distance
    if distance is None:
        return f"not known: {nearness.reason}"
    if nearness.level is Level.BYTES:
        return f"{distance}: {distance.word}"
    if nearness.level is not Level.APPEARANCE:
        return str(distance)
    return f"{distance} (of all images together)" if nearness.of_many else _look(distance)


def _look(distance: Distance) -> str:
    return f"{distance}: {alike(distance)}"


def _distance_json(distance: Distance | None) -> dict[str, int] | None:
    return {"bits": distance.bits, "of": distance.of} if distance else None
