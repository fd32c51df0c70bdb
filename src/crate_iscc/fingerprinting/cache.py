"""Remembers fingerprints of files that did not change, outside the crate.

One text file for each dataset directory, named by a hash of its absolute path. A file is known
again if size, modification and change time, inode and device are the same. The cache can be
deleted at any time; a damaged one is ignored.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import Entry, StatKey
from crate_iscc.file_table import FileFingerprint
from crate_iscc.paths import CratePath
from crate_iscc.replacing import replacing

_HEADER = "crate-iscc cache 1"
# A file that was written in the same tick of the file system's clock as it was hashed may change
# again without a trace in its times. Coarse clocks show in times that are whole milliseconds.
_FINE_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000


class Cache:
    """The remembered fingerprints of one directory."""

    def __init__(self, folder: Path, dataset: Path, kernel: str) -> None:
        """Load what is remembered about `dataset` by the kernel of that name."""
        digest = blake3(os.fsencode(dataset.resolve())).hexdigest(16)
        self._path = folder / f"{digest}.tsv"
        self._header = f"{_HEADER}\t{kernel}"
        self._files: dict[tuple[str, int, StatKey], FileFingerprint] = {}
        self._trees: dict[str, Fingerprint] = {}
        self._started_ns = time.time_ns()
        with contextlib.suppress(OSError, ValueError):
            text, _, seal = self._path.read_text(encoding="utf-8").rpartition("\n")
            if seal == _seal(text) and text.startswith(self._header + "\n"):
                for line in text.split("\n")[1:]:
                    self._load(line)

    def _load(self, line: str) -> None:
        kind, *fields = line.split("\t")
        known = Fingerprint(int(fields[0]), bytes.fromhex(fields[1]), bytes.fromhex(fields[2]))
        if kind == "tree":
            self._trees[fields[3]] = known
        else:
            stat = StatKey(*(int(number) for number in fields[4:8]))
            path = CratePath(bytes.fromhex(fields[8]).decode("utf-8"))
            file = FileFingerprint(path, known, fields[3] or None)
            self._files[path, int(fields[0]), stat] = file

    def file(self, entry: Entry, *, sha256: bool) -> FileFingerprint | None:
        """Return the fingerprint of an unchanged file; None where it must be read."""
        if entry.stat is None:
            return None
        known = self._files.get((entry.path, entry.size, entry.stat))
        if known is None or (sha256 and not known.sha256):
            return None
        return known if sha256 else replace(known, sha256=None)

    def tree(self, files: Iterable[FileFingerprint]) -> Fingerprint | None:
        """Return the ISCC-SUM of the concatenated bytes of `files`, in that order."""
        return self._trees.get(_tree_key(files))

    def store(
        self,
        files: Iterable[tuple[Entry, FileFingerprint]],
        trees: Iterable[tuple[Iterable[FileFingerprint], Fingerprint]],
    ) -> None:
        """Replace what is remembered. Failing to write is no failure of the work itself."""
        lines = [self._header]
        for members, known in trees:
            lines.append("\t".join(("tree", *_codes(known), _tree_key(members))))
        for entry, file in files:
            stat = entry.stat
            if stat is not None and not self._too_fresh(stat):
                times = (stat.mtime_ns, stat.ctime_ns, stat.inode, stat.device)
                fields = (*_codes(file.fingerprint), file.sha256 or "", *map(str, times))
                lines.append("\t".join(("file", *fields, entry.path.encode("utf-8").hex())))
        text = "\n".join(lines)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(self._path) as written:
                written.write(f"{text}\n{_seal(text)}".encode())

    def _too_fresh(self, stat: StatKey) -> bool:
        tick = _COARSE_TICK_NS if stat.mtime_ns % 1_000_000 == 0 else _FINE_TICK_NS
        return max(stat.mtime_ns, stat.ctime_ns) + tick > self._started_ns


def _seal(text: str) -> str:
    """Return what the last line must be for the others to be believed."""
    return blake3(text.encode("utf-8")).hexdigest()


def _codes(known: Fingerprint) -> tuple[str, str, str]:
    return str(known.size), (known.data or b"").hex(), (known.instance or b"").hex()


def _tree_key(files: Iterable[FileFingerprint]) -> str:
    hasher = blake3()
    for file in files:
        hasher.update(f"{file.fingerprint.size} {file.fingerprint.datahash}\n".encode())
    return hasher.hexdigest()
