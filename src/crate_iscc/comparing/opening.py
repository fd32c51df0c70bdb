"""Opens one of the two things to compare: a tree of files, a part of one, or a single file."""

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from crate_iscc.errors import InputError
from crate_iscc.paths import CratePath, printable, valid_unicode
from crate_iscc.sources import Listing, Tree
from crate_iscc.sources.named import NamedFiles
from crate_iscc.sources.opening import NoTreeError, open_tree
from crate_iscc.sources.subtree import OneFile, SubTree

THE_FILE = CratePath("file")
"""The path of a single file while it is compared: both have the same, whatever they are called."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What there is to read; `file_name` is the name of a single file.

    `around` is the archive in which such a file lies, its listing, and the path of the file there.
    """

    tree: Tree
    subject: str
    listing: Listing
    file_name: CratePath | None = None
    around: tuple[Tree, Listing, CratePath] | None = None


def open_side(place: str | Path, stack: ExitStack) -> Opened:
    """Open what a user names; `stack` closes it.

    A folder or file inside an archive is named by its path behind that of the archive. Raises
    InputError for what cannot be opened, ReadError for what cannot be listed.
    """
    text = str(place)
    archive, inner = _parted(text)
    if inner:
        whole = open_tree(archive)
        stack.callback(whole.close)
        return _inside(whole, text, inner)
    try:
        tree = open_tree(place)
    except NoTreeError:
        if _is_url(text):
            raise
        named = NamedFiles({THE_FILE: text})
        return Opened(named, text, named.listing(), _name_of(text))
    stack.callback(tree.close)
    return Opened(tree, text, tree.listing())


def _parted(text: str) -> tuple[str, str]:
    """Return the part of a path that names a file, and what comes behind it, if anything does."""
    if not text or _is_url(text) or _is_there(text):
        return text, ""
    head = text
    while head and not _is_there(head):
        shorter = os.path.dirname(head.rstrip("/"))
        if shorter == head:
            return text, ""
        head = shorter
    if not head or not os.path.isfile(head):
        return text, ""
    return head, text[len(head) :].replace(os.sep, "/").strip("/")


def _is_url(text: str) -> bool:
    return "://" in text


def _is_there(text: str) -> bool:
    try:
        return os.path.lexists(text)
    except ValueError:  # a NUL in the path
        return False


def _inside(tree: Tree, text: str, inner: str) -> Opened:
    listing = tree.listing()
    entry = listing.entries.get(inner)
    if entry is not None:
        one = OneFile(tree, entry, THE_FILE)
        found = replace(one.listing(), remarks=listing.remarks)
        return Opened(one, text, found, _name_of(text), (tree, listing, entry.path))
    folder = f"{inner}/"
    if listing.entries.below(folder) or folder in listing.folders:
        part = SubTree(tree, listing, folder)
        return Opened(part, text, replace(part.listing(), remarks=listing.remarks))
    raise InputError(
        f"not found: {printable(text)}",
        cause=f"{printable(tree.subject)} holds nothing of that name",
        hint="check the path for typing errors",
    )


def _name_of(text: str) -> CratePath:
    return CratePath(valid_unicode(os.path.basename(text.rstrip("/")) or text))
