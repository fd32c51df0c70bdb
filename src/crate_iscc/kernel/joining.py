"""Codes of parts of a byte stream, computed apart from each other and joined, bit for bit.

The Data-Code: where a chunk ends depends on nothing but the bytes from its start on. So each part
is chunked as if a chunk began at its first byte. Where a cut of the whole stream falls on one of
the part's, both are the same from there on; what lies behind is known by its minima. The bytes in
front of such a place, the head, are kept as they are, and chunked again when parts are joined. In
bytes that repeat no two cuts may meet: then more of the bytes are read again, up to the next of a
few places that lie further and further apart.

BLAKE3: a binary tree over chunks of 1024 bytes, in which the place of a chunk follows from its
number (the BLAKE3 paper, section 5.1.2). A part knows the subtrees that lie within it.
"""

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.kernel._native import DataHasher, blake3_parent, blake3_subtrees
from crate_iscc.kernel.parts import PartState, ReadAgain, Segment, Subtree
from crate_iscc.stretch import Bytes, Stretch

HEAD = 1 << 16
"""Bytes of a head at least: some sixty chunks, while two or three are enough for any image."""
FURTHER = 16
"""How many times as far from the start of the part each next place is."""
_CHUNK = 1024
_AT_ONCE = 1 << 20
_CLOSED = 257
"""Bytes of a state of DataHasher in which no chunk is open."""
_RECORD = 33


def _is_closed(hasher: DataHasher) -> bool:
    """Tell whether a chunk ends with the last byte that was taken."""
    return len(hasher.state()) == _CLOSED


class _DataPart:
    """The Data-Code's side of a part."""

    def __init__(self) -> None:
        self._hasher = DataHasher()
        self._head = bytearray()
        self._is_head = True
        self._at = 0
        self._begin = 0
        self._end = HEAD  # of the head or segment that is open: at the next cut from here on
        self._segments: list[Segment] = []

    def take(self, data: Bytes, ahead: bytes) -> None:
        view = memoryview(data)
        while len(view):
            room = self._end - self._at
            if room >= len(view):
                self._hasher.update(view, ahead)
                self._moved(view)
                return
            # What was done ahead is of use for all of the bytes or for none.
            ahead = b""
            if room > 0:
                self._hasher.update(view[:room])
                taken = room
            else:
                taken = self._hasher.end_chunk(view)
            self._moved(view[:taken])
            view = view[taken:]
            if self._at >= self._end and _is_closed(self._hasher):
                self._close()

    def take_files(self, files: Stretch, chunks: bytes) -> None:
        size = sum(files.sizes)
        if self._is_head or self._end - self._at < size:
            for run in files.runs():
                self.take(run, b"")
        else:
            self._hasher.update_files(files.data, files.starts, files.sizes, chunks)
            self._at += size

    def _moved(self, view: memoryview) -> None:
        self._at += len(view)
        if self._is_head:
            self._head += view

    def _close(self) -> None:
        """End the head, or a segment, where a chunk ends."""
        if not self._is_head:
            self._segments.append(Segment(self._at - self._begin, self._hasher.state()))
        self._is_head = False
        self._hasher = DataHasher()
        self._begin = self._at
        self._end *= FURTHER

    def finish(self) -> tuple[bytes, tuple[Segment, ...]]:
        if not self._is_head and self._at > self._begin:
            self._close()
        return bytes(self._head), tuple(self._segments)


class _Subtrees:
    """The subtrees of a stream, from some chunk on: as few as make up what was taken."""

    def __init__(self, first: int, total: int) -> None:
        """`first` is the number of the first chunk, `total` the bytes of the whole stream."""
        self._trees: list[tuple[int, Subtree]] = []
        self.next = first
        self._count = -(-total // _CHUNK)

    def take(self, data: Bytes) -> None:
        """Take the bytes of whole chunks; the last one of the stream may be short."""
        if self.next == 0 and len(data) > (self._count - 1) * _CHUNK:
            # All of the stream: what is below the root is wanted, not the value of all of it.
            half = _CHUNK << (self._count - 1).bit_length() - 1
            self.take(memoryview(data)[:half])
            data = memoryview(data)[half:]
        found = blake3_subtrees(data, self.next)
        for at in range(0, len(found), _RECORD):
            self.push(Subtree(found[at], found[at + 1 : at + _RECORD]))

    def push(self, tree: Subtree) -> None:
        """Take a subtree that begins where the last one ends. Raises ValueError if it cannot."""
        start = self.next
        self.next += 1 << tree.level
        if start % (1 << tree.level) or self.next > self._count:
            raise ValueError("a subtree is not where it can be")
        while self._trees:
            left_start, left = self._trees[-1]
            is_pair = left.level == tree.level and left_start % (2 << tree.level) == 0
            # The root is another matter: it is made last of all.
            if not is_pair or (left_start == 0 and self.next == self._count):
                break
            self._trees.pop()
            start = left_start
            tree = Subtree(tree.level + 1, blake3_parent(left.value + tree.value, False))
        self._trees.append((start, tree))

    def all(self) -> tuple[Subtree, ...]:
        return tuple(tree for _, tree in self._trees)

    def root(self) -> bytes:
        """Return the hash, when all of at least two chunks were taken."""
        if self.next != self._count or len(self._trees) < 2:
            raise ValueError("chunks are lacking")
        *others, value = (tree.value for _, tree in self._trees)
        while others:
            value = blake3_parent(others.pop() + value, not others)
        return value


class _InstancePart:
    """BLAKE3's side of a part."""

    def __init__(self, start: int, total: int) -> None:
        # Bytes that belong to the chunk before. One chunk alone is the root: it is not hashed here.
        self._lacking = -start % _CHUNK if total > _CHUNK else _CHUNK
        self._before = bytearray()
        self._trees = _Subtrees(-(-start // _CHUNK), total)
        self._open = bytearray()

    def take(self, data: Bytes) -> None:
        view = memoryview(data)
        if self._lacking:
            some = view[: self._lacking]
            self._before += some
            self._lacking -= len(some)
            view = view[len(some) :]
        if self._open:
            some = view[: _CHUNK - len(self._open)]
            self._open += some
            view = view[len(some) :]
            if len(self._open) < _CHUNK:
                return
            self._trees.take(self._open)
            self._open = bytearray()
        whole = len(view) - len(view) % _CHUNK
        if whole:
            self._trees.take(view[:whole])
        self._open += view[whole:]

    def finish(self) -> tuple[bytes, tuple[Subtree, ...], bytes]:
        return bytes(self._before), self._trees.all(), bytes(self._open)


class CompiledPartHasher:
    """A part of a byte stream through the C Data-Code and the C BLAKE3."""

    def __init__(self, start: int, total: int) -> None:
        self._start = start
        self._size = 0
        self._data = _DataPart()
        self._instance = _InstancePart(start, total)

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        self.update_ahead(data, b"")

    def update_ahead(self, data: Bytes, ahead: bytes, /) -> None:
        """Take the next bytes, of which CompiledKernel.ahead has returned `ahead`."""
        self._size += len(data)
        self._data.take(data, ahead)
        self._instance.take(data)

    def update_files(self, files: Stretch, chunks: bytes, /) -> None:
        """Take files, one after another; `chunks` are those of CompiledKernel.files."""
        self._data.take_files(files, chunks)
        for run in files.runs():
            self._size += len(run)
            self._instance.take(run)

    def finish(self) -> PartState:
        """Return the state of all bytes taken."""
        head, segments = self._data.finish()
        before, subtrees, after = self._instance.finish()
        return PartState(
            start=self._start,
            size=self._size,
            head=head,
            segments=segments,
            before=before,
            subtrees=subtrees,
            after=after,
        )


class CompiledPartJoiner:
    """Joins the parts of a stream of `total` bytes."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._size = 0
        self._data = DataHasher()
        self._trees = _Subtrees(0, total)
        self._open = bytearray()

    def add(self, part: PartState, read_again: ReadAgain, /) -> None:
        """Take the next part."""
        if part.start != self._size or part.start + part.size > self._total:
            raise ValueError("a part is not where the one before ends")
        chunks = sum(1 << tree.level for tree in part.subtrees)
        sizes = {
            part.size,
            len(part.head) + sum(one.size for one in part.segments),
            len(part.before) + chunks * _CHUNK + len(part.after),
        }
        if len(sizes) > 1 or len(part.after) >= _CHUNK:
            raise ValueError("a part has another size than it says")
        self._add_data(part, read_again)
        self._add_instance(part)
        self._size += part.size

    def _add_data(self, part: PartState, read_again: ReadAgain) -> None:
        self._data.update(part.head)
        at = part.start + len(part.head)
        for segment in part.segments:
            if _is_closed(self._data):
                self._data.join(segment.state)
            else:
                for data in read_again(at, segment.size):
                    self._data.update(data)
            at += segment.size

    def _add_instance(self, part: PartState) -> None:
        self._open += part.before
        if self._total <= _CHUNK:  # one chunk, which is the root as well
            self._open += part.after
            return
        if len(self._open) == _CHUNK:
            self._trees.take(self._open)
            self._open = bytearray()
        if (part.subtrees or part.after) and self._open:
            raise ValueError("a chunk is not whole")
        for tree in part.subtrees:
            self._trees.push(tree)
        self._open += part.after

    def finish(self) -> Fingerprint:
        """Return size and both 256-bit codes."""
        if self._size != self._total:
            raise ValueError("parts are lacking")
        if self._total <= _CHUNK:
            instance = blake3(self._open).digest()
        else:
            if self._open:
                self._trees.take(self._open)
            instance = self._trees.root()
        return Fingerprint(self._total, self._data.digest(), instance)
