"""Keeps a verdict from standing on a record, or on files, that a build is writing meanwhile."""

from collections.abc import Iterable
from dataclasses import replace

from crate_iscc.entries import EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.tree import leftovers
from crate_iscc.paths import CratePath
from crate_iscc.replacing import wait_for_writers
from crate_iscc.report import Finding
from crate_iscc.sources import ExaminedTree, Listing, Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.subtree import SubTree


def without_leftovers(
    entries: EntryTable, recorded: FileTable, findings: list[Finding]
) -> EntryTable:
    """Return entries less what builds left half-written, which becomes a finding each.

    What the crate records is no leftover.
    """
    left = {path for path in leftovers(entries) if recorded.find(path) is None}
    if not left:
        return entries
    message = "a build that was ended, or still runs, has not finished this file"
    findings.extend(Finding("bytes.leftover", message, path) for path in sorted(left))
    return entries.without(number for path in left if (number := entries.find(path)) is not None)


def require_the_same_record(
    tree: Tree, top: Listing, names: Iterable[CratePath], *, perhaps_between: bool
) -> None:
    """Raise ReadError if files that hold the record are others than those that were read.

    Then this would be a verdict on half of one record and half of another. With `perhaps_between`,
    a build may just have renamed one of two files: it is waited for. A zip, which is one file, is
    held against itself with each of its members.
    """
    folder = ""
    while isinstance(tree, SubTree):
        folder = tree.folder + folder
        tree = tree.tree
    if not isinstance(tree, ExaminedTree):
        return
    if perhaps_between and isinstance(tree, DirectoryTree):
        wait_for_writers(tree.path / folder)
    for name in names:
        entry = top.entries.get(name)
        try:
            if entry is not None:
                tree.examine(replace(entry, path=CratePath(folder + name)))
        except ReadError as error:
            raise ReadError(
                "what the crate records may have changed while it was verified",
                cause=f"{name}: {error.cause}",
                hint="run verify again when nothing writes to the crate any more",
            ) from error
