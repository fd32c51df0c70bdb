"""A report that was saved as JSON is read again as the very same report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.codes import Distance
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import path_problem
from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.render.report_json import report_json, report_jsonl
from crate_iscc.render.saved import parse_report
from crate_iscc.report import Command, Counts, Finding, Report
from render.render_kit import REPORTS, steady

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "schemas" / "report.schema.json").read_text(encoding="utf-8")
)
EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)

_text = st.text() | st.sampled_from(["\x85", "\u2028", "\u2029", "\x0b\x1c", "\r\n", '"', "\\"])
_some = _text.filter(bool)
_maybe = st.none() | _text
_paths = (
    st.lists(_some, min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda path: path_problem(path) is None)
)
_distances = st.integers(32, 256).flatmap(
    lambda of: st.builds(Distance, st.integers(0, of), st.just(of))
)
_findings = st.builds(
    Finding,
    st.sampled_from(list(FINDING_KINDS)),
    _some,
    st.none() | _paths,
    distance=st.none() | _distances,
    moved_to=st.none() | _paths,
    recorded=_maybe,
    observed=_maybe,
    entity=_maybe,
    pointer=_maybe,
    line=st.none() | st.integers(1, 10**9),
)
_aspects = st.lists(st.sampled_from(SCHEMA["$defs"]["aspect"]["enum"]), unique=True).map(tuple)
_both: dict[str, Any] = {
    "subject": _text,
    "folder": _maybe,
    "metadata": _text,
    "checked": _aspects,
    "not_checked": _aspects,
    "findings": st.lists(_findings, max_size=5).map(tuple),
    "files": st.integers(0),
    "tool": _text.map("crate-iscc {}".format),
    "ignored": st.dictionaries(
        st.sampled_from(list(FINDING_KINDS)), st.integers(1), max_size=3
    ).map(lambda numbers: tuple(sorted(numbers.items()))),
}


def _counted(report: Report) -> Report:
    """Return a report that counts as unread the files of which it says so."""
    unread = sum(finding.id == "bytes.unread" for finding in report.findings)
    return replace(report, counts=replace(report.counts, unread=unread))


reports = st.one_of(
    st.builds(
        Report,
        **_both,
        counts=st.builds(Counts, *[st.integers(0)] * len(Counts.__dataclass_fields__)),
        size=st.integers(0),
        kernel=_text,
        excluded=st.lists(_text, max_size=3).map(tuple),
    ).map(_counted),
    st.builds(
        Report,
        **_both,
        command=st.just(Command.VALIDATE),
        profile=_text,
        level=st.sampled_from(Severity),
    ),
)
"""Reports of both commands as the schema lets them be, of any text."""


@steady
@given(reports)
def test_json_is_read_as_it_was_written(report: Report) -> None:
    """Nothing of a report gets lost or changed in a JSON object."""
    assert parse_report(report_json(report), SCHEMA) == report


@steady
@given(reports)
def test_json_lines_are_read_as_they_were_written(report: Report) -> None:
    """Nor in JSON lines, whatever Unicode calls the end of a line."""
    assert parse_report(report_jsonl(report), SCHEMA) == report


@EACH
def test_every_report_of_these_tests_is_read_again(report: Report) -> None:
    """Reports as the commands make them, also of names that are no Unicode, survive."""
    assert parse_report(report_json(report), SCHEMA) == report


@steady
@given(reports)
def test_every_format_takes_every_report(report: Report) -> None:
    """No text breaks a format, and what is written there is valid UTF-8."""
    for format_ in FORMATS:
        assert rendered(report, format_).encode("utf-8")
