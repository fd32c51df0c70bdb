"""Ctrl-C ends a long run at once, with its own exit code, and leaves nothing half-done."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from cli.cli_kit import COMMAND, Outcome, environment
from verify.verify_kit import foreign

HUGE = 256 << 30  # no disk is needed: the file is one hole
DATAHASH = "1e20" + 32 * "ab"


def sparse(place: Path) -> Path:
    """Make a file that takes minutes to read and no space to keep."""
    with place.open("wb") as file:
        file.truncate(HUGE)
    return place


def interrupted(tmp_path: Path, *arguments: str | Path) -> Outcome:
    """Run the command, and press Ctrl-C once it tells that it has read for a second."""
    out, err = tmp_path / "stdout", tmp_path / "stderr"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--progress", "json"],
            stdout=to_out,
            stderr=to_err,
            env=environment(),
        )
    try:
        while not err.stat().st_size and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
    outcome = Outcome(code, out.read_bytes(), err.read_bytes())
    out.unlink()
    err.unlink()
    return outcome


def hold_interrupted(outcome: Outcome) -> None:
    """Fail unless a run was interrupted quietly."""
    assert "Traceback" not in outcome.err
    said = [line for line in outcome.err.splitlines() if not line.startswith("{")]
    assert outcome.code == 130
    assert outcome.out == ""
    assert said == ["interrupted: nothing was left half-written"]


@pytest.mark.parametrize("option", [[], ["--tree"]], ids=str)
def test_sum_is_interrupted(tmp_path: Path, option: list[str]) -> None:
    """Sum ends with 130 in the middle of a file, and prints no code of a part."""
    folder = tmp_path / "data"
    folder.mkdir()
    sparse(folder / "huge.bin")

    hold_interrupted(interrupted(tmp_path, "sum", *option, folder))


@pytest.mark.parametrize("option", [[], ["--full"]], ids=str)
def test_verify_is_interrupted(tmp_path: Path, option: list[str]) -> None:
    """Verify ends with 130 in the middle of a file, and gives no verdict."""
    entity = {"@id": "huge.bin", "@type": "File", "datahash": DATAHASH, "contentSize": str(HUGE)}
    folder = foreign(tmp_path / "crate", {"a.txt": b"a"}, [entity])
    sparse(folder / "huge.bin")

    hold_interrupted(interrupted(tmp_path, "verify", folder, *option))


def test_build_is_interrupted_without_a_trace(tmp_path: Path) -> None:
    """Build ends with 130 and has written nothing, neither there nor beside."""
    folder = tmp_path / "data"
    folder.mkdir()
    sparse(folder / "huge.bin")
    out = tmp_path / "out"
    out.mkdir()

    hold_interrupted(interrupted(tmp_path, "build", folder, "--no-cache"))
    hold_interrupted(interrupted(tmp_path, "build", folder, "--no-cache", "-o", out / "crate.zip"))

    assert [path.name for path in folder.iterdir()] == ["huge.bin"]
    assert list(out.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]
