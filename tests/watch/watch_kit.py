"""What the tests of watch share: a watch within this process, and the command as another one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crate_iscc.kernel.choosing import kernel
from crate_iscc.watching.events import UnitEvent, WatchProgress
from crate_iscc.watching.log import WatchLog
from crate_iscc.watching.watching import Ended, Watcher, WatchOptions

METADATA = "ro-crate-metadata.json"
SETTLE = 0.15
PATIENT = 60.0
"""Seconds after which a test gives up: the machine may be busy."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


@dataclass
class Watch:
    """A watch of a folder, in a thread or at once, and what it has told."""

    folder: Path
    journal: Path
    options: WatchOptions = field(default_factory=lambda: WatchOptions(settle=SETTLE, poll=True))
    events: list[UnitEvent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ended: Ended | None = None
    error: BaseException | None = None
    asked: int = 0
    on_reading: Callable[[], None] = lambda: None

    def _show(self, progress: WatchProgress) -> None:
        if progress.doing:
            self.on_reading()

    def run(self) -> Ended:
        with WatchLog(self.journal, str(self.folder.resolve())) as log:
            return Watcher(
                folder=self.folder,
                options=self.options,
                log=log,
                kernel=kernel(),
                now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                tell=self.events.append,
                warn=self.warnings.append,
                show=self._show,
                asked=lambda: self.asked,
                jobs=1,
            ).run()

    def _run(self) -> None:
        try:
            self.ended = self.run()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.asked = max(self.asked, 1)
        self._thread.join(PATIENT)
        assert not self._thread.is_alive(), "the watch hangs"

    def told(self, status: str, path: str) -> list[UnitEvent]:
        return [e for e in list(self.events) if (e.status, e.path) == (status, path)]

    def wait_for(self, status: str, path: str, count: int = 1) -> UnitEvent:
        eventually(lambda: self.error is not None or len(self.told(status, path)) >= count)
        assert self.error is None, self.error
        return self.told(status, path)[-1]


def eventually(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def once(folder: Path, journal: Path, **options: Any) -> Watch:
    """Take what is finished now."""
    watch = Watch(
        folder, journal, WatchOptions(**{"settle": SETTLE, "poll": True, **options}, once=True)
    )
    watch.ended = watch.run()
    return watch


class Process:
    """The command, watching; its lines of JSON are read as they come."""

    def __init__(self, folder: Path, journal: Path, *more: str, settle: float = SETTLE) -> None:
        self.lines: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "crate_iscc", "watch", str(folder)),
                *("--journal", str(journal), "--format", "jsonl", "--settle", str(settle), *more),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def wait_for(self, path: str, status: str = "finished") -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [x for x in list(self.lines) if (x["path"], x["status"]) == (path, status)]

        eventually(lambda: found() or self._process.poll() is not None)
        assert found(), self._process.communicate()[1]
        return found()[-1]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, and return the exit code and what was said on stderr."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        assert self._process.stderr is not None
        self._reader.join(PATIENT)
        said = self._process.stderr.read()
        self._process.stderr.close()
        code = self._process.wait(PATIENT)
        assert "Traceback" not in said, said
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code, said
