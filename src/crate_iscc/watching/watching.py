"""Watches a folder: what is finished is fingerprinted, and the crate says so; the rest waits.

A unit is finished when a marker says so; or when its files have been still for the settle time,
nobody holds one open for writing, and its format says that it is whole. Time is that of a clock
that never jumps, from when this process saw the state first: times of files only tell states apart.

While a watch runs, the whole has no code. At its end it gets a treehash, if all that is there is
finished; its ISCC-SUM needs a read in an order of its own, which a build does.
"""

import os
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from blake3 import blake3

from crate_iscc.building.apply import apply
from crate_iscc.building.finished import plan_finished, recorded_before
from crate_iscc.codes import Fingerprint
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import CrateIsccError, InputError, ReadError, WriteError
from crate_iscc.file_table import FileFingerprint, FileTable, TableBuilder
from crate_iscc.fingerprinting.freshness import tick_of
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import Payload, fingerprint_tree, leftovers, list_payload
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import Manifest, Recipe, TreeFingerprint, Unread, treehash
from crate_iscc.paths import CratePath, glob_matcher, printable, utf8_order
from crate_iscc.progress import Progress
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.watching.events import Show, Tell, UnitEvent, UnitStatus, Warn, WatchProgress
from crate_iscc.watching.log import KnownTree, Memory, State, WatchLog, state_of, states_of
from crate_iscc.watching.places import held_by_writers, is_remote
from crate_iscc.watching.units import Unit, UnitKind, is_temporary, marked, units_of
from crate_iscc.watching.wakes import Wakes
from crate_iscc.watching.whole import named_by_companion, problem_of

_BATCH_FILES = 1024
_BATCH_BYTES = 64 << 20
"""Units are read together up to this many files and bytes: after that, a watch can be ended."""
_SHORTEST_POLL, _LONGEST_POLL = 0.05, 5.0
_SHARE_OF_LISTING = 4
"""Listing takes at most one part of the time in so many, and one."""
_SHARE_OF_WRITING = 9
"""Writing the crate likewise: so many units cost no more than in proportion to their number."""
_RETRY_SECONDS = 1.0
_LONGEST_RETRY = 300.0
_ANOTHER = "another directory has its place: is it not mounted?"
_NOT_STILL = "it has not been still for long enough"
_NAMED_AT_MOST = 1000
"""Units that are not finished, named one by one at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How to watch: times in seconds; `markers` is a pattern in the syntax of .gitignore.

    `patience` is after what time a unit that is not finished is reported, then after twice that,
    and so on.
    """

    settle: float = 30.0
    markers: str | None = None
    poll: bool = False
    once: bool = False
    patience: float = 300.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a watch ended: units that are finished, and what is not.

    `closed` tells whether the whole has a treehash, `has_iscc` whether it has an ISCC-SUM too.
    """

    finished: int
    unfinished: int
    closed: bool
    has_iscc: bool


@dataclass(slots=True)
class _Pending:
    """A unit that is not finished: in which state it is, and since when that has been seen."""

    state: bytes
    since: float
    first_seen: float
    told_at: float
    needed: float
    """Seconds for which it has to be still."""
    reason: str = ""
    looked_at: bytes = b""
    problem: str | None = None
    """The state in which its format was looked at last, and why it was not whole then."""


@dataclass(slots=True)
class _Seen:
    """One look at the folder."""

    entries: EntryTable
    refused: tuple[Unread, ...]
    left_behind: tuple[CratePath, ...]
    units: list[Unit]
    marked: set[str]
    at: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class Watcher:
    """Watches one folder until it is told to end.

    `asked` says how often the user asked for the end: once, the unit at hand is finished and the
    crate written; twice, KeyboardInterrupt is raised as soon as can be. `now` is the time of the
    day, for the record; `tell` is told of units, `warn` of what else a person should know, `show`
    how far it is.
    """

    folder: Path
    options: WatchOptions
    log: WatchLog
    kernel: Kernel
    now: Callable[[], datetime]
    tell: Tell
    warn: Warn
    show: Show
    asked: Callable[[], int]
    jobs: int | None = None
    gentle: bool = False
    _tree: DirectoryTree = field(init=False)
    _memory: Memory = field(init=False)
    _identity: tuple[int, int] = field(init=False)
    _before: Manifest = field(default_factory=Manifest)
    _whole: TreeFingerprint = field(default=TreeFingerprint(""))
    """The codes of the whole that were recorded last with an ISCC-SUM."""
    _kept: set[str] = field(default_factory=set)
    """Units that are as the crate recorded them before, as far as names and sizes tell.

    It goes on to say so, until they are read: it would lose the codes of a build else.
    """
    _finished: set[str] = field(default_factory=set)
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)
    _companions: dict[str, tuple[object, tuple[str, ...]]] = field(default_factory=dict)
    _dirty: bool = False
    _write_at: float = 0.0
    _retry: float = _RETRY_SECONDS

    def run(self) -> Ended:
        """Watch, and return how it ended.

        Raises InputError for a folder that cannot be watched, ReadError if it disappears,
        WriteError if the journal, or at the end the crate, cannot be written.
        """
        self._tree = DirectoryTree(self.folder)
        self._identity = self._id()
        self._before = recorded_before(self._tree)
        self._whole = self._before.root
        glob_matcher([self.options.markers] if self.options.markers else [])
        self._memory = self.log.recall()
        wakes = Wakes(self._tree.path, poll=self.options.poll or is_remote(self._tree.path))
        try:
            return self._run(wakes)
        finally:
            wakes.close()

    def _run(self, wakes: Wakes) -> Ended:
        first, told = True, False
        while True:
            seen = self._look()
            if first:
                self._resume(seen)
                first = False
            if wakes.problem and not told:
                told = True
                self.warn(f"looking again and again: {wakes.problem}")
            all_done = self._finish_ready(seen)
            self._write_if_due(seen)
            over = self.options.once and all_done and self._had_their_time(seen)
            if self.asked() or over:
                return self._end()
            self._show()
            if all_done:
                busy = self._pending or self._dirty
                wakes.wait(self._interval(seen), self._asked, quiet=not busy)

    def _asked(self) -> int:
        count = self.asked()
        if count > 1:
            raise KeyboardInterrupt
        return count

    def _interval(self, seen: _Seen) -> float:
        poll = min(max(self.options.settle / 4, _SHORTEST_POLL), _LONGEST_POLL)
        return max(poll, _SHARE_OF_LISTING * seen.seconds)

    def _had_their_time(self, seen: _Seen) -> bool:
        """Tell whether every unit could have shown by then that it is still."""
        return all(
            seen.at - pending.first_seen >= pending.needed for pending in self._pending.values()
        )

    # --- looking ---------------------------------------------------------------------------------

    def _id(self) -> tuple[int, int]:
        try:
            status = os.stat(self._tree.path)
        except OSError as error:
            raise self._gone(error.strerror) from error
        return status.st_dev, status.st_ino

    def _gone(self, cause: str | None) -> ReadError:
        return ReadError(
            f"{printable(self._tree.subject)} is not there any more",
            cause=cause,
            hint="start the watch again when it is back: what was finished is in the journal",
        )

    def _look(self) -> _Seen:
        """List the folder, and settle what became of each unit."""
        started = time.monotonic()
        if self._id() != self._identity:
            raise self._gone(_ANOTHER)
        left: list[CratePath] = []
        payload = list_payload(
            self._tree,
            excluded=self._before.recipe.excluded,
            look=lambda entries: left.extend(leftovers(entries)),
        )
        if self._id() != self._identity:
            raise self._gone(_ANOTHER)
        entries = payload.entries
        entries = entries.without(n for path in left if (n := entries.find(path)) is not None)
        units = units_of(entries, self._named_by)
        if units and not units[0].path:
            raise InputError(
                f"{printable(self._tree.subject)} is a Zarr itself",
                hint="watch the folder that it lies in",
            )
        markers: set[str] = set()
        if self.options.markers:
            matches = glob_matcher([self.options.markers])
            found = [path for path in entries.paths() if matches(path)]
            markers = marked(units, entries, found) | set(found)
        seen = _Seen(entries, payload.refused, tuple(left), units, markers)
        self._settle(seen)
        seen.seconds = time.monotonic() - started
        return seen

    def _named_by(self, entry: Entry) -> tuple[str, ...]:
        """Return what a companion file names; it is read again when it has changed."""
        known = self._companions.get(entry.path)
        if known is None or known[0] != entry:
            known = self._companions[entry.path] = (
                entry,
                named_by_companion(self._tree.path, entry),
            )
        return known[1]

    def _settle(self, seen: _Seen) -> None:
        """Say of each unit whether it is known, and since when the others have been still."""
        seen.at = time.monotonic()
        there = {unit.path for unit in seen.units}
        for unit in seen.units:
            if not self._is_known(unit, seen.entries):
                self._watch_unit(unit, seen)
                continue
            self._pending.pop(unit.path, None)
            if unit.path not in self._finished:
                self._finished.add(unit.path)
                self._kept.discard(unit.path)
                self._dirty = True
        for path in self._pending.keys() - there:
            del self._pending[path]
        if self._kept - there:
            self._kept &= there
            self._write_soon()
        for path in sorted(self._finished - there):
            self._finished.remove(path)
            self._write_soon()
            hidden = any(f"{path}/".startswith(f"{r.path.rstrip('/')}/") for r in seen.refused)
            if not hidden and (path.endswith("/") or path not in seen.entries):
                self._happened(UnitStatus.GONE, path, "it is not there any more")
        for refused in seen.refused:
            if refused.path not in self._unread:
                self._unread.add(refused.path)
                self._say(UnitStatus.UNREAD, refused.path, note=refused.reason)

    def _watch_unit(self, unit: Unit, seen: _Seen) -> None:
        """Note in which state a unit is that is not finished."""
        if unit.path in self._finished:
            self._finished.remove(unit.path)
            self._happened(UnitStatus.CHANGED, unit, "it changed after it was fingerprinted")
        state = _digest(unit, seen.entries)
        pending = self._pending.get(unit.path)
        if pending is None:
            pending = self._pending[unit.path] = _Pending(state, seen.at, seen.at, seen.at, 0.0)
            self._dirty = True  # a build beside this watch may have given the whole a code
        elif pending.state != state:
            pending.state, pending.since, pending.reason = state, seen.at, ""
            if unit.path in self._kept:
                self._kept.remove(unit.path)
                self._write_soon()
        pending.needed = self._needed(unit, seen)

    def _write_soon(self) -> None:
        """Have the crate written at once: it says something that does not hold any more."""
        self._dirty, self._write_at = True, 0.0

    def _needed(self, unit: Unit, seen: _Seen) -> float:
        """Return for how many seconds a unit has to be still.

        Also where a marker speaks for it: of what changes again in the same tick of the file
        system's clock, nothing would show.
        """
        stats = seen.entries.stats or array("Q")
        tick = max(tick_of(stats[4 * number]) for number in unit.numbers) / 1e9
        return tick if unit.path in seen.marked else max(tick, self.options.settle)

    def _is_known(self, unit: Unit, entries: EntryTable) -> bool:
        if unit.kind is UnitKind.ZARR:
            tree = self._memory.trees.get(unit.path)
            return (
                tree is not None
                and isinstance(unit.numbers, range)
                and tree.holds(entries, unit.numbers)
            )
        return not unit.lacking and all(
            self._memory.file(entries, number) for number in unit.numbers
        )

    def _resume(self, seen: _Seen) -> None:
        """Say what was known before; leave a crate alone that says all that this one would."""
        if self._finished:
            self.warn(f"{len(self._finished)} known from before, and unchanged")
        self._kept = {
            unit.path
            for unit in seen.units
            if unit.path in self._pending and self._was_recorded(unit, seen.entries)
        }
        self._dirty = True
        if self._is_complete(seen):
            whole = treehash(self._manifest(seen).files)
            self._dirty = whole != self._before.root.treehash
        self._write_at = 0.0

    def _was_recorded(self, unit: Unit, entries: EntryTable) -> bool:
        """Tell whether the crate recorded a unit with files of the same names and sizes."""
        files = self._before.files
        if unit.kind is UnitKind.ZARR:
            members = files.below(unit.path)
            start, stop = unit.numbers[0], unit.numbers[-1] + 1
            return (
                any(tree.path == unit.path and tree.iscc for tree in self._before.containers)
                and members.sizes == entries.sizes[start:stop]
                and [*members.raw_paths()] == [*entries.path_column.between(start, stop)]
                and all(map(_is_writable, members))
            )
        for number in unit.numbers:
            known = files.get(entries.path(number))
            if known is None or known.fingerprint.size != entries.sizes[number]:
                return False
            if not _is_writable(known):
                return False
        return True

    # --- finishing -------------------------------------------------------------------------------

    def _finish_ready(self, seen: _Seen) -> bool:
        """Fingerprint what is finished, a few units at a time.

        Returns False where it stopped before the last of them: because the end was asked for, or
        because what was seen has become old, so that it is time for another look.
        """
        held: frozenset[str] | None = None
        ready: list[Unit] = []
        count = size = 0
        for unit in seen.units:
            pending = self._pending.get(unit.path)
            if pending is None:
                continue
            if not _is_still(pending):
                pending.reason = pending.reason or _NOT_STILL
                self._mind(unit, pending)
                continue
            if held is None:
                held = held_by_writers(self._tree.path)
            pending.reason = self._problem(unit, pending, seen, held)
            if pending.reason:
                self._mind(unit, pending)
                continue
            ready.append(unit)
            count += len(unit.numbers)
            size += sum(seen.entries.sizes[number] for number in unit.numbers)
            if unit.kind is UnitKind.ZARR or count >= _BATCH_FILES or size >= _BATCH_BYTES:
                self._finish(ready, seen)
                self._write_if_due(seen)
                if self._asked() or time.monotonic() - seen.at > self._interval(seen):
                    return False
                ready, count, size = [], 0, 0
        self._finish(ready, seen)
        return True

    def _finish(self, units: Sequence[Unit], seen: _Seen) -> None:
        """Fingerprint units that are finished; a Zarr is the last of them."""
        files = [unit for unit in units if unit.kind is not UnitKind.ZARR]
        if files:
            self._finish_files(files, seen)
        for unit in units[len(files) :]:
            if not files or not self._asked():
                self._finish_zarr(unit, seen)

    def _problem(self, unit: Unit, pending: _Pending, seen: _Seen, held: frozenset[str]) -> str:
        """Say why a unit that is still is not finished, or nothing."""
        for item in seen.refused if unit.kind is UnitKind.ZARR else ():
            if item.path.startswith(unit.path):
                return f"{printable(item.path)}: {item.reason}"
        entries = [seen.entries[number] for number in unit.numbers]
        for entry in entries:
            if is_temporary(entry.path):
                return f"{printable(entry.path)} has the name of a temporary file"
        if unit.lacking:
            return f"{printable(unit.lacking[0])} belongs to it and is not there"
        if unit.path in seen.marked:
            return ""
        for entry in entries if held else ():
            if entry.path in held:
                return f"a program has {printable(entry.path)} open for writing"
        if pending.looked_at != pending.state:
            pending.looked_at = pending.state
            pending.problem = problem_of(self._tree.path, unit.path, entries)
        return pending.problem or ""

    def _mind(self, unit: Unit, pending: _Pending) -> None:
        """Report a unit that has not been finished for too long, each time after twice as long."""
        now = time.monotonic()
        waited = now - pending.first_seen
        since_told = pending.told_at - pending.first_seen
        if waited >= max(self.options.patience, 2 * since_told):
            pending.told_at = now
            note = f"not finished after {waited:.0f} s: {pending.reason}"
            self._say(UnitStatus.WAITING, unit.path, kind=unit.kind.value, note=note)

    def _finish_files(self, units: Sequence[Unit], seen: _Seen) -> None:
        entries, memory = seen.entries, self._memory
        wanted = sorted(
            number for unit in units for number in unit.numbers if not memory.file(entries, number)
        )
        chosen = entries.chosen(array("Q", wanted))
        doing = units[0].path if len(units) == 1 else f"{len(units)} units"
        files, unread = hash_files(
            self._tree,
            chosen,
            self.kernel,
            jobs=self.jobs,
            gentle=self.gentle,
            progress=self._progress(doing),
            step="fingerprinting",
        )
        reasons = {item.path: item.reason for item in unread}
        for number, path in zip(wanted, chosen.paths(), strict=True):
            file = files.get(path)
            if file is not None:
                memory.files[path] = state_of(entries, number), file.fingerprint
        for unit in units:
            failed = [path for n in unit.numbers if (path := entries.path(n)) in reasons]
            if failed:
                self._later(unit, f"{printable(failed[0])}: {reasons[failed[0]]}")
                continue
            known = {n: k for n in unit.numbers if (k := memory.file(entries, n))}
            table = FileTable.of(FileFingerprint(entries.path(n), k) for n, k in known.items())
            first = table.get(unit.path)
            code = first.fingerprint if first else Fingerprint()
            self._is_finished(
                unit,
                UnitEvent(
                    status=UnitStatus.FINISHED,
                    path=unit.path,
                    time=self._time(),
                    kind=unit.kind.value,
                    files=len(table),
                    size=table.size,
                    iscc=code.iscc(),
                    digest=code.datahash,
                ),
                table,
                partial(_state_at, entries, unit.numbers),
                {},
            )

    def _finish_zarr(self, unit: Unit, seen: _Seen) -> None:
        entries = seen.entries
        numbers = range(unit.numbers[0], unit.numbers[-1] + 1)
        part = entries.chosen(array("Q", numbers))
        manifest = fingerprint_tree(
            self._tree,
            Payload(part, (), (unit.path,)),
            self.kernel,
            jobs=self.jobs,
            gentle=self.gentle,
            progress=self._progress(unit.path),
        )
        if manifest.unread:
            item = manifest.unread[0]
            self._later(unit, f"{printable(item.path)}: {item.reason}")
            return
        codes = manifest.containers[0]
        if codes.iscc is None or codes.treehash is None:
            self._later(unit, "an .isccignore file in it cannot be understood")
            return
        self._memory.trees[unit.path] = KnownTree(
            codes, manifest.files, states_of(entries, numbers)
        )
        whole = codes.iscc
        self._is_finished(
            unit,
            UnitEvent(
                status=UnitStatus.FINISHED,
                path=unit.path,
                time=self._time(),
                kind=unit.kind.value,
                files=codes.files,
                size=codes.size,
                iscc=whole.iscc(),
                digest=codes.treehash,
            ),
            manifest.files,
            partial(_state_at, entries, numbers),
            {"codes": [whole.size, (whole.data or b"").hex(), (whole.instance or b"").hex()]},
        )

    def _is_finished(
        self,
        unit: Unit,
        event: UnitEvent,
        files: FileTable,
        states: Callable[[int], State],
        more: dict[str, Any],
    ) -> None:
        self.log.note({**event.record(), **more}, files, states)
        self._finished.add(unit.path)
        self._kept.discard(unit.path)
        self._pending.pop(unit.path, None)
        self._dirty = True
        self.tell(event)

    def _later(self, unit: Unit, reason: str) -> None:
        """Have a unit wait again, from now on."""
        pending = self._pending[unit.path]
        pending.since, pending.reason = time.monotonic(), reason
        self._mind(unit, pending)

    def _progress(self, doing: str) -> Callable[[Progress], None]:
        def sink(state: Progress) -> None:
            self._asked()
            self._show(doing, state.done_bytes, state.total_bytes)

        return sink

    # --- telling ---------------------------------------------------------------------------------

    def _time(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _say(
        self, status: UnitStatus, path: str, *, note: str, kind: str | None = None
    ) -> UnitEvent:
        event = UnitEvent(status=status, path=path, time=self._time(), kind=kind, note=note)
        self.tell(event)
        return event

    def _happened(self, status: UnitStatus, unit: Unit | str, note: str) -> None:
        """Tell of a unit whose codes do not hold any more: the crate is written at once."""
        path, kind = (unit, None) if isinstance(unit, str) else (unit.path, unit.kind.value)
        self._write_soon()
        self.log.say(self._say(status, path, note=note, kind=kind).record())

    def _show(self, doing: str = "", done: int = 0, total: int = 0) -> None:
        waiting = len(self._pending)
        self.show(WatchProgress(len(self._finished), waiting, doing, done, total))

    # --- writing ---------------------------------------------------------------------------------

    def _manifest(self, seen: _Seen, *, whole: bool = False) -> Manifest:
        """Return what is finished of what was seen; with `whole`, the treehash of all of it."""
        builder = TableBuilder()
        trees = []
        for unit in seen.units:
            if unit.path in self._finished:
                source = self._known
            elif unit.path in self._kept:
                source = self._recorded
            else:
                continue
            codes, files = source(unit, seen.entries)
            trees.extend([codes] if codes else [])
            if isinstance(files, FileTable):
                builder.add_table(files)
            else:
                for file in files:
                    builder.add(file)
        table = builder.table()
        root = TreeFingerprint("")
        if whole:
            digest = treehash(table)
            iscc = self._whole.iscc if digest == self._whole.treehash else None
            root = TreeFingerprint("", iscc, digest, len(table), table.size)
        return Manifest(
            table,
            tuple(sorted(trees, key=lambda tree: utf8_order(tree.path))),
            root,
            recipe=Recipe(self._before.recipe.excluded),
        )

    def _known(
        self, unit: Unit, entries: EntryTable
    ) -> tuple[TreeFingerprint | None, Iterable[FileFingerprint]]:
        """Return the codes and the files of a unit that is finished."""
        if unit.kind is UnitKind.ZARR:
            tree = self._memory.trees[unit.path]
            return tree.codes, tree.files
        known = ((n, self._memory.file(entries, n)) for n in unit.numbers)
        return None, (FileFingerprint(entries.path(n), k) for n, k in known if k)

    def _recorded(
        self, unit: Unit, entries: EntryTable
    ) -> tuple[TreeFingerprint | None, Iterable[FileFingerprint]]:
        """Return what the crate recorded of a unit before."""
        files = self._before.files
        if unit.kind is UnitKind.ZARR:
            codes = next(tree for tree in self._before.containers if tree.path == unit.path)
            return codes, files.below(unit.path)
        known = (files.get(entries.path(number)) for number in unit.numbers)
        return None, (file for file in known if file)

    def _is_complete(self, seen: _Seen) -> bool:
        return bool(self._finished) and not self._pending and not seen.refused

    def _write_if_due(self, seen: _Seen) -> None:
        if not self._dirty or time.monotonic() < self._write_at:
            return
        started = time.monotonic()
        try:
            self._write(seen, self._manifest(seen))
        except CrateIsccError as error:
            self.warn(f"{error} (tried again in {self._retry:.0f} s)")
            self._write_at = time.monotonic() + self._retry
            self._retry = min(2 * self._retry, _LONGEST_RETRY)
            return
        self._dirty, self._retry = False, _RETRY_SECONDS
        ended = time.monotonic()
        self._write_at = ended + _SHARE_OF_WRITING * (ended - started)

    def _write(self, seen: _Seen, manifest: Manifest) -> bool:
        """Write the crate; tell whether the whole has an ISCC-SUM in it."""
        plan, before = plan_finished(
            self._tree,
            manifest,
            there=seen.entries,
            leftovers=seen.left_behind,
            now=self.now(),
            kernel=self.kernel,
        )
        if self._id() != self._identity:
            raise self._gone(_ANOTHER)
        if manifest.files or plan.previous is not None:
            apply(plan)
        if before.treehash and before.iscc:  # of a build beside this watch
            self._whole = before
        return plan.manifest.root.iscc is not None

    def _end(self) -> Ended:
        """Look a last time, write the crate, and tell what is not finished."""
        seen = self._look()
        complete = self._is_complete(seen)
        manifest = self._manifest(seen, whole=complete)
        has_iscc = False
        if complete or self._dirty:
            try:
                has_iscc = self._write(seen, manifest)
            except WriteError:  # perhaps between its two files: what fails twice is no accident
                has_iscc = self._write(seen, manifest)
        waiting = sorted(self._pending.items())
        for path, pending in waiting[:_NAMED_AT_MOST]:
            self._say(UnitStatus.UNFINISHED, path, note=pending.reason or _NOT_STILL)
        if len(waiting) > _NAMED_AT_MOST:
            self.warn(f"{len(waiting) - _NAMED_AT_MOST} more are not finished")
        unfinished = len(waiting) + len(seen.refused)
        return Ended(len(self._finished), unfinished, complete, has_iscc)


def _state_at(entries: EntryTable, numbers: Sequence[int], place: int) -> State:
    return state_of(entries, numbers[place])


def _is_still(pending: _Pending) -> bool:
    return time.monotonic() - pending.since >= pending.needed


def _digest(unit: Unit, entries: EntryTable) -> bytes:
    """Return what is another for another state of any file of a unit, or another set of them."""
    hasher = blake3()
    for number in unit.numbers:
        hasher.update(
            b"%b\0%d %d %d %d\n" % (entries.path_column[number], *state_of(entries, number))
        )
    hasher.update("\0".join(unit.lacking).encode("utf-8"))
    return hasher.digest()


def _is_writable(file: FileFingerprint) -> bool:
    """Tell whether enough is recorded of a file to write it again."""
    known = file.fingerprint
    return known.datahash is not None and known.data is not None and len(known.data) >= 16
