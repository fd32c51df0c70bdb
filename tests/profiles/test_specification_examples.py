"""The examples of the specification are what it says: right, or wrong in just the one thing."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from crate_iscc.crate.view import Crate
from crate_iscc.finding_kinds import FINDING_KINDS, PROFILE_KINDS, Severity
from crate_iscc.profile.checker import check
from crate_iscc.profile.facts import Facts
from crate_iscc.resources import schema_text
from profiles.faults import PROFILE_FOLDER, REQUIREMENTS, Style, example

TEXT = (PROFILE_FOLDER / "specification.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads(schema_text("crate"))
PROOFS = frozenset({"iscc-proof/signature.json", "iscc-proof/signature.json.tsr"})
_SECTION = re.compile(r"^### ([0-9.]+) (MUST|SHOULD|MAY) `([a-z0-9.-]+)` — (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(json|text) (correct|wrong)( graph| table)?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Example:
    """One block of the specification below the heading of a requirement."""

    number: str
    level: str
    finding: str
    title: str
    kind: str
    correct: bool
    style: Style
    text: str


def examples() -> Iterator[Example]:
    headings = list(_SECTION.finditer(TEXT))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        body = TEXT[heading.end() : following.start() if following else len(TEXT)]
        for kind, judgement, style, text in _BLOCK.findall(body):
            base: Style = "table" if style == " table" else "graph"
            number, level, finding, title = heading.groups()
            correct = judgement == "correct"
            yield Example(number, level, finding, title, kind, correct, base, text)


EXAMPLES = list(examples())
FOLLOWING = {
    "describe.specimen": ("describe.biosample", "describe.organism"),
    "describe.biosample": ("describe.organism",),
}
"""What cannot be reached any more where a link of the chain is missing."""


def with_entities(document: dict[str, Any], entities: list[dict[str, Any]]) -> dict[str, Any]:
    """Put entities in the place of those with the same `@id`, and add the others."""
    new = {entity["@id"]: entity for entity in entities}
    graph = [new.pop(entity["@id"], entity) for entity in document["@graph"]]
    return {**document, "@graph": [*graph, *new.values()]}


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(one, id=f"{one.finding}-{one.style}-{'right' if one.correct else 'wrong'}-{n}")
        for n, one in enumerate(EXAMPLES)
    ],
)
def test_an_example_is_right_or_wrong_in_the_one_thing(shown: Example) -> None:
    """A correct one breaks nothing at all, a wrong one its requirement alone."""
    document = example(shown.style)
    names = PROOFS
    if shown.kind == "json":
        value = json.loads(shown.text)
        document = with_entities(document, value if isinstance(value, list) else [value])
    else:
        names = frozenset(shown.text.split())

    crate = Crate.parse(json.dumps(document).encode())
    found = {item.id for item in check(Facts(crate), SCHEMA, names, Severity.INFO)}

    if shown.correct:
        assert found == set()
    else:
        assert shown.finding in found
        assert found <= {shown.finding, *FOLLOWING.get(shown.finding, ())}


def test_every_requirement_is_shown_rightly_and_wrongly() -> None:
    """At least one example of each kind for each of them."""
    for correct in (True, False):
        assert {one.finding for one in EXAMPLES if one.correct is correct} == set(REQUIREMENTS)


def test_the_specification_and_the_findings_say_the_same() -> None:
    """Number, level, id and title; and in the order of the numbers."""
    shown = [match.groups() for match in _SECTION.finditer(TEXT)]

    assert shown == [(k.requirement, k.severity.level, k.id, k.title) for k in PROFILE_KINDS]


def test_every_requirement_names_the_finding_that_reports_it() -> None:
    """`crate-iscc explain` knows it."""
    reported = re.findall(r"^Reported as `([a-z0-9.-]+)`", TEXT, re.MULTILINE)

    assert reported == list(REQUIREMENTS)
    assert set(reported) <= FINDING_KINDS.keys()
