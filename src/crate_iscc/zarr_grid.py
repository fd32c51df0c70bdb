"""Holds the chunks of a Zarr against the grid that the metadata of its arrays allow.

Only names are looked at, and the metadata documents of Zarr v2 (`.zarray`, `.zattrs`, `.zmetadata`)
and v3 (`zarr.json`). A chunk that is absent is legal, it stands for the fill value (Zarr v3,
"Stores"); one outside of the grid belongs to nothing that a reader of the array would see.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from crate_iscc.paths import CratePath, folder_of, printable
from crate_iscc.report import Finding

ZARR_DOCUMENTS = frozenset({"zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata"})
"""The names of metadata documents: everything else below a Zarr is a chunk, or no part of it."""

_SHOWN = 3
_KEY_PARTS = re.compile(r"[0-9]{1,200}([./][0-9]{1,200})*")
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_ENCODINGS = {"default": "/", "v2": "."}
_DOTS_OR_SLASHES = (".", "/")


class MalformedZarrError(ValueError):
    """A metadata document of which no grid can be made; the text says why."""


class UnknownGridError(ValueError):
    """A metadata document with a grid or with names of chunks that an extension defines."""


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """The regular grid of an array's chunks and their names (Zarr v3, "Regular grids").

    Of a sharded array the chunks are its shards: they are what is stored. `separators` stand
    between the numbers of a name; v2 documents that name none are found with either. `prefix` is
    `c` in names of the v3 default encoding.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    separators: tuple[str, ...] = ("/",)
    prefix: str = "c"
    counts: tuple[int, ...] = field(init=False, compare=False)
    """How many chunks lie along each dimension."""

    def __post_init__(self) -> None:
        pairs = zip(self.shape, self.chunks, strict=True)
        counts = tuple(-(-length // chunk) for length, chunk in pairs)
        object.__setattr__(self, "counts", counts)

    @property
    def total(self) -> int:
        """How many chunks the shape allows; an array without dimensions has one."""
        return prod(self.counts)

    def allows(self, key: str) -> bool | None:
        """Tell whether a name is a chunk of the grid, False outside of it, None for no chunk."""
        if not self.shape:
            if key == (self.prefix or "0"):
                return True
            return False if self._parts(key) else None
        parts = self._parts(key)
        if parts is None:
            return None
        if len(parts) != len(self.shape) or not all(map(_NUMBER.fullmatch, parts)):
            return False
        return all(int(part) < count for part, count in zip(parts, self.counts, strict=True))

    def _parts(self, key: str) -> list[str] | None:
        """Return the numbers of a name that is made like that of a chunk, of whatever rank."""
        for separator in self.separators:
            start = self.prefix + separator if self.prefix else ""
            rest = key[len(start) :]
            if key.startswith(start) and _KEY_PARTS.fullmatch(rest):
                parts = rest.split(separator)
                if all(part.isdecimal() for part in parts):
                    return parts
        return None

    def __str__(self) -> str:
        return (
            f"{_by(self.counts)} chunk(s) (shape {_by(self.shape)}, chunks of {_by(self.chunks)})"
        )


def grid_of_v2(document: Mapping[str, Any]) -> ChunkGrid:
    """Return the grid of a `.zarray` document (Zarr v2, "Arrays"). Raises MalformedZarrError."""
    shape = _lengths(document.get("shape"), "shape", 0)
    chunks = _lengths(document.get("chunks"), "chunks", 1)
    _same_rank(shape, chunks, "chunks")
    separator = document.get("dimension_separator")
    if separator not in (None, *_DOTS_OR_SLASHES):
        raise MalformedZarrError("its dimension_separator is neither '.' nor '/'")
    return ChunkGrid(shape, chunks, (separator,) if separator else _DOTS_OR_SLASHES, "")


def grid_of_v3(document: Mapping[str, Any]) -> ChunkGrid:
    """Return the grid of a `zarr.json` of an array (Zarr v3, "Array metadata").

    Raises MalformedZarrError, and UnknownGridError for extensions.
    """
    shape = _lengths(document.get("shape"), "shape", 0)
    name, settings = _named(document.get("chunk_grid"), "chunk_grid")
    if name != "regular":
        raise UnknownGridError(f"its chunk_grid is {name!r:.60}")
    chunks = _lengths(settings.get("chunk_shape"), "chunk_shape", 1)
    _same_rank(shape, chunks, "chunk_shape")
    codecs = document.get("codecs")
    for codec in codecs if isinstance(codecs, list) else ():
        _check_shards(codec, chunks)
    name, settings = _named(document.get("chunk_key_encoding"), "chunk_key_encoding")
    if name not in _ENCODINGS:
        raise UnknownGridError(f"its chunk_key_encoding is {name!r:.60}")
    separator = settings.get("separator", _ENCODINGS[name])
    if separator not in _DOTS_OR_SLASHES:
        raise MalformedZarrError("the separator of its chunk_key_encoding is neither '.' nor '/'")
    return ChunkGrid(shape, chunks, (separator,), "c" if name == "default" else "")


def _lengths(value: Any, what: str, least: int) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise MalformedZarrError(f"its {what} is no list of numbers")
    if not all(type(one) is int and one >= least for one in value):
        raise MalformedZarrError(f"its {what} holds something else than whole numbers >= {least}")
    return tuple(value)


def _same_rank(shape: Sequence[int], chunks: Sequence[int], what: str) -> None:
    if len(shape) != len(chunks):
        raise MalformedZarrError(f"its shape has {len(shape)} dimension(s), {what} {len(chunks)}")


def _named(value: Any, what: str) -> tuple[str, Mapping[str, Any]]:
    """Return name and configuration of what an extension may define (v3, "Extensions")."""
    if isinstance(value, str):
        return value, {}
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise MalformedZarrError(f"its {what} has no name")
    settings = value.get("configuration", {})
    if not isinstance(settings, dict):
        raise MalformedZarrError(f"the configuration of its {what} is no object")
    return name, settings


def _check_shards(codec: Any, shards: tuple[int, ...]) -> None:
    """Raise MalformedZarrError unless shards hold whole chunks (v3, sharding_indexed codec)."""
    if not isinstance(codec, dict) or codec.get("name") != "sharding_indexed":
        return
    settings = codec.get("configuration")
    inner = settings.get("chunk_shape") if isinstance(settings, dict) else None
    chunks = _lengths(inner, "chunk_shape inside of shards", 1)
    _same_rank(shards, chunks, "the chunks inside of shards")
    if any(shard % chunk for shard, chunk in zip(shards, chunks, strict=True)):
        raise MalformedZarrError(f"its shards of {_by(shards)} do not hold whole {_by(chunks)}")


@dataclass(frozen=True, slots=True)
class ArrayChunks:
    """How an array's chunks stand: how many there may be, are there, and lie outside.

    `path` is the folder of the array, with a slash (`""` for the root); `document` its metadata.
    """

    path: str
    document: str
    grid: ChunkGrid
    present: int = 0
    outside: int = 0

    @property
    def absent(self) -> int:
        """How many chunks stand for the fill value: they are not stored."""
        return max(0, self.grid.total - self.present)


@dataclass(frozen=True, slots=True)
class ZarrCheck:
    """What names and metadata of one Zarr say: its arrays, and what does not fit."""

    arrays: tuple[ArrayChunks, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Array:
    """An array while its members are counted; it may be described in v2 and v3 side by side."""

    document: str
    grids: list[ChunkGrid] = field(default_factory=list)
    known: bool = True
    present: int = 0
    outside: list[str] = field(default_factory=list)
    outside_count: int = 0


@dataclass(slots=True)
class _Hierarchy:
    """What the metadata documents of one Zarr say, as they are read one after the other."""

    arrays: dict[str, _Array] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    multiscales: list[tuple[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def say(self, kind: str, document: str, message: str) -> None:
        self.findings.append(Finding(kind, message, CratePath(document)))


def check_zarr(documents: Iterable[tuple[str, bytes]], members: Iterable[str]) -> ZarrCheck:
    """Hold all `members` of a Zarr, by their paths, against its metadata `documents`.

    Both may be read as they come; what is kept are the arrays. Findings name the document whose
    claim does not hold, with the first few names of chunks.
    """
    found = _Hierarchy()
    for path, raw in documents:
        _take_document(found, path, raw)
    unfamiliar = _count(found, members)
    for folder, array in sorted(found.arrays.items()):
        if array.outside:
            grid = " or ".join(str(grid) for grid in array.grids)
            names = _some([name[len(folder) :] for name in array.outside], array.outside_count)
            message = f"{array.outside_count} chunk(s) outside of the grid of {grid}: {names}"
            found.say("zarr.chunks-outside", array.document, message)
    for document, listed in sorted(found.listed.items()):
        _compare_listed(found, document, listed)
    for document, multiscales in found.multiscales:
        _check_multiscales(found, document, multiscales)
    if unfamiliar[1]:
        names = _some(unfamiliar[0], unfamiliar[1])
        message = f"{unfamiliar[1]} file(s) that are neither metadata nor chunks: {names}"
        found.findings.append(Finding("zarr.unfamiliar", message, CratePath(unfamiliar[0][0])))
    arrays = tuple(
        ArrayChunks(folder, array.document, array.grids[0], array.present, array.outside_count)
        for folder, array in sorted(found.arrays.items())
        if array.grids
    )
    return ZarrCheck(arrays, tuple(found.findings))


# --- documents -----------------------------------------------------------------------------------


def _take_document(found: _Hierarchy, path: str, raw: bytes) -> None:
    folder = folder_of(path)
    name = path[len(folder) :]
    try:
        document = _object(raw)
        if name == ".zarray":
            _check_format(document, 2)
            _take_array(found, folder, path, grid_of_v2(document))
        elif name == ".zmetadata":
            metadata = document.get("metadata")
            found.listed[path] = _object_in(metadata, "its metadata")
        elif name == ".zattrs":
            _take_attributes(found, path, document)
        elif name == ".zgroup":
            _check_format(document, 2)
            found.groups.add(folder)
        else:
            _take_v3(found, folder, path, document)
    except UnknownGridError as error:
        found.arrays.setdefault(folder, _Array(path)).known = False
        found.say("zarr.unfamiliar", path, f"{error}, so its chunks were not looked at")
    except MalformedZarrError as error:
        if name in (".zarray", "zarr.json"):
            found.arrays.setdefault(folder, _Array(path)).known = False
        found.say("zarr.malformed", path, str(error))


def _take_v3(found: _Hierarchy, folder: str, path: str, document: dict[str, Any]) -> None:
    _check_format(document, 3)
    kind = document.get("node_type")
    if kind == "array":
        _take_array(found, folder, path, grid_of_v3(document))
    elif kind == "group":
        found.groups.add(folder)
        consolidated = document.get("consolidated_metadata")
        if consolidated is not None:
            metadata = _object_in(consolidated, "its consolidated_metadata").get("metadata")
            found.listed[path] = _object_in(metadata, "its consolidated_metadata")
    else:
        raise MalformedZarrError("its node_type is neither 'array' nor 'group'")
    attributes = document.get("attributes")
    if isinstance(attributes, dict):
        ome = attributes.get("ome")
        _take_attributes(found, path, ome if isinstance(ome, dict) else attributes)


def _take_array(found: _Hierarchy, folder: str, path: str, grid: ChunkGrid) -> None:
    found.arrays.setdefault(folder, _Array(path)).grids.append(grid)


def _take_attributes(found: _Hierarchy, path: str, attributes: dict[str, Any]) -> None:
    if "multiscales" in attributes:
        found.multiscales.append((path, attributes["multiscales"]))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        cause = "nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"
        raise MalformedZarrError(f"it is {cause}") from error
    return _object_in(value, "it")


def _object_in(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedZarrError(f"{what} is no JSON object")
    return value


def _check_format(document: Mapping[str, Any], version: int) -> None:
    if document.get("zarr_format") != version:
        raise MalformedZarrError(f"its zarr_format is not {version}")


# --- members -------------------------------------------------------------------------------------


def _count(found: _Hierarchy, members: Iterable[str]) -> tuple[list[str], int]:
    """Count every array's chunks; return the first names that fit nowhere, and how many do."""
    unfamiliar: list[str] = []
    count = 0
    home: dict[str, str | None] = {}
    for member in members:
        folder = folder_of(member)
        if member[len(folder) :] in ZARR_DOCUMENTS:
            continue
        if folder not in home:
            home[folder] = _array_around(found, folder)
        inside = home[folder]
        array = found.arrays[inside] if inside is not None else None
        if array is not None and not array.known:
            continue
        verdicts = (
            [grid.allows(member[len(inside or "") :]) for grid in array.grids] if array else []
        )
        if array is not None and True in verdicts:
            array.present += 1
        elif array is not None and False in verdicts:
            array.outside_count += 1
            if len(array.outside) < _SHOWN:
                array.outside.append(member)
        else:
            count += 1
            if len(unfamiliar) < _SHOWN:
                unfamiliar.append(member)
    return unfamiliar, count


def _array_around(found: _Hierarchy, folder: str) -> str | None:
    """Return the array that a folder is, or lies in; a group between them cuts it off."""
    while True:
        if folder in found.arrays:
            return folder
        if not folder or folder in found.groups:
            return None
        folder = folder_of(folder[:-1])


# --- what documents say of each other ------------------------------------------------------------


def _compare_listed(found: _Hierarchy, document: str, listed: dict[str, Any]) -> None:
    """Hold consolidated metadata against the documents that they repeat."""
    base = folder_of(document)
    grids: dict[str, ChunkGrid | None] = {}
    for key, value in listed.items():
        if not isinstance(value, dict):
            found.say(
                "zarr.malformed", document, f"what it repeats of {printable(key)} is no object"
            )
            continue
        folder = _repeated_array(document, base, key, value)
        if folder is None:
            continue
        try:
            v3 = document.endswith("zarr.json")
            grids[folder] = grid_of_v3(value) if v3 else grid_of_v2(value)
        except UnknownGridError:
            grids[folder] = None
        except MalformedZarrError as error:
            grids[folder] = None
            found.say("zarr.malformed", document, f"of {printable(folder)} it repeats: {error}")
    there = {folder for folder in found.arrays if folder.startswith(base)}
    if gone := sorted(grids.keys() - there):
        message = f"it repeats {len(gone)} array(s) that are not there: {_some(gone, len(gone))}"
        found.say("zarr.contradiction", document, message)
    name = "zarr.json" if document.endswith("zarr.json") else ".zarray"
    own = {folder for folder in there if found.arrays[folder].document == folder + name}
    if left := sorted(own - grids.keys()):
        message = f"it leaves out {len(left)} array(s) that are there: {_some(left, len(left))}"
        found.say("zarr.contradiction", document, message)
    for folder in sorted(grids.keys() & there):
        grid = grids[folder]
        array = found.arrays[folder]
        if grid is not None and array.grids and grid not in array.grids:
            message = f"of {printable(folder)} it says {grid}, the array itself {array.grids[0]}"
            found.say("zarr.contradiction", document, message)


def _repeated_array(document: str, base: str, key: str, value: dict[str, Any]) -> str | None:
    """Return the folder of an array that consolidated metadata repeat, None for anything else."""
    if document.endswith("zarr.json"):
        bare = key.strip("/")
        return base + (f"{bare}/" if bare else "") if value.get("node_type") == "array" else None
    return base + key.removesuffix(".zarray") if folder_of(key) + ".zarray" == key else None


def _check_multiscales(found: _Hierarchy, document: str, multiscales: Any) -> None:
    """Hold the levels of an image against the arrays (OME-Zarr, "multiscales" metadata)."""
    if not isinstance(multiscales, list):
        found.say("zarr.malformed", document, "its multiscales are no list")
        return
    base = folder_of(document)
    for image in multiscales:
        levels = image.get("datasets") if isinstance(image, dict) else None
        if not isinstance(levels, list):
            found.say("zarr.malformed", document, "its multiscales have no list of datasets")
            continue
        _check_levels(found, document, _level_folders(base, levels))


def _level_folders(base: str, levels: Iterable[Any]) -> Iterator[str | None]:
    for level in levels:
        path = level.get("path") if isinstance(level, dict) else None
        if isinstance(path, str):
            bare = "/".join(part for part in path.split("/") if part not in ("", "."))
            yield base + bare + "/" if bare else base
        else:
            yield None


def _check_levels(found: _Hierarchy, document: str, folders: Iterable[str | None]) -> None:
    before: tuple[str, ChunkGrid] | None = None
    base = folder_of(document)
    for folder in folders:
        if folder is None:
            found.say("zarr.malformed", document, "a level of its multiscales has no path")
            continue
        array = found.arrays.get(folder)
        shown = printable(folder[len(base) :]) or "."
        if array is None:
            found.say("zarr.contradiction", document, f"a level of the image is not there: {shown}")
            continue
        if not array.grids:
            continue
        shape = array.grids[0].shape
        if before is not None and not _fits_in(shape, before[1].shape):
            larger, smaller = printable(before[0][len(base) :]), _by(before[1].shape)
            message = f"level {shown} ({_by(shape)}) is not within level {larger} ({smaller})"
            found.say("zarr.contradiction", document, f"{message}, the one before it")
        before = folder, array.grids[0]


def _fits_in(shape: Sequence[int], before: Sequence[int]) -> bool:
    return len(shape) == len(before) and all(
        one <= other for one, other in zip(shape, before, strict=True)
    )


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers)) or "no dimensions"


def _some(names: Sequence[str], count: int) -> str:
    shown = ", ".join(printable(name) or "the root" for name in names[:_SHOWN])
    return shown + (", …" if count > _SHOWN else "")
