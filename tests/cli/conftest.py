"""Crates for the tests of the command line."""

import shutil
from pathlib import Path

import pytest

from verify.verify_kit import flip_bit, made_crate, made_study, plain_files, write_files


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example study before it is a crate; it is to be read only."""
    return made_study(tmp_path_factory)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example study as a crate; it is to be read only."""
    return made_crate(tmp_path_factory)


@pytest.fixture
def crate(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the example crate, to be damaged."""
    return shutil.copytree(built, tmp_path / "crate")


@pytest.fixture
def damaged(crate: Path) -> Path:
    """Return a copy of the example crate with one bit flipped, in a file with an awkward name."""
    flip_bit(crate / "notes/F\u00e4rbung 50% \u2013 Probe #3.txt")
    return crate


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder of five files."""
    return write_files(tmp_path / "files", plain_files())
