"""Has the command run while calls of the system fail, and holds each run against what any must."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

HERE = Path(__file__).parent
EPOCH = "1767323045"
"""The time of every build here, so that one dataset has one metadata file."""

EVERY_KIND = (
    "open", "read", "write", "fsync", "rename", "stat", "getdents", "mmap", "remove", "mkdir",
    "mode", "lock",
)  # fmt: skip
"""The kinds of calls that failing_calls.c knows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The call that fails: the `nth` of those kinds below a folder, and perhaps all after it.

    With a `deed` it does not fail: that is done to `place` just before.
    """

    nth: int
    kinds: Sequence[str] = EVERY_KIND
    error: int = errno.EIO
    persists: bool = False
    deed: str = ""
    place: Path = Path()


NO_FAULT = Fault(0)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; `struck` is the kind and the path of the first call that failed."""

    code: int
    out: str
    err: str
    struck: str | None

    @property
    def struck_path(self) -> str:
        """The path of that call, relative to the folder."""
        return (self.struck or " ").partition(" ")[2].lstrip("/")


class FailingProcess:
    """A process that runs the command in forks of its own, in which calls fail."""

    def __init__(self, process: "subprocess.Popen[str]", stderr: Path) -> None:
        self._process = process
        self._stderr = stderr

    def run(
        self,
        *arguments: str | Path,
        folder: Path,
        fault: Fault = NO_FAULT,
        with_c: bool = True,
        file_size: int = 0,
    ) -> Ended:
        """Run crate-iscc while a call below `folder` fails.

        `with_c` is false for the run without the C reader; no file may get larger than
        `file_size`, unless that is 0.
        """
        wanted = {
            "arguments": [str(word) for word in arguments],
            "folder": str(folder),
            "nth": fault.nth,
            "kinds": list(fault.kinds),
            "error": fault.error,
            "persists": fault.persists,
            "deed": fault.deed,
            "place": str(fault.place),
            "with_c": with_c,
            "file_size": file_size,
        }
        to, back = self._process.stdin, self._process.stdout
        assert isinstance(to, IO) or to is not None
        assert back is not None
        to.write(json.dumps(wanted) + "\n")
        to.flush()
        line = back.readline()
        assert line, self._stderr.read_text(encoding="utf-8")
        return _held(Ended(**json.loads(line)))


def _held(ended: Ended) -> Ended:
    """Fail unless a run ended by itself, with a code that means something and one clear message."""
    about = f"{ended.struck}: exit {ended.code}\n{ended.out}\n{ended.err}"
    assert ended.code in (0, 1, 2, 3), about
    for word in ("Traceback", "this is a fault of", "Exception ignored", "Warning"):
        assert word not in ended.err + ended.out, about
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    if ended.code == 2:
        assert len(errors) == 1, about
    return ended


def _compiled(folder: Path) -> Path:
    """Compile the calls that fail, or skip the test."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or not compiler:
        pytest.skip("needs Linux and a C compiler")
    shim = folder / "failing_calls.so"
    source = HERE / "failing_calls.c"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"failing_calls.c does not compile here: {done.stderr[:200]}")
    return shim


@contextlib.contextmanager
def failing_process(folder: Path) -> Iterator[FailingProcess]:
    """Start the process; what it needs lies in `folder`."""
    shim = _compiled(folder)
    stderr = folder / "server"
    with stderr.open("w", encoding="utf-8") as to_stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "failing_process.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=to_stderr,
            text=True,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "SOURCE_DATE_EPOCH": EPOCH,
                "XDG_CACHE_HOME": str(folder / "cache"),
                "LC_ALL": "C.UTF-8",
            },
        )
        with process:
            yield FailingProcess(process, stderr)
            assert process.stdin is not None
            process.stdin.close()
