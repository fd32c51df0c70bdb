"""Chooses the Tree for what a user names: a directory, a zip, or a metadata file."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from crate_iscc.errors import InputError
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, printable
from crate_iscc.sources.directory import DirectoryTree

if TYPE_CHECKING:
    from crate_iscc.sources.zip import ZipTree


class NoTreeError(InputError):
    """A file was named that is no tree of files."""


def open_tree(path: str | Path, *, crc: bool = True) -> "DirectoryTree | ZipTree":
    """Open a directory, a zip (also `.eln` and the like), or the folder of a metadata file.

    `crc` is handed to ZipTree. Raises InputError for anything else, NoTreeError for another file.
    """
    place = Path(path)
    shown = printable(str(path))
    if not str(path):
        raise InputError("the path is empty", hint="name a directory, a zip or a metadata file")
    try:
        place.stat()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise InputError(f"cannot be opened: {shown}", cause=cause) from error
        raise InputError(
            f"not found: {shown}", cause=cause, hint="check the path for typing errors"
        ) from error
    if place.is_dir():
        return DirectoryTree(place)
    if not place.is_file():
        raise InputError(f"neither a directory nor a file: {shown}")
    if place.name in (METADATA_FILE, LEGACY_METADATA_FILE):
        return DirectoryTree(place.parent)
    # What reads zips is loaded where there is one: a directory is verified in less time than that.
    from zipfile import is_zipfile

    if is_zipfile(place) or _starts_like_zip(place):
        from crate_iscc.sources.zip import ZipTree

        return ZipTree(place, crc=crc)
    raise NoTreeError(
        f"not a dataset: {shown}",
        cause="it is a file that is neither a zip archive nor an ro-crate-metadata.json",
        hint="name the directory or the zip that holds the dataset",
    )


def _starts_like_zip(place: Path) -> bool:
    try:
        with place.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError as error:
        raise InputError(
            f"cannot be read: {printable(str(place))}", cause=error.strerror
        ) from error
