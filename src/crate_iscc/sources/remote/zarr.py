"""A Zarr on the web: its metadata say which members it may have, chunks included.

A chunk that is not there is one that was never written, and no fault (Zarr 2 and 3 specifications,
"Chunks"). Members that no metadata speak of cannot be known.
"""

import json
from collections.abc import Callable, Generator, Iterator
from itertools import product
from math import prod
from typing import Any

from crate_iscc.errors import InputError
from crate_iscc.paths import folders_of, path_problem, printable
from crate_iscc.sources.remote.client import Client, Reply, WebError, wanted
from crate_iscc.sources.remote.files import NOT_THERE, WebFiles
from crate_iscc.sources.remote.url import Url

_LARGEST_METADATA = 256 << 20
_MOST_GROUPS = 100_000
_OF_GROUPS = ("zarr.json", ".zgroup", ".zattrs")
_MOST_MEMBERS = 20_000_000
"""Members that are looked for: of more, the requests alone would take days."""

Read = Callable[[str], bytes | None]
"""Returns the content of a member, None where it is not there. Raises WebError."""
Json = dict[str, Any]


class _UnnamedError(Exception):
    """Members of a Zarr cannot be named, for a reason."""


_NO_ZARR = (_UnnamedError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What comes of metadata that are none, or that are nested without an end."""


def open_zarr(client: Client, subject: str, folder: Url) -> WebFiles:
    """Open a Zarr. Raises InputError where its members cannot be named, and WebError."""

    def read(name: str) -> bytes | None:
        def take(reply: Reply) -> bytes | None:
            if reply.status in NOT_THERE:
                return None
            content = wanted(reply).read(_LARGEST_METADATA)
            if len(content) > _LARGEST_METADATA:
                raise WebError(f"{name} is too large to be read at once")
            return content

        return client.ask(folder.below(name), take)

    try:
        names = tuple(dict.fromkeys(zarr_names(read)))
    except _NO_ZARR as error:
        told = isinstance(error, _UnnamedError)
        raise InputError(
            f"the members of {printable(subject)} cannot be named",
            cause=str(error) if told else "its metadata are damaged",
            hint="download it, and name the folder; a zip of it can be read where it is",
        ) from error
    places = {name: folder.below(name) for name in names}
    name = folder.path.rstrip("/").rpartition("/")[2]
    return WebFiles(client, subject, name, places, {})


def zarr_names(read: Read) -> Iterator[str]:
    """Yield the members that a Zarr may have, by its metadata, some perhaps more than once.

    Consolidated metadata name all groups and arrays. Without them, those are found that
    OME-Zarr's own metadata name: resolution levels, labels, wells and series. Raises
    _UnnamedError.
    """
    for name in _Names(read).all():
        problem = path_problem(name)
        if problem:
            raise _UnnamedError(f"a member is called {printable(name)[:100]}: {problem}")
        yield name


class _Names:
    def __init__(self, read: Read) -> None:
        self._read = read
        self._count = 0
        self._seen: set[str] = set()

    def all(self) -> Iterator[str]:
        consolidated = self._json(".zmetadata")
        if consolidated is not None:
            yield ".zmetadata"
            for key, value in consolidated["metadata"].items():
                yield key
                if key.rpartition("/")[2] == ".zarray":
                    yield from self._chunks_of_2(key.removesuffix(".zarray"), value)
            return
        root = self._json("zarr.json")
        together = (root or {}).get("consolidated_metadata")
        if root is not None and together is not None:
            yield from self._member_of_3("", root)
            for path, value in together["metadata"].items():
                yield from self._member_of_3(f"{path}/", value)
            return
        if not (yield from self._walk("")):
            raise _UnnamedError("there are no metadata of a Zarr (zarr.json, .zgroup, .zarray)")

    def _json(self, name: str) -> Json | None:
        content = self._read(name)
        found = None if content is None else json.loads(content)
        if found is not None and not isinstance(found, dict):
            raise _UnnamedError(f"{name} is no JSON object")
        return found

    def _member_of_3(self, folder: str, value: Json) -> Iterator[str]:
        yield f"{folder}zarr.json"
        if value.get("node_type") == "array":
            yield from self._chunks_of_3(folder, value)

    # --- what OME-Zarr names --------------------------------------------------------------------

    def _walk(self, folder: str) -> Generator[str, None, bool]:
        """Yield the members of a group or array and of all that it names; return if it is there."""
        if folder in self._seen:
            return True
        if len(self._seen) > _MOST_GROUPS:
            raise _UnnamedError(f"it has more than {_MOST_GROUPS:,} groups and arrays")
        self._seen.add(folder)
        value = self._json(f"{folder}zarr.json")
        if value is not None:
            yield from self._member_of_3(folder, value)
            if value.get("node_type") == "array":
                return True
            attributes = value.get("attributes") or {}
            yield from self._below(folder, attributes.get("ome") or attributes)
            return True
        array = self._json(f"{folder}.zarray")
        group = self._json(f"{folder}.zgroup") if array is None else None
        if array is None and group is None:
            return False
        yield from (f"{folder}{name}" for name in (".zarray", ".zgroup", ".zattrs"))
        if array is not None:
            yield from self._chunks_of_2(folder, array)
        else:
            yield from self._below(folder, self._json(f"{folder}.zattrs") or {})
        return True

    def _below(self, folder: str, attributes: Json) -> Iterator[str]:
        """Yield the members of what a group's attributes name (OME-Zarr 0.4 and 0.5)."""
        named: list[str] = []
        for image in attributes.get("multiscales") or ():
            named += [dataset["path"] for dataset in image["datasets"]]
        named += [well["path"] for well in (attributes.get("plate") or {}).get("wells", ())]
        named += [image["path"] for image in (attributes.get("well") or {}).get("images", ())]
        labels = attributes.get("labels") or ()
        named += list(labels)
        series = attributes.get("series") or ()
        if folder.endswith("OME/"):  # it names those beside it
            yield f"{folder}METADATA.ome.xml"
            folder = folder.removesuffix("OME/")
        named += list(series)
        layout = "bioformats2raw.layout" in attributes
        if not (named or layout):
            raise _UnnamedError(
                f"nothing says what is in {printable(folder) or 'it'}: its metadata are not "
                "consolidated, and name no images"
            )
        for path in named:
            # The rows of a plate are groups, which nothing names by themselves.
            for above in folders_of(str(path).strip("/")):
                yield from (f"{folder}{above}{name}" for name in _OF_GROUPS)
            if not (yield from self._walk(f"{folder}{str(path).strip('/')}/")):
                raise _UnnamedError(f"{printable(folder + str(path))} is named, and is not there")
        if attributes.get("multiscales"):
            yield from self._walk(f"{folder}labels/")
        if layout:
            yield from self._walk(f"{folder}OME/")
            number = 0
            while (yield from self._walk(f"{folder}{number}/")):
                number += 1

    # --- chunks ---------------------------------------------------------------------------------

    def _chunks_of_2(self, folder: str, array: Json) -> Iterator[str]:
        separator = array.get("dimension_separator", ".")
        grid = self._grid(array["shape"], array["chunks"])
        if separator not in (".", "/"):
            raise _UnnamedError("an array has another dimension_separator than '.' and '/'")
        return (folder + (separator.join(place) or "0") for place in grid)

    def _chunks_of_3(self, folder: str, array: Json) -> Iterator[str]:
        grid, encoding = array["chunk_grid"], array["chunk_key_encoding"]
        if grid["name"] != "regular":
            raise _UnnamedError(f"an array has a chunk grid of a kind that is not known: {folder}")
        places = self._grid(array["shape"], grid["configuration"]["chunk_shape"])
        settings = encoding.get("configuration") or {}
        kind = encoding["name"]
        separator = settings.get("separator", {"default": "/", "v2": "."}.get(kind))
        if kind not in ("default", "v2") or separator not in (".", "/"):
            raise _UnnamedError(f"an array has chunk names of a kind that is not known: {folder}")
        if kind == "v2":
            return (folder + (separator.join(place) or "0") for place in places)
        return (folder + separator.join(("c", *place)) for place in places)

    def _grid(self, shape: list[int], chunk: list[int]) -> Iterator[tuple[str, ...]]:
        """Yield the places of an array's chunks, or shards."""
        whole = [*shape, *chunk]
        if len(shape) != len(chunk) or any(type(n) is not int or n < 0 for n in whole):
            raise _UnnamedError("an array has a shape, or chunks, of no numbers")
        if 0 in chunk:
            raise _UnnamedError("an array has chunks of no size")
        counts = [-(-size // step) for size, step in zip(shape, chunk, strict=True)]
        self._count += prod(counts)
        if self._count > _MOST_MEMBERS:
            raise _UnnamedError(f"it may have more than {_MOST_MEMBERS:,} chunks")
        return product(*(map(str, range(count)) for count in counts))
