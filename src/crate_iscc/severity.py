"""What a kind of finding is, and how much findings weigh."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs, the worst first.

    For a requirement of a profile it stands for the level: MUST, SHOULD, MAY (RFC 2119).
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)

    @property
    def level(self) -> str:
        """The word of RFC 2119 for a requirement whose breach weighs as much."""
        return ("MUST", "SHOULD", "MAY")[self.rank]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding; `requirement` is its number in the BIO-CODES profile, if it has one."""

    id: str
    severity: Severity
    title: str
    meaning: str
    advice: str
    requirement: str | None = None
