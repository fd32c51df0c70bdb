"""A report as JUnit XML, which GitLab, Jenkins and the test reporters of GitHub show."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import printable
from crate_iscc.render.grouped import (
    checked_words,
    counts_against,
    heading_of,
    not_checked_words,
    worst_first,
)
from crate_iscc.render.report import (
    conclusion,
    counts_line,
    excluded_line,
    extent_lines,
    place_of,
    profile_name,
    rule_of,
)
from crate_iscc.render.units import number
from crate_iscc.report import Command, Report, Verdict

_UNREAD = "bytes.unread"
_RECORD = frozenset({_UNREAD, "fixity.conflict", "fixity.malformed"})
_CONTENT = _RECORD | {"bytes.changed", "bytes.missing"}
_BASE = frozenset(kind for kind in FINDING_KINDS if kind.startswith("rocrate."))
_ZARR = frozenset(kind for kind in FINDING_KINDS if kind.startswith("zarr.")) | {_UNREAD}
_OZX = frozenset(kind for kind in FINDING_KINDS if kind.startswith("ozx."))
_SPOILED_BY = {
    "presence": _RECORD | {"bytes.missing", "bytes.moved", "bytes.extra", "bytes.changed"},
    "size": _CONTENT,
    "datahash": _CONTENT,
    "treehash": _CONTENT | {"bytes.moved", "bytes.extra", "tree.changed"},
    "iscc-sum": _CONTENT | {"bytes.moved", "bytes.extra", "tree.changed", "code.mismatch"},
    "rocrate": _BASE,
    "rocrate-sample": _BASE,
    "zarr": _ZARR,
    "ozx": _OZX,
} | {
    severity.level.lower(): frozenset(
        kind.id
        for kind in FINDING_KINDS.values()
        if kind.severity is severity and kind.id not in _BASE
    )
    for severity in Severity
}
"""The kinds of findings after which an aspect cannot be called well any more.

They are chosen too wide rather than too narrow: a test that passes is a promise.
"""


@dataclass(frozen=True, slots=True)
class _Case:
    """One testcase: its name, and how it came out if it did not simply pass."""

    name: str
    outcome: str = ""
    message: str = ""
    type: str = ""
    text: str = ""

    def xml(self, name: str, classname: str) -> str:
        start = f"    <testcase classname={_quoted(classname)} name={_quoted(name)}"
        if not self.outcome:
            return start + "/>"
        attributes = f" message={_quoted(self.message)}" if self.message else ""
        attributes += f" type={_quoted(self.type)}" if self.type else ""
        body = f"<{self.outcome}{attributes}>{_text(self.text)}</{self.outcome}>"
        return f"{start}>{body}</testcase>"


def report_junit(report: Report) -> str:
    """Return one test suite: a test for each aspect that is well and for each finding."""
    cases = [*_findings(report), *_aspects(report), *_skipped(report)]
    if report.verdict is not Verdict.VALID and not any(_failed(case) for case in cases):
        cases.insert(0, _Case("verdict", "error", conclusion(report), report.verdict.value))
    outcomes = Counter(case.outcome for case in cases)
    counts = f'tests="{len(cases)}" failures="{outcomes["failure"]}" errors="{outcomes["error"]}"'
    skipped = f'skipped="{outcomes["skipped"]}"'
    title = f"crate-iscc {report.command.value}"
    said = "\n".join((*extent_lines(report), conclusion(report)))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_quoted(title)} {counts}>",
        f"  <testsuite name={_quoted(f'{title} {report.subject}')} {counts} {skipped}>",
        "    <properties>",
        *(
            f"      <property name={_quoted(name)} value={_quoted(value)}/>"
            for name, value in _properties(report)
        ),
        "    </properties>",
        *_numbered(cases, report.subject),
        f"    <system-out>{_text(said)}</system-out>",
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _failed(case: _Case) -> bool:
    return case.outcome in ("failure", "error")


def _findings(report: Report) -> Iterator[_Case]:
    for finding in worst_first(report):
        name = f"{finding.id} {place_of(finding)}"
        rule = rule_of(finding)
        where = f"{report.metadata}, line {finding.line}" if finding.line else ""
        about = heading_of(FINDING_KINDS[finding.id])
        source = "\n".join(filter(None, (about, printable(where), f"hint: {finding.hint}")))
        if finding.id == _UNREAD:
            yield _Case(name, "error", finding.message, finding.id, source)
        elif counts_against(report, finding):
            message = f"{finding.message} ({rule})" if rule else finding.message
            yield _Case(name, "failure", message, finding.id, source)
        else:
            yield _Case(name, "system-out", text=f"{printable(finding.message)}\n{source}")


def _aspects(report: Report) -> Iterator[_Case]:
    """Yield a test that passes for each checked aspect that no finding, shown or not, spoils."""
    told = {finding.id for finding in report.findings} | {kind for kind, _ in report.ignored}
    for aspect, words in zip(report.checked, checked_words(report), strict=True):
        if told.isdisjoint(_SPOILED_BY.get(aspect, told)):
            yield _Case(f"checked: {words}")


def _skipped(report: Report) -> Iterator[_Case]:
    for words in not_checked_words(report):
        yield _Case(f"not checked: {words}", "skipped", "it was not checked")
    for kind, count in report.ignored:
        yield _Case(f"ignored: {kind}", "skipped", f"{number(count)} found and ignored as asked")


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict.value
    yield "tool", report.tool
    if report.command is Command.VALIDATE:
        yield "profile", profile_name(report)
        yield "level", report.level.level
    else:
        yield "files", counts_line(report)
    if report.excluded:
        yield "left out by the crate itself", excluded_line(report)


def _numbered(cases: Iterable[_Case], classname: str) -> Iterator[str]:
    """Yield the cases as XML under names that differ: consumers show one test of a name."""
    used: set[str] = set()
    times: Counter[str] = Counter()
    for case in cases:
        name = case.name
        while name in used:
            times[case.name] += 1
            name = f"{case.name} ({times[case.name] + 1})"
        used.add(name)
        yield case.xml(name, classname)


def _quoted(value: str) -> str:
    return f'"{escape(printable(value))}"'


def _text(value: str) -> str:
    """Return text that XML allows: its lines stay lines, all else that is no character shows."""
    return "\n".join(escape(printable(line), quote=False) for line in value.split("\n"))
