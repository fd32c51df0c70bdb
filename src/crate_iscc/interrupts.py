"""Keeps Ctrl-C from breaking into the locks that threads share.

Python raises KeyboardInterrupt in the main thread wherever that happens to be, also in the middle
of a condition that a worker thread is about to notify: a lock may stay taken, or be let go twice.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class _Held:
    """A handler of SIGINT that notes the first and lets a second break in at once."""

    def __init__(self) -> None:
        self._noted = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self._noted:
            raise KeyboardInterrupt
        self._noted = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was one."""
        if self._noted:
            raise KeyboardInterrupt


@contextmanager
def held_interrupts() -> Iterator[Callable[[], None]]:
    """Hold a first Ctrl-C back until the function that this yields is called, or until the end.

    That function is to be called by the main thread, often, wherever an interrupt does no harm.
    Nothing is held back in other threads, or where the program has a handler of its own.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and isinstance(before, _Held):
        yield before.check
        return
    if not in_main or before is not signal.default_int_handler:
        yield _nothing
        return
    held = _Held()
    signal.signal(signal.SIGINT, held)
    try:
        yield held.check
    finally:
        signal.signal(signal.SIGINT, before)
    held.check()


def _nothing() -> None:
    pass
