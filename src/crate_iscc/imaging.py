"""Pixel codes of whatever a user names: a file, an OME-Zarr, or a dataset with images in it."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.reading import reading_options
from crate_iscc.images import (
    Image,
    ImageFingerprint,
    ImageUnread,
    PixelComparison,
    PixelStatus,
    Role,
    paired_images,
)
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.paths import CratePath, printable
from crate_iscc.pixels.searching import (
    OTHER_ENDINGS,
    TIFF_ENDINGS,
    ImagePlace,
    find_images,
    open_images,
)
from crate_iscc.pixels.walking import fingerprint_images
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.sources import Listing, Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree

__all__ = ["Image", "compare_pixels", "pictures", "pixels_of", "tree_pixels"]


def pixels_of(
    path: str | Path,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> tuple[Image, ...]:
    """Return the pixel codes of the images in a file, an OME-Zarr, a directory or a zip.

    An image that cannot be read whole is an ImageUnread with the reason, and has no code. Raises
    InputError for what holds no image, and if a package that decodes images is missing.
    """
    place = Path(path)
    kernel = kernel or chosen_kernel()
    jobs = reading_options(jobs, gentle=gentle).jobs
    if place.is_file() and _is_image(place):
        return file_pixels(place, kernel, jobs=jobs, progress=progress)
    with open_tree(path) as tree:
        listing = tree.listing()
        places = find_images(listing)
        require_images(places, str(path))
        return tree_pixels(tree, listing, places, kernel, jobs=jobs, progress=progress)


def require_images(places: list[ImagePlace], subject: str) -> None:
    """Raise InputError if there is no image in what a user named."""
    if not places:
        raise InputError(
            f"there is no image in {printable(subject)}",
            cause="it holds no Zarr and no file that ends like an image",
        )


def file_pixels(
    place: Path,
    kernel: Kernel,
    *,
    looks: bool = False,
    jobs: int,
    progress: ProgressSink = nobody,
) -> tuple[Image, ...]:
    """Return the pixel codes of a file, which is taken for an image whatever it is called."""
    with DirectoryTree(place.parent) as folder:
        only = [ImagePlace(CratePath(place.name))]
        return tree_pixels(
            folder, folder.top(), only, kernel, looks=looks, jobs=jobs, progress=progress
        )


def _is_image(place: Path) -> bool:
    """Tell whether a file is an image by its name or its begin, rather than an archive."""
    if place.name.lower().endswith((*TIFF_ENDINGS, *OTHER_ENDINGS)):
        return True
    with place.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tree_pixels(
    tree: Tree,
    listing: Listing,
    places: Iterable[ImagePlace],
    kernel: Kernel | DatahashKernel,
    *,
    looks: bool = False,
    jobs: int,
    progress: ProgressSink = nobody,
) -> tuple[Image, ...]:
    """Return the pixel codes of images in a tree; each set of several files is read once.

    The set is told at the first of its files. `looks` adds the Image-Codes of pictures. Raises
    InputError if a package is missing.
    """
    found: list[Image] = []
    told: set[CratePath] = set()
    for place in places:
        if place.path in told:
            continue
        with closing(open_images(tree, listing, place)) as source:
            images = fingerprint_images(source, kernel, looks=looks, jobs=jobs, progress=progress)
        found.extend(images)
        for image in images:
            if isinstance(image, ImageFingerprint):
                told.update(image.files)
    return tuple(found)


def compare_pixels(
    one: str | Path,
    two: str | Path,
    *,
    jobs: int | None = None,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> tuple[PixelComparison, ...]:
    """Compare the pixels of two files, OME-Zarrs or datasets, image by image in their order.

    Labels are left out. Raises InputError as pixels_of does. Where an image cannot be read, or one
    side has more of them, the comparison is UNREAD or INCOMPARABLE and says why; there is always
    one.
    """
    sides = [
        pictures(pixels_of(path, jobs=jobs, kernel=kernel, progress=progress))
        for path in (one, two)
    ]
    if not any(sides):
        return (PixelComparison(PixelStatus.INCOMPARABLE, remark="there is no image"),)
    return tuple(pair.comparison for pair in paired_images(*sides))


def pictures(images: Iterable[Image]) -> tuple[Image, ...]:
    """Return images without those that are labels."""
    return tuple(
        image for image in images if isinstance(image, ImageUnread) or image.role is not Role.LABEL
    )
