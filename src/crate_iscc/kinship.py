"""What two trees of files, or two files, are to each other: a value, and what computes it.

Neither side is a record of the other: seen from B, all is told as it is from A, with the sides
exchanged.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.comparison import (
    Contents,
    closed_above,
    paired_by_content,
    paired_by_likeness,
)
from crate_iscc.file_table import FileFingerprint, FileTable, Row, fingerprint_of, side_by_side
from crate_iscc.images import ImagePair, PixelStatus
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, utf8_order
from crate_iscc.report import Finding
from crate_iscc.zarr_changes import MetadataChange, is_zarr_metadata


class Likeness(StrEnum):
    """How much two trees (or files) have in common, from all to nothing certain.

    IDENTICAL: the same paths with the same bytes. SAME_PAYLOAD: so for the payload, only files that
    describe it differ. SAME_MEMBERS: the same files, some at other paths. METADATA_ONLY: only
    metadata of Zarrs differ. RE_ENCODED: only images differ, and their pixels are equal, which is
    told where pixels were asked for. DIFFERENT: anything else. UNDECIDED: what could be read is the
    same, and not all could be read.
    """

    IDENTICAL = "identical"
    SAME_PAYLOAD = "same-payload"
    SAME_MEMBERS = "same-members"
    METADATA_ONLY = "metadata-only"
    RE_ENCODED = "re-encoded"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


class Relation(StrEnum):
    """What a file of A and a file of B are to each other, if they are not the same."""

    CHANGED = "changed"
    MOVED = "moved"
    ONLY_A = "only-a"
    ONLY_B = "only-b"
    UNREAD = "unread"


class Part(StrEnum):
    """What a file is for: payload, metadata of a Zarr, or (no payload) the description of it."""

    PAYLOAD = "payload"
    ZARR_METADATA = "zarr-metadata"
    DESCRIPTION = "description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A file of A and what it is to a file of B; None where a side has none.

    CHANGED with two paths is edited and moved. Of what could not be read the fingerprint is
    empty, and `unread_a` or `unread_b` says why. `change` says what differs in a metadata file.
    """

    relation: Relation
    part: Part = Part.PAYLOAD
    a: FileFingerprint | None = None
    b: FileFingerprint | None = None
    distance: Distance | None = None
    unread_a: str | None = None
    unread_b: str | None = None
    change: MetadataChange | None = None

    def __post_init__(self) -> None:
        if self.a is None and self.b is None:
            raise ValueError("a pair needs a file")

    @property
    def path(self) -> CratePath:
        """The path in A, or where there is none, in B."""
        one = self.a or self.b
        return one.path if one else CratePath("")

    def mirrored(self) -> "Pair":
        """Return the same as it is from B to A."""
        mirror = {Relation.ONLY_A: Relation.ONLY_B, Relation.ONLY_B: Relation.ONLY_A}
        return replace(
            self,
            relation=mirror.get(self.relation, self.relation),
            a=self.b,
            b=self.a,
            unread_a=self.unread_b,
            unread_b=self.unread_a,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: what it is called, its extent in bytes, and its code.

    `code` is the treehash of the payload, of a single file the datahash; None if not all of it was
    read. `files` and `size` count what was listed, whatever it is for. `dandi` holds
    the DANDI checksum of each container, where it was asked for. `findings` are about this side
    alone, and no likeness rests on them. `is_file` tells a single file from a tree of files.
    """

    subject: str
    files: int
    size: int
    code: str | None = None
    dandi: tuple[tuple[str, str | None], ...] = ()
    findings: tuple[Finding, ...] = ()
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinship:
    """What two trees, or with `of_files` two files, are to each other.

    `same` counts the payload files that are the same at the same path, `same_described` those of
    the description. `pairs` holds all others, in the order of their paths. `images` are the
    pictures of both sides where their pixels were asked for, else None. Of a file and a tree, which
    can only have images in common, `pairs` holds no more than what could not be read.
    `described_as` is the distance of the Meta-Codes of two crates, `meaning` that of Semantic-Codes
    that both record; no likeness rests on them.
    """

    a: Side
    b: Side
    same: int
    same_described: int = 0
    pairs: tuple[Pair, ...] = ()
    of_files: bool = False
    images: tuple[ImagePair, ...] | None = None
    described_as: Distance | None = None
    meaning: Distance | None = None

    @property
    def is_mixed(self) -> bool:
        """Tell whether one side is a file, and the other a tree."""
        return self.a.is_file is not self.b.is_file

    @property
    def likeness(self) -> Likeness:
        """The level; none but DIFFERENT and UNDECIDED rests on anything that was not read.

        Where neither has any payload, there is none that could be the same.
        """
        of_bytes = self._likeness_of_bytes
        if of_bytes is not Likeness.DIFFERENT or not self._only_images_differ:
            return of_bytes
        match self.pixels:
            case PixelStatus.EQUAL:
                return Likeness.UNDECIDED if self.not_read else Likeness.RE_ENCODED
            case PixelStatus.UNREAD:
                return Likeness.UNDECIDED
            case _:
                return of_bytes

    @property
    def pixels(self) -> PixelStatus | None:
        """How the pixels of all images compare; None where that was not asked for.

        EQUAL and UNREAD hold for all of them, or for all others.
        """
        if self.images is None:
            return None
        found = {pair.comparison.status for pair in self.images}
        order = (
            *(PixelStatus.DIFFERENT, PixelStatus.INCOMPARABLE, PixelStatus.REORDERED),
            *(PixelStatus.UNREAD, PixelStatus.EQUAL),
        )
        return next((status for status in order if status in found), PixelStatus.UNREAD)

    @property
    def _only_images_differ(self) -> bool:
        """Tell whether each file that is known to differ belongs to an image."""
        if self.images is None:
            return False
        if self.of_files:
            return True
        mine = [pair.a for pair in self.images if pair.a]
        theirs = [pair.b for pair in self.images if pair.b]
        return all(
            (pair.a is None or any(image.covers(pair.a.path) for image in mine))
            and (pair.b is None or any(image.covers(pair.b.path) for image in theirs))
            for pair in self.pairs
            if pair.relation is not Relation.UNREAD and pair.part is not Part.DESCRIPTION
        )

    @property
    def _likeness_of_bytes(self) -> Likeness:
        if self.is_mixed:
            return Likeness.DIFFERENT
        unread = any(pair.relation is Relation.UNREAD for pair in self.pairs)
        certain = [pair for pair in self.pairs if pair.relation is not Relation.UNREAD]
        payload = [pair for pair in certain if pair.part is not Part.DESCRIPTION]
        if unread:
            return Likeness.DIFFERENT if payload else Likeness.UNDECIDED
        if not payload and certain:
            return Likeness.SAME_PAYLOAD if self.same else Likeness.DIFFERENT
        if not payload:
            return Likeness.IDENTICAL
        if all(pair.relation is Relation.MOVED for pair in payload):
            return Likeness.SAME_MEMBERS
        if not self.of_files and all(pair.part is Part.ZARR_METADATA for pair in payload):
            return Likeness.METADATA_ONLY
        return Likeness.DIFFERENT

    @property
    def counts(self) -> dict[Relation, int]:
        """How many pairs of the payload stand in each relation."""
        counts = dict.fromkeys(Relation, 0)
        for pair in self.pairs:
            if pair.part is not Part.DESCRIPTION:
                counts[pair.relation] += 1
        return counts

    @property
    def described(self) -> tuple[Pair, ...]:
        """The pairs of the description."""
        return tuple(pair for pair in self.pairs if pair.part is Part.DESCRIPTION)

    @property
    def not_read(self) -> bool:
        """Tell whether anything could not be read, wherever it is."""
        return any(pair.unread_a or pair.unread_b for pair in self.pairs)

    def mirrored(self) -> "Kinship":
        """Return the same as it is from B to A."""
        pairs = _ordered(pair.mirrored() for pair in self.pairs)
        images = None if self.images is None else tuple(pair.mirrored() for pair in self.images)
        return replace(self, a=self.b, b=self.a, pairs=pairs, images=images)


@dataclass(frozen=True, slots=True)
class Related:
    """How the files of two manifests came out: `same` counts those that are the same."""

    same: int
    pairs: tuple[Pair, ...]


def relate(a: Manifest, b: Manifest, *, description: bool = False) -> Related:
    """Compare two observed manifests; each path of each side is counted or in one pair.

    Content that stands at other paths is paired (MOVED); where the Data-Codes are known, so is what
    is left over on both sides and similar (CHANGED). With `description` the files are no payload,
    and what their names say is not asked of others.
    """
    sides = _Sides(a, b)
    lost, loose = sides.only_a, sides.only_b
    moved = {} if description else paired_by_content(lost, loose)
    pairs = sides.pairs
    for path, target in moved.items():
        pairs.append(
            Pair(
                relation=Relation.MOVED,
                a=FileFingerprint(path, lost.pop(path)),
                b=FileFingerprint(target, loose.pop(target)),
            )
        )
    changed = {path: path for path in lost if path in loose}
    if not description:
        apart = ({p: f for p, f in side.items() if p not in changed} for side in (lost, loose))
        changed |= paired_by_likeness(*apart)
    for path, other in changed.items():
        mine, theirs = lost.pop(path), loose.pop(other)
        pairs.append(
            Pair(
                relation=Relation.CHANGED,
                a=FileFingerprint(path, mine),
                b=FileFingerprint(other, theirs),
                distance=mine.distance(theirs),
            )
        )
    pairs.extend(
        Pair(relation=Relation.ONLY_A, a=FileFingerprint(path, known))
        for path, known in lost.items()
    )
    pairs.extend(
        Pair(relation=Relation.ONLY_B, b=FileFingerprint(path, known))
        for path, known in loose.items()
    )
    parted = (
        (replace(pair, part=Part.DESCRIPTION) for pair in pairs)
        if description
        else map(_parted, pairs)
    )
    return Related(sides.same, _ordered(parted))


def _parted(pair: Pair) -> Pair:
    """Return a pair of the payload with the part that its names say."""
    names = (one.path for one in (pair.a, pair.b) if one)
    return replace(pair, part=Part.ZARR_METADATA) if all(map(is_zarr_metadata, names)) else pair


def _ordered(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (utf8_order(pair.path), pair.a is None)))


@dataclass(slots=True)
class _Sides:
    """What came out of looking at each path by itself.

    `only_a` holds what A has at a path and B has not there, `only_b` the same the other way round.
    """

    a: Manifest
    b: Manifest
    same: int = 0
    only_a: Contents = field(default_factory=dict)
    only_b: Contents = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)

    def __post_init__(self) -> None:
        unread_a, unread_b = (_Unreads(side.unread) for side in (self.a, self.b))
        for mine, theirs in side_by_side(self.a.files, self.b.files):
            if mine and theirs:
                self._both(mine, theirs)
            else:
                for path, known in _named(mine):
                    self._alone(path, known, unread_b, self.only_a, mirror=False)
                for path, known in _named(theirs):
                    self._alone(path, known, unread_a, self.only_b, mirror=True)
        for item in self.a.unread:
            self._unread(item, self.b, unread_b, mirror=False)
        for item in self.b.unread:
            if item.path not in unread_a:
                self._unread(item, self.a, unread_a, mirror=True)

    def _both(self, mine: FileTable, theirs: FileTable) -> None:
        if mine.same_sizes(theirs) and mine.same_codes(theirs):
            self.same += len(mine)
            return
        for one, two in zip(_named(mine), _named(theirs), strict=True):
            path, known = one
            if known.same_bytes(two[1]):
                self.same += 1
            else:
                self.only_a[path], self.only_b[path] = known, two[1]

    def _alone(
        self, path: CratePath, known: Fingerprint, others: "_Unreads", only: Contents, mirror: bool
    ) -> None:
        """Take a file that the other side has not read."""
        if path in others:
            return  # it is said where the other side's unread paths are
        reason = others.closed_above(path)
        if reason is None:
            only[path] = known
            return
        pair = Pair(relation=Relation.UNREAD, a=FileFingerprint(path, known), unread_b=reason)
        self.pairs.append(pair.mirrored() if mirror else pair)

    def _unread(self, item: Unread, other: Manifest, others: "_Unreads", *, mirror: bool) -> None:
        """Take a path that one side could not read: what is said if that is A is mirrored for B."""
        there = other.files.get(item.path)
        why = others.reason(item.path) or others.closed_above(item.path)
        counterpart = there
        if there is None and item.path in others:
            counterpart = _unknown(item.path)
        # Where one side has nothing at all, that alone is a difference. Of a folder that cannot be
        # listed nobody knows that it holds anything, nor what it is that cannot be examined.
        folder = item.path.endswith("/") or (item.is_file and other.files.below(f"{item.path}/"))
        known_to_differ = counterpart is None and why is None and not folder
        pair = Pair(
            relation=Relation.ONLY_A if known_to_differ else Relation.UNREAD,
            a=_unknown(item.path),
            b=counterpart,
            unread_a=item.reason,
            unread_b=why,
        )
        self.pairs.append(pair.mirrored() if mirror else pair)


def _unknown(path: CratePath) -> FileFingerprint:
    return FileFingerprint(path, Fingerprint())


def _named(files: FileTable) -> Iterator[tuple[CratePath, Fingerprint]]:
    return map(_of_row, files.rows())


def _of_row(row: Row) -> tuple[CratePath, Fingerprint]:
    return CratePath(row[0].decode("utf-8")), fingerprint_of(row)


class _Unreads:
    """The paths that one side could not read."""

    def __init__(self, unread: Iterable[Unread]) -> None:
        self._by_path = {item.path: item for item in unread}

    def __contains__(self, path: CratePath) -> bool:
        return path in self._by_path

    def reason(self, path: CratePath) -> str | None:
        item = self._by_path.get(path)
        return item.reason if item else None

    def closed_above(self, path: CratePath) -> str | None:
        """Say why nothing is known of a path: a folder above it could not be looked into."""
        closed = closed_above(self._by_path, path)
        return f"its folder {closed.reason}" if closed else None


def with_changes(
    pairs: Iterable[Pair], change_of: Callable[[Pair], MetadataChange | None]
) -> tuple[Pair, ...]:
    """Return the pairs with what differs in each metadata file of a Zarr that both sides have."""
    return tuple(
        replace(pair, change=change_of(pair))
        if pair.relation is Relation.CHANGED and pair.part is Part.ZARR_METADATA
        else pair
        for pair in pairs
    )


def renamed(pairs: Iterable[Pair], name_a: CratePath, name_b: CratePath) -> tuple[Pair, ...]:
    """Return the pairs of two single files under the names that these have."""
    return tuple(
        _parted(
            replace(
                pair,
                a=replace(pair.a, path=name_a) if pair.a else None,
                b=replace(pair.b, path=name_b) if pair.b else None,
            )
        )
        for pair in pairs
    )
