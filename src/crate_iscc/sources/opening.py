"""Chooses the Tree for what a user names: something on disk, or an address elsewhere."""

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
_WEB = frozenset({"http", "https"})
_STORES = frozenset({"s3", "gs", "az"})
"""What lies elsewhere begins with one of these and `://`."""


class NoTreeError(InputError):
    """A file was named that is no tree of files."""


def open_tree(path: str | Path, *, crc: bool = True) -> Tree:
    """Open what a user names: what open_local opens, or what lies at an address.

    That is a zip, a crate or a Zarr on the web, or a folder or a zip in an object store (s3, gs,
    az). `crc` is handed to the tree of a zip. Raises InputError for anything else, and where the
    extra that reads object stores is not installed; NoTreeError for another file; ReadError where
    a server does not answer.
    """
    scheme = scheme_of(path)
    if scheme in _WEB:
        from crate_iscc.sources.remote.web import open_web

        return open_web(str(path), crc=crc)
    if scheme in _STORES:
        return _open_store(str(path), crc=crc)
    return open_local(path, crc=crc)


def _open_store(path: str, *, crc: bool) -> Tree:
    from crate_iscc.sources.remote.object_address import object_address

    address = object_address(path)
    try:
        from crate_iscc.sources.remote.object_zip import opened
        from crate_iscc.sources.remote.objects import ObjectTree
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "obstore":
            raise
        raise InputError(
            f"object stores cannot be read: {printable(address.shown)}",
            cause="the optional dependency obstore is not installed",
            hint="pip install 'crate-iscc[remote]'",
        ) from None
    return opened(ObjectTree(address), crc=crc)


def scheme_of(path: str | Path) -> str | None:
    """Return the scheme of what was named (`https`), None for a path of the file system.

    Raises InputError for an address in a Path, which has lost a slash.
    """
    scheme, mark, rest = str(path).partition(":/")
    if not mark or scheme.lower() not in _WEB | _STORES:
        return None
    if not isinstance(path, str):
        raise InputError(
            f"not an address any more: {printable(str(path))}",
            cause="a Path takes two slashes for one",
            hint="pass addresses as text",
        )
    return scheme.lower() if rest.startswith("/") else None


def require_local(path: str | Path) -> None:
    """Raise InputError for what lies elsewhere."""
    if scheme_of(path):
        raise InputError(
            f"not on this computer: {printable(str(path))}",
            cause="this works on what lies on disk: elsewhere nothing is written",
            hint="work on a copy on a disk, and upload what is written",
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
        hint = "check the path for typing errors"
        scheme, mark, _ = str(path).partition(":/")
        if mark and len(scheme) > 1 and scheme.isalnum():  # C:/ is no address
            hint = "addresses that can be read begin with https://, http://, s3://, gs:// or az://"
        raise InputError(f"not found: {shown}", cause=cause, hint=hint) from error
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
