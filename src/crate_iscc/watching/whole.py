"""Looks whether files are whole by what their formats say of themselves, without reading pixels.

A TIFF whose last directory points behind its end is still being written, as is a zip without its
directory. Of formats that are not known here nothing is said.
"""

import contextlib
import json
import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

from crate_iscc.entries import Entry
from crate_iscc.paths import printable
from crate_iscc.sources.zip_directory import read_directory

_TIFF = (".tif", ".tiff", ".btf", ".tf2", ".tf8")
_ZIP = (".ozx", ".zip", ".eln")
_ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_ROOTS = ("zarr.json", ".zgroup", ".zarray")
_LONGEST = 256 << 20
"""Bytes of a text that is looked into: metadata of a Zarr, or a companion file."""
_MOST_DIRECTORIES = 1_000_000
"""Pages of a TIFF that are looked at; behind these it is taken to be whole."""
_NAMED = re.compile(rb"""<(?:\w+:)?UUID\s[^>]*?\bFileName\s*=\s*["']([^"']+)["']""")
_END_OF_OME = re.compile(rb"</(?:\w+:)?OME\s*>\s*\Z")
_ENTITIES = (
    (b"&lt;", b"<"),
    (b"&gt;", b">"),
    (b"&quot;", b'"'),
    (b"&apos;", b"'"),
    (b"&amp;", b"&"),
)


def problem_of(root: Path, unit: str, files: Sequence[Entry]) -> str | None:
    """Say why a unit's files are not whole, or None where nothing speaks against it.

    Files that vanish or cannot be read meanwhile are no matter of this.
    """
    if unit.endswith("/"):
        return _problem_of_zarr(root, unit, files)
    for entry in files:
        with contextlib.suppress(OSError):
            problem = _problem_of_file(root / entry.path, entry)
            if problem:
                return f"{printable(entry.path)}: {problem}"
    return None


def _problem_of_file(place: Path, entry: Entry) -> str | None:
    name = entry.path.lower()
    if name.endswith(_TIFF):
        with _opened(place) as file:
            return _problem_of_tiff(file, entry.size)
    if name.endswith(_ZIP):
        with _opened(place) as file:
            try:
                read_directory(file)
            except BadZipFile as error:
                return f"it has no zip directory: {error}"
    if name.endswith(".companion.ome"):
        with _opened(place) as file:
            file.seek(max(0, entry.size - 1024))
            if not _END_OF_OME.search(file.read(1024)):
                return "it does not end as an OME-XML file does"
    return None


@contextlib.contextmanager
def _opened(place: Path) -> Iterator[BinaryIO]:
    flags = os.O_RDONLY
    for name in ("O_CLOEXEC", "O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    with open(os.open(place, flags), "rb") as file:
        yield file


# --- Zarr ----------------------------------------------------------------------------------------


def _problem_of_zarr(root: Path, folder: str, files: Sequence[Entry]) -> str | None:
    """Say which of the metadata cannot be parsed. Chunks that are not there may be legal."""
    has_root = False
    for entry in files:
        name = entry.path.rpartition("/")[2]
        if name not in _ZARR_METADATA:
            continue
        has_root |= entry.path[len(folder) :] in _ROOTS
        with contextlib.suppress(OSError), _opened(root / entry.path) as file:
            try:
                is_object = isinstance(json.loads(file.read(_LONGEST)), dict)
            except (ValueError, RecursionError):
                is_object = False
            if not is_object:
                return f"{printable(entry.path)}: it is no whole JSON object"
    return None if has_root else "there is no metadata of a Zarr in it yet"


# --- TIFF ----------------------------------------------------------------------------------------

_OFFSETS = {273: 279, 324: 325}
"""Where the strips, or the tiles, lie; and how many bytes they have."""
_SUB_DIRECTORIES = 330
_SIZES = {3: ("H", 2), 4: ("L", 4), 13: ("L", 4), 16: ("Q", 8), 18: ("Q", 8)}
"""Of the types of whole numbers: how each is unpacked, and its bytes."""
_CUT = "its last bytes are not there yet"


class _CutError(Exception):
    """Something lies behind the end of the file."""


def _problem_of_tiff(file: BinaryIO, size: int) -> str | None:
    """Follow the chain of directories to its end (TIFF 6.0, section 2; BigTIFF)."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return "it has no TIFF header yet"
    version = struct.unpack_from(order + "H", head, 2)[0]
    if version == 42:
        first = struct.unpack_from(order + "L", head, 4)[0]
    elif version == 43 and len(head) == 16:
        first = struct.unpack_from(order + "Q", head, 8)[0]
    else:
        return "it has no TIFF header yet"
    if not first:
        return "its first directory is not there yet"
    reader = _Directories(file, size, order, big=version == 43)
    waiting: list[int] = [first]
    seen: set[int] = set()
    try:
        while waiting and len(seen) < _MOST_DIRECTORIES:
            place = waiting.pop()
            if place in seen:
                return "its directories go round in a circle"
            seen.add(place)
            waiting.extend(reader.following(place))
    except (_CutError, struct.error):
        return _CUT
    return None


class _Directories:
    """Reads directories of one TIFF."""

    def __init__(self, file: BinaryIO, size: int, order: str, *, big: bool) -> None:
        self._file = file
        self._size = size
        self._order = order
        self._count, self._word, self._tag = ("Q", "Q", 20) if big else ("H", "L", 12)

    def following(self, place: int) -> list[int]:
        """Return where directories lie to which one leads. Raises _CutError."""
        width = struct.calcsize("<" + self._word)
        (count,) = self._numbers(place, self._count, 1)
        start = place + struct.calcsize("<" + self._count)
        raw = self._read(start, self._tag * count + width)
        found: dict[int, tuple[int, ...]] = {}
        for at in range(0, self._tag * count, self._tag):
            tag, kind = struct.unpack_from(self._order + "HH", raw, at)
            if tag in _OFFSETS or tag in _OFFSETS.values() or tag == _SUB_DIRECTORIES:
                (many,) = struct.unpack_from(self._order + self._word, raw, at + 4)
                found[tag] = self._values(kind, many, raw[at + 4 + width : at + 4 + 2 * width])
        for offsets, sizes in _OFFSETS.items():
            for offset, length in zip(found.get(offsets, ()), found.get(sizes, ()), strict=False):
                if offset + length > self._size:
                    raise _CutError
        (following,) = struct.unpack_from(self._order + self._word, raw, self._tag * count)
        below = [place for place in found.get(_SUB_DIRECTORIES, ()) if place]
        return [*below, following] if following else below

    def _values(self, kind: int, count: int, field: bytes) -> tuple[int, ...]:
        code, width = _SIZES.get(kind, ("", 0))
        if not code:
            return ()
        if width * count <= len(field):
            return struct.unpack_from(f"{self._order}{count}{code}", field)
        (place,) = struct.unpack_from(self._order + self._word, field)
        return self._numbers(place, code, count)

    def _numbers(self, place: int, code: str, count: int) -> tuple[int, ...]:
        raw = self._read(place, struct.calcsize("<" + code) * count)
        return struct.unpack(f"{self._order}{count}{code}", raw)

    def _read(self, place: int, count: int) -> bytes:
        if place + count > self._size:
            raise _CutError
        self._file.seek(place)
        raw = self._file.read(count)
        if len(raw) != count:
            raise _CutError
        return raw


# --- companion files -----------------------------------------------------------------------------


def named_by_companion(root: Path, entry: Entry) -> tuple[str, ...]:
    """Return the names of the files that a companion file names, in their order; none outside."""
    if entry.size > _LONGEST:
        return ()
    try:
        with _opened(root / entry.path) as file:
            raw = file.read(_LONGEST)
    except OSError:
        return ()
    names = []
    for found in dict.fromkeys(_NAMED.findall(raw)):
        for escape, plain in _ENTITIES:
            found = found.replace(escape, plain)
        name = found.decode("utf-8", "replace").removeprefix("./")
        if name and not name.startswith("/") and ".." not in name.split("/"):
            names.append(name)
    return tuple(names)
