"""What there is to compare: the example study, and the crate that was built of it."""

import shutil
from pathlib import Path

import pytest

from verify.verify_kit import made_crate, made_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example study before it is a crate; it is to be read only."""
    return made_study(tmp_path_factory)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example study as a crate; it is to be read only."""
    return made_crate(tmp_path_factory)


@pytest.fixture
def edited(study: Path, tmp_path: Path) -> Path:
    """Return a copy of the study, to be edited."""
    return shutil.copytree(study, tmp_path / "edited")
