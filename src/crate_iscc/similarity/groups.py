"""Groups of what is the same, and of what is near, among all members of some sources."""

from array import array
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.hamming import join, root_of, unite
from crate_iscc.similarity.members import Gathered, Member, contents_code, contents_of
from crate_iscc.similarity.thresholds import Threshold, pairs_within, thresholds

_UNSET = 0xFFFF
_NOBODY = 0xFFFFFFFF
_PAIRS_AT_ONCE = 20_000_000
"""Pairs between two looks at whether somebody wants to stop: a tenth of a second, compiled."""


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
    limits = thresholds(pairs_within(map(len, codes)), threshold)
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
