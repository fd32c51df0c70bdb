"""The log of a watched folder: what was fingerprinted in which state, and what changed later.

One file outside the folder, which only grows: JSON, one object a line, each sealed by a BLAKE3 of
the rest of the line. So it is the memory of a watch that was killed, and the history of each unit.
A line that is torn or damaged counts for nothing.

The lines of a unit's files come first (`files`: path, size, mtime and ctime in nanoseconds, inode,
Data-Code and Instance-Code in hex), then that of the unit; files count only with that.
"""

import contextlib
import json
import os
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, WriteError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import TreeFingerprint
from crate_iscc.paths import CratePath, printable
from crate_iscc.replacing import lock_at

_SEAL = 32
"""Digits of a seal."""
_TAIL = len(',"seal":""}') + _SEAL
_ROWS = 2048
"""Files in a line."""
_SYNC_SECONDS = 1.0
_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND
for _name in ("O_CLOEXEC", "O_BINARY", "O_NOFOLLOW"):
    _OPEN |= getattr(os, _name, 0)

State = tuple[int, int, int, int]
"""Size, times of modification and change in nanoseconds, inode: another state, another content.

The device is left out: its number is another one after a restart of the machine.
"""


def state_of(entries: EntryTable, number: int) -> State:
    """Return the state of a listed file."""
    stats = entries.stats
    if stats is None:
        raise ValueError("files without a state cannot be watched")
    return entries.sizes[number], stats[4 * number], stats[4 * number + 1], stats[4 * number + 2]


@dataclass(frozen=True, slots=True)
class KnownTree:
    """A Zarr that was fingerprinted: its codes, its files and, of these, the states."""

    codes: TreeFingerprint
    files: FileTable
    states: "array[int]"

    def holds(self, entries: EntryTable, numbers: range) -> bool:
        """Tell whether the files of those numbers are these, each in the same state."""
        if len(numbers) != len(self.files):
            return False
        start, stop = numbers.start, numbers.stop
        return (
            entries.sizes[start:stop] == self.files.sizes
            and states_of(entries, numbers) == self.states
            and all(
                one == two
                for one, two in zip(
                    entries.path_column.between(start, stop), self.files.raw_paths(), strict=True
                )
            )
        )


def states_of(entries: EntryTable, numbers: range) -> "array[int]":
    """Return the states of files that stand side by side, three numbers each, without sizes."""
    stats = entries.stats
    if stats is None:
        raise ValueError("files without a state cannot be watched")
    part = stats[4 * numbers.start : 4 * numbers.stop]
    states = array("Q", bytes(24 * len(numbers)))
    for word in range(3):
        states[word::3] = part[word::4]
    return states


@dataclass(slots=True)
class Memory:
    """What is known: of files with their states, and of Zarrs."""

    files: dict[str, tuple[State, Fingerprint]] = field(default_factory=dict)
    trees: dict[str, KnownTree] = field(default_factory=dict)

    def file(self, entries: EntryTable, number: int) -> Fingerprint | None:
        """Return the fingerprint of a listed file, if it is known in the state that it is in."""
        known = self.files.get(entries.path(number))
        return known[1] if known and known[0] == state_of(entries, number) else None


class WatchLog:
    """The log of one folder, locked for one watch at a time.

    Raises InputError for one that is in use, WriteError for one that cannot be kept.
    """

    def __init__(self, place: Path, folder: str) -> None:
        """`folder` is what the log is of: its real path."""
        self._place = place
        self._folder = folder
        self._synced = time.monotonic()
        self._handle = -1

    def __enter__(self) -> Self:
        shown = printable(str(self._place))
        with self._errors():
            self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._handle = os.open(self._place, _OPEN, 0o600)
            mine = lock_at(self._handle, self._place)
        if not mine:
            self.close()
            raise InputError(
                f"{printable(self._folder)} is being watched already",
                cause=f"another process writes to the journal {shown}",
                hint="end the other watch, or name another journal with --journal",
            )
        return self

    def __exit__(self, *_error: object) -> None:
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            raise WriteError(
                f"the journal {printable(str(self._place))} cannot be kept",
                cause=error.strerror or str(error),
                hint="make room, or name another with --journal; what is in it counts still",
            ) from error

    # --- reading ---------------------------------------------------------------------------------

    def recall(self) -> Memory:
        """Return what the log says, the later lines before the earlier ones.

        Raises InputError for a log of another folder, or what is no log at all.
        """
        memory = Memory()
        rows: list[list[Any]] = []
        with self._errors(), open(self._place, "rb") as file:
            number = 0
            for number, line in enumerate(file, 1):
                record = _opened(line)
                if number == 1:
                    self._check(record)
                elif record is None:
                    rows = []
                elif "files" in record:
                    rows += record["files"]
                else:
                    with contextlib.suppress(ValueError, TypeError, KeyError):
                        _take(memory, record, rows)
                    rows = []
        if not number:
            self._append(
                {"format": "crate-iscc watch 1", "folder": os.fsencode(self._folder).hex()}
            )
        else:
            self._end_line()
        return memory

    def _check(self, record: dict[str, Any] | None) -> None:
        folder = os.fsencode(self._folder).hex()
        if record is None or record.get("format") != "crate-iscc watch 1":
            problem = "it is no journal of a watch"
        elif record.get("folder") != folder:
            problem = "it is that of another folder"
        else:
            return
        raise InputError(
            f"the journal {printable(str(self._place))} cannot be used",
            cause=problem,
            hint="name another with --journal, or remove it",
        )

    def _end_line(self) -> None:
        """End a line that was torn when its writer was killed."""
        with self._errors():
            size = os.lseek(self._handle, 0, os.SEEK_END)
            os.lseek(self._handle, size - 1, os.SEEK_SET)
            if os.read(self._handle, 1) != b"\n":
                self._write(b"\n")

    # --- writing ---------------------------------------------------------------------------------

    def note(
        self,
        record: dict[str, Any],
        files: FileTable,
        states: Callable[[int], State],
    ) -> None:
        """Append what was found out of a unit, its files first. Raises WriteError."""
        for start in range(0, len(files), _ROWS):
            rows = [
                _row(file, states(start + place))
                for place, file in enumerate(files[start : start + _ROWS])
            ]
            self._append({"files": rows})
        self._append(record)

    def say(self, record: dict[str, Any]) -> None:
        """Append what happened to a unit. Raises WriteError."""
        self._append(record)

    def _append(self, record: dict[str, Any]) -> None:
        body = json.dumps(record, separators=(",", ":"))[:-1]
        seal = blake3(body.encode("ascii")).hexdigest(_SEAL // 2)
        with self._errors():
            self._write(f'{body},"seal":"{seal}"}}\n'.encode("ascii"))
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._handle)
                self._synced = time.monotonic()

    def _write(self, raw: bytes) -> None:
        view = memoryview(raw)
        while view:
            view = view[os.write(self._handle, view) :]


def _opened(line: bytes) -> dict[str, Any] | None:
    """Return what a line says, None where its seal is not of it."""
    body, tail = line[: -_TAIL - 1], line[-_TAIL - 1 :]
    seal = blake3(body).hexdigest(_SEAL // 2)
    if tail != f',"seal":"{seal}"}}\n'.encode("ascii"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _row(file: FileFingerprint, state: State) -> list[Any]:
    known = file.fingerprint
    return [file.path, *state, (known.data or b"").hex(), (known.instance or b"").hex()]


def _take(memory: Memory, record: dict[str, Any], rows: Sequence[list[Any]]) -> None:
    if record["status"] != "finished":
        return
    files = [
        (FileFingerprint(CratePath(path), _fingerprint(size, data, instance)), (size, *state))
        for path, size, *state, data, instance in rows
    ]
    if record["kind"] != "zarr":
        memory.files.update((f.path, (state, f.fingerprint)) for f, state in files)
        return
    size, data, instance = record["codes"]
    table = FileTable.of(file for file, _ in files)
    states = array("Q", (word for _, state in files for word in state[1:]))
    if len(table) != record["file_count"]:
        raise ValueError("some of the files are lacking")
    codes = TreeFingerprint(
        record["path"],
        _fingerprint(size, data, instance),
        record["treehash"],
        len(table),
        table.size,
    )
    memory.trees[record["path"]] = KnownTree(codes, table, states)


def _fingerprint(size: int, data: str, instance: str) -> Fingerprint:
    known = Fingerprint(size, bytes.fromhex(data), bytes.fromhex(instance))
    if not known.complete:
        raise ValueError("a code is not whole")
    return known
