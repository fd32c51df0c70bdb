"""Fixtures: a signed crate, and a timestamp authority."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crate_iscc.proving.signing import sign
from trust.hub_kit import Hub
from trust.trust_kit import ADA, Authority, built


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Make a crate that nobody has signed."""
    return built(tmp_path / "crate")


@pytest.fixture
def signed(crate: Path) -> Path:
    """Make a crate that Ada has signed."""
    sign(crate, ADA)
    return crate


@pytest.fixture(scope="session")
def _founded(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("tsa") / "good")
    authority.found("Good Time")
    return authority


@pytest.fixture
def authority(_founded: Authority) -> Iterator[Authority]:
    """Serve a timestamp authority on the loopback."""
    _founded.answers.clear()
    with _founded.serving() as serving:
        yield serving


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Serve a hub of the older protocol on the loopback."""
    with Hub().serving() as serving:
        yield serving


@pytest.fixture
def log_hub() -> Iterator[Hub]:
    """Serve a hub on the loopback that has a log, and can be asked."""
    with Hub(hub_id=7, with_log=True, can_look_up=True).serving() as serving:
        yield serving
