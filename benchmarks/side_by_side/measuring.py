"""Runs all contenders of a workload in rounds and keeps what each run cost."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from side_by_side.commands import ContenderError, Cost
from side_by_side.contenders import TREE_FAMILY, Contender
from side_by_side.payload import make_payload, say, warm_cache
from side_by_side.peers import CRATE_ISCC
from side_by_side.workloads import Site, Workload

SECONDS_EACH = 30.0
"""A contender sits out the rounds that would take it beyond this sum on a workload."""


@dataclass(slots=True)
class Row:
    """What was measured of one contender."""

    contender: Contender
    costs: list[Cost] = field(default_factory=list)
    failure: str = ""

    @property
    def best(self) -> Cost | None:
        """The quickest run, or None if there is none to trust."""
        if self.failure or not self.costs:
            return None
        return min(self.costs, key=lambda cost: cost.seconds)

    @property
    def peak(self) -> int | None:
        """The most memory that a run took, in bytes, or None if there is none to trust."""
        if self.failure or not self.costs:
            return None
        return max(cost.peak for cost in self.costs)

    @property
    def slow(self) -> bool:
        """Whether another run would take longer than a contender may take in all."""
        spent = [cost.seconds for cost in self.costs]
        return bool(spent) and sum(spent) + min(spent) > SECONDS_EACH

    @property
    def done(self) -> bool:
        """Whether the contender is not to be run (again)."""
        return self.contender.peer.version is None or self.slow or bool(self.failure)

    def fail(self, what: str, why: str) -> None:
        """Keep the first line of a failure for the table and say all of it."""
        self.failure = why.partition("\n")[0].replace("|", "/")
        say(f"{what} FAILED: {why}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A workload with its rows; `deflated` is the size of its deflated zip, 0 without one."""

    workload: Workload
    rows: tuple[Row, ...]
    deflated: int = 0

    def row(self, label: str) -> Row | None:
        """Return the first row of a label."""
        return next((row for row in self.rows if row.contender.label == label), None)

    def best(self, label: str) -> Cost | None:
        """Return the best cost of the first row of a label, if it has one."""
        row = self.row(label)
        return row.best if row else None


def measure(
    workload: Workload, contenders: Sequence[Contender], rounds: int, work: Path, keep: bool
) -> Outcome:
    """Make a workload's data in a folder, run its contenders, and delete the data again."""
    site = Site(work / workload.folder, workload.names())
    for folder in (site.plain, site.out, site.cache):
        folder.mkdir(parents=True)
    say(f"{workload.name}: making {workload.title}")
    make_payload(workload, site.plain)
    warm_cache(site)
    rows = tuple(Row(contender) for contender in contenders)
    for number in range(1, rounds + 1):
        for row in rows:
            if not row.done:
                _run(site, row, f"{workload.name}, round {number} of {rounds}")
        check_codes(site, rows)
    deflated = site.deflated_zip.stat().st_size if site.deflated_zip.exists() else 0
    if not keep:
        shutil.rmtree(site.root)
    return Outcome(workload, rows, deflated)


def _run(site: Site, row: Row, when: str) -> None:
    """Prepare and run a contender once."""
    contender = row.contender
    what = f"{when}: {contender.label} ({contender.task})"
    try:
        contender.prepare(site)
        cost = contender.run(site)
    except (ContenderError, OSError) as failure:
        row.fail(what, str(failure))
    else:
        row.costs.append(cost)
        say(f"{what} {cost.seconds:.2f} s")


def codes(path: Path) -> list[str]:
    """Return the codes of a manifest, the first word of each line, in sorted order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return sorted(line.split(maxsplit=1)[0] for line in lines if line.strip())


def check_codes(site: Site, rows: Sequence[Row]) -> None:
    """Fail the contenders whose manifests lack files or differ from the first of their family.

    Peers go first, so that it is crate-iscc that has to agree with them.
    """
    known: dict[str, tuple[str, list[str]]] = {}
    for row in sorted(rows, key=lambda row: row.contender.peer.name == CRATE_ISCC):
        contender = row.contender
        if not contender.family or row.best is None:
            continue
        what = f"{contender.label} ({contender.task})"
        found = codes(site.manifest(contender.key))
        first, expected = known.get(contender.family, (contender.label, found))
        if contender.family != TREE_FAMILY and len(found) != len(site.names):
            row.fail(what, f"gave {len(found):,} codes for {len(site.names):,} files")
        elif found != expected:
            row.fail(what, f"its {contender.family} codes differ from those of {first}")
        else:
            known[contender.family] = (first, expected)
