"""Runs the command again and again, each time in a fork of its own in which some call fails.

A script, best started with failing_calls.c preloaded: a line of JSON on stdin asks for runs, which
are made side by side, a line on stdout says how they ended. Forking takes a tenth of the time that
starting would.
"""

import ctypes
import encodings.utf_8_sig  # noqa: F401 - nobody may not be able to import anything
import gc
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crate_iscc.building.apply
import crate_iscc.checklist
import crate_iscc.cli.building
import crate_iscc.cli.summing
import crate_iscc.cli.verifying  # noqa: F401 - so that a fork need not import them
from crate_iscc.cli.main import main
from crate_iscc.sources import listing, quick

NOT_HERE = 97
"""The code of a run that cannot be made on this machine."""
_NOBODY = 65534


# --- what another process does meanwhile -------------------------------------------------------


def _grow(place: Path) -> None:
    with place.open("ab") as file:
        file.write(b"!")


def _cut(place: Path) -> None:
    os.truncate(place, place.stat().st_size // 2)


def _replace(place: Path) -> None:
    """Put another file of the same size and the same times in its place."""
    status = place.stat()
    other = place.parent.parent / "other"
    other.write_bytes(bytes(255 - byte for byte in place.read_bytes()))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(place)


def _rewrite(place: Path) -> None:
    """Write other bytes of the same number, and put the times back."""
    status = place.stat()
    content = bytes(255 - byte for byte in place.read_bytes())
    with place.open("r+b") as file:
        file.write(content)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def _remove(place: Path) -> None:
    place.unlink()


def _swap_folder(place: Path) -> None:
    """Put a link to a folder elsewhere, with files of the same names, in the folder's place."""
    elsewhere = place.parent.parent / "elsewhere"
    place.rename(place.parent.parent / "moved")
    place.symlink_to(elsewhere, target_is_directory=True)


def _move_folder(place: Path) -> None:
    place.rename(place.with_name("z"))


def _remove_folder(place: Path) -> None:
    shutil.rmtree(place)


def _add(place: Path) -> None:
    (place / "added").write_bytes(b"added")


def _kill(_place: Path) -> None:
    """End this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


DEEDS: dict[str, Callable[[Path], None]] = {
    "grow": _grow,
    "cut": _cut,
    "replace": _replace,
    "rewrite": _rewrite,
    "remove": _remove,
    "swap folder": _swap_folder,
    "move folder": _move_folder,
    "remove folder": _remove_folder,
    "add": _add,
    "kill": _kill,
}


# --- runs --------------------------------------------------------------------------------------


def _run(shim: ctypes.CDLL, wanted: dict[str, Any], report: int) -> int:
    """Run the command with a call that fails, and write down which one that was."""
    code = 0
    if not wanted["with_c"]:
        listing.HAS_READING = quick.HAS_READING = False  # type: ignore[attr-defined]
    sys.argv = ["crate-iscc", *wanted["arguments"]]
    if wanted["as_nobody"]:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        if not os.access(__file__, os.R_OK) or not os.access(listing.__file__, os.R_OK):
            return NOT_HERE
    if wanted["file_size"]:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["file_size"],) * 2)
    if wanted["deed"]:
        done = ctypes.CFUNCTYPE(None)(lambda: DEEDS[wanted["deed"]](Path(wanted["place"])))
        shim.fault_do(done)
    if wanted["nth"]:
        shim.fault_arm(
            os.fsencode(wanted["folder"]),
            f" {' '.join(wanted['kinds'])} ".encode(),
            ctypes.c_long(wanted["nth"]),
            wanted["error"],
            wanted["persists"],
        )
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 99
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    if wanted["nth"]:
        shim.fault_disarm()
        os.write(report, shim.fault_struck())
    sys.stdout.flush()
    sys.stderr.flush()
    return code


@dataclass(frozen=True, slots=True)
class _Fork:
    """A run under way: its process, where it says what failed, and its streams."""

    child: int
    report: int
    streams: tuple[Path, Path]

    def ended(self) -> dict[str, Any]:
        """Wait for its end."""
        with os.fdopen(self.report, "rb") as report:
            struck = report.read().decode("utf-8", "surrogateescape")
        _, status = os.waitpid(self.child, 0)
        out, err = (place.read_text(encoding="utf-8", errors="replace") for place in self.streams)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "out": out,
            "err": err,
            "struck": struck or None,
        }


def _fork(shim: ctypes.CDLL, wanted: dict[str, Any], number: int, scratch: Path) -> _Fork:
    there, here = os.pipe()
    streams = (scratch / f"stdout{number}", scratch / f"stderr{number}")
    child = os.fork()
    if not child:
        signal.alarm(wanted["seconds"])  # ends what hangs
        for descriptor, place in enumerate(streams, 1):
            os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        code = 98
        try:
            code = _run(shim, wanted, here)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(code)
    os.close(here)
    return _Fork(child, there, streams)


def serve(scratch: Path) -> None:
    """Answer one line after the other: make all runs that it asks for side by side."""
    shim = ctypes.CDLL(None)
    if hasattr(shim, "fault_struck"):
        shim.fault_struck.restype = ctypes.c_char_p
    gc.freeze()  # what is there already need not be copied by each fork
    for line in sys.stdin:
        runs = json.loads(line)
        forks = [_fork(shim, wanted, number, scratch) for number, wanted in enumerate(runs)]
        for fork, wanted in zip(forks, runs, strict=True):
            if wanted["kill_after"] is not None:
                time.sleep(wanted["kill_after"])
                os.kill(fork.child, signal.SIGKILL)
        print(json.dumps([fork.ended() for fork in forks]), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
