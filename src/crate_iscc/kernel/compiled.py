"""The project's own kernel: Data-Codes in C, and BLAKE3 in C for small files, by blake3 for large.

It is imported only where the compiled module is there; `choosing` says which kernel is used.
"""

from typing import TYPE_CHECKING

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.kernel import FileCodes
from crate_iscc.kernel._native import (
    BLAKE3_LANES,
    DataHasher,
    blake3_files,
    chunk_ahead,
    data_files,
)
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.stretch import Bytes, Stretch
from crate_iscc.version import __version__

if TYPE_CHECKING:
    from crate_iscc.kernel.joining import CompiledPartHasher, CompiledPartJoiner

_PART = 1 << 20
"""Both codes are computed part by part, so that the second finds the bytes in the cache."""


class CompiledKernel:
    """ISCC-SUM by this project's C module and the blake3 package (ISO 24138:2024)."""

    name = f"crate-iscc-c {__version__}"

    def hasher(self, threads: int = 1) -> "CompiledHasher":
        """Return a fresh hasher whose BLAKE3 may use so many threads."""
        return CompiledHasher(threads)

    def ahead(self, data: Bytes, /) -> bytes:
        """Chunk the next bytes of a stream as if a chunk began at the first of them."""
        return chunk_ahead(data)

    def files(self, files: Stretch, /) -> FileCodes:
        """Return both codes of files that lie in memory."""
        data, chunks = data_files(files.data, files.starts, files.sizes)
        return FileCodes(data, _blake3_of(files), chunks)

    def part_hasher(self, start: int, total: int) -> "CompiledPartHasher":
        """Return a fresh hasher of the part of a stream that begins at byte `start`."""
        from crate_iscc.kernel.joining import CompiledPartHasher  # few work in parts

        return CompiledPartHasher(start, total)

    def part_joiner(self, total: int) -> "CompiledPartJoiner":
        """Return what takes all parts of a stream of `total` bytes."""
        from crate_iscc.kernel.joining import CompiledPartJoiner

        return CompiledPartJoiner(total)


def _blake3_of(files: Stretch) -> bytes:
    """Return the BLAKE3 of each file: in C where it has vectors, else by the blake3 package."""
    if BLAKE3_LANES > 1:
        return blake3_files(files.data, files.starts, files.sizes)
    return DatahashKernel().files(files).instance


class CompiledDatahashes(DatahashKernel):
    """BLAKE3 alone: that of small files in C, that of large ones by the blake3 package."""

    def files(self, files: Stretch, /) -> FileCodes:
        """Return the Instance-Codes of files that lie in memory."""
        return FileCodes(b"", _blake3_of(files))


class CompiledHasher:
    """One byte stream through the C Data-Code and BLAKE3."""

    def __init__(self, threads: int = 1) -> None:
        self._data = DataHasher()
        self._blake3 = blake3(max_threads=threads)
        self._size = 0

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        for start in range(0, len(view), _PART):
            part = view[start : start + _PART]
            self.update_ahead(part, b"")

    def update_ahead(self, data: Bytes, ahead: bytes, /) -> None:
        """Take the next bytes, of which CompiledKernel.ahead has returned `ahead`."""
        self._size += len(data)
        self._data.update(data, ahead)
        self._blake3.update(data)

    def update_files(self, files: Stretch, chunks: bytes, /) -> None:
        """Take files, one after another; `chunks` are those of CompiledKernel.files."""
        self._data.update_files(files.data, files.starts, files.sizes, chunks)
        for run in files.runs():
            self._size += len(run)
            self._blake3.update(run)

    def finish(self) -> Fingerprint:
        """Return size and both 256-bit codes."""
        return Fingerprint(self._size, self._data.digest(), self._blake3.digest())
