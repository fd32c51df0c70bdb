"""Fixtures that several folders of tests share, and the profiles of the property tests."""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Writing a tree to disk takes as long as the disk takes, so no example has a deadline; and one test
# body runs over every kernel and every kind of source, each a class of its own.
settings.register_profile(
    "default",
    deadline=None,
    max_examples=40,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.differing_executors,
    ],
)
settings.register_profile("deep", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

Codes = tuple[str, str, str]
"""A wide ISCC-SUM and its 256-bit Data-Code and Instance-Code, as the command prints them."""


@pytest.fixture(scope="session")
def iscc_sum() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Return a function that runs the `iscc-sum` command, an oracle that nobody here wrote."""
    command = shutil.which("iscc-sum", path=str(Path(sys.executable).parent))
    assert command, "the iscc-sum command is part of the test requirements"

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [command, *map(str, arguments)],
            check=False,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1"},
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def iscc_sum_files(
    iscc_sum: Callable[..., "subprocess.CompletedProcess[str]"],
) -> Callable[[Sequence[Path]], list[Codes]]:
    """Return a function from files to what `iscc-sum --units` prints for each."""

    def codes(paths: Sequence[Path]) -> list[Codes]:
        done = iscc_sum("--units", "--zero", *paths)
        assert done.returncode == 0, done.stderr
        lines = [line.split()[0] for line in done.stdout.split("\0") if line.strip()]
        assert len(lines) == 3 * len(paths)
        return list(zip(lines[::3], lines[1::3], lines[2::3], strict=True))

    return codes


@pytest.fixture(scope="session")
def iscc_sum_tree(
    iscc_sum: Callable[..., "subprocess.CompletedProcess[str]"],
) -> Callable[[Path], Codes]:
    """Return a function from a folder to what `iscc-sum --tree --units` prints for it."""

    def codes(folder: Path) -> Codes:
        done = iscc_sum("--tree", "--units", "--zero", folder)
        assert done.returncode == 0, done.stderr
        whole, data, instance = (line.split()[0] for line in done.stdout.split("\0") if line)
        return whole, data, instance

    return codes


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of moto's S3 server, which is run for as long as the tests are."""
    # Left out of what every test loads: most need no object store.
    from object_stores import MOTO, WITHOUT_MOTO, moto_server

    if not Path(MOTO).exists():
        pytest.skip(WITHOUT_MOTO)
    with moto_server(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture
def numbers() -> Iterator[int]:
    """Return 0, 1, 2, … for names that must differ within one test."""
    return count()


@pytest.fixture
def write_tree(tmp_path: Path, numbers: Iterator[int]) -> Callable[[Mapping[str, bytes]], Path]:
    """Return a function that writes files to a new folder and returns it."""

    def write(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path / f"tree{next(numbers)}"
        folder.mkdir()
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return folder

    return write


@pytest.fixture
def make_zip(tmp_path: Path, numbers: Iterator[int]) -> Callable[..., Path]:
    """Return a function that writes files to a new zip, in their order, and returns it."""

    def make(
        files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED, wrapper: str = ""
    ) -> Path:
        place = tmp_path / f"archive{next(numbers)}.zip"
        with zipfile.ZipFile(place, "w", compression) as archive:
            for path, content in files.items():
                archive.writestr(wrapper + path, content)
        return place

    return make


@pytest.fixture
def threads_left() -> Callable[[], list[str]]:
    """Return a function that names the threads that were started since the test began."""
    before = set(threading.enumerate())

    def left() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread not in before]

    return left
