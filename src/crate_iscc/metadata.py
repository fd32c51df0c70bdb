"""Reads the metadata file of a crate out of a tree of files."""

from dataclasses import dataclass

from crate_iscc.errors import InputError
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    METADATA_FILE,
    CratePath,
    printable,
    valid_unicode,
)
from crate_iscc.sources import Listing, Tree, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import scheme_of
from crate_iscc.sources.subtree import SubTree


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """The bytes of a crate's metadata file, and its name at the root of the crate."""

    name: CratePath
    raw: bytes


def find_metadata(tree: Tree, listing: Listing) -> MetadataFile | None:
    """Return the metadata file at the root of a tree, or None if there is none.

    Raises InputError if it is no regular file, ReadError if it cannot be read.
    """
    for name in (METADATA_FILE, LEGACY_METADATA_FILE):
        entry = listing.entries.get(name)
        if entry is not None:
            return MetadataFile(name, read_all(tree, entry))
        for refused in listing.refused:
            if refused.path == name:
                raise InputError(
                    f"the metadata of {printable(tree.subject)} cannot be used",
                    cause=f"{name}: {refused.reason}",
                )
    return None


def read_metadata(tree: Tree, listing: Listing) -> MetadataFile:
    """Return the metadata file at the root of a tree. Raises InputError if there is none."""
    found = find_metadata(tree, listing)
    if found is None:
        raise not_a_crate(tree)
    return found


def not_a_crate(tree: Tree) -> InputError:
    """Return the error for a tree without metadata."""
    hint = "make it one with: crate-iscc build"
    if scheme_of(tree.subject):
        hint = "crate-iscc sum --tree gives its code; build makes a crate of a copy on a disk"
    return InputError(
        f"not an RO-Crate: {printable(tree.subject)}",
        cause=f"there is no {METADATA_FILE} at its root",
        hint=hint,
    )


def folder_on_disk(tree: Tree) -> str | None:
    """Return the directory that the paths of a tree start from, or None inside an archive.

    It is spelt as the caller spelt it, with escapes for what is no Unicode.
    """
    outermost = tree
    while isinstance(outermost, SubTree):
        outermost = outermost.tree
    return valid_unicode(tree.subject) if isinstance(outermost, DirectoryTree) else None
