"""The checksum of a Zarr as the DANDI archive has it, from the MD5 of each of its files.

A directory's checksum is the MD5 of a JSON text that lists its members with their checksums
(zarr-checksum 0.4.7, `ZarrChecksumManifest`), so it binds names, boundaries and bytes. MD5 is no
proof against forgery: no verdict rests on it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import md5

EMPTY_CHECKSUM = "481a2f77ab786a0f45aafd5db0971caa-0--0"
"""The checksum of a Zarr without any file."""


def dandi_checksum(files: Iterable[tuple[str, int, str]]) -> str:
    """Return the DANDI checksum of files, each given by its path, its bytes and its MD5 in hex.

    It is `MD5-COUNT--SIZE`, as the zarr-checksum package computes it over every file. dandi-cli
    leaves out `.dandi`, `.datalad`, `.git`, `.gitattributes` and `.gitmodules` before it does so;
    here nothing is left out. Raises ValueError unless the paths ascend by their UTF-8 bytes.
    """
    open_folders = [_Folder("")]
    last = ""
    for path, size, digest in files:
        # The order of code points is that of UTF-8 bytes.
        if path <= last:
            raise ValueError(f"the paths do not ascend: {last!r} comes before {path!r}")
        last = path
        *folders, name = path.split("/")
        shared = 0
        for folder, wanted in zip(open_folders[1:], folders, strict=False):
            if folder.name != wanted:
                break
            shared += 1
        _close(open_folders, shared)
        open_folders.extend(map(_Folder, folders[shared:]))
        open_folders[-1].files.append(_Member(digest, name, size, 1))
    _close(open_folders, 0)
    return open_folders[0].member().digest


@dataclass(frozen=True, slots=True)
class _Member:
    """A file or a folder of a folder: `count` files of `size` bytes together."""

    digest: str
    name: str
    size: int
    count: int


@dataclass(slots=True)
class _Folder:
    """A folder of which not all members are known yet."""

    name: str
    folders: list[_Member] = field(default_factory=list)
    files: list[_Member] = field(default_factory=list)

    def member(self) -> _Member:
        """Return what the folder above says of this one."""
        text = json.dumps(
            {"directories": _listed(self.folders), "files": _listed(self.files)},
            separators=(",", ":"),
        )
        digest = md5(text.encode("ascii"), usedforsecurity=False).hexdigest()
        members = (*self.folders, *self.files)
        size, count = sum(one.size for one in members), sum(one.count for one in members)
        return _Member(f"{digest}-{count}--{size}", self.name, size, count)


def _listed(members: Iterable[_Member]) -> list[dict[str, str | int]]:
    return [
        {"digest": one.digest, "name": one.name, "size": one.size}
        for one in sorted(members, key=lambda one: one.name)
    ]


def _close(open_folders: list[_Folder], depth: int) -> None:
    """Hand each folder that lies deeper than that to the one above it."""
    while len(open_folders) > depth + 1:
        done = open_folders.pop()
        open_folders[-1].folders.append(done.member())
