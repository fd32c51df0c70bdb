"""What of the surroundings the command line looks at: environment, terminal, time."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from crate_iscc.cli.streams import say
from crate_iscc.errors import InputError
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.units import file_size, number

_COLOURS = {"good": "32", "bad": "1;31", "warn": "33", "dim": "2"}
_PLAIN_SECONDS = 30.0
_JSON_SECONDS = 1.0


def paint_for_stdout() -> Paint:
    """Return a Paint for stdout: NO_COLOR wins over FORCE_COLOR, which wins over the terminal."""
    if os.environ.get("NO_COLOR"):
        return plain
    if os.environ.get("FORCE_COLOR") or (
        _is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"
    ):
        return lambda text, style: f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"
    return plain


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def cache_folder() -> Path | None:
    """Return where fingerprints are remembered, as the platform has it, or None without a home."""
    return _own_folder("XDG_CACHE_HOME", ".cache", mac="Caches", windows="Cache")


def data_folder() -> Path | None:
    """Return where what a user keeps lies, as the platform has it, or None without a home."""
    return _own_folder("XDG_DATA_HOME", ".local/share", mac="Application Support", windows="")


def state_folder() -> Path | None:
    """Return where journals are kept, as the platform has it, or None without a home."""
    return _own_folder("XDG_STATE_HOME", ".local/state", mac="Application Support", windows="State")


def _own_folder(variable: str, in_home: str, *, mac: str, windows: str) -> Path | None:
    """Return a folder of this program by the XDG Base Directories, or as the platform has it."""
    if base := os.environ.get(variable):
        return Path(base) / "crate-iscc"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / mac / "crate-iscc"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home)) / "crate-iscc" / windows
    return home / in_home / "crate-iscc"


def chosen_kernel(name: str | None = None) -> Kernel:
    """Return the kernel of that name, else the one in CRATE_ISCC_KERNEL, or the fastest."""
    return kernel(name or os.environ.get("CRATE_ISCC_KERNEL") or None)


def now() -> datetime:
    """Return the time, or what SOURCE_DATE_EPOCH (reproducible builds) says it is."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"SOURCE_DATE_EPOCH is no time: {epoch!r}", hint="give seconds since 1970, or unset it"
        ) from None


@contextlib.contextmanager
def progress_on_stderr(kind: str) -> Iterator[ProgressSink]:
    """Give a sink that shows progress on stderr in the way that `kind` names."""
    if kind == "auto":
        kind = "bar" if _is_terminal(sys.stderr) else "none"
    match kind:
        case "bar":
            with _bar() as sink:
                yield sink
        case "plain":
            yield _Lines(_PLAIN_SECONDS, _plain_line)
        case "json":
            yield _Lines(_JSON_SECONDS, _json_line)
        case _:
            yield nobody


@contextlib.contextmanager
def _bar() -> Iterator[ProgressSink]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        steps: dict[str, TaskID] = {}

        def sink(state: Progress) -> None:
            if state.step not in steps:
                steps[state.step] = bar.add_task(state.step, total=state.total_bytes)
            bar.update(steps[state.step], completed=state.done_bytes)

        yield sink


class _Lines:
    """A sink that writes a line now and then."""

    def __init__(self, seconds: float, line: Callable[[Progress, float], str]) -> None:
        self._seconds = seconds
        self._line = line
        self._started = time.monotonic()
        self._last = self._started

    def __call__(self, state: Progress) -> None:
        moment = time.monotonic()
        done = state.done_files == state.total_files
        if done or moment - self._last >= self._seconds:
            self._last = moment
            say(self._line(state, moment - self._started))


def _plain_line(state: Progress, seconds: float) -> str:
    rate = file_size(int(state.done_bytes / seconds)) if seconds else "-"
    return (
        f"{state.step}: {file_size(state.done_bytes)} of {file_size(state.total_bytes)}, "
        f"{number(state.done_files)} of {number(state.total_files)} files, {rate}/s"
    )


def _json_line(state: Progress, seconds: float) -> str:
    return json.dumps(
        {
            "record": "progress",
            "step": state.step,
            "done_bytes": state.done_bytes,
            "total_bytes": state.total_bytes,
            "done_files": state.done_files,
            "total_files": state.total_files,
            "seconds": round(seconds, 3),
        }
    )
