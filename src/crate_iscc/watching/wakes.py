"""Waits for something to look at: with the events of the system, or for a time."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crate_iscc.paths import is_leftover, is_payload

_STEP = 0.1
"""Seconds after which a wait sees that it is to end."""
_QUIET_SECONDS = 60.0
"""How long events are trusted to tell of every change."""
_LINGER_SECONDS = 10.0
"""After an event, how long time alone counts: of a new folder the system may not tell all."""


class Wakes:
    """Waits, for a while or until something below a folder changes.

    Events of the system need the package watchfiles. Where that is not installed, or the system
    refuses (the number of folders that can be watched is limited), time alone counts; `problem`
    says so then.
    """

    def __init__(self, folder: Path, *, poll: bool, linger: float = _LINGER_SECONDS) -> None:
        """`linger` is for how many seconds after an event, or the start, time alone counts."""
        self._folder = folder
        self._linger = linger
        self._woken = False
        self._last_woken = time.monotonic()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: str | None = None
        if not poll:
            self._start()

    @property
    def has_events(self) -> bool:
        """Whether the system tells of changes."""
        return self._thread is not None and self.problem is None

    def _start(self) -> None:
        try:
            import watchfiles
        except ImportError:
            self.problem = "watchfiles is not installed (pip install 'crate-iscc[watch]')"
            return

        def run() -> None:
            try:
                for _ in watchfiles.watch(
                    self._folder,
                    watch_filter=self._matters,
                    stop_event=self._ending,
                    debounce=50,
                    step=10,
                    rust_timeout=200,
                    raise_interrupt=False,
                ):
                    self._woken = True
            except Exception as error:  # whatever it is: time counts from now on
                self.problem = f"the system tells of no changes: {error}"
                self._woken = True

        self._thread = threading.Thread(target=run, name="crate-iscc-events", daemon=True)
        self._thread.start()

    def _matters(self, _change: Any, place: str) -> bool:
        """Tell whether a change is of the payload: what the watch writes itself is none."""
        path = place[len(str(self._folder)) + 1 :].replace(os.sep, "/")
        return is_payload(path) and not is_leftover(path)

    def wait(self, seconds: float, over: Callable[[], object], *, quiet: bool) -> None:
        """Wait so long, until `over` says something, or with `quiet` for a change."""
        if self._woken:
            self._last_woken = time.monotonic()
        trusted = time.monotonic() - self._last_woken > self._linger
        if quiet and self.has_events and trusted:
            seconds = max(seconds, _QUIET_SECONDS)
        until = time.monotonic() + seconds
        while not over() and (left := until - time.monotonic()) > 0:
            if quiet and self._woken:
                break
            time.sleep(min(left, _STEP))
        if self._woken:
            self._last_woken = time.monotonic()
        self._woken = False

    def close(self) -> None:
        """End the thread that hears of events."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(2)
