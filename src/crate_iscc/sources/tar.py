"""A tree of files in a tar that is not compressed, read in place: nothing is ever extracted.

One pass over the headers tells where each member lies; then any number of threads read any of
them. One folder that wraps everything else is left out of the paths, as in a zip. A compressed tar
has no such places: whoever wants the second of its files has to unpack the first.
"""

import os
import threading
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import InputError, ReadError
from crate_iscc.manifest import Unread
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import (
    CratePath,
    folders_of,
    printable,
    repaired,
    utf8_order,
    valid_unicode,
)
from crate_iscc.report import Finding
from crate_iscc.sources import ByteStream, Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.archive_names import name_problem, repairs, wrapping_folder
from crate_iscc.sources.archive_names import repeated as repeated_names
from crate_iscc.sources.listing import HAS_READING
from crate_iscc.sources.quick import MappedArchive, mapped
from crate_iscc.sources.tar_headers import (
    HARD_LINK,
    BadTarError,
    TarContents,
    TarMember,
    read_contents,
)
from crate_iscc.sources.zip_streams import BytesOnDisk
from crate_iscc.stretch import Stretch

_Place = tuple[int, int]
"""Where the bytes of a file start in the archive, and how many they are."""


class TarTree(Closing):
    """The files of a tar archive.

    `wrapper` is the folder (with a slash) that wraps all members, once they are listed. A hard
    link is the file that it links to, as it is when unpacked. Raises InputError if the file is no
    readable tar, or not a whole one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.subject = str(path)
        self.name = path.name.removesuffix(path.suffix) or path.name
        self.wrapper = ""
        self._lock = threading.Lock()
        try:
            self._file = path.open("rb")
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        try:
            self._archive = BytesOnDisk(self._file.fileno())
            self._contents = read_contents(self._read_at, self._archive.size)
        except (OSError, BadTarError) as error:
            self._file.close()
            raise _unreadable(path, error) from error
        self._places: dict[bytes, _Place] = {}
        self._listing: Listing | None = None
        self._mapping: MappedArchive | None = None
        if HAS_READING:
            self._mapping = MappedArchive(
                self._archive.file, self._archive.size, self._archive.check_unchanged
            )

    @property
    def state(self) -> StatKey:
        """The state of the archive, which is that of each of its members."""
        return self._archive.state

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the members, less one wrapping folder."""
        if self._listing is None:
            self._listing = self._listed()
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def top(self) -> Listing:
        """Return all members: where one lies is known when all headers before it were read."""
        return self.listing()

    def _listed(self) -> Listing:
        # `tar -C folder .` writes ./ in front of every name: that is no fault to tell of.
        written = [_without_dot(member.name) for member in self._contents.members]
        names = list(map(repaired, written))
        wrapper = self.wrapper = wrapping_folder(list(filter(None, names)))
        if wrapper:
            self.name = wrapper.rstrip("/")
        sorting = _Sorting(names, wrapper)
        for member, name in zip(self._contents.members, names, strict=True):
            sorting.take(member, name)
        self._places = sorting.places
        paths = sorted(self._places)
        sizes = array("q", (self._places[path][1] for path in paths))
        return Listing(
            EntryTable(PackedBytes(paths), sizes, None),
            tuple(sorted(sorting.folders)),
            tuple(sorting.refused.values()),
            (*repairs(written, names), *_remarks(self._contents)),
        )

    def _read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the archive from a place on. Raises OSError."""
        if hasattr(os, "pread"):
            return os.pread(self._archive.file, size, place)
        with self._lock:
            self._file.seek(place)
            return self._file.read(size)

    def read_into(self, window: memoryview, place: int) -> int:
        """Fill a buffer with bytes from a place on and return how many. Raises OSError."""
        if hasattr(os, "preadv"):
            return os.preadv(self._archive.file, [window], place)
        with self._lock:
            self._file.seek(place)
            return self._file.readinto(window)

    def open(self, entry: Entry) -> ByteStream:
        """Open a member of the listing. Raises ReadError."""
        place = self._places.get(utf8_order(entry.path))
        if place is None or self._file.closed:
            raise ReadError(printable(entry.path), cause="it is no member of the archive")
        return TarStream(self, self._archive, entry.path, place)

    def mapped(self, entry: Entry) -> Mapped | None:
        """Map a member. Raises ReadError."""
        place = self._places.get(utf8_order(entry.path))
        if self._mapping is None or place is None or place[1] != entry.size:
            return None
        return mapped(_MemberPlace(self._archive, entry), place[0])

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", _buffer: memoryview
    ) -> SmallFiles | None:
        """Return members as they lie in the archive."""
        found = [self._places.get(path) for path in entries.chosen(numbers).path_column]
        places = [place for place in found if place is not None]
        view = self._mapping.view() if self._mapping else None
        if self._mapping is None or view is None or len(places) < len(found):
            return None
        starts = array("q", (start for start, _ in places))
        sizes = array("q", (size for _, size in places))
        return SmallFiles(Stretch(view, starts, sizes), {}, self._mapping.settle)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()


class _Sorting:
    """Puts members where they belong: files with their places, folders, and what is refused."""

    def __init__(self, names: list[str], wrapper: str) -> None:
        self.places: dict[bytes, _Place] = {}
        self.folders: set[str] = set()
        self.refused: dict[str, Unread] = {}
        self._wrapper = wrapper
        self._cut = len(wrapper)
        self._repeated = repeated_names([name for name in names if not name.endswith("/")])
        self._blocking = _both_file_and_folder(names)

    def take(self, member: TarMember, name: str) -> None:
        """Put one member where it belongs; hard links know those that came before."""
        path = name[self._cut :]
        if member.name.endswith("/") and not member.size and member.refused is None:
            if not path:
                return
            path = path[:-1]
            if not name_problem(path) and not self._blocked(name):
                self.folders.add(path + "/")
                return
        place: _Place | None = (member.start, member.size)
        problem = self._problem(member, name, path)
        if problem is None and member.kind == HARD_LINK:
            place = self._linked(member.link)
            if place is None:
                problem = "file.special", "a hard link to what is no file before it"
        if problem is None and place is not None:
            self.places[utf8_order(path)] = place
        elif problem is not None:
            shown = valid_unicode(path or member.name)
            self.refused[shown] = Unread(CratePath(shown), problem[1], False, problem[0])

    def _linked(self, link: str) -> _Place | None:
        """Return the place of the file that a hard link stands for, if it came before."""
        target = repaired(_without_dot(link))
        if name_problem(target) or not target.startswith(self._wrapper):
            return None
        return self.places.get(utf8_order(target[self._cut :]))

    def _problem(self, member: TarMember, name: str, path: str) -> tuple[str, str] | None:
        """Return the kind of finding and the reason why a member cannot be used, or None."""
        if problem := name_problem(path):
            return "path.unsafe", problem
        if name in self._repeated:
            return "tar.duplicate", "the name stands in the archive more than once"
        if self._blocked(name):
            return "tar.duplicate", "it, or a folder that it lies in, is both a file and a folder"
        return member.refused

    def _blocked(self, name: str) -> bool:
        if not self._blocking:
            return False
        bare = name.rstrip("/")
        return bare in self._blocking or any(f[:-1] in self._blocking for f in folders_of(bare))


def _without_dot(name: str) -> str:
    return name[2:] if name.startswith("./") and not name.startswith("/", 2) else name


def _both_file_and_folder(names: Iterable[str]) -> frozenset[str]:
    """Return the names of members that are no folders and yet have something below them.

    A symbolic link may stand there: unpacking would then write to where it leads.
    """
    folders: set[str] = set()
    others: set[str] = set()
    for name in names:
        folder = name if name.endswith("/") else name.rpartition("/")[0] + "/"
        while len(folder) > 1 and folder not in folders:
            folders.add(folder)
            folder = folder[:-1].rpartition("/")[0] + "/"
        if not name.endswith("/"):
            others.add(name)
    return frozenset(name for name in others if name + "/" in folders)


def _remarks(contents: TarContents) -> tuple[Finding, ...]:
    parts = []
    if contents.between:
        parts.append(f"{contents.between} between the members")
    if contents.behind:
        parts.append(f"{contents.behind} behind the end")
    if contents.another:
        parts.append("another archive, which some programs unpack too, starts there")
    if not parts:
        return ()
    return (Finding("tar.uncovered", f"bytes that belong to no member: {', '.join(parts)}"),)


def _unreadable(path: Path, error: Exception) -> InputError:
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(
        f"not a readable tar archive: {printable(str(path))}",
        cause=cause,
        hint="the file may be cut or damaged; fetch it again",
    )


@dataclass(frozen=True, slots=True)
class _MemberPlace:
    """A member as an open file whose bytes lie somewhere in another: to be mapped."""

    archive: BytesOnDisk
    entry: Entry

    def fileno(self) -> int:
        """Return the descriptor of the archive."""
        return self.archive.file

    def settle(self) -> None:
        """Raise ReadError if the archive changed."""
        _check_unchanged(self.archive, self.entry.path)

    def close(self) -> None:
        """Do nothing: the archive stays open."""


class TarStream:
    """The bytes of one member, read from where they lie."""

    __slots__ = ("_archive", "_left", "_path", "_position", "_tree")

    def __init__(self, tree: TarTree, archive: BytesOnDisk, path: str, place: _Place) -> None:
        self._tree = tree
        self._archive = archive
        self._path = path
        self._position, self._left = place

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        if not self._left:
            _check_unchanged(self._archive, self._path)
            return 0
        try:
            count = self._tree.read_into(buffer[: self._left], self._position)
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "the archive was closed"
            raise ReadError(printable(self._path), cause=cause) from error
        if not count:
            raise ReadError(printable(self._path), cause="the archive was cut while it was read")
        self._position += count
        self._left -= count
        return count

    def close(self) -> None:
        """Do nothing: the archive stays open."""


def _check_unchanged(archive: BytesOnDisk, path: str) -> None:
    try:
        archive.check_unchanged()
    except ReadError as error:
        raise ReadError(printable(path), cause=error.message) from error
