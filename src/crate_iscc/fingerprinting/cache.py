"""Remembers the fingerprints of a payload that did not change, outside the crate.

One file for each dataset directory, named by a hash of its absolute path. What is remembered counts
only if every file of the payload is the same: path, size, modification and change time, inode and
device. The cache can be deleted at any time; a damaged one is ignored.

A line of JSON says what is remembered; the columns of the codes follow, and the BLAKE3 of it all.
"""

import contextlib
import json
import os
import time
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import EntryTable
from crate_iscc.file_table import Columns, FileTable
from crate_iscc.fingerprinting.freshness import is_too_fresh
from crate_iscc.packed import Column, FixedBytes, PackedBytes
from crate_iscc.replacing import clear_leftovers, replacing

_FORMAT = "crate-iscc cache 2"
_DIGEST = 32
"""Bytes of each code, and of the seal at the end."""

Trees = Iterable[tuple["array[int]", Fingerprint]]
"""Codes over many files: the numbers of the files, in order, and the code."""


class Cache:
    """The remembered fingerprints of one directory."""

    def __init__(self, folder: Path, dataset: Path, kernel: str) -> None:
        """`dataset` is the directory, `kernel` the name of the kernel that computes its codes."""
        digest = blake3(os.fsencode(dataset.resolve())).hexdigest(16)
        self._path = folder / f"{digest}.cache"
        self._kernel = kernel
        self._trees: dict[str, Fingerprint] = {}
        self._started_ns = time.time_ns()

    def files(self, entries: EntryTable, *, sha256: bool) -> FileTable | None:
        """Return the fingerprints of all files; None where any of them must be read."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            raw = self._path.read_bytes()
            body, seal = memoryview(raw)[:-_DIGEST], raw[-_DIGEST:]
            if blake3(body).digest() == seal:
                line_end = raw.index(b"\n")
                head = json.loads(raw[:line_end])
                return self._parsed(head, body[line_end + 1 :], entries, sha256=sha256)
        return None

    def _parsed(
        self, head: dict[str, Any], columns: memoryview, entries: EntryTable, *, sha256: bool
    ) -> FileTable | None:
        has_sha256 = head["sha256"]
        if head["of"] != self._what(entries) or (sha256 and not has_sha256):
            return None
        count = len(entries)
        size = _DIGEST * count
        if len(columns) != (3 if has_sha256 else 2) * size:
            return None
        data, instance, digests = (
            FixedBytes(count, _DIGEST, columns[at : at + size] or bytes(size))
            for at in (0, size, 2 * size)
        )
        self._trees = {
            key: Fingerprint(size, bytes.fromhex(data), bytes.fromhex(instance))
            for key, (size, data, instance) in head["trees"].items()
        }
        texts = _texts(digests) if sha256 else None
        return FileTable(Columns(entries.path_column, entries.sizes, data, instance, texts))

    def _what(self, entries: EntryTable) -> list[str]:
        """Return what must be the same for the codes to be: format, kernel, and all files."""
        state = blake3(entries.sizes.tobytes())
        state.update(entries.stats.tobytes() if entries.stats is not None else b"")
        for path in entries.path_column:
            state.update(path + b"\0")
        return [_FORMAT, self._kernel, state.hexdigest()]

    def tree(self, files: FileTable, covered: "array[int]") -> Fingerprint | None:
        """Return the ISCC-SUM of the concatenated bytes of files, in the order of their numbers."""
        return self._trees.get(_tree_key(files, covered))

    def store(self, entries: EntryTable, files: FileTable, trees: Trees) -> None:
        """Replace what is remembered. Failing to write is no failure of the work itself."""
        if entries.stats is None or self._too_fresh(entries.stats):
            return
        columns = files.columns
        digests = columns.sha256
        head = {
            "of": self._what(entries),
            "sha256": digests is not None,
            "trees": {_tree_key(files, covered): _codes(code) for covered, code in trees},
        }
        seal = blake3()
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            clear_leftovers(self._path)
            with replacing(self._path) as written:
                for part in _parts(head, (columns.data, columns.instance), digests):
                    seal.update(part)
                    written.write(part)
                written.write(seal.digest())

    def _too_fresh(self, stats: "array[int]") -> bool:
        """Tell whether any file changed so lately that it may change again unnoticed."""
        return any(
            is_too_fresh(mtime, ctime, self._started_ns)
            for mtime, ctime in zip(stats[0::4], stats[1::4], strict=True)
        )


def _parts(
    head: dict[str, object], columns: Iterable[Column], digests: Column | None
) -> Iterable[bytes]:
    yield json.dumps(head).encode("ascii") + b"\n"
    for column in columns:
        yield b"".join(column)
    if digests is not None:
        yield bytes.fromhex(b"".join(digests).decode("ascii"))


def _texts(digests: Column) -> Column:
    return PackedBytes(digest.hex().encode("ascii") for digest in digests)


def _codes(known: Fingerprint) -> tuple[int | None, str, str]:
    return known.size, (known.data or b"").hex(), (known.instance or b"").hex()


def _tree_key(files: FileTable, covered: "array[int]") -> str:
    hasher = blake3()
    columns = files.columns
    for number in covered:
        hasher.update(b"%d %b\n" % (columns.sizes[number], columns.instance[number]))
    return hasher.hexdigest()
