"""The same faults a second way: strace has the kernel fail calls, however they are made.

What is preloaded sees no call that the C library makes by itself or that is made without it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crate_iscc import Verdict, verify
from faults.crates import MANIFEST, METADATA, STUDY, Kept, paths_below, unfinished, write_files
from faults.failing_kit import Ended, FailingProcess, environment, held

CALLS = ("openat", "read", "fstat,newfstatat,statx", "getdents64", "mmap", "fsync", "close")
TRACER = shutil.which("strace")

pytestmark = pytest.mark.deep


def _run(call: str, place: Path, nth: int, *arguments: str | Path) -> Ended:
    """Run the command while the kernel fails the nth such call that concerns a place."""
    assert TRACER
    inject = [f"-einject={call}:error=EIO:when={nth}", f"-etrace={call}"]
    done = subprocess.run(
        [
            TRACER, "-f", "-qq", "-o", os.devnull, "-P", str(place), *inject,
            sys.executable, "-W", "error", "-m", "crate_iscc", *map(str, arguments),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    return held(Ended(done.returncode, done.stdout, done.stderr, None))


@pytest.fixture
def study(failing: FailingProcess, tmp_path: Path) -> Path:
    """Return a crate; skip where no process can be traced."""
    probe = [TRACER or "strace", "-f", "-qq", "-o", os.devnull, "true"]
    if not TRACER or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs strace, and the right to trace")
    folder = write_files(tmp_path / "study")
    failing.run("build", folder)
    return folder


@pytest.mark.parametrize("path", ["a.txt", "raw/large.bin", "raw", "", METADATA, MANIFEST])
@pytest.mark.parametrize("call", CALLS)
def test_a_sound_crate_is_never_called_damaged(study: Path, path: str, call: str) -> None:
    """It is valid, or some of it is unread, or there is no verdict."""
    for nth in (1, 2, 3):
        ended = _run(call, study / path, nth, "verify", study, "--format", "json")

        assert ended.code in (0, 2, 3), ended
        if ended.code == 3:
            assert all(name.startswith(path) for name in ended.unread()), ended
        elif ended.code == 0:
            assert ended.json["counts"]["match"] == len(STUDY)


@pytest.mark.parametrize("path", ["a.txt", "raw/large.bin", "", METADATA, MANIFEST])
@pytest.mark.parametrize("call", [*CALLS, "write", "rename", "chmod", "flock", "unlink"])
def test_a_build_leaves_old_or_new(
    failing: FailingProcess, study: Path, path: str, call: str
) -> None:
    """The payload is untouched, the next build makes all well."""
    write_files(study, {"new.txt": b"new"})
    kept = Kept.of(study)

    for nth in (1, 2):
        _run(call, study / path, nth, "build", study, "--name", f"{call} {nth}")
        assert Kept.of(study) == kept
        assert paths_below(study) == {*STUDY, "new.txt", METADATA, MANIFEST}
    assert failing.run("build", study).code == 0
    assert unfinished(study) == []
    assert verify(study).verdict is Verdict.VALID
