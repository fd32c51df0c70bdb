"""Small pictures of images, for people: stretched, and not to be measured."""

import base64
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

from crate_iscc.errors import CrateIsccError
from crate_iscc.image_code import planes_of
from crate_iscc.images import ImageUnread, Role
from crate_iscc.matching.raster import LARGEST_FILE, decoded, is_raster
from crate_iscc.paths import CratePath
from crate_iscc.pixels import PixelImage
from crate_iscc.pixels.searching import ImagePlace, find_images, open_images
from crate_iscc.sources import Listing, Tree, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree

SIDE = 160
_MOST_BYTES = 1 << 28
"""Pixels of an image of more bytes are not decoded for a picture."""


def thumbnail(source: str, path: str | None = None) -> str | None:
    """Return a picture of an image as a data URI, or None where there is none to be had.

    `path` is a file or Zarr in the source; without it the source is the file.
    """
    try:
        if path is None:
            place = Path(source)
            with DirectoryTree(place.parent) as folder:
                return _of(folder, folder.top(), CratePath(place.name))
        with open_tree(source) as tree:
            return _of(tree, tree.listing(), CratePath(path))
    except CrateIsccError:
        return None
    except Exception:  # decoders raise anything at all, and a page without a picture is a page
        return None


def _of(tree: Tree, listing: Listing, path: CratePath) -> str | None:
    if is_raster(path):
        entry = listing.entries.get(path)
        return _png(decoded(read_all(tree, entry, limit=LARGEST_FILE))) if entry else None
    wanted = path.rstrip("/")
    places = [one for one in find_images(listing) if one.path.rstrip("/") == wanted]
    with closing(open_images(tree, listing, places[0] if places else ImagePlace(path))) as images:
        for image in images.images():
            if isinstance(image, ImageUnread) or image.role is Role.LABEL:
                continue
            return _first_planes(image)
    return None


def _first_planes(image: PixelImage) -> str | None:
    """Return a picture of the first plane of the first three channels."""
    import numpy as np

    extent = image.extent
    if extent.planes * extent.y * extent.x * image.itemsize > _MOST_BYTES:
        return None
    blocks = (block() for block in image.blocks())
    shown = [
        plane.pixels
        for plane in planes_of(
            blocks, image.dtype, z=extent.z, c=extent.c, t=extent.t, y=extent.y, x=extent.x
        )
        if plane.z == extent.z // 2 and plane.t == 0 and plane.c < 3  # colours
    ]
    return _png(np.stack(shown)) if shown else None


def _png(channels: Any) -> str:
    """Return channels, rows and columns as a small PNG: one grey, or red, green and blue."""
    import numpy as np

    step = max(1, -(-max(channels.shape[1:]) // SIDE))
    small = channels[:3, ::step, ::step].astype(np.float64)
    grey = []
    for channel in small:
        low, high = np.percentile(channel, (1, 99))
        grey.append(np.clip((channel - low) / (high - low or 1), 0, 1) * 255)
    if len(grey) == 2:  # red and green
        grey.append(np.zeros_like(grey[0]))
    pixels = np.stack(grey, axis=-1).round().astype(np.uint8)
    height, width, samples = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">LLBBBBB", width, height, 8, 0 if samples == 1 else 2, 0, 0, 0)
    raw = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    return "data:image/png;base64," + base64.b64encode(raw).decode("ascii")
