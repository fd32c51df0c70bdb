"""A tree around another one, which counts what is read and lets a test act in between."""

import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crate_iscc.entries import Entry
from crate_iscc.sources import ByteStream, LeftOut, Listing, Tree


class CountingTree:
    """Hands everything on to a tree, and counts openings, closings and bytes of each path.

    `on_read` is called with a path and the bytes that it has given so far, after each read.
    """

    def __init__(self, tree: Tree, on_read: Callable[[str, int], None] | None = None) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._on_read = on_read
        self.subject = tree.subject
        self.name = tree.name
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.given: Counter[str] = Counter()
        self.most_open = 0

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the listing of the tree."""
        return self._tree.listing(left_out)

    def top(self) -> Listing:
        """Return the top of the tree."""
        return self._tree.top()

    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the tree, and count it."""
        stream = self._tree.open(entry)
        with self._lock:
            self.opened[entry.path] += 1
            self.most_open = max(self.most_open, self.opened.total() - self.closed.total())
        return _CountingStream(self, stream, entry.path)

    def took(self, path: str, count: int) -> None:
        """Count the bytes of one read."""
        with self._lock:
            self.given[path] += count
            given = self.given[path]
        if self._on_read:
            self._on_read(path, given)

    def let_go(self, path: str) -> None:
        """Count the closing of a stream."""
        with self._lock:
            self.closed[path] += 1

    def close(self) -> None:
        """Close the tree."""
        self._tree.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _CountingStream:
    """One stream of a CountingTree."""

    def __init__(self, tree: CountingTree, stream: ByteStream, path: str) -> None:
        self._tree = tree
        self._stream = stream
        self._path = path

    def readinto(self, buffer: memoryview, /) -> int:
        """Read from the stream, and count."""
        count = self._stream.readinto(buffer)
        self._tree.took(self._path, count)
        return count

    def close(self) -> None:
        """Close the stream, and count."""
        self._stream.close()
        self._tree.let_go(self._path)
