"""A verification report as text for one screen, as one JSON object, or as JSON lines."""

import json
from collections.abc import Callable
from typing import Any

from crate_iscc.paths import printable
from crate_iscc.render.units import file_size, files, number
from crate_iscc.report import Counts, Finding, Report, Severity, Verdict

Paint = Callable[[str, str], str]
"""Colours a text in one of the styles `good`, `bad`, `warn`, `dim`; the text itself stays."""

_SHOWN_OF_EACH = 12
_NOT_CHECKED_WORDS = {
    "iscc-sum": "ISCC-SUMs (--full computes them)",
    "metadata": "the metadata themselves (not signed)",
    "datahash": "contents (--quick)",
}
_VERDICT_WORDS = {
    Verdict.VALID: ("VALID", "good"),
    Verdict.INVALID: ("INVALID", "bad"),
    Verdict.INCOMPLETE: ("INCOMPLETE", "warn"),
}
_SEVERITY_STYLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "dim"}


def plain(text: str, _style: str) -> str:
    """Return text as it is: the Paint for files, pipes and NO_COLOR."""
    return text


def report_text(report: Report, paint: Paint = plain) -> str:
    """Return the report for a person: what differs, how many of each, and the verdict last."""
    head = f"{printable(report.subject)}   {files(report.files)}   {file_size(report.size)}"
    lines = [head, *_finding_lines(report, paint)]
    lines.append(_counts_line(report))
    lines.append(paint("checked: " + ", ".join(report.checked), "dim"))
    if report.not_checked:
        words = (_NOT_CHECKED_WORDS.get(word, word) for word in report.not_checked)
        lines.append(paint("not checked: " + ", ".join(words), "dim"))
    if report.excluded:
        shown = ", ".join(printable(pattern) for pattern in report.excluded)
        lines.append(paint("left out by the crate itself: " + shown, "warn"))
    word, style = _VERDICT_WORDS[report.verdict]
    lines.append(paint(word, style) + ": " + _in_words(report))
    if report.verdict is not Verdict.VALID:
        worst = min(report.findings, key=_weight)
        lines.append(f"hint: crate-iscc explain {worst.id}")
    return "\n".join(lines) + "\n"


def _finding_lines(report: Report, paint: Paint) -> list[str]:
    by_kind: dict[str, list[Finding]] = {}
    for item in sorted(report.findings, key=_weight):
        by_kind.setdefault(item.id, []).append(item)
    lines = []
    for kind, found in by_kind.items():
        word = kind.removeprefix("bytes.")
        for item in found[:_SHOWN_OF_EACH]:
            label = paint(f"{word:<8}", _SEVERITY_STYLES[item.severity])
            place = printable(item.path) if item.path else "the whole crate"
            lines.append(f"  {label} {place}")
            lines.append(f"           {item.message}")
        more = len(found) - _SHOWN_OF_EACH
        if more > 0:
            lines.append(f"           … and {number(more)} more {word} (--format json has all)")
    return lines


def _weight(item: Finding) -> tuple[int, str, bytes]:
    rank = (Severity.ERROR, Severity.WARNING, Severity.INFO).index(item.severity)
    return rank, item.id, (item.path or "").encode("utf-8")


def _counts_line(report: Report) -> str:
    match = "of the recorded size" if "datahash" in report.not_checked else "match"
    words = {"match": match}
    parts = [
        f"{number(count)} {words.get(name, name)}"
        for name, count in _counts(report.counts).items()
        if count or name == "match"
    ]
    return " · ".join(parts)


def _in_words(report: Report) -> str:
    match report.verdict:
        case Verdict.INVALID:
            return "the dataset is not as recorded"
        case Verdict.INCOMPLETE:
            return "what could be read is as recorded, not everything could be read"
        case Verdict.VALID if "datahash" in report.not_checked:
            return "names and sizes are as recorded; no content was read"
        case Verdict.VALID:
            return "every recorded file is intact"


def _counts(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in Counts.__dataclass_fields__}


def finding_json(item: Finding) -> dict[str, Any]:
    """Return one finding as a JSON object; fields that do not apply are left out."""
    result: dict[str, Any] = {
        "id": item.id,
        "severity": item.severity.value,
        "path": item.path,
        "message": item.message,
        "hint": item.hint,
    }
    if item.distance:
        result["distance"] = {
            "bits": item.distance.bits,
            "of": item.distance.of,
            "word": item.distance.word,
        }
    for name in ("moved_to", "recorded", "observed"):
        value = getattr(item, name)
        if value is not None:
            result[name] = value
    return result


def _summary_json(report: Report) -> dict[str, Any]:
    return {
        "report_version": report.report_version,
        "subject": report.subject,
        "verdict": report.verdict.value,
        "checked": list(report.checked),
        "not_checked": list(report.not_checked),
        "excluded": list(report.excluded),
        "files": report.files,
        "size": report.size,
        "counts": _counts(report.counts),
        "tool": report.tool,
        "kernel": report.kernel,
    }


def report_json(report: Report) -> str:
    """Return the whole report as one JSON object (schemas/report.schema.json)."""
    value = _summary_json(report)
    value["findings"] = [finding_json(item) for item in report.findings]
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def report_jsonl(report: Report) -> str:
    """Return a JSON object a line: each finding, and last the summary, told apart by `record`."""
    records = [{"record": "finding", **finding_json(item)} for item in report.findings]
    records.append({"record": "report", **_summary_json(report)})
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
