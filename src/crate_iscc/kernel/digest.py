"""Hashers beside the ISCC-SUM: BLAKE3 alone for verification, and sha256 in the same read."""

import hashlib

from blake3 import blake3

from crate_iscc.codes import Fingerprint


class DatahashHasher:
    """Size and Instance-Code (BLAKE3-256) only: several times as fast as a whole ISCC-SUM."""

    def __init__(self) -> None:
        self._blake3 = blake3()
        self._size = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._blake3.update(data)
        self._size += len(data)

    def finish(self) -> Fingerprint:
        """Return size and Instance-Code; the Data-Code stays unknown."""
        return Fingerprint(self._size, None, self._blake3.digest())


class SizeHasher:
    """Counts bytes and hashes nothing: for reads in which only a code over many files matters."""

    def __init__(self) -> None:
        self._size = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._size += len(data)

    def finish(self) -> Fingerprint:
        """Return the size; both codes stay unknown."""
        return Fingerprint(self._size)


class Sha256:
    """The sha256 of a byte stream."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._sha256.update(data)

    def hexdigest(self) -> str:
        """Return the digest in lower-case hex."""
        return self._sha256.hexdigest()
