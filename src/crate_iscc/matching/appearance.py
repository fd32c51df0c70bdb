"""Gathers what images look like: an Image-Code and the identity of the pixels of each."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from crate_iscc.errors import InputError, ReadError
from crate_iscc.image_code import image_code, image_view, planes_of
from crate_iscc.images import ImageUnread, Role
from crate_iscc.manifest import Unread
from crate_iscc.matching.gathering import (
    Gathering,
    absolute_place,
    is_loose,
    refuse_overlaps,
)
from crate_iscc.matching.raster import LARGEST_FILE, decoded, is_raster, planes
from crate_iscc.paths import CratePath
from crate_iscc.pixels import ImageSource, PixelImage
from crate_iscc.pixels.searching import ImagePlace, find_images, open_images
from crate_iscc.pixels.walking import reason_of
from crate_iscc.similarity.groups import Grouping, groups_of
from crate_iscc.similarity.members import Gathered, Member
from crate_iscc.similarity.thresholds import IMAGE_THRESHOLD
from crate_iscc.sources import Listing, Tree, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_tree
from crate_iscc.stretch import Bytes


def similar_images(
    sources: Sequence[str | Path],
    *,
    threshold: int | None = None,
    how: Gathering | None = None,
) -> Grouping:
    """Return which images have the same pixels, in whatever files, and which look much the same.

    Everything is decoded, of crates too; labels are left out. Experimental. Raises InputError for
    what cannot be opened, and if a package that decodes images is missing.
    """
    refuse_overlaps(sources)
    gathered = [looks_of(source, how or Gathering()) for source in sources]
    return groups_of(gathered, threshold=IMAGE_THRESHOLD if threshold is None else threshold)


def looks_of(source: str | Path, how: Gathering) -> Gathered:
    """Return what the images of a source look like: TIFF, OME-Zarr, PNG and JPEG.

    Members have an Image-Code for their Data-Code (or none where all of it looks the same), and for
    their identity a digest of the pixels. Raises InputError as similar_images does.
    """
    if is_loose(source):
        return looks_of_file(Path(source))
    with open_tree(source) as tree:
        refuse_larger(tree, how.max_bytes)
        return _of_tree(str(source), tree, tree.listing())


def looks_of_file(place: Path) -> Gathered:
    """Return what the images in one file look like, whatever that file is; see looks_of."""
    with DirectoryTree(place.parent) as folder:
        return _of_tree(str(place.parent), folder, folder.top(), CratePath(place.name))


def _of_tree(source: str, tree: Tree, listing: Listing, only: CratePath | None = None) -> Gathered:
    members: list[Member] = []
    unread: list[Unread] = []
    told: set[CratePath] = set()
    names = [only] if only is not None else list(listing.entries.paths())
    for look in (_raster(source, tree, listing, path) for path in names if is_raster(path)):
        if isinstance(look, Unread):
            unread.append(look)
        else:
            members.append(look)
    places = find_images(listing)
    if only is not None:
        places = [] if is_raster(only) else [ImagePlace(only)]
    for place in places:
        if place.path in told:
            continue
        with closing(open_images(tree, listing, place)) as images:
            for found in _looks(source, images):
                if isinstance(found, Unread):
                    unread.append(found)
                else:
                    member, files = found
                    members.append(member)
                    told.update(files)
    return Gathered(
        source, False, tuple(members), unread=tuple(unread), place=absolute_place(source)
    )


def _looks(
    source: str, images: ImageSource
) -> Iterator[Unread | tuple[Member, tuple[CratePath, ...]]]:
    for image in images.images():
        if isinstance(image, ImageUnread):
            yield Unread(image.path, image.reason)
            continue
        if image.role is Role.LABEL:
            continue
        try:
            member = _look(source, image)
            images.settle()
        except InputError:
            raise
        except Exception as error:  # decoders raise anything at all
            yield Unread(image.path, reason_of(error))
        else:
            yield member, image.files


def _look(source: str, image: PixelImage) -> Member:
    """Return an image as a member: what it looks like, and what its pixels are."""
    extent = image.extent
    axes = (extent.z, extent.c, extent.t, extent.y, extent.x)
    hasher = blake3(repr((image.dtype, axes)).encode("ascii"))

    def pieces() -> Iterator[Bytes]:
        for block in image.blocks():
            data = block()
            hasher.update(data)
            yield data

    z, c, t, y, x = axes
    view = image_view(planes_of(pieces(), image.dtype, z=z, c=c, t=t, y=y, x=x))
    # Without its slash: a Zarr and a file may well have the same pixels.
    path = image.path.rstrip("/") or "."
    name = f"{path}#{image.scene}" if image.scene else path
    size = extent.planes * y * x * image.itemsize
    return Member(source, name, size, image_code(view) if view else b"", hasher.digest())


def _raster(source: str, tree: Tree, listing: Listing, path: CratePath) -> Member | Unread:
    """Return a PNG or JPEG as a member; the same pixels in a TIFF have the same identity."""
    entry = listing.entries.get(path)
    if entry is None:
        return Unread(path, "it is not there")
    try:
        pixels = decoded(read_all(tree, entry, limit=LARGEST_FILE))
    except (ReadError, ValueError) as error:
        reason = error.cause or error.message if isinstance(error, ReadError) else str(error)
        return Unread(path, reason)
    dtype, (c, y, x) = pixels.dtype.name, pixels.shape
    hasher = blake3(repr((dtype, (1, c, 1, y, x))).encode("ascii"))
    hasher.update(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes())
    view = image_view(planes(pixels))
    size = y * x * c * pixels.itemsize
    return Member(source, path, size, image_code(view) if view else b"", hasher.digest())
