"""Planes of Leica LIF files: liffile (BSD-3) finds metadata and memory blocks.

What liffile says of axes is not taken from it, since it reads behind a memory block that is too
short, and leaves out all but one image of a name. The metadata say how many bytes lie between two
pixels along each axis, and where each channel begins; planes are cut out by that, within the block.

No byte is mapped into memory, and liffile is Python alone: it needs no process of its own.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from crate_iscc.images import Extent, ImageUnread, Plane
from crate_iscc.paths import CratePath
from crate_iscc.pixels import (
    BLOCK_SIZE,
    LARGEST_PIECE,
    MOST_SCENES,
    Block,
    NoPixelsError,
    PixelImage,
    checked_image,
    needed,
)
from crate_iscc.pixels.canonical import canonical
from crate_iscc.pixels.random_access import AsFile, OneFile, RandomAccess
from crate_iscc.pixels.walking import reason_of
from crate_iscc.sources import Listing, Tree
from crate_iscc.stretch import Bytes

_AXES = {1: "x", 2: "y", 3: "z", 4: "t"}
_OTHER_AXES = {
    5: "emission wavelength",
    6: "rotation",
    7: "XT slices",
    8: "T slices",
    9: "excitation wavelength",
    10: "mosaic",
    11: "loop",
}
"""IEP-0018 has no place for them."""
_MOST_METADATA = 1 << 28
_DESCRIPTION = "./Data/Image/ImageDescription"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the pixels of one image lie: bytes from `start` on, in steps along each axis."""

    start: int
    sizes: dict[str, int]
    steps: dict[str, int]
    channels: tuple[int, ...]
    dtype: str
    itemsize: int

    @property
    def length(self) -> int:
        """Bytes from the first pixel to behind the last one."""
        ways = sum((self.sizes[axis] - 1) * self.steps[axis] for axis in self.sizes)
        return ways + max(self.channels) + self.itemsize

    def place(self, plane: Plane, row: int) -> int:
        """Return where a row of a plane begins in the file."""
        where = {"z": plane.z, "t": plane.t, "y": row}
        ways = sum(index * self.steps.get(axis, 0) for axis, index in where.items())
        return self.start + self.channels[plane.c] + ways


class LifSource(OneFile):
    """The images of one LIF, in the order of its metadata."""

    def __init__(self, tree: Tree, listing: Listing, path: CratePath) -> None:
        """Take a file of a listed tree. Raises InputError if liffile is missing."""
        self._liffile = needed("liffile", "lif")
        # What liffile has to say of faulty files goes into the reason, not to stderr.
        logging.getLogger("liffile").addHandler(logging.NullHandler())
        super().__init__(tree, listing, path)
        self._reader = f"liffile {self._liffile.__version__}"

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images, in the order of the metadata."""
        try:
            source = self._opened()
            _require_begin(source)
            document = self._liffile.LifFile(AsFile(source, self._path.rpartition("/")[2]))
            if document.type.name != "LIF":
                raise NoPixelsError(f"it is no LIF but a {document.type.name}")  # noqa: TRY301
            elements = _images_in(document.xml_element)
            _require_chain(document.memory_blocks, source)
        except Exception as error:  # liffile raises anything on damaged files
            yield ImageUnread(self._path, reason_of(error))
            return
        for number, element in enumerate(elements):
            name = str(number) if len(elements) > 1 else ""
            try:
                yield self._image(source, _layout(element, document.memory_blocks, source), name)
            except Exception as error:
                yield ImageUnread(self._path, reason_of(error), name)

    def _image(self, source: RandomAccess, layout: _Layout, name: str) -> PixelImage:
        sizes = {**layout.sizes, "c": len(layout.channels)}
        extent = checked_image(sizes, layout.dtype, layout.itemsize, source.size)
        return PixelImage(
            path=self._path,
            scene=name,
            extent=extent,
            dtype=layout.dtype,
            blocks=partial(_blocks, source, layout, extent),
            reader=self._reader,
            itemsize=layout.itemsize,
        )


def _blocks(source: RandomAccess, layout: _Layout, extent: Extent) -> Iterator[Block]:
    rows = max(1, BLOCK_SIZE // (extent.x * layout.itemsize))
    for plane in extent.walk():
        for row in range(0, extent.y, rows):
            yield partial(_read, source, layout, plane, (row, min(rows, extent.y - row)))


def _read(source: RandomAccess, layout: _Layout, plane: Plane, band: tuple[int, int]) -> Bytes:
    """Read rows of a plane: at once, or one by one where much lies between them."""
    row, rows = band
    width, step = layout.sizes["x"], layout.steps["x"]
    line = (width - 1) * step + layout.itemsize
    between = layout.steps["y"]
    together = rows if between <= 2 * (line + step) else 1
    length = (together - 1) * between + line
    if length > LARGEST_PIECE:
        raise NoPixelsError(f"its pixels lie too far apart: {length} bytes for {together} rows")
    kind = np.dtype(layout.dtype).newbyteorder("<")
    pixels = np.empty((rows, width), kind)
    for first in range(0, rows, together):
        raw = source.read(layout.place(plane, row + first), length)
        if len(raw) != length:
            raise NoPixelsError("it was cut while it was read")
        seen: Any = np.ndarray((together, width), kind, raw, strides=(between, step))
        pixels[first : first + together] = seen
    return canonical(pixels, layout.dtype)


def _require_begin(source: RandomAccess) -> None:
    """Raise NoPixelsError if the metadata are more than liffile should read into memory at once.

    A file begins with 0x70, the length of what follows, 0x2A, and the length of the metadata in
    characters of 2 bytes (uint32, uint32, uint8, uint32, little-endian).
    """
    head = source.read(0, 13)
    length = 2 * int.from_bytes(head[9:], "little")
    if head[:1] == b"\x70" and length > _MOST_METADATA:
        raise NoPixelsError(f"its metadata claim {length} bytes")


def _require_chain(blocks: dict[str, Any], source: RandomAccess) -> None:
    """Raise NoPixelsError if something else than zeros is behind the last block that was found.

    liffile ends its search for blocks without a word where none is. So the block before has
    another length than it says, or is cut, and has not the pixels that it seems to have.
    """
    if not blocks:
        return
    last = max(blocks.values(), key=lambda block: int(block.offset))
    if source.read(int(last.offset) + int(last.size), 1 << 20).strip(b"\0"):
        raise NoPixelsError(f"it is damaged: no memory block follows {last.id[:80]}")


def _images_in(root: Element) -> list[Element]:
    """Return the elements that describe images, in the order of the document."""
    found = [
        element
        for element in root.iter("Element")
        if element.find("./Data/Image") is not None
        or element.find("./Data/SingleMoleculeDetection[@IsImage='true']") is not None
    ]
    if not found:
        raise NoPixelsError("it has no image")
    if len(found) > MOST_SCENES:
        raise NoPixelsError(f"it has {len(found)} images")
    return found


def _layout(element: Element, blocks: dict[str, Any], source: RandomAccess) -> _Layout:
    """Return where the pixels of an image lie. Raises NoPixelsError if they are not all there."""
    if element.find("./Data/Image") is None:
        raise NoPixelsError("it holds arrival times of photons (FLIM), which are no planes")
    sizes, steps = _dimensions(element.findall(f"{_DESCRIPTION}/Dimensions/DimensionDescription"))
    dtype, itemsize, channels = _channels(
        element.findall(f"{_DESCRIPTION}/Channels/ChannelDescription")
    )
    memory = element.find("./Memory")
    name = "" if memory is None else memory.get("MemoryBlockID", "")
    if name not in blocks:
        raise NoPixelsError(f"its memory block is missing: {name or 'it names none'}")
    block = blocks[name]
    layout = _Layout(int(block.offset), sizes, steps, channels, dtype, itemsize)
    _require_apart(layout)
    held = int(block.size)
    plane = sizes["y"] * sizes["x"] * itemsize
    if max(layout.length, math.prod(sizes.values()) * len(channels) * itemsize) > held:
        raise NoPixelsError(f"its memory block has {held} bytes, too few for its pixels")
    if held >= layout.length + plane:
        raise NoPixelsError(f"its memory block has {held} bytes, and more planes than it says")
    if block.offset < 0 or block.offset + held > source.size:
        raise NoPixelsError(f"it is cut: its memory block of {held} bytes is not there as a whole")
    return layout


def _dimensions(described: list[Element]) -> tuple[dict[str, int], dict[str, int]]:
    sizes: dict[str, int] = {}
    steps: dict[str, int] = {}
    for dimension in described:
        number, size = _number(dimension, "DimID"), _number(dimension, "NumberOfElements")
        axis = _AXES.get(number)
        if axis is None:
            if size == 1:
                continue
            name = _OTHER_AXES.get(number, f"number {number}")
            raise NoPixelsError(f"it has an axis ({name}) that is none of Z, C and T")
        if axis in sizes:
            raise NoPixelsError(f"it has two axes {axis.upper()}")
        if _number(dimension, "BitInc", 0):
            raise NoPixelsError("its pixels do not begin with a byte")
        sizes[axis] = size
        steps[axis] = _number(dimension, "BytesInc")
    for axis in "xy":
        if axis not in sizes:
            raise NoPixelsError(f"it has no axis {axis.upper()}")
    if min(sizes.values()) < 1:
        raise NoPixelsError("it has no pixels: an axis has no length")
    return sizes, steps


def _channels(described: list[Element]) -> tuple[str, int, tuple[int, ...]]:
    """Return type, bytes of a pixel, and where each channel begins.

    They are in the order in which they are stored, which has to be that of the metadata, but the
    samples of a coloured pixel, which are red, green, blue.
    """
    if not described:
        raise NoPixelsError("it has no channel")
    types = {_type(channel) for channel in described}
    if len(types) > 1:
        names = sorted(f"{kind}{8 * size}" for kind, size in types)
        raise NoPixelsError(f"its pixels are of several types: {', '.join(names)}")
    ((kind, itemsize),) = types
    known = [(_number(each, "BytesInc"), _number(each, "ChannelTag", 0)) for each in described]
    stored = sorted(known)
    starts = [start for start, _ in stored]
    if any(later - start < itemsize for start, later in pairwise(starts)):
        raise NoPixelsError("its channels lie on each other")
    if {tag for _, tag in known} != {0}:
        known = _coloured(stored)
    elif known != stored:
        raise NoPixelsError("its channels are stored in another order than its metadata name them")
    return f"{kind}{8 * itemsize}", itemsize, tuple(start for start, _ in known)


def _coloured(stored: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return channels with the colours of each pixel in the order red, green, blue."""
    found = []
    left = list(stored)
    while left:
        count = 1 if left[0][1] == 0 else 3
        group, left = left[:count], left[count:]
        if count == 3 and sorted(tag for _, tag in group) != [1, 2, 3]:
            raise NoPixelsError("the colours of its channels are not red, green and blue")
        found += sorted(group, key=lambda each: each[1])
    return found


def _type(channel: Element) -> tuple[str, int]:
    number, bits = _number(channel, "DataType"), _number(channel, "Resolution")
    if number not in (0, 1) or not 0 < bits <= 64:
        raise NoPixelsError(f"its pixels are of type {number} with {bits} bits")
    itemsize = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
    return "float" if number else "uint", itemsize


def _require_apart(layout: _Layout) -> None:
    """Raise NoPixelsError if two pixels of a channel are the same bytes."""
    reach = layout.itemsize
    for axis in sorted(layout.sizes, key=lambda axis: layout.steps[axis]):
        if layout.sizes[axis] == 1:
            continue
        if layout.steps[axis] < reach:
            raise NoPixelsError(f"its pixels lie on each other along {axis.upper()}")
        reach += (layout.sizes[axis] - 1) * layout.steps[axis]


def _number(element: Element, name: str, default: int | None = None) -> int:
    word = element.get(name)
    if word is None and default is not None:
        return default
    if word is None or not word.isascii() or not word.isdigit() or len(word) > 18:
        told = "nothing" if word is None else repr(word[:40])
        raise NoPixelsError(f"its metadata give {told} for {name}")
    return int(word)
