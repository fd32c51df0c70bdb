"""The formats that a report can be written in, and which one a file name asks for."""

from collections.abc import Callable

from crate_iscc.render.github import report_github
from crate_iscc.render.html import report_html
from crate_iscc.render.junit import report_junit
from crate_iscc.render.markdown import report_markdown
from crate_iscc.render.report import Paint, plain, report_text
from crate_iscc.render.report_json import report_json, report_jsonl
from crate_iscc.render.sarif import report_sarif
from crate_iscc.report import Report, flattened

_FORMATS: dict[str, Callable[[Report], str]] = {
    "text": report_text,
    "json": report_json,
    "jsonl": report_jsonl,
    "sarif": report_sarif,
    "junit": report_junit,
    "github": report_github,
    "markdown": report_markdown,
    "html": report_html,
}
FORMATS = tuple(_FORMATS)
"""The names of the formats, the one for a person at a terminal first."""

_ENDINGS = {
    ".txt": "text",
    ".sarif.json": "sarif",
    ".sarif": "sarif",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "junit",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
}


def rendered(report: Report, format_: str, paint: Paint = plain) -> str:
    """Return a report in one of FORMATS; `paint` colours what has colours, which is text.

    Raises KeyError for a name that is none of them.
    """
    if format_ == "text":
        return report_text(report, paint)
    # Crates inside have reports of their own where a report can hold reports.
    whole = report if format_ in ("json", "jsonl") else flattened(report)
    return _FORMATS[format_](whole)


def format_of(filename: str) -> str | None:
    """Return the format that the ending of a file name stands for, or None for any other."""
    name = filename.lower()
    return next((to for ending, to in _ENDINGS.items() if name.endswith(ending)), None)
