"""Reads the files of a tree with several threads, each file once, and hashes them.

Some threads read and do what can be done in any order; others compute the codes that need bytes in
their order: the code of one large file, and codes over many files. What is under way is bounded,
so memory is too, whatever the files' sizes.
"""

import os
import threading
import time
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from crate_iscc.entries import EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.file_table import Columns, FileTable, chosen
from crate_iscc.fingerprinting.pieces import (
    BatchResult,
    Buffers,
    FileResult,
    LargeFile,
    Piece,
    Results,
    Slice,
    Streamed,
    Together,
    TreeStream,
    Work,
)
from crate_iscc.interrupts import held_interrupts
from crate_iscc.kernel import Kernel, SharingKernel, sharing
from crate_iscc.kernel.digest import DatahashKernel, DigestBook
from crate_iscc.manifest import Unread
from crate_iscc.packed import Column, FixedBytes, PackedBytes
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.sources import Mapped, OneFileTree, PatientTree, QuickTree, Tree

SMALL = 1 << 20
"""Files up to this size, in bytes, are read together; larger ones one by one."""
_TOGETHER_BYTES = 2 << 20
_TOGETHER_IN_PLACE = 4 << 20
"""Bytes of small files for one call: of copies, which are to stay in the cache of a core, and of
members of an archive that is mapped."""
_TOGETHER_FILES = 1024
_SMALLEST_SLICE = 2 << 20
_LARGEST_SLICE = 32 << 20
_SLICES_PER_THREAD = 8
"""A large file is cut into so many slices for each thread, of a size between these, in bytes.

Each slice costs some hand-overs between threads; too few leave threads without work at the end.
"""
_DATAHASH_SLICE = 128 << 20
"""Bytes of a slice for BLAKE3 alone, which shares its work itself, the better the more it gets."""
_WORTH_THREADS = 16 << 20
"""Bytes of a file from which on its own BLAKE3 is shared by threads."""
_THREADS_PER_BLAKE3 = 3
"""Of three threads' work on an ISCC-SUM, BLAKE3 is about one's."""
_PROGRESS_SECONDS = 0.05
_DIGEST = 32
"""Bytes of a code."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How to read: with so many threads; gently, for disks and networks that like order.

    Gentle reading opens one file at a time, in the order of the disk as far as that can be told,
    and maps none.
    """

    jobs: int
    gentle: bool = False


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reading_options(jobs: int | None = None, *, gentle: bool = False) -> ReadingOptions:
    """Return how to read: with all processors, where nothing else is asked for."""
    return ReadingOptions(1 if gentle else jobs or default_jobs(), gentle)


class Routing(Protocol):
    """Says into which codes over many files each file goes."""

    ordered: bool
    """Whether the files have to be taken in the order in which they are given."""

    def key(self, number: int, /) -> int:
        """Return a number that is the same for files that go into the same codes."""
        ...

    def streams(self, key: int, /) -> Sequence[TreeStream[Any]]:
        """Return the codes for that key; keys come in the order of the files."""
        ...

    def finish(self) -> None:
        """Take the codes, when all files have been handed on."""
        ...


class _ToNone:
    """Each file is hashed by itself alone."""

    ordered = False

    def key(self, _number: int, /) -> int:
        return 0

    def streams(self, _key: int, /) -> Sequence[TreeStream[Any]]:
        return ()

    def finish(self) -> None:
        pass


def hash_files(
    tree: Tree,
    entries: EntryTable,
    kernel: Kernel | DatahashKernel,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
    step: str,
    sha256: bool = False,
    digests: DigestBook | None = None,
    told: Callable[[Results], None] | None = None,
) -> tuple[FileTable, list[Unread]]:
    """Hash each file by itself; with `sha256` all of them by that too.

    Returns the fingerprints, and what could not be read in no particular order. Other digests go
    into the book that asks for them. `told` is given each result when it is there, by the numbers
    of the entries, on the thread that called this.
    """
    options = reading_options(jobs, gentle=gentle)
    shared = kernel if isinstance(kernel, DatahashKernel) else sharing(kernel)
    with (
        held_interrupts() as check,
        _Reading(tree, entries, shared, options, sha256=sha256, book=digests) as reading,
    ):
        reading.told = told
        meter = Meter(step, entries, progress, check)
        return reading.read(_good_order(entries, options), lambda _pool: _ToNone(), meter)


def read_in_order(
    tree: Tree,
    entries: EntryTable,
    order: "array[int]",
    kernel: Kernel,
    options: ReadingOptions,
    routing: Callable[[Executor], Routing],
    *,
    progress: ProgressSink,
    sha256: bool = False,
    digests: DigestBook | None = None,
) -> tuple[FileTable, list[Unread]]:
    """Hash each file by itself, and hand all bytes, in the order of those numbers, to other codes.

    `routing` is given the threads on which these codes run.
    """
    with (
        held_interrupts() as check,
        _Reading(tree, entries, sharing(kernel), options, sha256=sha256, book=digests) as reading,
    ):
        meter = Meter("fingerprinting", entries, progress, check)
        return reading.read(order, routing, meter)


def _good_order(entries: EntryTable, options: ReadingOptions) -> Iterable[int]:
    """Return the numbers of files: on a gentle reading by inode, else the large ones first.

    Where none is large, they are a range.
    """
    sizes, stats = entries.sizes, entries.stats
    everything = range(len(sizes))
    if options.gentle:
        inodes = stats[2::4] if stats is not None else everything
        return sorted(everything, key=inodes.__getitem__)
    large = [number for number in everything if sizes[number] > SMALL]
    if not large:
        return everything
    large.sort(key=lambda number: -sizes[number])
    return (*large, *(number for number in everything if sizes[number] <= SMALL))


class Meter:
    """Counts what is done and tells the sink now and then.

    `check` is called more often than the sink: it may raise, to end it all.
    """

    def __init__(
        self, step: str, entries: EntryTable, sink: ProgressSink, check: Callable[[], None]
    ) -> None:
        self._step = step
        self._total_bytes = entries.size
        self._total_files = len(entries)
        self._sink = sink
        self._check = check
        self._bytes = 0
        self._files = 0
        self._next = 0.0
        self._lock = threading.Lock()

    def count(self, size: int) -> None:
        """Count bytes; any thread may."""
        with self._lock:
            self._bytes += size

    def tell(self, files: int = 0) -> None:
        """Count files, and report unless that was done a moment ago."""
        self._check()
        self._files += files
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PROGRESS_SECONDS
            self.finish()

    def finish(self) -> None:
        """Report the last state."""
        done = (self._bytes, self._total_bytes, self._files, self._total_files)
        self._sink(Progress(self._step, *done))


class _Results:
    """The columns that fill with the codes of files, and what could not be read."""

    def __init__(
        self, entries: EntryTable, *, with_data: bool, sha256: bool, book: DigestBook | None
    ) -> None:
        count = len(entries)
        self._entries = entries
        self._data = FixedBytes(count, _DIGEST if with_data else 0)
        self._instance = FixedBytes(count, _DIGEST)
        self._sha256: dict[int, str] | None = {} if sha256 else None
        self._book = book
        self._unread: dict[int, str] = {}
        self._done = 0

    def put(self, result: FileResult) -> None:
        self._done += 1
        known = result.known
        if known is None or known.instance is None:
            self._unread[result.number] = result.reason or "it was not read"
            return
        self._instance[result.number] = known.instance
        if self._data.width:
            self._data[result.number] = known.data or b""
        if result.digests:
            self._put_digests(result.number, result.digests)

    def put_batch(self, batch: BatchResult) -> None:
        numbers, codes = batch.numbers, batch.codes
        self._done += len(numbers)
        start = numbers[0]
        if not batch.failed and numbers == array("Q", range(start, start + len(numbers))):
            self._instance.set_run(start, codes.instance)
            if self._data.width:
                self._data.set_run(start, codes.data)
        else:
            for place, number in enumerate(numbers):
                if place in batch.failed:
                    self._unread[number] = batch.failed[place]
                    continue
                code = slice(_DIGEST * place, _DIGEST * (place + 1))
                self._instance[number] = codes.instance[code]
                if self._data.width:
                    self._data[number] = codes.data[code]
        for place, digests in batch.digests.items():
            if place not in batch.failed:
                self._put_digests(numbers[place], digests)

    def _put_digests(self, number: int, digests: Mapping[str, str]) -> None:
        if self._sha256 is not None:
            self._sha256[number] = digests["sha256"]
        if self._book:
            self._book.enter(self._entries.path(number), digests)

    def table(self) -> tuple[FileTable, list[Unread]]:
        """Return what is known. Raises ReadError if any file has no result."""
        entries = self._entries
        if self._done != len(entries):
            raise ReadError(f"internal error: {self._done} results for {len(entries)} files")
        digests = None
        if self._sha256 is not None:
            texts = (self._sha256.get(number, "") for number in range(len(entries)))
            digests = PackedBytes(text.encode("ascii") for text in texts)
        return read_table(entries, self._data, self._instance, digests, self._unread)


def read_table(
    entries: EntryTable,
    data: Column,
    instance: Column,
    sha256: Column | None,
    unread: Mapping[int, str],
) -> tuple[FileTable, list[Unread]]:
    """Return a table of the files that were read, and why others (by number) were not."""
    columns = Columns(entries.path_column, entries.sizes, data, instance, sha256)
    if unread:
        read = (number for number in range(len(entries)) if number not in unread)
        columns = chosen(columns, array("q", read))
    return FileTable(columns), [Unread(entries.path(number), why) for number, why in unread.items()]


class _Reading:
    """One reading of some files of a tree: the threads, and what is under way."""

    def __init__(
        self,
        tree: Tree,
        entries: EntryTable,
        kernel: SharingKernel,
        options: ReadingOptions,
        *,
        sha256: bool,
        book: DigestBook | None,
    ) -> None:
        self._tree = tree
        self._entries = entries
        self._kernel = kernel
        self._options = options
        self._sha256 = sha256
        self._book = book
        self.told: Callable[[Results], None] | None = None
        self._stop = threading.Event()
        jobs = options.jobs
        self._readers = ThreadPoolExecutor(jobs, thread_name_prefix="crate-iscc-read")
        self._hashers = ThreadPoolExecutor(jobs, thread_name_prefix="crate-iscc-hash")
        self._most = 2 * jobs + 2
        in_place = isinstance(tree, QuickTree) and isinstance(tree, OneFileTree)
        self._together = _TOGETHER_IN_PLACE if in_place else _TOGETHER_BYTES
        self._running: deque[tuple[Piece, int, Future[None]]] = deque()
        self._handed_on: deque[tuple[Piece, list[Future[None]]]] = deque()
        self._aside: deque[tuple[Piece, Future[None]]] = deque()
        self._mapped: dict[int, Mapped] = {}

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._stop.set()
        # Whoever interrupts does not want to wait for a server, either.
        if kind is not None and isinstance(self._tree, PatientTree):
            self._tree.give_up()
        self._readers.shutdown(cancel_futures=True)
        self._hashers.shutdown(cancel_futures=True)
        for mapped in self._mapped.values():
            mapped.close()

    def read(
        self,
        order: Iterable[int],
        routing: Callable[[Executor], Routing],
        meter: Meter,
    ) -> tuple[FileTable, list[Unread]]:
        """Read all files and return their codes."""
        self._meter = meter
        self._routing = routing(self._hashers)
        with_data = not isinstance(self._kernel, DatahashKernel)
        self._results = _Results(
            self._entries, with_data=with_data, sha256=self._sha256, book=self._book
        )
        self._work = Work(
            self._tree,
            self._entries,
            self._kernel,
            self._wanted_digests(),
            meter.count,
            meter.tell,
            self._stop,
            Buffers(self._together),
            self._hashers,
        )
        if self._entries:
            meter.tell()
        for piece, key in self._pieces(order):
            self._running.append((piece, key, self._readers.submit(piece.run)))
            while len(self._running) >= self._most:
                self._take_next()
        while self._running:
            self._take_next()
        while self._handed_on:
            self._settle()
        self._settle_aside(wait_for_all=True)
        self._routing.finish()
        meter.finish()
        return self._results.table()

    def _wanted_digests(self) -> Callable[[int], Sequence[str]] | None:
        """Return what tells the algorithms of other digests that are wanted of a file."""
        wanted = self._book.numbers(self._entries) if self._book else {}
        if not self._sha256:
            return (lambda number: wanted.get(number, ())) if wanted else None
        with_sha256 = {number: tuple({*names, "sha256"}) for number, names in wanted.items()}
        return lambda number: with_sha256.get(number, ("sha256",))

    # --- pieces ----------------------------------------------------------------------------------

    def _pieces(self, order: Iterable[int]) -> Iterator[tuple[Piece, int]]:
        """Yield the pieces in order, each with the key of the codes that it goes into."""
        if isinstance(order, range) and not self._routing.ordered:
            yield from ((piece, 0) for piece in self._runs(order))
            return
        sizes, key_of = self._entries.sizes, self._routing.key
        numbers = array("Q")
        together = key = 0
        for number in order:
            size = sizes[number]
            new_key = key_of(number)
            if numbers and (
                size > SMALL
                or new_key != key
                or together + size > self._together
                or len(numbers) == _TOGETHER_FILES
            ):
                yield Together(self._work, numbers), key
                numbers, together = array("Q"), 0
            key = new_key
            if size > SMALL:
                for piece in self._large(number):
                    yield piece, key
            else:
                numbers.append(number)
                together += size
        if numbers:
            yield Together(self._work, numbers), key

    def _runs(self, order: range) -> Iterator[Piece]:
        """Yield files that follow each other and are all small, without a look at each."""
        start = order.start
        while start < order.stop:
            sizes = self._entries.sizes[start : min(start + _TOGETHER_FILES, order.stop)]
            stop = start + max(1, bisect_right(array("Q", accumulate(sizes)), self._together))
            yield Together(self._work, array("Q", range(start, stop)))
            start = stop

    def _large(self, number: int) -> Iterator[Piece]:
        entry = self._entries[number]
        mapped: Mapped | None = None
        if isinstance(self._tree, QuickTree) and not self._options.gentle:
            try:
                mapped = self._tree.mapped(entry)
            except ReadError as error:
                self._put(FileResult(number, reason=error.cause or error.message))
                return
        if mapped is None:
            yield Streamed(self._work, number, wanted=self._routing.ordered)
            return
        only_datahash = isinstance(self._kernel, DatahashKernel)
        threads = self._options.jobs // (1 if only_datahash else _THREADS_PER_BLAKE3)
        if entry.size < _WORTH_THREADS:
            threads = 1
        self._mapped[number] = mapped
        file = LargeFile(self._work, number, mapped, entry.size, max(1, threads))
        step = _DATAHASH_SLICE
        if not only_datahash:
            fair = entry.size // (_SLICES_PER_THREAD * self._options.jobs)
            step = min(max(fair, _SMALLEST_SLICE), _LARGEST_SLICE)
        for start in range(0, entry.size, step):
            yield Slice(file, start, min(step, entry.size - start))

    # --- what is under way -----------------------------------------------------------------------

    def _take_next(self) -> None:
        """Hand on the piece whose turn it is, when it has been read."""
        piece, key, future = self._running.popleft()
        if isinstance(piece, Streamed):
            if not self._routing.ordered:
                # It may take long, and nothing waits for its turn.
                self._aside.append((piece, future))
                return
            futures = piece.hand_on(self._routing.streams(key))
            self._wait_for(future)
        else:
            self._wait_for(future)
            futures = piece.hand_on(self._routing.streams(key))
        self._settle_aside()
        if not futures:
            self._put_all(piece)
            return
        self._handed_on.append((piece, futures))
        while len(self._handed_on) > self._most:
            self._settle()
        self._meter.tell()

    def _settle(self) -> None:
        """Take the results of the oldest piece, when all codes have used its bytes."""
        piece, futures = self._handed_on.popleft()
        for future in futures:
            self._wait_for(future)
        self._put_all(piece)

    def _settle_aside(self, *, wait_for_all: bool = False) -> None:
        while self._aside and (wait_for_all or self._aside[0][1].done()):
            piece, future = self._aside.popleft()
            self._wait_for(future)
            self._put_all(piece)

    def _put_all(self, piece: Piece) -> None:
        for result in piece.settle():
            if isinstance(result, BatchResult):
                self._results.put_batch(result)
                if self.told:
                    self.told(result)
                self._meter.tell(len(result.numbers))
            else:
                self._put(result)

    def _put(self, result: FileResult) -> None:
        self._mapped.pop(result.number, None)
        self._results.put(result)
        if self.told:
            self.told(result)
        self._meter.tell(1)

    def _wait_for(self, future: "Future[None]") -> None:
        """Wait for what another thread does, and raise its error; tell the progress meanwhile."""
        while not wait((future,), timeout=2 * _PROGRESS_SECONDS).done:
            self._meter.tell()
        future.result()
