"""Crates for the tests of the verdict."""

import shutil
from pathlib import Path

import pytest

from crate_iscc import build
from verify.verify_kit import made_crate, made_study, plain_files, write_files


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
def plain(tmp_path: Path) -> Path:
    """Return a crate of five files, with no container and no manifest file, to be damaged."""
    folder = write_files(tmp_path / "plain", plain_files())
    build(folder, name="Plain", licence="CC0-1.0")
    return folder
