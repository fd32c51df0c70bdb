"""A file of a directory, for readers that open nothing but what has a path."""

from dataclasses import replace

from crate_iscc.entries import Entry
from crate_iscc.paths import CratePath
from crate_iscc.pixels import NoPixelsError
from crate_iscc.sources import Listing, Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.subtree import SubTree


class OnDisk:
    """An image that is one file; `path` is its path in the tree, `size` its bytes as listed."""

    def __init__(self, tree: Tree, listing: Listing, path: CratePath) -> None:
        self.path = path
        self._entry = listing.entries.get(path)
        self.size = self._entry.size if self._entry else 0
        self._inside = path
        while isinstance(tree, SubTree):
            self._inside = CratePath(tree.folder + self._inside)
            tree = tree.tree
        self._tree = tree

    def place(self) -> str:
        """Return the path on this computer. Raises NoPixelsError where it has none."""
        tree, _ = self._there()
        return str(tree.path / self._inside)

    def settle(self) -> None:
        """Raise ReadError unless the file is as it was listed."""
        tree, entry = self._there()
        tree.examine(replace(entry, path=self._inside))

    def _there(self) -> tuple[DirectoryTree, Entry]:
        if not isinstance(self._tree, DirectoryTree):
            raise NoPixelsError("its reader takes no file inside of an archive: unpack that")
        if self._entry is None:
            raise NoPixelsError("it is not there")
        return self._tree, self._entry
