"""Finds the containers of a tree from names alone: OME-Zarr, any Zarr, and folders asked for.

A container is one dataset that happens to be many files; it is described once, not file by file.
"""

from collections.abc import Callable, Iterable, Iterator, Set

from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.paths import CratePath, folder_of, utf8_order

_ZARR_METADATA = frozenset({"zarr.json", ".zgroup", ".zarray"})


def find_containers(
    paths: Iterable[CratePath], asked_for: Callable[[str], bool] = lambda _folder: False
) -> tuple[str, ...]:
    """Return the outermost container folders among `paths`, each with a trailing slash.

    A folder is a container if it holds the metadata of a Zarr group or array (Zarr v3
    `zarr.json`, v2 `.zgroup` or `.zarray`), or if `asked_for` names it. The empty string stands
    for the root, where the tree is a Zarr itself. The order is by UTF-8 bytes.
    """
    zarrs = set()
    folders: set[str] = set()
    for path in paths:
        folder = folder_of(path)
        if path[len(folder) :] in _ZARR_METADATA:
            zarrs.add(folder)
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder_of(folder[:-1])
    candidates = zarrs | {folder for folder in folders if asked_for(folder)}
    return tuple(sorted((c for c in candidates if not _is_inside(c, candidates)), key=utf8_order))


def outside(files: FileTable, containers: Iterable[str]) -> Iterator[FileFingerprint]:
    """Yield the files that are in no container, and pass over the members without a look."""
    start = 0
    for folder in sorted(containers, key=utf8_order):
        members = files.range_below(folder)
        yield from files[start : members.start]
        start = max(start, members.stop)
    yield from files[start:]


def _is_inside(folder: str, candidates: set[str]) -> bool:
    while folder:
        folder = folder_of(folder[:-1])
        if folder in candidates:
            return True
    return False


def container_of(path: str, containers: Set[str]) -> str | None:
    """Return the container that holds `path`, or None; the root's is the empty string."""
    folder = folder_of(path)
    while folder:
        if folder in containers:
            return folder
        folder = folder_of(folder[:-1])
    return "" if "" in containers else None


def outermost(containers: Iterable[str]) -> tuple[str, ...]:
    """Return those of the containers that lie in no other of them, by UTF-8 bytes."""
    folders = set(containers)
    return tuple(sorted((f for f in folders if not _is_inside(f, folders)), key=utf8_order))
