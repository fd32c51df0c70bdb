"""The SARIF of a report is SARIF, and says of each finding what code scanning needs."""

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema.validators import validator_for
from sarif import loader
from sarif_pydantic import Sarif

from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import CratePath, printable
from crate_iscc.render.report import place_of
from crate_iscc.render.sarif import INFORMATION_URI, MOST_RESULTS, report_sarif
from crate_iscc.report import Finding, Report
from render.render_kit import (
    BREACHES,
    DAMAGE,
    REPORTS,
    every_kind,
    many,
    validation,
    verification,
)
from render.sarif_structure import check

EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
SCHEMA = os.environ.get("CRATE_ISCC_SARIF_SCHEMA") or None


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(report_sarif(report))["runs"]
    assert isinstance(run, dict)
    return run


@EACH
def test_it_is_what_the_standard_asks_for(report: Report) -> None:
    """Every object has its required members, no unknown ones, and values of the right type."""
    check(json.loads(report_sarif(report)))


@pytest.mark.skipif(SCHEMA is None, reason="CRATE_ISCC_SARIF_SCHEMA names no schema file")
def test_it_is_valid_by_the_official_schema() -> None:
    """The JSON Schema of OASIS, where the environment names a copy of it, finds nothing."""
    schema = json.loads(Path(str(SCHEMA)).read_text(encoding="utf-8-sig"))
    validator = validator_for(schema)(schema)
    for name, report in REPORTS.items():
        errors = validator.iter_errors(json.loads(report_sarif(report)))
        assert [f"{name}: {error.message}" for error in errors] == []


@EACH
def test_a_library_of_others_reads_all_of_it(report: Report) -> None:
    """sarif-pydantic knows what is in the log, but for one member, and writes it back unchanged."""
    text = report_sarif(report)
    read = Sarif.model_validate_json(text)
    # It has no model for this one of the standard (§3.20.21), and keeps it all the same.
    assert set(unknown_members(read)) == {"toolExecutionNotifications"}
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert written["runs"] == json.loads(text)["runs"]


def unknown_members(model: Any) -> list[str]:
    """Return the members that the models of sarif-pydantic only kept because they keep all."""
    if isinstance(model, list):
        return [name for item in model for name in unknown_members(item)]
    if not hasattr(model, "model_extra"):
        return []
    below = [getattr(model, name) for name in type(model).model_fields]
    return [*(model.model_extra or {}), *unknown_members(below)]


@EACH
def test_a_tool_of_others_lists_the_findings(report: Report, tmp_path: Path) -> None:
    """sarif-tools shows each finding with its rule, severity, file and line."""
    file = tmp_path / "report.sarif"
    file.write_text(report_sarif(report), encoding="utf-8")
    records = loader.load_sarif_file(str(file)).get_records()
    levels = {"error": "error", "warning": "warning", "info": "note"}
    found = sorted(report.findings, key=lambda finding: finding.weight)
    assert [record["Code"] for record in records] == [finding.id for finding in found]
    assert [record["Severity"] for record in records] == [levels[f.severity] for f in found]
    if report.folder is not None:
        assert [int(record["Line"]) for record in records] == [f.line or 1 for f in found]


BREAKAGES: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "no version": (("version",), None),
    "another version": (("version",), "2.0.0"),
    "no results": (("runs", 0, "results"), None),
    "an unknown member": (("runs", 0, "colour"), "blue"),
    "no name of the tool": (("runs", 0, "tool", "driver", "name"), None),
    "an unknown level": (("runs", 0, "results", 0, "level"), "fatal"),
    "another rule": (("runs", 0, "results", 0, "ruleId"), "bytes.extra"),
    "no rule there": (("runs", 0, "results", 0, "ruleIndex"), 99),
    "an empty message": (("runs", 0, "results", 0, "message", "text"), ""),
    "a placeholder": (("runs", 0, "results", 0, "message", "text"), "see {0}"),
    "a link": (("runs", 0, "results", 0, "message", "text"), "see [here](http://x)"),
    "line 0": ((*("runs", 0, "results", 0, "locations", 0, "physicalLocation"), "region"), 0),
    "a space in a URI": (
        ("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"),
        "a b.tif",
    ),
    "an IRI": (
        ("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"),
        "é.tif",
    ),
    "a base for an absolute URI": (
        ("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"),
        "file:///a.tif",
    ),
    "a scheme of a file name": (
        ("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"),
        "a:b.tif",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_judge_refuses_what_is_no_sarif(name: str) -> None:
    """The structural judge of these tests is one: it finds each way in which a log is broken."""
    place, value = BREAKAGES[name]
    log = deepcopy(json.loads(report_sarif(REPORTS["damaged"])))
    inner = log
    for key in place[:-1]:
        inner = inner[key]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    with pytest.raises(AssertionError):
        check(log)


@EACH
def test_each_finding_is_a_result_with_a_place(report: Report) -> None:
    """As many results as findings, the worst first, each with its place in the message."""
    run = run_of(report)
    found = sorted(report.findings, key=lambda finding: finding.weight)
    assert [result["ruleId"] for result in run["results"]] == [finding.id for finding in found]
    for result, finding in zip(run["results"], found, strict=True):
        shown = place_of(finding).replace("{", "{{").replace("}", "}}").replace("](", "]\\x28")
        assert result["message"]["text"].startswith(f"{shown}: ")
        assert result["message"]["text"].endswith(f"\n{finding.hint}")


def test_the_rules_are_the_kinds_that_occur() -> None:
    """Rules are described by what `explain` knows of them, and no rule is there unused."""
    rules = {
        rule["id"]: rule for rule in run_of(verification(every_kind()))["tool"]["driver"]["rules"]
    }
    assert rules.keys() == FINDING_KINDS.keys()
    for kind in FINDING_KINDS.values():
        rule = rules[kind.id]
        assert rule["shortDescription"]["text"].endswith(kind.title)
        assert rule["fullDescription"]["text"] == kind.meaning
        assert kind.advice in rule["help"]["text"]
        assert rule["properties"].get("requirement") == kind.requirement
    only = run_of(verification(DAMAGE[:1]))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in only] == ["bytes.changed"]
    assert run_of(verification())["tool"]["driver"]["rules"] == []


def test_the_tool_is_named_with_its_version() -> None:
    """A version that is none of Semantic Versioning is not called one."""
    driver = run_of(verification())["tool"]["driver"]
    assert driver["name"] == "crate-iscc"
    assert (driver["semanticVersion"], driver["informationUri"]) == ("0.1.0", INFORMATION_URI)
    driver = run_of(verification(tool="crate-iscc 0.2.0.dev1"))["tool"]["driver"]
    assert driver["version"] == "0.2.0.dev1"
    assert "semanticVersion" not in driver


def location_of(report: Report) -> dict[str, Any]:
    location = run_of(report)["results"][0]["locations"][0]
    assert isinstance(location, dict)
    return location


@pytest.mark.parametrize(
    ("folder", "path", "uri"),
    [
        ("study", "raw/a.tif", "study/raw/a.tif"),
        (".", "raw/a.tif", "raw/a.tif"),
        ("./data//study/", "a.tif", "data/study/a.tif"),
        ("study", "50% #2?.tif", "study/50%25%20%232%3F.tif"),
        (".", "a:b.tif", "a%3Ab.tif"),
        (".", "Färbung.csv", "F%C3%A4rbung.csv"),
        ("/data/my study", "a.tif", "file:///data/my%20study/a.tif"),
        ("C:\\data\\study", "raw/a.tif", "file:///C:/data/study/raw/a.tif"),
        ("\\\\server\\share", "a.tif", "file://server/share/a.tif"),
        ("caf\udce9", "a.tif", "caf%E9/a.tif"),
        ("x\ud800", "a.tif", "x%5Cud800/a.tif"),
    ],
)
def test_a_file_is_named_by_a_uri(folder: str, path: str, uri: str) -> None:
    """It is percent-encoded, and relative to the place of the check where the caller was."""
    report = verification([Finding("bytes.missing", "not there", CratePath(path))], folder=folder)
    artifact = location_of(report)["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert artifact.get("uriBaseId") == (None if uri.startswith("file:") else "%SRCROOT%")


def test_what_is_wrong_in_the_metadata_is_shown_there() -> None:
    """A breach of the profile is at its line of the metadata file, and names its entity."""
    location = location_of(validation(BREACHES[:1]))
    assert location == {
        "physicalLocation": {
            "artifactLocation": {"uri": "study/ro-crate-metadata.json", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 112},
        },
        "logicalLocations": [{"name": "raw/cell.ome.tif", "kind": "object"}],
    }


def test_a_member_of_an_archive_is_shown_at_the_archive() -> None:
    """Nothing in a zip has a place of its own on disk, so its name is a logical location."""
    location = location_of(REPORTS["in an archive"])
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "deposits/study.zip"
    assert location["logicalLocations"] == [{"name": "figures/Figure 3.png", "kind": "resource"}]


def fingerprints_of(report: Report) -> list[dict[str, str]]:
    return [result["partialFingerprints"] for result in run_of(report)["results"]]


def test_a_finding_is_known_again_in_the_next_run() -> None:
    """Fingerprints hang on the kind and the place, not on distances, lines or the folder."""
    first = fingerprints_of(verification(DAMAGE))
    other = [
        Finding(finding.id, "said in other words", finding.path, recorded="something else")
        for finding in reversed(DAMAGE)
    ]
    assert fingerprints_of(verification(other, folder="elsewhere", subject="elsewhere")) == first
    assert len({value["findingPlace/v1"] for value in first}) == len(first)


@EACH
def test_no_two_findings_have_one_fingerprint(report: Report) -> None:
    """GitHub would show them as one alert; its own for a line of a file is left to it."""
    run = run_of(report)
    told = [result["partialFingerprints"]["findingPlace/v1"] for result in run["results"]]
    assert len(set(told)) == len(told)
    for result in run["results"]:
        has_line = "line" in result.get("properties", {})
        assert ("primaryLocationLineHash" in result["partialFingerprints"]) is not has_line


def test_what_was_found_comes_with_the_result() -> None:
    """Distance, codes, pointer and the new place are properties, under their names in JSON."""
    results = run_of(verification(DAMAGE))["results"]
    assert results[0]["properties"] == {
        "path": "figures/Figure 3.png",
        "distance": {"bits": 61, "of": 128, "word": "unrelated"},
        "recorded": "1e20" + "ab" * 32,
        "observed": "1e20" + "cd" * 32,
    }
    moved = next(result for result in results if result["ruleId"] == "bytes.moved")
    assert moved["properties"]["moved_to"] == "figures/Figure 2.png"
    breach = run_of(validation(BREACHES[:1]))["results"][0]
    assert breach["properties"]["pointer"] == "/@graph/7"


def test_what_was_checked_and_what_not_is_said() -> None:
    """The run says it in properties for machines and in notifications for people."""
    run = run_of(verification(quick=True, excluded=("*.tmp",), ignored=(("bytes.extra", 3),)))
    assert run["properties"]["verdict"] == "valid"
    assert run["properties"]["checked"] == ["presence", "size"]
    assert run["properties"]["not_checked"] == ["datahash", "metadata"]
    assert run["properties"]["ignored"] == {"bytes.extra": 3}
    assert run["properties"]["excluded"] == ["*.tmp"]
    (invocation,) = run["invocations"]
    said = "\n".join(note["message"]["text"] for note in invocation["toolExecutionNotifications"])
    for words in ("no content was read", "contents (--quick)", "*.tmp", "3 bytes.extra"):
        assert words in said


def test_more_than_github_takes_is_left_out_and_said() -> None:
    """The worst are kept, and a notification says how many more there are."""
    report = verification([*every_kind(), *many(MOST_RESULTS)])
    run = run_of(report)
    assert len(run["results"]) == MOST_RESULTS
    assert {result["level"] for result in run["results"]} == {"error"}
    assert run["properties"]["findings"] == len(report.findings)
    note = run["invocations"][0]["toolExecutionNotifications"][-1]
    assert note["level"] == "warning"
    assert note["message"]["text"].startswith(f"{len(FINDING_KINDS)} more findings")
    check(json.loads(report_sarif(report)))


def test_analyses_of_two_crates_do_not_replace_each_other() -> None:
    """GitHub keeps the last analysis of a category, so each crate and command has its own."""
    reports = [verification(), verification(subject="other"), validation(level=Severity.ERROR)]
    ids = [run_of(report)["automationDetails"]["id"] for report in reports]
    assert len(set(ids)) == 3
    assert all(category.endswith("/") for category in ids)


def test_hostile_names_come_through() -> None:
    """A name is the same after decoding as it was; what cannot be in JSON is an escape."""
    run = run_of(REPORTS["hostile"])
    for result in run["results"]:
        if result["ruleId"] == "bytes.missing":
            location = result["locations"][0]["physicalLocation"]["artifactLocation"]
            assert unquote(location["uri"]).endswith(result["properties"]["path"])
        else:
            (logical,) = result["locations"][0]["logicalLocations"]
            assert logical["name"] == printable(logical["name"])
