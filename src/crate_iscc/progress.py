"""How far a piece of work has come: a value that is handed to a function of the caller's."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes and files done, and how many there are to do, in one step of the work."""

    step: str
    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int


ProgressSink = Callable[[Progress], None]
"""Is called from the thread that started the work, at most about twenty times a second."""


def nobody(_progress: Progress) -> None:
    """Take progress and do nothing with it: the default sink."""
