"""A tree of files in an object store: S3 and what speaks like it, Google's and Azure's.

Objects are asked for many at once; a request that breaks goes on where it broke. Each answer must
be of the state that was listed, as its ETag tells, and have as many bytes.
"""

import threading
from array import array
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.errors import InputError, ReadError
from crate_iscc.manifest import Unread
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import (
    CratePath,
    path_problem,
    printable,
    problem_elsewhere,
    valid_unicode,
)
from crate_iscc.sources import Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.remote.answers import CHANGED, reason_of
from crate_iscc.sources.remote.credentials import s3_access
from crate_iscc.sources.remote.object_address import ObjectAddress
from crate_iscc.sources.remote.retrying import Patience, Retrying
from crate_iscc.sources.remote.s3_listing import Listed, S3Listing
from crate_iscc.sources.remote.store_listing import store_objects
from crate_iscc.sources.remote.stores import Store, other_store, s3_store
from crate_iscc.stretch import Stretch

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

_IN_FLIGHT = 128
"""Requests at once, of one tree: what each waits for is mostly the way to the store and back."""
_PART = 4 << 20
"""Bytes of a large object that are asked for at once."""
_AHEAD = 4
"""Parts of one object that are asked for before they are wanted, where there is room."""
_AHEAD_IN_ALL = 32
"""Parts that are asked for ahead in all streams of a tree: what bounds its memory."""
_PIECE = 1 << 18
"""Bytes of an answer that are taken at a time, and kept if it breaks after them."""
_SECOND = 10**9


class ObjectTree(Closing):
    """The objects below a prefix, listed once: what changes after that is told from its ETag.

    `how` says how to go on where the store fails. Raises InputError where the variables that name
    the store, and who asks, are wrong.
    """

    def __init__(self, address: ObjectAddress, how: Retrying | None = None) -> None:
        self.subject = address.shown
        self.name = address.prefix.rpartition("/")[2] or address.bucket
        self._address = address
        self._how = how or Retrying()
        self._patience = Patience(self._how)
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._objects: _Objects | None = None
        self._pool = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="crate-iscc-objects")
        if address.scheme == "s3":
            self._access = s3_access()
        else:
            self._store: Store = other_store(address, self._how, tries=self._how.tries)

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the objects below the prefix; those whose names end in a slash are folders.

        Raises InputError where there is nothing, or nothing that may be listed, and ReadError
        where the listing cannot be had, or not be believed.
        """
        with self._lock:
            if self._listing is None:
                self._listing = self._listed()
            listing = self._listing
        if left_out is None:
            return listing
        return replace(listing, entries=listing.entries.without(left_out(listing.entries)))

    def top(self) -> Listing:
        """Return all objects: they are listed once, so all that is read is of one listing."""
        return self.listing()

    def _listed(self) -> Listing:
        gathered = _Gathered(self._address)
        if self._address.scheme == "s3":
            listing = S3Listing(self._address, self._access, self._patience)
            for one in listing.objects():
                gathered.take(one)
            store: Store = s3_store(self._address, listing.access, self._how)
        else:
            for one in _in_order(store_objects(self._store, self._address), self._address):
                gathered.take(one)
            store = other_store(self._address, self._how, tries=0)
        self._objects = _Objects(store, self._patience)
        if not gathered.found:
            raise self._nothing()
        return gathered.listing()

    def object_itself(self) -> Entry | None:
        """Return the object of just that name, None where others lie below it.

        Raises as listing does, also where there is neither.
        """
        try:
            self.listing()
        except InputError:
            entry = self._itself()
            if entry is None:
                raise
            return entry
        return None

    def _itself(self) -> Entry | None:
        if self._objects is None or not self._address.prefix:
            return None
        return self._objects.found(self._address.prefix)

    def read_itself(self, entry: Entry, start: int, into: memoryview) -> None:
        """Fill `into` with the bytes of the object of just that name. Raises ReadError."""
        if self._objects is None:
            raise ReadError(printable(entry.path), cause="it is no object of the tree")
        self._objects.read(self._address.prefix, entry, start, into)

    def _nothing(self) -> InputError:
        shown = printable(self.subject)
        if self._itself():
            return InputError(
                f"not a folder: {shown}",
                cause="it is one object, and no zip by its name (.zip, .eln, .ozx)",
                hint="name the folder that it lies in, or fetch it",
            )
        return InputError(
            f"not found: {shown}",
            cause="no object has a name that starts so",
            hint="check the address for typing errors",
        )

    def open(self, entry: Entry) -> "ObjectStream":
        """Open an object of the listing. Raises ReadError."""
        number = self._listing.entries.find(entry.path) if self._listing else None
        if self._listing is None or self._objects is None or number is None:
            raise ReadError(printable(entry.path), cause="it is no object of the tree")
        listed = self._listing.entries[number]
        return ObjectStream(self._objects, self._pool, self._key(listed.path), listed)

    def mapped(self, _entry: Entry) -> Mapped | None:
        """Return None: there is nothing to be mapped."""
        return None

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", buffer: memoryview
    ) -> SmallFiles | None:
        """Read whole objects to the buffer, many at once."""
        objects = self._objects
        if objects is None:
            return None
        chosen = entries.chosen(numbers)
        starts = array("q", accumulate(chosen.sizes[:-1], initial=0))
        reads = [
            self._pool.submit(
                objects.failure, self._key(entry.path), entry, buffer[start : start + entry.size]
            )
            for entry, start in zip(chosen, starts, strict=True)
        ]
        failed = {}
        for place, read in enumerate(reads):
            if reason := read.result():
                failed[place] = reason
        return SmallFiles(Stretch(buffer, starts, chosen.sizes), failed)

    def _key(self, path: str) -> str:
        return self._address.below + path

    def give_up(self) -> None:
        """Have all requests end that wait for another try: nobody wants what they bring."""
        self._patience.end()

    def close(self) -> None:
        """End what is under way."""
        self._patience.end()
        self._pool.shutdown(cancel_futures=True)


class _Gathered:
    """The columns of a listing while they fill, in the order of the paths."""

    def __init__(self, address: ObjectAddress) -> None:
        self._below = address.below
        self._paths = PackedBytes()
        self._sizes = array("q")
        self._stats = array("Q")
        self._folders: list[str] = []
        self._refused: list[Unread] = []
        self.found = False

    def take(self, one: Listed) -> None:
        """Take an object as a file or a folder, or refuse it."""
        self.found = True
        path = one.key.removeprefix(self._below)
        if not path:  # the folder itself
            return
        is_folder = path.endswith("/") and not one.size
        bare = path[:-1] if is_folder else path
        if problem := _problem(bare):
            shown = CratePath(valid_unicode(path))
            self._refused.append(Unread(shown, problem, is_file=False, kind="path.unsafe"))
        elif is_folder:
            self._folders.append(path)
        elif any(not letter.isprintable() and letter < "\x80" for letter in path):
            reason = "its name holds a control character and cannot be asked for"
            self._refused.append(Unread(CratePath(path), reason))
        else:
            self._paths.append(path.encode("utf-8"))
            self._sizes.append(one.size)
            self._stats.extend(_state(one.modified, one.etag).words())

    def listing(self) -> Listing:
        entries = EntryTable(self._paths, self._sizes, self._stats)
        return Listing(entries, tuple(self._folders), tuple(self._refused))


def _problem(path: str) -> str | None:
    if path.endswith("/"):
        return "the name ends in a slash, and it has bytes: no file can be called so"
    return path_problem(path) or problem_elsewhere(path)


def _in_order(objects: Iterable[Listed], address: ObjectAddress) -> list[Listed]:
    """Return objects in the order of their keys. Raises ReadError if one comes twice."""
    ordered = sorted(objects, key=lambda one: one.key.encode("utf-8", "surrogateescape"))
    keys = {one.key for one in ordered}
    if len(keys) != len(ordered) or not all(key.startswith(address.below) for key in keys):
        raise ReadError(
            f"the listing of {printable(address.shown)} is not to be believed",
            cause="it repeats itself, or names objects of another place",
        )
    return ordered


def _state(modified: str | datetime | None, etag: str | None) -> StatKey:
    """Return the state of an object: its time to the second, and 64 bits that stand for its ETag.

    What is not known is 0. Answers give times to the second where listings give milliseconds.
    """
    if isinstance(modified, str):
        try:
            modified = datetime.fromisoformat(modified)
        except ValueError:
            modified = None
    if modified is not None and modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    seconds = int(modified.timestamp()) if modified else 0
    bare = (etag or "").removeprefix("W/").strip('"')
    word = int.from_bytes(blake2b(bare.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return StatKey(seconds * _SECOND, 0, word if bare else 0, 0)


class _Objects:
    """The objects of one bucket; any thread may read any of them."""

    def __init__(self, store: Store, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self.room_ahead = threading.Semaphore(_AHEAD_IN_ALL)

    def found(self, key: str) -> Entry | None:
        """Return the object of that key as it is now; None where that cannot be told."""
        try:
            meta = obstore.head(self._store, key)
        except (BaseError, OSError, ValueError):
            return None
        stat = _state(meta["last_modified"], meta["e_tag"])
        return Entry(CratePath(key), meta["size"], stat)

    def failure(self, key: str, entry: Entry, into: memoryview) -> str | None:
        """Read a whole object; return why that failed, if it did."""
        try:
            self.read(key, entry, 0, into)
        except ReadError as error:
            return error.cause or error.message
        return None

    def read(self, key: str, entry: Entry, start: int, into: memoryview) -> None:
        """Fill `into` with the bytes of an object from `start` on. Raises ReadError."""
        reading = _Reading(self._store, key, entry, start, into)
        failures = 0
        while True:
            try:
                reading.go_on()
            except (BaseError, OSError, ValueError) as error:
                reason = reason_of(error)
            except _CutError:
                reason = reason_of(BaseError())
            else:
                self._patience.succeeded()
                return
            failures += 1
            if not reason.passing:
                raise ReadError(printable(entry.path), cause=reason.text)
            if not self._patience.wait(failures):
                cause = f"{reason.text} (tried {failures} times)"
                raise ReadError(printable(entry.path), cause=cause)


class _CutError(Exception):
    """An answer ended before its bytes did."""


class _Reading:
    """The bytes of one object, or of a part of it, as far as they have come."""

    def __init__(self, store: Store, key: str, entry: Entry, start: int, into: memoryview) -> None:
        self._store = store
        self._key = key
        self._entry = entry
        self._start = start
        self._into = into
        self._at = 0
        self._etag: str | None = None

    def go_on(self) -> None:
        """Ask for what is not there yet. Raises _CutError, ReadError, and what obstore raises."""
        first, last = self._start + self._at, self._start + len(self._into)
        options: GetOptions = {}
        if (first, last) != (0, self._entry.size):
            if first == last and self._at:  # it broke behind its last byte
                return
            options["range"] = (first, last)
        if self._etag is not None:
            options["if_match"] = self._etag
        answer = obstore.get(self._store, self._key, options=options)
        self._check(answer.meta)
        for piece in answer.stream(min_chunk_size=_PIECE):
            end = self._at + len(piece)
            if end > len(self._into):
                raise ReadError(printable(self._entry.path), cause=CHANGED)
            self._into[self._at : end] = memoryview(piece)
            self._at = end
        if self._at != len(self._into):
            raise _CutError

    def _check(self, meta: "ObjectMeta") -> None:
        """Raise ReadError unless an answer is of the object as it was listed."""
        listed, now = self._entry.stat, _state(meta["last_modified"], meta["e_tag"])
        known = listed is not None and listed.inode and now.inode
        same = listed is None or (
            listed.inode == now.inode if known else listed.mtime_ns == now.mtime_ns
        )
        if meta["size"] != self._entry.size or not same:
            raise ReadError(printable(self._entry.path), cause=CHANGED)
        self._etag = meta["e_tag"]


class ObjectStream:
    """The bytes of one object in order, some parts of it asked for ahead."""

    def __init__(self, objects: _Objects, pool: ThreadPoolExecutor, key: str, entry: Entry) -> None:
        self._read = partial(objects.read, key, entry)
        self._room = objects.room_ahead
        self._pool = pool
        self._entry = entry
        self._asked_for = 0
        self._parts: deque[tuple[memoryview, Future[None]]] = deque()
        self._part = memoryview(b"")
        self._begun = False

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        if not self._begun:
            self._begin()
        if not self._part and (self._parts or self._asked_for < self._entry.size):
            self._next_part()
        count = min(len(buffer), len(self._part))
        buffer[:count] = self._part[:count]
        self._part = self._part[count:]
        return count

    def _begin(self) -> None:
        if self._entry.size <= _PART:  # in this thread: nothing is to be had beside it
            whole = memoryview(bytearray(self._entry.size))
            self._read(0, whole)
            self._part = whole
            self._asked_for = self._entry.size
        self._begun = True

    def _next_part(self) -> None:
        if not self._parts:
            self._ask()
        while (
            len(self._parts) <= _AHEAD
            and self._asked_for < self._entry.size
            and self._room.acquire(blocking=False)
        ):
            self._ask().add_done_callback(lambda _: self._room.release())
        part, future = self._parts.popleft()
        future.result()
        self._part = part

    def _ask(self) -> "Future[None]":
        """Ask for the next part on another thread."""
        size = min(_PART, self._entry.size - self._asked_for)
        part = memoryview(bytearray(size))
        try:
            future = self._pool.submit(self._read, self._asked_for, part)
        except RuntimeError:
            raise ReadError(printable(self._entry.path), cause="the tree was closed") from None
        self._parts.append((part, future))
        self._asked_for += size
        return future

    def close(self) -> None:
        """Ask for nothing more."""
        for _, future in self._parts:
            future.cancel()
        self._parts.clear()
