"""Runs one command, on one core if asked, and writes what it cost to a file.

A script of its own, never imported: a process begins its life in the memory of the one that starts
it, and its peak counts from there. Started by this small interpreter, the peak is the command's.

    python -I -S launch.py COST-FILE CORE|- COMMAND [WORD...]

The cost is one line: seconds, CPU seconds, peak memory in bytes, exit status.
"""

import os
import sys
import time


def launch(cost: str, core: str, argv: list[str]) -> None:
    """Run a command to its end; its standard streams are those of this process."""
    if core != "-" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    start = time.perf_counter()
    child = os.posix_spawn(argv[0], argv, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    code = os.waitstatus_to_exitcode(status)
    with open(cost, "w", encoding="ascii") as file:
        file.write(f"{seconds!r} {usage.ru_utime + usage.ru_stime!r} {peak} {code}\n")


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2], sys.argv[3:])
