"""crate-iscc validate and rocrate-validator with our SHACL shapes come to the same verdict.

Over every fault, every harmless variant, and every example of the specification. Requirements
that SHACL Core cannot say are named in the table, and counted on our side alone.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crate_iscc.crate.view import Crate
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.profile.checker import check
from crate_iscc.profile.facts import Facts
from crate_iscc.resources import schema_text
from profiles.faults import FAULTS, REQUIREMENTS, VARIANTS, Document, Style, example
from profiles.test_specification_examples import EXAMPLES, with_entities

HERE = Path(__file__).parent
CONTEXTS = HERE.parents[1] / "schemas" / "ro-crate-contexts"
SCHEMA: dict[str, Any] = json.loads(schema_text("crate"))
PROOFS = frozenset({"iscc-proof/signature.json", "iscc-proof/signature.json.tsr"})
BEYOND_SHACL = {r.finding for r in REQUIREMENTS.values() if not r.in_shacl}


def cases(style: Style) -> Iterator[tuple[str, Document, set[str]]]:
    """Yield each case of a style: its name, the document, and findings that only we can have."""
    good = example(style)
    yield "the example", good, set()
    for fault in FAULTS:
        if style in fault.bases:
            yield (
                f"{fault.finding} {fault.name}",
                fault.of(good),
                set() if fault.in_shacl else {fault.finding},
            )
    for variant in VARIANTS:
        if style in variant.bases:
            yield variant.name, variant.of(good), set()
    for shown in EXAMPLES:
        if shown.style == style and shown.kind == "json":
            value = json.loads(shown.text)
            entities = value if isinstance(value, list) else [value]
            name = f"specification {shown.finding} {'right' if shown.correct else 'wrong'}"
            yield name, with_entities(good, entities), set()


@pytest.mark.parametrize("style", ["graph", pytest.param("table", marks=pytest.mark.deep)])
def test_both_come_to_the_same_verdict(style: Style, tmp_path: Path) -> None:
    """The same requirements are broken, so the verdicts agree at MUST, SHOULD and MAY."""
    every = list(cases(style))
    theirs = _rocrate_validator([document for _, document, _ in every], tmp_path)

    differ = {}
    for (name, document, ours_alone), broken in zip(every, theirs, strict=True):
        crate = Crate.parse(json.dumps(document).encode())
        ours = {finding.id for finding in check(Facts(crate), SCHEMA, PROOFS, Severity.INFO)}
        comparable = ours - BEYOND_SHACL - ours_alone
        if _verdicts(comparable) != _verdicts(broken):
            differ[name] = (sorted(comparable), sorted(broken))

    assert differ == {}
    assert len(every) > 100


def _verdicts(broken: set[str]) -> list[bool]:
    """Return whether a crate conforms at MUST, at SHOULD, at MAY."""
    weights = {FINDING_KINDS[finding].severity.rank for finding in broken}
    return [all(weight > level.rank for weight in weights) for level in Severity]


def _rocrate_validator(documents: list[Document], place: Path) -> list[set[str]]:
    """Return the requirements that rocrate-validator finds broken in each document."""
    environment = {"HOME": str(place), "https_proxy": "http://127.0.0.1:9", "LC_ALL": "C.UTF-8"}
    seed = HERE.parent / "compat" / "rocrate_judge.py"
    subprocess.run(
        [sys.executable, seed, "seed", place / "cache", CONTEXTS], check=True, timeout=60
    )
    ended = subprocess.run(
        [sys.executable, HERE / "shacl_judge.py", "validator", place / "cache", "may"],
        input=json.dumps(documents),
        env=environment,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout.splitlines()[-1])
    return [{finding for finding, _, _ in answer["ours"]} for answer in answers]
