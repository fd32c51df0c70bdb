"""Folders and crates for the tests of similarity."""

from pathlib import Path
from random import Random

import pytest

from crate_iscc import build


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder, and return it."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """Return a file, one that shares most of its chunks with it, and two that share none."""
    random = Random(8)
    first = random.randbytes(200_000)
    return {
        "first": first,
        "edited": first[:170_000] + random.randbytes(30_000),
        "other": random.randbytes(50_000),
        "small": b"a small file\n",
    }


@pytest.fixture
def folder(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    """Return a folder with a copy and an edited copy of one of its files, and two empty files."""
    return write(
        tmp_path / "folder",
        {
            "a.bin": contents["first"],
            "deep/copy of a.bin": contents["first"],
            "b.bin": contents["edited"],
            "other.bin": contents["other"],
            "empty 1": b"",
            "empty 2": b"",
        },
    )


@pytest.fixture
def crate(folder: Path) -> Path:
    """Return the folder as a crate."""
    build(folder, name="Crate", licence="CC0-1.0")
    return folder
