"""Runs the command again and again, each time in a fork of its own in which some call fails.

A script, to be started with failing_calls.c preloaded: a line of JSON on stdin asks for one run, a
line on stdout says how it ended. Forking takes a tenth of the time that starting would.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import crate_iscc.building.apply
import crate_iscc.checklist
import crate_iscc.cli.building
import crate_iscc.cli.summing
import crate_iscc.cli.verifying  # noqa: F401 - so that a fork need not import them
from crate_iscc.cli.main import main
from crate_iscc.sources import listing, quick

_SECONDS = 20
"""After so long a run hangs, and is ended by SIGALRM."""


def _run(shim: ctypes.CDLL, wanted: dict[str, Any], report: int) -> int:
    """Run the command with a call that fails, and write down which one that was."""
    code = 0
    if not wanted["with_c"]:
        listing.HAS_READING = quick.HAS_READING = False  # type: ignore[attr-defined]
    sys.argv = ["crate-iscc", *wanted["arguments"]]
    if wanted["file_size"]:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["file_size"],) * 2)
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
    shim.fault_disarm()
    os.write(report, shim.fault_struck())
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _fork(shim: ctypes.CDLL, wanted: dict[str, Any], scratch: Path) -> dict[str, Any]:
    there, here = os.pipe()
    streams = [scratch / "stdout", scratch / "stderr"]
    child = os.fork()
    if not child:
        signal.alarm(_SECONDS)
        for number, place in enumerate(streams, 1):
            os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        code = 98
        try:
            code = _run(shim, wanted, here)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(code)
    os.close(here)
    with os.fdopen(there, "rb") as report:
        struck = report.read().decode("utf-8", "surrogateescape")
    _, status = os.waitpid(child, 0)
    out, err = (place.read_text(encoding="utf-8", errors="replace") for place in streams)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": out,
        "err": err,
        "struck": struck or None,
    }


def serve(scratch: Path) -> None:
    """Answer one line after the other."""
    shim = ctypes.CDLL(None)
    shim.fault_struck.restype = ctypes.c_char_p
    for line in sys.stdin:
        print(json.dumps(_fork(shim, json.loads(line), scratch)), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
