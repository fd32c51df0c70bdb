"""Reads a saved report again, so that it can be shown in another format."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from crate_iscc.codes import Distance
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import CratePath
from crate_iscc.render.report_json import FINDING_MEMBERS
from crate_iscc.report import (
    Command,
    Counts,
    Earlier,
    FileVerdict,
    Finding,
    Proof,
    ProofKind,
    Report,
    Sample,
    Standing,
    Stratum,
)


def parse_report(text: str, schema: dict[str, Any]) -> Report:
    """Return the report that `report_json` or `report_jsonl` wrote.

    `schema` is the JSON Schema of reports. Raises InputError for what is none, and for one with
    findings that this version does not know.
    """
    value = _loaded(text)
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        place = "/".join(map(str, error.absolute_path)) or "the whole"
        raise InputError(
            "this is no report of crate-iscc",
            cause=f"{place}: {error.message:.200}",
            hint="save one with: crate-iscc verify CRATE --format json -o report.json",
        )
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as problem:
        raise InputError(
            "this is no report of crate-iscc", cause=f"it holds text that is none: {problem.reason}"
        ) from problem
    return _report(value)


def _report(value: dict[str, Any]) -> Report:
    """Return a report from its JSON, which the schema allows."""
    unknown = sorted({item["id"] for item in value["findings"]} - FINDING_KINDS.keys())
    if unknown:
        raise InputError(
            f"the report has findings that this version does not know: {', '.join(unknown)}",
            cause=f"it was written by {value['tool']}",
            hint="use that version or a newer one",
        )
    report = Report(
        command=Command(value["command"]),
        subject=value["subject"],
        folder=value["folder"],
        metadata=value["metadata"],
        checked=tuple(value["checked"]),
        not_checked=tuple(value["not_checked"]),
        findings=tuple(map(_finding, value["findings"])),
        files=value["files"],
        tool=value["tool"],
        counts=Counts(**value.get("counts", {})),
        size=value.get("size", 0),
        kernel=value.get("kernel", ""),
        excluded=tuple(value.get("excluded", ())),
        profile=value.get("profile"),
        level=next(s for s in Severity if s.level.lower() == value.get("level", "must")),
        ignored=tuple(sorted(value["ignored"].items())),
        rests_on=tuple(value.get("rests_on", {}).items()),
        each=tuple(
            FileVerdict(CratePath(one["path"]), one["status"], one["rests_on"])
            for one in value.get("each", ())
        ),
        proofs=tuple(map(_proof, value.get("proofs", ()))),
        nested=tuple(map(_report, value.get("nested", ()))),
        treehash=value.get("treehash"),
        treehash_matches=value.get("treehash_matches"),
        sample=_sample(value["sample"]) if "sample" in value else None,
        earlier=Earlier(**value["earlier"]) if "earlier" in value else None,
    )
    if report.verdict.value != value["verdict"]:
        raise InputError(
            "the report contradicts itself",
            cause=f"its findings come to {report.verdict.value}, it says {value['verdict']}",
            hint="it was edited; run the check again",
        )
    return report


def _sample(value: dict[str, Any]) -> Sample:
    return Sample(
        asked=value["asked"],
        seed=value["seed"],
        files=value["files"],
        of_files=value["of_files"],
        size=value["size"],
        of_size=value["of_size"],
        strata=tuple(
            Stratum(one["folder"], one["files"], one["of_files"]) for one in value["strata"]
        ),
    )


def _proof(value: dict[str, Any]) -> Proof:
    return Proof(
        ProofKind(value["kind"]),
        CratePath(value["path"]),
        Standing(value["standing"]),
        value["who"],
        value["moment"],
        value.get("iscc_id"),
        value.get("declarer"),
        value.get("remark"),
    )


def _loaded(text: str) -> dict[str, Any]:
    """Return one JSON object, made of its records where the text is JSON lines."""
    try:
        value = json.loads(text)
        if not (isinstance(value, dict) and "record" in value):
            return value if isinstance(value, dict) else {}
        records = [value]
    except ValueError:
        try:
            records = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError as error:
            raise InputError("this is no report of crate-iscc", cause=str(error)) from error
    summary: dict[str, Any] = {}
    findings = []
    for record in records:
        match record:
            case {"record": "finding"}:
                findings.append({k: v for k, v in record.items() if k != "record"})
            case {"record": "report"} if summary:
                raise InputError(
                    "there are reports of several crates in the file",
                    hint="give them one by one: each ends with its line of record: report",
                )
            case {"record": "report"}:
                summary = {k: v for k, v in record.items() if k != "record"}
    return summary | {"findings": findings}


def _finding(value: dict[str, Any]) -> Finding:
    distance = value.get("distance")
    return Finding(
        value["id"],
        value["message"],
        None if value["path"] is None else CratePath(value["path"]),
        distance=Distance(distance["bits"], distance["of"]) if distance else None,
        **{name: value[name] for name in FINDING_MEMBERS if name in value},
    )
