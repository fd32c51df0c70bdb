"""The speeds that crate-iscc aims at, as ratios of whole processes in one run, and what came out.

They are asked of the full sizes on two cores with SHA instructions and AVX-512, page cache warm.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from side_by_side import labels
from side_by_side.measuring import Outcome, Row
from side_by_side.workloads import LARGE, MEDIUM, ONE, SCALE, SMALL, ZIPS

Outcomes = Sequence[Outcome]
TIMES = "\N{MULTIPLICATION SIGN}"
AS_FAST, THE_TIME, MEGABYTES = f"{TIMES} as fast", f"{TIMES} the time", "MB"
MET, MISSED, UNMEASURED = "met", "not met", "not measured"
SCALED = (labels.OUR_TREE_SUM, labels.OUR_BUILD, labels.OUR_VERIFY)
"""What is measured of a growing Zarr."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is to be at least, or at most, what is asked; None is not measured."""

    claim: str
    asked: float
    least: bool
    measured: Callable[[Outcomes], float | None]
    unit: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target beside the figure that was measured."""

    target: Target
    measured: float | None

    @property
    def word(self) -> str:
        """Whether the target is met; judged by the exact figure."""
        if self.measured is None:
            return UNMEASURED
        enough = (
            self.measured >= self.target.asked
            if self.target.least
            else self.measured <= self.target.asked
        )
        return MET if enough else MISSED

    @property
    def asked(self) -> str:
        """The asked figure in words."""
        bound = "at least" if self.target.least else "at most"
        return f"{bound} {self.target.asked:g} {self.target.unit}"

    @property
    def figure(self) -> str:
        """The measured figure, rounded against us, so that it never looks better than it is."""
        if self.measured is None:
            return "-"
        rounded = math.floor if self.target.least else math.ceil
        return f"{rounded(self.measured * 100) / 100:.2f} {self.target.unit}"


def judge(outcomes: Outcomes) -> tuple[Verdict, ...]:
    """Return every target beside what was measured, as far as it was."""
    return tuple(Verdict(target, target.measured(outcomes)) for target in TARGETS)


def _ratio(
    workload: str, ours: str, peer: str, *, speed: bool
) -> Callable[[Outcomes], float | None]:
    """Return a measure of our seconds over those of a peer; with `speed` the other way round."""

    def measured(outcomes: Outcomes) -> float | None:
        for outcome in outcomes:
            if outcome.workload.name == workload:
                own, theirs = outcome.best(ours), outcome.best(peer)
                if own is None or theirs is None:
                    return None
                return theirs.seconds / own.seconds if speed else own.seconds / theirs.seconds
        return None

    return measured


def _as_fast(claim: str, asked: float, workload: str, ours: str, peer: str) -> Target:
    """Return the target to be at least so many times as fast as a peer."""
    measured = _ratio(workload, ours, peer, speed=True)
    return Target(claim, asked, True, measured, AS_FAST)


def _within(claim: str, asked: float, workload: str, ours: str, peer: str) -> Target:
    """Return the target to take at most so many times the seconds of a peer."""
    measured = _ratio(workload, ours, peer, speed=False)
    return Target(claim, asked, False, measured, THE_TIME)


def above_interpreter(outcome: Outcome, row: Row) -> int | None:
    """Return the peak memory of a row, in bytes, above that of an interpreter that does nothing."""
    interpreter = outcome.row(labels.INTERPRETER)
    if interpreter is None or interpreter.peak is None or row.peak is None:
        return None
    return row.peak - interpreter.peak


def _scales(outcomes: Outcomes) -> list[Outcome]:
    """Return the outcomes of the growing Zarr, the smallest first."""
    found = [outcome for outcome in outcomes if outcome.workload.name == SCALE]
    return sorted(found, key=lambda outcome: outcome.workload.files)


def _most_memory(outcomes: Outcomes) -> float | None:
    """Return the MB above the interpreter of the hungriest command on the largest Zarr."""
    scales = _scales(outcomes)
    if not scales:
        return None
    rows = [scales[-1].row(label) for label in SCALED]
    peaks = [above_interpreter(scales[-1], row) if row else None for row in rows]
    known = [peak for peak in peaks if peak is not None]
    return max(known) / 1e6 if len(known) == len(SCALED) else None


def _growth(outcomes: Outcomes) -> float | None:
    """Return how the time for a file grows to the largest Zarr from the next smaller, at worst."""
    scales = _scales(outcomes)
    if len(scales) < 2:
        return None
    smaller, larger = scales[-2:]
    files = larger.workload.files / smaller.workload.files
    growths = []
    for label in SCALED:
        before, after = smaller.best(label), larger.best(label)
        if before is None or after is None:
            return None
        growths.append(after.seconds / before.seconds / files)
    return max(growths)


TARGETS = (
    _as_fast("one file: sum, against iscc-sum", 3.0, ONE, labels.OUR_SUM, labels.ISCC_SUM),
    _as_fast("one file: sum, against openssl sha256", 1.9, ONE, labels.OUR_SUM, labels.OPENSSL),
    _as_fast(
        "one file: sum on one core, against iscc-sum on one",
        1.6,
        ONE,
        labels.OUR_PINNED_SUM,
        labels.ISCC_SUM_PINNED,
    ),
    _as_fast(
        "one file: sum on one core, against openssl sha256 on one",
        0.9,
        ONE,
        labels.OUR_PINNED_SUM,
        labels.OPENSSL_PINNED,
    ),
    _as_fast(
        "moonshot, one file: sum, against iscc-sum", 4.0, ONE, labels.OUR_SUM, labels.ISCC_SUM
    ),
    _as_fast(
        "moonshot, one file: sum on one core, against openssl sha256 on one",
        1.2,
        ONE,
        labels.OUR_PINNED_SUM,
        labels.OPENSSL_PINNED,
    ),
    _within("one file: verify, against b3sum", 1.3, ONE, labels.OUR_VERIFY, labels.B3SUM),
    _within(
        "not asked, one file: verify, against b3sum -c",
        1.3,
        ONE,
        labels.OUR_VERIFY,
        labels.B3SUM_CHECK,
    ),
    _as_fast(
        "files of 64 KiB: build, against iscc-sum", 10, MEDIUM, labels.OUR_BUILD, labels.ISCC_SUM
    ),
    _within("files of 64 KiB: build, against b3sum", 4, MEDIUM, labels.OUR_BUILD, labels.B3SUM),
    _within(
        "files of 64 KiB: verify, against bagit --validate",
        0.6,
        MEDIUM,
        labels.OUR_VERIFY,
        labels.BAGIT_VALIDATE,
    ),
    _as_fast(
        "files of 256 KiB: verify, against bagit --validate",
        2,
        LARGE,
        labels.OUR_VERIFY,
        labels.BAGIT_VALIDATE,
    ),
    _within(
        "files of 4 KiB: verify, against b3sum over the list",
        2,
        SMALL,
        labels.OUR_VERIFY,
        labels.B3SUM,
    ),
    _within(
        "not asked, files of 4 KiB: verify, against b3sum -c",
        2,
        SMALL,
        labels.OUR_VERIFY,
        labels.B3SUM_CHECK,
    ),
    _within(
        "stored zip: verify, against verify of the directory",
        1.1,
        ZIPS,
        labels.STORED_VERIFY,
        labels.OUR_VERIFY,
    ),
    _within(
        "deflated zip: verify, against unzip -t",
        1.2,
        ZIPS,
        labels.DEFLATED_VERIFY,
        labels.UNZIP_DEFLATED,
    ),
    Target("largest Zarr: peak memory above the interpreter", 300, False, _most_memory, MEGABYTES),
    Target(
        "largest Zarr: time for a chunk, against the next smaller Zarr",
        1.2,
        False,
        _growth,
        THE_TIME,
    ),
)
"""The last is our reading of "linear", for which nobody has asked a figure.

`b3sum -c` has lines of its own: of many files it is quicker than `b3sum`, as it writes no digests.
"""
