"""What the compatibility tests share: the example study as a crate, and an offline judge."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crate_iscc import build

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"

Judge = Callable[..., list[str]]
"""Returns what rocrate-validator finds wrong with a crate of a version, at REQUIRED level."""


@dataclass(frozen=True)
class Study:
    """The example study, three times: as it is, as a crate in a directory, and as a zip.

    They are shared by all tests; nobody writes to them.
    """

    dataset: Path
    crate: Path
    archive: Path


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return the study that examples/make_study.py makes out of real microscopy images."""
    folder = tmp_path_factory.mktemp("example")
    made = Study(folder / "dataset", folder / "crate" / "study", folder / "study.zip")
    subprocess.run(
        [sys.executable, EXAMPLES / "make_study.py", made.dataset],
        check=True,
        capture_output=True,
        timeout=120,
    )
    shutil.copytree(made.dataset, made.crate)
    build(made.crate, name="Cells", description="Images.", licence="CC0-1.0", now=NOW)
    build(made.dataset, made.archive, authors=["Ada Lovelace"], now=NOW)
    return made


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Return a function that asks rocrate-validator in a process of its own, without a network."""
    cache = tmp_path_factory.mktemp("validator") / "cache"
    script = HERE / "rocrate_judge.py"
    subprocess.run(
        [sys.executable, script, "seed", cache, HERE.parents[1] / "schemas" / "ro-crate-contexts"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    home = tmp_path_factory.mktemp("home")

    def ask(crate: Path, version: str = "1.3") -> list[str]:
        ended = subprocess.run(
            [sys.executable, script, "judge", cache, crate, version],
            env={"HOME": str(home), "https_proxy": "http://127.0.0.1:9", "LC_ALL": "C.UTF-8"},
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )
        assert ended.returncode == 0, ended.stderr
        problems: list[str] = json.loads(ended.stdout.splitlines()[-1])
        return problems

    return ask
