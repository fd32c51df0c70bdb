"""Checks the recorded pixel codes of a crate: each image is decoded and hashed anew."""

from collections.abc import Collection, Iterator

from crate_iscc.crate.pixel_codes import RECORDED_DIGEST, RecordedPixels, recorded_pixels
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.reading import reading_options
from crate_iscc.images import (
    Extent,
    ImageFingerprint,
    ImageUnread,
    PixelStatus,
    Role,
    compare_planes,
)
from crate_iscc.imaging import Image, tree_pixels
from crate_iscc.paths import CratePath, printable
from crate_iscc.pixels.searching import ImagePlace, find_images
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree
from crate_iscc.verifying.how import How


def require_pixel_codes(crate: Crate | None, subject: str) -> None:
    """Raise InputError for a crate without pixel codes: nothing could be said of its pixels."""
    if crate is None or not recorded_pixels(crate):
        raise InputError(
            f"no pixel code is recorded in {printable(subject)}",
            hint="record them with: crate-iscc build --pixels",
        )


def check_pixels(
    crate: Crate, tree: Tree, listing: Listing, how: How, changed: Collection[str]
) -> tuple[Finding, ...] | None:
    """Return what is wrong with the pixels of the recorded images; None where none is recorded.

    `changed` are the files whose bytes are not the recorded ones.
    """
    recorded = recorded_pixels(crate)
    if not recorded:
        return None
    there = {place.path for place in find_images(listing)}
    wanted = dict.fromkeys(item.paths[0] for item in recorded)
    images = tree_pixels(
        tree,
        listing,
        [ImagePlace(path) for path in wanted if path in there],
        how.kernel,
        jobs=reading_options(how.jobs, gentle=how.gentle).jobs,
        progress=how.progress,
    )
    found: list[Finding] = []
    for path in wanted:
        of_path = [image for image in images if _is_of(image, path)]
        mine = [item for item in recorded if item.paths[0] == path]
        for item in mine:
            image = _matching(item, mine, of_path) if path in there else None
            found.extend(_judged(item, path, image, of_path, changed))
    return tuple(found)


def _is_of(image: Image, path: CratePath) -> bool:
    return image.path == path or (isinstance(image, ImageFingerprint) and path in image.files)


def _matching(
    item: RecordedPixels, recorded: list[RecordedPixels], images: list[Image]
) -> Image | None:
    """Return the image that a code is recorded of: by its scene, or by its place in the order."""
    for image in images:
        if image.scene == item.scene:
            return image
    pictures = [i for i in images if isinstance(i, ImageUnread) or i.role is not Role.LABEL]
    same = len(pictures) == len(recorded)
    return pictures[recorded.index(item)] if same and not item.is_ours else None


def _judged(
    item: RecordedPixels,
    path: CratePath,
    image: Image | None,
    images: list[Image],
    changed: Collection[str],
) -> Iterator[Finding]:
    place = path or CratePath("./")
    scene = f"image {item.scene}: " if item.scene else ""
    if image is None:
        reasons = [one.reason for one in images if isinstance(one, ImageUnread)]
        reason = reasons[0] if reasons else "it is not there, or is no image any more"
        yield Finding("pixels.unread", scene + reason, place, entity=item.entity or None)
        return
    if isinstance(image, ImageUnread):
        yield Finding("pixels.unread", scene + image.reason, place, entity=item.entity or None)
        return
    same_kind = item.extent == image.extent and item.dtype == image.dtype
    if item.code == image.iscc and same_kind:
        if any(one == path or (path.endswith("/") and one.startswith(path)) for one in changed):
            message = f"{scene}it was re-encoded: the pixels are equal"
            yield Finding("pixels.re-encoded", message, place)
        return
    known = item.comparable()
    message = "the pixels differ"
    if not item.code:
        message = "the recorded pixel code cannot be understood"
    elif known is not None:
        compared = compare_planes(
            known, (image.extent, image.dtype, image.digests(RECORDED_DIGEST))
        )
        if compared.status is not PixelStatus.EQUAL or compared.remark:
            message = str(compared)
    elif not same_kind:
        message = "the shape or the type of the pixels is another"
    yield Finding(
        "pixels.changed",
        scene + message,
        place,
        recorded=_described(item.code, item.extent, item.dtype),
        observed=_described(image.iscc, image.extent, image.dtype),
        entity=item.entity or None,
    )


def _described(code: str, extent: Extent | None, dtype: str) -> str:
    measures = f"{extent.axes} {extent.shape}" if extent else "no shape"
    return f"{code or 'no code'} [{measures} {dtype}]"
