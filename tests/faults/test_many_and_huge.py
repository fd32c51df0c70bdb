"""More files than a plain zip can count, and a file larger than a plain zip can hold."""

import os
import zipfile
from pathlib import Path

import pytest

from faults.crates import write_files
from faults.failing_kit import FailingProcess

MANY = 70_000
HUGE = (4 << 30) + 12_345
ZIP64_END = b"PK\x06\x06"

pytestmark = pytest.mark.deep


def has_zip64_end(place: Path) -> bool:
    """Tell whether a zip has the larger kind of end, which counts beyond 65,535."""
    with place.open("rb") as file:
        file.seek(-200, os.SEEK_END)
        return ZIP64_END in file.read()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a folder with 70,000 files directly in it."""
    folder = tmp_path / "study"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:05}").write_bytes(b"%d" % number)
    return folder


def hold_counts(failing: FailingProcess, crate: Path, expected: dict[str, int]) -> None:
    """Verify a crate, and fail unless it counts so."""
    ended = failing.run("verify", crate, "--format", "json", seconds=300)
    counts = {word: count for word, count in ended.json["counts"].items() if count}
    assert counts == expected, ended.err


def test_seventy_thousand_files_in_one_folder_and_in_one_zip(
    failing: FailingProcess, many: Path
) -> None:
    """They are built, packed and verified, and one that differs is found among all others."""
    packed = many.parent / "x.zip"

    assert failing.run("build", many, seconds=300).code == 0
    assert failing.run("build", many, "-o", packed, seconds=300).code == 0

    assert has_zip64_end(packed)
    with zipfile.ZipFile(packed) as archive:
        assert len(archive.namelist()) == MANY + 2
    for crate in (many, packed):
        hold_counts(failing, crate, {"match": MANY})
    (many / "65536").write_bytes(b"65537")
    (many / "69999").unlink()
    hold_counts(failing, many, {"match": MANY - 2, "changed": 1, "missing": 1})


def test_a_sparse_file_over_four_gibibytes_in_a_zip(
    failing: FailingProcess, tmp_path: Path
) -> None:
    """It is packed as zip64, and a byte behind the fourth gibibyte counts like any other."""
    folder = write_files(tmp_path / "study", {"a.txt": b"a", "z.txt": b"z"})
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(HUGE)
        file.seek(HUGE - 5)
        file.write(b"end..")
    packed = tmp_path / "x.zip"

    assert failing.run("build", folder, "-o", packed, seconds=300).code == 0

    (folder / "huge.bin").unlink()
    with zipfile.ZipFile(packed) as archive:
        info = archive.getinfo("huge.bin")
        assert (info.file_size, info.compress_type) == (HUGE, zipfile.ZIP_STORED)
        assert archive.getinfo("z.txt").header_offset > 4 << 30
    ended = failing.run("verify", packed, "--format", "json", seconds=300)
    assert (ended.code, ended.json["counts"]["match"]) == (0, 3)
    flip_last_byte(packed, info.header_offset)
    ended = failing.run("verify", packed, "--format", "json", seconds=300)
    found = {(f["id"], f["path"]) for f in ended.json["findings"]}
    assert (ended.code, found) == (1, {("bytes.changed", "huge.bin")})


def flip_last_byte(packed: Path, header: int) -> None:
    """Change the last byte of the member whose header stands there."""
    with packed.open("r+b") as file:
        file.seek(header + 26)
        lengths = file.read(4)
        start = header + 30 + int.from_bytes(lengths[:2], "little")
        start += int.from_bytes(lengths[2:], "little")
        file.seek(start + HUGE - 1)
        assert file.read(1) == b"."
        file.seek(start + HUGE - 1)
        file.write(b"!")
