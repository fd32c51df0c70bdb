"""What the second of two sets has in common with the first: the leaks between training and test."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from crate_iscc.codes import Distance
from crate_iscc.hamming import nearest
from crate_iscc.similarity.members import Gathered, Member, contents_code, contents_of
from crate_iscc.similarity.thresholds import Threshold, pairs_between, thresholds


@dataclass(frozen=True, slots=True)
class Leak:
    """Something of the second set that the first set has too: `others` of it, nearest first.

    `distance` is None where they are the same; `count` says of how many the list is the beginning.
    """

    member: Member
    others: tuple[Member, ...]
    distance: Distance | None
    count: int

    @property
    def is_exact(self) -> bool:
        """True where both sets have the very same content."""
        return self.distance is None


@dataclass(frozen=True, slots=True)
class Leakage:
    """What the second of two sets has in common with the first: `(train, test)` of a model."""

    first: Gathered
    second: Gathered
    leaks: tuple[Leak, ...]
    thresholds: tuple[Threshold, ...]

    @property
    def is_complete(self) -> bool:
        """True where everything that was found could be compared."""
        return not any(each.unread or each.without_code for each in (self.first, self.second))


def leaks_between(
    first: Gathered, second: Gathered, *, threshold: int | None = None, most: int = 5
) -> Leakage:
    """Return what of the second set is in the first, or near to something in it.

    A file that is in both is no leak a second time by what it is near to. At most `most` of the
    first set are named for each.
    """
    ours = {id(member) for member in first.members}
    both = contents_of((*first.members, *second.members))
    there = [tuple(m for m in content if id(m) in ours) for content in both]
    here = [tuple(m for m in content if id(m) not in ours) for content in both]
    columns = _columns([content for content in there if content])
    limits = thresholds(
        pairs_between(*([len(contents_code(c)) for c in side if c] for side in (there, here))),
        threshold,
    )
    by_width = {limit.of // 8: limit for limit in limits}
    leaks: list[Leak] = []
    for wanted, same in zip(here, there, strict=True):
        if wanted and same:
            leaks.extend(Leak(member, same[:most], None, len(same)) for member in wanted)
        elif wanted:
            near = _near_in(columns, contents_code(wanted), by_width)
            if near:
                others = tuple(content[0] for _, content in near[:most])
                leaks.extend(Leak(member, others, near[0][0], len(near)) for member in wanted)
    place = {id(member): number for number, member in enumerate(second.members)}
    leaks.sort(key=lambda leak: (not leak.is_exact, place[id(leak.member)]))
    return Leakage(first, second, tuple(leaks), tuple(limits))


@dataclass(frozen=True, slots=True)
class _Column:
    width: int
    codes: bytes
    contents: list[tuple[Member, ...]] = field(default_factory=list)


def _columns(contents: Sequence[tuple[Member, ...]]) -> list[_Column]:
    """Return the codes of contents one behind the other, those of one width together."""
    by_width: dict[int, list[tuple[Member, ...]]] = defaultdict(list)
    for content in contents:
        by_width[len(contents_code(content))].append(content)
    return [
        _Column(width, b"".join(map(contents_code, some)), some)
        for width, some in sorted(by_width.items())
        if width
    ]


def _near_in(
    columns: Iterable[_Column], code: bytes, limits: dict[int, Threshold]
) -> list[tuple[Distance, tuple[Member, ...]]]:
    """Return the contents near to a code, nearest first, each measured in the bits both have."""
    found = []
    for column in columns:
        width = min(column.width, len(code))
        if width and limits[width].bits >= 0:
            near = nearest(
                column.codes, column.width, code[:width], limits[width].bits, len(column.contents)
            )
            found += [(Distance(bits, 8 * width), column.contents[at]) for at, bits in near]
    return sorted(found, key=lambda pair: Fraction(pair[0].bits, pair[0].of))
