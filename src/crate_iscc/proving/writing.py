"""Puts proofs into a crate: small files beside what is there, which is not touched."""

import shutil
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from crate_iscc.errors import InputError, WriteError
from crate_iscc.paths import CratePath, printable
from crate_iscc.replacing import clear_leftovers, replacing
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.tar import TarTree
from crate_iscc.sources.zip import ZipTree

_PERMISSIONS = 0o100644 << 16


def can_be_added_to(tree: DirectoryTree | ZipTree | TarTree) -> DirectoryTree | ZipTree:
    """Return the tree of a crate that proofs can be put into. Raises InputError for a tar."""
    if isinstance(tree, TarTree):
        raise InputError(
            f"nothing is added to a tar: {printable(tree.subject)}",
            hint="make a zip of it, and use that: crate-iscc build CRATE.tar -o CRATE.zip",
        )
    return tree


def add_files(tree: DirectoryTree | ZipTree, files: Mapping[CratePath, bytes]) -> None:
    """Add files to a crate, one after the other; each is there whole or not at all.

    To a zip they are appended: a copy gets them behind its last member and a new directory, and
    takes the place of the archive. Raises WriteError, also where a zip has a file of that name;
    what was there before then still is.
    """
    try:
        if isinstance(tree, DirectoryTree):
            for path, content in files.items():
                place = tree.path / path
                place.parent.mkdir(exist_ok=True)
                with replacing(place) as file:
                    file.write(content)
        else:
            _append(tree.path.resolve(), tree.wrapper, files)
    except OSError as error:
        raise WriteError(
            f"cannot write into {printable(tree.subject)}", cause=error.strerror
        ) from error


def remove_file(tree: DirectoryTree, path: CratePath) -> None:
    """Remove a file of a crate, if it is there. Raises WriteError."""
    try:
        (tree.path / path).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot write into {printable(tree.subject)}", cause=error.strerror
        ) from error


def _append(archive: Path, wrapper: str, files: Mapping[CratePath, bytes]) -> None:
    clear_leftovers(archive)
    with archive.open("rb") as source, replacing(archive) as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
        with zipfile.ZipFile(copy, "a") as appended:
            doubled = {wrapper + path for path in files} & set(appended.namelist())
            if doubled:
                raise WriteError(f"there is a {printable(min(doubled))} in the zip already")
            for path, content in files.items():
                info = zipfile.ZipInfo(wrapper + path, time.gmtime()[:6])
                info.external_attr = _PERMISSIONS
                appended.writestr(info, content)
