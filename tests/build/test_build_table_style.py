"""The table style says the same as the graph style, with literals and rows and no new entities."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import csvw
import pytest
from build_support import NOW, graph_of, write_tree

from crate_iscc import Style, Thoroughness, Verdict, build, validate, verify
from crate_iscc.resources import schemas_folder
from crate_iscc.verifying.verification import read_record

METADATA = "ro-crate-metadata.json"
MANIFEST = "iscc-manifest.tsv"
FILES = {
    "raw/cell 1.tif": b"pixels",
    "raw/odd\tname\\.tif": b"more pixels",
    "images/a.zarr/zarr.json": b'{"zarr_format": 3, "node_type": "group"}',
    "images/a.zarr/c/0/0": b"chunk",
    "plates/p1/well": b"w",
    "notes.tmp": b"scratch",
    "empty.txt": b"",
}
BIA_CONTEXT = {"bia": "http://bia/", "csvw": "http://www.w3.org/ns/csvw#"} | {
    term: {"@id": iri}
    for term, iri in {
        "accessionId": "bia:accessionId",
        "tableSchema": "csvw:tableSchema",
        "column": "csvw:column",
        "columnName": "csvw:name",
        "propertyUrl": "csvw:propertyUrl",
    }.items()
}


def bia_crate(place: Path, root: Mapping[str, Any] | None = None) -> Path:
    """Write a submission of the kind that the BioImage Archive takes: RO-Crate 1.1, a file list."""
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": ["Dataset", "bia:Study"],
            "name": "A study",
            "description": "Cells.",
            "license": "https://creativecommons.org/publicdomain/zero/1.0/",
            "datePublished": "2026-01-02",
            "hasPart": [{"@id": "file_list.tsv"}],
            "accessionId": "S-BIAD0",
            "author": [{"@id": "https://orcid.org/0000-0002-1825-0097"}],
            **(root or {}),
        },
        {
            "@id": "https://orcid.org/0000-0002-1825-0097",
            "@type": ["Person", "bia:Contributor"],
            "name": "Ada Lovelace",
        },
        {
            "@id": "file_list.tsv",
            "@type": ["File", "bia:FileList", "csvw:Table"],
            "tableSchema": {"@id": "#ts0"},
        },
        {"@id": "#ts0", "@type": ["csvw:Schema"], "column": [{"@id": "#col0"}]},
        {
            "@id": "#col0",
            "@type": ["csvw:Column"],
            "columnName": "file_path",
            "propertyUrl": "http://bia/filePath",
        },
    ]
    context = ["https://w3id.org/ro/crate/1.1/context", BIA_CONTEXT]
    document = {"@context": context, "@graph": graph}
    metadata = json.dumps(document, indent=2).encode()
    return write_tree(place, {**FILES, "file_list.tsv": b"file_path\n", METADATA: metadata})


def built(place: Path, style: Style, **more: Any) -> Path:
    dataset = write_tree(place, FILES)
    build(dataset, style=style, now=NOW, **more)
    return dataset


def test_both_styles_record_the_same(tmp_path: Path) -> None:
    """Files, containers, codes, sizes, counts and exclusions are equal."""
    options = {"containers": ["plates/p1"], "excluded": ["*.tmp"], "manifest_file": True}
    records = [
        read_record(built(tmp_path / style, style, **options))[1].manifest for style in Style
    ]

    assert records[0] == records[1]
    assert [tree.path for tree in records[0].containers] == ["images/a.zarr/", "plates/p1/"]
    assert records[0].recipe.excluded == ("*.tmp",)


def test_a_table_adds_no_entity_for_files_containers_or_codes(tmp_path: Path) -> None:
    """A new crate has its descriptor, its root, its licence and its profile."""
    dataset = built(tmp_path / "study", Style.TABLE, licence="CC0-1.0")

    assert list(graph_of(dataset)) == [
        METADATA,
        "./",
        "https://spdx.org/licenses/CC0-1.0",
        "https://w3id.org/bio-codes/ro-crate/0.1",
    ]


@pytest.mark.parametrize("style", Style)
def test_a_crate_verifies_and_validates_in_either_style(tmp_path: Path, style: Style) -> None:
    """As a folder, and as a zip."""
    dataset = built(tmp_path / "study", style, containers=["plates/p1"])
    build(dataset, tmp_path / "study.zip")

    for crate in (dataset, tmp_path / "study.zip"):
        report = verify(crate, thoroughness=Thoroughness.FULL)
        assert report.verdict is Verdict.VALID
        assert report.not_checked == ("metadata",)
        assert validate(crate).verdict is Verdict.VALID


@pytest.mark.parametrize("style", Style)
def test_a_second_build_changes_nothing(tmp_path: Path, style: Style) -> None:
    """The style stays what it is without being asked for, and so do asked-for containers."""
    dataset = built(tmp_path / "study", style, containers=["plates/p1"], excluded=["*.tmp"])
    before = {name: (dataset / name).read_bytes() for name in (METADATA, MANIFEST)}

    assert build(dataset).changes == ()
    assert {name: (dataset / name).read_bytes() for name in before} == before


def test_there_and_back_again_says_the_same(tmp_path: Path) -> None:
    """From graph to table and back every entity and every value is there again."""
    dataset = built(tmp_path / "study", Style.GRAPH, containers=["plates/p1"], excluded=["*.tmp"])
    before = graph_of(dataset)

    build(dataset, style=Style.TABLE, now=NOW)
    table = graph_of(dataset)
    build(dataset, style=Style.GRAPH, now=NOW)
    after = graph_of(dataset)

    assert "#treehash" not in table
    assert after.keys() == before.keys()
    for entity_id, entity in before.items():
        assert {k: _sorted(v) for k, v in after[entity_id].items()} == {
            k: _sorted(v) for k, v in entity.items()
        }


def _sorted(value: Any) -> Any:
    return sorted(map(json.dumps, value)) if isinstance(value, list) else value


def test_what_others_point_to_stays_described(tmp_path: Path) -> None:
    """A step that made a file keeps the file; what others say of a file keeps it, too."""
    dataset = built(tmp_path / "study", Style.GRAPH)
    document = json.loads((dataset / METADATA).read_text("utf-8"))
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    entities["empty.txt"]["description"] = "Nothing, on purpose."
    document["@graph"].append(
        {"@id": "#step", "@type": "CreateAction", "result": {"@id": "raw/cell%201.tif"}}
    )
    (dataset / METADATA).write_text(json.dumps(document), "utf-8")

    build(dataset, style=Style.TABLE)

    files = {i: e for i, e in graph_of(dataset).items() if e["@type"] == "File"}
    assert files.keys() == {"empty.txt", "raw/cell%201.tif"}
    assert all(e["identifier"].startswith("ISCC:K4A") and e["datahash"] for e in files.values())
    assert validate(dataset).verdict is Verdict.VALID
    assert verify(dataset).verdict is Verdict.VALID


# --- the BioImage Archive ----------------------------------------------------------------------


def test_a_crate_of_the_bioimage_archive_gets_a_table(tmp_path: Path) -> None:
    """Known by the type of its root: it gains literals, and no entity."""
    dataset = bia_crate(tmp_path / "study")
    before = graph_of(dataset)

    build(dataset)

    after = graph_of(dataset)
    assert list(after) == list(before)
    gained = after["./"].keys() - before["./"].keys()
    assert gained == {
        "identifier",
        "treehash",
        "contentSize",
        "fileCount",
        "conformsTo",
        "recipeVersion",
        "codeLevel",
        "generator",
        "manifestDatahash",
        "manifestSchema",
    }
    literals = {key: after["./"][key] for key in gained - {"conformsTo"}}
    assert all(isinstance(value, str | int) for value in literals.values())
    assert after["file_list.tsv"]["@type"] == ["File", "bia:FileList", "csvw:Table"]
    assert verify(dataset).verdict is Verdict.VALID
    assert validate(dataset).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "root",
    [
        {
            "@type": "Dataset",
            "conformsTo": {"@id": "https://w3id.org/bia/ro-crate/profile/bia-submission/1.0"},
        },
        {"@type": ["Dataset", "http://bia/Study"]},
    ],
    ids=["profile", "full type"],
)
def test_the_bioimage_archive_is_known_by_profile_or_type(
    tmp_path: Path, root: dict[str, Any]
) -> None:
    """A declared profile is enough, and stays beside ours."""
    dataset = bia_crate(tmp_path / "study", root)

    build(dataset)

    assert "treehash" in graph_of(dataset)["./"]
    declared = graph_of(dataset)["./"]["conformsTo"]
    if "conformsTo" in root:
        assert declared[0] == root["conformsTo"]


def test_a_prefix_of_that_name_for_something_else_is_no_bioimage_archive(tmp_path: Path) -> None:
    """What `bia:` means is what the context says."""
    dataset = bia_crate(tmp_path / "study")
    text = (dataset / METADATA).read_text("utf-8").replace("http://bia/", "https://e.org/bia#")
    (dataset / METADATA).write_text(text, "utf-8")

    build(dataset)

    assert "#treehash" in graph_of(dataset)


def test_the_style_that_is_asked_for_wins(tmp_path: Path) -> None:
    """Nobody is held to the table."""
    dataset = bia_crate(tmp_path / "study")

    build(dataset, style=Style.GRAPH)

    assert "#treehash" in graph_of(dataset)
    assert verify(dataset).verdict is Verdict.VALID


# --- tampering ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "findings"),
    [
        (lambda d: (d / "raw/cell 1.tif").write_bytes(b"PIXELS"), {"bytes.changed"}),
        (lambda d: (d / "images/a.zarr/c/0/0").unlink(), {"bytes.missing"}),
        (lambda d: (d / "images/a.zarr/c/0/1").write_bytes(b"x"), {"bytes.extra"}),
        (lambda d: shutil.move(d / "empty.txt", d / "raw/empty.txt"), {"bytes.moved"}),
        (lambda d: (d / MANIFEST).unlink(), {"bytes.missing"}),
        (
            lambda d: (d / MANIFEST).write_bytes(
                b"".join(
                    line
                    for line in (d / MANIFEST).read_bytes().splitlines(keepends=True)
                    if not line.startswith(b"images/a.zarr/\t")
                )
            ),
            {"bytes.changed"},
        ),
        (
            lambda d: (d / METADATA).write_text(
                (d / METADATA)
                .read_text("utf-8")
                .replace('"treehash": "1e20', '"treehash": "1e2000')
            ),
            {"fixity.malformed", "tree.changed"},
        ),
    ],
    ids=["changed", "missing", "extra", "moved", "no list", "cut list", "treehash"],
)
def test_damage_to_a_table_crate_is_found(tmp_path: Path, damage: Any, findings: set[str]) -> None:
    """As in the graph style, and named alike."""
    dataset = built(tmp_path / "study", Style.TABLE)

    damage(dataset)

    report = verify(dataset)
    assert report.verdict is Verdict.INVALID
    found = {finding.id for finding in report.findings}
    assert found - {"path.portability"} <= findings  # one of the names ends a line


def test_a_file_that_only_the_list_hides_is_found(tmp_path: Path) -> None:
    """Who edits the list and its datahash still has the treehash against them."""
    dataset = built(tmp_path / "study", Style.TABLE)
    lines = (dataset / MANIFEST).read_bytes().splitlines(keepends=True)
    (dataset / MANIFEST).write_bytes(b"".join(x for x in lines if not x.startswith(b"empty.txt")))
    (dataset / "empty.txt").unlink()
    listed = build(shutil.copytree(dataset, tmp_path / "again"), now=NOW).metadata.decode()
    forged = json.loads(listed)["@graph"][1]["manifestDatahash"]
    document = json.loads((dataset / METADATA).read_text("utf-8"))
    document["@graph"][1]["manifestDatahash"] = forged
    (dataset / METADATA).write_text(json.dumps(document), "utf-8")

    report = verify(dataset)

    assert report.verdict is Verdict.INVALID


# --- the manifest file as a table for others ---------------------------------------------------


def test_csvw_readers_understand_the_manifest_file(tmp_path: Path) -> None:
    """The `csvw` package reads every row by the description that the crate names."""
    dataset = write_tree(tmp_path / "study", {k: v for k, v in FILES.items() if "\t" not in k})
    build(dataset, style=Style.TABLE)
    described = graph_of(dataset)["./"]["manifestSchema"]
    schema = schemas_folder() / described.rpartition("/")[2]
    description = shutil.copy(schema, dataset / f"{MANIFEST}-metadata.json")

    rows = list(csvw.Table.from_file(description).iterdicts(strict=True))

    assert json.loads(schema.read_text("utf-8"))["@id"] == described
    assert [row["path"] for row in rows] == [
        line.split("\t")[0] for line in (dataset / MANIFEST).read_text("utf-8").splitlines()[1:]
    ]
    sizes = {row["path"]: row["size"] for row in rows}
    assert sizes["raw/cell 1.tif"] == 6
    members = [content for path, content in FILES.items() if path.startswith("images/a.zarr/")]
    assert sizes["images/a.zarr/"] == sum(map(len, members))
