"""A folder or a file of a tree as a tree of its own: how a crate inside another is looked at."""

from array import array
from dataclasses import replace

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import CratePath
from crate_iscc.sources import ByteStream, Closing, LeftOut, Listing, Tree


class SubTree(Closing):
    """What lies below one folder of a tree; its paths start from there."""

    def __init__(self, tree: Tree, listing: Listing, folder: str) -> None:
        """Take the listing of the whole tree, and a folder with its slash."""
        self.tree = tree
        self.folder = folder
        self.subject = f"{tree.subject.rstrip('/')}/{folder.rstrip('/')}"
        self.name = folder.rstrip("/").rpartition("/")[2]
        self._listing = _below(listing, folder)

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return everything below the folder, less the files that are to be left out."""
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def top(self) -> Listing:
        """Return the same: the whole tree is listed already."""
        return self._listing

    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the listing. Raises ReadError."""
        return self.tree.open(replace(entry, path=CratePath(self.folder + entry.path)))


class OneFile(Closing):
    """One file of a tree, under a path of one's choice."""

    def __init__(self, tree: Tree, entry: Entry, path: CratePath) -> None:
        self.tree = tree
        self.subject = f"{tree.subject.rstrip('/')}/{entry.path}"
        self.name = entry.path.rpartition("/")[2]
        self._entry = entry
        self._listing = Listing(EntryTable.of([replace(entry, path=path)]))

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the file, unless it is to be left out."""
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def top(self) -> Listing:
        """Return the same."""
        return self._listing

    def open(self, entry: Entry) -> ByteStream:
        """Open the file. Raises ReadError."""
        return self.tree.open(replace(entry, path=self._entry.path))


def _below(listing: Listing, folder: str) -> Listing:
    entries, cut = listing.entries, len(folder)
    members = entries.below(folder)
    raw_cut = len(folder.encode("utf-8"))
    paths = PackedBytes(
        path[raw_cut:] for path in entries.path_column.between(members.start, members.stop)
    )
    stats: array[int] | None = None
    if entries.stats is not None:
        words = len(entries.stats) // len(entries) if entries else 0
        stats = entries.stats[words * members.start : words * members.stop]
    return Listing(
        EntryTable(paths, entries.sizes[members.start : members.stop], stats),
        tuple(one[cut:] for one in listing.folders if one.startswith(folder) and one != folder),
        tuple(
            replace(one, path=CratePath(one.path[cut:]))
            for one in listing.refused
            if one.path.startswith(folder) and one.path != folder
        ),
        complete=listing.complete,
    )
