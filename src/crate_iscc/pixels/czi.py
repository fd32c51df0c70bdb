"""Planes of Zeiss CZI files by pylibCZIrw (LGPL-3.0): scenes are images, tiles are put together.

Pixels of a scene that no tile covers are 0, and where tiles overlap the reader says which is seen:
so it is named with its version. Samples of a pixel are stored as blue, green, red, and are the
channels red, green, blue here. Level 0 counts, in the bounding rectangle of the tiles of a scene.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any

from crate_iscc.images import Extent, ImageUnread, Plane
from crate_iscc.pixels import (
    BLOCK_SIZE,
    LARGEST_PIECE,
    MOST_PLANES,
    MOST_SCENES,
    Block,
    NoPixelsError,
    PixelImage,
    checked_image,
)
from crate_iscc.pixels.canonical import canonical
from crate_iscc.pixels.on_disk import OnDisk
from crate_iscc.pixels.walking import reason_of
from crate_iscc.stretch import Bytes

_TYPES = {
    "Gray8": ("uint8", 1),
    "Gray16": ("uint16", 1),
    "Gray32Float": ("float32", 1),
    "Bgr24": ("uint8", 3),
    "Bgr48": ("uint16", 3),
    "Bgr96Float": ("float32", 3),
}
_SIZES = {"uint8": 1, "uint16": 2, "float32": 4}
_OTHER_AXES = "RIHVB"
"""Rotations, illuminations, phases, views, blocks: IEP-0018 has no place for them."""


@dataclass(slots=True)
class _Scene:
    """What the directory of a file says of one scene."""

    number: int | None
    edges: list[int]
    types: set[str] = field(default_factory=set)
    axes: set[str] = field(default_factory=set)
    planes: set[tuple[int, int, int]] = field(default_factory=set)

    def starts(self) -> tuple[int, int, int]:
        z, c, t = (min(places) for places in zip(*self.planes, strict=True))
        return z, c, t

    def sizes(self) -> tuple[int, int, int]:
        z, c, t = (max(p) - min(p) + 1 for p in zip(*self.planes, strict=True))
        return z, c, t

    def require_all_planes(self) -> None:
        """Raise NoPixelsError for a plane without any tile: a reader would make it black."""
        sizes, starts = self.sizes(), self.starts()
        extent = Extent(*sizes, 1, 1)
        if extent.planes > MOST_PLANES:
            raise NoPixelsError(f"it claims {extent.planes} planes, the limit is {MOST_PLANES}")
        if extent.planes == len(self.planes):
            return
        for plane in extent.walk():
            place = plane.z + starts[0], plane.c + starts[1], plane.t + starts[2]
            if place not in self.planes:
                raise NoPixelsError(f"a plane of it is missing: {plane}")


class CziSource:
    """The images of one CZI: one for each scene."""

    def __init__(self, file: OnDisk, czi: Any) -> None:
        """Take a file, and the module that reads it."""
        self._file = file
        self._czi = czi
        self._lock = threading.Lock()
        self._document: Any = None
        self._closing: Callable[[], object] = _nothing
        self._reader = f"pylibCZIrw {version('pylibCZIrw')}"

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images, scenes ascending."""
        path = self._file.path
        try:
            scenes = self._scenes()
        except Exception as error:  # libCZI raises anything on damaged files
            yield ImageUnread(path, reason_of(error))
            return
        for scene in scenes:
            name = str(scene.number) if len(scenes) > 1 else ""
            try:
                yield self._image(scene, name)
            except Exception as error:
                yield ImageUnread(path, reason_of(error), name)

    def settle(self) -> None:
        """Raise ReadError unless the file is as it was listed."""
        self._file.settle()

    def close(self) -> None:
        """Close the file."""
        self._closing()
        self._closing, self._document = _nothing, None

    def _scenes(self) -> list[_Scene]:
        opening = self._czi.open_czi(self._file.place())
        self._document = opening.__enter__()
        self._closing = partial(opening.__exit__, None, None, None)
        scenes: dict[int | None, _Scene] = {}
        problems: list[str] = []

        def take(_: int, tile: Any) -> bool:
            problem = _taken(tile, scenes)
            if problem:
                problems.append(problem)
            return not problem

        self._document.enumerate_subblocks(take)
        if problems:
            raise NoPixelsError(problems[0])
        if not scenes:
            raise NoPixelsError("it has no image")
        if len(scenes) > MOST_SCENES:
            raise NoPixelsError(f"it has {len(scenes)} images")
        return sorted(
            scenes.values(), key=lambda scene: -1 if scene.number is None else scene.number
        )

    def _image(self, scene: _Scene, name: str) -> PixelImage:
        if len(scene.types) > 1:
            raise NoPixelsError(
                f"its pixels are of several types: {', '.join(sorted(scene.types))}"
            )
        (kind,) = scene.types
        if kind not in _TYPES:
            raise NoPixelsError(f"its pixels are {kind}, which IEP-0018 does not know")
        dtype, samples = _TYPES[kind]
        scene.require_all_planes()
        z, c, t = scene.sizes()
        left, top, right, bottom = scene.edges
        sizes = {"z": z, "c": c * samples, "t": t, "y": bottom - top, "x": right - left}
        extent = checked_image(sizes, dtype, _SIZES[dtype], self._file.size)
        return PixelImage(
            path=self._file.path,
            scene=name,
            extent=extent,
            dtype=dtype,
            blocks=partial(self._blocks, scene, extent, dtype, samples),
            reader=self._reader,
            itemsize=_SIZES[dtype],
        )

    def _blocks(self, scene: _Scene, extent: Extent, dtype: str, samples: int) -> Iterator[Block]:
        rows = max(1, BLOCK_SIZE // (extent.x * samples * _SIZES[dtype]))
        for plane in extent.walk():
            for row in range(0, extent.y, rows):
                band = row, min(rows, extent.y - row)
                yield partial(self._read, scene, plane, band, (extent.x, samples), dtype)

    def _read(
        self, scene: _Scene, plane: Plane, band: tuple[int, int], wide: tuple[int, int], dtype: str
    ) -> Bytes:
        width, samples = wide
        channel, sample = divmod(plane.c, samples)
        places = zip("ZCT", scene.starts(), (plane.z, channel, plane.t), strict=True)
        where = {axis: start + index for axis, start, index in places if axis in scene.axes}
        roi = scene.edges[0], scene.edges[1] + band[0], width, band[1]
        with self._lock:
            pixels = self._document.read(roi=roi, plane=where, scene=scene.number)
        if pixels.shape != (band[1], width, samples):
            raise NoPixelsError(f"its planes have the shape {pixels.shape}")
        return canonical(pixels[..., samples - 1 - sample], dtype)


def _taken(tile: Any, scenes: dict[int | None, _Scene]) -> str:
    """Take a tile to its scene; return what is wrong with it."""
    rect, size = tile.logicalRect, tile.physicalSize
    if (rect.w, rect.h) != (size.w, size.h):
        return ""  # a smaller level
    where = tile.coordinate.to_dict()
    for axis in _OTHER_AXES:
        if where.get(axis, 0):
            return f"it has an axis {axis}, which IEP-0018 does not know"
    kind = tile.pixelType.name
    dtype, samples = _TYPES.get(kind, ("float32", 4))
    if rect.w < 1 or rect.h < 1 or rect.w * rect.h * samples * _SIZES[dtype] > LARGEST_PIECE:
        return f"a tile of it has {rect.w} x {rect.h} pixels"
    number = where.get("S")
    edges = [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h]
    scene = scenes.setdefault(number, _Scene(number, list(edges)))
    scene.edges[:2] = map(min, scene.edges[:2], edges[:2])
    scene.edges[2:] = map(max, scene.edges[2:], edges[2:])
    scene.types.add(kind)
    scene.axes |= where.keys()
    scene.planes.add((where.get("Z", 0), where.get("C", 0), where.get("T", 0)))
    return ""


def _nothing() -> None:
    """Do nothing."""
