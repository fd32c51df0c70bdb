"""Finds the crates and bags inside a tree, each of which is verified in its own right."""

from collections.abc import Iterator

from crate_iscc.bagit import BAG_DECLARATION
from crate_iscc.entries import EntryTable
from crate_iscc.file_table import FileTable, TableBuilder
from crate_iscc.paths import METADATA_FILE

MOST_NESTED = 1000
"""So many are verified in one tree, and so deep below each other as DEEPEST; others are named."""
DEEPEST = 8


def nested_folders(entries: EntryTable) -> list[str]:
    """Return the folders (with a slash) that are crates or bags and lie in no other of them."""
    folders = sorted(set(_folders_with(entries, METADATA_FILE, BAG_DECLARATION)))
    outermost: list[str] = []
    for folder in folders:
        if not outermost or not folder.startswith(outermost[-1]):
            outermost.append(folder)
    return outermost


def _folders_with(entries: EntryTable, *names: str) -> Iterator[str]:
    for name in names:
        ending = b"/" + name.encode("ascii")
        for number in entries.path_column.ending_in(ending):
            yield entries.path(number)[: 1 - len(ending)]


def rerooted(files: FileTable, folder: str) -> FileTable:
    """Return the files below a folder under the paths that they have from there."""
    cut = len(folder.encode("utf-8"))
    result = TableBuilder()
    for path, size, data, instance in files.below(folder).rows():
        result.add_row(path[cut:], size, data, instance)
    return result.table()
