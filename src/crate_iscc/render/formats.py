"""The formats that a report can be written in, and which one a file name asks for."""

from collections.abc import Callable

from crate_iscc.render.report import Paint, plain, report_text
from crate_iscc.report import Report, flattened

FORMATS = ("text", "json", "jsonl", "sarif", "junit", "github", "markdown", "html")
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
    return _renderer(format_)(whole)


def _renderer(format_: str) -> Callable[[Report], str]:
    # One is used, and a small check should not wait for the others to load.
    match format_:
        case "json" | "jsonl":
            from crate_iscc.render.report_json import report_json, report_jsonl

            return report_json if format_ == "json" else report_jsonl
        case "sarif":
            from crate_iscc.render.sarif import report_sarif

            return report_sarif
        case "junit":
            from crate_iscc.render.junit import report_junit

            return report_junit
        case "github":
            from crate_iscc.render.github import report_github

            return report_github
        case "markdown":
            from crate_iscc.render.markdown import report_markdown

            return report_markdown
        case "html":
            from crate_iscc.render.html import report_html

            return report_html
        case _:
            raise KeyError(format_)


def format_of(filename: str) -> str | None:
    """Return the format that the ending of a file name stands for, or None for any other."""
    name = filename.lower()
    return next((to for ending, to in _ENDINGS.items() if name.endswith(ending)), None)
