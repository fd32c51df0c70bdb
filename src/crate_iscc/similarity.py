"""Finds what is there twice, and what is nearly there twice, among any number of codes.

Files are the same where their digests are. They are near where their Data-Codes differ in no more
bits than a threshold, which is chosen so that unrelated files hardly ever do: of two unrelated
codes each bit differs as often as not, so the number of differing bits is binomial, and over all
pairs less than FALSE_PAIRS of them are expected below the threshold. A Data-Code says how many byte
runs two files share; it says nothing of what they look like.
"""

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb
from threading import Event

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.errors import InputError
from crate_iscc.hamming import join, nearest, root_of, unite
from crate_iscc.manifest import Unread

FALSE_PAIRS = Fraction(1, 10)
"""How many pairs of unrelated codes are expected within a threshold, at most, of all pairs."""
LEAST_IDENTITY = 8
"""Bytes of a digest that have to be equal where two files are called the same."""
_UNSET = 0xFFFF
_NOBODY = 0xFFFFFFFF
SMALL = 16384
"""Files of fewer bytes are compared by 128 bits of their Data-Codes, whatever is known of them."""
_SMALL_WIDTH = 16
IMAGE_THRESHOLD = 48
"""Bits of 256 in which Image-Codes of images that look alike differ, at most.

It is no threshold of chance, which would allow more: images of one assay may be less independent
than those that were measured, and most treatments that keep the frame stay below it
(docs/similarity.md).
"""
_LONGEST = 32
"""Bytes of a whole Data-Code."""
_PAIRS_AT_ONCE = 20_000_000
"""Pairs between two looks at whether somebody wants to stop: a tenth of a second, compiled."""


@dataclass(frozen=True, slots=True)
class Member:
    """Something with codes: a file, or a folder that is one dataset (`path` ends in a slash).

    `source` is what the user named, `path` the place in it. `identity` is what decides whether two
    are the same: of a file the Instance-Code, perhaps cut; of a folder its treehash. `data` is the
    Data-Code, perhaps cut, or nothing where it is not known.
    """

    source: str
    path: str
    size: int | None
    data: bytes
    identity: bytes

    @property
    def is_folder(self) -> bool:
        """True for a folder with codes of its own."""
        return self.path.endswith("/")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The most bits of `of` that may differ, and how many of so many pairs do so by chance.

    `bits` is -1 where the codes are too short to tell anything among so many.
    """

    bits: int
    of: int
    pairs: int

    @property
    def expected(self) -> float:
        """The expected number of pairs of unrelated codes within the threshold."""
        return float(self.pairs * chance(self.bits, self.of))


@dataclass(frozen=True, slots=True)
class Content:
    """One content and everything that has it; `nearest` is the content of the group next to it.

    `distance` says how far that is, `to_first` how far the group's first content.
    """

    members: tuple[Member, ...]
    nearest: Member | None = None
    distance: Distance | None = None
    to_first: Distance | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Contents of which each is near to another one of them, or one content that is there twice."""

    contents: tuple[Content, ...]

    @property
    def is_exact(self) -> bool:
        """True where all members have the same content."""
        return len(self.contents) == 1

    @property
    def count(self) -> int:
        """The number of members."""
        return sum(len(content.members) for content in self.contents)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found in one source: its members, and what could not be compared.

    `recorded` is True where the codes are what a crate records, which nobody has checked.
    `empty` counts empty files, `without_code` names what has no digest to go by.
    """

    source: str
    recorded: bool
    members: tuple[Member, ...] = ()
    empty: int = 0
    without_code: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    name: str | None = None
    identifier: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What is the same and what is near within some sources, and what was not compared."""

    sources: tuple[Gathered, ...]
    groups: tuple[Group, ...]
    thresholds: tuple[Threshold, ...]
    contents: int
    near_pairs: int

    @property
    def members(self) -> int:
        """The number of files and folders that were compared."""
        return sum(len(source.members) for source in self.sources)

    @property
    def is_complete(self) -> bool:
        """True where everything that was found could be compared."""
        return not any(source.unread or source.without_code for source in self.sources)


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


def comparable(data: bytes, size: int | None) -> bytes:
    """Return as much of a Data-Code as tells something, for a file of so many bytes.

    The code of a file with a few chunks is made of a few numbers, and its second 128 bits are no
    coins of their own: of unrelated files below a kilobyte, hundreds of times as many pairs are
    near by 256 bits as chance would have it. By the first 128 bits, as many are as should be.
    """
    return data[:_SMALL_WIDTH] if size is not None and size < SMALL else data


def chance(bits: int, of: int) -> Fraction:
    """Return how likely two unrelated codes of `of` bits differ in no more than so many bits."""
    return Fraction(sum(comb(of, k) for k in range(bits + 1)), 1 << of)


def threshold_for(of: int, pairs: int, false_pairs: Fraction = FALSE_PAIRS) -> Threshold:
    """Return the largest threshold within which fewer than `false_pairs` pairs are by chance.

    It never exceeds what is called similar (see Distance.word), however few files there are.
    """
    total = 0
    bits = -1
    for k in range(of + 1):
        total += comb(of, k)
        if pairs * Fraction(total, 1 << of) >= false_pairs:
            break
        bits = k
    most = bisect_left(range(of), True, key=lambda k: Distance(k, of).word == "unrelated") - 1
    return Threshold(min(bits, most), of, pairs)


def groups_of(
    sources: Sequence[Gathered], *, threshold: int | None = None, jobs: int = 1
) -> Grouping:
    """Return what is the same and what is near among all members of some sources.

    Groups are connected components: each content is within the threshold of another one of its
    group, though perhaps not of all. So they depend on no order, and no pair is torn apart; what
    would make that harmful, chains of chance, is what the threshold excludes. `threshold` replaces
    the chosen one, in bits of the longest codes. Raises InputError if it is out of range.
    """
    members = [member for source in sources for member in source.members]
    contents = contents_of(members)
    codes = [contents_code(content) for content in contents]
    order = sorted(range(len(contents)), key=lambda number: (len(codes[number]), number))
    limits = _thresholds(_pairs_within(map(len, codes)), threshold)
    parents = array("I", range(len(contents)))
    closest: list[tuple[int, Distance] | None] = [None] * len(contents)
    near_pairs = 0
    for limit in reversed(limits):
        width = limit.of // 8
        rows = [number for number in order if len(codes[number]) >= width]
        own = sum(len(codes[number]) == width for number in rows)
        near_pairs += _join_at(limit, rows, own, codes, parents, closest, jobs)
    groups = _made_groups(contents, codes, parents, closest)
    return Grouping(tuple(sources), groups, tuple(limits), len(contents), near_pairs)


def contents_of(members: Iterable[Member]) -> list[tuple[Member, ...]]:
    """Return members together that have the same content, in the order of their first.

    Of digests that are not all known to the same length, as much counts as all have. A file and a
    folder are never the same. Where all sizes are known, they must be equal too.
    """
    members = list(members)
    length = min((len(member.identity) for member in members), default=LEAST_IDENTITY)
    sized = all(member.size is not None for member in members)
    found: dict[tuple[bool, bytes, int | None], list[Member]] = defaultdict(list)
    for member in members:
        size = member.size if sized else None
        found[member.is_folder, member.identity[:length], size].append(member)
    return [tuple(same) for same in found.values()]


def contents_code(content: Sequence[Member]) -> bytes:
    """Return the longest Data-Code that is known of a content, in whole 32-bit steps."""
    return max((member.data for member in content), key=len)


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
    limits = _thresholds(
        _pairs_between(*([len(contents_code(c)) for c in side if c] for side in (there, here))),
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


def _pairs_within(widths: Iterable[int]) -> dict[int, int]:
    """Return how many pairs of codes are compared at each width, in bytes: the shorter one's."""
    pairs: dict[int, int] = {}
    longer = 0
    for width, own in sorted(Counter(widths).items(), reverse=True):
        pairs[width] = own * (own - 1) // 2 + own * longer
        longer += own
    pairs.pop(0, None)
    return pairs


def _pairs_between(first: Iterable[int], second: Iterable[int]) -> dict[int, int]:
    """Return the same of the pairs that have one code from each of two sets."""
    ours, theirs = Counter(first), Counter(second)
    pairs: dict[int, int] = {}
    our_longer = their_longer = 0
    for width in sorted(ours.keys() | theirs.keys(), reverse=True):
        own, their_own = ours[width], theirs[width]
        pairs[width] = own * (their_own + their_longer) + our_longer * their_own
        our_longer += own
        their_longer += their_own
    pairs.pop(0, None)
    return pairs


def _thresholds(pairs: dict[int, int], override: int | None) -> list[Threshold]:
    """Return the threshold for each width (in bytes) at which codes are compared, rising.

    All widths share FALSE_PAIRS; another threshold is meant for the longest codes.
    """
    longest = 8 * max(pairs, default=_LONGEST)
    if override is not None and not 0 <= override <= longest:
        raise InputError(
            f"no such threshold: {override} bits",
            cause=f"the Data-Codes have {longest} bits",
            hint="unrelated files differ in about half of them",
        )
    limits = []
    for width, count in sorted(pairs.items()):
        if override is None:
            limits.append(threshold_for(8 * width, count, FALSE_PAIRS / len(pairs)))
        else:
            limits.append(Threshold(override * 8 * width // longest, 8 * width, count))
    return limits


def _join_at(
    limit: Threshold,
    rows: Sequence[int],
    own: int,
    codes: Sequence[bytes],
    parents: "array[int]",
    closest: list[tuple[int, Distance] | None],
    jobs: int,
) -> int:
    """Join the first `own` of some contents with all later ones that are near at one width."""
    if limit.bits < 0 or len(rows) < 2 or not own:
        return 0
    width = limit.of // 8
    blob = b"".join(codes[number][:width] for number in rows)
    parts = _joined(blob, width, limit.bits, own, jobs)
    for forest, _, _, _ in parts:
        for local, parent in enumerate(forest):
            if local != parent:
                unite(parents, rows[local], rows[parent])
    for local, number in enumerate(rows):
        best = min((part[2][local], part[1][local]) for part in parts)
        if closest[number] is None and best[0] != _UNSET:
            closest[number] = rows[best[1]], Distance(best[0], limit.of)
    return sum(part[3] for part in parts)


_Part = tuple["array[int]", "array[int]", "array[int]", int]
"""Of one thread: a forest, the nearest of each, how far that is, and the number of pairs."""


def _joined(blob: bytes, width: int, limit: int, own: int, jobs: int) -> list[_Part]:
    """Join the first rows with all codes behind them, in bands of rows that threads share out."""
    count = len(blob) // width
    bands = []
    start = 0
    while start < own:
        stop = min(own, start + max(1, _PAIRS_AT_ONCE // (count - start)))
        bands.append((start, stop))
        start = stop

    stopped = Event()

    def work(some: Sequence[tuple[int, int]]) -> _Part:
        forest = array("I", range(count))
        closest = array("I", [_NOBODY]) * count
        distances = array("H", [_UNSET]) * count
        pairs = 0
        for first, last in some:
            if stopped.is_set():
                break
            pairs += join(blob, width, limit, first, last, forest, closest, distances)
        return forest, closest, distances, pairs

    jobs = max(1, min(jobs, len(bands)))
    if jobs == 1:
        return [work(bands)]
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(work, [bands[number::jobs] for number in range(jobs)]))
        finally:
            stopped.set()


def _made_groups(
    contents: Sequence[tuple[Member, ...]],
    codes: Sequence[bytes],
    parents: "array[int]",
    closest: Sequence[tuple[int, Distance] | None],
) -> tuple[Group, ...]:
    """Return the components that have more than one member, larger and exact ones first."""
    components: dict[int, list[int]] = defaultdict(list)
    for number in range(len(contents)):
        components[root_of(parents, number)].append(number)
    groups = []
    for numbers in components.values():
        if len(numbers) == 1 and len(contents[numbers[0]]) == 1:
            continue
        made = []
        for number in numbers:
            near = closest[number]
            to_first = _distance(codes[numbers[0]], codes[number]) if len(numbers) > 1 else None
            made.append(
                Content(
                    contents[number],
                    contents[near[0]][0] if near else None,
                    near[1] if near else None,
                    to_first if number != numbers[0] else None,
                )
            )
        groups.append(Group(tuple(made)))
    groups.sort(key=lambda group: not group.is_exact)
    return tuple(groups)


def _distance(one: bytes, two: bytes) -> Distance | None:
    return Fingerprint(data=one).distance(Fingerprint(data=two)) if one and two else None
