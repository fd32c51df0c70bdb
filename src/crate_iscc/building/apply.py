"""Writes what a BuildPlan says: the only code of the project that writes crates.

A file appears whole or not at all: it is written beside its place, flushed to the disk, and
renamed. Payload files are never opened for writing. What is copied is hashed on the way, and a
copy that is not what was fingerprinted is thrown away.
"""

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import assert_never

from crate_iscc.building.plan import BuildPlan
from crate_iscc.building.target import TargetKind
from crate_iscc.entries import Entry
from crate_iscc.errors import ReadError, WriteError
from crate_iscc.kernel.digest import DatahashHasher
from crate_iscc.paths import MANIFEST_FILE, CratePath, printable
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.replacing import flush_folder, replacing, umask
from crate_iscc.sources import CHUNK_SIZE, Tree
from crate_iscc.sources.opening import open_tree

_EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_LATEST_ZIP_TIME = (2107, 12, 31, 23, 59, 58)
_PERMISSIONS = 0o100644 << 16


def apply(plan: BuildPlan, *, progress: ProgressSink = nobody) -> None:
    """Write the crate. Raises WriteError or ReadError; then what was there before still is."""
    try:
        match plan.target.kind:
            case TargetKind.IN_PLACE:
                _write_in_place(plan)
            case TargetKind.ZIP:
                _write_zip(plan, progress)
            case TargetKind.DIRECTORY:
                _write_directory(plan, progress)
            case kind:
                assert_never(kind)
    except OSError as error:
        raise WriteError(
            f"cannot write {printable(str(plan.target.path))}", cause=error.strerror
        ) from error


def _made_files(plan: BuildPlan) -> Iterator[tuple[CratePath, int, Iterable[bytes]]]:
    """Yield the path, the size and the bytes of each file that build makes, the metadata first."""
    yield plan.metadata_path, len(plan.metadata), (plan.metadata,)
    if plan.manifest_file is not None:
        yield MANIFEST_FILE, plan.manifest_file.fingerprint.size or 0, plan.manifest_file.chunks()


def _write_in_place(plan: BuildPlan) -> None:
    """Replace the files that change; the metadata last, because they describe the others."""
    for leftover in plan.leftovers:
        (plan.target.path / leftover).unlink(missing_ok=True)
    changes = plan.changes
    for path, _, content in reversed(list(_made_files(plan))):
        if path in changes:
            with replacing(plan.target.path / path) as file:
                file.writelines(content)


class _Copier:
    """Copies files out of a tree and makes sure that they are what was fingerprinted."""

    def __init__(self, plan: BuildPlan, tree: Tree, progress: ProgressSink) -> None:
        self._tree = tree
        self._known = plan.manifest.files
        self._total = plan.copied.size
        self._files = len(plan.copied)
        self._done_bytes = 0
        self._done_files = 0
        self._progress = progress
        self._buffer = memoryview(bytearray(CHUNK_SIZE))

    def copy(self, entry: Entry, write: Callable[[memoryview], object]) -> None:
        """Hand the bytes of a file to `write`. Raises ReadError if they are others than before."""
        hasher = DatahashHasher()
        stream = self._tree.open(entry)
        try:
            while count := stream.readinto(self._buffer):
                hasher.update(self._buffer[:count])
                write(self._buffer[:count])
                self._done_bytes += count
                self._tell()
        finally:
            stream.close()
        self._done_files += 1
        known = self._known.get(entry.path)
        if known is not None and hasher.finish().same_bytes(known.fingerprint) is not True:
            raise ReadError(
                f"{printable(entry.path)} changed while the crate was written",
                hint="run build again when nothing writes to the dataset any more",
            )

    def _tell(self) -> None:
        self._progress(
            Progress("writing", self._done_bytes, self._total, self._done_files, self._files)
        )


def _write_zip(plan: BuildPlan, progress: ProgressSink) -> None:
    """Write a zip with the metadata first, so that they can be read without the rest."""
    compression = zipfile.ZIP_DEFLATED if plan.target.compress else zipfile.ZIP_STORED
    with (
        open_tree(plan.subject) as tree,
        replacing(plan.target.path) as file,
        zipfile.ZipFile(file, "w", compression) as archive,
    ):
        tree.listing()
        copier = _Copier(plan, tree, progress)
        for path, size, content in _made_files(plan):
            with archive.open(_zip_info(path, size, None, compression), "w") as member:
                member.writelines(content)
        for folder in plan.folder_entries:
            archive.writestr(_zip_info(folder, 0, None, zipfile.ZIP_STORED), b"")
        for entry in plan.copied:
            info = _zip_info(entry.path, entry.size, entry, compression)
            with archive.open(info, "w") as member:
                copier.copy(entry, member.write)


def _zip_info(path: str, size: int, entry: Entry | None, compression: int) -> zipfile.ZipInfo:
    """Return the head of a member; its time is the file's modification time in UTC."""
    moment = _EARLIEST_ZIP_TIME
    if entry is not None and entry.stat is not None:
        moment = time.gmtime(entry.stat.mtime_ns // 10**9)[:6]
        moment = min(max(moment, _EARLIEST_ZIP_TIME), _LATEST_ZIP_TIME)
    info = zipfile.ZipInfo(path, moment)
    info.compress_type = compression
    info.external_attr = (0o40755 << 16) | 0x10 if path.endswith("/") else _PERMISSIONS
    info.file_size = size  # tells zipfile whether the member needs zip64
    return info


def _write_directory(plan: BuildPlan, progress: ProgressSink) -> None:
    """Write a copy beside its place and rename it when it is whole."""
    target = plan.target.path
    temporary = Path(
        tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
    )
    try:
        with open_tree(plan.subject) as tree:
            tree.listing()
            copier = _Copier(plan, tree, progress)
            for folder in plan.folder_entries:
                (temporary / folder).mkdir(parents=True, exist_ok=True)
            for entry in plan.copied:
                place = temporary / entry.path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    copier.copy(entry, file.write)
                    file.flush()
                    os.fsync(file.fileno())
                if entry.stat is not None:
                    os.utime(place, ns=(entry.stat.mtime_ns, entry.stat.mtime_ns))
        for path, _, content in _made_files(plan):
            with replacing(temporary / path) as file:
                file.writelines(content)
        temporary.chmod(0o777 & ~umask())
        if target.is_dir():
            target.rmdir()
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    flush_folder(target.parent)
