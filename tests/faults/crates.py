"""Small crates for the tests of faults, and a strict look at what became of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

METADATA = "ro-crate-metadata.json"
MANIFEST = "iscc-manifest.tsv"

STUDY: Mapping[str, bytes] = {
    "a.txt": b"a",
    "c.zarr/.zgroup": b"{}",
    "c.zarr/0/0": bytes(60),
    "raw/b.tif": b"II*\0" + bytes(range(256)) * 4,
    "raw/large.bin": Random(1).randbytes(1_200_000),  # large enough to be mapped
}
"""A dataset of every sort of file: small and large, in folders, and in a container."""


def write_files(folder: Path, files: Mapping[str, bytes] = STUDY) -> Path:
    """Write files below a folder, with times of long ago."""
    for number, (path, content) in enumerate(files.items()):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        os.utime(place, ns=(0, 1_600_000_000_123_456_789 + number))
    return folder


@dataclass(frozen=True, slots=True)
class Kept:
    """What a build has to leave as it was: the bytes and the times of payload files."""

    files: Mapping[str, tuple[bytes, int]]

    @classmethod
    def of(cls, folder: Path, paths: Mapping[str, bytes] = STUDY) -> "Kept":
        """Return the state of some files."""
        return cls({p: ((folder / p).read_bytes(), (folder / p).stat().st_mtime_ns) for p in paths})


def unfinished(folder: Path) -> list[str]:
    """Return what lies below a folder under the name of something half-written."""
    return sorted(
        os.path.relpath(os.path.join(above, name), folder)
        for above, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if name.startswith(".") and name.endswith(".partial")
    )


def paths_below(folder: Path) -> set[str]:
    """Return every file below a folder that is not half-written."""
    return {
        place.relative_to(folder).as_posix()
        for place in folder.rglob("*")
        if not place.is_dir() and not place.name.endswith(".partial")
    }
