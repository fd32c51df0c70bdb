"""Fixtures of the tests of faults."""

from collections.abc import Iterator

import pytest

from faults.failing_kit import FailingProcess, failing_process


@pytest.fixture(scope="package")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingProcess]:
    """Return the process in which calls of the system fail."""
    with failing_process(tmp_path_factory.mktemp("failing")) as process:
        yield process
