"""BLAKE3 alone, for verification, and sha256 in the same read."""

import hashlib

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.kernel import FileCodes
from crate_iscc.stretch import Bytes, Stretch


class DatahashKernel:
    """Size and Instance-Code (BLAKE3-256) only, by the blake3 package."""

    def hasher(self, threads: int = 1) -> "DatahashHasher":
        """Return a fresh hasher that may use so many threads for a large update."""
        return DatahashHasher(threads)

    def ahead(self, data: Bytes, /) -> bytes:  # noqa: ARG002  # BLAKE3 shares its work itself
        """Do nothing ahead."""
        return b""

    def files(self, files: Stretch, /) -> FileCodes:
        """Return the Instance-Codes of files that lie in memory."""
        return FileCodes(b"", b"".join(blake3(piece).digest() for piece in files.pieces()))


class DatahashHasher:
    """One byte stream through BLAKE3: several times as fast as a whole ISCC-SUM."""

    def __init__(self, threads: int = 1) -> None:
        self._blake3 = blake3(max_threads=threads)
        self._size = 0

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        self._blake3.update(data)
        self._size += len(data)

    def update_ahead(self, data: Bytes, _ahead: bytes, /) -> None:
        """Take the next bytes."""
        self.update(data)

    def update_files(self, files: Stretch, _chunks: bytes, /) -> None:
        """Take files, one after another."""
        for run in files.runs():
            self.update(run)

    def finish(self) -> Fingerprint:
        """Return size and Instance-Code; the Data-Code stays unknown."""
        return Fingerprint(self._size, None, self._blake3.digest())


class Sha256:
    """The sha256 of a byte stream."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        self._sha256.update(data)

    def hexdigest(self) -> str:
        """Return the digest in lower-case hex."""
        return self._sha256.hexdigest()
