"""A report as workflow commands: annotations that GitHub shows at files of a repository."""

from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import printable
from crate_iscc.render.grouped import heading_of, hint_of, worst_first
from crate_iscc.render.places import artifact_of
from crate_iscc.render.report import (
    checked_line,
    conclusion,
    counts_line,
    excluded_line,
    extent_lines,
    ignored_line,
    not_checked_line,
    place_of,
)
from crate_iscc.render.units import number
from crate_iscc.report import Command, Finding, Report

_SHOWN = 10
"""GitHub shows ten annotations of a step and drops the others without a word."""
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def report_github(report: Report) -> str:
    """Return the worst findings as annotations, then what was checked, and the verdict last.

    Nothing from outside can start a command: it is on one line, escaped, behind words of ours.
    """
    findings = worst_first(report)
    lines = [_annotation(report, finding) for finding in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        lines.append(f"… and {number(len(findings) - _SHOWN)} more (--format json has all)")
    if report.command is Command.VERIFY:
        lines.append(_plain(counts_line(report)))
    lines.extend(map(_plain, extent_lines(report)))
    lines.append(_plain(f"checked: {checked_line(report)}"))
    if report.not_checked:
        lines.append(_plain(f"not checked: {not_checked_line(report)}"))
    if report.excluded:
        lines.append(_plain(f"left out by the crate itself: {excluded_line(report)}"))
    if report.ignored:
        lines.append(_plain(f"ignored: {ignored_line(report)}"))
    if hint := hint_of(report):
        lines.append(_plain(f"hint: {hint}"))
    lines.append(_plain(conclusion(report)))
    return "\n".join(lines) + "\n"


def _annotation(report: Report, finding: Finding) -> str:
    path, line = artifact_of(report, finding)
    heading = heading_of(FINDING_KINDS[finding.id])
    properties = {"file": path, "line": line, "title": f"{finding.id}: {heading}"}
    told = ",".join(
        f"{name}={_property(f'{value}')}" for name, value in properties.items() if value
    )
    text = f"{place_of(finding)}: {printable(finding.message)}\n{finding.hint}"
    return f"::{_COMMANDS[finding.severity]} {told}::{_data(text)}"


def _data(text: str) -> str:
    """Escape the text of a command as GitHub's toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape the value of a command's property as GitHub's toolkit does."""
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")


def _plain(text: str) -> str:
    """Return a line that is no command: the runner takes `##[` for one wherever it stands."""
    return printable(text).replace("##[", "#\\x23[")
