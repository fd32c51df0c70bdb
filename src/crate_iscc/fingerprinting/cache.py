"""Remembers fingerprints of files that did not change, outside the crate.

One text file for each dataset directory, named by a hash of its absolute path. A file is known
again if size, modification and change time, inode and device are the same. The cache can be
deleted at any time; a damaged one is ignored.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.manifest import FileFingerprint
from crate_iscc.sources import Entry, StatKey

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
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")
            if lines and lines[0] == self._header and lines[-1] == "end":
                for line in lines[1:-1]:
                    self._load(line)
        except (OSError, ValueError):
            self._files, self._trees = {}, {}

    def _load(self, line: str) -> None:
        kind, *fields = line.split("\t")
        size, data, instance = int(fields[0]), bytes.fromhex(fields[1]), bytes.fromhex(fields[2])
        known = Fingerprint(size, data, instance)
        if not known.complete:
            raise ValueError("a short code")
        if kind == "tree":
            self._trees[fields[3]] = known
        else:
            stat = StatKey(*(int(number) for number in fields[4:8]))
            path = bytes.fromhex(fields[8]).decode("utf-8")
            self._files[path, size, stat] = FileFingerprint(
                Entry(path, size).path,  # type: ignore[arg-type]
                known,
                fields[3] or None,
            )

    def file(self, entry: Entry, *, sha256: bool) -> FileFingerprint | None:
        """Return the fingerprint of an unchanged file; None where it must be read."""
        if entry.stat is None:
            return None
        known = self._files.get((entry.path, entry.size, entry.stat))
        return None if known is None or (sha256 and not known.sha256) else known

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
        lines.append("end")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".cache-")
            with open(handle, "w", encoding="utf-8") as file_:
                file_.write("\n".join(lines))
            os.replace(name, self._path)

    def _too_fresh(self, stat: StatKey) -> bool:
        tick = _COARSE_TICK_NS if stat.mtime_ns % 1_000_000 == 0 else _FINE_TICK_NS
        return max(stat.mtime_ns, stat.ctime_ns) + tick > self._started_ns


def _codes(known: Fingerprint) -> tuple[str, str, str]:
    return str(known.size), (known.data or b"").hex(), (known.instance or b"").hex()


def _tree_key(files: Iterable[FileFingerprint]) -> str:
    hasher = blake3()
    for file in files:
        hasher.update(f"{file.fingerprint.size} {file.fingerprint.datahash}\n".encode())
    return hasher.hexdigest()
