"""BLAKE3 alone, for verification, and other digests in the same read."""

from collections.abc import Iterable, Mapping, Sequence

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import EntryTable
from crate_iscc.kernel import FileCodes
from crate_iscc.paths import CratePath
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


_HASHLIB_NAMES = {"sha3-256": "sha3_256", "sha3-512": "sha3_512"}


class OtherDigests:
    """Digests of one byte stream by other algorithms than BLAKE3 (see crate_iscc.fixity)."""

    def __init__(self, algorithms: Sequence[str]) -> None:
        # OpenSSL is loaded for those who need it: most verifications are of datahashes alone.
        import hashlib

        self._algorithms = algorithms
        self._hashes = [
            hashlib.new(_HASHLIB_NAMES.get(name, name), usedforsecurity=False)
            for name in algorithms
        ]

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        for one in self._hashes:
            one.update(data)

    def hexdigests(self) -> dict[str, str]:
        """Return the digests by their algorithms, in lower-case hex."""
        return {
            name: one.hexdigest() for name, one in zip(self._algorithms, self._hashes, strict=True)
        }


class DigestBook:
    """Which digests beside BLAKE3 are wanted of which files, and those that were computed.

    It is filled while files are read: all digests of a file are computed in the same read.
    """

    def __init__(self, wanted: Mapping[CratePath, Sequence[str]]) -> None:
        self._wanted = {path: tuple(names) for path, names in wanted.items() if names}
        self._found: dict[CratePath, dict[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def numbers(self, entries: EntryTable) -> dict[int, tuple[str, ...]]:
        """Return the wanted algorithms by the numbers of the files in a table."""
        found = entries.numbers(self._wanted)
        return {number: self._wanted[CratePath(path)] for path, number in found.items()}

    def enter(self, path: CratePath, digests: Mapping[str, str]) -> None:
        """Note the digests of a file that was read whole."""
        self._found[path] = dict(digests)

    def digests(self, path: CratePath) -> Mapping[str, str]:
        """Return the digests that are known of a file."""
        return self._found.get(path, {})

    def paths(self) -> Iterable[CratePath]:
        """Return the files of which digests are known."""
        return self._found

    def lacks(self, path: CratePath) -> bool:
        """Tell whether digests of a file are wanted and not known."""
        known = self._found.get(path, {})
        return any(name not in known for name in self._wanted.get(path, ()))

    def lacking(self) -> list[CratePath]:
        """Return the files of which digests are wanted and not known."""
        return [path for path in self._wanted if self.lacks(path)]

    def take_below(self, folder: str, other: "DigestBook") -> None:
        """Take the digests that another book has of the files in a folder, relative to that."""
        for path in self._wanted:
            known = other.digests(CratePath(folder + path))
            if known:
                self._found[path] = dict(known)
