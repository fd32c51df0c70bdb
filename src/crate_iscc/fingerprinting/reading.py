"""Reads the files of a tree with several threads, each file once, and hashes them.

Results come in the order of the entries. Where the caller also wants the bytes (for a code over
many files, which depends on their order), they come in that order too, straight from the same
read. Small files travel in batches, because handing one over costs more than hashing it.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import Entry
from crate_iscc.errors import ReadError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.kernel import MakeHasher
from crate_iscc.kernel.digest import Sha256
from crate_iscc.manifest import (
    Unread,
)
from crate_iscc.progress import Progress, ProgressSink
from crate_iscc.sources import CHUNK_SIZE, Tree

_BATCH_BYTES = 4 << 20
_BATCH_FILES = 512
_CHUNKS_AHEAD = 6
_PROGRESS_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file whose result is still to come: how many, and themselves if asked for."""

    entry: Entry
    count: int
    data: bytes = b""


Result = FileFingerprint | Unread
Message = Piece | Result


class _StoppedError(Exception):
    """The consumer has gone; whatever is being read is of no use any more."""


class _Channel:
    """A bounded queue of message lists from one worker to the consumer."""

    def __init__(self, stop: threading.Event) -> None:
        self._queue: queue.Queue[list[Message] | BaseException | None] = queue.Queue(_CHUNKS_AHEAD)
        self._stop = stop

    def send(self, item: list[Message] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                return self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
        raise _StoppedError

    def receive(self) -> Iterator[list[Message]]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


def read_files(
    tree: Tree,
    entries: Collection[Entry],
    make_hasher: MakeHasher,
    *,
    jobs: int,
    with_bytes: bool = False,
    sha256: bool = False,
) -> Generator[Message, None, None]:
    """Yield one FileFingerprint or Unread for each entry, in order.

    Pieces of each file come before its result, with the bytes if `with_bytes`; a file that
    turns out unreadable may have given some of its bytes before its Unread. At most `jobs`
    files are being read at a time, and memory stays bounded whatever their sizes.
    """
    stop = threading.Event()
    batches = _batches(entries)
    waiting: deque[_Channel] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="crate-iscc-read") as pool:

        def start_next() -> None:
            batch = next(batches, None)
            if batch is not None:
                channel = _Channel(stop)
                worker = _Worker(tree, make_hasher, channel, with_bytes=with_bytes, sha256=sha256)
                pool.submit(worker.run, batch)
                waiting.append(channel)

        try:
            for _ in range(jobs + 1):
                start_next()
            results = 0
            while waiting:
                for messages in waiting[0].receive():
                    results += sum(not isinstance(message, Piece) for message in messages)
                    yield from messages
                waiting.popleft()
                start_next()
            if results != len(entries):
                raise ReadError(f"internal error: {results} results for {len(entries)} files")
        finally:
            stop.set()


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (size + entry.size > _BATCH_BYTES or len(batch) >= _BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


class _Worker:
    """Reads and hashes the files of one batch and sends what comes of them."""

    def __init__(
        self,
        tree: Tree,
        make_hasher: MakeHasher,
        channel: _Channel,
        *,
        with_bytes: bool,
        sha256: bool,
    ) -> None:
        self._tree = tree
        self._make_hasher = make_hasher
        self._channel = channel
        self._with_bytes = with_bytes
        self._sha256 = sha256
        self._messages: list[Message] = []

    def run(self, batch: list[Entry]) -> None:
        try:
            largest = max(entry.size for entry in batch)
            buffer = memoryview(bytearray(max(1, min(CHUNK_SIZE, largest))))
            for entry in batch:
                result = self._read(entry, buffer)  # may send and renew self._messages
                self._messages.append(result)
            self._channel.send(self._messages)
            self._channel.send(None)
        except _StoppedError:
            pass
        except BaseException as error:  # handed to the consumer, which raises it
            self._channel.send(error)

    def _read(self, entry: Entry, buffer: memoryview) -> Result:
        hasher = self._make_hasher()
        sha256 = Sha256() if self._sha256 else None
        whole = entry.size <= len(buffer)
        try:
            stream = self._tree.open(entry)
            try:
                while count := stream.readinto(buffer):
                    view = buffer[:count]
                    data = bytes(view) if self._with_bytes else b""
                    self._messages.append(Piece(entry, count, data))
                    if not whole:
                        self._channel.send(self._messages)
                        self._messages = []
                    hasher.update(view)
                    if sha256:
                        sha256.update(view)
            finally:
                stream.close()
        except ReadError as error:
            return Unread(entry.path, error.cause or error.message)
        except OSError as error:
            return Unread(entry.path, error.strerror or str(error))
        known = hasher.finish()
        if known.size != entry.size:
            return Unread(entry.path, f"{known.size} bytes were read of {entry.size}")
        return FileFingerprint(entry.path, known, sha256.hexdigest() if sha256 else None)


class Meter:
    """Counts what is done and tells the sink now and then."""

    def __init__(self, step: str, entries: Collection[Entry], sink: ProgressSink) -> None:
        self._step = step
        self._total_bytes = sum(entry.size for entry in entries)
        self._total_files = len(entries)
        self._sink = sink
        self._bytes = 0
        self._files = 0
        self._next = 0.0

    def take(self, message: Message) -> None:
        """Count a message's bytes or its file, and report unless that was done a moment ago."""
        if isinstance(message, Piece):
            self._bytes += message.count
        else:
            self._files += 1
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PROGRESS_SECONDS
            self._tell()

    def finish(self) -> None:
        """Report the last state."""
        self._tell()

    def _tell(self) -> None:
        self._sink(
            Progress(self._step, self._bytes, self._total_bytes, self._files, self._total_files)
        )


def hash_files(
    tree: Tree,
    entries: Collection[Entry],
    make_hasher: MakeHasher,
    *,
    jobs: int,
    progress: ProgressSink,
    step: str,
    sha256: bool = False,
) -> tuple[list[FileFingerprint], list[Unread]]:
    """Hash each file by itself, the largest first, so that no thread is left waiting at the end.

    Returns the fingerprints and what could not be read, both in no particular order.
    """
    meter = Meter(step, entries, progress)
    files: list[FileFingerprint] = []
    unread: list[Unread] = []
    largest_first = sorted(entries, key=lambda entry: -entry.size)
    messages = read_files(tree, largest_first, make_hasher, jobs=jobs, sha256=sha256)
    with closing(messages):
        for message in messages:
            meter.take(message)
            if isinstance(message, FileFingerprint):
                files.append(message)
            elif isinstance(message, Unread):
                unread.append(message)
    meter.finish()
    return files, unread


class StreamCode:
    """The ISCC-SUM of bytes that are handed over piece by piece, hashed by a thread of its own."""

    def __init__(self, make_hasher: MakeHasher) -> None:
        self._queue: queue.Queue[list[bytes] | None] = queue.Queue(_CHUNKS_AHEAD)
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._hasher = make_hasher()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="crate-iscc-tree", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (pieces := self._queue.get()) is not None:
            if self._error:
                continue
            try:
                self._hasher.update(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            except BaseException as error:  # raised again in finish
                self._error = error

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= CHUNK_SIZE:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._queue.put(self._pending)
            self._pending, self._pending_size = [], 0

    def finish(self) -> Fingerprint:
        """Return the fingerprint of all bytes, and end the thread."""
        self._flush()
        self.abandon()
        if self._error:
            raise self._error
        return self._hasher.finish()

    def abandon(self) -> None:
        """End the thread without a result."""
        self._queue.put(None)
        self._thread.join()
