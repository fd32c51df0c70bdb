"""Runs the command line as a process of its own, and holds it against what holds for any run."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
COMMAND = [sys.executable, "-m", "crate_iscc"]
_UNSET = ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "COLUMNS")


@dataclass(frozen=True)
class Outcome:
    """What a process left behind: its exit code and what it wrote to both streams."""

    code: int
    raw_out: bytes
    raw_err: bytes

    @property
    def out(self) -> str:
        """What was written to stdout."""
        return self.raw_out.decode("utf-8")

    @property
    def err(self) -> str:
        """What was written to stderr."""
        return self.raw_err.decode("utf-8")

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.out.splitlines()


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a plain shell in a pipe, with `more` set."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    return {**kept, "TERM": "xterm", **more}


def run(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Outcome:
    """Run crate-iscc, which shows no traceback unless it is asked to."""
    words = [str(argument) for argument in arguments]
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(PYTHONWARNINGS="error", **(env or {})),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    if "--debug" not in words:
        assert b"Traceback" not in outcome.raw_out + outcome.raw_err, outcome.raw_err.decode()
    return outcome


def run_other(command: list[str], cwd: Path, *, data: bytes = b"") -> Outcome:
    """Run another program."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def iscc_sum(*arguments: str | Path, cwd: Path) -> Outcome:
    """Run the real iscc-sum command, in Unicode mode as on any desktop."""
    words = [str(argument) for argument in arguments]
    return run_other([sys.executable, "-X", "utf8", str(BIN / "iscc-sum"), *words], cwd)


def error_of(outcome: Outcome) -> str:
    """Return what a failed run says, held against the one form that every error has."""
    first, *rest = outcome.err.splitlines()
    assert first.startswith("error: ")
    assert len(first) > len("error: ") + 5
    assert len(rest) <= 2
    for line in rest:
        assert line.startswith(("  ", "hint: "))
    return outcome.err
