"""Writes what a BuildPlan says: the only code of the project that writes crates.

A file appears whole or not at all: it is written beside its place, flushed to the disk, and
renamed. Payload files are never opened for writing. What is copied is hashed on the way, and a
copy that is not what was fingerprinted is thrown away.
"""

import contextlib
import os
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
from crate_iscc.replacing import (
    alone,
    clear_leftovers,
    flush,
    flush_folder,
    remove_leftover,
    replacing,
    umask,
    unfinished,
)
from crate_iscc.sources import CHUNK_SIZE, Tree
from crate_iscc.sources.opening import open_local

_DEFLATE_LEVEL = 4
"""Of zlib: noisy pixels come out as small as with its default of 6, in a fifth of the time."""
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
    """Replace the files that change; the metadata last, because they describe the others.

    All are written before any is renamed: for as short a time as can be is one new and one old.
    """
    folder = plan.target.path
    for leftover in plan.leftovers:
        remove_leftover(folder / leftover)
    changes = plan.changes
    if not changes:
        return
    with alone(folder), contextlib.ExitStack() as renamed_from_the_last:
        _check_metadata(plan)
        for path, _, content in _made_files(plan):
            if path in changes:
                file = renamed_from_the_last.enter_context(
                    replacing(folder / path, with_folder=False)
                )
                file.writelines(content)
                flush(file)
    flush_folder(folder)


def _check_metadata(plan: BuildPlan) -> None:
    """Raise WriteError if somebody else wrote the metadata since the plan was made."""
    place = plan.target.path / plan.metadata_path
    expected = (plan.previous, plan.metadata)
    if not any(_holds(place, content) for content in expected):
        raise WriteError(
            f"{printable(str(place))} was written by somebody else meanwhile, and is left alone",
            hint="run build again when nothing else writes to the dataset",
        )


def _holds(place: Path, content: bytes | None) -> bool:
    """Tell whether a file has that content, or is not there where that is None."""
    try:
        with open(place, "rb", opener=_without_waiting) as file:
            if content is None or os.fstat(file.fileno()).st_size != len(content):
                return False
            starts = range(0, len(content), CHUNK_SIZE)
            view = memoryview(content)
            return all(file.read(CHUNK_SIZE) == view[at : at + CHUNK_SIZE] for at in starts)
    except FileNotFoundError:
        return content is None


def _without_waiting(place: str, flags: int) -> int:
    """Open a file that may be a pipe by now."""
    return os.open(place, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


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
    clear_leftovers(plan.target.path)
    with (
        open_local(plan.subject) as tree,
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
    # Public, as compress_level, from Python 3.13 on, where this name is kept.
    info._compresslevel = _DEFLATE_LEVEL  # type: ignore[attr-defined]
    info.external_attr = (0o40755 << 16) | 0x10 if path.endswith("/") else _PERMISSIONS
    info.file_size = size  # tells zipfile whether the member needs zip64
    return info


def _write_directory(plan: BuildPlan, progress: ProgressSink) -> None:
    """Write a copy beside its place and rename it when it is whole."""
    target = plan.target.path
    clear_leftovers(target)
    with unfinished(target, folder=True) as temporary:
        with open_local(plan.subject) as tree:
            tree.listing()
            copier = _Copier(plan, tree, progress)
            for folder in plan.folder_entries:
                (temporary / folder).mkdir(parents=True, exist_ok=True)
            for entry in plan.copied:
                place = temporary / entry.path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    copier.copy(entry, file.write)
                    flush(file)
                if entry.stat is not None:
                    os.utime(place, ns=(entry.stat.mtime_ns, entry.stat.mtime_ns))
        for path, _, content in _made_files(plan):
            with replacing(temporary / path) as made:
                made.writelines(content)
        temporary.chmod(0o777 & ~umask())
        if target.is_dir():
            target.rmdir()
        temporary.rename(target)
    flush_folder(target.parent)
