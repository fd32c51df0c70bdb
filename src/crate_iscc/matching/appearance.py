"""Gathers what images are: the identity of the pixels of each, and its Image-Code.

As a crate records them, where it does, or decoded.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from blake3 import blake3

from crate_iscc.codes import parse_iscc
from crate_iscc.crate.pixel_codes import RecordedPixels, has_pixel_codes, recorded_pixels
from crate_iscc.crate.recorded_units import RecordedUnits, recorded_units
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.reading import reading_options
from crate_iscc.image_code import image_code, image_view
from crate_iscc.images import PIXEL_TYPES, Extent, ImageUnread, pixel_size
from crate_iscc.imaging import pictures, tree_pixels
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Unread
from crate_iscc.matching.gathering import (
    Gathering,
    absolute_place,
    described,
    is_loose,
    refuse_overlaps,
)
from crate_iscc.matching.raster import LARGEST_FILE, decoded, is_raster, planes
from crate_iscc.paths import CratePath, printable
from crate_iscc.pixels.searching import ImagePlace, find_images
from crate_iscc.similarity.groups import Grouping, groups_of
from crate_iscc.similarity.leaks import Leakage, leaks_between
from crate_iscc.similarity.members import Gathered, Member
from crate_iscc.similarity.thresholds import IMAGE_THRESHOLD
from crate_iscc.sources import Listing, Tree, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_tree

_IDENTITY = 16
"""Bytes of the Instance-Code of pixels that decide: as many as a crate records."""
_NOTHING = RecordedUnits({})


def similar_images(
    sources: Sequence[str | Path],
    *,
    looks: bool = True,
    threshold: int | None = None,
    how: Gathering | None = None,
) -> Grouping:
    """Return which images have the same pixels, in whatever files, and which look much the same.

    Without `looks` pixels alone are compared. What a crate records of an image is believed, unless
    `how` has it computed; all others are decoded, and labels are left out. Looks are experimental.
    Raises InputError for what cannot be opened, and if a package that decodes images is missing.
    """
    refuse_overlaps(sources)
    gathered = [looks_of(source, how or Gathering(), looks=looks) for source in sources]
    return groups_of(gathered, threshold=IMAGE_THRESHOLD if threshold is None else threshold)


def image_leakage(train: str | Path, test: str | Path, *, looks: bool, how: Gathering) -> Leakage:
    """Return which images of a test set have the pixels of one in the training set, or its looks.

    Raises InputError as similar_images does, and where one of the sets has no image in it.
    """
    first, second = (looks_of(source, how, looks=looks) for source in (train, test))
    for each in (first, second):
        require_images((each,))
    return leaks_between(first, second, threshold=IMAGE_THRESHOLD if looks else None)


def require_images(sources: Sequence[Gathered]) -> None:
    """Raise InputError if there is no image in sources, not even one that could not be read."""
    if not any(source.members or source.unread for source in sources):
        raise InputError(
            f"there is no image in {', '.join(printable(source.source) for source in sources)}",
            cause="there is no Zarr and no file that ends like an image",
        )


def looks_of(source: str | Path, how: Gathering, *, looks: bool = True) -> Gathered:
    """Return what the images of a source are: TIFF, OME-Zarr, PNG, JPEG and what else is decoded.

    Members have an Image-Code for their Data-Code (none without `looks`, or where all of it looks
    the same), and for their identity a digest of type, extent and pixels. Raises InputError as
    similar_images does.
    """
    if is_loose(source):
        return looks_of_file(Path(source), how, looks=looks)
    with open_tree(source) as tree:
        listing = tree.listing()
        crate, payload = described(tree, listing)
        known = _Record(crate if not how.compute else None, looks=looks)
        paths = list(payload.entries.paths())
        gathering = _Decoding(str(source), tree, listing, how, known, looks=looks)
        return gathering.gathered(find_images(listing, paths), filter(is_raster, paths))


def looks_of_file(place: Path, how: Gathering | None = None, *, looks: bool = True) -> Gathered:
    """Return what the images in one file are, whatever that file is; see looks_of."""
    path = CratePath(place.name)
    raster = is_raster(path)
    with DirectoryTree(place.parent) as folder:
        source = str(place.parent)
        nothing = _Record(None, looks=looks)
        decoding = _Decoding(source, folder, folder.top(), how or Gathering(), nothing, looks=looks)
        return decoding.gathered([] if raster else [ImagePlace(path)], [path] if raster else [])


class _Record:
    """What a crate records of its images, as far as it is enough to do without decoding them.

    Of a file with several images a record may hold some alone, so such a file is decoded, unless it
    is not here. So is one of which the looks are wanted, and not recorded by this project.
    """

    def __init__(self, crate: Crate | None, *, looks: bool) -> None:
        self.units = recorded_units(crate) if crate else _NOTHING
        self._looks = looks
        self._by_path: dict[CratePath, list[RecordedPixels]] = {}
        for item in recorded_pixels(crate) if crate and has_pixel_codes(crate) else ():
            if not _is_label(item.scene):
                self._by_path.setdefault(item.paths[0], []).append(item)

    def images(self, source: str, there: set[CratePath]) -> Iterator[tuple[Member, RecordedPixels]]:
        """Yield what can be taken as it is recorded; `there` are the places of what can be read."""
        for path, items in self._by_path.items():
            for item in items:
                look = self.units.look(path, item.scene) if self._looks else b""
                enough = len(items) == 1 and not item.scene and (look or not self._looks)
                member = _recorded_member(source, item, look, self.units)
                if member and (enough or path not in there):
                    yield member, item


class _Decoding:
    """One source: what is recorded of its images is taken from there, all others are decoded."""

    def __init__(
        self,
        source: str,
        tree: Tree,
        listing: Listing,
        how: Gathering,
        known: _Record,
        *,
        looks: bool,
    ) -> None:
        self._source = source
        self._tree = tree
        self._listing = listing
        self._how = how
        self._known = known
        self._looks = looks

    def gathered(self, places: Sequence[ImagePlace], rasters: Iterable[CratePath]) -> Gathered:
        """Return the images at some places, and those in PNGs and JPEGs."""
        there = {place.path for place in places}
        recorded = list(self._known.images(self._source, there))
        told = {path for _, item in recorded for path in item.paths}
        left = [place for place in places if place.path not in told]
        pictured = list(rasters)
        if left or pictured:
            refuse_larger(self._tree, self._how.max_bytes)
        members = [member for member, _ in recorded]
        unread = []
        for found in chain(map(self._raster, pictured), self._decoded(left)):
            if isinstance(found, Unread):
                unread.append(found)
            else:
                members.append(found)
        return Gathered(
            self._source,
            bool(recorded) and len(recorded) == len(members),
            tuple(sorted(members, key=lambda member: member.path)),
            unread=tuple(unread),
            place=absolute_place(self._source),
            from_record=len(recorded),
        )

    def _decoded(self, places: Sequence[ImagePlace]) -> Iterator[Member | Unread]:
        how = self._how
        images = tree_pixels(
            self._tree,
            self._listing,
            places,
            datahashes(how.kernel or chosen_kernel()),
            looks=self._looks,
            jobs=reading_options(how.jobs, gentle=how.gentle).jobs,
            progress=how.progress,
        )
        for image in pictures(images):
            if isinstance(image, ImageUnread):
                yield Unread(image.path, image.reason)
                continue
            units = self._known.units.of_image(image.path, image.scene)
            pixels = image.fingerprint.instance or b""
            identity = _identity(image.dtype, image.extent, pixels)
            size = image.fingerprint.size
            yield Member(
                self._source,
                _name(image.path, image.scene),
                size,
                image.look,
                identity,
                units,
                image.path,
            )

    def _raster(self, path: CratePath) -> Member | Unread:
        """Return a PNG or JPEG as a member; the same pixels in a TIFF have the same identity."""
        entry = self._listing.entries.get(path)
        if entry is None:
            return Unread(path, "it is not there")
        try:
            pixels = decoded(read_all(self._tree, entry, limit=LARGEST_FILE))
        except (ReadError, ValueError) as error:
            reason = error.cause or error.message if isinstance(error, ReadError) else str(error)
            return Unread(path, reason)
        c, y, x = pixels.shape
        raw = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        view = image_view(planes(pixels)) if self._looks else None
        look = image_code(view) if view else b""
        identity = _identity(pixels.dtype.name, Extent(1, c, 1, y, x), blake3(raw).digest())
        units = self._known.units.of_image(path, "")
        return Member(self._source, path, len(raw), look, identity, units, path)


def _recorded_member(
    source: str, item: RecordedPixels, look: bytes, units: RecordedUnits
) -> Member | None:
    """Return an image as it is recorded; None where too little is, or what is contradicts."""
    path = item.paths[0]
    pixels = (parse_iscc(item.code).instance or b"") if item.code else b""
    extent = item.extent
    if len(pixels) < _IDENTITY or extent is None or item.dtype not in PIXEL_TYPES:
        return None
    size = extent.planes * extent.y * extent.x * pixel_size(item.dtype)
    identity = _identity(item.dtype, extent, pixels)
    name = _name(path, item.scene)
    return Member(source, name, size, look, identity, units.of_image(path, item.scene), path)


def _identity(dtype: str, extent: Extent, pixels: bytes) -> bytes:
    """Return a digest of the type, the extent, and the Instance-Code of the pixels of an image."""
    axes = (extent.z, extent.c, extent.t, extent.y, extent.x)
    return blake3(repr((dtype, axes)).encode("utf-8") + pixels[:_IDENTITY]).digest()


def _name(path: CratePath, scene: str) -> str:
    """Return how an image is named: without a slash, for a Zarr and a file may be the same."""
    name = path.rstrip("/") or "."
    return f"{name}#{scene}" if scene else name


def _is_label(scene: str) -> bool:
    """Tell whether the code of a scene is of labels: of a Zarr they are named by their place."""
    return "labels" in scene.split("/")[:-1]
