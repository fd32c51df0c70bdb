"""Planes of OME-Zarr 0.1 to 0.5 by zarr: images, labels, bioformats2raw series, plates.

Which array is level 0 is said by the metadata, whatever it is called. Labels are images of their
own, and never part of the code of what they label.
"""

import json
import math
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

from crate_iscc.images import ImageUnread, Role
from crate_iscc.paths import CratePath, printable
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
from crate_iscc.pixels.canonical import canonical, pixel_type
from crate_iscc.pixels.ome_xml import image_names
from crate_iscc.pixels.walking import reason_of
from crate_iscc.sources import Listing, Tree, read_all

_LARGEST_METADATA = 1 << 28
_OLD_AXES = ("t", "c", "z", "y", "x")
"""OME-Zarr 0.1 and 0.2 name no axes: they have these."""


class ZarrSource:
    """The images of the Zarr in a folder of a tree ("" for its root, else with a slash)."""

    def __init__(self, tree: Tree, listing: Listing, folder: str, path: CratePath) -> None:
        """`path` is what the images are said to lie in. Raises InputError if zarr is missing."""
        self._zarr = needed("zarr")
        from crate_iscc.pixels.zarr_store import TreeStore

        self._tree = tree
        self._listing = listing
        self._folder = folder
        self._path = path
        self._store = TreeStore(tree, listing, folder)
        self._reader = f"zarr {self._zarr.__version__}"
        self._seen: set[tuple[str, int]] = set()

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images in the order of the metadata, the labels of each behind it."""
        count = 0
        for found in self._group("", ""):
            count += 1
            if count > MOST_SCENES:
                yield ImageUnread(self._path, f"it has more than {MOST_SCENES} images")
                return
            yield found
        if not count:
            yield ImageUnread(self._path, "its metadata name no image")

    def settle(self) -> None:
        """Do nothing: each file was read at once, and checked then."""

    def close(self) -> None:
        """Do nothing: no file stays open."""

    # --- groups ----------------------------------------------------------------------------------

    def _group(self, group: str, scene: str) -> Iterator[PixelImage | ImageUnread]:
        """Yield what a group at the root may be: image, plate, well, series, or bare array."""
        try:
            metadata = self._metadata(group)
            if metadata is None:
                raise NoPixelsError("it has no Zarr metadata")  # noqa: TRY301
            kind, ome = metadata
            if kind == "array":
                yield self._bare(group, scene)
                return
            if "plate" in ome:
                parts = list(self._wells(ome["plate"]))
            elif "well" in ome:
                parts = [(path, path) for path in _paths(ome["well"], "images")]
            elif "multiscales" in ome:
                parts = [(group, scene)]
            else:
                parts = self._series(ome)
        except Exception as error:  # metadata may be anything
            yield ImageUnread(self._path, reason_of(error), scene)
            return
        for path, name in parts:
            yield from self._image(path, name)

    def _wells(self, plate: Any) -> Iterator[tuple[str, str]]:
        for well in _paths(plate, "wells"):
            metadata = self._metadata(well)
            if metadata is None or "well" not in metadata[1]:
                raise NoPixelsError(f"the well {printable(well)} is not there, or has no metadata")
            for field in _paths(metadata[1]["well"], "images"):
                path = f"{well}/{field}"
                yield path, path

    def _series(self, ome: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the images of a group in the layout of bioformats2raw (3)."""
        if "bioformats2raw.layout" not in ome:
            raise NoPixelsError("its metadata name no image: neither multiscales, plate nor series")
        inner = self._metadata("OME")
        listed = inner[1].get("series") if inner else None
        if isinstance(listed, list):
            names = [_checked_path(name) for name in listed]
        else:
            xml = self._store_bytes("OME/METADATA.ome.xml")
            if xml is not None:
                names = [str(number) for number in range(len(image_names(xml)))]
            else:
                names = []
                while self._metadata(str(len(names))) is not None and len(names) < MOST_SCENES:
                    names.append(str(len(names)))
        if not names:
            raise NoPixelsError("it has no series")
        return [(name, name) for name in names]

    def _image(self, group: str, scene: str) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images of one multiscale group, and its labels."""
        try:
            metadata = self._metadata(group)
            if metadata is None:
                raise NoPixelsError("its group is not there")  # noqa: TRY301
            multiscales = metadata[1].get("multiscales")
            if not isinstance(multiscales, list) or not multiscales:
                raise NoPixelsError("it has no multiscales")  # noqa: TRY301
        except Exception as error:
            yield ImageUnread(self._path, reason_of(error), scene)
            return
        for number, multiscale in enumerate(multiscales):
            name = f"{scene}:{number}" if number else scene
            yield self._multiscale(group, number, multiscale, name, Role.IMAGE)
        yield from self._labels(group, scene)

    def _labels(self, group: str, scene: str) -> Iterator[PixelImage | ImageUnread]:
        place = _joined(group, "labels")
        try:
            metadata = self._metadata(place)
            names = [] if metadata is None else metadata[1].get("labels", [])
            labels = [_checked_path(name) for name in names]
        except Exception as error:
            yield ImageUnread(self._path, reason_of(error), _joined(scene, "labels"))
            return
        for label in labels:
            name = _joined(scene, f"labels/{label}")
            where = f"{place}/{label}"
            try:
                found = self._metadata(where)
                multiscales = found[1].get("multiscales") if found else None
                if not isinstance(multiscales, list) or not multiscales:
                    raise NoPixelsError("it has no multiscales")  # noqa: TRY301
            except Exception as error:
                yield ImageUnread(self._path, reason_of(error), name)
                continue
            yield self._multiscale(where, 0, multiscales[0], name, Role.LABEL)

    def _multiscale(
        self, group: str, number: int, multiscale: Any, scene: str, role: Role
    ) -> PixelImage | ImageUnread:
        try:
            if (group, number) in self._seen:
                raise NoPixelsError("the metadata name it twice")  # noqa: TRY301
            self._seen.add((group, number))
            first = _paths(multiscale, "datasets")
            if not first:
                raise NoPixelsError("its multiscales name no dataset")  # noqa: TRY301
            axes = _axes(multiscale.get("axes"))
            return self._array(_joined(group, first[0]), axes, scene, role)
        except Exception as error:
            return ImageUnread(self._path, reason_of(error), scene)

    def _bare(self, path: str, scene: str) -> PixelImage:
        """Return an array that no multiscales speak of: its own names of axes, or two axes."""
        raw = self._json(_joined(path, "zarr.json")) or {}
        names = raw.get("dimension_names")
        shape = raw.get("shape") or (self._json(_joined(path, ".zarray")) or {}).get("shape")
        if names is None and isinstance(shape, list) and len(shape) == 2:
            names = ["y", "x"]
        if names is None:
            raise NoPixelsError("it is an array whose axes are not named")
        return self._array(path, _axes(names), scene, Role.IMAGE)

    # --- arrays ----------------------------------------------------------------------------------

    def _array(self, path: str, axes: tuple[str, ...], scene: str, role: Role) -> PixelImage:
        metadata = self._metadata(path)
        if metadata is None or metadata[0] != "array":
            raise NoPixelsError(f"its level 0 is not there: {printable(path)}")
        version = 3 if f"{self._folder}{_joined(path, 'zarr.json')}" in self._listing.entries else 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = self._zarr.open_array(
                store=self._store, path=path, mode="r", zarr_format=version
            )
        if len(array.shape) != len(axes):
            raise NoPixelsError(f"it has {len(array.shape)} axes, and the metadata {len(axes)}")
        dtype, itemsize = pixel_type(array.dtype)
        sizes = dict(zip(axes, array.shape, strict=True))
        stored = _stored(self._listing, f"{self._folder}{path}/" if path else self._folder)
        extent = checked_image(sizes, dtype, itemsize, stored)
        chunks = dict(zip(axes, array.chunks, strict=True))
        if math.prod(array.chunks) * itemsize > LARGEST_PIECE:
            raise NoPixelsError(f"its chunks have more than {LARGEST_PIECE} bytes")

        def decode(z: range, c: range, t: range, y: range) -> Any:
            wanted = {"z": z, "c": c, "t": t, "y": y, "x": range(extent.x)}
            part = array[tuple(slice(wanted[a].start, wanted[a].stop) for a in axes)]
            order = sorted(range(len(axes)), key=lambda place: "zctyx".index(axes[place]))
            return canonical(part.transpose(order), dtype)

        def blocks() -> Iterator[Block]:
            steps = _steps(
                [extent.z, extent.c, extent.t, extent.y],
                [min(chunks.get(a, 1), sizes.get(a, 1)) for a in "zcty"],
                extent.x * itemsize,
            )
            lengths = (extent.z, extent.c, extent.t, extent.y)
            ranges = (_pieces(n, step) for n, step in zip(lengths, steps, strict=True))
            for z, c, t, y in product(*ranges):
                yield lambda z=z, c=c, t=t, y=y: decode(z, c, t, y)  # type: ignore[misc]

        return PixelImage(
            path=self._path,
            scene=scene,
            role=role,
            extent=extent,
            dtype=dtype,
            blocks=blocks,
            reader=self._reader,
            itemsize=itemsize,
        )

    def _metadata(self, group: str) -> tuple[str, dict[str, Any]] | None:
        """Return whether something is a group or an array, and its OME attributes."""
        found = self._json(_joined(group, "zarr.json"))
        if found is not None:
            attributes = found.get("attributes", {})
            kind = "array" if found.get("node_type") == "array" else "group"
        elif self._has(_joined(group, ".zarray")):
            kind, attributes = "array", {}
        elif self._has(_joined(group, ".zgroup")) or self._has(_joined(group, ".zattrs")):
            kind, attributes = "group", self._json(_joined(group, ".zattrs")) or {}
        else:
            return None
        if not isinstance(attributes, dict):
            raise NoPixelsError("its attributes are no JSON object")
        ome = attributes.get("ome", attributes)
        return kind, ome if isinstance(ome, dict) else {}

    def _has(self, key: str) -> bool:
        return self._folder + key in self._listing.entries

    def _store_bytes(self, key: str) -> bytes | None:
        entry = self._listing.entries.get(self._folder + key)
        return None if entry is None else read_all(self._tree, entry, limit=_LARGEST_METADATA)

    def _json(self, key: str) -> dict[str, Any] | None:
        raw = self._store_bytes(key)
        if raw is None:
            return None
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise NoPixelsError(f"{printable(key)} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise NoPixelsError(f"{printable(key)} is no JSON object")
        return value


def _stored(listing: Listing, folder: str) -> int:
    members = listing.entries.below(folder) if folder else range(len(listing.entries))
    return sum(listing.entries.sizes[members.start : members.stop])


def _steps(lengths: list[int], chunks: list[int], row: int) -> list[int]:
    """Return how much of Z, C, T and Y is decoded at once: as few chunks twice as can be.

    The walk has T innermost, so more than one channel at once takes all of T, and more than one
    plane of Z all channels as well.
    """
    _, c, t, y = lengths
    chunk_z, chunk_c, chunk_t, chunk_y = chunks
    plane = row * y
    wanted = (
        ((chunk_z, c, t, y), chunk_z > 1),
        ((1, chunk_c, t, y), chunk_c > 1),
        ((1, 1, chunk_t, y), True),
        ((1, 1, 1, y), True),
    )
    for steps, useful in wanted:
        if useful and math.prod(steps[:3]) * plane <= BLOCK_SIZE:
            return list(steps)
    if plane <= BLOCK_SIZE:
        return [1, 1, 1, y]
    return [1, 1, 1, max(BLOCK_SIZE // row // chunk_y, 1) * chunk_y]


def _pieces(length: int, step: int) -> list[range]:
    return [range(start, min(start + step, length)) for start in range(0, length, step)]


def _axes(value: Any) -> tuple[str, ...]:
    if value is None:
        return _OLD_AXES
    if not isinstance(value, list):
        raise NoPixelsError("its axes are no list")
    names = [axis.get("name") if isinstance(axis, dict) else axis for axis in value]
    axes = tuple(str(name).lower() for name in names)
    unknown = [axis for axis in axes if axis not in _OLD_AXES]
    if unknown:
        raise NoPixelsError(f"it has an axis that is none of t, c, z, y, x: {unknown[0]:.40}")
    if len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes):
        raise NoPixelsError(f"its axes are not complete, or come twice: {','.join(axes)}")
    return axes


def _paths(value: Any, key: str) -> list[str]:
    """Return the paths of a list in the metadata, such as the wells of a plate."""
    parts = value.get(key) if isinstance(value, dict) else None
    if not isinstance(parts, list):
        raise NoPixelsError(f"its metadata have no list of {key}")
    if len(parts) > MOST_SCENES:
        raise NoPixelsError(f"its metadata name {len(parts)} {key}")
    return [_checked_path(part.get("path") if isinstance(part, dict) else None) for part in parts]


def _checked_path(value: Any) -> str:
    """Return a path of the metadata that stays inside."""
    if not isinstance(value, str):
        raise NoPixelsError("its metadata leave out a path")
    path = value.strip("/")
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise NoPixelsError(f"its metadata have a path that leads elsewhere: {path!r:.60}")
    return path


def _joined(one: str, two: str) -> str:
    return f"{one}/{two}" if one else two
