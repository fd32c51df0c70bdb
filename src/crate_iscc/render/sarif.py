"""A report as SARIF 2.1.0, the OASIS standard that GitHub code scanning and editors read.

Section numbers (§) are those of the standard with its Errata 01.
"""

import json
import re
from collections import Counter
from hashlib import sha256
from typing import Any

from crate_iscc.finding_kinds import FINDING_KINDS, FindingKind, Severity
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.render.grouped import heading_of, worst_first
from crate_iscc.render.markdown import escaped
from crate_iscc.render.places import artifact_of, is_about_payload, uri_of
from crate_iscc.render.report import (
    checked_line,
    conclusion,
    excluded_line,
    extent_lines,
    ignored_line,
    not_checked_line,
    place_of,
)
from crate_iscc.render.report_json import FINDING_MEMBERS, counts_by_name, finding_json
from crate_iscc.render.units import number
from crate_iscc.report import Command, Finding, Report

INFORMATION_URI = "https://w3id.org/bio-codes/crate-iscc"
SCHEMA_URI = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MOST_RESULTS = 25_000
"""GitHub refuses a file with more results as a whole, and shows the first 5,000."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_ROOT = "%SRCROOT%"


def report_sarif(report: Report) -> str:
    """Return the findings as the results of one run, the worst first."""
    findings = worst_first(report)
    shown = findings[:MOST_RESULTS]
    kinds = {finding.id: FINDING_KINDS[finding.id] for finding in shown}
    index = {kind: position for position, kind in enumerate(kinds)}
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": _driver(report, [_rule(kind) for kind in kinds.values()])},
        "automationDetails": {"id": _category(report)},
        "invocations": [_invocation(report, left_out=len(findings) - len(shown))],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The directory in which crate-iscc was run."}}
        },
        "results": [_result(report, finding, index, seen) for finding in shown],
        "properties": _run_properties(report),
    }
    value = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return json.dumps(value, indent=1) + "\n"


def _driver(report: Report, rules: list[dict[str, Any]]) -> dict[str, Any]:
    name, _, version = printable(report.tool).partition(" ")
    driver = {"name": name, "version": version, "informationUri": INFORMATION_URI, "rules": rules}
    if _SEMANTIC.fullmatch(version):
        driver["semanticVersion"] = version
    return driver


def _rule(kind: FindingKind) -> dict[str, Any]:
    family = kind.id.partition(".")[0]
    properties: dict[str, Any] = {
        "tags": [family],
        # GitHub sorts alerts by this, which the standard leaves to properties.
        "problem.severity": _PROBLEMS[kind.severity],
    }
    if kind.requirement is not None:
        properties["tags"].append("bio-codes")
        properties |= {"requirement": kind.requirement, "requirementLevel": kind.severity.level}
    return {
        "id": kind.id,
        "shortDescription": {"text": _message(heading_of(kind))},
        "fullDescription": {"text": _message(kind.meaning)},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
        "help": {
            "text": _message(f"{kind.meaning}\n\nWhat to do: {kind.advice}"),
            "markdown": _braces(
                f"{escaped(kind.meaning)}\n\n**What to do:** {escaped(kind.advice)}\n\n"
                f"`crate-iscc explain {kind.id}`"
            ),
        },
        "properties": properties,
    }


def _category(report: Report) -> str:
    """Return what tells this analysis from others: GitHub keeps one of each category.

    The last component, which would name the run, is empty (§3.17.3).
    """
    return f"crate-iscc/{report.command.value}/{printable(report.subject).strip('/')}/"


def _invocation(report: Report, *, left_out: int) -> dict[str, Any]:
    """Return that the check was done, and in words what it comes to and what it leaves open."""
    said = [conclusion(report), *extent_lines(report), f"checked: {checked_line(report)}"]
    if report.not_checked:
        said.append(f"not checked: {not_checked_line(report)}")
    if report.excluded:
        said.append(f"left out by the crate itself: {excluded_line(report)}")
    if report.ignored:
        said.append(f"ignored: {ignored_line(report)}")
    notes = [{"level": "note", "message": {"text": _message(printable(line))}} for line in said]
    if left_out:
        text = f"{number(left_out)} more findings are not in this file (--format json has all)"
        notes.append({"level": "warning", "message": {"text": text}})
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def _result(
    report: Report, finding: Finding, index: dict[str, int], seen: Counter[str]
) -> dict[str, Any]:
    text = f"{place_of(finding)}: {printable(finding.message)}"
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": index[finding.id],
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(f"{text}\n{finding.hint}")},
        "locations": [_location(report, finding)],
        "partialFingerprints": _fingerprints(finding, seen),
    }
    known = finding_json(finding)
    members = {
        name: valid_unicode(known[name]) if isinstance(known[name], str) else known[name]
        for name in ("path", "distance", *FINDING_MEMBERS)
        if known.get(name) is not None
    }
    return result | ({"properties": members} if members else {})


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    path, line = artifact_of(report, finding)
    artifact = {"uri": uri_of(path)}
    if not artifact["uri"].startswith("file:"):
        artifact["uriBaseId"] = _ROOT
    place: dict[str, Any] = {"artifactLocation": artifact}
    if line:
        place["region"] = {"startLine": line}
    location: dict[str, Any] = {"physicalLocation": place}
    if finding.entity:
        location["logicalLocations"] = [{"name": printable(finding.entity), "kind": "object"}]
    elif finding.path and (report.folder is None or not is_about_payload(finding)):
        location["logicalLocations"] = [{"name": printable(finding.path), "kind": "resource"}]
    return location


def _fingerprints(finding: Finding, seen: Counter[str]) -> dict[str, str]:
    """Return what stays from run to run: the kind, the place, and which one of several it is.

    Lines, distances and messages change while the problem stays, so they are no part of it.
    """
    text = "\0".join((finding.id, finding.path or "", finding.entity or ""))
    name = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    seen[name] += 1
    value = f"{name}:{seen[name]}"
    if finding.line:
        # GitHub's upload computes its own from the line, and warns of each that differs.
        return {"findingPlace/v1": value}
    return {"findingPlace/v1": value, "primaryLocationLineHash": value}


def _run_properties(report: Report) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "verdict": report.verdict.value,
        "command": report.command.value,
        "subject": valid_unicode(report.subject),
        "checked": list(report.checked),
        "not_checked": list(report.not_checked),
        "ignored": dict(report.ignored),
        "excluded": [valid_unicode(pattern) for pattern in report.excluded],
        "files": report.files,
        "findings": len(report.findings),
    }
    if report.command is Command.VALIDATE:
        return properties | {
            "profile": valid_unicode(report.profile or ""),
            "level": report.level.level.lower(),
        }
    return properties | {
        "size": report.size,
        "counts": counts_by_name(report.counts),
        "kernel": valid_unicode(report.kernel),
    }


def _message(text: str) -> str:
    """Return plain text in which nothing is a placeholder (§3.11.5) or a link (§3.11.6)."""
    return _braces(text).replace("](", "]\\x28")


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
