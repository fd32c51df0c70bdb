"""The JSON Schemas say what they are for, and refuse what it is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crate_iscc.resources import schemas_folder
from profiles.faults import EXAMPLES

SCHEMAS = sorted(schemas_folder().glob("*.schema.json"))
MANIFEST = EXAMPLES / "table" / "iscc-manifest.tsv"


def loaded(place: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return value


@pytest.mark.parametrize("place", SCHEMAS, ids=lambda place: place.name)
def test_a_schema_is_one_of_draft_2020_12(place: Path) -> None:
    """It is well-formed, and its $id lies below the project's permalinks."""
    schema = loaded(place)

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("https://w3id.org/bio-codes/schemas/")
    assert schema["description"]


def rows() -> list[dict[str, str]]:
    header, *lines = MANIFEST.read_text(encoding="utf-8").splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_every_row_of_the_example_is_a_row() -> None:
    """Files and the container alike."""
    validator = Draft202012Validator(loaded(schemas_folder() / "manifest.schema.json"))

    assert len(rows()) == 8
    for row in rows():
        validator.validate(row)


@pytest.mark.parametrize(
    "change",
    [
        {"path": ""},
        {"path": "/etc/passwd"},
        {"path": "a/../b"},
        {"path": "a//b"},
        {"size": "-1"},
        {"size": "01"},
        {"datahash": "1e20"},
        {"datahash": "1E20" + "0" * 64},
        {"iscc": "ISCC:KUAGSWUIWM2KO4M4OWATZOFP6AQ6O"},
        {"more": "x"},
    ],
    ids=str,
)
def test_what_is_no_row_is_refused(change: dict[str, str]) -> None:
    """Paths that lead out, sizes that are none, codes that are cut, columns that do not exist."""
    validator = Draft202012Validator(loaded(schemas_folder() / "manifest.schema.json"))

    assert not validator.is_valid(rows()[0] | change)


def test_the_columns_are_those_that_are_written() -> None:
    """The description for CSV on the Web names the columns of the header, in order."""
    described = loaded(schemas_folder() / "iscc-manifest.csvw.json")
    columns = [column["name"] for column in described["tableSchema"]["columns"]]

    assert columns == list(rows()[0])
