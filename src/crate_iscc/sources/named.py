"""Files that were named one by one, wherever they lie, read like the members of a tree."""

import os
import stat
from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable
from crate_iscc.sources import Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.directory import FileStream
from crate_iscc.sources.listing import stat_key
from crate_iscc.sources.quick import mapped, read_together


class NamedFiles(Closing):
    """The files of a mapping from the name to show to the place on disk.

    A link that was named itself is followed; what it leads to must be a regular file.
    """

    subject = "files"
    name = "files"

    def __init__(
        self,
        places: Mapping[str, str | Path],
        listed: Callable[[str], Entry | None] = lambda _name: None,
    ) -> None:
        """Take the files; of those that `listed` knows, no link that came up since is followed."""
        self._places = {name: _followed(place) for name, place in places.items()}
        self._listed = listed

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the files that were named, less those that are to be left out."""
        entries: list[Entry] = []
        refused: list[Unread] = []
        for name, place in self._places.items():
            path = CratePath(name)
            if known := self._listed(name):
                entries.append(replace(known, path=path))
                continue
            try:
                status = os.stat(place)
            except OSError as error:
                refused.append(Unread(path, error.strerror or "cannot be examined", is_file=False))
                continue
            if stat.S_ISREG(status.st_mode):
                entries.append(Entry(path, status.st_size, stat_key(status)))
            else:
                refused.append(Unread(path, "not a regular file"))
        table = EntryTable.of(entries)
        return Listing(table.without(left_out(table)) if left_out else table, (), tuple(refused))

    def top(self) -> Listing:
        """Return all files: they lie in no folders."""
        return self.listing()

    def open(self, entry: Entry) -> FileStream:
        """Open a file of the listing. Raises ReadError."""
        place = self._places.get(entry.path)
        if place is None:
            raise ReadError(printable(entry.path), cause="it was not named")
        return FileStream(Path(place), entry)

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a file, where that can be done. Raises ReadError."""
        return mapped(self.open(entry))

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", buffer: memoryview
    ) -> SmallFiles | None:
        """Read whole files in one call, where the C module is there to do it."""
        chosen = entries.chosen(numbers)
        places = (os.fsencode(self._places[path]) for path in chosen.paths())
        return read_together(Path("/"), places, chosen, buffer)


def _followed(place: str | Path) -> str:
    """Return the absolute path of a file, of a link that of what it leads to.

    Text, not a Path: these are made in a tenth of the time, and there may be very many.
    """
    return os.path.realpath(place) if os.path.islink(place) else os.path.abspath(place)
