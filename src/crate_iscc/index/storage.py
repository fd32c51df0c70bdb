"""The index file: who may open it, what goes in, and what comes out.

It is an SQLite file with a rollback journal: a change is in it whole or not at all, also when its
process or its machine dies in the middle. The faster write-ahead log is not used, since it needs
memory that all processes share, which network file systems do not have. Any number of processes
read; one writes, and others wait for it: while codes are computed, nobody holds a lock.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from fractions import Fraction
from heapq import nsmallest
from itertools import groupby
from pathlib import Path
from typing import Self

from crate_iscc.answers import Hit, IndexedCrate
from crate_iscc.codes import Distance
from crate_iscc.errors import InputError, ReadError, WriteError
from crate_iscc.hamming import nearest
from crate_iscc.index.schema import APPLICATION_ID, BLOCK, PAGE_SIZE, TABLES, VERSION
from crate_iscc.paths import printable
from crate_iscc.similarity.members import LEAST_IDENTITY, Gathered, Member

_WAIT_SECONDS = 30.0
"""How long one process waits for the lock of another."""
_MAGIC = b"SQLite format 3\0"
"""What an SQLite file begins with (Database File Format, 1.3)."""
_CRATES = (
    "SELECT number, given, place, name, identifier, recorded, added, members, left_out"
    " FROM crates ORDER BY number"
)


class Index:
    """An index that is open, for one thread; `close` it, or use it in a `with`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def reading(cls, path: Path, *, wait: float = _WAIT_SECONDS) -> Self:
        """Open an index to read it. Raises InputError if there is none, or it is none."""
        if not path.exists():
            raise InputError(
                f"there is no index at {printable(str(path))}",
                hint="crate-iscc index add CRATE makes one",
            )
        _refuse_other_files(path)
        # What a killed writer left behind has to be rolled back, which only who may write can do.
        mode = "rw" if os.access(path, os.W_OK) else "ro"
        index = cls(_connect(path, mode, wait), path)
        try:
            with index._translated():
                index._check()
        except BaseException:
            index.close()
            raise
        return index

    @classmethod
    def writing(cls, path: Path, *, wait: float = _WAIT_SECONDS) -> Self:
        """Open an index to change it, and make it if there is none.

        Raises InputError if the file is something else, WriteError if it cannot be written.
        """
        _refuse_other_files(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(
                f"no index can be made at {printable(str(path))}", cause=error.strerror
            ) from error
        index = cls(_connect(path, "rwc", wait), path)
        try:
            with index._translated():
                index._make()
        except BaseException:
            index.close()
            raise
        return index

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have everything that is read inside be of one moment, whoever writes meanwhile."""
        with self._translated():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def add(self, gathered: Gathered, *, now: str) -> bool:
        """Take in what was gathered of a source, in place of what is there from the same place.

        Returns whether anything was. Whole or not at all. Raises WriteError.
        """
        members = sorted(gathered.members, key=lambda member: len(member.data))
        place = _raw(gathered.place)
        with self._change():
            was_there = self._drop(place)
            number = self._connection.execute(
                "INSERT INTO crates (place, given, name, identifier, recorded, added, members,"
                " left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    place,
                    _raw(gathered.source),
                    _text(gathered.name),
                    _text(gathered.identifier),
                    gathered.recorded,
                    now,
                    len(members),
                    len(gathered.without_code) + len(gathered.unread),
                ),
            ).lastrowid
            self._connection.executemany(
                "INSERT INTO members VALUES (?, ?, ?, ?, ?)",
                (
                    (number, at, _text(member.path), member.size, member.identity)
                    for at, member in enumerate(members)
                ),
            )
            self._connection.executemany(
                "INSERT INTO blocks VALUES (?, ?, ?, ?, ?)",
                ((number, *block) for block in _blocks(members)),
            )
        return was_there

    def remove(self, crate: IndexedCrate) -> None:
        """Take a crate out. Raises WriteError."""
        with self._change():
            self._drop(_raw(crate.place))

    def crates(self) -> list[IndexedCrate]:
        """Return the crates, in the order in which they were added."""
        with self._translated():
            if self._is_empty():
                return []
            return [_crate(row) for row in self._connection.execute(_CRATES)]

    def count(self) -> int:
        """Return how many files and folders are in the index."""
        return sum(crate.members for crate in self.crates())

    def widths(self) -> dict[int, int]:
        """Return how many Data-Codes there are of each width, in bytes."""
        with self._translated():
            if self._is_empty():
                return {}
            rows = self._connection.execute(
                "SELECT width, sum(count) FROM blocks GROUP BY width ORDER BY width"
            )
            return dict(rows)

    def same(self, identity: bytes) -> list[Hit]:
        """Return what has this digest, as far as both are known: at least 64 bits."""
        crates = {crate.number: crate for crate in self.crates()}
        if not crates or len(identity) < LEAST_IDENTITY:
            return []
        shorter = [identity[:length] for length in range(LEAST_IDENTITY, len(identity), 4)]
        with self._translated():
            marks = ", ".join("?" * len(shorter))
            rows = self._connection.execute(
                "SELECT crate, number, path, size, identity FROM members"  # noqa: S608
                f" WHERE (identity BETWEEN ? AND ?) OR identity IN ({marks})"
                " ORDER BY crate, path",
                (identity, identity + b"\xff" * (32 - len(identity)), *shorter),
            ).fetchall()
        return [Hit(crates[row[0]], row[1], _member(crates[row[0]], row)) for row in rows]

    def near(
        self,
        code: bytes,
        limits: Mapping[int, int],
        most: int,
        *,
        without: Set[tuple[int, int]] = frozenset(),
    ) -> tuple[list[Hit], int]:
        """Return the nearest Data-Codes to one, at most so many, and how many are near.

        `limits` says how many bits may differ, by the width (in bytes) at which two codes are
        compared: that of the shorter one. `without` are crates and numbers of
        members that are not to be named.
        """
        crates = {crate.number: crate for crate in self.crates()}
        found: list[tuple[Fraction, int, int, Distance]] = []
        count = 0
        with self._translated():
            blocks = (
                self._connection.execute("SELECT crate, first, width, codes FROM blocks")
                if crates
                else ()
            )
            for crate, first, width, codes in blocks:
                if len(codes) % width or not 4 <= width <= 32:
                    raise ValueError("no such codes")
                shorter = min(width, len(code))
                limit = limits.get(shorter, -1)
                if limit < 0:
                    continue
                some = nearest(codes, width, code[:shorter], limit, len(codes) // width)
                if without:
                    some = [pair for pair in some if (crate, first + pair[0]) not in without]
                count += len(some)
                found += [
                    (Fraction(bits, 8 * shorter), crate, first + at, Distance(bits, 8 * shorter))
                    for at, bits in some[:most]
                ]
                if len(found) > 16 * most:
                    found = nsmallest(most, found, key=_first_three)
            hits = []
            for _, crate, number, distance in nsmallest(most, found, key=_first_three):
                row = self._connection.execute(
                    "SELECT crate, number, path, size, identity FROM members"
                    " WHERE crate = ? AND number = ?",
                    (crate, number),
                ).fetchone()
                hits.append(Hit(crates[crate], number, _member(crates[crate], row), distance))
        return hits, count

    def members(self, crate: IndexedCrate) -> Iterator[Member]:
        """Yield everything of a crate, with its codes."""
        with self._translated():
            rows = self._connection.execute(
                "SELECT crate, number, path, size, identity FROM members"
                " WHERE crate = ? ORDER BY number",
                (crate.number,),
            )
            codes = self._codes(crate)
            for number, row in enumerate(rows):
                yield replace(_member(crate, row), data=codes.get(number, b""))

    def _codes(self, crate: IndexedCrate) -> dict[int, bytes]:
        """Return the Data-Codes of a crate by the numbers of its members, as far as there are."""
        blocks = self._connection.execute(
            "SELECT first, width, count, codes FROM blocks WHERE crate = ?", (crate.number,)
        )
        return {
            first + at: codes[at * width : (at + 1) * width]
            for first, width, count, codes in blocks
            for at in range(count)
        }

    def _make(self) -> None:
        """Check the file, and make the tables if it is new, in one transaction."""
        if self._header() == (0, 0, 0):
            self._connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            with self._change():
                if self._header() == (0, 0, 0):
                    for table in TABLES:
                        self._connection.execute(table)
                    self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._check()

    def _header(self) -> tuple[int, int, int]:
        """Return the application id, the version, and the number of tables."""
        one = self._connection.execute
        return (
            one("PRAGMA application_id").fetchone()[0],
            one("PRAGMA user_version").fetchone()[0],
            one("SELECT count(*) FROM sqlite_master").fetchone()[0],
        )

    def _is_empty(self) -> bool:
        """Tell whether nothing was ever added: its making was cut short, which left a bare file."""
        return self._header() == (0, 0, 0)

    def _check(self) -> None:
        """Raise InputError for a file of something else, or of a later version."""
        application, version, tables = self._header()
        if (application, version, tables) == (0, 0, 0):
            return
        shown = printable(str(self._path))
        if application != APPLICATION_ID:
            raise InputError(
                f"{shown} is no index of crate-iscc",
                cause="it is an SQLite file of another program",
                hint="name another file with --index",
            )
        if version != VERSION:
            raise InputError(
                f"{shown} is an index of version {version}",
                cause=f"this crate-iscc knows version {VERSION}",
                hint="use a newer crate-iscc",
            )

    def _drop(self, place: bytes) -> bool:
        row = self._connection.execute(
            "SELECT number FROM crates WHERE place = ?", (place,)
        ).fetchone()
        if row is None:
            return False
        self._connection.execute("DELETE FROM members WHERE crate = ?", row)
        self._connection.execute("DELETE FROM blocks WHERE crate = ?", row)
        self._connection.execute("DELETE FROM crates WHERE number = ?", row)
        return True

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Do all of what is inside, or nothing."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite raises into what it means for the user."""
        try:
            yield
        except sqlite3.Error as error:
            raise _meaning(error, self._path) from error
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            # Rows that this module does not write: codes cut short, members of no crate.
            raise _damaged(
                printable(str(self._path)), "its tables contradict each other"
            ) from error


def _damaged(shown: str, cause: str) -> InputError:
    return InputError(
        f"the index {shown} is damaged",
        cause=cause,
        hint="remove it, and add the crates again with: crate-iscc index add",
    )


def _first_three(
    near: tuple[Fraction, int, int, Distance],
) -> tuple[Fraction, int, int]:
    return near[:3]


def _refuse_other_files(path: Path) -> None:
    """Raise InputError for what is no SQLite file: SQLite takes a very short file for an empty one.

    A file without any byte is an index that was not made to its end.
    """
    shown = printable(str(path))
    if path.is_dir():
        raise InputError(f"no index: {shown} is a directory")
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ReadError(f"the index {shown} cannot be read", cause=error.strerror) from error
    if beginning and beginning != _MAGIC:
        raise _no_sqlite(shown)


def _no_sqlite(shown: str) -> InputError:
    return InputError(
        f"{shown} is no index of crate-iscc",
        cause="it is no SQLite file",
        hint="name another file with --index",
    )


def _connect(path: Path, mode: str, wait: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)
        # What is changed stays in memory until it is committed, so that readers wait for that only.
        connection.execute("PRAGMA cache_spill = OFF")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = OFF")
        # A file that somebody prepared is data, and never code.
        connection.execute("PRAGMA trusted_schema = OFF")
    except sqlite3.Error as error:
        raise _meaning(error, path) from error
    return connection


def _meaning(error: sqlite3.Error, path: Path) -> InputError | ReadError | WriteError:
    shown = printable(str(path))
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return _no_sqlite(shown)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return WriteError(
            f"the index {shown} is in use",
            cause=f"another process has been writing it for {_WAIT_SECONDS:.0f} seconds",
            hint="try again later",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN):
        return WriteError(f"the index {shown} cannot be written or opened", cause=str(error))
    if code == sqlite3.SQLITE_IOERR:
        return ReadError(f"the index {shown} cannot be read", cause=str(error))
    return _damaged(shown, str(error))


def _blocks(members: Sequence[Member]) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (first, width, count, codes) of members that are sorted by the width of their codes."""
    first = 0
    for width, group in groupby(members, key=lambda member: len(member.data)):
        codes = [member.data for member in group]
        for at in range(0, len(codes), BLOCK):
            some = codes[at : at + BLOCK]
            if width:
                yield first + at, width, len(some), b"".join(some)
        first += len(codes)


def _crate(
    row: tuple[int, bytes, bytes, str | None, str | None, int, str, int, int],
) -> IndexedCrate:
    number, given, place, name, identifier, recorded, added, members, left_out = row
    return IndexedCrate(
        number,
        os.fsdecode(given),
        os.fsdecode(place),
        name,
        identifier,
        bool(recorded),
        added,
        members,
        left_out,
    )


def _member(crate: IndexedCrate, row: tuple[int, int, str, int | None, bytes]) -> Member:
    _, _, path, size, identity = row
    return Member(crate.place, path, size, b"", identity)


def _raw(text: str) -> bytes:
    """Return a path of this system as bytes: it may hold what is no Unicode."""
    return os.fsencode(text)


def _text(text: str | None) -> str | None:
    """Return text as SQLite can hold it: half a surrogate pair in metadata becomes a mark."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
