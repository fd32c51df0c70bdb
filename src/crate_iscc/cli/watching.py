"""The watch command."""

import contextlib
import gc
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import typer

from crate_iscc.cli.guard import INTERRUPTED, UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel, now, paint_for_stdout, state_folder
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.journal import default_journal
from crate_iscc.paths import printable
from crate_iscc.render.units import file_size, files
from crate_iscc.watching.events import UnitEvent, UnitStatus, WatchProgress
from crate_iscc.watching.log import WatchLog
from crate_iscc.watching.watching import Watcher, WatchOptions

_SHOW_SECONDS = 0.2
_COLOURS = {UnitStatus.FINISHED: "good", UnitStatus.CHANGED: "warn", UnitStatus.UNREAD: "bad"}


def watch(
    folder: Path,
    *,
    options: WatchOptions,
    journal: Path | None,
    as_json: bool,
    manner: Manner,
) -> None:
    """Watch until the end is asked for, and say what becomes of each unit."""
    gc.enable()  # unlike other commands, this one does not end soon
    if not folder.is_dir():
        raise InputError(f"not a directory: {printable(str(folder))}")
    place = journal or _default_journal(folder)
    real = folder.resolve()
    if (place.parent.resolve() / place.name).is_relative_to(real):
        raise InputError(
            f"the journal lies in the folder that is watched: {printable(str(place))}",
            hint="name another with --journal",
        )
    with _signals() as signals, WatchLog(place, str(real)) as log, _status_line(manner) as line:

        def tell(event: UnitEvent) -> None:
            line.clear()
            if as_json:
                write_for_machines(json.dumps(event.record(), ensure_ascii=False) + "\n")
            else:
                write_out(_text(event))

        def warn(text: str) -> None:
            line.clear()
            say(f"note: {text}")

        ended = Watcher(
            folder=folder,
            options=options,
            log=log,
            kernel=chosen_kernel(manner.kernel),
            now=now,
            tell=tell,
            warn=warn,
            show=line.show,
            asked=lambda: len(signals),
            jobs=manner.jobs,
            gentle=manner.gentle,
        ).run()
    if not ended.closed:
        say(f"{ended.finished} finished, {ended.unfinished} not: the whole has no code yet")
    else:
        more = "" if ended.has_iscc else "; for the ISCC-SUM of the whole: crate-iscc build"
        say(f"all {ended.finished} finished{more}")
    if signal.SIGINT in signals:
        raise typer.Exit(INTERRUPTED)
    if options.once and ended.unfinished:
        raise typer.Exit(UNREAD)


def _default_journal(folder: Path) -> Path:
    home = state_folder()
    if home is None:
        raise InputError("there is no home for a journal", hint="name a file with --journal")
    return default_journal(home, folder).with_suffix(".watch.jsonl")


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Give a list to which each signal is added that asks for the end."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    names = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGBREAK"):  # how a service of Windows is told to end
        names.append(signal.SIGBREAK)
    before = [(name, signal.signal(name, note)) for name in names]
    try:
        yield asked
    finally:
        for name, handler in before:
            signal.signal(name, handler)


def _text(event: UnitEvent) -> str:
    paint = paint_for_stdout()
    colour = _COLOURS.get(event.status)
    word = f"{event.status.value:<10}"
    parts = [paint(word, colour) if colour else word, printable(event.path)]
    if event.iscc:
        parts.append(event.iscc)
    if event.size is not None:
        size = file_size(event.size)
        parts.append(
            f"({size})" if event.files in (None, 1) else f"({files(event.files or 0)}, {size})"
        )
    text = "  ".join(parts)
    return f"{text}: {event.note}\n" if event.note else f"{text}\n"


class _StatusLine:
    """One line on a terminal that is written again and again; nothing elsewhere."""

    def __init__(self, write: Callable[[str], object] | None) -> None:
        self._write = write
        self._shown = 0.0

    def show(self, state: WatchProgress) -> None:
        """Show how far the watch is, a few times a second."""
        moment = time.monotonic()
        if self._write is None or moment - self._shown < _SHOW_SECONDS:
            return
        self._shown = moment
        text = f"{state.finished} finished, {state.waiting} waiting"
        if state.doing:
            part = 100 * state.done_bytes // state.total_bytes if state.total_bytes else 0
            text += f", reading {printable(state.doing)[-40:]}: {part} %"
        self._write(f"\r\x1b[2K{text}")

    def clear(self) -> None:
        """Make room for another line."""
        if self._write is not None and self._shown:
            self._write("\r\x1b[2K")
            self._shown = 0.0


@contextlib.contextmanager
def _status_line(manner: Manner) -> Iterator[_StatusLine]:
    wanted = manner.progress == "bar" or (manner.progress == "auto" and sys.stderr.isatty())

    def write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()

    line = _StatusLine(write if wanted else None)
    try:
        yield line
    finally:
        line.clear()
