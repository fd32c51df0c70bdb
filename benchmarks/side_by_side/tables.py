"""What was measured, as Markdown tables and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from side_by_side import labels, workloads
from side_by_side.commands import Cost
from side_by_side.measuring import SECONDS_EACH, Outcome, Row
from side_by_side.targets import TIMES, Verdict, above_interpreter

_B3SUM = ("b3sum", labels.B3SUM, labels.B3SUM_CHECK)
_COMMON = (
    ("sha256sum", labels.SHA256SUM, labels.SHA256SUM_CHECK),
    ("iscc-sum", labels.ISCC_SUM, labels.ISCC_SUM_CHECK),
    _B3SUM,
)
BASELINES = {
    workloads.ONE: _COMMON,
    workloads.MEDIUM: _COMMON,
    workloads.SMALL: _COMMON,
    workloads.LARGE: (_B3SUM, ("bagit", labels.BAGIT_BUILD, labels.BAGIT_VALIDATE)),
    workloads.ZIPS: (
        ("the directory", labels.OUR_BUILD, labels.OUR_VERIFY),
        ("unzip -t deflated.zip", "", labels.UNZIP_DEFLATED),
    ),
}
"""The columns of ratios: a heading, and the rows that builds and verifications are held against."""
BUSY = 0.85
"""A contender that got less of a core than this had to share the machine: all are CPU-bound."""
TELLING = 0.05
"""Seconds below which a run says nothing about that: most of it is the start of a process."""


def figure(value: float) -> str:
    """Return a number with about three significant digits."""
    places = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{places}f}"


def _table(head: Sequence[str], left: int, lines: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; columns after the first `left` are of numbers."""
    marks = ["---"] * left + ["--:"] * (len(head) - left)
    return [f"| {' | '.join(line)} |" for line in (head, marks, *lines)]


def report(
    outcomes: Sequence[Outcome], verdicts: Sequence[Verdict], rounds: int, smaller: bool
) -> str:
    """Return all tables, that of the targets first."""
    lines = [
        f"Best of {rounds} interleaved rounds, page cache warm. GB/s are 10^9 bytes of payload per "
        f"second. {TIMES} is how many times as fast as that peer's own build (for builds and sums) "
        "or check (for verifications) in the same run: above 1 is faster. Cores used are CPU "
        "seconds per second. Commands are timed as whole processes, start-up included.",
        "",
        *_targets_table(verdicts, smaller),
    ]
    for outcome in outcomes:
        if outcome.workload.name != workloads.SCALE:
            lines += ["", *_workload_table(outcome, rounds)]
    scales = [outcome for outcome in outcomes if outcome.workload.name == workloads.SCALE]
    if scales:
        lines += ["", *_scale_table(scales, rounds)]
    return "\n".join(lines)


def _targets_table(verdicts: Sequence[Verdict], smaller: bool) -> list[str]:
    """Return the targets with what was measured of each."""
    head = ("target", "verdict", "asked", "measured")
    cells = [(v.target.claim, v.word, v.asked, v.figure) for v in verdicts]
    lines = ["### Targets", "", *_table(head, 2, cells)]
    if smaller:
        lines += [
            "",
            "The targets are asked of the full sizes. This run used smaller ones, on which the "
            "start of Python weighs more.",
        ]
    return lines


def _workload_table(outcome: Outcome, rounds: int) -> list[str]:
    """Return a workload's heading, table and notes."""
    baselines = BASELINES[outcome.workload.name]
    head = ["contender", "what it does", "seconds (best)", "GB/s"]
    head += [*(f"{TIMES} vs {name}" for name, _, _ in baselines), "cores used"]
    lines = [
        [
            row.contender.label,
            f"{row.contender.task}: {row.contender.does}",
            *_cells(outcome, row, rounds),
        ]
        for row in outcome.rows
    ]
    heading = f"### {outcome.workload.title}"
    return [heading, "", *_table(head, 2, lines), *_notes(outcome, rounds)]


def _unmeasured(row: Row) -> str:
    """Return why a row has no figures."""
    if row.contender.peer.version is None:
        return "not installed"
    return f"failed ({row.failure})"


def _seconds(row: Row, best: Cost, rounds: int) -> str:
    """Return a row's best seconds, and of how many rounds if it sat some out."""
    fewer = f" ({len(row.costs)} of {rounds} rounds)" if len(row.costs) < rounds else ""
    return f"{figure(best.seconds)}{fewer}"


def _cells(outcome: Outcome, row: Row, rounds: int) -> list[str]:
    """Return a row's figures, or why there are none."""
    best = row.best
    baselines = BASELINES[outcome.workload.name]
    if best is None:
        return [_unmeasured(row), *["-"] * (len(baselines) + 2)]
    bases = [
        outcome.best(verified if row.contender.task == labels.VERIFY else built)
        for _, built, verified in baselines
    ]
    return [
        _seconds(row, best, rounds),
        figure(outcome.workload.payload / best.seconds / 1e9),
        *("-" if base is None else figure(base.seconds / best.seconds) for base in bases),
        f"{best.cpu / best.seconds:.1f}",
    ]


def _notes(outcome: Outcome, rounds: int) -> list[str]:
    """Return what a reader must know about a table, each note after an empty line."""
    rows = outcome.rows
    found: list[str] = []
    if outcome.deflated:
        times = outcome.workload.payload / outcome.deflated
        found.append(f"The deflated zip is {figure(times)} times smaller than its files.")
    found += [*_sat_out(rows, rounds), *_busy(rows)]
    for peer, twin, why in (
        (
            labels.SHA256SUM,
            labels.HASHLIB,
            " (coreutils built without OpenSSL ignore SHA instructions)",
        ),
        (labels.ISCC_SUM, labels.ISCC_LIB, ""),
    ):
        slower, quicker = outcome.best(peer), outcome.best(twin)
        if slower and quicker and slower.seconds > 1.5 * quicker.seconds:
            found.append(
                f"Here {peer} takes {figure(slower.seconds / quicker.seconds)} times as long as "
                f"{twin} for the same codes{why}: read its column with {twin}'s row in mind."
            )
    return [line for note in found for line in ("", note)]


def _sat_out(rows: Iterable[Row], rounds: int) -> list[str]:
    """Return what it means that some rows have fewer rounds, should there be any."""
    if all(row.best is None or len(row.costs) >= rounds for row in rows):
        return []
    return [
        "Slow contenders sat out the rounds that would have taken them beyond "
        f"{SECONDS_EACH:.0f} s in all."
    ]


def _busy(rows: Iterable[Row]) -> list[str]:
    """Return a warning if a row that only reads got little of a core; writing waits for disks."""
    shares = [
        (row.best.cpu / row.best.seconds, row.contender.label)
        for row in rows
        if row.best and row.best.seconds > TELLING and row.contender.task == labels.VERIFY
    ]
    share, label = min(shares, default=(1.0, ""))
    if share >= BUSY:
        return []
    return [
        f"The machine was busy with something else: at its best, {label} got {share:.2f} of a "
        "core. Do not rely on this table, least of all on contenders with fewer rounds."
    ]


def _scale_table(scales: Sequence[Outcome], rounds: int) -> list[str]:
    """Return the table of the growing Zarr: time and memory, side by side for each command."""
    head = ("Zarr chunks of 1 KiB", "contender", "seconds", "seconds a million chunks")
    lines: list[list[str]] = []
    for outcome in scales:
        files = outcome.workload.files
        for row in outcome.rows:
            if row.contender.label == labels.INTERPRETER:
                continue
            cells = [f"{files:,}", row.contender.label]
            memory = above_interpreter(outcome, row)
            if row.best is None:
                cells += [_unmeasured(row), "-", "-"]
            else:
                cells += [
                    _seconds(row, row.best, rounds),
                    figure(row.best.seconds / files * 1e6),
                    "-" if memory is None else f"{memory / 1e6:.0f}",
                ]
            lines.append(cells)
    rows = [row for outcome in scales for row in outcome.rows]
    return [
        "### One Zarr of more and more chunks",
        "",
        *_table([*head, "peak MB above the interpreter"], 2, lines),
        *(line for note in (*_sat_out(rows, rounds), *_busy(rows)) for line in ("", note)),
    ]


def as_json(
    facts: dict[str, Any], outcomes: Sequence[Outcome], verdicts: Sequence[Verdict], rounds: int
) -> dict[str, Any]:
    """Return everything measured, each round included, for a JSON file."""
    return {
        "environment": facts,
        "rounds": rounds,
        "targets": [
            {
                "claim": verdict.target.claim,
                "asked": verdict.target.asked,
                "bound": "at least" if verdict.target.least else "at most",
                "unit": verdict.target.unit,
                "measured": verdict.measured,
                "verdict": verdict.word,
            }
            for verdict in verdicts
        ],
        "workloads": [
            {
                "name": outcome.workload.name,
                "files": outcome.workload.files,
                "file_size": outcome.workload.file_size,
                "results": [_row_as_json(row) for row in outcome.rows],
            }
            for outcome in outcomes
        ],
    }


def _row_as_json(row: Row) -> dict[str, Any]:
    """Return everything measured of a contender."""
    return {
        "contender": row.contender.label,
        "task": row.contender.task,
        "does": row.contender.does,
        "installed": row.contender.peer.version is not None,
        "failure": row.failure or None,
        "seconds": [round(cost.seconds, 4) for cost in row.costs],
        "cpu_seconds": [round(cost.cpu, 4) for cost in row.costs],
        "peak_bytes": row.peak or None,
        "best_seconds": round(row.best.seconds, 4) if row.best else None,
    }
