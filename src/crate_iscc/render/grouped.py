"""A report in the pieces that every format shows: findings by kind, aspects, counts, extent."""

from dataclasses import replace

from crate_iscc.finding_kinds import FINDING_KINDS, FindingKind
from crate_iscc.paths import printable
from crate_iscc.render.report import (
    checked_line,
    counts_line,
    headline,
    not_checked_line,
    rests_on_line,
    rests_on_others,
)
from crate_iscc.report import Finding, Report, Verdict


def worst_first(report: Report) -> list[Finding]:
    """Return the findings in the order of their weight."""
    return sorted(report.findings, key=lambda finding: finding.weight)


def by_kind(report: Report) -> list[tuple[FindingKind, list[Finding]]]:
    """Return the kinds of findings that occur, the worst first, each with its findings."""
    groups: dict[str, list[Finding]] = {}
    for finding in worst_first(report):
        groups.setdefault(finding.id, []).append(finding)
    return [(FINDING_KINDS[kind], found) for kind, found in groups.items()]


def counts_against(report: Report, finding: Finding) -> bool:
    """Tell whether a finding makes the crate invalid."""
    return finding.severity.rank <= report.level.rank


def heading_of(kind: FindingKind) -> str:
    """Return the title of a kind; a requirement's starts with its level and number.

    A requirement's title says what shall be, so alone it would read as if that were so.
    """
    if kind.requirement is None:
        return kind.title
    return f"{kind.severity.level} {kind.requirement}: {kind.title}"


def checked_words(report: Report) -> list[str]:
    """Return what was checked, in words, one by one."""
    return [checked_line(replace(report, checked=(aspect,))) for aspect in report.checked]


def not_checked_words(report: Report) -> list[str]:
    """Return what was not checked, in words, one by one."""
    return [
        not_checked_line(replace(report, not_checked=(aspect,))) for aspect in report.not_checked
    ]


def counts_words(report: Report) -> list[tuple[str, str]]:
    """Return how many files came out how: each number as it is shown, and its word."""
    parts = (part.partition(" ") for part in counts_line(report).split(" · "))
    return [(number, word) for number, _, word in parts]


def rests_on_words(report: Report) -> str | None:
    """Return by which conventions how many files match; None where a datahash shows it of all."""
    return rests_on_line(report) if rests_on_others(report) else None


def inside_words(report: Report) -> list[tuple[str, str]]:
    """Return the crates inside, and those in these: the name of each, and what it came to."""
    found = []
    for inner in report.nested:
        found.append((inner.subject, f"{inner.verdict.value.upper()}: {counts_line(inner)}"))
        found.extend(inside_words(inner))
    return found


def extent_of(report: Report) -> str:
    """Return how much was checked and, for a validation, by which profile."""
    rest = headline(report).removeprefix(printable(report.subject))
    return " · ".join(part.strip() for part in rest.split("   ") if part.strip())


def hint_of(report: Report) -> str | None:
    """Return the command that explains the worst finding, where the verdict asks for one."""
    if report.verdict is Verdict.VALID or not report.findings:
        return None
    return f"crate-iscc explain {worst_first(report)[0].id}"
