"""Compares a recorded manifest with an observed one: what each path came out as.

A pure function over values. Files that match are counted, not held, so a million of them cost no
memory beside the two tables.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.file_table import FileTable, fingerprint_of, side_by_side
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, folders_of, utf8_order

Contents = dict[CratePath, Fingerprint]
_NOTHING: Mapping[CratePath, Any] = MappingProxyType({})

MOST_PAIRS = 1_000_000
"""Of so many possible pairs of lost and extra files the similar ones are looked for."""


class Status(StrEnum):
    """How a file came out of a comparison; see FORMAT, "Verdicts"."""

    MATCH = "match"
    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    EXTRA = "extra"
    UNREAD = "unread"
    UNCHECKED = "unchecked"
    NOT_FETCHED = "not_fetched"


@dataclass(frozen=True, slots=True)
class Difference:
    """How one path came out, with what was recorded and what was observed.

    `moved_to` names where the recorded content was found, or for CHANGED where an edited
    version of it was found. `holds` names the recorded file whose content now stands at `path`.
    `kind` is the id of the finding that says why it is unread.
    """

    status: Status
    path: CratePath
    recorded: Fingerprint | None = None
    observed: Fingerprint | None = None
    distance: Distance | None = None
    moved_to: CratePath | None = None
    holds: CratePath | None = None
    reason: str | None = None
    kind: str = "bytes.unread"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the paths of two manifests came out.

    `matches` counts the files that are as recorded and of which nothing more is to be said. All
    others stand in `differences`, in the order of the UTF-8 bytes of the paths; so does a match
    whose Data-Codes or sizes differ.
    """

    matches: int
    differences: tuple[Difference, ...]

    def with_others(self, other: "Comparison") -> "Comparison":
        """Return this comparison together with one of other paths."""
        return Comparison(self.matches + other.matches, (*self.differences, *other.differences))


def compare(
    recorded: Manifest,
    observed: Manifest,
    *,
    content: bool = True,
    told: Mapping[CratePath, bool] = _NOTHING,
    moved: Mapping[CratePath, CratePath] = _NOTHING,
) -> Comparison:
    """Compare what a crate records with what is there; each path involved has one outcome.

    A match needs an equal datahash (as much of it as both know), or where there is none to compare
    that `told` says so: what digests of other kinds came to. With `content=False` an equal size is
    enough. `moved` tells by such digests where lost content stands now.

    Content that stands at a path where it is not recorded is paired with the path that lost it
    (moved); what is left over is changed, missing or extra. Where the observed Data-Codes are
    known, a lost file and an extra one of similar content are paired too.
    """
    judge = _Judge(observed.unread, told, content=content)
    places = _in_place(recorded.files, observed.files, judge)
    results, lost, loose = places.results, places.lost, places.loose
    known = frozenset(lost)
    moves = paired_by_content(lost, loose, moved) if content else {}
    origin = {target: path for path, target in moves.items()}
    for path, target in moves.items():
        results.append(
            Difference(Status.MOVED, path, lost.pop(path), loose[target], moved_to=target)
        )

    # Extra is what no record names, and what now stands where something was that moved away.
    extra = {p: f for p, f in loose.items() if p not in origin and (p not in known or p in moves)}
    gone = {path: wanted for path, wanted in lost.items() if path not in loose}
    edited = paired_by_likeness(gone, extra)
    for path, wanted in lost.items():
        edited_as = edited.get(path)
        found = loose.get(path) if edited_as is None else extra.pop(edited_as)
        if found is None:
            results.append(Difference(Status.MISSING, path, wanted))
        else:
            results.append(
                Difference(
                    Status.CHANGED,
                    path,
                    wanted,
                    found,
                    distance=wanted.distance(found),
                    moved_to=edited_as,
                    holds=origin.get(path),
                )
            )
    for path, found in extra.items():
        why = "new content, in the place of what moved away" if path in moves else None
        results.append(Difference(Status.EXTRA, path, observed=found, reason=why))
    return Comparison(
        places.matches, tuple(sorted(results, key=lambda result: utf8_order(result.path)))
    )


@dataclass(slots=True)
class _Places:
    """What came out of looking at each path by itself.

    `lost` holds what is recorded and not at its path, `loose` what is there and not recorded so.
    """

    matches: int = 0
    results: list[Difference] = field(default_factory=list)
    lost: Contents = field(default_factory=dict)
    loose: Contents = field(default_factory=dict)


def _in_place(recorded: FileTable, observed: FileTable, judge: "_Judge") -> _Places:
    """Judge each path by what stands there."""
    for known, there in side_by_side(recorded, observed):
        if known and there:
            judge.both(known, there)
        elif known:
            judge.gone(known)
        else:
            judge.unknown(there)
    return judge.finish()


def closed_above(unread: Mapping[CratePath, Unread], path: CratePath) -> Unread | None:
    """Return what could not be looked into, of the folders that a path lies in, if any.

    Of what could not even be examined nobody knows that it is a folder.
    """
    for folder in folders_of(path) if unread else ():
        closed = unread.get(CratePath(folder))
        unknown = unread.get(CratePath(folder[:-1]))
        if closed or (unknown and unknown.is_file):
            return closed or unknown
    return None


class _Judge:
    """Sorts the paths of both sides by what stands at each."""

    def __init__(
        self, unread: Iterable[Unread], told: Mapping[CratePath, bool], *, content: bool
    ) -> None:
        self._content = content
        self._told = told
        self._places = _Places()
        self._unread = {item.path: item for item in unread}
        self._unread_order = sorted(map(utf8_order, self._unread))
        # What is said already: unread paths that are recorded, folders that hold recorded files.
        self._named: set[str] = set()

    def both(self, known: FileTable, there: FileTable) -> None:
        """Take files that are recorded and are there."""
        places, unread = self._places, self._unread
        alike = self._all_read(known) and known.same_sizes(there)
        if alike and (not self._content or known.same_codes(there)):
            places.matches += len(known)
            return
        for wanted, found in zip(known.rows(), there.rows(), strict=True):
            path = CratePath(wanted[0].decode("utf-8"))
            if path in unread:
                self._say_unread(path, fingerprint_of(wanted))
            else:
                self._compare(path, fingerprint_of(wanted), fingerprint_of(found))

    def _all_read(self, files: FileTable) -> bool:
        first, last = files.path_at(0), files.path_at(len(files) - 1)
        order = self._unread_order
        return bisect_left(order, first) == bisect_right(order, last)

    def _say_unread(self, path: CratePath, wanted: Fingerprint) -> None:
        self._named.add(path)
        item = self._unread[path]
        self._places.results.append(
            Difference(Status.UNREAD, path, wanted, reason=item.reason, kind=item.kind)
        )

    def _compare(self, path: CratePath, wanted: Fingerprint, found: Fingerprint) -> None:
        places = self._places
        same_size = wanted.same_size(found)
        same = self._same_content(path, wanted, found) if self._content else same_size
        if same is False or (same is None and same_size is False):
            places.lost[path] = wanted
            places.loose[path] = found
        elif same and same_size is not False and wanted.same_data_code(found) is not False:
            places.matches += 1
        else:
            status = Status.MATCH if same else Status.UNCHECKED
            places.results.append(Difference(status, path, wanted, found))

    def _same_content(
        self, path: CratePath, wanted: Fingerprint, found: Fingerprint
    ) -> bool | None:
        same = wanted.same_content(found)
        return self._told.get(path) if same is None else same

    def gone(self, known: FileTable) -> None:
        """Take files that are recorded and are not there."""
        for row in known.rows():
            path, wanted = CratePath(row[0].decode("utf-8")), fingerprint_of(row)
            if path in self._unread:
                self._say_unread(path, wanted)
            elif closed := closed_above(self._unread, path):
                self._named.add(closed.path)
                reason = f"its folder {closed.reason}"
                self._places.results.append(Difference(Status.UNREAD, path, wanted, reason=reason))
            else:
                self._places.lost[path] = wanted

    def unknown(self, there: FileTable) -> None:
        """Take files that are there and are not recorded."""
        for row in there.rows():
            path = CratePath(row[0].decode("utf-8"))
            if path not in self._unread:
                self._places.loose[path] = fingerprint_of(row)

    def finish(self) -> _Places:
        """Add the unread paths that nothing records, and return all."""
        for path, item in self._unread.items():
            if path not in self._named:
                # What cannot be read can still be named: a file that nothing records is extra.
                status = Status.UNREAD if path.endswith("/") else Status.EXTRA
                self._places.results.append(
                    Difference(status, path, reason=item.reason, kind=item.kind)
                )
        return self._places


def paired_by_content(
    lost: Contents, loose: Contents, known: Mapping[CratePath, CratePath] = _NOTHING
) -> dict[CratePath, CratePath]:
    """Pair each lost content with a path that holds it and is not recorded with it.

    Some pairs may be known already.

    Among equal contents the paths that share most of their last segments are paired first, so
    that a renamed folder of equal chunks is paired chunk by chunk.
    """
    moves = {path: target for path, target in known.items() if path in lost and target in loose}
    taken = set(moves.values())
    for tail in (8, 4, 3, 2, 1, 0):
        waiting: dict[tuple[bytes, tuple[str, ...]], list[CratePath]] = defaultdict(list)
        for path, found in reversed(loose.items()):
            if path not in taken and found.instance:
                waiting[found.instance[:8], _tail(path, tail)].append(path)
        for path, wanted in lost.items():
            if path in moves or not wanted.verifiable or wanted.instance is None:
                continue
            candidates = waiting.get((wanted.instance[:8], _tail(path, tail)))
            if candidates and wanted.same_bytes(loose[candidates[-1]]):
                moves[path] = candidates.pop()
                taken.add(moves[path])
    return moves


def _tail(path: str, length: int) -> tuple[str, ...]:
    return tuple(path.split("/")[-length:]) if length else ()


def paired_by_likeness(lost: Contents, extra: Contents) -> dict[CratePath, CratePath]:
    """Pair lost files with extra files of similar content, the nearest pairs first.

    Above MOST_PAIRS nothing is paired: missing and extra are true as well.
    """
    pairs = []
    if len(lost) * len(extra) > MOST_PAIRS:
        return {}
    for path, wanted in lost.items():
        for other, found in extra.items():
            distance = wanted.distance(found)
            if distance is not None and distance.word != "unrelated":
                pairs.append((distance.bits / distance.of, utf8_order(path), path, other))
    edited: dict[CratePath, CratePath] = {}
    taken: set[CratePath] = set()
    for _, _, path, other in sorted(pairs):
        if path not in edited and other not in taken:
            edited[path] = other
            taken.add(other)
    return edited
