"""Reads the metadata documents of the Zarrs in a tree and checks their chunks by their names."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from crate_iscc.containers import find_containers
from crate_iscc.errors import ReadError
from crate_iscc.ozx import OzxMember, is_ozx, ozx_findings
from crate_iscc.paths import CratePath, folder_of
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.zarr_grid import ZARR_DOCUMENTS, ZarrCheck, check_zarr

_LARGEST_DOCUMENT = 256 << 20
"""Bytes of a metadata document that is read; consolidated ones of large plates have some MiB."""


def zarr_folders(listing: Listing) -> tuple[str, ...]:
    """Return the outermost folders of a tree that are Zarrs; `""` is the tree itself."""
    return find_containers(listing.entries.paths())


def zarr_findings(tree: Tree, listing: Listing, folders: Iterable[str]) -> tuple[Finding, ...]:
    """Return what is wrong with the chunk grids of the Zarrs in those folders of a tree.

    Metadata documents are read, chunks are not. A document that cannot be read is a finding too.
    """
    return tuple(
        finding for folder in folders for finding in zarr_check(tree, listing, folder).findings
    )


def zarr_check(tree: Tree, listing: Listing, folder: str) -> ZarrCheck:
    """Return how the arrays below a folder of a tree stand; all paths are those of the tree."""
    entries = listing.entries
    failed: list[Finding] = []

    def documents() -> Iterator[tuple[str, bytes]]:
        for number in entries.below(folder):
            path = entries.path(number)
            if path[len(folder_of(path)) :] not in ZARR_DOCUMENTS:
                continue
            try:
                yield path, read_all(tree, entries[number], limit=_LARGEST_DOCUMENT)
            except ReadError as error:
                failed.append(Finding("bytes.unread", error.cause or error.message, path))

    check = check_zarr(documents(), _members(listing, folder))
    return replace(check, findings=(*failed, *check.findings))


def _members(listing: Listing, folder: str) -> Iterator[CratePath]:
    return (listing.entries.path(number) for number in listing.entries.below(folder))


def rfc9_findings(tree: Tree) -> tuple[Finding, ...] | None:
    """Return where a zipped OME-Zarr (`.ozx`) breaks RFC-9; None for a tree that is none."""
    if isinstance(tree, DirectoryTree):
        return None
    # What reads zips is loaded where there is one.
    from zipfile import ZIP_STORED

    from crate_iscc.sources.zip import ZipTree

    if not isinstance(tree, ZipTree) or not is_ozx(tree.path.name, tree.directory.comment):
        return None
    members = [
        OzxMember(one.orig_filename, one.header_offset, one.compress_type == ZIP_STORED)
        for one in tree.directory.members
    ]
    return ozx_findings(members, tree.directory.comment)
