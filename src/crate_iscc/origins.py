"""Where a figure may come from: the candidates behind it, and the evidence for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from crate_iscc.codes import Distance


class Evidence(StrEnum):
    """What speaks for a candidate, the strongest first.

    RECORDED: a chain of derivations leads from the figure, by its very bytes, to it. BYTES: it has
    the same bytes. RECORDED_OF_ALIKE: a chain leads to it from something that is like the figure.
    PIXELS: it has the same pixels. NEAR: it shares byte runs. LOOKS: it looks much the same.
    """

    RECORDED = "recorded"
    BYTES = "bytes"
    PIXELS = "pixels"
    RECORDED_OF_ALIKE = "recorded-of-alike"
    NEAR = "near"
    LOOKS = "looks"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Evidence).index(self)


@dataclass(frozen=True, slots=True)
class Step:
    """That something was made from `origin`, and by what: an action in words, or a property."""

    origin: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be behind a figure: a path (or an `@id`) in a crate.

    `start` is what the figure is, or is like, in that crate; `steps` lead from there to the
    candidate, which is the last of them, or `start` itself. `distance` is that of the figure from
    `start`: of Data-Codes, or of Image-Codes. `is_raw` tells that nothing is recorded before it.
    """

    crate: str
    path: str
    evidence: Evidence
    start: str
    steps: tuple[Step, ...] = ()
    distance: Distance | None = None
    is_raw: bool = False

    @property
    def _order(self) -> tuple[object, ...]:
        bits = self.distance.bits / self.distance.of if self.distance else 0.0
        return (
            self.evidence.rank, bits, not self.is_raw, -len(self.steps), self.crate, self.path,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The candidates behind a figure, best first, among so many files and images.

    `unread` says in words what could not be looked at; `looked` is False where the figure's looks
    were not compared, and `why_not` says why.
    """

    figure: str
    iscc: str
    candidates: tuple[Candidate, ...]
    searched: int
    images: int = 0
    unread: tuple[str, ...] = ()
    looked: bool = True
    why_not: str = ""


def best_first(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates in the order of what speaks for them, each place once, by its best."""
    best: dict[tuple[str, str], Candidate] = {}
    for one in sorted(candidates, key=lambda candidate: candidate._order):
        best.setdefault((one.crate, one.path), one)
    return tuple(best.values())
