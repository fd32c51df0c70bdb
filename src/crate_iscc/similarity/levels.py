"""How near two things are, level by level: what describes them, their looks, their bytes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.iscc_units import (
    CONTENT,
    DATA,
    IMAGE,
    INSTANCE,
    META,
    MIXED,
    SEMANTIC,
    VIDEO,
    Unit,
    parse_unit,
)
from crate_iscc.similarity.members import LEAST_IDENTITY, Gathered, Member


class Level(StrEnum):
    """What is compared, from what is said of a thing to what it is.

    METADATA by Meta-Codes, MEANING by Semantic-Codes, CONTENT by Content-Codes of texts and sounds,
    APPEARANCE by those of pictures, PIXELS by digests of pixels, BYTES by Data-Codes, IDENTITY by
    digests of the bytes.
    """

    METADATA = "metadata"
    MEANING = "meaning"
    CONTENT = "content"
    APPEARANCE = "appearance"
    PIXELS = "pixels"
    BYTES = "bytes"
    IDENTITY = "identity"


_UNIT_NAMES = {
    Level.METADATA: "Meta-Code",
    Level.MEANING: "Semantic-Code",
    Level.CONTENT: "Content-Code",
    Level.APPEARANCE: "Image-Code",
    Level.BYTES: "Data-Code",
    Level.IDENTITY: "Instance-Code",
}
_ALWAYS_TOLD = (Level.METADATA, Level.APPEARANCE, Level.BYTES, Level.IDENTITY)


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near two things are at one level: a distance, or whether they are equal.

    Where neither is known, `reason` says why. `of_many` says that the codes are made of those of
    several images.
    """

    level: Level
    distance: Distance | None = None
    equal: bool | None = None
    reason: str = ""
    of_many: bool = False

    @property
    def is_known(self) -> bool:
        """True where the two could be compared."""
        return not self.reason


def levels_between(one: Member, two: Member) -> tuple[Nearness, ...]:
    """Return how near two members are at each level.

    Nothing where no more is known of both than what they were found by: their bytes, or of images
    their pixels and looks. Units are compared if they are of one kind and version; of several,
    the nearest pair of the longest codes counts.
    """
    if not (one.units and two.units):
        return ()
    mine, theirs = _by_level(one.units), _by_level(two.units)
    found = {level: _of_units(level, mine, theirs) for level in _UNIT_NAMES}
    own = {each.level: each for each in _own(one, two)}
    if not any(each.is_known for level, each in found.items() if level not in own):
        return ()
    found |= own
    told = (found[level] for level in Level if level in found)
    return tuple(
        each
        for each in told
        if each.is_known or each.level in _ALWAYS_TOLD or each.level in {*mine, *theirs}
    )


def levels_of_wholes(
    sources: Sequence[Gathered],
) -> list[tuple[Gathered, Gathered, tuple[Nearness, ...]]]:
    """Return how near each two sources are as wholes, as far as both record units of the whole."""
    described = [source for source in sources if source.whole and source.whole.units]
    return [
        (one, two, levels)
        for one, two in combinations(described, 2)
        if one.whole and two.whole and (levels := levels_between(one.whole, two.whole))
    ]


def _own(one: Member, two: Member) -> Iterator[Nearness]:
    """Yield what two members are to each other by the codes that they were found by."""
    distance = Fingerprint(data=one.data or None).distance(Fingerprint(data=two.data or None))
    near, same = Level.BYTES, Level.IDENTITY
    if one.image_of is not None and two.image_of is not None:
        near, same = Level.APPEARANCE, Level.PIXELS
    if distance:
        yield Nearness(near, distance)
    length = min(len(one.identity), len(two.identity))
    if length >= LEAST_IDENTITY:
        yield Nearness(same, equal=one.identity[:length] == two.identity[:length])


def _by_level(units: Iterable[str]) -> dict[Level, list[Unit]]:
    found: dict[Level, list[Unit]] = {}
    for unit in filter(None, map(parse_unit, dict.fromkeys(units))):
        level = _level_of(unit)
        if level:
            found.setdefault(level, []).append(unit)
    return found


def _level_of(unit: Unit) -> Level | None:
    if unit.main == CONTENT:
        return Level.APPEARANCE if unit.sub in (IMAGE, VIDEO, MIXED) else Level.CONTENT
    return {
        META: Level.METADATA,
        SEMANTIC: Level.MEANING,
        DATA: Level.BYTES,
        INSTANCE: Level.IDENTITY,
    }.get(unit.main)


def _of_units(
    level: Level, mine: dict[Level, list[Unit]], theirs: dict[Level, list[Unit]]
) -> Nearness:
    ours, others = mine.get(level, []), theirs.get(level, [])
    name = _UNIT_NAMES[level]
    if not (ours and others):
        side = "one of them" if ours or others else "either"
        return Nearness(level, reason=f"no {name} is recorded of {side}")
    pairs = [
        (distance, one.main == CONTENT and one.sub == MIXED)
        for one in ours
        for two in others
        if (distance := one.distance(two))
    ]
    if not pairs:
        return Nearness(level, reason=_why_not(name, ours, others))
    distance, of_many = min(pairs, key=lambda pair: (-pair[0].of, pair[0].bits))
    if level is Level.IDENTITY:
        if distance.of < 8 * LEAST_IDENTITY and not distance.bits:
            return Nearness(level, reason="too little of the Instance-Codes is recorded")
        return Nearness(level, equal=not distance.bits)
    return Nearness(level, distance, of_many=of_many)


def _why_not(name: str, ours: Iterable[Unit], others: Iterable[Unit]) -> str:
    """Return why no unit of one side can be compared with one of the other."""
    kinds = {unit.sub for unit in ours}, {unit.sub for unit in others}
    if name == _UNIT_NAMES[Level.APPEARANCE] and {*kinds[0], *kinds[1]} == {IMAGE, MIXED}:
        return "one code is of a single image, the other of several"
    return f"the {name}s are of different kinds or versions"
