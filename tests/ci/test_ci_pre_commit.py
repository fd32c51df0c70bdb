"""The pre-commit hooks do what .pre-commit-hooks.yaml says, run as pre-commit runs them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "profiles" / "bio-codes" / "0.1" / "examples"
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook
    for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}


def environment(**more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **more}


def run_hook(name: str, place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a hook's entry over the files below `place` that it asks for."""
    hook = HOOKS[name]
    files: list[str] = []
    if hook.get("pass_filenames", True):
        every = (str(file.relative_to(place)) for file in sorted(place.rglob("*")))
        files = [file for file in every if re.search(hook["files"], file)]
    return subprocess.run(
        [*shlex.split(hook["entry"]), *arguments, *files],
        cwd=place,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a working copy that holds the two example crates."""
    for name in ("graph", "table"):
        shutil.copytree(EXAMPLES / name, tmp_path / "data" / name)
    return tmp_path


def test_every_metadata_file_is_validated(place: Path) -> None:
    """Both files are named to one run, which passes."""
    done = run_hook("crate-iscc-validate", place)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("VALID: ") == 2


def test_broken_metadata_stop_the_commit(place: Path) -> None:
    """One broken file of two is enough."""
    metadata = place / "data/graph/ro-crate-metadata.json"
    metadata.write_text(metadata.read_text("utf-8").replace("1e20", "1e21"), "utf-8")

    done = run_hook("crate-iscc-validate", place)

    assert done.returncode == 1
    assert "file.datahash" in done.stdout


def test_named_crates_are_verified(place: Path) -> None:
    """The crates of `args` are read whole."""
    assert run_hook("crate-iscc-verify", place, "data/graph", "data/table").returncode == 0

    (place / "data/table/LICENSE").write_text("other")
    done = run_hook("crate-iscc-verify", place, "data/graph", "data/table")

    assert done.returncode == 1
    assert "changed  LICENSE" in done.stdout


@pytest.mark.deep
def test_pre_commit_itself_installs_and_runs_the_hook(place: Path, tmp_path: Path) -> None:
    """pre-commit makes an environment from a clone and runs the hook in a repository."""
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", REPOSITORY, source], check=True)
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    subprocess.run(["git", "add", "data"], cwd=place, check=True)
    done = subprocess.run(
        ["pre-commit", "try-repo", source, "crate-iscc-validate", "--all-files", "--verbose"],
        cwd=place,
        env=environment(PRE_COMMIT_HOME=str(tmp_path / "home")),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("VALID: ") == 2
