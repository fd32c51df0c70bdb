"""The pieces in which a payload is read: many small files at once, slices of large ones, streams.

A piece is run on a thread that reads. What comes of it is handed on to the codes that go over the
bytes in order (each on its Strand), and is settled when all of them have used the bytes.
"""

import contextlib
import queue
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.fingerprinting.strand import Strand
from crate_iscc.kernel import FileCodes, SharingHasher, SharingKernel
from crate_iscc.kernel.digest import OtherDigests
from crate_iscc.sources import CHUNK_SIZE, ByteStream, Mapped, QuickTree, SmallFiles, Tree
from crate_iscc.stretch import Bytes, Stretch

_CHUNKS_AHEAD = 6
"""How many reads of a streamed file wait for the codes that need them in order."""
_STOP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of the file of that number: its fingerprint, or why it was not read."""

    number: int
    known: Fingerprint | None = None
    digests: Mapping[str, str] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of files that were read together: codes, and why some were not read.

    `numbers` are those of the files; `failed` is by their place among them, as are other `digests`
    of those files of which some were wanted.
    """

    numbers: "array[int]"
    codes: FileCodes
    digests: Mapping[int, Mapping[str, str]]
    failed: Mapping[int, str]


Results = FileResult | BatchResult


Code = TypeVar("Code")
CodeOut = TypeVar("CodeOut", covariant=True)


class Ordered(Protocol[CodeOut]):
    """A hasher of many files in order, such as a SharingHasher."""

    def update_ahead(self, data: Bytes, ahead: bytes, /) -> None:
        """Take the next bytes, of which SharingKernel.ahead has returned `ahead`."""
        ...

    def update_files(self, files: Stretch, chunks: bytes, /) -> None:
        """Take files, one after another; `chunks` are those of SharingKernel.files."""
        ...

    def finish(self) -> CodeOut:
        """Return what comes of all bytes taken."""
        ...


class TreeStream(Generic[Code]):
    """The code of a tree, or of a part of it: of the bytes of many files, in order."""

    def __init__(self, hasher: Ordered[Code], pool: Executor) -> None:
        self._hasher = hasher
        self._strand = Strand(pool)

    def take_files(self, files: Stretch, chunks: bytes) -> "Future[None]":
        """Take whole files."""
        return self._strand.post(lambda: self._hasher.update_files(files, chunks))

    def take(self, data: memoryview, ahead: bytes) -> "Future[None]":
        """Take the next bytes of a file."""
        return self._strand.post(lambda: self._hasher.update_ahead(data, ahead))

    def finish(self) -> "Future[Code]":
        """Have the code of all bytes taken."""
        return self._strand.post(self._hasher.finish)


@dataclass(slots=True)
class Work:
    """What all pieces of one reading need."""

    tree: Tree
    entries: EntryTable
    kernel: SharingKernel
    digests: Callable[[int], Sequence[str]] | None
    """Tells the algorithms of other digests that are wanted of the file of a number."""
    count: Callable[[int], None]
    """Is told how many bytes were read, by any thread."""
    tell: Callable[[], None]
    """Is called now and then by the thread that waits for all others, to report progress."""
    stop: threading.Event
    buffers: "Buffers"
    hashers: Executor

    def other_digests(self, number: int) -> Sequence[str]:
        """Return the algorithms of the other digests that are wanted of a file."""
        return self.digests(number) if self.digests else ()


class Buffers:
    """Memory for the bytes of small files, used again and again."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """Return a buffer of the size that all have."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(self._size)

    def give_back(self, buffer: bytearray) -> None:
        """Let the buffer be used again."""
        self._free.append(buffer)


class Piece(Protocol):
    """One step of reading."""

    def run(self) -> None:
        """Read, and hash what can be hashed out of order; on a thread that reads."""
        ...

    def hand_on(self, streams: Sequence[TreeStream[Any]]) -> list["Future[None]"]:
        """Give the bytes to the codes that want them, in order, once run has ended."""
        ...

    def settle(self) -> Iterator[Results]:
        """Yield what came of files, when all codes have used the bytes."""
        ...


class Together:
    """Many small files: read to one buffer and hashed in one call each."""

    def __init__(self, work: Work, numbers: "array[int]") -> None:
        self._work = work
        self._numbers = numbers
        self._buffer = bytearray()
        self._small = SmallFiles(Stretch(memoryview(b""), array("q"), array("q")), {})
        self._codes = FileCodes(b"", b"")
        self._digests: dict[int, Mapping[str, str]] = {}

    def run(self) -> None:
        """Read the files, and compute their codes."""
        work = self._work
        self._buffer = work.buffers.take()
        view = memoryview(self._buffer)
        small = None
        if isinstance(work.tree, QuickTree):
            small = work.tree.read_together(work.entries, self._numbers, view)
        self._small = small or self._one_by_one(view)
        self._codes = work.kernel.files(self._small.files)
        if work.digests:
            self._compute_digests()
        work.count(sum(self._small.files.sizes))

    def _compute_digests(self) -> None:
        pieces = self._small.files.pieces()
        for place, (number, piece) in enumerate(zip(self._numbers, pieces, strict=True)):
            if names := self._work.other_digests(number):
                digests = OtherDigests(names)
                digests.update(piece)
                self._digests[place] = digests.hexdigests()

    def _one_by_one(self, view: memoryview) -> SmallFiles:
        entries = [self._work.entries[number] for number in self._numbers]
        sizes = array("q", (entry.size for entry in entries))
        starts = array("q", accumulate(sizes[:-1], initial=0))
        failed = {}
        for place, (entry, start) in enumerate(zip(entries, starts, strict=True)):
            reason = _read_whole(self._work.tree, entry, view[start : start + entry.size])
            if reason is not None:
                failed[place] = reason
        return SmallFiles(Stretch(view, starts, sizes), failed)

    def hand_on(self, streams: Sequence[TreeStream[Any]]) -> list["Future[None]"]:
        """Give all files to the codes that want them."""
        return [stream.take_files(self._small.files, self._codes.chunks) for stream in streams]

    def settle(self) -> Iterator[Results]:
        """Yield the results, and give the buffer back."""
        failed = self._small.failed
        if reason := self._not_to_be_believed():
            failed = dict.fromkeys(range(len(self._numbers)), reason)
        yield BatchResult(self._numbers, self._codes, self._digests, failed)
        self._work.buffers.give_back(self._buffer)

    def _not_to_be_believed(self) -> str | None:
        """Say why the bytes of all files are not what they were to be, or None."""
        try:
            if self._small.settle:
                self._small.settle()
        except ReadError as error:
            return error.cause or error.message
        return None


def _read_whole(tree: Tree, entry: Entry, into: memoryview) -> str | None:
    """Fill `into` with a file of just that size; return why that failed, if it did."""
    try:
        stream = tree.open(entry)
        try:
            at = 0
            while at < len(into):
                count = stream.readinto(into[at:])
                if not count:
                    return f"{at} bytes were read of {entry.size}"
                at += count
            # The end has to be asked for: with it the stream says that all was as listed.
            if stream.readinto(memoryview(bytearray(1))):
                return f"more than {entry.size} bytes were read"
        finally:
            stream.close()
    except ReadError as error:
        return error.cause or error.message
    except OSError as error:
        return error.strerror or str(error)
    return None


class LargeFile:
    """A file that is hashed slice by slice, by several threads if need be."""

    def __init__(self, work: Work, number: int, mapped: Mapped, size: int, threads: int) -> None:
        self.work = work
        self.number = number
        self.mapped = mapped
        self.size = size
        self._hasher = work.kernel.hasher(threads)
        self._strand = Strand(work.hashers)
        # Each on a strand of its own: they are slower than all the rest.
        self._digests = [
            (OtherDigests((name,)), Strand(work.hashers)) for name in work.other_digests(number)
        ]

    def take(self, data: memoryview, ahead: bytes) -> list["Future[None]"]:
        """Take the next slice into the codes of the file itself."""
        futures = [self._strand.post(lambda: self._hasher.update_ahead(data, ahead))]
        for digest, strand in self._digests:
            futures.append(strand.post(partial(digest.update, data)))
        return futures

    def finish(self) -> FileResult:
        """Return what came of the file, when all slices have been used."""
        try:
            self.mapped.settle()
        except ReadError as error:
            return FileResult(self.number, reason=error.cause or error.message)
        finally:
            self.mapped.close()
        known = self._hasher.finish()
        if known.size != self.size:  # more slices, or fewer, than the file has: never
            return FileResult(self.number, reason=f"{known.size} bytes were read of {self.size}")
        digests: dict[str, str] = {}
        for digest, _ in self._digests:
            digests |= digest.hexdigests()
        return FileResult(self.number, known, digests)


class Slice:
    """Some of the bytes of a large file."""

    def __init__(self, file: LargeFile, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._ahead = b""

    def _data(self) -> memoryview:
        return self._file.mapped.view[self._start : self._start + self._size]

    def run(self) -> None:
        """Do what can be done of the bytes before their turn."""
        self._ahead = self._file.work.kernel.ahead(self._data())
        self._file.work.count(self._size)

    def hand_on(self, streams: Sequence[TreeStream[Any]]) -> list["Future[None]"]:
        """Give the bytes to the file's codes and to the others that want them."""
        data = self._data()
        futures = self._file.take(data, self._ahead)
        return futures + [stream.take(data, self._ahead) for stream in streams]

    def settle(self) -> Iterator[Results]:
        """Let go of the bytes, and yield the file's result with its last slice."""
        self._file.mapped.let_go(self._start, self._size)
        if self._start + self._size == self._file.size:
            yield self._file.finish()


class Streamed:
    """A large file that cannot be mapped: read from its begin to its end by one thread."""

    def __init__(self, work: Work, number: int, *, wanted: bool) -> None:
        """With `wanted`, others want the bytes too, and the thread waits until they are taken."""
        self._work = work
        self._number = number
        self._entry = work.entries[number]
        self._wanted = wanted
        self._channel: queue.Queue[tuple[memoryview, bytes] | None] = queue.Queue(_CHUNKS_AHEAD)
        self._result = FileResult(number)

    def run(self) -> None:
        """Read all of the file, and hash it."""
        try:
            stream = self._work.tree.open(self._entry)
            try:
                self._result = self._hash(stream)
            finally:
                stream.close()
        except ReadError as error:
            self._result = FileResult(self._number, reason=error.cause or error.message)
        except OSError as error:
            self._result = FileResult(self._number, reason=error.strerror or str(error))
        finally:
            self._send(None)

    def _hash(self, stream: ByteStream) -> FileResult:
        work = self._work
        hasher: SharingHasher = work.kernel.hasher()
        digests = OtherDigests(work.other_digests(self._number))
        buffer = memoryview(bytearray(CHUNK_SIZE))
        while count := stream.readinto(buffer):
            data = buffer[:count]
            ahead = work.kernel.ahead(data)
            hasher.update_ahead(data, ahead)
            digests.update(data)
            work.count(count)
            if self._wanted:
                self._send((data, ahead))
                buffer = memoryview(bytearray(CHUNK_SIZE))
            if work.stop.is_set():
                return FileResult(self._number, reason="stopped")
        known = hasher.finish()
        if known.size != self._entry.size:
            reason = f"{known.size} bytes were read of {self._entry.size}"
            return FileResult(self._number, reason=reason)
        return FileResult(self._number, known, digests.hexdigests())

    def _send(self, item: tuple[memoryview, bytes] | None) -> None:
        while self._wanted and not self._work.stop.is_set():
            with contextlib.suppress(queue.Full):
                self._channel.put(item, timeout=_STOP_SECONDS)
                return

    def hand_on(self, streams: Sequence[TreeStream[Any]]) -> list["Future[None]"]:
        """Give the bytes to the codes that want them, as they come: run need not have ended."""
        futures: list[Future[None]] = []
        while self._wanted and (item := self._receive()) is not None:
            for future in futures:
                future.result()
            futures = [stream.take(*item) for stream in streams]
        return futures

    def _receive(self) -> tuple[memoryview, bytes] | None:
        while True:
            self._work.tell()
            with contextlib.suppress(queue.Empty):
                return self._channel.get(timeout=_STOP_SECONDS)

    def settle(self) -> Iterator[Results]:
        """Yield the result."""
        yield self._result
