"""Says what differs between two states of a Zarr's metadata file, by JSON Pointers (RFC 6901)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ZARR_METADATA_NAMES = frozenset({"zarr.json", ".zattrs", ".zarray", ".zgroup", ".zmetadata"})
"""Names of files that describe a Zarr and hold no chunk (Zarr v3; v2 and its consolidated form)."""

MOST_POINTERS = 1000
"""So many are kept of one file; others are counted."""


class Area(StrEnum):
    """What a part of a Zarr's metadata is about."""

    LAYOUT = "array layout"
    MULTISCALES = "multiscales"
    OMERO = "omero rendering settings"
    ATTRIBUTES = "attributes"
    CONSOLIDATED = "consolidated metadata"
    OTHER = "other members"
    SPELLING = "spelling of the JSON alone"


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """The places where two JSON texts differ, as ordered pointers, and what these are about.

    `more` counts the pointers beyond MOST_POINTERS. Without any pointer both texts say the same.
    """

    pointers: tuple[str, ...]
    areas: tuple[Area, ...]
    more: int = 0

    @property
    def of_layout(self) -> bool:
        """Tell whether equal chunks may be other pixels by these metadata."""
        return Area.LAYOUT in self.areas


def is_zarr_metadata(path: str) -> bool:
    """Tell by its name whether a file describes a Zarr and holds no chunk."""
    return path.rpartition("/")[2] in ZARR_METADATA_NAMES


def is_consolidated(path: str) -> bool:
    """Tell whether a file is a copy of all metadata of a Zarr v2, and nothing else."""
    return path.rpartition("/")[2] == ".zmetadata"


def metadata_change(name: str, one: bytes, two: bytes) -> MetadataChange | None:
    """Return what differs between two states of a metadata file of that name.

    None where either is no JSON, nests too deep, or names a member twice.
    """
    try:
        pointers = sorted(_changed(_parsed(one), _parsed(two)))
    except (ValueError, RecursionError):
        return None
    areas = {_area(name, pointer) for pointer in pointers} or {Area.SPELLING}
    return MetadataChange(
        tuple("".join(map(_step, pointer)) for pointer in pointers[:MOST_POINTERS]),
        tuple(area for area in Area if area in areas),
        max(0, len(pointers) - MOST_POINTERS),
    )


Steps = tuple[str, ...]


def _parsed(text: bytes) -> Any:
    return json.loads(text.decode("utf-8"), object_pairs_hook=_members)


def _members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"a member stands there twice: {name}")
        members[name] = value
    return members


def _changed(one: Any, two: Any) -> Iterator[Steps]:
    """Yield where two JSON values differ: as deep as both have the same shape."""
    waiting: list[tuple[Steps, Any, Any]] = [((), one, two)]
    while waiting:
        steps, mine, theirs = waiting.pop()
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for name in mine.keys() ^ theirs.keys():
                yield (*steps, name)
            waiting.extend(
                ((*steps, name), mine[name], theirs[name]) for name in mine.keys() & theirs.keys()
            )
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            waiting.extend(
                ((*steps, str(number)), *pair)
                for number, pair in enumerate(zip(mine, theirs, strict=True))
            )
        # As text: NaN is equal to itself then, and true is not 1.
        elif repr(mine) != repr(theirs):
            yield steps


def _step(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


_LAYOUT = frozenset(
    {
        "shape",
        "data_type",
        "chunk_grid",
        "chunk_key_encoding",
        "codecs",
        "fill_value",
        "storage_transformers",
        "zarr_format",
        "node_type",
    }
)


def _area(name: str, steps: Steps) -> Area:
    """Return what a place in a metadata file of that name is about."""
    base = name.rpartition("/")[2]
    if is_consolidated(name):
        return Area.CONSOLIDATED
    if base in (".zarray", ".zgroup") or not steps:
        return Area.LAYOUT
    if base == ".zattrs":
        return _attribute(steps)
    if steps[0] == "attributes":
        return _attribute(steps[1:])
    if steps[0] == "consolidated_metadata":
        return Area.CONSOLIDATED
    return Area.LAYOUT if steps[0] in _LAYOUT else Area.OTHER


def _attribute(steps: Steps) -> Area:
    known = {"omero": Area.OMERO, "multiscales": Area.MULTISCALES}
    # OME-Zarr 0.5 has one member around its attributes; what was before that has not.
    inner = steps[1:] if steps[:1] == ("ome",) else steps
    return known.get(inner[0], Area.ATTRIBUTES) if inner else Area.ATTRIBUTES
