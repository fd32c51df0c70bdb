"""What a watch tells: one event a unit, and now and then how far it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class UnitStatus(StrEnum):
    """What happened to a unit.

    FINISHED: it was fingerprinted. CHANGED: it is not any more as it was fingerprinted. GONE: it
    was, and is not there any more. WAITING: it is not finished after a long time. UNREAD: it is
    nothing that could be read. UNFINISHED: the watch ends before it.
    """

    FINISHED = "finished"
    CHANGED = "changed"
    GONE = "gone"
    WAITING = "waiting"
    UNREAD = "unread"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvent:
    """One line about one unit; `digest` is a datahash, or the treehash of a Zarr."""

    status: UnitStatus
    path: str
    time: str
    kind: str | None = None
    files: int | None = None
    size: int | None = None
    iscc: str | None = None
    digest: str | None = None
    note: str | None = None

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        digest = "treehash" if self.kind == "zarr" else "datahash"
        values = {
            "record": "unit",
            "time": self.time,
            "status": self.status.value,
            "path": self.path,
            "kind": self.kind,
            "file_count": self.files,
            "size": self.size,
            "iscc": self.iscc,
            digest: self.digest,
            "note": self.note,
        }
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class WatchProgress:
    """How far a watch is: units finished and waiting, and what is being done, if anything."""

    finished: int
    waiting: int
    doing: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


Tell = Callable[[UnitEvent], None]
Show = Callable[[WatchProgress], None]
Warn = Callable[[str], None]
