"""What is odd about names, archive or metadata is said by build, and refused where it must be."""

import json
import zipfile
from pathlib import Path

import pytest
from build_support import METADATA, crate_iscc, write_tree

from crate_iscc import InputError, Severity, Verdict, build, plan_build, verify
from crate_iscc.building.plan import BuildPlan, remarks_on
from crate_iscc.crate.write import new_crate
from crate_iscc.entries import EntryTable
from crate_iscc.fingerprinting.tree import Payload
from crate_iscc.report import Finding
from crate_iscc.sources import Listing


def notes_of(plan: BuildPlan) -> set[tuple[str, str | None]]:
    """Return what is said beside the defaults that were filled in."""
    return {(note.id, note.path) for note in plan.notes if note.severity is not Severity.INFO}


def test_names_that_other_systems_cannot_keep_are_noted(tmp_path: Path) -> None:
    """They are recorded as they are: here they are names like others."""
    dataset = write_tree(tmp_path / "study", {"a:b": b"1", "Cell": b"2", "cell": b"3", "ok": b"4"})

    plan = build(dataset)

    assert notes_of(plan) == {("path.portability", "a:b"), ("path.collision", "cell")}
    assert verify(dataset).verdict is Verdict.VALID


def test_a_name_with_a_backslash_comes_through_a_zip(tmp_path: Path) -> None:
    """It is a name like others on this system, and only remarked."""
    dataset = write_tree(tmp_path / "study", {"back\\slash.txt": b"1", "a": b"2"})

    build(dataset, tmp_path / "x.zip")

    report = verify(tmp_path / "x.zip")
    assert report.verdict is Verdict.VALID
    assert {(f.id, f.path) for f in report.findings} == {("path.portability", "back\\slash.txt")}


@pytest.mark.parametrize("name", ["..\\x", "a\\..\\..\\x", "\\x", "\\\\host\\x", "C:\\x", "c:/x"])
def test_a_name_that_leads_out_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """A crate that nobody could unpack in safety is not made; without the file it is."""
    dataset = write_tree(tmp_path / "study", {name: b"1", "a": b"2"})

    with pytest.raises(InputError, match="lead out of the crate elsewhere") as caught:
        build(dataset)

    assert caught.value.hint is not None
    assert not (dataset / METADATA).exists()
    build(dataset, excluded=["*x"])
    assert verify(dataset).verdict is Verdict.VALID


def test_what_is_odd_about_an_archive_is_noted(tmp_path: Path) -> None:
    """The new archive is without it."""
    place = tmp_path / "old.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("data//a.txt", b"a")
        archive.writestr("b.txt", b"b")
    place.write_bytes(b"#!/bin/sh\n" + place.read_bytes())

    plan = build(place, tmp_path / "new.zip")

    assert notes_of(plan) == {("zip.uncovered", None)}
    assert [file.path for file in plan.manifest.files] == ["b.txt", "data/a.txt"]
    assert verify(tmp_path / "new.zip").findings == ()


@pytest.mark.parametrize("names", [("../x",), ("/x",), ("..\\x",), ("x", "x"), ("x", ".//x")])
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_nothing_is_built_on_an_archive_with_unsafe_or_doubled_names(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Each of them is named, and nothing is written."""
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for name in ("a.txt", *names):
            archive.writestr(name, b"1")

    ran = crate_iscc(
        "build", tmp_path / "old.zip", "-o", tmp_path / "new.zip", home=tmp_path, expect=3
    )

    assert "  unread  " in ran.stderr
    assert not (tmp_path / "new.zip").exists()


def test_nothing_is_built_on_a_source_with_an_error_of_its_own() -> None:
    """What a source says of itself as a whole weighs as much as what it says of a member."""
    nothing = Payload(EntryTable.of(()), (), ())
    warning, error = Finding("zip.uncovered", "9 bytes"), Finding("zip.overlap", "9 bytes")

    assert remarks_on(new_crate(), Listing(remarks=(warning,)), nothing) == (warning,)
    with pytest.raises(InputError, match="9 bytes"):
        remarks_on(new_crate(), Listing(remarks=(warning, error)), nothing)


def test_what_is_odd_about_metadata_is_noted_and_kept(tmp_path: Path) -> None:
    """Other people's entities stay as they are; that they are odd is said each time."""
    odd = [
        "text",
        {"@id": "../x", "@type": "File"},
        {"@id": "#p", "@type": "Person"},
        {"@id": "#p", "@type": "Person"},
        {"@id": "https://example.org/y", "@type": "File"},
    ]
    graph = [
        {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset"},
        *odd,
    ]
    metadata = json.dumps({"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph})
    dataset = write_tree(tmp_path / "study", {METADATA: metadata.encode(), "a": b"1"})

    first, again = build(dataset), plan_build(dataset)

    assert (
        notes_of(first)
        == notes_of(again)
        == {
            ("metadata.malformed", None),
            ("path.unsafe", None),
            ("metadata.duplicate-id", None),
        }
    )
    kept = json.loads((dataset / METADATA).read_text("utf-8"))["@graph"]
    assert all(entity in kept for entity in odd)
    assert again.changes == ()
