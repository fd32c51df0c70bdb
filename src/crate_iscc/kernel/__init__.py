"""The one seam to compiled code: hashers that turn a byte stream into a Fingerprint."""

from dataclasses import dataclass
from typing import Protocol

from crate_iscc.codes import Fingerprint
from crate_iscc.stretch import Bytes, Stretch


class Hasher(Protocol):
    """Takes the bytes of one stream in order and ends in one Fingerprint."""

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes; any number of them at a time gives the same result."""
        ...

    def finish(self) -> Fingerprint:
        """Return the fingerprint of all bytes taken; the hasher must not be used again."""
        ...


class Kernel(Protocol):
    """An implementation of the ISCC-SUM that knows its own name, such as `iscc-lib 0.7.0`."""

    @property
    def name(self) -> str:
        """The implementation and its version, as it is written into crates and reports."""
        ...

    def hasher(self) -> Hasher:
        """Return a fresh ISCC-SUM hasher: its fingerprints are complete."""
        ...


@dataclass(frozen=True, slots=True)
class FileCodes:
    """The codes of the files of a Stretch.

    `data` and `instance` are the 256-bit codes, 32 bytes a file, or empty where they are not
    computed. `chunks` is what the kernel can use again in a code over several files.
    """

    data: bytes
    instance: bytes
    chunks: bytes = b""


class SharingHasher(Hasher, Protocol):
    """A Hasher that others work ahead for."""

    def update_ahead(self, data: Bytes, ahead: bytes, /) -> None:
        """Take the next bytes, of which SharingKernel.ahead has returned `ahead`."""
        ...

    def update_files(self, files: Stretch, chunks: bytes, /) -> None:
        """Take files, one after another; `chunks` are those of SharingKernel.files."""
        ...


class SharingKernel(Protocol):
    """A kernel whose work on one stream can be shared by threads, and on one file by two codes.

    Everything here releases the GIL and may be called by several threads at once.
    """

    def hasher(self, threads: int = 1) -> SharingHasher:
        """Return a fresh hasher that may use so many threads for a large update."""
        ...

    def ahead(self, data: Bytes, /) -> bytes:
        """Do what can be done of the next bytes of a stream before those in front are hashed."""
        ...

    def files(self, files: Stretch, /) -> FileCodes:
        """Return the codes of files that lie in memory."""
        ...


def sharing(kernel: Kernel) -> SharingKernel:
    """Return the kernel itself if it shares its work, else one that behaves as if it did."""
    return kernel if hasattr(kernel, "ahead") else _Unshared(kernel)  # type: ignore[return-value]


class _Unshared:
    """Lets a plain Kernel pass for a SharingKernel: nothing is done ahead, all is done in order."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def hasher(self, threads: int = 1) -> SharingHasher:  # noqa: ARG002  # one thread has to do
        return _UnsharedHasher(self._kernel.hasher())

    def ahead(self, data: Bytes, /) -> bytes:  # noqa: ARG002  # nothing can be
        return b""

    def files(self, files: Stretch, /) -> FileCodes:
        data, instance = bytearray(), bytearray()
        for piece in files.pieces():
            hasher = self._kernel.hasher()
            hasher.update(piece)
            known = hasher.finish()
            data += known.data or b""
            instance += known.instance or b""
        return FileCodes(bytes(data), bytes(instance))


class _UnsharedHasher:
    """Takes what was prepared for a SharingHasher, and ignores the preparation."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.update = hasher.update
        self.finish = hasher.finish

    def update_ahead(self, data: Bytes, _ahead: bytes, /) -> None:
        self.update(data)

    def update_files(self, files: Stretch, _chunks: bytes, /) -> None:
        for run in files.runs():
            self.update(run)
