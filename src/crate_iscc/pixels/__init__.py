"""Image planes from files and Zarrs, in the order of IEP-0018 (IMAGEWALK), decoded bit by bit.

One module a format, all of them behind ImageSource. The packages that decode are optional extras:
a module is loaded where a file asks for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from crate_iscc.errors import CrateIsccError, InputError
from crate_iscc.images import PIXEL_TYPES, Extent, ImageUnread, Role
from crate_iscc.paths import CratePath
from crate_iscc.stretch import Bytes

Block = Callable[[], Bytes]
"""Decodes the next pixels of an image and returns their bytes, big-endian, row by row.

These are whole planes, or rows of one plane that is too large. Blocks may be called by any thread,
in any order. Raises ReadError, or whatever the decoder does, if a pixel cannot be had.
"""

BLOCK_SIZE = 1 << 26
"""A block has at most so many bytes, if the tiles or chunks of its image are no larger."""
LARGEST_PIECE = 1 << 31
"""A tile or chunk of more bytes is not decoded: its size may be a lie."""
MOST_PLANES = 1 << 22
"""An image of more planes is not read."""
MOST_UNCHECKED = 1 << 36
"""Up to so many bytes of pixels are decoded, however few bytes they are stored in."""
MOST_STRETCHED = 2000
"""Beyond that, an image may claim so many bytes of pixels for each that is stored."""
MOST_SCENES = 100_000
"""A file or Zarr with more images is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelImage:
    """One image that can be read: what ImageFingerprint says of it, and its blocks in order."""

    path: CratePath
    scene: str = ""
    role: Role = Role.IMAGE
    extent: Extent
    dtype: str
    blocks: Callable[[], Iterator[Block]]
    files: tuple[CratePath, ...] = ()
    reader: str = ""
    itemsize: int


class ImageSource(Protocol):
    """A file or Zarr with images."""

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images, scenes ascending, and what cannot be read; never nothing at all."""
        ...

    def settle(self) -> None:
        """Raise ReadError unless everything that was read is as it was listed."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class NoPixelsError(CrateIsccError):
    """An image has no pixel code, for the reason that the message gives."""


def needed(module: str, extra: str = "pixels") -> Any:
    """Import a package of an extra. Raises InputError with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise InputError(
            f"pixels cannot be decoded: the package {package} is missing",
            cause=str(error),
            hint=f"pip install 'crate-iscc[{extra}]'",
        ) from error


def checked_image(extent: dict[str, int], dtype: str, itemsize: int, stored: int) -> Extent:
    """Return the extent of an image that can be walked.

    `stored` is how many bytes it is stored in. Raises NoPixelsError for a type that IEP-0018 has
    not, and for more planes or pixels than can be meant.
    """
    if dtype not in PIXEL_TYPES:
        raise NoPixelsError(f"its pixels are {dtype}, which IEP-0018 does not know")
    sizes = [extent.get(letter, 1) for letter in "zctyx"]
    if min(sizes) < 1:
        raise NoPixelsError("it has no pixels: an axis has no length")
    found = Extent(*sizes)
    if found.planes > MOST_PLANES:
        raise NoPixelsError(f"it claims {found.planes} planes, the limit is {MOST_PLANES}")
    size = found.planes * found.y * found.x * itemsize
    if size > max(MOST_UNCHECKED, stored * MOST_STRETCHED):
        raise NoPixelsError(f"it claims {size} bytes of pixels, and {stored} bytes are stored")
    return found
