"""Planes of Zeiss CZI files by pylibCZIrw (LGPL-3.0): scenes are images, tiles are put together.

Pixels of a scene that no tile covers are 0, and where tiles overlap the reader says which is seen:
so it is named with its version. Samples of a pixel are stored as blue, green, red, and are the
channels red, green, blue here. Level 0 counts, in the bounding rectangle of the tiles of a scene.

The reader runs in a process of its own (czi_reader), which a damaged file may end.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

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

    def __init__(self, file: OnDisk) -> None:
        """Take a file; nothing of it is read before its images are asked for."""
        self._file = file
        self._process: _Reading | None = None
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
        """Let go of the file."""
        if self._process:
            self._process.close()
            self._process = None

    def _scenes(self) -> list[_Scene]:
        self._process = _Reading(self._file.place())
        scenes: dict[int | None, _Scene] = {}
        for tile in self._process.tiles():
            _take(tile, scenes)
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
        if self._process is None:
            raise NoPixelsError("it is closed")
        pixels = self._process.pixels({"roi": roi, "plane": where, "scene": scene.number})
        if pixels.shape != (band[1], width, samples):
            raise NoPixelsError(f"its planes have the shape {pixels.shape}")
        return canonical(pixels[..., samples - 1 - sample], dtype)


class _Reading:
    """The process that reads a file, and what is asked of it, one request after another."""

    def __init__(self, place: str) -> None:
        self._lock = threading.Lock()
        program = Path(__file__).with_name("czi_reader.py")
        self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            [sys.executable, "-P", str(program), place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def tiles(self) -> Iterator[dict[str, Any]]:
        """Yield what the file says of each tile. Raises NoPixelsError if it is damaged."""
        while not (told := self._answer()).get("end"):
            yield told

    def pixels(self, asked: dict[str, Any]) -> Any:
        """Return pixels as an array. Raises NoPixelsError if they cannot be had."""
        with self._lock:
            if self._process.stdin is None or self._process.stdout is None:
                raise _ended()
            try:
                self._process.stdin.write(json.dumps(asked).encode("ascii") + b"\n")
                self._process.stdin.flush()
            except OSError as error:
                raise _ended() from error
            told = self._answer()
            raw = self._process.stdout.read(told["size"])
        if len(raw) != told["size"]:
            raise _ended()
        return np.frombuffer(raw, told["dtype"]).reshape(told["shape"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:  # what was still to be written to it
                    continue
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line.endswith(b"\n"):
            raise _ended()
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            words = " ".join(str(told["error"]).split())[:300]
            raise NoPixelsError(f"it cannot be decoded: {words}")
        return told


def _ended() -> NoPixelsError:
    return NoPixelsError("it cannot be decoded: its reader crashed, so it is damaged")


def _take(tile: dict[str, Any], scenes: dict[int | None, _Scene]) -> None:
    """Take a tile to its scene. Raises NoPixelsError for what cannot be walked."""
    left, top, width, height = tile["rect"]
    if [width, height] != tile["size"]:
        return  # a smaller level
    where = tile["where"]
    for axis in _OTHER_AXES:
        if where.get(axis, 0):
            raise NoPixelsError(f"it has an axis {axis}, which IEP-0018 does not know")
    kind = tile["type"]
    dtype, samples = _TYPES.get(kind, ("float32", 4))
    if min(width, height) < 1 or width * height * samples * _SIZES[dtype] > LARGEST_PIECE:
        raise NoPixelsError(f"a tile of it has {width} x {height} pixels")
    number = where.get("S")
    edges = [left, top, left + width, top + height]
    scene = scenes.setdefault(number, _Scene(number, list(edges)))
    scene.edges[:2] = map(min, scene.edges[:2], edges[:2])
    scene.edges[2:] = map(max, scene.edges[2:], edges[2:])
    scene.types.add(kind)
    scene.axes |= where.keys()
    scene.planes.add((where.get("Z", 0), where.get("C", 0), where.get("T", 0)))
