"""Chooses the Tree for what a user names: a directory, a zip, a tar, or a metadata file."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from crate_iscc.errors import InputError
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, printable
from crate_iscc.sources import Tree
from crate_iscc.sources.directory import DirectoryTree

if TYPE_CHECKING:
    from crate_iscc.sources.tar import TarTree
    from crate_iscc.sources.zip import ZipTree

_COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"\x28\xb5\x2f\xfd": "unzstd",
}
"""How compressed files begin, and what unpacks them."""
_SCHEMES = frozenset({"http", "https"})
"""What lies elsewhere begins with one of these and `://`."""


class NoTreeError(InputError):
    """A file was named that is no tree of files."""


def open_tree(path: str | Path, *, crc: bool = True) -> Tree:
    """Open what a user names: what open_local opens, or a zip or crate at a web address.

    `crc` is handed to the tree of a zip. Raises InputError for anything else, NoTreeError for
    another file, and ReadError where a server does not answer.
    """
    if isinstance(path, str) and scheme_of(path) in ("http", "https"):
        from crate_iscc.sources.remote.web import open_web

        return open_web(path, crc=crc)
    return open_local(path, crc=crc)


def scheme_of(path: str | Path) -> str | None:
    """Return the scheme of what was named (`https`), None for a path of the file system."""
    scheme, mark, _ = str(path).partition("://")
    named = bool(mark) and isinstance(path, str) and scheme.lower() in _SCHEMES
    return scheme.lower() if named else None


def require_local(path: str | Path) -> None:
    """Raise InputError for what lies elsewhere."""
    if scheme_of(path):
        raise InputError(
            f"not on this computer: {printable(str(path))}",
            cause="this works on what lies on disk: elsewhere nothing is written",
            hint="download it first, and name the file or folder",
        )


def open_local(path: str | Path, *, crc: bool = True) -> "DirectoryTree | ZipTree | TarTree":
    """Open a directory, a zip (also `.eln`, `.ozx`), a tar, or the folder of a metadata file.

    `crc` is handed to ZipTree. Raises InputError for anything else, also for what lies elsewhere
    (whoever calls this may want to write), NoTreeError for another file.
    """
    require_local(path)
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
    # What reads archives is loaded where there is one: a directory is verified in less time.
    from crate_iscc.sources.tar_headers import BLOCK, looks_like_tar

    # A tar first: one that ends in a zip would pass for that zip with something before it.
    head = _head(place, 2 * BLOCK)
    if looks_like_tar(head):
        from crate_iscc.sources.tar import TarTree

        return TarTree(place)
    from zipfile import is_zipfile

    if is_zipfile(place) or head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        from crate_iscc.sources.zip import ZipTree

        return ZipTree(place, crc=crc)
    for start, program in _COMPRESSED.items():
        if head.startswith(start):
            raise NoTreeError(
                f"a compressed archive is not read in place: {shown}",
                cause="none of its files can be reached without unpacking all before it",
                hint=f"unpack it ({program}) and name the folder or the .tar",
            )
    raise NoTreeError(
        f"not a dataset: {shown}",
        cause="it is a file that is no zip, no tar and no ro-crate-metadata.json",
        hint="name the directory or the archive that holds the dataset",
    )


def _head(place: Path, size: int) -> bytes:
    try:
        with place.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise InputError(
            f"cannot be read: {printable(str(place))}", cause=error.strerror
        ) from error
