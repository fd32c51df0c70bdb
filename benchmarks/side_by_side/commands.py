"""Runs of commands as whole processes, start-up included."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from side_by_side.peers import Peer
from side_by_side.workloads import KIB, Site

STDERR_SHOWN = 4000
"""How many of the last characters of a failed contender's standard error are shown."""
LAUNCHER = Path(__file__).with_name("launch.py")
CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether a process can be held on one core here."""


class ContenderError(Exception):
    """A contender ended with an error or gave a wrong result; the text says which."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall-clock and CPU seconds of a run and, of a whole process, its peak memory in bytes."""

    seconds: float
    cpu: float
    peak: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of one run after the other."""
        return Cost(self.seconds + other.seconds, self.cpu + other.cpu, max(self.peak, other.peak))


def run_command(
    site: Site, argv: Sequence[str], output: Path | None = None, pinned: bool = False
) -> Cost:
    """Run a command in the plain tree and return its cost; raise if it ends with an error.

    Its standard output is appended to `output`, or thrown away; `pinned`, it has one core.
    """
    core = str(min(os.sched_getaffinity(0))) if pinned else "-"
    site.cost.unlink(missing_ok=True)
    with open(output or os.devnull, "ab") as stdout, site.log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(site.cost), core, *argv],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=site.plain,
            env=os.environ | {"XDG_CACHE_HOME": str(site.cache)},
            process_group=0,
        )
        try:
            process.wait()
        except BaseException:
            # The launcher and its command are a group of their own: both end.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    status = process.returncode
    if status == 0:
        seconds, cpu, peak, code = site.cost.read_text(encoding="ascii").split()
        status = int(code)
        if status == 0:
            return Cost(float(seconds), float(cpu), int(peak))
    text = site.log.read_text(encoding="utf-8", errors="replace").strip()
    raise ContenderError(f"exit status {status}\n{text[-STDERR_SHOWN:]}")


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Split file names into as few command lines as the system allows, as xargs does."""
    pointer = 8
    environment = sum(len(os.fsencode(k + v)) + 2 + pointer for k, v in os.environ.items())
    room = os.sysconf("SC_ARG_MAX") - environment - 16 * KIB
    batch: list[str] = []
    used = 0
    for name in names:
        size = len(os.fsencode(name)) + 1 + pointer
        if batch and used + size > room:
            yield batch
            batch, used = [], 0
        batch.append(name)
        used += size
    if batch:
        yield batch


def sum_files(peer: Peer, key: str, *options: str, pinned: bool = False) -> Callable[[Site], Cost]:
    """Return a run that prints the codes of all files, named on the command line."""

    def run(site: Site) -> Cost:
        total = Cost(0.0, 0.0)
        for batch in batches(site.names):
            argv = [*peer.command, *options, *batch]
            total += run_command(site, argv, site.manifest(key), pinned)
        return total

    return run


def command_line(
    peer: Peer, words: Callable[[Site], Sequence[str | Path]], key: str = ""
) -> Callable[[Site], Cost]:
    """Return a run of one command line, its standard output kept as `key`'s manifest."""

    def run(site: Site) -> Cost:
        argv = [*peer.command, *map(str, words(site))]
        return run_command(site, argv, site.manifest(key) if key else None)

    return run
