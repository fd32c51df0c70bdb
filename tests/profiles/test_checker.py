"""Our checker finds each fault of the table, and only it; and agrees with the JSON Schema."""

import fnmatch
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crate_iscc.crate.view import Crate
from crate_iscc.finding_kinds import FINDING_KINDS, PROFILE_KINDS, Severity
from crate_iscc.profile.checker import RULES, check
from crate_iscc.profile.facts import Facts
from crate_iscc.report import Finding
from crate_iscc.resources import schema_text
from profiles.faults import EXAMPLES, FAULTS, REQUIREMENTS, VARIANTS, Fault, Style, Variant

SCHEMA: dict[str, Any] = json.loads(schema_text("crate"))
PROOFS = frozenset({"iscc-proof/signature.json", "iscc-proof/signature.tsr"})
EACH_FAULT = [
    pytest.param(fault, style, id=f"{fault.finding}-{fault.name}-{style}")
    for fault in FAULTS
    for style in fault.bases
]
EACH_VARIANT = [
    pytest.param(variant, style, id=f"{variant.name}-{style}")
    for variant in VARIANTS
    for style in variant.bases
]


def example(style: Style) -> dict[str, Any]:
    text = (EXAMPLES / style / "ro-crate-metadata.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def found(document: dict[str, Any], names: frozenset[str] = PROOFS) -> tuple[Finding, ...]:
    """Return everything that the checker says of metadata, down to MAY."""
    crate = Crate.parse(json.dumps(document).encode())
    return check(Facts(crate), SCHEMA, names, Severity.INFO)


def names_without(pattern: str | None) -> frozenset[str]:
    return frozenset(n for n in PROOFS if not (pattern and fnmatch.fnmatch(n, pattern)))


def test_the_table_has_a_fault_for_every_requirement() -> None:
    """And the requirements are those that the package knows, at the same levels."""
    assert {fault.finding for fault in FAULTS} == set(REQUIREMENTS) == set(RULES)
    assert [(kind.id, kind.requirement, kind.severity.level.lower()) for kind in PROFILE_KINDS] == [
        (r.finding, r.number, r.level) for r in REQUIREMENTS.values()
    ]


@pytest.mark.parametrize("style", ["graph", "table"])
def test_the_examples_break_nothing(style: Style) -> None:
    """Both serialisations meet every requirement down to MAY."""
    assert found(example(style)) == ()


@pytest.mark.parametrize(("fault", "style"), EACH_FAULT)
def test_a_fault_is_found_and_nothing_else(fault: Fault, style: Style) -> None:
    """The finding has the requirement's id and severity, and points into the document."""
    document = fault.of(example(style))

    findings = found(document, names_without(fault.removes))

    ids = {finding.id for finding in findings}
    assert fault.finding in ids
    assert ids <= {fault.finding, *fault.also}
    assert FINDING_KINDS[fault.finding].severity.level.lower() == fault.level
    for finding in findings:
        assert finding.entity is None or _pointed(document, finding.pointer) is not None


def _pointed(document: Any, pointer: str | None) -> Any:
    """Follow a JSON Pointer (RFC 6901); an entity that nothing describes has none."""
    value = document
    for step in (pointer or "").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value if value is not None else "null"


@pytest.mark.parametrize(("variant", "style"), EACH_VARIANT)
def test_a_harmless_variant_breaks_nothing(variant: Variant, style: Style) -> None:
    """Other people's metadata are no fault."""
    assert found(variant.of(example(style))) == ()


@pytest.mark.parametrize(("fault", "style"), EACH_FAULT)
def test_the_whole_schema_agrees_with_the_checker(fault: Fault, style: Style) -> None:
    """Where the schema as a whole refuses a document, the checker has a MUST finding."""
    document = fault.of(example(style))
    refused = not Draft202012Validator(SCHEMA).is_valid(document)

    must = {item.id for item in found(document) if item.severity is Severity.ERROR}

    if refused:
        assert must
    if fault.finding in {"file.iscc-sum", "file.size", "graph.flat", "profile.declared"}:
        assert refused


def test_the_time_is_linear_in_the_files() -> None:
    """Ten times the files take the checker no more than ten times the steps, with some room.

    Counted are the calls that Python makes, which no other process on the machine changes.
    """
    counts = []
    for number in (200, 2000):
        document = example("graph")
        model = next(e for e in document["@graph"] if e["@id"] == "LICENSE")
        root = next(e for e in document["@graph"] if e["@id"] == "./")
        for index in range(number):
            document["@graph"].append({**model, "@id": f"files/{index}"})
            root["hasPart"].append({"@id": f"files/{index}"})
        counts.append(_calls(document))

    assert counts[1] < 11 * counts[0]


def _calls(document: dict[str, Any]) -> int:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(found, document)
    total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return total
