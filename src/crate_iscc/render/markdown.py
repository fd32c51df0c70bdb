"""A report as Markdown: the summary of a CI step, or a comment on a deposit."""

import re
from collections.abc import Iterator

from crate_iscc.finding_kinds import FindingKind
from crate_iscc.paths import printable
from crate_iscc.render.grouped import (
    by_kind,
    counts_words,
    extent_of,
    heading_of,
    hint_of,
    inside_words,
    rests_on_words,
)
from crate_iscc.render.report import (
    checked_line,
    conclusion,
    excluded_line,
    extent_lines,
    ignored_line,
    not_checked_line,
    place_of,
    proof_line,
)
from crate_iscc.render.units import number
from crate_iscc.report import Command, Finding, Report, Verdict

_SHOWN_OF_EACH = 50
_LONGEST = 500
ROOM = 900_000
"""Bytes for tables: GitHub drops a step's summary of more than 1 MiB as a whole."""
_SYMBOLS = {Verdict.VALID: "✅", Verdict.INVALID: "❌", Verdict.INCOMPLETE: "⚠️"}
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~$@#]|:(?=//)|(?<=www)\.")


def report_markdown(report: Report, room: int = ROOM) -> str:
    """Return the verdict, what was checked and what not, and tables of what was found.

    The rows of the tables take up to `room` bytes.
    """
    subject = code_span(report.subject)
    lines = [
        f"## {_SYMBOLS[report.verdict]} {escaped(conclusion(report))}",
        "",
        f"{subject} · {escaped(extent_of(report))}",
        "",
        f"- **Checked:** {escaped(checked_line(report))}",
    ]
    if rests_on := rests_on_words(report):
        lines.append(f"- **Rests on:** {escaped(rests_on)}")
    lines.extend(f"- {escaped(line)}" for line in extent_lines(report))
    lines.extend(f"- {escaped(proof_line(proof))}" for proof in report.proofs)
    if report.not_checked:
        lines.append(f"- **Not checked:** {escaped(not_checked_line(report))}")
    if report.excluded:
        lines.append(f"- **Left out by the crate itself:** {escaped(_cut(excluded_line(report)))}")
    if report.ignored:
        lines.append(f"- **Ignored:** {escaped(ignored_line(report))}")
    if report.command is Command.VERIFY:
        lines.extend(["", "| files | came out |", "| ---: | --- |"])
        lines.extend(f"| {count} | {escaped(word)} |" for count, word in counts_words(report))
    if inside := inside_words(report):
        lines.extend(["", "| crate inside | came to |", "| --- | --- |"])
        lines.extend(f"| {code_span(name)} | {escaped(words)} |" for name, words in inside)
    for kind, found in by_kind(report):
        section = list(_section(kind, found, room))
        room -= sum(len(line.encode("utf-8")) + 1 for line in section)
        lines.extend(section)
    if hint := hint_of(report):
        lines.extend(["", f"hint: `{hint}`"])
    lines.extend(["", escaped(_cut(report.tool))])
    return "\n".join(lines) + "\n"


def _section(kind: FindingKind, found: list[Finding], room: int) -> Iterator[str]:
    yield from ("", f"### {escaped(heading_of(kind))}", "")
    yield f"`{kind.id}` · {number(len(found))} found · {escaped(kind.advice)}"
    with_line = any(finding.line for finding in found)
    rows = []
    for finding in found[:_SHOWN_OF_EACH]:
        row = _row(finding, with_line=with_line)
        room -= len(row.encode("utf-8")) + 1
        if room < 0:
            break
        rows.append(row)
    if rows:
        head = ("where", "line", "what") if with_line else ("where", "what")
        yield from ("", f"| {' | '.join(head)} |", "| " + " | ".join("---" for _ in head) + " |")
        yield from rows
    if len(rows) < len(found):
        yield from ("", f"… and {number(len(found) - len(rows))} more (--format json has all)")


def _row(finding: Finding, *, with_line: bool) -> str:
    line = [number(finding.line) if finding.line else ""] if with_line else []
    return (
        f"| {' | '.join([code_span(place_of(finding)), *line, escaped(_cut(finding.message))])} |"
    )


def escaped(text: str) -> str:
    """Return text that means nothing to Markdown, HTML or a table, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", printable(text)).replace("|", "&#124;")


def code_span(text: str) -> str:
    """Return a name as code, behind as many backticks as it takes.

    One with a `|` becomes escaped text: tables know no way of writing it in code on which their
    readers agree, once a backslash stands before it.
    """
    if "|" in text:
        return escaped(_cut(text))
    shown = _cut(printable(text)) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    pad = " " if shown[0] in " `" or shown[-1] in " `" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
