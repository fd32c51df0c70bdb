"""Very large datasets: memory that hardly grows with the files, and codes of several GiB."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from crate_iscc.kernel.choosing import has_compiled_module

GIB = 1 << 30
MIB = 1 << 20

_PEAK = """
import resource, sys
from crate_iscc import build, verify

build(sys.argv[1]) if sys.argv[2] == "build" else verify(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_BYTES_IN_MAXRSS = 1 if sys.platform == "darwin" else 1024


def synthetic_zarr(folder: Path, chunks: int) -> Path:
    """Write a Zarr of so many small chunks, a thousand to a folder."""
    root = folder / "image.zarr"
    (root / "0").mkdir(parents=True)
    for name in ("zarr.json", "0/zarr.json"):
        (root / name).write_text("{}", encoding="utf-8")
    for number in range(chunks):
        place = root / "0" / "c" / str(number // 1000)
        place.mkdir(parents=True, exist_ok=True)
        (place / str(number % 1000)).write_bytes(b"%d" % number)
    return folder


def peak(folder: Path, verb: str) -> int:
    """Return the peak memory of a process that builds or verifies, in bytes."""
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, str(folder), verb],
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    return int(ended.stdout) * _BYTES_IN_MAXRSS


@pytest.mark.deep
@pytest.mark.skipif(os.name != "posix", reason="memory is measured as POSIX systems do it")
def test_memory_grows_by_little_with_each_chunk_of_a_zarr(tmp_path: Path) -> None:
    """A chunk takes no object: with 240 bytes each, a million stay below 300 MB."""
    few, many = 20_000, 120_000
    small, large = tmp_path / "small", tmp_path / "large"
    synthetic_zarr(small, few)
    synthetic_zarr(large, many)

    for verb in ("build", "verify"):
        growth = (peak(large, verb) - peak(small, verb)) / (many - few)
        assert growth < 240, f"{verb}: {growth:.0f} bytes a chunk"


@pytest.mark.deep
@pytest.mark.skipif(not has_compiled_module(), reason="iscc-lib needs no comparison with itself")
def test_a_file_of_several_gib_has_the_code_of_the_iscc_sum_command(
    tmp_path: Path, iscc_sum: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """5 GiB, random, constant and periodic in turns: beyond every 32-bit number of bytes."""
    place = tmp_path / "large.bin"
    random = Random(5)
    with place.open("wb") as file:
        while file.tell() < 5 * GIB + 12_345:
            file.write(random.randbytes(64 * MIB + random.randrange(10_000)))
            file.write(random.randbytes(1 + random.randrange(5000)) * 10_000)
            file.seek(random.randrange(256 * MIB), os.SEEK_CUR)
        file.truncate(file.tell() + 777)

    ended = subprocess.run(
        [sys.executable, "-m", "crate_iscc", "sum", "--units", str(place)],
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    expected = iscc_sum("--units", place)

    ours = [line.split()[0] for line in ended.stdout.splitlines()]
    assert ours == [line.split()[0] for line in expected.stdout.splitlines()]
    assert len(ours) == 3
