"""A build after a change: codes follow the bytes, what others wrote stays, our own goes."""

import json
from pathlib import Path
from typing import Any

import pytest
from build_lossless import compare
from build_support import (
    DAYS_LATER,
    MANIFEST,
    METADATA,
    NOW,
    PLAIN,
    ZARR,
    Entity,
    graph_of,
    ids_in,
    metadata_bytes,
    write_tree,
)

from crate_iscc import Verdict, build, fingerprint, verify


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset with a crate that was built a while ago."""
    folder = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    build(folder, now=NOW)
    return folder


def _edit(dataset: Path, entity_id: str, *more: Entity, **changes: Any) -> None:
    """Change the metadata as another tool would: set properties, add entities."""
    value = json.loads(metadata_bytes(dataset))
    (entity,) = (entity for entity in value["@graph"] if entity["@id"] == entity_id)
    entity.update(changes)
    value["@graph"].extend(more)
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    (dataset / METADATA).write_text(text, encoding="utf-8")


CELL = "raw/cell%201.tif"


def test_a_changed_file_gets_new_codes_and_nothing_else_changes(dataset: Path) -> None:
    """Its size and codes, those of the root, and the time of the fingerprint; no more."""
    before = metadata_bytes(dataset)

    (dataset / "raw/cell 1.tif").write_bytes(b"another content")
    build(dataset, now=DAYS_LATER)

    changed = [text.partition(":")[0] for text in compare(before, metadata_bytes(dataset)).lost]
    assert sorted(changed) == sorted(
        [
            "@graph[./]/contentSize",
            "@graph[#iscc-sum]/value",
            "@graph[#treehash]/value",
            f"@graph[{CELL}]/contentSize",
            f"@graph[{CELL}]/identifier",
            f"@graph[{CELL}]/datahash",
            f"@graph[{MANIFEST}]/identifier",
            f"@graph[{MANIFEST}]/contentSize",
            f"@graph[{MANIFEST}]/datahash",
            "@graph[#crate-iscc-fingerprint]/endTime",
        ]
    )
    (file,) = (f for f in fingerprint(dataset).files if f.path == "raw/cell 1.tif")
    entity = graph_of(dataset)[CELL]
    assert entity["identifier"] == file.fingerprint.iscc()
    assert entity["datahash"] == file.fingerprint.datahash
    assert entity["contentSize"] == "15"
    assert verify(dataset).verdict is Verdict.VALID


def test_a_changed_chunk_gives_its_container_new_codes(dataset: Path) -> None:
    """Both codes of the Zarr and of the root change, and the line in the manifest."""
    before = graph_of(dataset)

    (dataset / "cell.zarr/0/0.0").write_bytes(b"\x01" * 64)
    build(dataset)

    after = graph_of(dataset)
    values = ["#iscc-sum", "#treehash", "#iscc-sum-cell.zarr/", "#treehash-cell.zarr/"]
    assert all(before[key]["value"] != after[key]["value"] for key in values)
    assert verify(dataset).verdict is Verdict.VALID


DOI = "https://doi.org/10.1234/cell"


@pytest.mark.parametrize(
    "identifier",
    [DOI, {"@id": DOI}, [DOI, "EMPIAR-10000"], [{"@id": DOI}, {"@id": "#accession"}]],
    ids=["a DOI", "a reference", "two texts", "two references"],
)
def test_other_identifiers_of_a_changed_file_stay(dataset: Path, identifier: Any) -> None:
    """They keep their place and their form; one ISCC-SUM stands behind them."""
    _edit(dataset, CELL, identifier=identifier)

    (dataset / "raw/cell 1.tif").write_bytes(b"one")
    build(dataset)
    (dataset / "raw/cell 1.tif").write_bytes(b"two")
    build(dataset)

    given = identifier if isinstance(identifier, list) else [identifier]
    found = graph_of(dataset)[CELL]["identifier"]
    assert found[:-1] == given
    assert found[-1].startswith("ISCC:K4A")
    assert verify(dataset).verdict is Verdict.VALID


def test_isccs_of_other_kinds_stay_with_a_changed_file(dataset: Path) -> None:
    """A persistent ISCC-ID and an Image-Code are not computed from bytes alone."""
    others = ["ISCC:MAIGJZPLQXO4QAAB", "ISCC:EEA4GQZQTY6J5DTH"]
    _edit(dataset, CELL, identifier=others)

    (dataset / "raw/cell 1.tif").write_bytes(b"changed")
    build(dataset)

    assert graph_of(dataset)[CELL]["identifier"][:2] == others


def test_units_and_narrow_codes_stay_while_they_hold_and_go_when_they_do_not(
    dataset: Path,
) -> None:
    """No code of earlier bytes is left; one of these bytes is not thrown away."""
    (known,) = (f.fingerprint for f in fingerprint(dataset).files if f.path == "raw/cell 1.tif")
    narrow = known.iscc(wide=False)
    _edit(dataset, CELL, identifier=[narrow, DOI])

    build(dataset)
    while_they_hold = graph_of(dataset)[CELL]["identifier"]
    (dataset / "raw/cell 1.tif").write_bytes(b"changed")
    build(dataset)
    when_they_do_not = graph_of(dataset)[CELL]["identifier"]

    assert while_they_hold == [narrow, DOI, known.iscc()]
    assert when_they_do_not[0] == DOI
    assert len(when_they_do_not) == 2
    assert verify(dataset).verdict is Verdict.VALID


def test_an_iscc_sum_in_a_property_value_follows_the_bytes(dataset: Path) -> None:
    """Other tools write the code as an entity of its own; it is brought up to date."""
    old = graph_of(dataset)[CELL]["identifier"]
    entity = {"@id": "#pv", "@type": "PropertyValue", "propertyID": "ISCC", "value": old}
    _edit(dataset, CELL, entity, identifier=[{"@id": "#pv"}])

    (dataset / "raw/cell 1.tif").write_bytes(b"changed")
    build(dataset)

    graph = graph_of(dataset)
    assert graph["#pv"]["value"] == graph[CELL]["identifier"][1] != old
    assert verify(dataset).verdict is Verdict.VALID


def test_a_code_that_others_gave_another_meaning_is_not_touched(dataset: Path) -> None:
    """A PropertyValue with a propertyID of its own is not the ISCC-SUM of the payload."""
    code = graph_of(dataset)[CELL]["identifier"]
    theirs = {
        "@id": "#theirs",
        "@type": "PropertyValue",
        "propertyID": "https://example.org/terms#thumbnail-iscc",
        "value": code,
    }
    identifiers = graph_of(dataset)["./"]["identifier"]
    _edit(dataset, "./", theirs, identifier=[*identifiers, {"@id": "#theirs"}])

    (dataset / "empty.txt").write_bytes(b"changed")
    build(dataset)

    assert graph_of(dataset)["#theirs"] == theirs


def test_a_new_file_is_added_and_linked(dataset: Path) -> None:
    """The others keep their place in the file; nothing of before is lost."""
    before = list(graph_of(dataset))

    (dataset / "raw/cell 0.tif").write_bytes(b"new")
    build(dataset)

    after = list(graph_of(dataset))
    assert after == [*before, "raw/cell%200.tif"]
    assert "raw/cell%200.tif" in ids_in(graph_of(dataset)["./"]["hasPart"])


def test_our_own_entity_of_a_deleted_file_goes(dataset: Path) -> None:
    """With it goes the link to it; there is nothing to note."""
    (dataset / "raw/cell 1.tif").unlink()

    plan = build(dataset)

    assert CELL not in graph_of(dataset)
    assert CELL.encode() not in metadata_bytes(dataset)
    assert plan.notes == ()
    assert verify(dataset).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "changes",
    [{"author": "Ada"}, {"@type": ["File", "ImageObject"]}, {"identifier": [DOI]}],
    ids=["a property", "a type", "an identifier"],
)
def test_what_others_wrote_about_a_deleted_file_stays_with_a_note(
    dataset: Path, changes: dict[str, Any]
) -> None:
    """It is not ours to remove; the note names the path."""
    _edit(dataset, CELL, **changes)
    before = graph_of(dataset)[CELL]

    (dataset / "raw/cell 1.tif").unlink()
    plan = build(dataset)

    assert graph_of(dataset)[CELL] == before
    assert CELL in ids_in(graph_of(dataset)["./"]["hasPart"])
    (note,) = plan.notes
    assert (note.id, note.path) == ("build.not-on-disk", "raw/cell 1.tif")


def test_a_file_that_never_was_there_is_noted_and_its_entity_kept(tmp_path: Path) -> None:
    """A crate may describe what it does not hold."""
    dataset = write_tree(
        tmp_path / "study",
        {
            "a.txt": b"a",
            METADATA: b'{"@context": "https://w3id.org/ro/crate/1.3/context", "@graph": ['
            b'{"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},'
            b'{"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "gone.tif"}]},'
            b'{"@id": "gone.tif", "@type": "File", "contentSize": "5"}]}',
        },
    )

    plan = build(dataset)

    assert graph_of(dataset)["gone.tif"] == {
        "@id": "gone.tif",
        "@type": "File",
        "contentSize": "5",
    }
    assert ("build.not-on-disk", "gone.tif") in {(note.id, note.path) for note in plan.notes}


def test_a_renamed_file_is_described_under_its_new_name(dataset: Path) -> None:
    """The old entity goes, a new one comes, and the crate verifies."""
    before = graph_of(dataset)[CELL]

    (dataset / "raw/cell 1.tif").rename(dataset / "raw/renamed.tif")
    build(dataset)

    graph = graph_of(dataset)
    assert CELL not in graph
    assert graph["raw/renamed.tif"]["datahash"] == before["datahash"]
    assert verify(dataset).verdict is Verdict.VALID


def test_damaged_codes_are_put_right(dataset: Path) -> None:
    """A build records what is there, whatever stood in the places of the codes."""
    _edit(
        dataset,
        CELL,
        identifier=["ISCC:K4AXX", DOI, "ISCC:K4AXX"],
        datahash="1e20",
        contentSize="minus one",
    )

    build(dataset)

    entity = graph_of(dataset)[CELL]
    assert entity["identifier"][0] == DOI
    assert len(entity["identifier"]) == 2
    assert verify(dataset).verdict is Verdict.VALID


def test_codes_that_ro_crate_py_lost_the_context_of_are_found_again(dataset: Path) -> None:
    """Without our terms in the context nothing is written twice; the terms come back."""
    value = json.loads(metadata_bytes(dataset))
    value["@context"] = value["@context"][0]
    (dataset / METADATA).write_text(json.dumps(value), encoding="utf-8")

    build(dataset)

    entity = graph_of(dataset)[CELL]
    assert [key for key in entity if "datahash" in key] == ["datahash"]
    assert "datahash" in json.loads(metadata_bytes(dataset))["@context"][1]
    assert verify(dataset).verdict is Verdict.VALID


def test_a_file_that_grows_into_a_folder_is_described_as_what_it_is_now(dataset: Path) -> None:
    """The entity of the file goes; what is below the folder comes."""
    (dataset / "empty.txt").unlink()
    write_tree(dataset, {"empty.txt/inside.txt": b"x"})

    build(dataset)

    graph = graph_of(dataset)
    assert "empty.txt" not in graph
    assert "empty.txt/inside.txt" in graph
    assert verify(dataset).verdict is Verdict.VALID


def test_a_change_back_leads_back_to_the_same_codes(dataset: Path) -> None:
    """Nothing of the detour stays but the time of the last fingerprint."""
    before = metadata_bytes(dataset)
    content = (dataset / "raw/cell 1.tif").read_bytes()

    (dataset / "raw/cell 1.tif").write_bytes(b"detour")
    build(dataset, now=DAYS_LATER)
    (dataset / "raw/cell 1.tif").write_bytes(content)
    build(dataset, now=NOW)

    assert metadata_bytes(dataset) == before
