"""A report as one JSON object or as JSON lines (schemas/report.schema.json)."""

import json
from typing import Any

from crate_iscc.render.sampled import damages, overlooked
from crate_iscc.report import Command, Counts, Finding, Proof, Report, Sample

FINDING_MEMBERS = ("moved_to", "recorded", "observed", "entity", "pointer", "line")
"""Members of a finding that are written where they apply."""


def counts_by_name(counts: Counts) -> dict[str, int]:
    """Return the counts under their names, in the order in which they are shown.

    That of a sample is left out where there is none.
    """
    numbers = {name: getattr(counts, name) for name in Counts.__dataclass_fields__}
    if not counts.not_sampled:
        del numbers["not_sampled"]
    return numbers


def finding_json(item: Finding) -> dict[str, Any]:
    """Return one finding as a JSON object; fields that do not apply are left out."""
    result: dict[str, Any] = {
        "id": item.id,
        "severity": item.severity.value,
        "path": item.path,
        "message": _encodable(item.message),
        "hint": item.hint,
    }
    if item.distance:
        result["distance"] = {
            "bits": item.distance.bits,
            "of": item.distance.of,
            "word": item.distance.word,
        }
    for name in FINDING_MEMBERS:
        value = getattr(item, name)
        if value is not None:
            # An @id may hold half a surrogate pair, and what is in no UTF-8 is in no report.
            result[name] = _encodable(value) if isinstance(value, str) else value
    return result


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _summary_json(report: Report) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "report_version": report.report_version,
        "command": report.command.value,
        "subject": report.subject,
        "folder": report.folder,
        "metadata": report.metadata,
        "verdict": report.verdict.value,
        "checked": list(report.checked),
        "not_checked": list(report.not_checked),
        "files": report.files,
        "ignored": dict(report.ignored),
        "tool": report.tool,
    }
    if report.command is Command.VALIDATE:
        return summary | {"profile": report.profile, "level": report.level.level.lower()}
    summary |= {
        "excluded": list(map(_encodable, report.excluded)),
        "size": report.size,
        "counts": counts_by_name(report.counts),
        "rests_on": dict(report.rests_on),
        "kernel": report.kernel,
    }
    if report.treehash is not None:
        summary["treehash"] = report.treehash
        summary["treehash_matches"] = report.treehash_matches
    if report.sample:
        summary["sample"] = _sample_json(report.sample)
    if report.earlier:
        summary["earlier"] = {
            "files": report.earlier.files,
            "size": report.earlier.size,
            "oldest": report.earlier.oldest,
            "newest": report.earlier.newest,
            "same_run": report.earlier.same_run,
        }
    if report.each:
        summary["each"] = [
            {"path": one.path, "status": one.status, "rests_on": one.rests_on}
            for one in report.each
        ]
    if report.proofs:
        summary["proofs"] = list(map(proof_json, report.proofs))
    if report.nested:
        summary["nested"] = [_whole_json(inner) for inner in report.nested]
    return summary


def _sample_json(sample: Sample) -> dict[str, Any]:
    return {
        "asked": sample.asked,
        "seed": sample.seed,
        "files": sample.files,
        "of_files": sample.of_files,
        "size": sample.size,
        "of_size": sample.of_size,
        "strata": [
            {"folder": one.folder, "files": one.files, "of_files": one.of_files}
            for one in sample.strata
        ],
        "overlooked": {str(damaged): overlooked(sample, damaged) for damaged in damages(sample)},
    }


def proof_json(proof: Proof) -> dict[str, str]:
    """Return a proof as the report's schema has it."""
    value = {
        "kind": proof.kind.value,
        "path": proof.path,
        "standing": proof.standing.value,
        "who": proof.who,
        "moment": proof.moment,
    }
    of_a_receipt = {
        "iscc_id": proof.iscc_id,
        "declarer": proof.declarer,
        "remark": proof.remark,
    }
    return value | {name: text for name, text in of_a_receipt.items() if text}


def _whole_json(report: Report) -> dict[str, Any]:
    return _summary_json(report) | {"findings": [finding_json(item) for item in report.findings]}


def report_json(report: Report) -> str:
    """Return the whole report as one JSON object."""
    return json.dumps(_whole_json(report), ensure_ascii=False, indent=2) + "\n"


def report_jsonl(report: Report) -> str:
    """Return a JSON object a line: each finding, and last the summary, told apart by `record`."""
    records = [{"record": "finding", **finding_json(item)} for item in report.findings]
    records.append({"record": "report", **_summary_json(report)})
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
