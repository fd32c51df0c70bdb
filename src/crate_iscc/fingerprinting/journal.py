"""Remembers what was read of a crate, file by file, so that an ended verification can go on.

A journal is a file outside the crate that only grows while it is in use. It holds observations:
of a file its path, its size, its state and its digests, and when it was read. They say nothing of
what a crate records, so they stay true when that changes. An observation counts as long as the
file is in the very state in which it was read: size, modification and change time, inode, device.

The first line names the format; records follow, each of a length, a BLAKE3 that is keyed with the
crate's place, and a body. So a record that is torn, damaged or from another journal is recognised:
it and all that follow are dropped. A body is of one of these kinds:

- `C`: the crate's place, in UTF-8; the first record, once;
- `R`: a verification begins: nanoseconds since 1970 (64 bits, little-endian, as all numbers are);
- `F`: it has come to its end: nanoseconds;
- `O`: observations: nanoseconds, their number (32 bits); sizes (64 bits each), states (four times
  64 bits each), datahashes (32 bytes each), ends of the paths (32 bits each), paths (UTF-8); then,
  where other digests were computed, JSON: by the number of the file and the algorithm, in hex.
"""

import contextlib
import json
import os
import stat
import struct
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import IO, Self

from blake3 import blake3

from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, WriteError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.freshness import is_too_fresh
from crate_iscc.fingerprinting.pieces import BatchResult, Results
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.packed import FixedBytes
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, CratePath, printable
from crate_iscc.replacing import clear_leftovers, lock_at, replacing
from crate_iscc.sources import OneFileTree, Tree

_MAGIC = b"crate-iscc journal 1\n"
_HEAD = struct.Struct("<I16s")
"""Before each body: its length, and what proves it."""
_MOMENT = struct.Struct("<Q")
_COUNTED = struct.Struct("<QI")
_DIGEST = 32
_WORDS = 4
_LONGEST = 64 << 20
"""Bytes of the longest body: no more is allocated because a damaged length says so."""
_AT_ONCE = 1024
"""Files in a record that is written when a journal is written anew."""
_SYNC_SECONDS = 5.0
"""How much work a power cut may cost; a killed process loses nothing that was written."""
_STALE = 4096
"""Observations that nobody needs any more, beyond which a journal is written anew."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND
for _name in ("O_CLOEXEC", "O_BINARY", "O_NOFOLLOW"):
    _OPEN |= getattr(os, _name, 0)
_ATTEMPTS = 10
_CLOSED = -1
_SHORTEST = {b"C": 1, b"R": 9, b"F": 9, b"O": 13}
"""Bytes of the shortest body of each kind."""

Words = tuple[int, int, int, int]


def crate_place(source: str | Path) -> str:
    """Return what a crate is called in its journal: its absolute path, or its URL."""
    if "://" in str(source):
        return str(source)
    path = Path(source)
    folder = path.parent if path.name in (METADATA_FILE, LEGACY_METADATA_FILE) else path
    return os.path.realpath(folder)


def default_journal(folder: Path, source: str | Path) -> Path:
    """Return where the journal of a crate lies in a folder of journals."""
    return folder / f"{blake3(os.fsencode(crate_place(source))).hexdigest(16)}.journal"


@dataclass(frozen=True, slots=True)
class _Batch:
    """Observations as they stand in one record."""

    moment: int
    sizes: "array[int]"
    states: "array[int]"
    instances: bytes
    ends: "array[int]"
    paths: bytes
    digests: Mapping[str, Mapping[str, str]]

    def __len__(self) -> int:
        return len(self.sizes)

    def path(self, number: int) -> bytes:
        return self.paths[self.ends[number - 1] if number else 0 : self.ends[number]]

    def body(self) -> bytes:
        return b"".join(
            (
                b"O",
                _COUNTED.pack(self.moment, len(self)),
                _little(self.sizes),
                _little(self.states),
                self.instances,
                _little(self.ends),
                self.paths,
                json.dumps(self.digests).encode("ascii") if self.digests else b"",
            )
        )

    @classmethod
    def parse(cls, body: bytes) -> "_Batch":
        """Return what a body says. Raises ValueError, TypeError or AttributeError for nonsense."""
        moment, count = _COUNTED.unpack_from(body, 1)
        at = 1 + _COUNTED.size
        parts = []
        for width in (8, 8 * _WORDS, _DIGEST, 4):
            parts.append(body[at : at + width * count])
            at += width * count
        sizes, states, ends = array("q"), array("Q"), array("I")
        for column, raw in zip((sizes, states, ends), (*parts[:2], parts[3]), strict=True):
            column.frombytes(raw)
            if sys.byteorder == "big":
                column.byteswap()
        size = ends[-1] if ends else 0
        if len(parts[2]) != _DIGEST * count or len(ends) != count or len(body) < at + size:
            raise ValueError("the columns of a record differ in length")
        rest = body[at + size :]
        digests = json.loads(rest) if rest else {}
        return cls(moment, sizes, states, parts[2], ends, body[at : at + size], digests)


class Recalled:
    """What is known of the files of one table: from earlier, or read now.

    `moments` tells when each was read, 0 where it was not; `earlier` is 1 where that was earlier.
    """

    def __init__(self, entries: EntryTable, state: Words | None, book: DigestBook) -> None:
        """`state` is that of all files, where they have none of their own."""
        count = len(entries)
        self.entries = entries
        self.instances = FixedBytes(count, _DIGEST)
        self.moments = array("Q", bytes(8 * count))
        self.earlier = bytearray(count)
        self.book = book
        self._state = state
        self._next = 0

    def states(self, start: int, stop: int) -> "array[int]":
        """Return the states of files from number `start` on, up to `stop`."""
        stats = self.entries.stats
        if stats is not None:
            return stats[_WORDS * start : _WORDS * stop]
        return array("Q", (self._state or (0,) * _WORDS) * (stop - start))

    def take(self, batch: _Batch) -> None:
        """Take observations of files that are in the same state still."""
        if not len(batch):
            return
        paths = self.entries.path_column
        start = self._place_of(batch.path(0))
        stop = min(start + len(batch), len(paths))
        if (
            not batch.digests
            and not self.book
            and stop - start == len(batch)
            and self.entries.sizes[start:stop] == batch.sizes
            and self.states(start, stop) == batch.states
            and paths.joined(start, stop) == batch.paths
            and array("I", paths.ends(start, stop)) == batch.ends
        ):
            self.instances.set_run(start, batch.instances)
            self.moments[start:stop] = array("Q", (batch.moment,)) * len(batch)
            self.earlier[start:stop] = b"\1" * len(batch)
            self._next = stop
            return
        for place in range(len(batch)):
            self._take_one(batch, place)

    def _take_one(self, batch: _Batch, place: int) -> None:
        entries, raw = self.entries, batch.path(place)
        number = self._place_of(raw)
        if number == len(entries) or entries.path_column[number] != raw:
            return
        state = batch.states[_WORDS * place : _WORDS * (place + 1)]
        if entries.sizes[number] != batch.sizes[place] or self.states(number, number + 1) != state:
            return
        path = CratePath(raw.decode("utf-8"))
        digests = batch.digests.get(str(place), {})
        if digests and self.book:
            self.book.enter(path, {**self.book.digests(path), **digests})
        if self.book and self.book.lacks(path):
            return
        self.instances[number] = batch.instances[_DIGEST * place : _DIGEST * (place + 1)]
        self.moments[number] = batch.moment
        self.earlier[number] = 1

    def _place_of(self, path: bytes) -> int:
        """Return where a path stands or would: most often behind the one that was asked for."""
        paths, number = self.entries.path_column, self._next
        if number == len(paths) or paths[number] != path:
            number = bisect_left(paths, path)
        self._next = min(number + 1, len(paths))
        return number

    def lacking(self) -> "array[int]":
        """Return the numbers of the files that are to be read."""
        return array("Q", (n for n, moment in enumerate(self.moments) if not moment))

    def put(self, numbers: "array[int]", files: FileTable) -> None:
        """Take what was read now of the files of those numbers; of some nothing may have been."""
        now = time.time_ns()
        start, stop = numbers[0], numbers[-1] + 1
        if len(files) == len(numbers) == stop - start:
            self.instances.set_run(start, files.joined_instances())
            self.moments[start:stop] = array("Q", (now,)) * len(numbers)
            return
        rows = files.rows()
        row = next(rows, None)
        for number in numbers:
            if row is None:
                break
            if self.entries.path_column[number] == row[0]:
                self.instances[number] = row[3]
                self.moments[number] = now
                row = next(rows, None)

    def run(self, start: int, stop: int, instances: bytes, moment: int) -> _Batch:
        """Return what is known of files that stand side by side, as one record."""
        entries, paths = self.entries, self.entries.path_column
        return _Batch(
            moment,
            entries.sizes[start:stop],
            self.states(start, stop),
            instances,
            array("I", paths.ends(start, stop)),
            paths.joined(start, stop),
            {},
        )

    def batch(self, numbers: Sequence[int], instances: bytes, moment: int) -> _Batch:
        """Return what is known of the files of those numbers, as one record."""
        entries = self.entries
        names = [entries.path_column[number] for number in numbers]
        states = array("Q")
        digests = {}
        for place, number in enumerate(numbers):
            states.extend(self.states(number, number + 1))
            if self.book and (known := self.book.digests(entries.path(number))):
                digests[str(place)] = dict(known)
        return _Batch(
            moment,
            array("q", (entries.sizes[number] for number in numbers)),
            states,
            instances,
            array("I", accumulate(map(len, names))),
            b"".join(names),
            digests,
        )


@dataclass(frozen=True, slots=True)
class Reused:
    """How many files, and bytes, rest on earlier observations, and when those were made.

    `oldest` and `newest` are nanoseconds since 1970. With `same_run`, all of them were made by this
    verification before it was interrupted.
    """

    files: int
    size: int
    oldest: int
    newest: int
    same_run: bool


class Journal:
    """The journal of one crate, for one verification: given to verify, which opens and locks it.

    It is opened when the first file is asked for; so a crate that is none leaves no journal.
    """

    def __init__(
        self,
        place: Path,
        source: str | Path,
        *,
        since: bool = False,
        max_age: timedelta | None = None,
    ) -> None:
        """Take the place of a journal and the crate that it is of.

        With `since`, observations of all earlier verifications count, up to `max_age` if that is
        given; without, those of one that was interrupted.
        """
        self._place = place
        self._shown = printable(str(place))
        self._crate = crate_place(source)
        self._key = blake3(self._crate.encode("utf-8", "surrogatepass")).digest()
        self._since = since
        self.started_ns = time.time_ns()
        self._oldest = self.started_ns - int(max_age.total_seconds() * 1e9) if max_age else 0
        self._pieces: list[Recalled] = []
        self._observations = 0
        self._usable_from = 0
        self._synced = time.monotonic()
        self._handle = _CLOSED

    def __enter__(self) -> Self:
        """Begin: from now on, what changes may change unnoticed."""
        self.started_ns = time.time_ns()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._handle != _CLOSED:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)
            os.close(self._handle)
            self._handle = _CLOSED

    def _open(self) -> None:
        """Open the file. Raises InputError for what is no journal of this crate, or in use."""
        if self._handle == _CLOSED:
            with self._errors():
                self._handle = self._opened()
                self._begin()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(
                f"the journal {self._shown} cannot be kept",
                cause=error.strerror or str(error),
                hint="what was read until now is in it: make room or name another with --journal, "
                "and run the command again",
            ) from error

    # --- opening ---------------------------------------------------------------------------------

    def _opened(self) -> int:
        """Return the open file, locked. Raises InputError, OSError."""
        for _ in range(_ATTEMPTS):
            self._refuse_what_is_no_file()
            self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._place, _OPEN, 0o600)
            try:
                if lock_at(handle, self._place):
                    return handle
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
        raise InputError(
            f"the journal {self._shown} is in use",
            cause="another verification of this crate is running",
            hint="wait for it, or name another journal with --journal",
        )

    def _refuse_what_is_no_file(self) -> None:
        inside = Path(self._crate)
        if "://" not in self._crate and inside in Path(os.path.realpath(self._place)).parents:
            raise InputError(
                f"the journal {self._shown} would lie in the crate",
                cause="it would be a file of the crate that changes while this is verified",
                hint="name a file outside of it with --journal",
            )
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(self._place).st_mode):
                raise InputError(f"{self._shown} is no journal", cause="it is no regular file")

    def _begin(self) -> None:
        """Look through what is there, drop a torn end, and begin a verification or go on."""
        with open(self._handle, "rb", closefd=False) as file:
            start = file.read(len(_MAGIC))
        if not _MAGIC.startswith(start):
            raise InputError(
                f"{self._shown} is no journal",
                cause="it does not begin as one",
                hint="it was left as it is; name another file with --journal",
            )
        end, begun = self._looked_through() if start == _MAGIC else (0, None)
        os.ftruncate(self._handle, end)
        if not end:
            self._write(_MAGIC + self._record(b"C" + self._crate.encode("utf-8", "surrogatepass")))
            end = os.fstat(self._handle).st_size
        if begun is None:
            begun = self.started_ns
            if not self._since:
                self._usable_from = end
            self._write(self._record(b"R" + _MOMENT.pack(begun)))
        self.begun_ns = begun
        os.fsync(self._handle)

    def _looked_through(self) -> tuple[int, int | None]:
        """Return where the last good record ends, and when the verification began that is open.

        Raises InputError for the journal of another crate.
        """
        end, begun = 0, None
        self._require_this_crate()
        for start, body in self._bodies(0):
            match body[:1]:
                case b"R":
                    (begun,) = _MOMENT.unpack_from(body, 1)
                    if not self._since:
                        self._usable_from = start
                case b"F":
                    begun = None
                case b"O":
                    self._observations += _COUNTED.unpack_from(body, 1)[1]
            end = start + _HEAD.size + len(body)
        return end, begun

    def _require_this_crate(self) -> None:
        """Raise InputError if the first record is whole and names another crate."""
        with open(self._handle, "rb", closefd=False) as file:
            file.seek(len(_MAGIC))
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, proof = _HEAD.unpack(head)
            body = file.read(min(length, _LONGEST))
        other = body[1:]
        if body[:1] == b"C" and blake3(body, key=blake3(other).digest()).digest(16) == proof:
            name = other.decode("utf-8", "surrogatepass")
            if name != self._crate:
                raise InputError(
                    f"{self._shown} is the journal of another crate",
                    cause=f"it is of {printable(name)}",
                    hint="name another file with --journal",
                )

    def _bodies(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield the good records from `start` on, each with its place, up to the first bad one."""
        start = start or len(_MAGIC)
        with open(self._handle, "rb", closefd=False) as file:
            file.seek(start)
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, proof = _HEAD.unpack(head)
                if not 1 <= length <= _LONGEST:
                    return
                body = file.read(length)
                if len(body) != length or blake3(body, key=self._key).digest(16) != proof:
                    return
                if len(body) < _SHORTEST.get(body[:1], _LONGEST):
                    return
                yield start, body
                start += _HEAD.size + length

    def _record(self, body: bytes) -> bytes:
        return _HEAD.pack(len(body), blake3(body, key=self._key).digest(16)) + body

    def _write(self, raw: bytes) -> None:
        view = memoryview(raw)
        while view:
            view = view[os.write(self._handle, view) :]

    # --- use -------------------------------------------------------------------------------------

    def recall(self, tree: Tree, entries: EntryTable, book: DigestBook) -> Recalled:
        """Return what counts of earlier observations of files of a tree.

        Digests that the book asks for go into it; a file of which one is lacking counts as unread.
        Raises InputError for a tree whose files have no states, for a file that is no journal or
        that of another crate, and for one that is in use; WriteError if it cannot be kept.
        """
        recalled = Recalled(entries, self._state(tree, entries), book)
        self._open()
        with self._errors():
            self._take_into(recalled)
        for before in self._pieces:  # of files that are asked for again, the later answer counts
            for path in entries.paths() if len(entries) <= len(before.entries) else ():
                number = before.entries.find(path)
                if number is not None:
                    before.moments[number] = before.earlier[number] = 0
        self._pieces.append(recalled)
        return recalled

    def _take_into(self, recalled: Recalled) -> None:
        for _, body in self._bodies(self._usable_from):
            if body[:1] == b"O" and _COUNTED.unpack_from(body, 1)[0] >= self._oldest:
                with contextlib.suppress(ValueError, TypeError, AttributeError):
                    recalled.take(_Batch.parse(body))

    def _state(self, tree: Tree, entries: EntryTable) -> Words | None:
        if entries.stats is not None or not entries:
            return None
        if isinstance(tree, OneFileTree):
            return tree.state.words()
        raise InputError(
            f"nothing can be remembered of {printable(tree.subject)}",
            cause="its files have no times or other states that tell when one changes",
            hint="verify it without --resume and --since",
        )

    def writing(self, recalled: Recalled, numbers: "array[int]") -> Callable[[Results], None]:
        """Return what takes results into the journal, of a table of the files of those numbers."""

        def take(result: Results) -> None:
            if isinstance(result, BatchResult):
                there = array("Q", (numbers[number] for number in result.numbers))
                self._append(recalled, there, result.codes.instance, result.failed)
            elif result.known is not None and result.known.instance is not None:
                self._append(recalled, array("Q", (numbers[result.number],)), result.known.instance)

        return take

    def _append(
        self,
        recalled: Recalled,
        numbers: "array[int]",
        instances: bytes,
        failed: Collection[int] = (),
    ) -> None:
        """Append what was read of files, but of those that may change again unnoticed."""
        now = time.time_ns()
        start, stop = numbers[0], numbers[-1] + 1
        side_by_side = numbers == array("Q", range(start, stop))
        plain = side_by_side and not failed and not recalled.book
        if plain and self._all_settled(recalled, start, stop):
            self._append_batch(recalled.run(start, stop, instances, now))
            return
        kept, hashes = array("Q"), bytearray()
        for place, number in enumerate(numbers):
            mtime, ctime = recalled.states(number, number + 1)[:2]
            if place not in failed and not is_too_fresh(mtime, ctime, self.started_ns):
                kept.append(number)
                hashes += instances[_DIGEST * place : _DIGEST * (place + 1)]
        if kept:
            self._append_batch(recalled.batch(kept, bytes(hashes), now))

    def _all_settled(self, recalled: Recalled, start: int, stop: int) -> bool:
        states = recalled.states(start, stop)
        latest = max(max(states[0::_WORDS]), max(states[1::_WORDS]))
        return not is_too_fresh(0, latest, self.started_ns)

    def _append_batch(self, batch: _Batch) -> None:
        with self._errors():
            self._write(self._record(batch.body()))
            self._observations += len(batch)
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._handle)
                self._synced = time.monotonic()

    def reused(self) -> Reused:
        """Return how much rests on earlier observations."""
        files = size = newest = 0
        oldest = self.started_ns
        for piece in self._pieces:
            for number in range(len(piece.earlier)) if any(piece.earlier) else ():
                if piece.earlier[number]:
                    files += 1
                    size += piece.entries.sizes[number]
                    oldest = min(oldest, piece.moments[number])
                    newest = max(newest, piece.moments[number])
        return Reused(files, size, oldest, newest, not self._since)

    def finish(self, *, of_all: bool = True) -> None:
        """Note that the verification has come to its end, `of_all` files or of a sample.

        Raises WriteError.
        """
        if self._handle == _CLOSED:
            return
        ended = b"F" + _MOMENT.pack(time.time_ns())
        with self._errors():
            live = sum(len(piece.moments) - piece.moments.count(0) for piece in self._pieces)
            stale = self._observations > 2 * live + _STALE
            # What a sample did not ask for counts still; elsewhere an open file is not replaced.
            if stale and of_all and os.name == "posix":
                self._write_anew(ended)
            else:
                self._write(self._record(ended))
                os.fsync(self._handle)

    def _write_anew(self, ended: bytes) -> None:
        """Replace the journal by one of what counts still; it stays locked under its old name."""
        clear_leftovers(self._place)
        with replacing(self._place) as file:
            file.write(_MAGIC)
            begin = b"R" + _MOMENT.pack(self.begun_ns)
            crate = b"C" + self._crate.encode("utf-8", "surrogatepass")
            for body in (crate, begin):
                file.write(self._record(body))
            for piece in self._pieces:
                self._write_piece(piece, file)
            file.write(self._record(ended))

    def _write_piece(self, piece: Recalled, file: IO[bytes]) -> None:
        by_moment = groupby(_kept(piece, self.started_ns), piece.moments.__getitem__)
        for moment, group in by_moment:
            while numbers := list(islice(group, _AT_ONCE)):
                instances = b"".join(piece.instances[number] for number in numbers)
                file.write(self._record(piece.batch(numbers, instances, moment).body()))


def _kept(piece: Recalled, started_ns: int) -> Iterable[int]:
    """Yield the numbers of the files whose observations are worth keeping."""
    for number, moment in enumerate(piece.moments):
        if moment:
            mtime, ctime = piece.states(number, number + 1)[:2]
            if piece.earlier[number] or not is_too_fresh(mtime, ctime, started_ns):
                yield number


def _little(column: "array[int]") -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()
