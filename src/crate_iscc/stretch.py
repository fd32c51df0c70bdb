"""Files that lie in memory: what a source reads at once and a kernel hashes at once."""

from array import array
from dataclasses import dataclass

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes in memory in which files lie: where each starts, and how many bytes it has.

    `starts` and `sizes` are arrays of int64 of one length.
    """

    data: memoryview
    starts: "array[int]"
    sizes: "array[int]"

    def pieces(self) -> list[memoryview]:
        """Return the bytes of each file."""
        places = zip(self.starts, self.sizes, strict=True)
        return [self.data[start : start + size] for start, size in places]

    def runs(self) -> list[memoryview]:
        """Return the bytes of all files in order, in as few pieces as they lie in."""
        edges: list[list[int]] = []
        for start, size in zip(self.starts, self.sizes, strict=True):
            if edges and edges[-1][1] == start:
                edges[-1][1] += size
            else:
                edges.append([start, start + size])
        return [self.data[start:end] for start, end in edges]
