"""Traces a figure, or any file, back to what it may have been made from."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.crate.provenance import Link, Provenance, provenance_of
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.index.storage import Index
from crate_iscc.matching.appearance import looks_of, looks_of_file
from crate_iscc.matching.gathering import Gathering, gather, gather_loose
from crate_iscc.origins import Candidate, Evidence, Origins, Step, best_first
from crate_iscc.paths import printable
from crate_iscc.similarity.members import Gathered, Member, comparable
from crate_iscc.similarity.thresholds import IMAGE_THRESHOLD, threshold_for
from crate_iscc.verifying.verification import read_record

_MOST_STEPS = 1000
_SQLITE = b"SQLite format 3\0"


def trace_figure(
    figure: str | Path,
    sources: Sequence[str | Path],
    *,
    images: bool = True,
    how: Gathering | None = None,
) -> Origins:
    """Return the candidates behind a figure, best first, among crates, folders, and indexed ones.

    By recorded derivations first, then by bytes, by pixels, and by looks (Image-Codes,
    experimental; with `images`, which decodes the images of the sources, unless they are recorded
    with pixel code and Image-Code). What a crate records is believed here: whether it holds is for
    verify to say.

    Raises InputError for a figure that is no file, a source that is none, and where `images` is
    asked for and the extra that decodes them is missing; ReadError for a figure that is not read.
    """
    how = how or Gathering()
    name = str(figure)
    if not Path(name).is_file():
        raise InputError(f"not a file: {printable(name)}", hint="trace FIGURE CRATE…")
    if not sources:
        raise InputError("nothing was named to search in", hint="name crates or an index")
    loose = gather_loose([name], how)
    if loose.unread or not loose.members:
        reason = loose.unread[0].reason if loose.unread else "it is empty"
        raise ReadError(f"cannot read {printable(name)}", cause=reason)
    tracing = _Tracing(loose.members[0], how)
    if images:
        tracing.look_at(name)
    for source in chain.from_iterable(_expanded(str(source)) for source in sources):
        tracing.search(source)
    return tracing.origins(name, looked=images)


def _expanded(source: str) -> Iterator[str]:
    """Yield a source, or the places of everything in it if it is an index."""
    try:
        with Path(source).open("rb") as file:
            is_index = file.read(len(_SQLITE)) == _SQLITE
    except (OSError, ValueError):
        is_index = False
    if not is_index:
        yield source
        return
    with Index.reading(Path(source)) as opened:
        yield from [crate.place for crate in opened.crates()]


@dataclass(frozen=True, slots=True)
class _Start:
    """What the figure is, or is like, in a crate."""

    path: str
    evidence: Evidence
    distance: Distance | None = None


class _Tracing:
    """One search: sources come one after the other."""

    def __init__(self, figure: Member, how: Gathering) -> None:
        self._figure = figure
        self._how = how
        self._look: Member | None = None
        self._why_not = ""
        self._searched = self._images = 0
        self._unread: list[str] = []
        self._found: list[tuple[str, list[_Start], _Links | None]] = []

    def look_at(self, name: str) -> None:
        """Decode the figure; what cannot be decoded is searched for by its bytes alone."""
        seen = looks_of_file(Path(name))
        self._look = next(iter(seen.members), None)
        if self._look is None:
            reasons = [item.reason for item in seen.unread]
            self._why_not = reasons[0] if reasons else "it is no image that can be decoded"
        elif not self._look.data:
            self._why_not = "all of it looks the same"

    def search(self, source: str) -> None:
        """Look for the figure in one source, and for what is recorded of it there."""
        try:
            gathered = gather(source, self._how)
        except CrateIsccError as error:
            self._unread.append(f"{source}: {error}")
            return
        self._searched += len(gathered.members)
        self._unread += [f"{source}/{item.path}: {item.reason}" for item in gathered.unread]
        links = _Links(source) if gathered.recorded else None
        starts = [*self._by_bytes(gathered), *self._by_looks(source)]
        if links:
            starts += [_Start(one, Evidence.BYTES) for one in links.elsewhere(self._figure)]
        if starts:
            self._found.append((source, starts, links))

    def _candidates(self) -> Iterator[Candidate]:
        """Yield what was found, and all that is recorded behind it.

        How near is near enough is known when everything was searched: among more files, more are
        near by chance.
        """
        limit = _limits(self._searched)
        for source, starts, links in self._found:
            for start in starts:
                near = start.distance if start.evidence is Evidence.NEAR else None
                if near and near.bits > limit(near.of):
                    continue
                yield _candidate(source, start, is_raw=not (links and links.of(start.path)))
                if links:
                    yield from _behind(source, start, links)

    def origins(self, name: str, *, looked: bool) -> Origins:
        """Return everything that was found, in its order."""
        figure = self._figure
        code = Fingerprint(figure.size, figure.data, figure.identity).iscc()
        return Origins(
            figure=name,
            iscc=code,
            candidates=best_first(self._candidates()),
            searched=self._searched,
            images=self._images,
            unread=tuple(self._unread),
            looked=looked and not self._why_not,
            why_not=self._why_not if looked else "it was not asked for",
        )

    def _by_bytes(self, gathered: Gathered) -> Iterator[_Start]:
        figure = self._figure
        mine = comparable(figure.data, figure.size)
        limit = _limits(len(gathered.members))
        for member in gathered.members:
            if _same(member.identity, figure.identity):
                yield _Start(member.path, Evidence.BYTES)
                continue
            distance = _distance(mine, comparable(member.data, member.size))
            if distance and distance.bits <= limit(distance.of):
                yield _Start(member.path, Evidence.NEAR, distance)

    def _by_looks(self, source: str) -> Iterator[_Start]:
        look = self._look
        if look is None:
            return
        try:
            seen = looks_of(source, self._how)
        except CrateIsccError as error:
            self._unread.append(f"{source}: {error}")
            return
        self._images += len(seen.members)
        self._unread += [f"{source}/{item.path}: {item.reason}" for item in seen.unread]
        for member in seen.members:
            path = _place(member.image_of or member.path)
            if _same(member.identity, look.identity):
                yield _Start(path, Evidence.PIXELS)
                continue
            distance = _distance(look.data, member.data)
            if distance and distance.bits <= IMAGE_THRESHOLD * distance.of // 256:
                yield _Start(path, Evidence.LOOKS, distance)


class _Links:
    """What a crate records of where its parts come from."""

    def __init__(self, source: str) -> None:
        crate, record = read_record(source)
        self._chain: Provenance = provenance_of(crate, record, None, source)
        self._words = {
            action.id: _action_words(action.name, action.instruments)
            for action in self._chain.actions
        }
        self._by_derived: dict[str, list[Link]] = {}
        for link in self._chain.links:
            self._by_derived.setdefault(_place(link.derived.path or link.derived.id), []).append(
                link
            )

    def of(self, path: str) -> list[Link]:
        """Return the links from something to what it was made from."""
        return self._by_derived.get(_place(path), [])

    def elsewhere(self, figure: Member) -> Iterator[str]:
        """Yield what the crate describes of things that lie elsewhere and have these bytes."""
        wanted = f"1e20{figure.identity.hex()}"
        told: dict[str, None] = {}
        for link in self._chain.links:
            for end in (link.derived, link.origin):
                if end.path is None and end.digest == wanted:
                    told[end.id] = None
        yield from told

    def words(self, by: str) -> str:
        """Return what made something, in words: the name of an action and its software."""
        return self._words.get(by, by)


def _limits(pairs: int) -> Callable[[int], int]:
    """Return how many bits may differ among so many pairs, by the width of the codes."""
    return cache(lambda of: threshold_for(of, max(1, pairs)).bits)


def _action_words(name: str, instruments: Sequence[str]) -> str:
    return f"{name} ({', '.join(instruments)})" if instruments else name


def _candidate(source: str, start: _Start, *, is_raw: bool) -> Candidate:
    return Candidate(
        crate=source,
        path=start.path,
        evidence=start.evidence,
        start=start.path,
        distance=start.distance,
        is_raw=is_raw,
    )


def _behind(source: str, start: _Start, links: _Links) -> Iterator[Candidate]:
    """Yield everything that is recorded behind a start, nearest first, each once."""
    evidence = Evidence.RECORDED if start.evidence is Evidence.BYTES else Evidence.RECORDED_OF_ALIKE
    known = {_place(start.path)}
    waiting: deque[tuple[str, tuple[Step, ...]]] = deque([(start.path, ())])
    while waiting and len(known) < _MOST_STEPS:
        path, steps = waiting.popleft()
        for link in links.of(path):
            origin = str(link.origin.path or link.origin.id)
            if _place(origin) in known:
                continue
            known.add(_place(origin))
            longer = (*steps, Step(origin, links.words(link.by)))
            yield Candidate(
                crate=source,
                path=origin,
                evidence=evidence,
                start=start.path,
                steps=longer,
                distance=start.distance,
                is_raw=not links.of(origin),
            )
            waiting.append((origin, longer))


def _place(path: str) -> str:
    """Return a path without the slash of a folder."""
    return path.rstrip("/")


def _same(one: bytes, two: bytes) -> bool:
    length = min(len(one), len(two))
    return length >= 16 and one[:length] == two[:length]


def _distance(one: bytes, two: bytes) -> Distance | None:
    return Fingerprint(None, one or None).distance(Fingerprint(None, two or None))
