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
from typing import Any

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
SECONDS = 20
"""Whatever takes longer than this hangs."""
KILLED = -9
NOT_HERE = 97
"""The code with which failing_process.py says that a run cannot be made on this machine."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; `struck` is the kind and the path of the first call that failed."""

    code: int
    out: str
    err: str
    struck: str | None

    @property
    def json(self) -> Any:
        """What stands on stdout, which must be one JSON value."""
        return json.loads(self.out)

    def unread(self) -> dict[str, str]:
        """Return the paths that a report in JSON calls unread, with the reasons."""
        findings = self.json["findings"]
        return {f["path"]: f["message"] for f in findings if f["id"] == "bytes.unread"}

    @property
    def struck_path(self) -> str:
        """The path of that call, relative to the folder."""
        return (self.struck or " ").partition(" ")[2].lstrip("/")


class FailingProcess:
    """A process that runs the command in forks of its own, in which calls fail."""

    def __init__(self, process: "subprocess.Popen[str]", stderr: Path, *, can_fail: bool) -> None:
        self._process = process
        self._stderr = stderr
        self._can_fail = can_fail

    def run(
        self,
        *arguments: str | Path,
        folder: Path = Path("/"),
        fault: Fault = NO_FAULT,
        with_c: bool = True,
        file_size: int = 0,
        as_nobody: bool = False,
        kill_after: float | None = None,
        seconds: int = SECONDS,
    ) -> Ended:
        """Run crate-iscc while a call below `folder` fails.

        `with_c` is false for the run without the C reader; no file may get larger than
        `file_size`, unless that is 0; permissions hold for `as_nobody`, also if root runs this;
        after `kill_after` seconds it is killed. After `seconds` it hangs, and the test fails.
        """
        if fault.nth and not self._can_fail:
            pytest.skip("needs Linux and a C compiler")
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
            "as_nobody": as_nobody and os.geteuid() == 0,
            "kill_after": kill_after,
            "seconds": seconds,
        }
        (ended,) = self._runs([wanted])
        if ended.code == NOT_HERE:
            pytest.skip("nobody may read the tests here")
        return ended if ended.code == KILLED and _may_be_killed(fault, kill_after) else held(ended)

    def side_by_side(self, *commands: Sequence[str | Path]) -> list[Ended]:
        """Run crate-iscc several times at once."""
        plain = {
            "folder": "/", "nth": 0, "deed": "", "with_c": True, "file_size": 0,
            "as_nobody": False, "kill_after": None, "seconds": SECONDS,
        }  # fmt: skip
        runs = [{**plain, "arguments": [str(word) for word in words]} for words in commands]
        return [held(ended) for ended in self._runs(runs)]

    def _runs(self, wanted: list[dict[str, Any]]) -> list[Ended]:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(json.dumps(wanted) + "\n")
        to.flush()
        line = back.readline()
        assert line, self._stderr.read_text(encoding="utf-8")
        return [Ended(**ended) for ended in json.loads(line)]


def _may_be_killed(fault: Fault, kill_after: float | None) -> bool:
    return fault.deed == "kill" or kill_after is not None


def held(ended: Ended) -> Ended:
    """Fail unless a run ended by itself, with a code that means something and one clear message."""
    about = f"{ended.struck}: exit {ended.code}\n{ended.out}\n{ended.err}"
    assert ended.code in (0, 1, 2, 3), about
    for word in ("Traceback", "this is a fault of", "Exception ignored", "Warning"):
        assert word not in ended.err + ended.out, about
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    if ended.code == 2:
        assert len(errors) == 1, about
    return ended


def _compiled(folder: Path) -> Path | None:
    """Compile the calls that fail; None where that cannot be."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or not compiler:
        return None
    shim = folder / "failing_calls.so"
    source = HERE / "failing_calls.c"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, check=False)
    return shim if done.returncode == 0 else None


def environment() -> dict[str, str]:
    """Return an environment in which one dataset has one metadata file, and no cache is kept."""
    return {
        **os.environ,
        "SOURCE_DATE_EPOCH": EPOCH,
        "XDG_CACHE_HOME": "/dev/null/no-cache",
        "LC_ALL": "C.UTF-8",
    }


@contextlib.contextmanager
def failing_process(folder: Path) -> Iterator[FailingProcess]:
    """Start the process; what it needs lies in `folder`. Skip where there is no fork."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    shim = _compiled(folder)
    stderr = folder / "server"
    preload = {"LD_PRELOAD": str(shim)} if shim else {}
    with stderr.open("w", encoding="utf-8") as to_stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "failing_process.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=to_stderr,
            text=True,
            cwd="/",
            env={**environment(), **preload},
        )
        with process:
            yield FailingProcess(process, stderr, can_fail=shim is not None)
            assert process.stdin is not None
            process.stdin.close()
