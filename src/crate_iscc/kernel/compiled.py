"""The project's own kernel: the Data-Code in C, BLAKE3 beside it over bytes that are in the cache.

It is imported only where the compiled module is there; `choosing` says which kernel is used.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.kernel._native import DataHasher, chunk_ahead
from crate_iscc.version import __version__

_PART = 1 << 20
"""Both codes are computed part by part, so that the second finds the bytes in the cache."""

_PARTS_WORTH_THREADS = 8
"""Threads are started for each large update: below this, that takes longer than it saves."""

_THREADS_PER_BLAKE3 = 3
"""Of three threads' work, BLAKE3 is about one's."""


class CompiledKernel:
    """ISCC-SUM by this project's C module and the blake3 package (ISO 24138:2024)."""

    name = f"crate-iscc-c {__version__}"

    def __init__(self, threads: int = 1) -> None:
        """`threads` share the work on one large update; one is best where files are many."""
        self._threads = threads

    def hasher(self) -> "CompiledHasher":
        """Return a fresh hasher."""
        return CompiledHasher(self._threads)


class CompiledHasher:
    """One byte stream through the C Data-Code and BLAKE3."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._data = DataHasher()
        self._blake3 = blake3(max_threads=max(1, threads // _THREADS_PER_BLAKE3))
        self._size = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        size = len(data)
        self._size += size
        if size <= _PART:
            self._data.update(data)
            self._blake3.update(data)
        elif self._threads == 1 or size < _PARTS_WORTH_THREADS * _PART:
            for part in _parts(data):
                self._data.update(part)
                self._blake3.update(part)
        else:
            with ThreadPoolExecutor(self._threads - 1, "crate-iscc-chunk") as pool:
                self._share(data, pool)

    def _share(self, data: bytes | memoryview, pool: ThreadPoolExecutor) -> None:
        """Take bytes whose parts the pool's threads chunk ahead, and this one too.

        This thread alone knows the order: it does BLAKE3, and joins the parts as they are ready.
        When the others are behind, it chunks one of the waiting parts itself.
        """
        ahead: deque[tuple[memoryview, Future[bytes]]] = deque()
        try:
            for part in _parts(data):
                ahead.append((part, pool.submit(chunk_ahead, part)))
                self._blake3.update(part)
                while len(ahead) > 2 * self._threads or (ahead and ahead[0][1].done()):
                    self._join_or_help(ahead)
            while ahead:
                self._join_or_help(ahead)
        finally:
            for _, waiting in ahead:
                waiting.cancel()

    def _join_or_help(self, ahead: deque[tuple[memoryview, "Future[bytes]"]]) -> None:
        """Join the first part if it is chunked, else chunk another one that nobody has begun."""
        if not ahead[0][1].done():
            for place, (part, waiting) in enumerate(ahead):
                if waiting.cancel():
                    ready: Future[bytes] = Future()
                    ready.set_result(chunk_ahead(part))
                    ahead[place] = (part, ready)
                    return
        part, chunked = ahead.popleft()
        self._data.update(part, chunked.result())

    def finish(self) -> Fingerprint:
        """Return size and both 256-bit codes."""
        return Fingerprint(self._size, self._data.digest(), self._blake3.digest())


def _parts(data: bytes | memoryview) -> Iterator[memoryview]:
    view = memoryview(data)
    return (view[start : start + _PART] for start in range(0, len(view), _PART))
