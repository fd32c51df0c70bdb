"""Planes of Nikon ND2 files: nd2 (BSD-3) tells what they are, and positions are images.

nd2 puts black frames where a file has none, and takes bytes from a place of which it does not see
whose they are. So it says sizes, types and loops here, and the frames are read chunk by chunk,
where the chunk is what the map says. A frame holds all channels of a Z and a T, pixel by pixel;
samples of colour are channels in the order in which nd2 has them.

No byte is mapped into memory, and nd2 is Python alone: it needs no process of its own.
"""

import math
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from crate_iscc.images import Extent, ImageUnread
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
from crate_iscc.pixels.nd2_chunks import MAGIC, Chunks
from crate_iscc.pixels.nd2_variants import MOST, require_readable
from crate_iscc.pixels.random_access import AsFile, OneFile, RandomAccess
from crate_iscc.pixels.walking import reason_of
from crate_iscc.sources import Listing, Tree
from crate_iscc.stretch import Bytes

_LOOPS = {"TimeLoop": "t", "NETimeLoop": "t", "ZStackLoop": "z", "XYPosLoop": "p"}
_METADATA = (
    *(b"ImageAttributesLV!", b"ImageMetadataSeqLV|0!", b"ImageMetadataLV!"),
    *(b"ImageAttributes!", b"ImageMetadataSeq|0!", b"ImageMetadata!"),
)
"""The chunks that nd2 reads here, from version 3 on and before."""
_JPEG_2000 = b"\0\0\0\x0c"
_STAMP = 8
"""Bytes of time before the pixels of a frame."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the metadata say of the frames of a file: loops from the outermost to the innermost."""

    height: int
    width: int
    channels: int
    dtype: str
    itemsize: int
    row: int
    packed: bool
    loops: tuple[tuple[str, int], ...]

    @property
    def frame(self) -> int:
        """Bytes of a frame as it is decoded, rows filled up."""
        return self.height * self.row

    def size(self, letter: str) -> int:
        """Return how long a loop is; 1 where there is none."""
        return dict(self.loops).get(letter, 1)

    def number(self, **where: int) -> int:
        """Return the number of the frame at a place in the loops."""
        number = 0
        for letter, count in self.loops:
            number = number * count + where[letter]
        return number

    def pixels(self, raw: Bytes, rows: int) -> Any:
        """Return rows of a frame as an array with the axes C, Y, X."""
        lines = np.frombuffer(raw, np.uint8).reshape(rows, self.row)
        filled = self.width * self.channels * self.itemsize
        kind = np.dtype(self.dtype).newbyteorder("<")
        cells = np.ascontiguousarray(lines[:, :filled]).view(kind)
        return cells.reshape(rows, self.width, self.channels).transpose(2, 0, 1)


class Nd2Source(OneFile):
    """The images of one ND2: one for each position."""

    def __init__(self, tree: Tree, listing: Listing, path: CratePath) -> None:
        """Take a file of a listed tree. Raises InputError if nd2 is missing."""
        self._nd2 = needed("nd2", "nd2")
        super().__init__(tree, listing, path)
        self._reader = f"nd2 {self._nd2.__version__}"

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images, positions ascending."""
        try:
            source = self._opened()
            _require_begin(source)
            chunks = Chunks(source)
            for part in _METADATA:
                require_readable(chunks.content(part, MOST))
            layout = _layout(*self._told(source))
            _require_counted(layout, chunks)
        except Exception as error:  # nd2 raises anything on damaged files
            yield ImageUnread(self._path, reason_of(error))
            return
        scenes = layout.size("p")
        for scene in range(scenes):
            name = str(scene) if scenes > 1 else ""
            try:
                yield self._image(_Frames(source, chunks, layout, scene), name)
            except Exception as error:
                yield ImageUnread(self._path, reason_of(error), name)

    def _told(self, source: RandomAccess) -> tuple[Any, Any]:
        """Return what nd2 reads from the metadata: attributes, and the loops of the experiment."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                document = self._nd2.ND2File(AsFile(source, self._path.rpartition("/")[2]))
                told = document.attributes, document.experiment
                document.close()
            except Exception as error:  # nd2 raises anything on damaged files
                words = " ".join(f"{type(error).__name__} {error}".split())[:200]
                raise NoPixelsError(f"its metadata cannot be read: {words}") from error
        return told

    def _image(self, frames: "_Frames", name: str) -> PixelImage:
        layout = frames.layout
        sizes = {
            "z": layout.size("z"),
            "c": layout.channels,
            "t": layout.size("t"),
            "y": layout.height,
            "x": layout.width,
        }
        extent = checked_image(sizes, layout.dtype, layout.itemsize, frames.source.size)
        frames.require_all()
        return PixelImage(
            path=self._path,
            scene=name,
            extent=extent,
            dtype=layout.dtype,
            blocks=partial(frames.blocks, extent),
            reader=self._reader,
            itemsize=layout.itemsize,
        )


@dataclass(frozen=True, slots=True)
class _Frames:
    """The frames of one position."""

    source: RandomAccess
    chunks: Chunks
    layout: _Layout
    scene: int

    def require_all(self) -> None:
        """Raise NoPixelsError for a frame that the file does not have."""
        for z in range(self.layout.size("z")):
            for t in range(self.layout.size("t")):
                if self._number(z, t) not in self.chunks.frames:
                    raise NoPixelsError(f"a frame of it is missing: z {z}, t {t}")

    def blocks(self, extent: Extent) -> Iterator[Block]:
        """Yield what reads the planes in the order of the walk.

        All planes of a Z at once where they are small, so that no frame is read twice; else each
        plane by itself, in rows where it is not compressed.
        """
        if extent.t * self.layout.frame <= BLOCK_SIZE:
            for z in range(extent.z):
                yield partial(self._section, z, extent.t)
            return
        rows = extent.y if self.layout.packed else max(1, BLOCK_SIZE // self.layout.row)
        for plane in extent.walk():
            for row in range(0, extent.y, rows):
                frame = self._number(plane.z, plane.t)
                yield partial(self._rows, frame, plane.c, row, min(rows, extent.y - row))

    def _number(self, z: int, t: int) -> int:
        return self.layout.number(p=self.scene, z=z, t=t)

    def _section(self, z: int, times: int) -> Bytes:
        rows = self.layout.height
        frames = [
            self.layout.pixels(self._raw(self._number(z, t), 0, rows), rows) for t in range(times)
        ]
        return canonical(np.stack(frames, axis=1), self.layout.dtype)

    def _rows(self, frame: int, channel: int, row: int, rows: int) -> Bytes:
        pixels = self.layout.pixels(self._raw(frame, row, rows), rows)
        return canonical(pixels[channel], self.layout.dtype)

    def _raw(self, frame: int, row: int, rows: int) -> bytes:
        """Return rows of a frame, all of them where it is compressed."""
        start, length = self.chunks.frame(frame)
        size = self.layout.frame
        if self.layout.packed:
            inflating = zlib.decompressobj()
            raw = inflating.decompress(self.source.read(start, length)[_STAMP:], size + 1)
            if len(raw) != size or not inflating.eof:
                raise NoPixelsError(f"frame {frame} of it has not the {size} bytes of its pixels")
            return raw
        if not 0 <= length - _STAMP - size < self.layout.row:
            told = f"{length} bytes instead of {_STAMP + size}"
            raise NoPixelsError(f"frame {frame} of it has {told}")
        wanted = rows * self.layout.row
        raw = self.source.read(start + _STAMP + row * self.layout.row, wanted)
        if len(raw) != wanted:
            raise NoPixelsError(f"frame {frame} of it is cut")
        return raw


def _require_begin(source: RandomAccess) -> None:
    """Raise NoPixelsError unless a file begins as an ND2 of versions 2 and 3 does."""
    head = source.read(0, 4)
    if head == _JPEG_2000:
        raise NoPixelsError("it is an ND2 of the old kind (JPEG 2000), which is not read")
    if head != MAGIC.to_bytes(4, "little"):
        raise NoPixelsError("it does not begin as an ND2 does")


def _layout(told: Any, loops: Any) -> _Layout:
    """Return the layout that attributes and loops tell. Raises NoPixelsError for what it is not."""
    channels, bits = int(told.componentCount), int(told.bitsPerComponentInMemory)
    if told.compressionType == "lossy":
        raise NoPixelsError("its frames are compressed with loss, which nd2 does not decode")
    if bits % 8 or bits < 8:
        raise NoPixelsError(f"its pixels have {bits} bits")
    kind = "float" if told.pixelDataType == "float" else "uint"
    layout = _Layout(
        height=int(told.heightPx),
        width=int(told.widthPx or 0),
        channels=channels,
        dtype=f"{kind}{bits}",
        itemsize=bits // 8,
        row=int(told.widthBytes or 0),
        packed=told.compressionType == "lossless",
        loops=_ordered(loops),
    )
    if min(layout.height, layout.width, channels) < 1:
        raise NoPixelsError("it has no pixels: an axis has no length")
    if layout.row < layout.width * channels * layout.itemsize:
        raise NoPixelsError(f"its rows have {layout.row} bytes, too few for its pixels")
    if layout.frame > LARGEST_PIECE:
        raise NoPixelsError(f"a frame of it has {layout.frame} bytes")
    return layout


def _ordered(loops: Any) -> tuple[tuple[str, int], ...]:
    """Return the loops that are axes. Raises NoPixelsError for one that the walk cannot order."""
    found: dict[str, int] = {"p": 1, "z": 1, "t": 1}
    for loop in loops:
        count = int(loop.count)
        if count < 1:
            raise NoPixelsError(f"a loop of it ({loop.type}) has no length")
        if count == 1:
            continue
        letter = _LOOPS.get(loop.type)
        if letter is None:
            raise NoPixelsError(f"it has a loop ({loop.type}) that is none of positions, Z and T")
        if found.pop(letter) > 1:
            raise NoPixelsError(f"it has two loops over {letter.upper()}")
        found[letter] = count  # behind those before it: the last is the innermost
    return tuple(found.items())


def _require_counted(layout: _Layout, chunks: Chunks) -> None:
    """Raise NoPixelsError if there are frames that the loops do not count."""
    counted = math.prod(count for _, count in layout.loops)
    if layout.size("p") > MOST_SCENES:
        raise NoPixelsError(f"it has {layout.size('p')} images")
    if chunks.frames and max(chunks.frames) >= counted:
        raise NoPixelsError(
            f"it has a frame {max(chunks.frames)}, and its loops count only {counted} frames"
        )
