"""What holds for every format: the verdict, what was not checked, and no untrue word."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from crate_iscc.finding_kinds import FINDING_KINDS
from crate_iscc.render.formats import FORMATS, format_of, rendered
from crate_iscc.report import Report
from render.render_kit import REPORTS, every_kind, many, validation, verification

EACH_FORMAT = pytest.mark.parametrize("format_", FORMATS)
EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
PAGES = ("sarif", "junit", "github", "markdown", "html")
"""The formats that are made here; text and JSON have tests of their own."""


def test_the_formats_are_these() -> None:
    """They are the ones that the command line offers, the default first."""
    assert list(FORMATS) == ["text", "json", "jsonl", *PAGES]
    with pytest.raises(KeyError):
        rendered(verification(), "pdf")


@EACH_FORMAT
@EACH
def test_the_verdict_is_in_every_format(report: Report, format_: str) -> None:
    """It is said by its word, in capitals for people and small for machines."""
    text = rendered(report, format_)
    assert report.verdict.value in text or report.verdict.value.upper() in text
    assert text.endswith("\n")


@EACH_FORMAT
def test_a_quick_check_is_told_from_a_whole_one(format_: str) -> None:
    """A report in which nothing was wrong says that no content was read if none was."""
    quick = rendered(verification(quick=True), format_)
    if format_ in ("json", "jsonl"):
        (summary,) = [json.loads(quick)]
        assert "datahash" in summary["not_checked"]
    else:
        assert "no content was read" in quick
        assert "contents (--quick)" in quick
        assert "intact" not in quick


@EACH_FORMAT
def test_what_was_ignored_or_excluded_is_not_hidden(format_: str) -> None:
    """Who asked for less, and how much less, can be seen in what comes out."""
    report = verification(excluded=("scratch/",), ignored=(("bytes.extra", 7),))
    text = rendered(report, format_)
    assert "scratch/" in text
    assert "bytes.extra" in text
    assert "7" in text


@EACH_FORMAT
def test_a_validation_says_what_it_did_not_look_at(format_: str) -> None:
    """That metadata conform says nothing about the files, and every format says so."""
    text = rendered(validation(), format_)
    assert '"contents"' in text or "contents (crate-iscc verify)" in text.replace("&#x27;", "'")
    assert "0.1" in text


@EACH_FORMAT
def test_every_kind_of_finding_can_be_shown(format_: str) -> None:
    """No format knows only some of the ids; GitHub is told of the worst ten."""
    text = rendered(verification(every_kind()), format_)
    missing = {kind for kind in FINDING_KINDS if kind not in text}
    assert not missing or format_ in ("text", "github")


@pytest.mark.parametrize("format_", PAGES)
@EACH
def test_nothing_hidden_and_nothing_but_characters(report: Report, format_: str) -> None:
    """Whatever names hold: no control characters, no direction marks, and always valid UTF-8."""
    text = rendered(report, format_)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert text.encode("utf-8").decode("utf-8") == text


@EACH_FORMAT
def test_a_hundred_thousand_findings_are_written(format_: str) -> None:
    """No format loses its footing, or the number of findings, in a crate that lost everything."""
    report = verification(many(100_000))
    text = rendered(report, format_)
    assert "invalid" in text.lower()
    assert "90,000" in text or "90000" in text


@EACH_FORMAT
def test_rendering_twice_is_the_same(format_: str) -> None:
    """Nothing hangs on the clock, on chance or on the order of findings of other kinds."""
    report = REPORTS["damaged"]
    turned = replace(report, findings=report.findings[::-1])
    assert rendered(report, format_) == rendered(report, format_)
    if format_ in PAGES:
        assert rendered(turned, format_) == rendered(report, format_)


def test_colours_are_for_text_alone() -> None:
    """The paint is handed to the text report and to nothing else."""
    paint: Callable[[str, str], str] = lambda text, style: f"<{style}>{text}"  # noqa: E731
    report = REPORTS["damaged"]
    assert "<bad>INVALID" in rendered(report, "text", paint)
    for format_ in FORMATS[1:]:
        assert rendered(report, format_, paint) == rendered(report, format_)


@pytest.mark.parametrize(
    ("filename", "format_"),
    [
        ("report.txt", "text"),
        ("report.json", "json"),
        ("report.jsonl", "jsonl"),
        ("report.ndjson", "jsonl"),
        ("report.sarif", "sarif"),
        ("report.sarif.json", "sarif"),
        ("junit.XML", "junit"),
        ("summary.md", "markdown"),
        ("out/report.html", "html"),
        ("report.htm", "html"),
        ("report.pdf", None),
        ("report", None),
        ("html", None),
    ],
)
def test_a_file_name_says_which_format(filename: str, format_: str | None) -> None:
    """The longest ending decides, in capitals or not; others stand for nothing."""
    assert format_of(filename) == format_
