"""What the second of two sets has in common with the first: the leaks between training and test."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from crate_iscc.codes import Distance
from crate_iscc.hamming import nearest
from crate_iscc.similarity.members import Gathered, Member, contents_code, contents_of
from crate_iscc.similarity.thresholds import Threshold, pairs_between, thresholds


class LeakKind(StrEnum):
    """How something of the second set is in the first, from the strongest to the weakest.

    EXACT: the same bytes. PIXELS: the same pixels in other bytes. BYTES: near by Data-Code.
    APPEARANCE: near by Image-Code.
    """

    EXACT = "exact"
    PIXELS = "pixels"
    BYTES = "bytes"
    APPEARANCE = "appearance"


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
    def file(self) -> str:
        """The file or folder that leaks, without the slash of a folder."""
        member = self.member
        return (member.path if member.image_of is None else member.image_of).rstrip("/")

    @property
    def kind(self) -> LeakKind:
        """What both sets have in common."""
        if self.member.image_of is None:
            return LeakKind.EXACT if self.distance is None else LeakKind.BYTES
        return LeakKind.PIXELS if self.distance is None else LeakKind.APPEARANCE


@dataclass(frozen=True, slots=True)
class Leakage:
    """What the second of two sets has in common with the first: `(train, test)` of a model.

    `images` is the same of their images alone, where these were compared too; the leaks of it are
    among `leaks`. `looks` says that looks were compared, and not only pixels.
    """

    first: Gathered
    second: Gathered
    leaks: tuple[Leak, ...]
    thresholds: tuple[Threshold, ...]
    images: "Leakage | None" = None
    looks: bool = False

    @property
    def counts(self) -> dict[LeakKind, int]:
        """How many leaks there are of each kind."""
        kinds = [leak.kind for leak in self.leaks]
        return {kind: kinds.count(kind) for kind in LeakKind}

    @property
    def kinds(self) -> tuple[LeakKind, ...]:
        """What was looked for."""
        wanted = {LeakKind.EXACT, LeakKind.BYTES}
        if self.images:
            wanted.add(LeakKind.PIXELS)
        if self.looks:
            wanted.add(LeakKind.APPEARANCE)
        return tuple(kind for kind in LeakKind if kind in wanted)

    @property
    def leaking(self) -> int:
        """How many files of the second set are in the first, not counting those that look alike."""
        return len({leak.file for leak in self.leaks if leak.kind is not LeakKind.APPEARANCE})

    @property
    def is_complete(self) -> bool:
        """True where everything that was found could be compared."""
        sides = [self.first, self.second]
        if self.images:
            sides += [self.images.first, self.images.second]
        return not any(each.unread or each.without_code for each in sides)


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
    leaks.sort(key=lambda leak: (leak.distance is not None, place[id(leak.member)]))
    return Leakage(first, second, tuple(leaks), tuple(limits))


def with_images(of_bytes: Leakage, images: Leakage, *, looks: bool) -> Leakage:
    """Return the leaks of files and of images together, of each file the strongest.

    A file that is in both sets is told once, and not by its pixels again. Where an image has the
    same pixels, its bytes may well be near; where its bytes are near, it may well look alike.
    """
    rank = {kind: number for number, kind in enumerate(LeakKind)}
    leaks = sorted((*of_bytes.leaks, *images.leaks), key=lambda leak: rank[leak.kind])
    strongest: dict[str, LeakKind] = {}
    for leak in leaks:
        strongest.setdefault(leak.file, leak.kind)
    kept = tuple(
        leak
        for leak in leaks
        if leak.kind is strongest[leak.file]
        or (leak.member.image_of is not None and strongest[leak.file] is LeakKind.PIXELS)
    )
    return replace(of_bytes, leaks=kept, images=images, looks=looks)


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
