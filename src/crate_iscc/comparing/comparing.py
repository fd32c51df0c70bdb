"""The verb: reads two trees of files, or two files, and says what they are to each other."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TypedDict

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.comparing.opening import Opened, open_side
from crate_iscc.comparing.pictures import pictured
from crate_iscc.comparing.reading import Contents, Reader, Way, of_both, of_other_sizes
from crate_iscc.comparison import MOST_PAIRS
from crate_iscc.crate.iscc_codes import meta_of, semantic_codes
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.images import paired_images
from crate_iscc.iscc_units import unit_distance
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.kinship import (
    Kinship,
    Pair,
    Part,
    Relation,
    Side,
    relate,
    renamed,
    with_changes,
)
from crate_iscc.manifest import treehash
from crate_iscc.metadata import read_metadata
from crate_iscc.paths import CratePath, printable
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.report import Finding
from crate_iscc.severity import Severity
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.zarr_changes import MetadataChange, metadata_change
from crate_iscc.zarr_reading import zarr_findings, zarr_folders

_LARGEST_METADATA = 16 << 20
"""Bytes of a Zarr's metadata file of which it is said what differs in it."""


def compare(
    a: str | Path,
    b: str | Path,
    *,
    dandi: bool = False,
    pixels: bool = False,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> Kinship:
    """Say what two crates, two containers or two files are to each other; both are read.

    Either may be anything that can be opened as a tree of files, a folder or a file in an archive
    (`crate.zip/images/cell.ome.zarr`), or any other file. What they record is not looked at.
    `dandi` adds the DANDI checksum of each Zarr, or without any of the whole. With `pixels` the
    images of both are decoded too, and compared in their order, labels left out; a file may then
    be compared with a tree. Each side of more than `max_bytes` is refused before anything is read.

    Raises InputError for what cannot be opened, for a file against a tree, where there is nothing
    to compare or no image, and if a package that decodes images is missing; ReadError for what
    cannot be listed. What cannot be read is in the result.
    """
    way = Way(kernel or chosen_kernel(), jobs, gentle, progress)
    with ExitStack() as stack:
        opened = tuple(open_side(place, stack) for place in (a, b))
        _require_comparable(*opened, pixels=pixels)
        for side in opened:
            refuse_larger(side.tree, max_bytes)
        sources = tuple(map(pictured, opened)) if pixels else ()
        one, two = (Reader(side, way) for side in opened)
        kinship = _Comparing(one, two, progress).kinship(dandi=dandi)
        kinship = replace(kinship, **_of_descriptions(*opened))
        if not sources:
            return kinship
        return replace(kinship, images=paired_images(*(source.pictures(way) for source in sources)))


class _Described(TypedDict):
    described_as: Distance | None
    meaning: Distance | None


def _of_descriptions(*opened: Opened) -> _Described:
    """Return how far the descriptions of two crates are apart; nothing where one is no crate."""
    crates = [crate for crate in map(_crate, opened) if crate]
    if len(crates) != len(opened):
        return _Described(described_as=None, meaning=None)
    metas = [meta for meta in map(meta_of, crates) if meta]
    pairs = product(*map(semantic_codes, crates))
    meanings = (found for pair in pairs if (found := unit_distance(*pair)))
    return _Described(
        described_as=unit_distance(*metas) if len(metas) == len(crates) else None,
        meaning=next(meanings, None),
    )


def _crate(opened: Opened) -> Crate | None:
    if opened.file_name:
        return None
    try:
        return Crate.parse(read_metadata(opened.tree, opened.listing).raw)
    except (InputError, ReadError):
        return None


def _require_comparable(a: Opened, b: Opened, *, pixels: bool) -> None:
    if bool(a.file_name) is not bool(b.file_name) and not pixels:
        file, tree = (a, b) if a.file_name else (b, a)
        raise InputError(
            f"a file cannot be compared with a folder: {printable(file.subject)}",
            cause=f"{printable(tree.subject)} is a tree of files",
            hint="name the file in there: a folder or an archive, a slash, and its path; "
            "or compare images with --pixels",
        )
    if not any(side.listing.entries or side.listing.refused for side in (a, b)):
        raise InputError(
            "there is nothing to compare",
            cause=f"there is no file in {printable(a.subject)}, nor in {printable(b.subject)}",
        )


class _Comparing:
    """One comparison of two sides."""

    def __init__(self, one: Reader, two: Reader, progress: ProgressSink) -> None:
        self._one, self._two = one, two
        self._progress = progress

    def kinship(self, *, dandi: bool) -> Kinship:
        """Read both sides and compare them."""
        one, two = self._one, self._two
        apart = of_other_sizes(one.payload, two.payload)
        total = one.size + two.size, one.count + two.count
        name = "comparing"
        a = one.read(apart, of_both(self._progress, name, (0, 0), total), dandi=dandi)
        before = one.size, one.count
        names = one.opened.file_name, two.opened.file_name
        if bool(names[0]) is not bool(names[1]):
            b = two.read((), of_both(self._progress, name, before, total), dandi=dandi)
            return _of_file_and_tree(one.opened, a, two.opened, b)
        b = two.read(apart, of_both(self._progress, name, before, total), dandi=dandi)
        found = relate(a.payload, b.payload)
        again = _without_data_codes(found.pairs)
        if any(again):
            a, b = self._read_again(a, b, again)
            found = relate(a.payload, b.payload)
        described = relate(a.description, b.description, description=True)
        pairs = with_changes(found.pairs, self._change)
        if names[0] and names[1]:
            pairs = with_changes(renamed(found.pairs, names[0], names[1]), self._change)
        return Kinship(
            a=_side(one.opened, a),
            b=_side(two.opened, b),
            same=found.same,
            same_described=described.same,
            pairs=(*pairs, *described.pairs),
            of_files=names[0] is not None,
        )

    def _read_again(
        self, a: Contents, b: Contents, paths: tuple[Sequence[CratePath], Sequence[CratePath]]
    ) -> tuple[Contents, Contents]:
        progress = self._progress
        extents = [
            reader.extent_of(some)
            for reader, some in zip((self._one, self._two), paths, strict=True)
        ]
        total = extents[0][0] + extents[1][0], extents[0][1] + extents[1][1]
        sinks = [of_both(progress, "comparing again", done, total) for done in ((0, 0), extents[0])]
        return (
            replace(a, payload=self._one.with_data_codes(a.payload, paths[0], sinks[0])),
            replace(b, payload=self._two.with_data_codes(b.payload, paths[1], sinks[1])),
        )

    def _change(self, pair: Pair) -> MetadataChange | None:
        """Say what differs in a metadata file, if it can still be read as it was."""
        one = self._one.text(pair.a, most=_LARGEST_METADATA) if pair.a else None
        two = self._two.text(pair.b, most=_LARGEST_METADATA) if pair.b else None
        return None if one is None or two is None else metadata_change(pair.path, one, two)


def _of_file_and_tree(one: Opened, a: Contents, two: Opened, b: Contents) -> Kinship:
    """Return what is known without the pixels: the codes of both, and what could not be read."""
    unread = [
        pair if contents is a else pair.mirrored()
        for opened, contents in ((one, a), (two, b))
        for manifest, part in (
            (contents.payload, Part.PAYLOAD),
            (contents.description, Part.DESCRIPTION),
        )
        for item in manifest.unread
        for path in (opened.file_name or item.path,)
        for pair in (
            Pair(
                relation=Relation.UNREAD,
                part=part,
                a=FileFingerprint(path, Fingerprint()),
                unread_a=item.reason,
            ),
        )
    ]
    return Kinship(a=_side(one, a), b=_side(two, b), same=0, pairs=tuple(unread))


def _without_data_codes(pairs: Iterable[Pair]) -> tuple[list[CratePath], list[CratePath]]:
    """Return the files of A and of B that differ and of which no Data-Code is known.

    Files that only one side has are worth it where one of the other side may be like them.
    """
    by_relation: dict[Relation, list[Pair]] = {relation: [] for relation in Relation}
    for pair in pairs:
        if not (pair.unread_a or pair.unread_b):
            by_relation[pair.relation].append(pair)
    wanted = by_relation[Relation.CHANGED]
    only_a, only_b = by_relation[Relation.ONLY_A], by_relation[Relation.ONLY_B]
    if 0 < len(only_a) * len(only_b) <= MOST_PAIRS:
        wanted = [*wanted, *only_a, *only_b]
    return (
        [pair.a.path for pair in wanted if pair.a and not pair.a.fingerprint.data],
        [pair.b.path for pair in wanted if pair.b and not pair.b.fingerprint.data],
    )


def _side(opened: Opened, contents: Contents) -> Side:
    payload, listing = contents.payload, opened.listing
    code: str | None = None
    if opened.file_name:
        code = next((file.fingerprint.datahash for file in payload.files), None)
    elif not payload.unread:
        code = treehash(payload.files)
    return Side(
        subject=opened.subject,
        files=len(listing.entries),
        size=listing.entries.size,
        code=code,
        dandi=contents.dandi,
        findings=(*listing.remarks, *(() if opened.file_name else _of_zarrs(opened))),
        is_file=opened.file_name is not None,
    )


def _of_zarrs(opened: Opened) -> Iterable[Finding]:
    """Yield what is wrong with the chunk grids of the Zarrs on a side, in their own right."""
    found = zarr_findings(opened.tree, opened.listing, zarr_folders(opened.listing))
    return (finding for finding in found if finding.severity is not Severity.INFO)
